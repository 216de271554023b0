/* test_account.c: the arithmetic of busy periods in the kernel: buckets, classes, parts, sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/bpf/account.h"

#include "account.skel.h"

#include "tests/bpf/account_fixture.h"

#define CALL_READ    0
#define CALL_FUTEX   202
#define CALL_RESTART 219
#define CALL_SLEEP   230

static uint64_t ask_bucket(struct account *a, uint64_t ns)
{
	a->bpf->bss->door.ns = ns;
	RUN(a, bucket);
	return a->bpf->bss->door.out;
}

/* Every power of two and its neighbours fall where the formula of event.h says. */
static void test_bucket(void **state)
{
	struct account *a = *state;

	account_reset(a);
	assert_int_equal(ask_bucket(a, 0), 0);
	assert_int_equal(ask_bucket(a, 1023), 0);
	assert_int_equal(ask_bucket(a, 1024), 1);
	assert_int_equal(ask_bucket(a, 2047), 1);
	for (unsigned int e = 1; e < 54; e++) {
		uint64_t one = 1024ULL << e, want = 1 + 4 * e;

		want = want < HIST_BUCKETS ? want : HIST_BUCKETS - 1;
		assert_int_equal(ask_bucket(a, one), want);
		want = want + 2 < HIST_BUCKETS ? want + 2 : HIST_BUCKETS - 1;
		assert_int_equal(ask_bucket(a, one + one / 2), want);
	}
	assert_int_equal(ask_bucket(a, ~0ULL), HIST_BUCKETS - 1);
}

/* The logarithm is that of the highest bit, for every bit, with all lower bits clear and set. */
static void test_log2(void **state)
{
	struct account *a = *state;

	account_reset(a);
	for (unsigned int bit = 0; bit < 64; bit++) {
		a->bpf->bss->door.ns = 1ULL << bit;
		RUN(a, log2);
		assert_int_equal(a->bpf->bss->door.out, bit);
		a->bpf->bss->door.ns = (1ULL << bit) | ((1ULL << bit) - 1);
		RUN(a, log2);
		assert_int_equal(a->bpf->bss->door.out, bit);
	}
}

struct classify_row {
	bool preempt;
	uint32_t state;
	int64_t call;
	uint32_t klass;
	int64_t syscall;
};

/* Preemption comes first, bits are tested, modifiers ignored, and no system call means a fault. */
static void test_classify(void **state)
{
	static const struct classify_row rows[] = {
		{ false, 0x0000, CALL_READ, CLASS_RUNQUEUE, -1 }, /* yielded */
		{ true, 0x0000, CALL_READ, CLASS_RUNQUEUE, -1 },
		{ true, 0x0001, CALL_READ, CLASS_RUNQUEUE, -1 }, /* on its way to sleep */
		{ true, 0x0004, CALL_READ, CLASS_RUNQUEUE, -1 },
		{ false, 0x0400, CALL_READ, CLASS_RUNQUEUE, -1 }, /* NOLOAD alone is no sleep */
		{ false, 0x0001, CALL_READ, CLASS_SYSCALL, CALL_READ },
		{ false, 0x0002, CALL_READ, CLASS_SYSCALL, CALL_READ },
		{ false, 0x0102, CALL_READ, CLASS_SYSCALL, CALL_READ }, /* killable */
		{ false, 0x0402, CALL_READ, CLASS_SYSCALL, CALL_READ },
		{ false, 0x2001, 230, CLASS_SYSCALL, 230 }, /* freezable sleep, 6.1 */
		{ false, 0x2001, CALL_FUTEX, CLASS_LOCK, CALL_FUTEX },
		{ false, 0x0001, CALL_FUTEX, CLASS_LOCK, CALL_FUTEX },
		{ false, 0x0002, -1, CLASS_FAULT, -1 },
		{ false, 0x0102, -1, CLASS_FAULT, -1 },
		{ false, 0x0004, -1, CLASS_STOPPED, -1 },
		{ false, 0x0104, CALL_READ, CLASS_STOPPED, -1 },
		{ false, 0x0008, CALL_READ, CLASS_STOPPED, -1 },  /* traced */
		{ false, 0x8000, CALL_FUTEX, CLASS_STOPPED, -1 }, /* frozen */
		{ false, 0x0001, 0x40000000, CLASS_SYSCALL, -1 }, /* x32 numbers */
	};
	struct account *a = *state;

	account_reset(a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		a->bpf->bss->door.preempt = rows[i].preempt;
		a->bpf->bss->door.state = rows[i].state;
		a->bpf->bss->door.orig_ax = rows[i].call;
		RUN(a, classify);
		assert_int_equal(a->bpf->bss->door.out, rows[i].klass);
		assert_int_equal((int64_t)a->bpf->bss->door.out2, rows[i].syscall);
	}
}

