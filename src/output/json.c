/* json.c: pieces of the records as JSON values.
 *
 * Names and order of the keys are the contract's.  Knows no record as a whole.
 */
#include "output/json.h"

#include <errno.h>

#include "output/units.h"
#include "output/words.h"

json_t *json_u64(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

int json_put(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) < 0 ? -ENOMEM : 0;
}

int json_put_text(json_t *object, const char *key, const char *text)
{
	return *text ? json_put(object, key, json_string(text)) : 0;
}

json_t *json_checked(json_t *object, int failed)
{
	if (failed) {
		json_decref(object);
		return NULL;
	}
	return object;
}

json_t *json_record(const char *type)
{
	return json_pack("{s:i, s:s}", "v", 1, "type", type);
}

json_t *json_ts(uint64_t wall_ns)
{
	return json_string(RFC3339(wall_ns));
}

json_t *json_proc(const struct proc *proc, uint32_t tid)
{
	json_t *o = json_object();
	int r = json_put(o, "pid", json_integer(proc->pid));

	if (tid)
		r |= json_put(o, "tid", json_integer(tid));
	r |= json_put(o, "comm", json_string(proc->comm));
	r |= json_put(o, "exe", json_string(proc->exe));
	return json_checked(o, r);
}

json_t *json_target(const struct target *t)
{
	json_t *o = json_object();
	int r = json_put_text(o, "kind", target_kind_name(t->kind));

	r |= json_put_text(o, "path", t->path);
	r |= json_put_text(o, "local", t->local);
	r |= json_put_text(o, "peer", t->peer);
	if (t->fd >= 0 && t->kind != TARGET_NONE)
		r |= json_put(o, "fd", json_integer(t->fd));
	if (t->fd_count > 1)
		r |= json_put(o, "fd_count", json_integer(t->fd_count));
	if (t->pid)
		r |= json_put(o, "pid", json_integer(t->pid));
	r |= json_put_text(o, "comm", t->comm);
	if (t->asked_ns)
		r |= json_put(o, "dur_ns", json_u64(t->asked_ns));
	/* what is no file has a name in brackets: [timerfd], [eventfd] */
	if (is_named_lock(t) || (t->kind == TARGET_OTHER && t->fd_count < 2 && *t->text == '['))
		r |= json_put(o, "name", json_string(t->text));
	if (t->address)
		r |= json_put(o, "address", json_sprintf("0x%llx", (unsigned long long)t->address));
	return json_checked(o, r);
}

json_t *json_why(const struct why *why)
{
	json_t *o = json_object();
	int r = json_put(o, "class", json_string(class_name(why->klass)));

	r |= json_put(o, "share", json_real(why->share));
	r |= json_put_text(o, "syscall", why->syscall);
	if (why->target.kind != TARGET_NONE)
		r |= json_put(o, "target", json_target(&why->target));
	return json_checked(o, r);
}

json_t *json_at(const struct frame *at)
{
	json_t *o = json_object();
	int r = json_put(o, "fn", json_string(at->fn));

	r |= json_put(o, "file", json_string(at->file));
	r |= json_put(o, "line", json_integer(at->line));
	r |= json_put_text(o, "module", at->module);
	return json_checked(o, r);
}

static json_t *json_frame(const struct frame *f)
{
	json_t *o = json_object();
	int r = json_put(o, "kind", json_string(frame_kind_name(f->kind)));

	r |= json_put(o, "fn", json_string(f->fn));
	r |= json_put(o, "file", json_string(f->file));
	r |= json_put(o, "line", json_integer(f->line));
	r |= json_put(o, "module", json_string(f->module));
	if (!*f->fn)
		r |= json_put(o, "offset", json_u64(f->offset));
	if (!*f->fn && f->build_id)
		r |= json_put_text(o, "build_id", f->build_id);
	if (f->inlined)
		r |= json_put(o, "inlined", json_true());
	if (f->jit)
		r |= json_put(o, "jit", json_true());
	if (f->library)
		r |= json_put(o, "library", json_true());
	return json_checked(o, r);
}

json_t *json_frames(const struct stack *stack)
{
	json_t *list = json_array();
	int r = list ? 0 : -1;

	for (size_t i = 0; i < stack->n_frames; i++)
		r |= json_array_append_new(list, json_frame(&stack->frames[i]));
	return json_checked(list, r);
}

json_t *json_owner(const struct owner *o)
{
	json_t *out = json_object();
	int r = o->tid ? json_put(out, "tid", json_integer(o->tid)) : 0;

	if (o->pid)
		r |= json_put(out, "pid", json_integer(o->pid));
	r |= json_put(out, "comm", json_string(o->name));
	return json_checked(out, r);
}

json_t *json_holder(const struct profile *p, const struct holder *h)
{
	json_t *o = json_object();
	const char *kind = class_name(h->klass == CLASS_SYSCALL ? CLASS_LOCK : h->klass);
	int r = json_put(o, "kind", json_string(kind));

	r |= json_put(o, "tid", json_integer(h->owner.tid));
	if (h->owner.pid)
		r |= json_put(o, "pid", json_integer(h->owner.pid));
	r |= json_put(o, "comm", json_string(h->owner.name));
	r |= json_put(o, "ns", json_u64(h->ns));
	r |= json_put(o, "share", json_real(h->share));
	if (h->at)
		r |= json_put(o, "at", json_at(h->at));
	if (p && h->owner.stack >= 0)
		r |= json_put(o, "frames", json_frames(&p->stacks[h->owner.stack]));
	return json_checked(o, r);
}

json_t *json_class_ns(const uint64_t ns[CLASS_COUNT])
{
	json_t *o = json_object();
	int r = 0;

	for (int c = 0; c < CLASS_COUNT; c++)
		r |= json_put(o, class_name(c), json_u64(ns[c]));
	return json_checked(o, r);
}

int json_line(json_t *record, int failed, FILE *f)
{
	size_t flags = JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(4);
	int r = -ENOMEM;

	if (!failed)
		r = json_dumpf(record, f, flags) < 0 || fputc('\n', f) == EOF ? -EIO : 0;
	json_decref(record);
	return r;
}
