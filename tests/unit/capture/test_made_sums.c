/* test_made_sums.c: who makes threads and loops, and how long loops live, from chosen events. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "capture/made_sums.h"

struct churn {
	uint64_t made, alive, alive_max, lifetimes, sum, max;
	uint32_t n;
	struct made_stack stacks[2 * MADE_STACKS_MAX];
};

static struct taken {
	struct chunk_sink sink;
	struct made_stack threads[2 * MADE_STACKS_MAX];
	size_t n_threads, n_churns;
	struct churn churn;
	int fail;
} taken;

static int take(struct chunk_sink *sink, const struct chunk *chunk)
{
	struct churn *churn = &taken.churn;
	struct chunk_cursor c;

	(void)sink;
	chunk_cursor_init(&c, chunk);
	assert_int_equal(chunk_get_u32(&c), 4242);
	if (chunk->kind == CHUNK_THREAD_MADE) {
		struct made_stack *s = &taken.threads[taken.n_threads++];

		s->stack = chunk_get_u64(&c);
		s->count = chunk_get_u64(&c);
	} else {
		assert_int_equal(chunk->kind, CHUNK_CHURN);
		taken.n_churns++;
		churn->made = chunk_get_u64(&c);
		churn->alive = chunk_get_u64(&c);
		churn->alive_max = chunk_get_u64(&c);
		churn->lifetimes = chunk_get_u64(&c);
		churn->sum = chunk_get_u64(&c);
		churn->max = chunk_get_u64(&c);
		churn->n = chunk_get_u32(&c);
		for (uint32_t i = 0; i < churn->n; i++) {
			churn->stacks[i].stack = chunk_get_u64(&c);
			churn->stacks[i].count = chunk_get_u64(&c);
		}
	}
	assert_false(c.bad);
	assert_ptr_equal(c.at, c.end);
	return taken.fail;
}

static void tell(struct made_by *m)
{
	memset(&taken, 0, sizeof(taken));
	taken.sink.put = take;
	assert_int_equal(made_tell(m, 4242, &taken.sink), 0);
}

static void threads(struct made_by *m, uint64_t stack, int n)
{
	struct event_thread e = { .stack = stack };

	for (int i = 0; i < n; i++)
		made_thread(m, &e, 0);
}

static void epoll(struct made_by *m, uint32_t tid, uint64_t at, uint64_t number, uint64_t last_poll)
{
	struct event_made e = { .head = { .ts = at, .tid = tid },
				.stack = 7,
				.number = number,
				.last_poll = last_poll };

	made_epoll(m, &e, 0);
}

/* What was counted and not told came from stacks that are not known; nothing made, nothing said. */
static void test_threads(void **state)
{
	struct made_sums sums = { .threads = 29 };
	struct made_by m = { 0 };

	(void)state;
	tell(&m);
	assert_int_equal(taken.n_threads + taken.n_churns, 0);
	threads(&m, 5, 13);
	threads(&m, 0, 2);
	threads(&m, 6, 7);
	made_total(&m, &sums);
	tell(&m);
	assert_int_equal(taken.n_churns, 0);
	assert_int_equal(taken.n_threads, 3);
	assert_int_equal(taken.threads[0].count, 13);
	assert_int_equal(taken.threads[1].stack, 6);
	assert_int_equal(taken.threads[1].count, 7);
	assert_int_equal(taken.threads[2].stack, 0);
	assert_int_equal(taken.threads[2].count, 9);
	tell(&m);
	assert_int_equal(taken.n_threads, 0);
	made_release(&m);
}

/* Stacks that were finished from a copy have a hash of their own each: by their frames they are
 * one, and one with those that needed no copy. */
static void test_finished(void **state)
{
	struct made_sums sums = { .threads = 1000, .epolls = 3 };
	struct made_by m = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 999; i++)
		made_thread(&m, &(struct event_thread){ .stack = 5000 + i }, 41);
	made_thread(&m, &(struct event_thread){ .stack = 4999 }, 43);
	made_epoll(&m, &(struct event_made){ .stack = 17 }, 0);
	made_epoll(&m, &(struct event_made){ .stack = 19 }, 0);
	made_epoll(&m, &(struct event_made){ .stack = 19 }, 41);
	made_total(&m, &sums);
	tell(&m);
	assert_int_equal(taken.n_threads, 3);
	assert_int_equal(taken.threads[0].stack, 5000);
	assert_int_equal(taken.threads[0].count, 999);
	assert_int_equal(taken.threads[1].stack, 4999);
	assert_int_equal(taken.threads[2].count, 0);
	assert_int_equal(taken.churn.n, 2);
	assert_int_equal(taken.churn.stacks[1].count, 2);
	made_release(&m);
}

static void test_stacks_bounded(void **state)
{
	struct made_sums sums = { .threads = MADE_STACKS_MAX + 11, .epolls = 1 };
	struct made_by m = { 0 };

	(void)state;
	for (int i = 0; i < MADE_STACKS_MAX + 11; i++)
		threads(&m, 100 + i, 1);
	for (uint32_t i = 0; i < MADE_OPEN_MAX + 5; i++)
		epoll(&m, i, 10, 1, 0);
	assert_int_equal(m.open.count, MADE_OPEN_MAX);
	made_total(&m, &sums);
	tell(&m);
	assert_int_equal(taken.n_threads, MADE_STACKS_MAX + 1);
	assert_int_equal(taken.threads[MADE_STACKS_MAX].count, 11);
	made_release(&m);
}