/* Asks for the class of an interruptible sleep in that call; a stop when it is -1. */
static void sleep_in(struct account *a, int64_t call, uint32_t klass, int64_t syscall)
{
	a->bpf->bss->door.state = klass == CLASS_STOPPED ? 0x4 : 0x1;
	a->bpf->bss->door.orig_ax = call;
	RUN(a, classify);
	assert_int_equal(a->bpf->bss->door.out, klass);
	assert_int_equal((int64_t)a->bpf->bss->door.out2, syscall);
}

/* A sleep that a stop interrupted goes on as restart_syscall: it keeps its class and its call,
 * across the stop and however often; what is restarted before any sleep was seen is not known. */
static void test_restart(void **state)
{
	struct account *a = *state;

	account_reset(a);
	sleep_in(a, CALL_RESTART, CLASS_SYSCALL, CALL_RESTART);
	account_reset(a);
	sleep_in(a, CALL_SLEEP, CLASS_SYSCALL, CALL_SLEEP);
	sleep_in(a, CALL_SLEEP, CLASS_STOPPED, -1);
	sleep_in(a, CALL_RESTART, CLASS_SYSCALL, CALL_SLEEP);
	sleep_in(a, CALL_RESTART, CLASS_STOPPED, -1);
	sleep_in(a, CALL_RESTART, CLASS_SYSCALL, CALL_SLEEP);
	sleep_in(a, CALL_FUTEX, CLASS_LOCK, CALL_FUTEX);
	sleep_in(a, CALL_FUTEX, CLASS_STOPPED, -1);
	sleep_in(a, CALL_RESTART, CLASS_LOCK, CALL_FUTEX);
}

/* 64 captures at once, then one in 100 us; time that passes fills the budget up to 64 again. */
static void test_capture_budget(void **state)
{
	struct account *a = *state;
	struct door *d = &a->bpf->bss->door;
	unsigned int granted = 0;

	account_reset(a);
	d->now = 1000000000;
	for (unsigned int i = 0; i < 101; i++) {
		RUN(a, capture);
		granted += d->out;
	}
	assert_int_equal(granted, 64);
	d->now += 99999;
	RUN(a, capture);
	assert_int_equal(d->out, 0);
	d->now += 1;
	RUN(a, capture);
	assert_int_equal(d->out, 1);
	RUN(a, capture);
	assert_int_equal(d->out, 0);
	d->now += 3600000000000ULL;
	for (granted = 0; d->out || !granted; granted++)
		RUN(a, capture);
	assert_int_equal(granted - 1, 64);
}

/* Adds a wait of a class, of length ns and with a stack of its own; returns its part. */
static int64_t add(struct account *a, uint32_t klass, uint64_t stack, uint64_t ns)
{
	a->loop->pending.klass = klass;
	a->loop->pending.stack = stack;
	a->loop->pending.count = 1;
	a->bpf->bss->door.ns = ns;
	RUN(a, part_add);
	return (int64_t)a->bpf->bss->door.out;
}

