/* SPDX-License-Identifier: GPL-2.0 */
/* maps.bpf.h: the maps, the state kept for a thread, and the settings made before loading.
 *
 * State hangs off the task (task storage): it dies with it, is never reused by another pid, and is
 * only looked up, never created, inside sched_switch.  A loop's bulky state lives in an array
 * that user space maps, so that a stall can be told while it lasts, without a system call.
 */
#ifndef STALLPROF_MAPS_BPF_H
#define STALLPROF_MAPS_BPF_H

#include "compat.bpf.h"
#include "control.h"

#define LOOPS_MAX     256
#define LOOPS_GROUP   16
#define LOOPS_SEEDED  (LOOPS_MAX / 2) /* for threads that only may be loops */
#define PROCS_MAX     1024
#define BODIES_MAX    16384
#define IDS_MAX	      16384 /* threads that can be found by their thread pointers */
#define RING_BYTES    (2 << 20)
#define NSEC_PER_SEC  1000000000ULL
#define NSEC_PER_TICK 10000000ULL /* USER_HZ is 100 on every architecture that we support */

/* Which rung feeds the poll boundaries. */
enum poll_rung {
	POLL_BY_HOOK = 0,   /* fentry or tracepoint on the calls */
	POLL_BY_SWITCH = 1, /* sched_switch: sees only polls that sleep */
};

enum runqueue_rung {
	RUNQUEUE_BY_DELAY = 0,	/* sched_info.run_delay */
	RUNQUEUE_BY_WAKING = 1, /* time stamp at sched_waking */
	RUNQUEUE_UNSPLIT = 2,
};

const volatile __u32 poll_rung = POLL_BY_HOOK;
const volatile __u32 runqueue_rung = RUNQUEUE_BY_DELAY;
const volatile bool waker_hook = false;	 /* wakers are looked at */
const volatile bool resume_hook = false; /* sched_exit_tp is attached */
const volatile bool offcpu_mode = false;
const volatile __u64 sample_period =
	2003001; /* ns of CPU between samples; prime with timers' beats */
const volatile __u64 sample_age = 10000000; /* a period younger than this is not sampled */

__u64 lost[LOST_COUNT];
__u32 loops_high; /* elements from here on were never used: spares user space the look */
__u32 closing;	  /* set by user space before the last pass over the threads */

static __always_inline void lose(enum lost_kind kind)
{
	if (kind < LOST_COUNT)
		__sync_fetch_and_add(&lost[kind], 1);
}

struct thread_state {
	u32 loop;	/* index + 1; 0: not a loop */
	u32 designated; /* 1: named with --tid */
	u64 off_since;	/* --off-cpu: off-CPU since, 0: running */
	u64 run_delay;
	u64 stack; /* --off-cpu: of the wait going on */
	s16 syscall;
	u8 klass;
	u8 pad;
	/* A poll, select or other wait that may turn out to be a home, by call depth. */
	s32 candidate_syscall;
	u32 candidate_count;
	u32 candidate_missed;
	u64 candidate_id;
	u64 rejected_id; /* user space looked and said no */
	u32 slept_in;	 /* call of the last sleep, plus 1; 0: none */
	u32 pointer_tid; /* see thread_id.bpf.h: under which number, */
	u64 pointer;	 /* and by which thread pointer it can be found; 0: by none */
	u64 epolls;	 /* made, so many */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread_state);
} threads SEC(".maps");

/* Tables that are sized for the most that may come, and of which a target needs little, take memory
 * for what is in them; programs of every kind may do that from 6.1 on. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PROCS_MAX);
	__type(key, u32);
	__type(value, struct proc_conf);
} procs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LOOPS_MAX);
	__type(key, u32);
	__type(value, struct loop_state);
} loops SEC(".maps");

/* Hashes whose bodies were sent.  Never LRU: a forgotten body would only be sent twice, but a
 * body must never be missing. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BODIES_MAX);
	__type(key, u64);
	__type(value, u8);
} bodies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} events SEC(".maps");

/* tids named with --tid. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LOOPS_MAX);
	__type(key, u32);
	__type(value, u8);
} designated SEC(".maps");

struct thread_id_key {
	u64 pointer;
	u32 tgid;
	u32 pad;
};

/* Thread pointer -> tid, see thread_id.bpf.h. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, IDS_MAX);
	__type(key, struct thread_id_key);
	__type(value, u32);
} thread_ids SEC(".maps");

/* Nearly every thread of a machine is foreign and has no storage at all: one load tells, where the
 * helper would cost 20 ns. */
static __always_inline struct thread_state *thread_peek(struct task_struct *t)
{
	if (!t->bpf_storage)
		return NULL;
	return bpf_task_storage_get(&threads, t, 0, 0);
}

static __always_inline struct loop_state *loop_of(struct thread_state *st)
{
	u32 i = st->loop - 1;

	return st->loop ? bpf_map_lookup_elem(&loops, &i) : NULL;
}

/* Guards against a pid that was reused; start_time as in struct proc_conf. */
static __always_inline bool task_started_at(struct task_struct *t, u64 start_time)
{
	return !start_time ||
	       start_time == BPF_CORE_READ(t, group_leader, start_boottime) / NSEC_PER_TICK;
}

/* The settings of a watched process, NULL for a foreign one, or one that has another's pid. */
static __always_inline struct proc_conf *proc_of(struct task_struct *t)
{
	u32 tgid = BPF_CORE_READ(t, tgid);
	struct proc_conf *conf = bpf_map_lookup_elem(&procs, &tgid);

	return conf && task_started_at(t, conf->start_time) ? conf : NULL;
}

static __always_inline void event_head_set(struct event_head *h, enum event_kind kind, u32 size,
					   struct task_struct *t, u64 now)
{
	h->kind = kind;
	h->pad = 0;
	h->size = size;
	h->ts = now;
	h->tgid = BPF_CORE_READ(t, tgid);
	h->tid = BPF_CORE_READ(t, pid);
}

#endif
