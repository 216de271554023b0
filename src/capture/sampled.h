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
	uint64_t info_until; /* to be asked again from then on */
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
	struct thread_sums sums;
	struct made_by made;
	bool made_new; /* epoll files, since they were counted */
	uint64_t count_at;
	uint64_t lost; /* of threads over LISTED_MAX */
};

/* Of all processes; too big for the stack. */
struct threads {
	uint64_t look_at, tell_at;
	size_t first;		   /* process to be looked at first */
	uint64_t look_until;	   /* nothing is read from then on: the ring must be drained, too */
	uint64_t list_ns, look_ns; /* CPU time of the last look */
	struct thread_now list[LISTED_MAX], again[LISTED_MAX];
	struct thread_sample samples[LISTED_MAX];
	char groups[LISTED_MAX][THREAD_GROUP_MAX];
	struct event_stack stack;
	bool told; /* that threads cannot be listed */
};

/* lists.c: the kernel side's list of the threads of one process. */

/* NULL with errno set: it cannot be had. */
struct bpf_link *list_open(struct capture *c, uint32_t pid);
/* How many were written; *ret_cut: there are more.  Negative errno. */
ssize_t list_read(struct bpf_link *list, struct thread_now *ret, size_t max, bool *ret_cut);

/* look.c */
struct known_thread *known_find(const struct sampled *s, uint32_t tid);
/* Made if need be; NULL: out of memory. */
struct known_thread *known_get(struct sampled *s, uint32_t tid);
/* Those that were not listed this time have ended. */
void known_prune(struct sampled *s);
/* What is known of a pool, made if need be; valid until the next call. */
struct pool_seen *pool_seen(struct sampled *s, uint64_t pool);
/* True when something of the thread was read, which counts only if it sleeps on. */
bool look_thread(struct capture *c, struct watched *w, struct known_thread *k,
		 const struct thread_now *n, uint64_t now);
/* Which threads have run since they were listed: what was read of them may be of two moments. */
void look_again(struct capture *c, struct sampled *s);

/* made.c */
void sampled_made_open(struct watched *w);
void sampled_made_count(struct capture *c, struct watched *w, uint64_t now);
void sampled_made_tell(struct capture *c, struct watched *w);

#endif
