/* build.h: chunks for the tests of the model, in few words.
 *
 * A struct bench is one model with what it handed out.  Everything asserts; nothing is returned
 * that a test would have to check.
 */
#ifndef STALLPROF_TESTS_UNIT_MODEL_BUILD_H
#define STALLPROF_TESTS_UNIT_MODEL_BUILD_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "model/state.h"

#define MS	 1000000ULL
#define TGID	 4211
#define TID	 4217
#define NR_READ	 0
#define NR_EPOLL 232
#define NR_RECV	 45
#define NR_SLEEP 230

struct bench {
	struct model *m;
	struct str payload;
	size_t handed; /* stalls given to on_stall */
	const struct stall *last;
	const struct profile *live;
};

static inline void bench_saw(void *ctx, const struct profile *p, const struct stall *s)
{
	struct bench *b = ctx;

	b->handed++;
	b->last = s;
	b->live = p;
}

static inline void bench_open(struct bench *b)
{
	*b = (struct bench){ 0 };
	assert_int_equal(model_new(&b->m), 0);
	model_on_stall(b->m, bench_saw, b);
}

static inline void bench_close(struct bench *b)
{
	model_free(b->m);
	str_release(&b->payload);
}

static inline void give(struct bench *b, uint32_t kind)
{
	assert_int_equal(chunk_emit(model_sink(b->m), kind, &b->payload), 0);
	str_clear(&b->payload);
}

static inline void put_u32(struct bench *b, uint32_t v)
{
	assert_int_equal(chunk_put_u32(&b->payload, v), 0);
}

static inline void put_u64(struct bench *b, uint64_t v)
{
	assert_int_equal(chunk_put_u64(&b->payload, v), 0);
}

static inline void put_str(struct bench *b, const char *text)
{
	assert_int_equal(chunk_put_str(&b->payload, text), 0);
}

static inline void give_meta(struct bench *b, const char *key, const char *value)
{
	put_str(b, key);
	put_str(b, value);
	give(b, CHUNK_META);
}

static inline void give_proc(struct bench *b, uint32_t pid, const char *comm, const char *exe)
{
	put_u32(b, pid);
	put_u64(b, 1);
	put_str(b, comm);
	put_str(b, exe);
	put_str(b, "");
	put_str(b, "python");
	put_str(b, "3.11.2");
	give(b, CHUNK_PROC);
}

static inline void give_kind(struct bench *b, uint32_t loop, const char *kind, uint32_t confirmed)
{
	put_u32(b, loop);
	put_str(b, kind);
	put_u32(b, confirmed);
	give(b, CHUNK_LOOP_KIND);
}

static inline void give_stack(struct bench *b, uint64_t hash, uint32_t flags,
			      const struct chunk_frame *frames, size_t n)
{
	put_u64(b, hash);
	put_u32(b, flags);
	put_u32(b, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(chunk_put_frame(&b->payload, &frames[i]), 0);
	give(b, CHUNK_STACK_NAMES);
}

/* A stack of one Python frame of the user's own. */
static inline void give_python(struct bench *b, uint64_t hash, const char *fn, uint32_t line)
{
	struct chunk_frame f = {
		.kind = FRAME_PYTHON, .line = line, .fn = fn, .file = "app.py", .module = ""
	};

	give_stack(b, hash, STACK_PYTHON, &f, 1);
}

static inline void give_event(struct bench *b, const void *event, size_t size)
{
	assert_int_equal(str_add_mem(&b->payload, event, size), 0);
	give(b, CHUNK_EVENT);
}

static inline struct event_head head_of(uint16_t kind, uint32_t size)
{
	return (struct event_head){ .kind = kind, .size = size, .ts = 1, .tgid = TGID, .tid = TID };
}

static inline void give_loop(struct bench *b, uint32_t loop, uint32_t home)
{
	struct event_loop e = { .head = head_of(EVENT_LOOP, sizeof(e)),
				.loop = loop,
				.home = home,
				.fd = 3,
				.syscall = NR_EPOLL,
				.comm = "uvicorn" };

	give_event(b, &e, sizeof(e));
}

static inline size_t stall_size(const struct event_stall *e)
{
	return offsetof(struct event_stall, parts) + e->n_parts * sizeof(e->parts[0]);
}

/* All of its time is on the CPU until parts are added. */
static inline struct event_stall a_stall(uint32_t loop, uint64_t iteration, uint64_t ns)
{
	struct event_stall e = { .loop = loop,
				 .start = iteration * 1000 * MS,
				 .ns = ns,
				 .threshold = 100 * MS,
				 .iteration = iteration,
				 .class_ns = { [CLASS_CPU] = ns } };

	e.head = head_of(EVENT_STALL, 0);
	return e;
}

/* Moves ns from the CPU to a class and adds the part that measured them. */
static inline struct stall_part *add_part(struct event_stall *e, enum stall_class klass,
					  uint64_t ns, uint64_t stack)
{
	struct stall_part *p = &e->parts[e->n_parts++];

	*p = (struct stall_part){ .at = e->n_parts * 1000,
				  .ns = ns,
				  .max = ns,
				  .stack = stack,
				  .count = 1,
				  .klass = klass,
				  .syscall = -1,
				  .target = { .fd = -1 } };
	if (klass != CLASS_CPU) {
		e->class_ns[klass] += ns;
		e->class_ns[CLASS_CPU] -= ns;
	}
	return p;
}

static inline void give_stall(struct bench *b, struct event_stall *e)
{
	e->head.size = stall_size(e);
	give_event(b, e, e->head.size);
}

static inline const struct profile *seal(struct bench *b)
{
	const struct profile *p = model_seal(b->m, "");

	assert_non_null(p);
	return p;
}

static inline uint64_t lost_count(const struct profile *p, const char *what)
{
	for (size_t i = 0; i < p->n_lost; i++)
		if (!strcmp(p->lost[i].what, what))
			return p->lost[i].count;
	return 0;
}

#define TEST(name) static void name(void **state)
#define BENCH(b) \
	struct bench b; \
	(void)state; \
	bench_open(&b)

#endif
