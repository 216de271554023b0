/* paths.c: file names as short as they can be and still tell two files apart.
 *
 * Owns the sorted list of a profile's source files.  Opens no file: a path is only text here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/vec.h"
#include "output/words.h"

/* What names no file of the disk, as node:internal/timers, stays whole. */
static const char *base_name(const char *file)
{
	const char *slash = strrchr(file, '/');

	if (str_starts(file, "node:") || *file == '<')
		return file;
	return slash && slash[1] ? slash + 1 : file;
}

static int compare_files(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	int r = strcmp(base_name(x), base_name(y));

	return r ? r : strcmp(x, y);
}

struct files {
	const char **items;
	size_t count;
	size_t room;
	const char *last; /* neighbours are often in one file, and the list is sorted as a whole */
};

static int add_file(struct files *files, const char *file)
{
	if (!*file || (files->last && strcmp(file, files->last) == 0))
		return 0;
	files->last = file;
	return vec_add(files, file);
}

static int add_files(struct files *files, const struct profile *p)
{
	int r = 0;

	for (size_t i = 0; i < p->n_stacks; i++)
		for (size_t k = 0; k < p->stacks[i].n_frames && r == 0; k++)
			r = add_file(files, p->stacks[i].frames[k].file);
	for (size_t i = 0; i < p->n_task_lists; i++)
		for (size_t t = 0; t < p->task_lists[i].n_tasks; t++) {
			const struct task *task = &p->task_lists[i].tasks[t];

			for (size_t k = 0; k < task->n_awaits && r == 0; k++)
				r = add_file(files, task->awaits[k].file);
		}
	return r;
}

int paths_init(struct paths *paths, const struct profile *p)
{
	struct files files = { 0 };
	size_t kept = 0;

	if (add_files(&files, p) < 0) {
		vec_release(&files);
		return -ENOMEM;
	}
	if (files.count)
		qsort(files.items, files.count, sizeof(*files.items), compare_files);
	for (size_t i = 0; i < files.count; i++)
		if (kept == 0 || strcmp(files.items[kept - 1], files.items[i]) != 0)
			files.items[kept++] = files.items[i];
	paths->files = files.items;
	paths->count = kept;
	return 0;
}

void paths_release(struct paths *paths)
{
	free(paths->files);
	*paths = (struct paths){ 0 };
}

static int compare_base(const void *key, const void *item)
{
	return strcmp(key, base_name(*(const char *const *)item));
}

/* More than one file of this base name: a neighbour in the list has it too. */
static bool is_shared(const struct paths *paths, const char *base)
{
	const char **hit, **end;

	if (!paths || !paths->count)
		return false;
	end = paths->files + paths->count;
	hit = bsearch(base, paths->files, paths->count, sizeof(*paths->files), compare_base);
	return hit && ((hit > paths->files && compare_base(base, hit - 1) == 0) ||
		       (hit + 1 < end && compare_base(base, hit + 1) == 0));
}

const char *path_short(const struct paths *paths, const char *file)
{
	const char *base = base_name(file);
	const char *start = base;

	if (base == file)
		return file;
	if (strcmp(base, "__init__.py") != 0 && strcmp(base, "__main__.py") != 0 &&
	    !is_shared(paths, base))
		return base;
	for (start--; start > file && start[-1] != '/'; start--)
		;
	return start;
}
