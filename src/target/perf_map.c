/* perf_map.c: see perf_map.h. */
#include "target/perf_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "target/perf_map_table.h"
#include "target/sandbox.h"

#define DEADLINE_MS   1000
#define TIMEOUTS_MAX  3 /* of one process */
#define TIMEOUTS_ALL  8 /* of all; then no file is looked at any more */
#define LOOK_MIN_NS   100000000ull
#define LOOK_MAX_NS   1000000000ull  /* while there is a file */
#define NONE_MAX_NS   10000000000ull /* while there is none */
#define SHARE	      19	     /* times what a look took passes before the next */
#define PROCESSES_MAX 256
#define MEMORY_MAX    (256ull << 20) /* bytes of all tables */
#define BORN_SLACK_NS 100000000	     /* a process is timed in ticks, a file as coarsely */

struct who {
	int pid;
	int pad;
	uint64_t start_ticks;
};

struct perf_map {
	struct who who; /* key */
	struct perf_map_mark mark;
	struct perf_map_table table;
	uint64_t next_look, wait; /* CLOCK_MONOTONIC ns */
	unsigned int timeouts;
	bool there; /* the last look found a file */
	UT_hash_handle hh;
};

struct perf_maps {
	struct perf_map *all;
	unsigned int timeouts;
};

/* What the worker needs to know; it reads the process's folder by itself. */
struct look {
	struct perf_map_mark mark; /* first: the job's argument */
	int ns_pid;
	uid_t user;
	struct perf_map_time time;
};

int perf_maps_new(struct perf_maps **ret_maps)
{
	struct perf_maps *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	*ret_maps = m;
	return 0;
}

static void forget(struct perf_maps *m, struct perf_map *one)
{
	HASH_DEL(m->all, one);
	perf_map_table_release(&one->table);
	free(one);
}

struct perf_maps *perf_maps_free(struct perf_maps *m)
{
	if (!m)
		return NULL;
	while (m->all)
		forget(m, m->all);
	free(m);
	return NULL;
}

int perf_map_admit(const struct stat *st, uid_t user, struct perf_map_time time)
{
	int64_t written = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;

	/* A further name may stand in the place of a file that its user could not read. */
	if (!S_ISREG(st->st_mode) || st->st_nlink > 1)
		return -EINVAL;
	if (st->st_uid != user && st->st_uid != 0)
		return -EPERM;
	return written < time.from || written >= time.until ? -ESTALE : 0;
}

/* Runs in the worker.  One step at a time and never through a link, so that nothing leads out of
 * the process's root; nothing but a plain file is opened, for a pipe or a device would notice. */
