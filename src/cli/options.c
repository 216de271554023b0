/* options.c: see options.h. */
#include "cli/options.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/duration.h"

int ids_parse(const char *text, struct ids *list)
{
	size_t before = list->count;
	int r = 0;

	for (;;) {
		size_t n = strspn(text, "0123456789");
		long id = 0;

		for (size_t i = 0; i < n && id <= INT_MAX; i++)
			id = id * 10 + (text[i] - '0');
		if (id > INT_MAX)
			r = -ERANGE;
		else if (id == 0 || (text[n] && text[n] != ','))
			r = -EINVAL;
		else
			r = vec_add(list, id);
		if (r < 0 || !text[n])
			break;
		text += n + 1;
	}
	if (r < 0)
		list->count = before;
	return r;
}

static int set_flag(void *value, const char *text)
{
	(void)text;
	*(bool *)value = true;
	return 0;
}

static int set_time(void *value, const char *text)
{
	uint64_t ns;
	int r = duration_parse(text, &ns);

	if (r < 0)
		return r;
	if (ns == 0)
		return -EINVAL;
	*(uint64_t *)value = ns;
	return 0;
}

static int set_text(void *value, const char *text)
{
	if (!*text)
		return -EINVAL;
	*(const char **)value = text;
	return 0;
}

static int add_text(void *value, const char *text)
{
	return *text ? vec_add((struct texts *)value, text) : -EINVAL;
}

static int add_ids(void *value, const char *text)
{
	return ids_parse(text, value);
}

static void release_texts(void *value)
{
	vec_release((struct texts *)value);
}

static void release_ids(void *value)
{
	vec_release((struct ids *)value);
}

static const struct kind {
	int (*set)(void *value, const char *text);
	void (*release)(void *value);
	const char *expects; /* completes "--name VALUE: " */
} kinds[OPT_KIND_COUNT] = {
	[OPT_FLAG] = { set_flag, NULL, NULL },
	[OPT_TIME] = { set_time, NULL,
		       "not a TIME: give a number over 0 with ns us ms s m h, such as 30s or "
		       "1.5ms" },
	[OPT_TEXT] = { set_text, NULL, "empty: leave the option out or give it a value" },
	[OPT_TEXTS] = { add_text, release_texts, "empty: leave the option out or give it a value" },
	[OPT_IDS] = { add_ids, release_ids,
		      "not a list of ids: give positive numbers with commas between, such as "
		      "42,43" },
};

void operands_release(struct operands *o)
{
	vec_release(&o->words);
}

void options_release(const struct opt *rows, void *values)
{
	for (const struct opt *o = rows; o->name; o++)
		if (kinds[o->kind].release)
			kinds[o->kind].release((char *)values + o->offset);
}

static const char *next_name(const void *ctx, size_t i)
{
	return ((const struct opt *)ctx)[i].name;
}

struct parser {
	const struct opt *rows;
	void *values;
	char *const *next; /* first argument not yet used */
	struct str *why;
};

/* `spelled` is the option as the user wrote it: "-p" or "--pid". */
static int apply(struct parser *p, const struct opt *o, const char *spelled, const char *value)
{
	int r;

	if (o->kind == OPT_ELSEWHERE) {
		str_printf(p->why, "%s: %s", spelled, o->help);
		return -EINVAL;
	}
	if (o->kind != OPT_FLAG && !value) {
		value = *p->next;
		if (!value || strcmp(value, "--") == 0) {
			str_printf(p->why, "%s: needs a value: write %s %s", spelled, spelled,
				   o->arg);
			return -EINVAL;
		}
		p->next++;
	}
	r = kinds[o->kind].set((char *)p->values + o->offset, value);
	if (r == -EINVAL || r == -ERANGE) {
		str_printf(p->why, "%s %s: %s", spelled, value,
			   r == -ERANGE ? "too large: give a smaller number"
					: kinds[o->kind].expects);
		return -EINVAL;
	}
	return r;
}

static int parse_long(struct parser *p, const char *arg)
{
	const char *equals = strchr(arg, '='), *meant;
	size_t len = equals ? (size_t)(equals - arg) : strlen(arg);
	cleanup(str_releasep) struct str name = { 0 };

	if (str_add_mem(&name, arg, len) < 0)
		return -ENOMEM;
	if (!equals && strcmp(arg + 2, "help") == 0)
		return 1;
	for (const struct opt *o = p->rows; o->name; o++) {
		if (strcmp(o->name, name.text + 2) != 0)
			continue;
		if (equals && o->kind == OPT_FLAG) {
			str_printf(p->why, "%s: takes no value: write %s alone", arg, name.text);
			return -EINVAL;
		}
		return apply(p, o, name.text, equals ? equals + 1 : NULL);
	}
	meant = nearest(name.text + 2, next_name, p->rows);
	if (meant)
		str_printf(p->why, "%s: unknown option: did you mean --%s?", name.text, meant);
	else
		str_printf(p->why, "%s: unknown option: --help lists those there are", name.text);
	return -EINVAL;
}

/* "-qv" is "-q -v"; the first letter that takes a value takes the rest of the word for it. */
static int parse_short(struct parser *p, const char *arg)
{
	for (const char *c = arg + 1; *c; c++) {
		char spelled[] = { '-', *c, '\0' };
		const struct opt *o = p->rows;
		int r;

		if (*c == 'h')
			return 1;
		while (o->name && o->letter != *c)
			o++;
		if (!o->name) {
			str_printf(p->why, "%s: unknown option: --help lists those there are",
				   spelled);
			return -EINVAL;
		}
		if (o->kind != OPT_FLAG)
			return apply(p, o, spelled, c[1] ? c + 1 : NULL);
		r = apply(p, o, spelled, NULL);
		if (r != 0)
			return r;
	}
	return 0;
}

int options_parse(const struct opt *rows, void *values, int argc, char *const *argv,
		  struct operands *ret_operands, struct str *ret_why)
{
	struct parser p = { rows, values, argv, ret_why };
	int r = 0;

	while (p.next < argv + argc && r == 0) {
		const char *arg = *p.next++;

		if (strcmp(arg, "--") == 0) {
			ret_operands->command = p.next;
			break;
		}
		if (str_starts(arg, "--"))
			r = parse_long(&p, arg);
		else if (arg[0] == '-' && arg[1])
			r = parse_short(&p, arg);
		else
			r = vec_add(&ret_operands->words, arg);
	}
	return r;
}
