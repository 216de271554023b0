/* state.h: what the model knows while it is fed; shared by the files of src/model only.
 *
 * Owns struct model and the prototypes between its parts.  All handlers return 0 or -ENOMEM; what
 * is wrong with a chunk is counted in bad_events and is no error.  Everything that comes out of
 * the profile's arrays is an index, because the arrays grow.
 */
#ifndef STALLPROF_MODEL_STATE_H
#define STALLPROF_MODEL_STATE_H

#include "base/intern.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/model.h"

/* Stalls and off-CPU rows that are kept one by one; later stalls are in the sums only. */
#define MODEL_ITEMS_MAX (1u << 20)
/* Notes and the like: few in any true capture. */
#define MODEL_LIST_MAX 4096
/* What a capture can do and what it misses: a handful, told anew with every process. */
#define MODEL_TOLD_MAX 256
/* All times added up stay below this, so that no sum can overflow. */
#define MODEL_TOTAL_MAX (1ULL << 62)

struct index_node {
	uint64_t key;
	int index;
	UT_hash_handle hh;
};

struct path_node {
	struct {
		uint64_t tgid; /* 0: any process */
		uint64_t dev, ino;
	} key;
	const char *path;
	UT_hash_handle hh;
};

struct peer_node {
	uint64_t pid;
	const char *comm;
	UT_hash_handle hh;
};

/* The name that the program gave a thread. */
struct thread_name_node {
	struct {
		uint64_t tgid, tid;
	} key;
	const char *name;
	UT_hash_handle hh;
};

/* What the runtime said was running in one busy period. */
struct running_node {
	struct {
		uint64_t loop, start; /* loop: index */
	} key;
	const char *task, *coro;
	bool mixed; /* two of them: no name holds for the whole of it */
	UT_hash_handle hh;
};

/* A count of things made from one stack. */
struct made_from {
	uint64_t stack; /* hash */
	uint64_t count;
};

/* The newest report of a pool of threads. */
struct pool_node {
	struct {
		uint64_t tgid, pool;
	} key;
	struct pool pool;
	VEC(struct pool_worker) workers;
	int index; /* in the sealed profile */
	UT_hash_handle hh;
};

/* The newest report of where threads wait. */
struct thread_row_node {
	struct {
		uint64_t tgid, pool, stack;
		const char *group; /* interned */
		int64_t klass, syscall, idle;
	} key;
	struct thread_row row;
	UT_hash_handle hh;
};

/* What makes and ends in one process: threads and event loops. */
struct growth_node {
	uint64_t tgid;
	struct thread_growth threads; /* n_counts 0 and nothing made: not watched */
	VEC(struct thread_count) counts;
	VEC(struct made_from) made;
	struct churn churn; /* made 0: none */
	VEC(struct made_from) loops;
	UT_hash_handle hh;
};

/* What the profile does not show of a stack and a loop; parallel to its arrays. */
struct stack_info {
	bool named;   /* by user space; else made of raw addresses */
	bool guessed; /* some native frame was found by frame pointer only */
	bool lined;   /* its late lines came */
	bool unlined; /* not all of its lines could be found in time */
	int coro;     /* outermost frame that is a coroutine's, -1: none */
};

enum loop_confirmed {
	LOOP_TENTATIVE = 0,
	LOOP_CONFIRMED = 1,
	LOOP_REFUTED = 2,
};

struct loop_info {
	uint32_t home; /* enum home_kind */
	enum loop_confirmed confirmed;
	bool told;     /* confirmed is from a chunk; the flags of stalls count no more */
	bool flagged;  /* confirmed is from the flag of a stall */
	bool withheld; /* some stall waits for the confirmation to be handed out */
	/* as in the stalls themselves, for when the loop's own figures are missing */
	uint64_t stalls, stalled_ns, longest_ns, longest_at;
	VEC(uint64_t) lengths; /* of ended stalls */
};

/* A stall that was or will be handed out; its address never changes. */
struct stall_rec {
	struct stall s;
	bool delivered;
	uint64_t relined; /* as of the model, when it was explained */
	int index;	  /* in the sealed profile */
};

/* The newest report of a stall that is not over. */
struct open_node {
	struct {
		uint64_t loop, iteration;
	} key;
	struct stall_rec *rec; /* NULL: it ended meanwhile */
	UT_hash_handle hh;
};

/* Stalls of one loop that are one row. */
struct row_node {
	struct {
		uint64_t loop, line;
		const char *fn, *file, *target; /* interned; target.group */
		char key[24];
	} key;
	struct row row;
	const struct stall_rec *longest; /* kept ones only */
	UT_hash_handle hh;
};

struct sample_node {
	struct {
		int64_t loop, stack, klass;
		const char *tip; /* interned */
	} key;
	uint64_t ns;
	UT_hash_handle hh;
};

