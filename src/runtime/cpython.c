/* cpython.c: CPython 3.8 to 3.15 as a row of the table of runtimes; see runtime.h.
 *
 * Owns attach: find the interpreter, check that the process is built as its offsets say, fill the
 * walk plan.  The check is the point: a patched or unknown build is refused, never guessed at.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/cpython_check.h"
#include "runtime/cpython_find.h"
#include "runtime/cpython_live.h"
#include "runtime/cpython_names.h"
#include "runtime/cpython_offsets.h"
#include "runtime/cpython_tasks.h"
#include "runtime/runtime.h"

struct runtime_session {
	struct cpython_offsets offsets;
	struct cpython_names *names;
	struct cpython_live *live; /* NULL: stacks only, its objects are not known */
	uint64_t newest; /* the newest interpreter when the GILs were listed; 0: not since attach */
};

static int refuse(struct runtime_facts *facts, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct runtime_facts *facts, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(facts->why, sizeof(facts->why), format, args);
	va_end(args);
	return error;
}

static int detect(struct process *p)
{
	struct cpython_place place;
	int r = cpython_find(p, &place);

	/* a file named libpython that cannot be read is Python all the same: attach says why */
	if (r == -ENOENT || r == -ENOMEM)
		return r == -ENOENT ? 0 : r;
	return 1;
}

static int choose_offsets(const struct process *p, const struct cpython_place *place,
			  struct runtime_facts *facts, struct cpython_offsets *ret)
{
	const struct cpython_offsets *row = cpython_offsets_find(place->minor);
	uint8_t block[CPYTHON_DEBUG_SIZE];
	int r;

	if (!place->minor)
		return refuse(facts, -EPROTO, "its Python version cannot be told");
	if (!row)
		return refuse(facts, -EPROTO, "Python 3.%u is not supported", place->minor);
	*ret = *row;
	if (row->minor < 13)
		return 0;
	r = process_read_all(p, place->runtime, block, sizeof(block));
	if (r < 0)
		return refuse(facts, r, "the interpreter's memory cannot be read");
	r = cpython_debug_offsets(ret, block, sizeof(block));
	if (r == -ENOTSUP)
		return refuse(facts, -EPROTO, "free-threaded Python is not supported");
	if (r < 0)
		return refuse(facts, r, "this build of Python 3.%u is not a known one", row->minor);
	return 0;
}

/* What the interpreter calls through, and what makes it run on another list of frames: greenlets,
 * and sub-interpreters where the thread's state is the one that runs now. */
static void write_extensions(const struct cpython_place *place, struct runtime_facts *facts)
{
	static const char *const plumbing[] = { "_asyncio.", "_contextvars.", "_functools.", NULL };
	static const char *const switches[] = { "_greenlet.", "_interpreters.",
						"_xxsubinterpreters.", NULL };
	static const char *const old_switches[] = { "_greenlet.", NULL };

	facts->plumbing = plumbing;
	facts->switches = place->minor < 12 ? old_switches : switches;
}

static void write_version(const struct cpython_place *place, struct runtime_facts *facts)
{
	if (place->micro >= 0)
		snprintf(facts->version, sizeof(facts->version), "3.%u.%d", place->minor,
			 place->micro);
	else
		snprintf(facts->version, sizeof(facts->version), "3.%u", place->minor);
}

static int attach(struct process *p, struct runtime_facts *facts,
		  struct runtime_session **ret_session)
{
	struct runtime_session *s;
	struct cpython_place place;
	int r = cpython_find(p, &place);

	memset(facts, 0, sizeof(*facts));
	if (r == -EPROTO)
		return refuse(facts, r, "Python before 3.8 is not supported");
	if (r < 0)
		return refuse(facts, r, "the interpreter's file cannot be read: %s", strerror(-r));
	facts->text_start = place.text_start;
	facts->text_end = place.text_end;
	memcpy(facts->eval, place.eval, sizeof(facts->eval));
	write_version(&place, facts);
	write_extensions(&place, facts);

