/* test_facts.c: circumstances, processes, hooks, notes and losses, also when they are malformed. */
#include "build.h"

/* Circumstances come through; unknown keys and numbers that are none do not harm. */
TEST(test_meta)
{
	const struct profile *p;

	BENCH(b);
	give_meta(&b, META_VERSION, "0.1.7");
	give_meta(&b, META_KERNEL, "6.18.2");
	give_meta(&b, META_HOST, "web\n1");
	give_meta(&b, META_MODE, "off-cpu");
	give_meta(&b, META_THRESHOLD, "50000000");
	give_meta(&b, META_START_MONO, "1000");
	give_meta(&b, META_START_REAL, "1700000000000000000");
	give_meta(&b, "of_a_later_version", "x");
	put_u64(&b, 12345);
	give(&b, CHUNK_END);
	p = seal(&b);
	assert_string_equal(p->version, "0.1.7");
	assert_string_equal(p->kernel, "6.18.2");
	assert_string_equal(p->host, "web\\x0a1");
	assert_true(p->is_offcpu);
	assert_int_equal(p->threshold_ns, 50 * MS);
	assert_int_equal(p->wall_ns, 1700000000000000000);
	assert_int_equal(p->duration_ns, 11345);
	assert_string_equal(p->incomplete, "");
	bench_close(&b);
}

/* Numbers may begin with any digit; those that are none are 0. */
TEST(test_meta_numbers)
{
	static const char *const bad[] = { "", "x", "-5", " 7", "7x", "99999999999999999999999" };

	BENCH(b);
	give_meta(&b, META_THRESHOLD, "97");
	assert_int_equal(b.m->profile.threshold_ns, 97);
	give_meta(&b, META_THRESHOLD, "007");
	assert_int_equal(b.m->profile.threshold_ns, 7);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		give_meta(&b, META_THRESHOLD, "17");
		give_meta(&b, META_THRESHOLD, bad[i]);
		assert_int_equal(b.m->profile.threshold_ns, 0);
	}
	bench_close(&b);
}

/* Nothing was told at all: empty texts, no NULL. */
TEST(test_nothing)
{
	const struct profile *p;

	BENCH(b);
	p = seal(&b);
	assert_string_equal(p->version, "");
	assert_string_equal(p->kernel, "");
	assert_string_equal(p->host, "");
	assert_false(p->is_offcpu);
	assert_int_equal(p->duration_ns, 0);
	bench_close(&b);
}

/* Without an end the observation lasts until the last thing seen. */
TEST(test_no_end)
{
	struct event_stall e = a_stall(1, 3, 101 * MS);

	BENCH(b);
	give_meta(&b, META_START_MONO, "1000000");
	give_stall(&b, &e);
	give_proc(&b, TGID, "uvicorn", "/usr/bin/python3");
	assert_int_equal(b.m->last_ts, 3101 * MS);
	assert_int_equal(seal(&b)->duration_ns, 3100 * MS);
	bench_close(&b);
}

/* A process that comes again with another program has done an exec: the last counts, and a note
 * says so unless the capture has one about it. */
TEST(test_exec)
{
	const struct profile *p;

	BENCH(b);
	give_proc(&b, 11, "sh", "/bin/sh");
	give_proc(&b, 13, "sh", "/bin/sh");
	give_proc(&b, 13, "sh", "/bin/sh");
	give_proc(&b, 17, "sh", "/bin/sh");
	give_proc(&b, 11, "node", "/usr/bin/node");
	give_proc(&b, 17, "node", "/usr/bin/node");
	put_u64(&b, 3);
	put_u32(&b, 13);
	put_str(&b, "process 13 lives");
	give(&b, CHUNK_NOTE);
	put_u64(&b, 5);
	put_u32(&b, 17);
	put_str(&b, "process 17 became node");
	give(&b, CHUNK_NOTE);
	p = seal(&b);
	assert_int_equal(p->n_procs, 3);
	assert_string_equal(p->procs[0].comm, "node");
	assert_string_equal(p->procs[0].exe, "/usr/bin/node");
	assert_string_equal(p->procs[0].runtime, "python");
	assert_string_equal(p->procs[0].version, "3.11.2");
	assert_int_equal(p->n_notes, 3);
	assert_string_equal(p->notes[1].text, "process 17 became node");
	assert_string_equal(p->notes[2].text, "process 11 now runs /usr/bin/node");
	assert_int_equal(p->notes[2].pid, 11);
	bench_close(&b);
}

/* A process that stalls before it is announced has a name, and gets its own when it comes. */
TEST(test_unannounced)
{
	struct event_stall e = a_stall(1, 3, 101 * MS);

	BENCH(b);
	give_stall(&b, &e);
	assert_string_equal(b.live->procs[b.last->proc].comm, "pid-4211");
	assert_string_equal(b.live->procs[b.last->proc].exe, "");
	give_proc(&b, TGID, "uvicorn", "/usr/bin/python3");
	assert_int_equal(seal(&b)->n_procs, 1);
	assert_string_equal(seal(&b)->procs[0].comm, "uvicorn");
	assert_int_equal(seal(&b)->n_notes, 0);
	bench_close(&b);
}