/* Waits with one stack, call and object are one part; another of any of these is another part. */
static void test_part_merge(void **state)
{
	struct account *a = *state;
	struct event_stall *s = &a->loop->stall;
	struct stall_part *p = &a->loop->pending;

	account_reset(a);
	assert_int_equal(add(a, CLASS_SYSCALL, 11, 700), 0);
	assert_int_equal(add(a, CLASS_SYSCALL, 11, 300), 0);
	assert_int_equal(add(a, CLASS_SYSCALL, 11, 900), 0);
	assert_int_equal(s->n_parts, 1);
	assert_int_equal(s->parts[0].ns, 1900);
	assert_int_equal(s->parts[0].max, 900);
	assert_int_equal(s->parts[0].count, 3);
	p->target.value = 23; /* an asked time: that of the longest is kept */
	assert_int_equal(add(a, CLASS_SYSCALL, 11, 1), 0);
	assert_int_equal(s->parts[0].target.value, 0);
	assert_int_equal(add(a, CLASS_SYSCALL, 11, 901), 0);
	assert_int_equal(s->parts[0].target.value, 23);
	assert_int_equal(add(a, CLASS_SYSCALL, 12, 1), 1);
	assert_int_equal(add(a, CLASS_LOCK, 12, 1), 2);
	p->syscall = 1;
	assert_int_equal(add(a, CLASS_LOCK, 12, 1), 3);
	p->target.fd = 5;
	assert_int_equal(add(a, CLASS_LOCK, 12, 1), 4);
	p->target.ino = 5;
	assert_int_equal(add(a, CLASS_LOCK, 12, 1), 5);
	p->target.pid = 5;
	assert_int_equal(add(a, CLASS_LOCK, 12, 1), 6);
	p->target.kind = TARGET_PIPE;
	assert_int_equal(add(a, CLASS_LOCK, 12, 1), 7);
	p->flags = PART_SHORT;
	assert_int_equal(add(a, CLASS_LOCK, 12, 1), 8);
	assert_int_equal(add(a, CLASS_LOCK, 12, 1), 8);
	assert_int_equal(s->dropped, 0);
}

/* The 33rd part takes the place of the smallest, whose time is then in dropped_ns; one smaller than
 * all is dropped itself; and every nanosecond is in one or the other. */
static void test_part_evict(void **state)
{
	struct account *a = *state;
	struct event_stall *s = &a->loop->stall;
	uint64_t sum = 0, total = 0;

	account_reset(a);
	for (unsigned int i = 0; i < STALL_PARTS_MAX; i++) {
		uint64_t ns = i == 17 ? 500 : 1000 + i;

		assert_int_equal(add(a, i == 17 ? CLASS_FAULT : CLASS_SYSCALL, 100 + i, ns), i);
		total += ns;
	}
	assert_int_equal(add(a, CLASS_LOCK, 1, 2000), 17);
	assert_int_equal(s->n_parts, STALL_PARTS_MAX);
	assert_int_equal(s->dropped, 1);
	assert_int_equal(s->dropped_ns[CLASS_FAULT], 500);
	assert_int_equal(s->parts[17].klass, CLASS_LOCK);
	assert_int_equal(s->parts[17].count, 1);
	assert_int_equal(add(a, CLASS_STOPPED, 2, 999), -1);
	assert_int_equal(s->dropped, 2);
	assert_int_equal(s->dropped_ns[CLASS_STOPPED], 999);
	assert_int_equal(add(a, CLASS_LOCK, 1, 10), 17);
	assert_int_equal(s->parts[17].ns, 2010);
	total += 2000 + 999 + 10;
	for (unsigned int i = 0; i < STALL_PARTS_MAX; i++)
		sum += s->parts[i].ns;
	for (unsigned int i = 0; i < CLASS_COUNT; i++)
		sum += s->dropped_ns[i];
	assert_int_equal(sum, total);
}

/* A wait of `ns` of that class has just ended and went to part 0. */
static void ended(struct account *a, uint32_t klass, uint64_t ns)
{
	account_reset(a);
	a->loop->last_class = klass;
	a->loop->last_ns = ns;
	a->loop->last_part = 0;
	a->loop->stall.class_ns[klass] = ns;
	a->loop->stall.n_parts = 1;
	a->loop->stall.parts[0].ns = ns;
	a->loop->stall.parts[0].klass = klass;
}

static void settle(struct account *a, uint64_t delay)
{
	a->bpf->bss->door.ns = delay;
	RUN(a, settle);
}

/* The run-queue share moves from the wait's class and part to runqueue, once, and never more than
 * the wait was long. */
