/* golden_writers.c: prints every fixture through every writer.
 *
 * Without arguments: the list of "FIXTURE FORMAT" pairs; with such a pair: what that writer makes
 * of it. Forms that are not in the table come last: the stall lines, text with -v, the tree.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "output/schema.h"
#include "output/stall_line.h"
#include "output/writer.h"
#include "tests/golden/fixtures.h"

static int lines_write(const struct profile *p, const struct writer_opts *o, FILE *f)
{
	cleanup(str_releasep) struct str s = { 0 };

	for (size_t i = 0; i < p->n_stalls; i++)
		if (stall_line(&s, p, &p->stalls[i], o->verbose) < 0)
			return -ENOMEM;
	fputs(str_text(&s), f);
	return 0;
}

static int verbose_write(const struct profile *p, const struct writer_opts *o, FILE *f)
{
	struct writer_opts verbose = *o;

	verbose.verbose = true;
	return text_write(p, &verbose, f);
}

static int tree_write(const struct profile *p, const struct writer_opts *o, FILE *f)
{
	struct writer_opts tree = *o;

	tree.tree = true;
	return text_write(p, &tree, f);
}

static const struct writer more[] = {
	{ .name = "lines", .write = lines_write },
	{ .name = "verbose", .write = verbose_write },
	{ .name = "tree", .write = tree_write },
};

static const struct writer *next_form(const struct writer *w)
{
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		if (w == &more[i])
			return i + 1 < sizeof(more) / sizeof(more[0]) ? w + 1 : NULL;
	w = writer_next(w);
	return w ? w : &more[0];
}

int main(int argc, char **argv)
{
	const struct writer_opts opts = { 0 };
	const struct profile *p;

	if (argc == 1) {
		for (unsigned i = 0; fixture_name(i); i++)
			for (const struct writer *w = NULL; (w = next_form(w));)
				if (w->write != tree_write ||
				    fixture_find(fixture_name(i))->n_task_lists)
					printf("%s %s\n", fixture_name(i), w->name);
		printf("- schema\n");
		return 0;
	}
	if (argc == 3 && strcmp(argv[2], "schema") == 0)
		return fputs(schema_text(), stdout) < 0;
	p = argc == 3 ? fixture_find(argv[1]) : NULL;
	for (const struct writer *w = NULL; p && (w = next_form(w));)
		if (strcmp(w->name, argv[2]) == 0)
			return w->write(p, &opts, stdout) < 0;
	fprintf(stderr, "usage: %s [FIXTURE FORMAT]\n", argv[0]);
	return 2;
}