static void give_texts(struct bench *b, enum chunk_kind kind, const char *x, const char *y,
		       const char *z)
{
	put_str(b, x);
	put_str(b, y);
	if (z)
		put_str(b, z);
	give(b, kind);
}

/* Hooks keep their order, the last rung of a need counts; what is missing comes with its cure. */
TEST(test_hooks)
{
	const struct profile *p;

	BENCH(b);
	give_texts(&b, CHUNK_HOOK, "poll", "fentry", NULL);
	give_texts(&b, CHUNK_HOOK, "off-cpu", "tp_btf", NULL);
	give_texts(&b, CHUNK_HOOK, "poll", "tracepoint", NULL);
	give_texts(&b, CHUNK_MISSING, "symbols", "stripped", "install debug symbols");
	give_texts(&b, CHUNK_MISSING, "frames", "stripped", "install debug symbols");
	give_texts(&b, CHUNK_MISSING, "symbols", "stripped", "install debug symbols");
	p = seal(&b);
	assert_int_equal(p->n_hooks, 2);
	assert_string_equal(p->hooks[0].need, "poll");
	assert_string_equal(p->hooks[0].rung, "tracepoint");
	assert_int_equal(p->n_missing, 2); /* what two processes lack is told once */
	assert_string_equal(p->missing[0].cure, "install debug symbols");
	assert_string_equal(p->missing[1].what, "frames");
	bench_close(&b);
}

static void give_lost(struct bench *b, const char *what, uint64_t count)
{
	put_str(b, what);
	put_u64(b, count);
	give(b, CHUNK_LOST);
}

/* Losses are cumulative: the last figure counts, and zero is not told. */
TEST(test_lost)
{
	const struct profile *p;

	BENCH(b);
	give_lost(&b, "events", 3);
	give_lost(&b, "stacks", 0);
	give_lost(&b, "events", 7);
	give_lost(&b, "bad events", 5);
	give(&b, CHUNK_NOTE);
	p = seal(&b);
	assert_int_equal(p->n_lost, 2);
	assert_int_equal(lost_count(p, "events"), 7);
	/* the capture's own and the one empty note here */
	assert_int_equal(lost_count(p, "bad events"), 6);
	bench_close(&b);
}

/* A list longer than any true capture makes it is cut, and the rest counted. */
TEST(test_long_list)
{
	const struct profile *p;

	BENCH(b);
	for (uint32_t i = 0; i < MODEL_LIST_MAX + 13; i++) {
		put_u64(&b, i);
		put_u32(&b, i);
		put_str(&b, "x");
		give(&b, CHUNK_NOTE);
	}
	p = seal(&b);
	assert_int_equal(p->n_notes, MODEL_LIST_MAX);
	assert_int_equal(lost_count(p, "items"), 13);
	bench_close(&b);
}

/* A payload cut at any byte is a bad event and leaves nothing behind. */
TEST(test_cut_payloads)
{
	static const uint32_t kinds[] = { CHUNK_META,	 CHUNK_PROC, CHUNK_HOOK,
					  CHUNK_MISSING, CHUNK_PATH, CHUNK_PEER,
					  CHUNK_NOTE,	 CHUNK_LOST, CHUNK_END };
	const struct profile *p;

	BENCH(b);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (uint32_t len = 0; len < 7; len++) {
			struct chunk chunk = { kinds[i], len, "\1\0\0\0\1\0\0" };

			assert_int_equal(model_feed(b.m, &chunk), 0);
		}
	p = seal(&b);
	assert_int_equal(lost_count(p, "bad events"), 63);
	assert_int_equal(p->n_procs + p->n_hooks + p->n_missing + p->n_notes, 0);
	assert_int_equal(p->n_lost, 1);
	bench_close(&b);
}

/* Kinds of a later version are skipped without a word. */
TEST(test_later_kinds)
{
	BENCH(b);
	put_str(&b, "from the future");
	give(&b, 0);
	put_str(&b, "from the future");
	give(&b, CHUNK_TASKS + 1);
	give(&b, UINT32_MAX);
	assert_int_equal(seal(&b)->n_lost, 0);
	bench_close(&b);
}

/* A moment before the start of the observation is a moment before its wall clock. */
TEST(test_wall)
{
	BENCH(b);
	give_meta(&b, META_START_MONO, "1000");
	give_meta(&b, META_START_REAL, "5000");
	assert_int_equal(model_wall(b.m, 1013), 5013);
	assert_int_equal(model_wall(b.m, 987), 4987);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meta),	    cmocka_unit_test(test_meta_numbers),
		cmocka_unit_test(test_nothing),	    cmocka_unit_test(test_no_end),
		cmocka_unit_test(test_exec),	    cmocka_unit_test(test_unannounced),
		cmocka_unit_test(test_hooks),	    cmocka_unit_test(test_lost),
		cmocka_unit_test(test_long_list),   cmocka_unit_test(test_cut_payloads),
		cmocka_unit_test(test_later_kinds), cmocka_unit_test(test_wall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
