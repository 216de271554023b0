/* process_tids.c: the thread list of a process; see process.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/vec.h"
#include "target/process.h"

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