struct proc_info {
	bool announced; /* by a CHUNK_PROC */
	bool replaced;	/* and then by another one: exec */
	bool noted;	/* the capture has a note about it */
};

struct note_raw {
	uint64_t ts;
	uint32_t pid;
	const char *text;
};

struct model {
	struct chunk_sink sink; /* first: the sink is the model */
	struct intern texts;
	model_stall_fn on_stall;
	void *on_stall_ctx;
	size_t items_max;
	bool sealed;
	bool failed; /* was out of memory once */

	struct profile profile;
	VEC(struct proc) procs;
	VEC(struct proc_info) proc_infos;
	struct index_node *proc_by_pid;
	VEC(struct loop) loops;
	VEC(struct loop_info) loop_infos;
	struct index_node *loop_by_number;
	VEC(struct stack) stacks;
	VEC(struct stack_info) stack_infos;
	struct index_node *stack_by_hash;
	VEC(struct stall_rec *) recs;	  /* in order of arrival: kept */
	VEC(struct stall_rec *) outdated; /* reports of ongoing stalls that were handed out */
	struct open_node *open;
	struct row_node *row_nodes;
	struct sample_node *sample_nodes;
	VEC(struct offcpu_row) offcpu;
	struct path_node *paths;
	struct peer_node *peers;
	struct thread_name_node *thread_names;
	struct running_node *running;
	struct index_node *module_by_number;
	VEC(const char *) module_build_ids; /* interned */
	struct pool_node *pool_nodes;
	struct thread_row_node *thread_nodes;
	struct growth_node *growth_nodes;
	VEC(struct hook) hooks;
	VEC(struct missing) missing;
	VEC(struct note_raw) notes;
	VEC(struct lost) lost;
	VEC(struct task_list) task_lists;

	/* made by sealing */
	VEC(struct stall) stalls;
	VEC(struct row) rows;
	VEC(struct sample) samples;
	VEC(struct note) shown_notes;
	VEC(struct pool) pools;
	VEC(struct thread_row) threads;
	VEC(struct thread_growth) growth;
	VEC(struct churn) churn;
	VEC(struct native_gap) gaps;

	uint64_t start_mono, start_real;
	uint64_t relined;  /* stacks that got lines after their names */
	uint64_t last_ts;  /* latest time seen in any event */
	uint64_t end_ts;   /* of CHUNK_END; 0: none came */
	uint64_t total_ns; /* of all stalls and off-CPU rows taken in, against overflow */
	uint64_t bad_events;
	uint64_t lost_stalls; /* over items_max: in the sums, not in the list */
	uint64_t lost_items;  /* over either limit, in no sum */
};

/* facts.c: everything that is no event. */
int facts_feed(struct model *m, const struct chunk *chunk);
uint64_t model_wall(const struct model *m, uint64_t mono);
/* Index of a process, made up if it was never announced. */
int proc_find(struct model *m, uint32_t pid, int *ret_index);
/* The next string of a chunk, printable and interned; NULL: out of memory. */
const char *model_text(struct model *m, struct chunk_cursor *c);
const char *path_find(const struct model *m, uint32_t tgid, uint64_t dev, uint64_t ino); /* or "" */
const char *peer_find(const struct model *m, uint32_t pid);				 /* or "" */

/* names.c: what threads are called, in all that names one. */
int names_feed(struct model *m, struct chunk_cursor *c);
const char *thread_name(const struct model *m, uint32_t tgid, uint32_t tid); /* or "" */
/* Who kept a thread of tgid waiting. */
int owner_make(struct model *m, uint32_t tgid, const struct wait_owner *raw, struct owner *ret);

/* gaps.c: what native stacks lack, over all of them. */
const char *gap_why(const struct stack *stack); /* one clause, static storage; "": nothing */
int gaps_seal(struct model *m);

/* holders.c: who held the GIL or released the lock, summed over the parts of a stall. */
int holders_make(struct model *m, struct stall *s);
/* Where each of them was, out of the stacks as they are now. */
void holders_place(const struct model *m, struct stall *s);
/* Names that came after the stall. */
void holders_seal(const struct model *m, struct stall *s);

/* running.c: which coroutine and task a stall belongs to. */
int running_feed(struct model *m, struct chunk_cursor *c);
void running_of_stall(const struct model *m, struct stall *s);

/* locks.c: what a thread waits in, where its frames of the standard library tell; "" where not. */
const char *lock_name(const struct stack *stack);
/* Puts that name into the target of a wait for a lock. */
int lock_into_target(struct model *m, const struct stack *stack, struct target *t);

/* children.c: a wait for a child that the system call does not show as one. */
bool stack_awaits_child(const struct stack *stack);
/* Makes the target of such a wait the child, as who woke the waiter tells it. */
int child_into_target(struct model *m, uint32_t tgid, const struct stack *stack,
		      const struct wait_owner *waker, struct target *t);

