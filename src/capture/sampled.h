/* sampled.h: what is kept about the threads of one watched process; shared by the files that sample
 * them and nobody else.
 */
#ifndef STALLPROF_CAPTURE_SAMPLED_H
#define STALLPROF_CAPTURE_SAMPLED_H

#include "base/map.h"
#include "capture/internal.h"
#include "capture/made_sums.h"
#include "capture/thread_sums.h"

#define LISTED_MAX 4096 /* threads of one process that are looked at; more are counted as lost */

/* What was found about one thread when it was looked at last. */
struct known_thread {
	uint32_t tid;
	bool asleep; /* it was; the same number of switches now means that it slept on */
	bool info_ok;
	bool fresh; /* looked into at this moment: to be confirmed */
	bool moved; /* it ran while it was looked into */
	uint64_t switches;
	uint64_t moment; /* it was listed last */
	uint64_t polls;	 /* moment at which its loop was in its poll */
	uint64_t stack;
	uint64_t ino; /* of the file that was named last */
	struct runtime_thread info;
	UT_hash_handle hh;
};

struct pool_seen {
	uint64_t pool, moment;
	uint32_t queued;
};

struct sampled {
	struct bpf_link *list;
	uint64_t moment;
	uint32_t n_threads;
	struct known_thread *known;
	struct pool_seen pools[THREAD_POOLS_MAX];
	size_t n_pools;
	struct thread_sums sums;
	struct made_by made;
	bool made_new; /* epoll files, since they were counted */
	uint64_t count_at;
	uint64_t lost; /* of threads over LISTED_MAX */
};

/* lists.c: the kernel side's list of the threads of one process. */

/* NULL with errno set: it cannot be had. */
struct bpf_link *list_open(struct capture *c, uint32_t pid);
/* How many were written; *ret_cut: there are more.  Negative errno. */
ssize_t list_read(struct bpf_link *list, struct thread_now *ret, size_t max, bool *ret_cut);

/* made.c */
void sampled_made_open(struct watched *w);
void sampled_made_count(struct capture *c, struct watched *w, uint64_t now);
void sampled_made_tell(struct capture *c, struct watched *w);

#endif
