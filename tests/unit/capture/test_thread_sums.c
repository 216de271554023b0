/* test_thread_sums.c: chosen moments, known sums. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/vec.h"
#include "capture/thread_sums.h"

#define MSEC 1000000ULL

struct row {
	uint32_t tgid, klass, at_once, idle;
	int32_t syscall;
	uint64_t pool, stack, samples, ns;
	char group[THREAD_GROUP_MAX];
	struct wait_target target;
};

struct pool {
	uint32_t tgid, threads, threads_max, max, busy_max, queued_max, n;
	uint64_t pool, observed, samples, exhausted, longest, queue_wait;
	char name[64], kind[64];
	uint32_t tids[300];
	uint64_t busy[300];
};

static struct taken {
	struct chunk_sink sink;
	struct row rows[THREAD_ROWS_MAX + 8];
	struct pool pools[THREAD_POOLS_MAX + 1];
	size_t n_rows, n_pools;
	int fail;
} taken;

static void get_text(struct chunk_cursor *c, char *ret, size_t size)
{
	uint32_t len;
	const char *text = chunk_get_str(c, &len);

	snprintf(ret, size, "%.*s", (int)len, text);
}

static void take_row(struct chunk_cursor *c)
{
	struct row *r = &taken.rows[taken.n_rows++];

	r->tgid = chunk_get_u32(c);
	r->pool = chunk_get_u64(c);
	get_text(c, r->group, sizeof(r->group));
	r->stack = chunk_get_u64(c);
	r->klass = chunk_get_u32(c);
	r->syscall = chunk_get_u32(c);
	r->samples = chunk_get_u64(c);
	r->ns = chunk_get_u64(c);
	r->at_once = chunk_get_u32(c);
	r->idle = chunk_get_u32(c);
	assert_int_equal(c->end - c->at, sizeof(r->target));
	memcpy(&r->target, c->at, sizeof(r->target));
}

static void take_pool(struct chunk_cursor *c)
{
	struct pool *p = &taken.pools[taken.n_pools++];

	p->tgid = chunk_get_u32(c);
	p->pool = chunk_get_u64(c);
	get_text(c, p->name, sizeof(p->name));
	get_text(c, p->kind, sizeof(p->kind));
	p->threads = chunk_get_u32(c);
	p->threads_max = chunk_get_u32(c);
	p->max = chunk_get_u32(c);
	p->observed = chunk_get_u64(c);
	p->samples = chunk_get_u64(c);
	p->exhausted = chunk_get_u64(c);
	p->longest = chunk_get_u64(c);
	p->busy_max = chunk_get_u32(c);
	p->queued_max = chunk_get_u32(c);
	p->queue_wait = chunk_get_u64(c);
	p->n = chunk_get_u32(c);
	for (uint32_t i = 0; i < p->n; i++) {
		p->tids[i] = chunk_get_u32(c);
		p->busy[i] = chunk_get_u64(c);
	}
	assert_ptr_equal(c->at, c->end);
}

static int take(struct chunk_sink *sink, const struct chunk *chunk)
{
	struct chunk_cursor c;

	(void)sink;
	if (taken.fail)
		return taken.fail;
	chunk_cursor_init(&c, chunk);
	if (chunk->kind == CHUNK_THREADS)
		take_row(&c);
	else if (chunk->kind == CHUNK_POOL)
		take_pool(&c);
	assert_false(c.bad);
	return 0;
}

static void tell(struct thread_sums *s)
{
	memset(&taken, 0, sizeof(taken));
	taken.sink.put = take;
	assert_int_equal(thread_sums_tell(s, 4242, &taken.sink), 0);
}

static const struct wait_target none = { .fd = -1 };

static struct thread_sample waiting(uint32_t tid, const char *group, uint64_t stack)
{
	return (struct thread_sample){ .tid = tid,
				       .group = group,
				       .known = true,
				       .klass = CLASS_SYSCALL,
				       .syscall = 230,
				       .stack = stack,
				       .target = &none };
}

static struct thread_sample worker(uint32_t tid, bool idle, uint32_t max, uint32_t queued)
{
	struct thread_sample t = waiting(tid, "asyncio", idle ? 0 : 77);

	t.pool = 9;
	t.pool_name = "asyncio";
	t.pool_kind = "ThreadPoolExecutor";
	t.pool_max = max;
	t.queued = queued;
	t.idle = idle;
	return t;
}

/* A moment weighs the time since the one before; the first one nothing. */
static void test_weights(void **state)
{
	struct thread_sample two[] = { waiting(1, "w", 5), waiting(2, "w", 5) };
	struct thread_sums s = { 0 };

	(void)state;
	thread_sums_add(&s, 1000 * MSEC, two, 2);
	thread_sums_add(&s, 1101 * MSEC, two, 2);
	thread_sums_add(&s, 1404 * MSEC, two, 1);
	tell(&s);
	assert_int_equal(taken.n_rows, 1);
	assert_int_equal(taken.n_pools, 0);
	assert_int_equal(taken.rows[0].tgid, 4242);
	assert_string_equal(taken.rows[0].group, "w");
	assert_int_equal(taken.rows[0].samples, 5);
	assert_int_equal(taken.rows[0].ns, (2 * 101 + 303) * MSEC);
	assert_int_equal(taken.rows[0].at_once, 2);
	assert_int_equal(taken.rows[0].syscall, 230);
	thread_sums_release(&s);
}

