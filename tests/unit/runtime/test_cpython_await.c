/* test_cpython_await.c: await chains of every version, whole, broken and endless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_tasks.h"

typedef void version_fn(struct fake_tasks *t);

static void each_version(version_fn *fn)
{
	for (uint32_t minor = FAKE_MINOR_FIRST; minor <= FAKE_MINOR_LAST; minor++) {
		struct fake_tasks t;

		fake_tasks_init(&t, minor);
		fn(&t);
		fake_tasks_release(&t);
	}
}

static uint64_t simple(struct fake_tasks *t, enum fake_state state, uint64_t awaited)
{
	return fake_coro(t, t->f->coroutine, state, fake_code(t, "f", "/srv/app.py", 7), 0x4240,
			 awaited);
}

/* outer awaits middle awaits an asynchronous generator awaits a future. */
static void whole_chain(struct fake_tasks *t)
{
	struct fake *f = t->f;
	uint64_t future = fake_future(t, f->future, 0), code = fake_code(t, "g", "/srv/app.py", 9);
	uint64_t agen = fake_coro(t, t->async_generator, FAKE_AWAITING, code, 0,
				  fake_iter(t, future));
	uint64_t asend = fake_object(f, t->asend, 32), middle, outer;
	struct await_chain c;

	fake_put(f, asend + 16, agen);
	middle = simple(t, FAKE_AWAITING, asend);
	outer = simple(t, FAKE_AWAITING, middle);
	assert_int_equal(cpython_await_chain(&f->rd, outer, &c), 0);
	assert_int_equal(c.count, 3);
	assert_int_equal(c.coros[0].object, outer);
	assert_int_equal(c.coros[0].first, 0x4240);
	assert_int_equal(c.coros[0].off, FAKE_OFF);
	assert_int_equal(c.coros[1].object, middle);
	assert_int_equal(c.coros[2].object, agen);
	assert_int_equal(c.coros[2].code, code);
	assert_true(c.future);
	assert_int_equal(c.end, future);
	assert_false(c.truncated);
	for (int i = 0; i < 3; i++)
		assert_int_equal(c.coros[i].state, CORO_SUSPENDED);
}

static void test_whole(void **state)
{
	(void)state;
	each_version(whole_chain);
}

static void states_of(struct fake_tasks *t)
{
	static const enum coro_state wanted[] = { CORO_CREATED, CORO_SUSPENDED, CORO_SUSPENDED,
						  CORO_RUNNING, CORO_FINISHED };
	uint64_t future = fake_iter(t, fake_future(t, t->f->future, 0));

	for (int i = FAKE_CREATED; i <= FAKE_FINISHED; i++) {
		struct coro_at at;

		assert_int_equal(cpython_coro_at(&t->f->rd, simple(t, i, future), &at), 0);
		assert_int_equal(at.state, wanted[i]);
		/* only one that waits has an awaited object, whatever else is on its stack */
		assert_int_equal(at.awaited, i == FAKE_AWAITING ? future : 0);
	}
}

static void test_states(void **state)
{
	(void)state;
	each_version(states_of);
}

/* From 3.14 on the process states these itself; none may lead out of the bytes that were read. */
static void lies(struct fake_tasks *t)
{
	struct cpython_layout *l = &t->f->l, honest = *l;
	uint64_t coro = simple(t, FAKE_AWAITING, 0);
	uint32_t *const members[] = { &l->gen_state, &l->frame_stack, &l->gen_iframe,
				      &l->frame_locals };
	struct coro_at at;

	if (!l->gen_iframe)
		return;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		*members[i] = (1u << 20) - 1;
		assert_int_equal(cpython_coro_at(&t->f->rd, coro, &at), -EPROTO);
		*l = honest;
	}
	l->gen_iframe = 248 - 72;
	l->frame_locals = 8;
	l->frame_stack = 0;
	assert_int_equal(cpython_coro_at(&t->f->rd, coro, &at), -EPROTO);
}

static void test_lies(void **state)
{
	(void)state;
	each_version(lies);
}

/* A coroutine that awaits itself, as a torn read can make it seem. */
static void endless(struct fake_tasks *t)
{
	uint64_t coro = simple(t, FAKE_AWAITING, 0), awaited = 0;
	struct await_chain c;
	struct coro_at at;

	assert_int_equal(cpython_coro_at(&t->f->rd, coro, &at), 0);
	awaited = at.stack_top - (t->f->l.awaited == AWAITED_POINTER_16 ? 16 : 8);
	fake_put(t->f, awaited, coro);
	assert_int_equal(cpython_await_chain(&t->f->rd, coro, &c), 0);
	assert_int_equal(c.count, AWAITS_MAX);
	assert_true(c.truncated);
	assert_int_equal(c.end, 0);
}

static void test_endless(void **state)
{
	(void)state;
	each_version(endless);
}

/* What is no coroutine ends the chain and is told; at its beginning it is refused. */
static void others(struct fake_tasks *t)
{
	uint64_t strange = fake_instance(t->f, "Strange", 0, NULL, NULL);
	struct await_chain c;

	assert_int_equal(cpython_await_chain(&t->f->rd, strange, &c), -EPROTO);
	assert_int_equal(cpython_await_chain(&t->f->rd, 8, &c), -EPROTO);
	assert_int_equal(cpython_await_chain(&t->f->rd, simple(t, FAKE_AWAITING, strange), &c), 0);
	assert_int_equal(c.count, 1);
	assert_int_equal(c.end, strange);
	assert_false(c.future);
	/* a class of the program that calls itself coroutine is none */
	strange = fake_instance(t->f, "coroutine", 0, NULL, NULL);
	assert_int_equal(cpython_await_chain(&t->f->rd, strange, &c), -EPROTO);
	t->f->gone = true;
	cpython_reader_begin(&t->f->rd);
	assert_true(cpython_await_chain(&t->f->rd, simple(t, FAKE_AWAITING, 0), &c) < 0);
}

static void test_others(void **state)
{
	(void)state;
	each_version(others);
}

/* Each word of a coroutine in turn is each kind of nonsense: an answer, and no further than the
 * limits. */
static void damaged(struct fake_tasks *t)
{
	uint64_t future = fake_iter(t, fake_future(t, t->f->future, 0)), inner, outer, before;
	uint64_t nonsense[] = { 0,	    1,		0xffff,	   1ull << 46,
				1ull << 63, UINT64_MAX, FAKE_BASE, FAKE_BASE + FAKE_SIZE - 4,
				0 };
	struct await_chain c;

	inner = simple(t, FAKE_AWAITING, future);
	outer = simple(t, FAKE_AWAITING, inner);
	nonsense[8] = outer;
	for (uint64_t at = inner - 1200; at < outer + 384; at += 8)
		for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
			memcpy(&before, fake_at(t->f, at), sizeof(before));
			fake_put(t->f, at, nonsense[i]);
			if (cpython_await_chain(&t->f->rd, outer, &c) == 0)
				assert_true(c.count >= 1 && c.count <= AWAITS_MAX);
			fake_put(t->f, at, before);
		}
	assert_int_equal(cpython_await_chain(&t->f->rd, outer, &c), 0);
	assert_int_equal(c.count, 2);
}

static void test_damaged(void **state)
{
	(void)state;
	each_version(damaged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),  cmocka_unit_test(test_states),
		cmocka_unit_test(test_lies),   cmocka_unit_test(test_endless),
		cmocka_unit_test(test_others), cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