/* pools.c, threads.c, growth.c: threads at large. */
int pools_feed(struct model *m, struct chunk_cursor *c);
int pools_seal(struct model *m);
int pools_seal_waits(struct model *m); /* after threads_seal, which is after pools_seal */
int pool_index(const struct model *m, uint64_t tgid, uint64_t pool); /* sealed; -1: none */
int threads_feed(struct model *m, struct chunk_cursor *c);
int threads_seal(struct model *m);
int growth_feed_count(struct model *m, struct chunk_cursor *c);
int growth_feed_made(struct model *m, struct chunk_cursor *c);
int growth_feed_churn(struct model *m, struct chunk_cursor *c);
int growth_seal(struct model *m);

/* index.c: from numbers of the capture to indexes of the profile. */
int index_find(const struct index_node *head, uint64_t key); /* -1: none */
int index_add(struct model *m, struct index_node **head, uint64_t key, int index);

/* stacks.c */
int stacks_feed_names(struct model *m, const struct chunk *chunk);
int stacks_feed_module(struct model *m, struct chunk_cursor *c);
int stacks_feed_raw(struct model *m, const struct event_stack *e);
int stack_find(const struct model *m, uint64_t hash); /* -1: none */
/* stack_lines.c */
int stacks_feed_lines(struct model *m, struct chunk_cursor *c);

/* events.c: raw events, checked and passed on. */
int events_feed(struct model *m, const struct chunk *chunk);

/* loops.c */
int loops_feed(struct model *m, const struct event_loop *e);
/* Index of a loop, made up if nothing mentioned it before. */
int loop_get(struct model *m, uint32_t number, int *ret_index);
int depths_feed(struct model *m, struct chunk_cursor *c);
int loops_feed_stats(struct model *m, const struct event_loop_stats *e);
int loops_feed_kind(struct model *m, const struct chunk *chunk);
int loop_of_stall(struct model *m, const struct event_stall *e, int *ret_index);
int loop_count_stall(struct model *m, const struct stall *s);
bool loop_is_shown(const struct model *m, int loop);
/* Completes the figures of each loop, brings them into order and drops those that are not
 * shown; new_index[old] is then the new place or -1. */
int loops_seal(struct model *m, int *new_index);
uint64_t hist_bound(unsigned int bucket);

/* stalls.c */
int stalls_feed(struct model *m, const struct event_stall *e);
/* Hands out what waited for the loop to be confirmed. */
void stalls_deliver(struct model *m, int loop);
/* Makes the stalls still open at the end part of the list. */
int stalls_close_open(struct model *m);
/* Then: rows of all that is on it, by what is known of their stacks now. */
int stalls_seal_rows(struct model *m);
void stall_rec_free(struct stall_rec *rec);

/* parts.c: raw parts to parts that sum exactly per class to s->ns. */
int parts_make(struct model *m, const struct event_stall *e, struct stall *s);

/* explain.c, also for the stacks of others: the innermost frame that is the user's, and the
 * innermost of all but the kernel's; NULL: none. */
const struct frame *user_frame(const struct stack *stack);
const struct frame *leaf_frame(const struct stack *stack);
/* The innermost interpreted one; without any as leaf_frame: of a thread that did something, not of
 * one that waits, the native end is only how. */
const struct frame *script_leaf(const struct stack *stack);
bool is_script(const struct frame *f); /* of an interpreter */
bool stack_has_script(const struct stack *stack);
/* explain.c: stacks, why, at, leaf, quality, key and id out of the parts. */
int explain_stall(struct model *m, const struct event_stall *e, struct stall *s);
/* The same of what the frames of its stacks say, out of these as they are now. */
void explain_place(const struct model *m, struct stall *s);

/* text.c */
int target_make(struct model *m, uint32_t tgid, const struct wait_target *raw, struct target *ret);
extern const struct target target_none;
const char *model_syscall(struct model *m, int number); /* "" for -1; NULL: out of memory */
/* The last line of a folded stack. */
const char *tip_text(struct model *m, enum stall_class klass, const char *syscall,
		     const struct target *t);

/* tally.c: rows and samples, per loop until sealing, because a loop may turn out to be none. */
int tally_row(struct model *m, const struct stall *s, const struct stall_rec *kept);
int tally_parts(struct model *m, const struct stall *s);
int tally_seal_samples(struct model *m);		   /* before loops_seal */
int tally_seal_rows(struct model *m, const int *new_loop); /* after it, see there */

/* offcpu.c */
int offcpu_feed(struct model *m, const struct event_offcpu *e);
int offcpu_seal(struct model *m);

/* tasks.c */
int tasks_feed(struct model *m, const struct chunk *chunk);

/* Adds to total_ns unless that could overflow. */
static inline bool model_take_ns(struct model *m, uint64_t ns)
{
	if (ns > MODEL_TOTAL_MAX - m->total_ns)
		return false;
	m->total_ns += ns;
	return true;
}

#endif