static struct wait_target shared(const struct wait_target *a, const struct wait_target *b)
{
	struct thread_sample two[] = { waiting(1, "w", 5), waiting(2, "w", 5) };
	struct thread_sums s = { 0 };

	two[0].target = a;
	two[1].target = b;
	thread_sums_add(&s, MSEC, two, 2);
	tell(&s);
	assert_int_equal(taken.n_rows, 1);
	thread_sums_release(&s);
	return taken.rows[0].target;
}

/* What is said of the threads of a row is true of all of them. */
static void test_targets(void **state)
{
	struct wait_target tcp = { .kind = TARGET_TCP,
				   .family = 2,
				   .fd = 7,
				   .dev = 8,
				   .ino = 13,
				   .local_addr = { 127, 1 },
				   .local_port = 40000,
				   .peer_addr = { 127, 2 },
				   .peer_port = 5432 };
	struct wait_target file = {
		.kind = TARGET_FILE, .fd = 7, .dev = 8, .ino = 13, .name = "log", .dir = "var"
	};
	struct wait_target other = tcp, got;

	(void)state;
	got = shared(&tcp, &tcp);
	assert_memory_equal(&got, &tcp, sizeof(got));
	other.fd = 9;
	other.ino = 14;
	other.local_port = 40001;
	got = shared(&tcp, &other); /* two connections to one server */
	assert_int_equal(got.fd, -1);
	assert_int_equal(got.ino, 0);
	assert_int_equal(got.local_port, 0);
	assert_int_equal(got.local_addr[0], 0);
	assert_int_equal(got.peer_port, 5432);
	assert_int_equal(got.peer_addr[1], 2);
	other.peer_addr[1] = 3;
	got = shared(&tcp, &other); /* to two */
	assert_int_equal(got.kind, TARGET_TCP);
	assert_int_equal(got.peer_port, 0);
	assert_int_equal(got.peer_addr[0], 0);
	got = shared(&tcp, &file);
	assert_int_equal(got.kind, TARGET_NONE);
	assert_int_equal(got.fd, -1);
	other = file;
	other.ino = 14;
	got = shared(&file, &other);
	assert_int_equal(got.kind, TARGET_FILE);
	assert_int_equal(got.fd, 7);
	assert_string_equal(got.name, "");
	assert_int_equal(got.ino, 0);
	file.kind = other.kind = TARGET_UNIX;
	file.pid = 5;
	got = shared(&file, &other);
	assert_string_equal(got.name, "log");
	assert_int_equal(got.pid, 0);
}

/* Every member of the key tells rows apart, and no other. */
static void test_keys(void **state)
{
	struct thread_sample t[8];
	struct thread_sums s = { 0 };

	(void)state;
	for (int i = 0; i < 8; i++)
		t[i] = waiting(i, "w", 5);
	t[1].group = "v";
	t[2].stack = 6;
	t[3].klass = CLASS_LOCK;
	t[4].syscall = -1;
	t[5].idle = true;
	t[6].pool = 3;
	t[6].pool_name = t[6].pool_kind = "p";
	thread_sums_add(&s, MSEC, t, 8); /* 0 and 7 are the same */
	tell(&s);
	assert_int_equal(taken.n_rows, 7);
	assert_int_equal(taken.n_pools, 1);
	assert_int_equal(taken.rows[0].samples, 2);
	thread_sums_release(&s);
}

/* Cumulative, and what did not change is not told again. */
static void test_told_once(void **state)
{
	struct thread_sample a = waiting(1, "a", 5), b = waiting(2, "b", 5);
	struct thread_sums s = { 0 };

	(void)state;
	thread_sums_add(&s, 100, &a, 1);
	thread_sums_add(&s, 117, &b, 1);
	tell(&s);
	assert_int_equal(taken.n_rows, 2);
	tell(&s);
	assert_int_equal(taken.n_rows, 0);
	thread_sums_add(&s, 130, &b, 1);
	tell(&s);
	assert_int_equal(taken.n_rows, 1);
	assert_string_equal(taken.rows[0].group, "b");
	assert_int_equal(taken.rows[0].ns, 17 + 13);
	thread_sums_release(&s);
}

