/* SPDX-License-Identifier: GPL-2.0 */
/* home.bpf.h: what a poll call waits on, and which poll a loop calls home.
 *
 * Home is the oldest still-open epoll file or ring of a thread, or the outermost call depth from
 * which it polls, selects (or, for a designated thread, waits).  Every other wait belongs to the
 * period (period.bpf.h).  Whether a recurring poll is a loop's is judged in user space.
 */
#ifndef STALLPROF_HOME_BPF_H
#define STALLPROF_HOME_BPF_H

#include "period.bpf.h"

#define CANDIDATE_RETURNS 3 /* returns to one call depth that make it a home */
#define CANDIDATE_MISSES \
	64 /* polls elsewhere after which a candidate or such a home is given up \
	    */

struct poll_call {
	u32 kind; /* enum home_kind */
	s32 syscall;
	s32 fd;
	u32 pad;
	u64 id;
};

static __always_inline bool is_epoll(s32 call)
{
	return call == CALL_EPOLL_WAIT || call == CALL_EPOLL_PWAIT || call == CALL_EPOLL_PWAIT2;
}

/* What the poll call `call` waits on; kind HOME_NONE when it is no poll call. */
static __always_inline void poll_identify(struct poll_call *p, struct task_struct *t, s32 call,
					  u64 arg0, u64 arg2, u64 sp)
{
	p->kind = HOME_NONE;
	p->syscall = call;
	p->fd = -1;
	p->id = sp;
	if (is_epoll(call) || (call == CALL_URING_ENTER && arg2)) {
		p->fd = arg0;
		p->id = (u64)file_of(t, p->fd);
		p->kind = !p->id ? HOME_NONE : is_epoll(call) ? HOME_EPOLL : HOME_URING;
	} else if (call == CALL_POLL || call == CALL_PPOLL) {
		p->kind = HOME_POLL;
	} else if (call == CALL_SELECT || call == CALL_PSELECT) {
		p->kind = HOME_SELECT;
	}
}

static __always_inline void home_set(struct loop_state *l, const struct poll_call *p)
{
	l->home = p->kind;
	l->home_id = p->id;
	l->home_fd = p->fd;
	l->home_syscall = p->syscall;
	l->enters = 0;
	l->stats.home = p->kind;
	l->stats.fd = p->fd;
	l->stats.syscall = p->syscall;
}

/* The home file is gone when its descriptor no longer leads to it. */
static __always_inline bool home_open(struct loop_state *l, struct task_struct *t)
{
	if (l->home != HOME_EPOLL && l->home != HOME_URING)
		return true;
	return (u64)file_of(t, l->home_fd) == l->home_id;
}

/* A poll from a call depth counts as home after it recurred; the outermost depth wins.  Returns
 * true when it now is one. */
static __always_inline bool candidate_seen(struct thread_state *st, const struct poll_call *p)
{
	if (p->id == st->rejected_id)
		return false;
	if (p->id == st->candidate_id && p->syscall == st->candidate_syscall) {
		st->candidate_missed = 0;
		return ++st->candidate_count >= CANDIDATE_RETURNS;
	}
	if (p->id < st->candidate_id && ++st->candidate_missed < CANDIDATE_MISSES)
		return false;
	st->candidate_id = p->id;
	st->candidate_syscall = p->syscall;
	st->candidate_count = 1;
	st->candidate_missed = 0;
	return false;
}

/* Is this poll the loop's home?  May find, or replace, the home. */
static __noinline bool home_match(struct task_struct *t, struct thread_state *st,
				  struct loop_state *l, const struct poll_call *p)
{
	bool file = p->kind == HOME_EPOLL || p->kind == HOME_URING;

	if (!st || !l || !p)
		return false;
	if (l->home == p->kind && l->home_id == p->id) {
		/* The file counts, not its number: the first descriptor may be closed by now. */
		l->home_fd = p->fd;
		return true;
	}
	if (l->home == HOME_NONE) {
		/* Asked once: every question counts as a return. */
		if (!file && !candidate_seen(st, p))
			return false;
		home_set(l, p);
		/* Polls that were not known to be home yet look like waits: what was counted until
		 * now is no iteration. */
		if (!file)
			period_reset(l);
		return true;
	}
	if (file && (!home_open(l, t) || (l->home != HOME_EPOLL && l->home != HOME_URING))) {
		/* The old loop is closed, or was only a call depth: what ran since its last
		 * poll is no iteration of the new one. */
		home_set(l, p);
		period_reset(l);
		return true;
	}
	if (!file && l->home != HOME_EPOLL && l->home != HOME_URING && p->id != l->home_id &&
	    candidate_seen(st, p)) {
		home_set(l, p);
		period_reset(l);
		return true;
	}
	return false;
}

/* User space said that this is no loop: forget the home, remember not to ask again. */
static __always_inline void loop_reject(struct thread_state *st, struct loop_state *l)
{
	st->rejected_id = l->home_id;
	st->candidate_count = 0;
	st->candidate_id = 0; /* else it would keep deeper calls away */
	l->home = HOME_NONE;
	l->flags &= ~(LOOP_IN_POLL | LOOP_ANNOUNCED);
	l->verdict = VERDICT_NONE;
	l->enters = 0;
	/* What was counted for it belongs to no loop. */
	__builtin_memset(&l->stats.first, 0,
			 offsetof(struct event_loop_stats, comm) -
				 offsetof(struct event_loop_stats, first));
	__builtin_memset(l->stats.hist, 0, sizeof(l->stats.hist));
	period_reset(l);
}

#endif