	s = calloc(1, sizeof(*s));
	if (!s)
		return refuse(facts, -ENOMEM, "out of memory");
	r = choose_offsets(p, &place, facts, &s->offsets);
	if (r == 0)
		r = cpython_check(p, &s->offsets, &place, &facts->plan, facts->why,
				  sizeof(facts->why));
	if (r == 0)
		r = cpython_names_new(p, &s->offsets, place.code_type, place.text_type,
				      place.bytes_type, &s->names);
	if (r < 0) {
		facts->plan.enabled = 0;
		free(s);
		return r;
	}
	if (cpython_live_open(p, &s->offsets, &facts->plan, place.runtime, &s->live) < 0)
		s->live = NULL;
	*ret_session = s;
	return 0;
}

static void begin(struct runtime_session *s, const struct event_stack *stack)
{
	(void)stack;
	cpython_names_trim(s->names);
}

static int name_frame(struct runtime_session *s, const struct interp_frame *frame,
		      struct chunk_frame *ret_frame)
{
	const struct cpython_code *code;
	int r = cpython_names_get(s->names, frame->code & ~7ull, frame->tag, &code);

	if (r < 0)
		return r;
	if (code->internal)
		return -ENOENT;
	*ret_frame = (struct chunk_frame){
		.kind = FRAME_PYTHON,
		.flags = frame->code & 1 ? FRAME_ENTRY : 0,
		.file = "",
		.module = "",
	};
	if (code->unread) {
		ret_frame->fn = "<unknown>";
	} else if (code->stale) {
		ret_frame->fn = "<stale code>";
		ret_frame->flags |= FRAME_STALE;
	} else {
		ret_frame->fn = code->fn;
		ret_frame->file = code->file;
		ret_frame->line = cpython_names_line(s->names, code, frame->off);
		ret_frame->flags |= (code->library ? FRAME_LIBRARY : 0) |
				    (code->coroutine ? FRAME_COROUTINE : 0);
	}
	return 0;
}

static int loop_now(struct runtime_session *s, uint64_t thread_pointer,
		    struct runtime_loop *ret_loop)
{
	return s->live ? cpython_live_loop(s->live, thread_pointer, ret_loop) : -ENODATA;
}

static int thread_now(struct runtime_session *s, uint64_t thread_pointer,
		      struct runtime_thread *ret_thread)
{
	return s->live ? cpython_live_thread(s->live, thread_pointer, ret_thread) : -ENODATA;
}

static int tasks(struct runtime_session *s, int (*put)(void *ctx, const struct str *payload),
		 void *ctx)
{
	struct cpython_tasks_opts o = { .names = s->names };

	if (!s->live)
		return -ENODATA;
	cpython_live_prepare(s->live);
	o.loops = &s->live->loops;
	o.p = s->live->p;
	o.tgid = (uint32_t)s->live->p->pid;
	o.runtime = s->live->runtime;
	return cpython_tasks(&o, put, ctx);
}

/* Before 3.12 there is one GIL.  Interpreters are put in front of their list; one that ended leaves
 * a GIL that nobody waits for. */
static bool renew(struct runtime_session *s, struct runtime_facts *facts)
{
	uint64_t gil[4], newest;
	int r;

	if (!s->live || s->offsets.runtime_gil ||
	    process_read_u64(s->live->p, s->live->runtime + s->offsets.runtime_interp_head,
			     &newest) < 0 ||
	    newest == s->newest)
		return false;
	r = cpython_check_gils(s->live->p, &s->offsets, s->live->runtime, gil, facts->why,
			       sizeof(facts->why));
	if (r < 0)
		return false;
	s->newest = r ? 0 : newest;
	if (!memcmp(gil, facts->plan.gil, sizeof(gil)))
		return false;
	memcpy(facts->plan.gil, gil, sizeof(gil));
	return true;
}

static struct runtime_session *close_session(struct runtime_session *s)
{
	if (!s)
		return NULL;
	cpython_live_close(s->live);
	cpython_names_free(s->names);
	free(s);
	return NULL;
}

const struct runtime runtime_cpython = {
	.name = "python",
	.detect = detect,
	.attach = attach,
	.begin = begin,
	.name_frame = name_frame,
	.loop_now = loop_now,
	.thread_now = thread_now,
	.tasks = tasks,
	.renew = renew,
	.close = close_session,
};