/* Three workers, all that are allowed: exhausted while all three are busy. */
static void test_exhausted(void **state)
{
	static const struct {
		uint64_t at;
		int busy;
		uint32_t queued;
	} moments[] = { { 100, 3, 0 }, { 107, 3, 2 }, { 118, 3, 5 }, { 131, 2, 1 },
			{ 148, 3, 0 }, { 171, 3, 4 }, { 200, 0, 0 } };
	struct thread_sample t[3];
	struct thread_sums s = { 0 };
	const struct pool *p = &taken.pools[0];

	(void)state;
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		for (int k = 0; k < 3; k++)
			t[k] = worker(50 + k, k >= moments[i].busy, 3, moments[i].queued);
		thread_sums_add(&s, moments[i].at, t, 3);
	}
	tell(&s);
	assert_int_equal(taken.n_pools, 1);
	assert_string_equal(p->name, "asyncio");
	assert_string_equal(p->kind, "ThreadPoolExecutor");
	assert_int_equal(p->pool, 9);
	assert_int_equal(p->threads, 3);
	assert_int_equal(p->threads_max, 3);
	assert_int_equal(p->max, 3);
	assert_int_equal(p->samples, 7);
	assert_int_equal(p->observed, 100);
	assert_int_equal(p->exhausted, 7 + 11 + 17 + 23);
	assert_int_equal(p->longest, 17 + 23);
	assert_int_equal(p->busy_max, 3);
	assert_int_equal(p->queued_max, 5);
	assert_int_equal(p->queue_wait, 131 - 107);
	assert_int_equal(p->n, 3);
	assert_int_equal(p->busy[0], 7 + 11 + 13 + 17 + 23);
	assert_int_equal(p->busy[1], 7 + 11 + 13 + 17 + 23);
	assert_int_equal(p->busy[2], 7 + 11 + 17 + 23);
	assert_int_equal(p->tids[2], 52);
	thread_sums_release(&s);
}

/* A pool that may still grow is not exhausted; one of unknown size is when jobs wait; and whoever
 * is not known to be busy may be free. */
static void test_not_exhausted(void **state)
{
	struct thread_sample t[2];
	struct thread_sums s = { 0 };

	(void)state;
	thread_sums_add(&s, 1, NULL, 0);
	t[0] = worker(1, false, 3, 0);
	t[1] = worker(2, false, 3, 0);
	thread_sums_add(&s, 2, t, 2);
	tell(&s);
	assert_int_equal(taken.pools[0].exhausted, 0);
	t[0] = worker(1, false, 0, 0);
	t[1] = worker(2, false, 0, 0);
	thread_sums_add(&s, 7, t, 2);
	tell(&s);
	assert_int_equal(taken.pools[0].exhausted, 0);
	t[0].queued = 1;
	thread_sums_add(&s, 14, t, 2);
	tell(&s);
	assert_int_equal(taken.pools[0].exhausted, 7);
	t[1].known = false;
	thread_sums_add(&s, 25, t, 2);
	tell(&s);
	assert_int_equal(taken.pools[0].exhausted, 7);
	assert_int_equal(taken.pools[0].busy[1], 1 + 5 + 7);
	assert_int_equal(taken.pools[0].busy[0], 1 + 5 + 7 + 11);
	thread_sums_release(&s);
}

/* Its threads end and others of a pool at the same address come: what lasted does not last on. */
static void test_pool_away(void **state)
{
	struct thread_sample t = worker(1, false, 1, 2);
	struct thread_sums s = { 0 };

	(void)state;
	thread_sums_add(&s, 1, &t, 1);
	thread_sums_add(&s, 8, &t, 1);
	thread_sums_add(&s, 1000, NULL, 0);
	thread_sums_add(&s, 1003, &t, 1);
	thread_sums_add(&s, 1005, &t, 1);
	tell(&s);
	assert_int_equal(taken.pools[0].exhausted, 7 + 3 + 2);
	assert_int_equal(taken.pools[0].longest, 7);
	assert_int_equal(taken.pools[0].queue_wait, 7);
	thread_sums_release(&s);
}

