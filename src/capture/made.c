/* made.c: the threads and event loops that watched processes make: events and counts put together.
 */
#include "capture/sampled.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "stallprof.skel.h"

#define COUNT_PAUSE NSEC_PER_SEC
#define COUNTED_MAX 65536 /* descriptors looked at */
#define MAKING	    (10 * NSEC_PER_MSEC)

void thread_made(struct capture *c, const struct event_thread *e)
{
	struct watched *w = watched_find(c, e->head.tgid);

	if (w && w->sampled)
		made_thread(&w->sampled->made, e, stack_names(c, e->stack));
}

void epoll_made(struct capture *c, const struct event_made *e)
{
	struct watched *w = watched_find(c, e->head.tgid);

	if (!w || !w->sampled)
		return;
	made_epoll(&w->sampled->made, e, stack_names(c, e->stack));
	w->sampled->made_new = true;
}

void loop_over(struct capture *c, uint32_t tgid, uint32_t tid, uint64_t last_poll)
{
	struct watched *w = watched_find(c, tgid);

	if (w && w->sampled)
		made_epoll_over(&w->sampled->made, tid, last_poll);
}

/* Open epoll files of the process; -1: not known. */
static long epolls_open(const struct watched *w)
{
	int fd = openat(w->process->dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	long found = 0, looked = 0;
	struct dirent *d;
	char link[64];

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((d = readdir(dir)) && looked++ < COUNTED_MAX) {
		ssize_t n = readlinkat(dirfd(dir), d->d_name, link, sizeof(link) - 1);

		link[n > 0 ? n : 0] = '\0';
		found += strcmp(link, "anon_inode:[eventpoll]") == 0;
	}
	closedir(dir);
	return looked > COUNTED_MAX ? -1 : found;
}

static void count(struct capture *c, struct watched *w)
{
	struct made_by *m = &w->sampled->made;
	uint64_t now = now_ns();
	long n = epolls_open(w);

	w->sampled->made_new = false;
	if (n < 0)
		return;
	made_epolls_open(m, n);
	for (size_t i = n ? 0 : m->open.count; i > 0; i--) {
		uint32_t tid = m->open.items[i - 1].tid;

		/* It is told before it is there. */
		if (m->open.items[i - 1].at + MAKING < now)
			made_epoll_over(m, tid, loop_last_poll(c, tid));
	}
}

void sampled_made_open(struct watched *w)
{
	long n = epolls_open(w);

	if (n >= 0)
		made_epolls_open(&w->sampled->made, n);
}

void sampled_execed(struct watched *w)
{
	if (!w->sampled)
		return;
	made_execed(&w->sampled->made);
	/* What its threads were to the program before, they are not to this one. */
	w->sampled->moment++;
	known_prune(w->sampled);
}

/* Looking at every descriptor is dear where there are many: only when something was made. */
void sampled_made_count(struct capture *c, struct watched *w, uint64_t now)
{
	if (!w->sampled->made_new || now < w->sampled->count_at)
		return;
	w->sampled->count_at = now + COUNT_PAUSE;
	count(c, w);
}

void sampled_made_tell(struct capture *c, struct watched *w)
{
	uint32_t tgid = w->process->pid;
	struct made_sums sums = { 0 };
	int r;

	if (bpf_map__lookup_elem(c->skel->maps.made, &tgid, sizeof(tgid), &sums, sizeof(sums), 0) <
	    0)
		return; /* it has made nothing */
	made_total(&w->sampled->made, &sums);
	if (sums.epolls && !w->gone_at)
		count(c, w);
	r = made_tell(&w->sampled->made, tgid, c->sink);
	if (r < 0 && !c->sink_error)
		c->sink_error = r;
}