static int open_map(int dir, const void *arg)
{
	const struct look *look = arg;
	_cleanup_close_ int root = openat(dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int tmp = -1, handle = -1;
	char name[64];
	struct stat st;
	int fd, r;

	if (root < 0)
		return -ESRCH;
	tmp = openat(root, "tmp", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tmp < 0)
		return -errno;
	snprintf(name, sizeof(name), "perf-%d.map", look->ns_pid);
	handle = openat(tmp, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (handle < 0 || fstat(handle, &st) < 0)
		return -errno;
	r = perf_map_admit(&st, look->user, look->time);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", handle);
	fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Containers number their processes alike each time, and may keep their /tmp; and what a process
 * executed before is gone.  A line of the first tick after an exec may count as one before. */
static int64_t believed_from(const struct process *p)
{
	return p->executed ? p->executed : process_born(p) - BORN_SLACK_NS;
}

/* 1: there was something new, 0: nothing, or why not. */
static int read_more(struct perf_map *one, const struct process *p, struct perf_map_time time)
{
	cleanup(str_releasep) struct str block = { 0 };
	struct look look = { .mark = one->mark, .ns_pid = p->ns_pid, .time = time };
	uint64_t before = one->mark.next;
	int r = process_user(p, &look.user);

	if (r == 0)
		r = sandbox_run_opened(p->dir, open_map, perf_map_block, &look, DEADLINE_MS,
				       &block);
	if (r == 0)
		r = perf_map_table_add(&one->table, &block, &one->mark);
	return r < 0 ? r : one->mark.next != before;
}

static size_t memory(const struct perf_map *one)
{
	return one->table.count * sizeof(*one->table.entries) + one->table.names.room;
}

/* Processes come and go: whose file was not looked at for longest makes room, but not `kept`. */
static void make_room(struct perf_maps *m, const struct perf_map *kept)
{
	for (;;) {
		struct perf_map *one, *oldest = NULL;
		size_t all = 0;

		for (one = m->all; one; one = one->hh.next) {
			all += memory(one);
			if (one != kept && (!oldest || one->next_look < oldest->next_look))
				oldest = one;
		}
		if (!oldest || (HASH_COUNT(m->all) <= PROCESSES_MAX && all <= MEMORY_MAX))
			return;
		forget(m, oldest);
	}
}

static int read_counted(struct perf_maps *m, struct perf_map *one, const struct process *p,
			struct perf_map_time time)
{
	int r = read_more(one, p, time);

	if (r == -ETIMEDOUT) {
		one->timeouts++;
		m->timeouts++;
	}
	return r;
}

static bool may_look(const struct perf_maps *m, const struct perf_map *one)
{
	return one->timeouts < TIMEOUTS_MAX && m->timeouts < TIMEOUTS_ALL;
}

/* The process may append to a file that is not to be believed, and then it is. */
static void read_past(struct perf_maps *m, struct perf_map *one, const struct process *p)
{
	if (may_look(m, one))
		read_counted(m, one, p, (struct perf_map_time){ INT64_MIN, believed_from(p) });
	perf_map_table_release(&one->table);
}

/* Looks at the file, and the less often the less comes of it. */
static void look_again(struct perf_maps *m, struct perf_map *one, const struct process *p)
{
	uint64_t began = now_ns(), now, most;
	int r = read_counted(m, one, p, (struct perf_map_time){ believed_from(p), INT64_MAX });

	if (r == -ESTALE)
		read_past(m, one, p);
	/* of a process that has ended, what was read stays true */
	if (r == -ENOENT || r == -EPERM || r == -EINVAL || r == -ELOOP) {
		perf_map_table_release(&one->table);
		memset(&one->mark, 0, sizeof(one->mark));
	}
	one->there = r >= 0;
	most = one->there ? LOOK_MAX_NS : NONE_MAX_NS;
	one->wait = r == 1 ? LOOK_MIN_NS : one->wait * 2 < most ? one->wait * 2 : most;
	/* a file that grows for ever gets its share and no more */
	now = now_ns();
	one->next_look = now + one->wait + (now - began) * SHARE;
	if (r == 1)
		make_room(m, one);
}

static struct perf_map *get(struct perf_maps *m, const struct process *p)
{
	const struct who who = { .pid = p->pid, .start_ticks = p->start_ticks };
	struct perf_map *one;

	map_find(m->all, &who, one);
	if (one)
		return one;
	one = calloc(1, sizeof(*one));
	if (!one)
		return NULL;
	one->who = who;
	one->wait = LOOK_MIN_NS;
	if (map_add(m->all, who, one) < 0) {
		free(one);
		return NULL;
	}
	make_room(m, one);
	return one;
}

const char *perf_maps_find(struct perf_maps *m, const struct process *p, uint64_t addr)
{
	struct perf_map *one = get(m, p);
	const char *name;
	uint64_t now;

	if (!one)
		return NULL;
	name = perf_map_table_find(&one->table, addr);
	now = now_ns();
	/* a known address may have got another function meanwhile */
	if (now < one->next_look || !may_look(m, one))
		return name;
	look_again(m, one, p);
	return perf_map_table_find(&one->table, addr);
}

void perf_maps_executed(struct perf_maps *m, const struct process *p)
{
	struct perf_map *one = get(m, p);

	if (!one)
		return;
	read_past(m, one, p);
	one->wait = LOOK_MIN_NS;
	one->next_look = 0;
}