/* One after the other: each lives to its last poll, the last one to that before the thread ends. */
static void test_lifetimes(void **state)
{
	struct made_sums sums = { .epolls = 3 };
	struct made_by m = { 0 };

	(void)state;
	made_epolls_open(&m, 2);
	epoll(&m, 1, 1000, 1, 0);
	made_epolls_open(&m, 3);
	epoll(&m, 1, 2000, 2, 1017);
	epoll(&m, 1, 3000, 3, 2041);
	made_epoll_over(&m, 1, 3005);
	made_epoll_over(&m, 1, 9999); /* there is none left */
	made_epolls_open(&m, 2);
	made_total(&m, &sums);
	tell(&m);
	assert_int_equal(taken.n_churns, 1);
	assert_int_equal(taken.churn.made, 3);
	assert_int_equal(taken.churn.alive, 0);
	assert_int_equal(taken.churn.alive_max, 1);
	assert_int_equal(taken.churn.lifetimes, 3);
	assert_int_equal(taken.churn.sum, 17 + 41 + 5);
	assert_int_equal(taken.churn.max, 41);
	assert_int_equal(taken.churn.n, 1);
	assert_int_equal(taken.churn.stacks[0].stack, 7);
	assert_int_equal(taken.churn.stacks[0].count, 3);
	made_release(&m);
}

/* Each of these could be a lifetime, or not: none is counted. */
static void test_not_known(void **state)
{
	struct made_by m = { 0 };

	(void)state;
	epoll(&m, 1, 1000, 1, 0);
	epoll(&m, 1, 2000, 3, 1900); /* one between was not told */
	epoll(&m, 1, 3000, 4, 1999); /* never polled */
	epoll(&m, 1, 4000, 5, 0);    /* which of the two is polled? */
	epoll(&m, 1, 5000, 6, 4500);
	epoll(&m, 2, 6000, 0, 5500); /* of a thread that is not counted */
	made_epoll_over(&m, 3, 7000);
	assert_int_equal(m.lifetimes, 0);
	/* From a closed home on it is known again. */
	epoll(&m, 1, 6000, 7, 5023);
	assert_int_equal(m.lifetimes, 1);
	assert_int_equal(m.lifetime_sum_ns, 23);
	made_epoll_over(&m, 1, 0);
	assert_int_equal(m.lifetimes, 1);
	made_release(&m);
}

/* No more can be alive than were made: what else is open came before, or is open twice. */
static void test_alive_bounded(void **state)
{
	struct made_sums sums = { .epolls = 2 };
	struct made_by m = { 0 };

	(void)state;
	made_epolls_open(&m, 1);
	made_epolls_open(&m, 6);
	made_epolls_open(&m, 4);
	made_total(&m, &sums);
	tell(&m);
	assert_int_equal(taken.churn.made, 2);
	assert_int_equal(taken.churn.alive, 2);
	assert_int_equal(taken.churn.alive_max, 2);
	made_release(&m);
}

/* A new program: nothing that was before counts any more, but what was counted. */
static void test_execed(void **state)
{
	struct made_by m = { 0 };

	(void)state;
	made_epolls_open(&m, 3);
	epoll(&m, 1, 1000, 1, 0);
	made_epolls_open(&m, 5);
	assert_int_equal(m.alive, 2);
	made_execed(&m);
	assert_int_equal(m.alive, 0);
	made_epoll_over(&m, 1, 1500);
	assert_int_equal(m.lifetimes, 0);
	made_epolls_open(&m, 1);
	assert_int_equal(m.alive, 1);
	assert_int_equal(m.alive_max, 2);
	made_release(&m);
}

/* Threads do not mix. */
static void test_two_threads(void **state)
{
	struct made_by m = { 0 };

	(void)state;
	epoll(&m, 1, 1000, 1, 0);
	epoll(&m, 2, 1500, 1, 0);
	epoll(&m, 1, 2000, 2, 1100);
	epoll(&m, 2, 2500, 2, 1701);
	assert_int_equal(m.lifetimes, 2);
	assert_int_equal(m.lifetime_sum_ns, 100 + 201);
	made_release(&m);
}

static void test_sink_fails(void **state)
{
	struct made_sums sums = { .threads = 1, .epolls = 1 };
	struct made_by m = { 0 };

	(void)state;
	made_total(&m, &sums);
	memset(&taken, 0, sizeof(taken));
	taken.sink.put = take;
	taken.fail = -ENOSPC;
	assert_int_equal(made_tell(&m, 4242, &taken.sink), -ENOSPC);
	assert_int_equal(taken.n_threads, 1);
	assert_int_equal(taken.n_churns, 0);
	made_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),	       cmocka_unit_test(test_finished),
		cmocka_unit_test(test_stacks_bounded), cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_not_known),      cmocka_unit_test(test_execed),
		cmocka_unit_test(test_two_threads),    cmocka_unit_test(test_sink_fails),
		cmocka_unit_test(test_alive_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
