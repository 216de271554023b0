/* jsonl.c: the records of the contract, one JSON object on each line.
 *
 * attach, stall and what follows them; schema.c describes them for users.  Streams single stalls
 * while a recording runs.  Knows nothing of who reads the lines.
 */
#include <errno.h>
#include <string.h>

#include "output/by_proc.h"
#include "output/json.h"
#include "output/writer.h"
#include "output/words.h"

/* Adds to a list that belongs to `o` under `key`. */
static json_t *put_list(json_t *o, const char *key, int *r)
{
	json_t *list = json_array();

	*r |= json_put(o, key, list);
	return *r ? NULL : list;
}

static json_t *loop_object(const struct loop *loop, bool with_tid)
{
	json_t *o = json_object();
	int r = with_tid ? json_put(o, "tid", json_integer(loop->tid)) : 0;

	r |= json_put(o, "kind", json_string(loop->kind));
	r |= json_put(o, "poll", json_string(loop->poll));
	if (loop->fd >= 0)
		r |= json_put(o, "fd", json_integer(loop->fd));
	return json_checked(o, r);
}

static int put_hooks(json_t *record, const struct profile *p)
{
	json_t *hooks = json_object(), *list;
	int r = json_put(record, "hooks", hooks);

	for (size_t i = 0; i < p->n_hooks && r == 0; i++)
		r |= json_put(hooks, p->hooks[i].need, json_string(p->hooks[i].rung));
	list = put_list(record, "missing", &r);
	for (size_t i = 0; i < p->n_missing && r == 0; i++) {
		const struct missing *m = &p->missing[i];

		r |= json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "what", m->what,
							   "why", m->why, "cure", m->cure));
	}
	return r;
}

/* One for each process: what was found there and what is missing.  `mine`: of its loops. */
static int write_attach(const struct profile *p, size_t index, const struct by_proc *mine, FILE *f)
{
	const struct proc *proc = &p->procs[index];
	json_t *record = json_record("attach"), *loops;
	int r = json_put(record, "ts", json_ts(p->wall_ns));

	r |= json_put(record, "proc", json_proc(proc, 0));
	loops = put_list(record, "loops", &r);
	for (int i = mine->first[index]; i >= 0 && r == 0; i = mine->next[i])
		r |= json_array_append_new(loops, loop_object(&p->loops[i], true));
	r |= json_put(record, "runtime",
		      json_pack("{s:s, s:s}", "name", proc->runtime, "version", proc->version));
	r |= put_hooks(record, p);
	r |= json_put(record, "threshold_ns", json_u64(p->threshold_ns));
	r |= json_put_text(record, "stallprof", p->version);
	r |= json_put_text(record, "kernel", p->kernel);
	r |= json_put_text(record, "host", p->host);
	return json_line(record, r, f);
}

/* Stacks of a record are numbered by their place in its own list. */
static int stack_place(const struct stall *s, int stack)
{
	for (size_t i = 0; i < s->n_stacks; i++)
		if (stack >= 0 && s->stacks[i].stack == stack)
			return (int)i;
	return -1;
}

static json_t *part_object(const struct stall *s, const struct part *part)
{
	json_t *o = json_object();
	int stack = stack_place(s, part->stack);
	int r = json_put(o, "at_ns", json_u64(part->at_ns));

	r |= json_put(o, "dur_ns", json_u64(part->dur_ns));
	r |= json_put(o, "count", json_integer(part->count));
	r |= json_put(o, "class", json_string(class_name(part->klass)));
	r |= json_put_text(o, "syscall", part->syscall);
	if (part->target.kind != TARGET_NONE)
		r |= json_put(o, "target", json_target(&part->target));
	if (stack >= 0)
		r |= json_put(o, "stack", json_integer(stack));
	if (part->klass == CLASS_GIL)
		r |= json_put(o, "episodes", json_integer(part->episodes));
	if (part->owner.role == OWNER_HOLDER)
		r |= json_put(o, "holder", json_owner(&part->owner));
	if (part->owner.role == OWNER_WAKER)
		r |= json_put(o, "waker", json_owner(&part->owner));
	if (part->flags & PART_SAMPLED)
		r |= json_put(o, "sampled", json_true());
	if (part->flags & PART_SHORT)
		r |= json_put(o, "weighted", json_true());
	if (part->flags & PART_OPEN)
		r |= json_put(o, "open", json_true());
	return json_checked(o, r);
}

