/* internal.h: the state of one capture, shared by the files of this folder and nobody else. */
#ifndef STALLPROF_CAPTURE_INTERNAL_H
#define STALLPROF_CAPTURE_INTERNAL_H

#include <bpf/libbpf.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/vec.h"
#include "bpf/control.h"
#include "capture/backlog.h"
#include "capture/capture.h"
#include "capture/rungs.h"
#include "capture/unwind.h"
#include "runtime/resolver.h"
#include "target/process.h"

#define NSEC_PER_MSEC	  1000000ULL
#define NSEC_PER_SEC	  1000000000ULL
#define THRESHOLD_DEFAULT (100 * NSEC_PER_MSEC)

struct stallprof_bpf;

/* One process under observation. */
struct watched {
	struct process *process;
	struct resolver *resolver;
	uint64_t gone_at;  /* 0: alive */
	uint64_t retry_at; /* when to look for its runtime again; 0: no need */
	unsigned int retries;
	uint64_t fresh_until;	 /* after an exec an interpreter may still be loading its library */
	bool told;		 /* that its runtime cannot be read */
	struct sampled *sampled; /* see threads.c; NULL: not looked at yet */
	struct unwound *unwound; /* see unwind.c; NULL: there are no tables */
};

/* What user space knows of one element of the kernel side's loop array. */
struct slot {
	uint32_t id; /* of the loop in the capture, from 1; 0: not announced */
	uint32_t tgid, tid;
	struct bpf_link *sample; /* of CPU time; NULL: not sampled now */
	uint64_t suspect_until;
	bool given_up;	      /* a thread from before us that shows no loop */
	bool native_loop;     /* native frames show it where it is not cut */
	bool native_told;     /* by native frames, which kind it is or that it is none they know */
	bool runtime_loop;    /* the poll stack shows a known loop: clipped stalls can be judged */
	uint64_t reported;    /* start of the period whose next report is due at `next_report` */
	uint64_t next_report; /* length */
	uint64_t snapshot;    /* stack of a wait that began before we came, 0: none */
	uint64_t outside;     /* periods over the threshold that were not the loop's */
	uint64_t outside_ns, outside_longest;
	uint32_t outside_hist[HIST_BUCKETS];
	uint64_t longest_ns, longest_at; /* of the stalls that were */
	struct str clipped;	 /* a clipped stall that came before the loop was announced */
	uint64_t depth_at;	 /* when to ask for its queues again */
	uint64_t task_of;	 /* start of the period whose task was asked for, */
	unsigned int task_tries; /* and how often it may be asked again, */
	uint64_t task_at;	 /* not before: another may have taken over by then */
};

/* Stacks that were named, and whether a known loop was in them. */
struct named;

/* See threads.c. */
struct threads;
struct sampled;

struct capture {
	struct stallprof_bpf *skel;
	struct ring_buffer *ring;
	struct backlog backlog;
	struct chunk_sink *sink;
	const struct rung *rung[NEED_COUNT];
	VEC(struct bpf_link *) links;
	struct loop_state *loops; /* the kernel's array, mapped; NULL in --off-cpu */
	size_t loops_bytes;
	uint32_t n_loops;
	uint32_t loops_seen; /* highest index announced, plus 1 */
	struct slot *slots;
	struct resolver_host *host;
	VEC(struct watched) watched;
	struct named *named;
	uint64_t unnamed;	     /* stacks that came after the table was full */
	struct event_stall *scratch; /* for ongoing stalls */
	struct proc_conf conf;	     /* for processes added later */
	bool offcpu;
	uint32_t last_id;
	uint64_t sample_period;
	uint64_t sample_age; /* a period is sampled from this age on */
	int sample_keeper;   /* -1: CPU time is not sampled */
	uint64_t scan_at;
	uint64_t look_at; /* when to ask whether the processes live; their ends are events, too */
	bool sample_told; /* that CPU time cannot be sampled */
	int sink_error;	  /* the first one; capture stops */
	/* Reading the ring breaks off at either: events can come faster than they are named. */
	uint64_t busy_until;
	const volatile sig_atomic_t *stop;
	struct str payload;
	struct rlimit files_before; /* the limit of descriptors, all 0: not raised */
	struct threads *threads;    /* NULL in --off-cpu */
	uint64_t threads_lost;	    /* what their tables had no room for */
	struct unwind *unwind;	    /* NULL: there are no tables */
	uint64_t unwind_at;	    /* when it has something to do */
	uint64_t behind_since;	    /* the ring was not emptied since; 0: it was */
	int command_go;		    /* write end of the pipe that holds the command back, -1 */
	pid_t command_pid;	    /* 0: none was started */
};

