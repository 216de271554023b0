/* process_tids.c: the threads of a process, and the processes that they started; see process.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "target/process.h"

struct numbers {
	VEC(int) list;
};

static int compare_ids(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

int process_tids(const struct process *p, int **ret_tids, size_t *ret_count)
{
	VEC(int) tids = { 0 };
	struct dirent *entry;
	DIR *dir;
	int fd, r = 0;

	fd = openat(p->dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (r == 0 && tids.count < PROCESS_TIDS_MAX && (entry = readdir(dir))) {
		int tid = atoi(entry->d_name);

		if (tid > 0)
			r = vec_add(&tids, tid);
	}
	closedir(dir);
	if (r == 0 && !tids.count)
		r = -ESRCH;
	if (r < 0) {
		vec_release(&tids);
		return r;
	}
	qsort(tids.items, tids.count, sizeof(int), compare_ids);
	*ret_tids = tids.items;
	*ret_count = tids.count;
	return 0;
}

/* The last number of the line NSpid, which is the one that the thread itself knows; 0: none. */
static int own_number(const struct process *p, int tid)
{
	char path[64], text[4096], *at, *end;
	int number = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "task/%d/status", tid);
	_cleanup_close_ int fd = openat(p->dir, path, O_RDONLY | O_CLOEXEC);

	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, "\nNSpid:");
	if (!at)
		return 0;
	for (at += strlen("\nNSpid:"); *at == ' ' || *at == '\t'; at = end) {
		long value = strtol(at, &end, 10);

		if (end == at)
			break;
		number = value > 0 && value <= INT32_MAX ? (int)value : 0;
	}
	return number;
}

int process_tid(const struct process *p, int ns_tid, int *ret_tid)
{
	_cleanup_free_ int *tids = NULL;
	size_t count;
	int r;

	if (ns_tid <= 0)
		return -ESRCH;
	if (own_number(p, ns_tid) == ns_tid) { /* one namespace, or the same number in both */
		*ret_tid = ns_tid;
		return 0;
	}
	r = process_tids(p, &tids, &count);
	for (size_t i = 0; i < count && r == 0; i++)
		if (own_number(p, tids[i]) == ns_tid) {
			*ret_tid = tids[i];
			return 0;
		}
	return r < 0 ? r : -ESRCH;
}

/* Adds the numbers that a file of /proc holds, one after the other. */
static int add_numbers(int dir, const char *path, struct numbers *to)
{
	_cleanup_close_ int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	_cleanup_fclose_ FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	int number, r = 0;

	if (!f)
		return 0;
	fd = -1; /* the stream's now */
	while (r == 0 && to->list.count < PROCESS_CHILDREN_MAX && fscanf(f, "%d", &number) == 1)
		r = number > 0 ? vec_add(&to->list, number) : 0;
	return r;
}

int process_children(const struct process *p, int **ret_pids, size_t *ret_count)
{
	_cleanup_free_ int *tids = NULL;
	struct numbers pids = { 0 };
	size_t count;
	int r = process_tids(p, &tids, &count);

	for (size_t i = 0; r == 0 && i < count; i++) {
		char path[64];

		snprintf(path, sizeof(path), "task/%d/children", tids[i]);
		r = add_numbers(p->dir, path, &pids);
	}
	if (r < 0) {
		vec_release(&pids.list);
		return r;
	}
	if (pids.list.count)
		qsort(pids.list.items, pids.list.count, sizeof(int), compare_ids);
	*ret_pids = pids.list.items;
	*ret_count = pids.list.count;
	return 0;
}
