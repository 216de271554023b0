/* test_sequence.c: lives of a loop, hook by hook: whatever the order and the lengths, sums add up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/bpf/account.h"

#include "account.skel.h"

#include "tests/bpf/account_fixture.h"

#define CALL_READ     230 /* clock_nanosleep */
#define MSEC	      1000000ULL
#define CAPTURE_BURST 64

/* What the accounting must come to, kept beside it. */
struct shadow {
	uint64_t now, start, polled;
	uint64_t class_ns[CLASS_COUNT];
	uint64_t iterations, busy, poll, stalls, stalled, longest;
	uint64_t short_waits;
};

static uint64_t seed;

static uint64_t chance(uint64_t below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % below;
}

static void begin(struct account *a, uint32_t klass, int call, uint64_t now)
{
	a->bpf->bss->door.klass = klass;
	a->bpf->bss->door.syscall = call;
	a->bpf->bss->door.now = now;
	RUN(a, wait_begin);
}

/* Where the wake-up was not seen the kernel's own figure counts, which is that of this very thread
 * while it runs the test: so it is seen, and the thread has a CPU at once. */
static void end(struct account *a, uint64_t now)
{
	if (!a->loop->waking)
		a->loop->waking = now;
	a->bpf->bss->door.now = now;
	RUN(a, wait_end);
}

static void poll_out(struct account *a, uint64_t now)
{
	a->bpf->bss->door.now = now;
	RUN(a, poll_out);
}

static void poll_in(struct account *a, uint64_t now)
{
	a->bpf->bss->door.now = now;
	RUN(a, poll_in);
}

/* One wait of a class that the accounting does not know yet, of random length. */
static void shadow_wait(struct account *a, struct shadow *s)
{
	uint32_t klass = 1 + chance(CLASS_COUNT - 1);
	uint64_t ns = chance(5) ? chance(2 * MSEC) : chance(29 * MSEC);

	s->now += chance(MSEC);
	begin(a, klass, chance(3) ? CALL_READ : -1, s->now);
	s->now += ns;
	end(a, s->now);
	s->class_ns[klass] += ns;
	s->short_waits += ns < a->loop->min_part;
}

static void check_event(struct account *a, const struct shadow *s, const struct event_stall *e)
{
	uint64_t sum = 0, parts[CLASS_COUNT] = { 0 };

	assert_int_equal(e->start, s->start);
	assert_int_equal(e->ns, s->now - s->start);
	assert_int_equal(e->iteration, s->iterations);
	assert_int_equal(e->short_waits, s->short_waits);
	for (int i = CLASS_RUNQUEUE; i < CLASS_COUNT; i++)
		assert_int_equal(e->class_ns[i], s->class_ns[i]);
	for (int i = 0; i < CLASS_COUNT; i++)
		sum += e->class_ns[i];
	assert_int_equal(sum, e->ns);
	for (int i = 0; i < e->n_parts; i++) {
		assert_true(e->parts[i].at < e->ns);
		assert_in_range(e->parts[i].klass, CLASS_RUNQUEUE, CLASS_UNEXPLAINED);
		parts[e->parts[i].klass] += e->parts[i].ns;
	}
	/* Without short waits every nanosecond off the CPU is in a part, or dropped. */
	for (int i = CLASS_RUNQUEUE; i < CLASS_COUNT && !a->loop->min_part; i++)
		assert_int_equal(parts[i] + e->dropped_ns[i], e->class_ns[i]);
}

static void shadow_period(struct account *a, struct shadow *s)
{
	const struct event_stall *e = NULL;
	uint64_t ns;

	s->now += chance(3 * MSEC);
	poll_out(a, s->now);
	s->poll += s->now - s->polled;
	s->start = s->now;
	s->short_waits = 0;
	memset(s->class_ns, 0, sizeof(s->class_ns));
	for (uint64_t n = chance(3) ? chance(7) : chance(97); n; n--)
		shadow_wait(a, s);
	s->now += 1 + chance(3 * MSEC);
	events_forget(a);
	poll_in(a, s->now);
	s->polled = s->now;
	ns = s->now - s->start;
	s->iterations++;
	s->busy += ns;
	s->longest = ns > s->longest ? ns : s->longest;
	assert_int_equal(events_of(a, EVENT_STALL, (const void **)&e), ns >= THRESHOLD);
	if (ns >= THRESHOLD) {
		s->stalls++;
		s->stalled += ns;
		check_event(a, s, e);
	}
}