/* facts.c: circumstances.  All keep the first sink error in c->sink_error. */
void emit_payload(struct capture *c, enum chunk_kind kind);
void emit_event(struct capture *c, const struct event_head *event);
void emit_meta(struct capture *c, const char *key, const char *value);
void emit_meta_u64(struct capture *c, const char *key, uint64_t value);
void emit_proc(struct capture *c, const struct watched *w);
void emit_missing(struct capture *c, const char *what, const char *why, const char *cure);
void emit_note(struct capture *c, uint32_t pid, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void emit_circumstances(struct capture *c, const struct capture_opts *opts);
void emit_losses(struct capture *c);
void emit_loss(struct capture *c, const char *what, uint64_t count); /* nothing for 0 */

/* targets.c: which processes. */
int targets_open(struct capture *c, const struct capture_opts *opts, struct str *why);
struct watched *watched_find(struct capture *c, uint32_t pid);
/* Adds a process; refuses kernel threads and our own.  why is set on failure. */
int watched_add(struct capture *c, int pid, struct str *why);
void watched_executed(struct capture *c, struct watched *w, uint64_t at);
void watched_retry(struct capture *c, uint64_t now);
void watched_renew(struct capture *c, struct watched *w); /* what its runtime says anew */
void watched_gone(struct capture *c, struct watched *w, const struct event_life *e);
/* The kernel side stops watching a process that ended before, or without, being added here. */
void watched_never(struct capture *c, uint32_t pid);
/* Frees those that ended a while ago: with --follow they come without end. */
void watched_reap(struct capture *c, uint64_t now);
bool watched_any(const struct capture *c);
void targets_close(struct capture *c);

/* command.c: -- COMMAND, held back until it is watched. */
int command_start(struct capture *c, char *const *argv, pid_t *ret_pid, struct str *why);
void command_go(struct capture *c);

/* names.c */
/* Names the stack unless it was named before; what cannot be trusted of it is taken out. */
void name_stack(struct capture *c, struct event_stack *stack);
/* Reads what its runtime must be asked soon, for name_stack. */
void name_stack_early(struct capture *c, struct event_stack *stack);
/* Names a stack that was read from outside; returns the hash under which all stacks with the same
 * names are known, whatever instruction of a line they stand at.  0: it has no names. */
uint64_t name_alike(struct capture *c, const struct event_stack *stack);
/* Tells the source lines that came after the names of their stacks, waiting for them until that
 * time (0: not at all); `last`: all that will be told. */
void names_late(struct capture *c, uint64_t until, bool last);
/* Remembers what a stack that has no entry yet was found to be; kind: static storage or NULL. */
void named_add(struct capture *c, uint64_t hash, const char *kind, bool whole);
/* The same of the native frames of a stack that has an entry; walked: they are all there. */
void named_native(struct capture *c, uint64_t hash, const char *kind, bool walked);
/* The kind of loop that the interpreter's frames of a named stack show, NULL: none. */
const char *stack_loop_kind(const struct capture *c, uint64_t hash);
/* The kind by its native frames; NULL tells nothing. */
const char *stack_native_loop(const struct capture *c, uint64_t hash);
/* Whether the native frames of a named stack are all there. */
bool stack_walked(const struct capture *c, uint64_t hash);
/* Whether the interpreter's part of a named stack is there and complete. */
bool stack_whole(const struct capture *c, uint64_t hash);
/* Stacks with the same one have the same frames, by name; 0: it has no names. */
uint64_t stack_names(const struct capture *c, uint64_t hash);
void name_targets(struct capture *c, const struct event_stall *stall);
void name_target(struct capture *c, uint32_t pid, const struct wait_target *t);
void names_close(struct capture *c);

/* judge.c */
const char *judge_program(const struct watched *w); /* kind of loop by the program's name */
bool judge_loop(const struct capture *c, const struct watched *w, const struct event_loop *e);
bool judge_shown(const struct capture *c, const struct slot *s, const struct event_stall *e);
bool judge_seeded(const struct capture *c, const struct event_stall *e);
/* As judge_shown, and remembers a period that was spent outside the loop. */
bool judge_stall(struct capture *c, struct slot *s, const struct event_stall *e);
void judge_correct(const struct slot *s, struct event_loop_stats *stats);

/* ongoing.c: copies the open period of a loop into c->scratch, as an ongoing stall of its
 * present length.  False when there is none, or it ended meanwhile. */
bool ongoing_copy(struct capture *c, uint32_t loop, uint64_t now);

/* sample.c */
void samples_open(struct capture *c);
void samples_close(struct capture *c);
/* Samples the loop's thread while its period is old, and stops some time after. */
void sample_scan(struct capture *c, uint32_t loop, uint64_t now);
void sample_stop(struct slot *s);

/* loops.c */
int loops_open(struct capture *c);
void loop_announced(struct capture *c, const struct event_loop *e);
void loop_stalled(struct capture *c, const struct event_stall *e);
void loops_scan(struct capture *c, uint64_t now);
void loops_finish(struct capture *c, uint64_t now);
void loops_close(struct capture *c);

/* The next element from *i on that is a loop of the process and in its poll; false: none. */
bool loop_polling(const struct capture *c, uint32_t *i, uint32_t tgid, uint32_t *ret_tid);
/* When the thread left its home poll last; 0: it has none. */
uint64_t loop_last_poll(const struct capture *c, uint32_t tid);

/* depth.c: asks the loop's runtime, where it is time to. */
void depth_scan(struct capture *c, uint32_t loop, uint64_t now);

/* threads.c: what the threads of watched processes are at. */
int threads_open(struct capture *c);
void threads_scan(struct capture *c, uint64_t now);
void threads_tell(struct capture *c);
void threads_close(struct capture *c);
/* For a process that is watched from now on.  0 or -ENOMEM. */
int sampled_open(struct capture *c, struct watched *w);
/* It runs another program. */
void sampled_execed(struct watched *w);
/* As threads_tell, of one process that has ended. */
void sampled_tell(struct capture *c, struct watched *w);
void sampled_close(struct sampled *s);

/* made.c */
void thread_made(struct capture *c, const struct event_thread *e);
void epoll_made(struct capture *c, const struct event_made *e);
void loop_over(struct capture *c, uint32_t tgid, uint32_t tid, uint64_t last_poll);

/* attach.c: 0, or negative errno and one sentence in why. */
int attach(struct capture *c, struct str *why);

/* drain.c */
int drain_open(struct capture *c, struct str *why);
/* Takes what is in the ring into the backlog, and reads the names that may soon be gone.  Cheap:
 * whatever takes long calls it now and then.  0 or negative errno. */
int drain_pull(struct capture *c);
/* The same, and handles the events.  -EINTR: some are left, or it shall stop. */
int drain_take(struct capture *c);

/* hide.c: 0 or negative errno. */
int hide_from_workers(void);

/* open.c: runs the kernel side's iterator over all threads once: to find those that exist already,
 * or with `closing` set to end what they wait in. */
int threads_pass(struct capture *c, struct str *why);

/* rows.c: --off-cpu: ends the open waits and emits all rows. */
void rows_finish(struct capture *c);

/* children.c: of each process without a loop, what it started and nobody watched. */
void children_tell(struct capture *c);

#endif