static void test_settle(void **state)
{
	struct account *a = *state;
	struct event_stall *s = &a->loop->stall;

	ended(a, CLASS_SYSCALL, 5000);
	settle(a, 1999);
	assert_int_equal(s->class_ns[CLASS_SYSCALL], 3001);
	assert_int_equal(s->class_ns[CLASS_RUNQUEUE], 1999);
	assert_int_equal(s->parts[0].ns, 3001);
	settle(a, 1999);
	assert_int_equal(s->class_ns[CLASS_RUNQUEUE], 1999);
	ended(a, CLASS_SYSCALL, 5000);
	settle(a, ~0ULL);
	assert_int_equal(s->class_ns[CLASS_SYSCALL], 0);
	assert_int_equal(s->class_ns[CLASS_RUNQUEUE], 5000);
	ended(a, CLASS_RUNQUEUE, 5000);
	settle(a, 1999);
	assert_int_equal(s->class_ns[CLASS_RUNQUEUE], 5000);
	assert_int_equal(s->parts[0].ns, 5000);
	ended(a, CLASS_SYSCALL, 5000);
	s->parts[0].flags = PART_SHORT; /* a weight is no length */
	settle(a, 1999);
	assert_int_equal(s->parts[0].ns, 5000);
	assert_int_equal(s->class_ns[CLASS_SYSCALL], 3001);
	ended(a, CLASS_SYSCALL, 5000);
	a->loop->last_part = -1;
	settle(a, 1999);
	assert_int_equal(s->parts[0].ns, 5000);
	assert_int_equal(s->class_ns[CLASS_SYSCALL], 3001);
}

static void period(struct account *a, uint64_t start, uint64_t end)
{
	a->bpf->bss->door.now = start;
	RUN(a, period_start);
	a->bpf->bss->door.now = end;
	RUN(a, period_end);
}

/* A period is a stall from the threshold on, not below; all are counted and in the histogram. */
static void test_threshold(void **state)
{
	struct account *a = *state;
	struct event_loop_stats *st = &a->loop->stats;
	const struct event_stall *e = NULL;

	account_reset(a);
	period(a, 1000, 1000 + THRESHOLD - 1);
	assert_int_equal(events_of(a, EVENT_STALL, NULL), 0);
	period(a, 7, 7 + THRESHOLD);
	assert_int_equal(events_of(a, EVENT_STALL, (const void **)&e), 1);
	assert_int_equal(e->head.size, offsetof(struct event_stall, parts));
	assert_int_equal(e->head.ts, 7 + THRESHOLD);
	assert_int_equal(e->start, 7);
	assert_int_equal(e->ns, THRESHOLD);
	assert_int_equal(e->iteration, 2);
	assert_int_equal(e->class_ns[CLASS_CPU], THRESHOLD);
	assert_int_equal(st->iterations, 2);
	assert_int_equal(st->busy_ns, 2 * THRESHOLD - 1);
	assert_int_equal(st->stalls, 1);
	assert_int_equal(st->stalled_ns, THRESHOLD);
	assert_int_equal(st->longest_ns, THRESHOLD);
	assert_int_equal(st->longest_at, 7);
	assert_int_equal(st->hist[ask_bucket(a, THRESHOLD)], 2);
	assert_int_equal(a->loop->stall.start, 0);
	RUN(a, period_end); /* none is open: nothing happens */
	assert_int_equal(st->iterations, 2);
}

/* Off-CPU time beyond the period is counted as a mistake, and the sum still holds. */
static void test_sums_too_large(void **state)
{
	struct account *a = *state;
	const struct event_stall *e = NULL;

	account_reset(a);
	a->bpf->bss->door.now = 1000;
	RUN(a, period_start);
	a->loop->stall.class_ns[CLASS_SYSCALL] = THRESHOLD + 5;
	a->bpf->bss->door.now = 1000 + THRESHOLD;
	RUN(a, period_end);
	assert_int_equal(events_of(a, EVENT_STALL, (const void **)&e), 1);
	assert_int_equal(e->ns, THRESHOLD + 5);
	assert_int_equal(e->class_ns[CLASS_CPU], 0);
	assert_int_equal(a->bpf->bss->lost[LOST_SUMS], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket),	       cmocka_unit_test(test_log2),
		cmocka_unit_test(test_classify),       cmocka_unit_test(test_restart),
		cmocka_unit_test(test_capture_budget), cmocka_unit_test(test_part_merge),
		cmocka_unit_test(test_part_evict),     cmocka_unit_test(test_settle),
		cmocka_unit_test(test_threshold),      cmocka_unit_test(test_sums_too_large),
	};

	return cmocka_run_group_tests(tests, account_open, account_close);
}