static void shadow_life(struct account *a, uint64_t min_part)
{
	struct event_loop_stats *st = &a->loop->stats;
	struct shadow s = { .now = 1000 * MSEC };
	uint64_t in_hist = 0;

	account_reset(a);
	a->loop->min_part = min_part;
	poll_in(a, s.now);
	s.polled = s.now;
	for (int i = 0; i < 211; i++)
		shadow_period(a, &s);
	assert_true(s.stalls >= 23);
	assert_int_equal(st->iterations, s.iterations);
	assert_int_equal(st->busy_ns, s.busy);
	assert_int_equal(st->poll_ns, s.poll);
	assert_int_equal(st->busy_ns + st->poll_ns, s.now - st->first);
	assert_int_equal(st->stalls, s.stalls);
	assert_int_equal(st->stalled_ns, s.stalled);
	assert_int_equal(st->longest_ns, s.longest);
	for (int i = 0; i < HIST_BUCKETS; i++)
		in_hist += st->hist[i];
	assert_int_equal(in_hist, s.iterations);
	for (int i = 0; i < LOST_COUNT; i++)
		assert_int_equal(a->bpf->bss->lost[i], 0);
}

/* 211 periods of random waits: each stall's classes sum to its length, its parts and what was
 * dropped to its classes, and polls and periods to the time observed. */
static void test_random_life(void **state)
{
	for (seed = 1; seed < 4; seed++)
		shadow_life(*state, 0);
}

/* The same when waits under 1 ms are only chosen by chance for a part. */
static void test_random_life_short(void **state)
{
	seed = 5;
	shadow_life(*state, MSEC);
}

/* Waits under min_part stand for the time of all of them: over many the weights come to the sum. */
static void test_short_unbiased(void **state)
{
	struct account *a = *state;
	uint64_t now = 1000 * MSEC, sum = 0, weight = 0;

	account_reset(a);
	a->loop->min_part = MSEC;
	poll_in(a, now);
	poll_out(a, now += MSEC);
	for (int i = 0; i < 2003; i++) {
		uint64_t ns = 1 + i % 5 * 200000;

		begin(a, CLASS_SYSCALL, CALL_READ, now += MSEC);
		end(a, now += ns);
		sum += ns;
	}
	for (int i = 0; i < a->loop->stall.n_parts; i++) {
		const struct stall_part *p = &a->loop->stall.parts[i];

		assert_true(p->flags & PART_SHORT);
		assert_int_equal(p->ns, p->count * MSEC);
		weight += p->ns;
	}
	assert_int_equal(a->loop->stall.class_ns[CLASS_SYSCALL], sum);
	assert_int_equal(a->loop->stall.short_waits, 2003);
	/* 801 are expected, with a deviation of 18: nine of them either side. */
	assert_in_range(weight, sum - 162 * MSEC, sum + 162 * MSEC);
}

/* A burst beyond the capture budget loses stacks, never time, and says so on the part. */
static void test_budget_keeps_time(void **state)
{
	struct account *a = *state;
	const struct event_stall *e = NULL;
	uint64_t now = 1000 * MSEC, without = 0;

	account_reset(a);
	a->loop->stall.threshold = 1;
	poll_in(a, now);
	poll_out(a, now += MSEC);
	events_forget(a);
	for (int i = 0; i < CAPTURE_BURST + 37; i++) {
		begin(a, CLASS_SYSCALL, CALL_READ, now += 11);
		end(a, now += 13);
	}
	poll_in(a, now += 17);
	assert_int_equal(events_of(a, EVENT_STALL, (const void **)&e), 1);
	assert_int_equal(e->class_ns[CLASS_SYSCALL], (CAPTURE_BURST + 37) * 13);
	for (int i = 0; i < e->n_parts; i++)
		if (e->parts[i].flags & PART_NO_STACK) {
			assert_int_equal(e->parts[i].stack, 0);
			without += e->parts[i].count;
		}
	assert_int_equal(without, 37);
}

/* A long wait beyond the budget gets its stack when it is resumed, and loses no time by that, nor
 * the share that it waited for a CPU after it was woken. */