static int put_parts(json_t *record, const struct profile *p, const struct stall *s)
{
	int r = 0;
	json_t *list = put_list(record, "parts", &r);

	for (size_t i = 0; i < s->n_parts && r == 0; i++)
		r |= json_array_append_new(list, part_object(s, &s->parts[i]));
	r |= json_put(record, "parts_dropped", json_integer(s->parts_dropped));
	list = put_list(record, "stacks", &r);
	for (size_t i = 0; i < s->n_stacks && r == 0; i++) {
		json_t *o = json_object();

		r |= json_put(o, "weight_ns", json_u64(s->stacks[i].weight_ns));
		r |= json_put(o, "frames", json_frames(&p->stacks[s->stacks[i].stack]));
		r |= json_array_append_new(list, o);
	}
	return r;
}

static int put_loop(json_t *record, const struct profile *p, const struct stall *s)
{
	json_t *loop = loop_object(&p->loops[s->loop], false);
	int r = json_put(loop, "iteration", json_u64(s->iteration));

	r |= json_put(record, "proc", json_proc(&p->procs[s->proc], p->loops[s->loop].tid));
	return r | json_put(record, "loop", loop);
}

static int put_quality(json_t *record, const struct stall *s)
{
	return json_put(record, "quality",
			json_pack("{s:s, s:s, s:s}", "python", quality_name(s->python), "native",
				  quality_name(s->native), "kernel", quality_name(s->kernel)));
}

/* The task and the thread that the stall is owed to, as far as they are known. */
static int put_owed(json_t *record, const struct profile *p, const struct stall *s)
{
	json_t *task, *holders;
	int r = 0;

	if (*s->task || *s->coro) {
		task = json_object();
		r |= json_put_text(task, "name", s->task);
		r |= json_put_text(task, "coro", s->coro);
		r |= json_put(record, "task", task);
	}
	if (s->n_holders)
		r |= json_put(record, "holder", json_holder(p, &s->holders[0]));
	if (s->n_holders > 1) {
		holders = put_list(record, "holders", &r);
		for (size_t i = 0; i < s->n_holders && r == 0; i++)
			r |= json_array_append_new(holders, json_holder(NULL, &s->holders[i]));
	}
	return s->convoy ? r | json_put(record, "convoy", json_true()) : r;
}

int jsonl_stall(const struct profile *p, const struct stall *s, const struct writer_opts *o,
		FILE *f)
{
	bool ongoing = s->state == STALL_STATE_ONGOING;
	json_t *record = json_record("stall");
	int r = json_put(record, "state", json_string(ongoing ? "ongoing" : "ended"));

	(void)o;
	r |= json_put(record, "id", json_string(s->id));
	r |= json_put(record, "key", json_string(s->key));
	r |= json_put(record, "ts", json_ts(s->wall_ns));
	r |= json_put(record, "start_ns", json_u64(s->start_ns));
	r |= json_put(record, "dur_ns", json_u64(s->dur_ns));
	r |= json_put(record, "threshold_ns", json_u64(s->threshold_ns));
	r |= json_put(record, "clipped", json_boolean(s->clipped));
	r |= put_loop(record, p, s);
	r |= json_put(record, "why", json_why(&s->why));
	r |= json_put(record, "ns", json_class_ns(s->ns));
	r |= put_parts(record, p, s);
	if (s->at)
		r |= json_put(record, "at", json_at(s->at));
	r |= put_owed(record, p, s);
	r |= put_quality(record, s);
	return json_line(record, r, f);
}

int jsonl_write(const struct profile *p, const struct writer_opts *o, FILE *f)
{
	cleanup(by_proc_release) struct by_proc loops = { 0 };
	int r = BY_PROC_INIT(&loops, p->n_procs, p->loops, p->n_loops);

	for (size_t i = 0; i < p->n_procs && r == 0; i++)
		r = write_attach(p, i, &loops, f);
	for (size_t i = 0; i < p->n_stalls && r == 0 && !(o && o->streamed); i++)
		r = jsonl_stall(p, &p->stalls[i], o, f);
	for (size_t i = 0; i < p->n_offcpu && r == 0; i++)
		r = jsonl_offcpu(p, &p->offcpu[i], f);
	for (size_t i = 0; i < p->n_task_lists && r == 0; i++)
		r = jsonl_tasks(p, &p->task_lists[i], f);
	if (r == 0)
		r = jsonl_threads(p, f);
	if (r == 0)
		r = jsonl_summary(p, f);
	return r ? r : writer_status(f);
}