/* Endless names, pools and workers fill the tables and are counted; nothing else suffers. */
static void test_bounds(void **state)
{
	static struct thread_sample t[THREAD_ROWS_MAX + 23];
	static char names[THREAD_ROWS_MAX + 23][16];
	struct thread_sums s = { 0 };

	(void)state;
	for (int i = 0; i < THREAD_ROWS_MAX + 23; i++) {
		snprintf(names[i], sizeof(names[i]), "g%dx", i);
		t[i] = waiting(i, names[i], 5);
	}
	thread_sums_add(&s, 1, t, THREAD_ROWS_MAX + 23);
	assert_int_equal(s.lost, 23);
	tell(&s);
	assert_int_equal(taken.n_rows, THREAD_ROWS_MAX);
	thread_sums_release(&s);

	memset(&s, 0, sizeof(s));
	for (int i = 0; i < THREAD_WORKERS_MAX + 7; i++)
		t[i] = worker(i, false, 0, 0);
	thread_sums_add(&s, 1, t, THREAD_WORKERS_MAX + 7);
	assert_int_equal(s.lost, 7);
	for (int i = 0; i < THREAD_POOLS_MAX + 4; i++) {
		t[i] = worker(1, false, 0, 0);
		t[i].pool = 9 + i;
	}
	thread_sums_add(&s, 2, t, THREAD_POOLS_MAX + 4);
	assert_int_equal(s.lost, 7 + 4);
	tell(&s);
	assert_int_equal(taken.n_pools, THREAD_POOLS_MAX);
	assert_int_equal(taken.pools[0].n, THREAD_WORKERS_MAX);
	thread_sums_release(&s);
}

/* Pools made and forgotten give way to one that works, and to no other. */
static void test_idle_pools_give_way(void **state)
{
	struct thread_sample t[THREAD_POOLS_MAX + 2];
	struct thread_sums s = { 0 };
	size_t found = 0;

	(void)state;
	for (int i = 0; i < THREAD_POOLS_MAX + 2; i++) {
		t[i] = worker(i + 1, true, 0, 0);
		t[i].pool = 9 + i;
	}
	for (int i = 1; i <= 5; i++) {
		thread_sums_add(&s, i, t, THREAD_POOLS_MAX + 2);
		assert_int_equal(s.lost, 2 * i);
	}
	t[THREAD_POOLS_MAX].idle = false;
	thread_sums_add(&s, 6, t, THREAD_POOLS_MAX + 2);
	t[THREAD_POOLS_MAX].idle = true;
	for (int i = 7; i < 12; i++)
		thread_sums_add(&s, i, t, THREAD_POOLS_MAX + 2);
	tell(&s);
	assert_int_equal(taken.n_pools, THREAD_POOLS_MAX);
	for (size_t i = 0; i < taken.n_pools; i++)
		found += taken.pools[i].pool == 9 + THREAD_POOLS_MAX &&
			 taken.pools[i].busy_max == 1;
	assert_int_equal(found, 1);
	thread_sums_release(&s);
}

/* What the sink answers comes back. */
static void test_sink_fails(void **state)
{
	struct thread_sample t = worker(1, false, 1, 0);
	struct thread_sums s = { 0 };

	(void)state;
	thread_sums_add(&s, 1, &t, 1);
	taken.sink.put = take;
	taken.fail = -ENOSPC;
	assert_int_equal(thread_sums_tell(&s, 1, &taken.sink), -ENOSPC);
	taken.fail = 0;
	thread_sums_release(&s);
}

static void test_group(void **state)
{
	static const char *const cases[][2] = {
		{ "asyncio_0", "asyncio" },
		{ "ThreadPoolExecutor-0_3", "ThreadPoolExecutor-0" },
		{ "Thread-12", "Thread" },
		{ "Thread-7 (work)", "Thread (work)" },
		{ "Thread-7 (work-2)", "Thread (work-2)" },
		{ "MainThread", "MainThread" },
		{ "worker (slow)", "worker (slow)" },
		{ "kworker/0:1", "kworker/0" },
		{ "pool 2", "pool" },
		{ "w3", "w" },
		{ "42", "42" },
		{ "-7", "-" },
		{ " (x)", " (x)" },
		{ "", "" },
		{ "ends-", "ends-" },
	};
	char group[THREAD_GROUP_MAX], name[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		thread_group(cases[i][0], group);
		assert_string_equal(group, cases[i][1]);
	}
	memset(name, '8', sizeof(name));
	name[0] = 'a';
	name[sizeof(name) - 1] = '\0';
	thread_group(name, group);
	assert_string_equal(group, "a");
	memset(name, 'b', sizeof(name) - 1);
	memcpy(name + 200, " (c)", 5);
	thread_group(name, group);
	assert_int_equal(strlen(group), THREAD_GROUP_MAX - 1);
	memcpy(name + THREAD_GROUP_MAX - 2, ")", 1); /* the last that is looked at */
	thread_group(name, group);
	assert_int_equal(strlen(group), THREAD_GROUP_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_told_once),
		cmocka_unit_test(test_exhausted),
		cmocka_unit_test(test_not_exhausted),
		cmocka_unit_test(test_pool_away),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_sink_fails),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_idle_pools_give_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