static void test_resumed(void **state)
{
	struct account *a = *state;
	struct event_stall *s = &a->loop->stall;
	uint64_t now = 1000 * MSEC;

	account_reset(a);
	poll_in(a, now);
	poll_out(a, now += MSEC);
	begin(a, CLASS_LOCK, CALL_READ, now += MSEC);
	end(a, now += 3 * MSEC);
	a->loop->tokens_at = now + 1000 * MSEC; /* used up */
	begin(a, CLASS_SYSCALL, CALL_READ, now += MSEC);
	a->loop->waking = now + 5 * MSEC;
	end(a, now += 7 * MSEC);
	assert_int_equal(a->loop->flags, LOOP_WANT_STACK);
	assert_int_equal(s->n_parts, 1);
	assert_int_equal(s->parts[0].ns, 3 * MSEC);
	RUN(a, resumed);
	assert_int_equal(a->loop->flags, 0);
	assert_int_equal(a->loop->hooked, 0);
	assert_int_equal(s->n_parts, 2);
	assert_int_equal(s->parts[0].ns, 3 * MSEC);
	assert_int_equal(s->parts[1].klass, CLASS_SYSCALL);
	assert_int_equal(s->parts[1].ns, 5 * MSEC);
	assert_int_equal(s->parts[1].flags, 0);
	assert_true(s->parts[1].stack != 0);
	assert_int_equal(s->class_ns[CLASS_SYSCALL], 5 * MSEC);
	assert_int_equal(s->class_ns[CLASS_RUNQUEUE], 2 * MSEC);
}

/* A sample settles the wait before it, whose part it may take the place of. */
static void test_sample_settles(void **state)
{
	struct account *a = *state;
	struct event_stall *s = &a->loop->stall;

	account_reset(a);
	RUN(a, adopt);
	a->bpf->bss->door.now = 1;
	RUN(a, period_start);
	a->loop->last_class = s->parts[0].klass = CLASS_SYSCALL;
	a->loop->last_ns = s->parts[0].ns = s->class_ns[CLASS_SYSCALL] = 5 * MSEC;
	a->loop->last_part = 0;
	s->n_parts = 1;
	RUN(a, sample);
	assert_int_equal(s->n_parts, 2);
	assert_int_equal(s->parts[1].flags, PART_SAMPLED);
	assert_int_equal(a->loop->last_ns, 0);
	assert_int_equal(s->parts[0].ns, s->class_ns[CLASS_SYSCALL]);
	assert_int_equal(s->class_ns[CLASS_SYSCALL] + s->class_ns[CLASS_RUNQUEUE], 5 * MSEC);
}

/* A switch in the middle of a hook that works on the element belongs to the poll that it enters. */
static void test_switch_in_hook(void **state)
{
	struct account *a = *state;

	account_reset(a);
	poll_out(a, MSEC);
	a->bpf->bss->door.state = 2;
	a->loop->hooked = 1;
	RUN(a, switch_out);
	assert_int_equal(a->loop->off_since, 0);
	a->loop->hooked = 0;
	RUN(a, switch_out);
	assert_true(a->loop->off_since != 0);
	assert_int_equal(a->loop->pending.klass, CLASS_SYSCALL);
}

static int delay_open(void **state)
{
	return account_open_with(state, BY_DELAY, false);
}

static int waking_open(void **state)
{
	return account_open_with(state, BY_WAKING, true);
}

/* A switch that was not seen to begin has no length. */
static void test_end_without_begin(void **state)
{
	struct account *a = *state;

	account_reset(a);
	poll_out(a, MSEC);
	end(a, 5 * MSEC);
	assert_int_equal(a->loop->stall.n_parts, 0);
	for (int i = 0; i < CLASS_COUNT; i++)
		assert_int_equal(a->loop->stall.class_ns[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_life),	  cmocka_unit_test(test_random_life_short),
		cmocka_unit_test(test_short_unbiased),	  cmocka_unit_test(test_budget_keeps_time),
		cmocka_unit_test(test_end_without_begin),
	};

	const struct CMUnitTest resume[] = {
		cmocka_unit_test(test_resumed),
	};
	const struct CMUnitTest delay[] = {
		cmocka_unit_test(test_sample_settles),
		cmocka_unit_test(test_switch_in_hook),
	};

	return cmocka_run_group_tests(tests, account_open, account_close) +
	       cmocka_run_group_tests(resume, waking_open, account_close) +
	       cmocka_run_group_tests(delay, delay_open, account_close);
}
