/* test_tally.c: rows and samples: what is counted together, the order, and the sums. */
#include "build.h"

#include <stdlib.h>

static void waited(struct bench *b, uint32_t loop, uint64_t iteration, uint64_t ns, uint64_t stack,
		   uint16_t port)
{
	struct event_stall e = a_stall(loop, iteration, ns);
	struct stall_part *p = add_part(&e, CLASS_SYSCALL, ns - 7 * MS, stack);

	p->syscall = NR_RECV;
	p->target = (struct wait_target){ .kind = TARGET_TCP, .family = 2, .peer_port = port };
	give_stall(b, &e);
}

/* One row per key, place and object, over all loops, most time first. */
TEST(test_rows)
{
	const struct profile *p;

	BENCH(b);
	give_python(&b, 7, "get_user", 41);
	give_python(&b, 8, "get_user", 43);
	waited(&b, 1, 1, 101 * MS, 7, 5432);
	waited(&b, 2, 2, 103 * MS, 7, 5432);
	waited(&b, 1, 3, 107 * MS, 8, 5432);
	waited(&b, 1, 4, 109 * MS, 7, 8080);
	waited(&b, 1, 5, 113 * MS, 7, 5432);
	p = seal(&b);
	assert_int_equal(p->n_rows, 3);
	assert_int_equal(p->rows[0].count, 3);
	assert_int_equal(p->rows[0].sum_ns, 317 * MS);
	assert_int_equal(p->rows[0].max_ns, 113 * MS);
	assert_int_equal(p->stalls[p->rows[0].longest].dur_ns, 113 * MS);
	assert_string_equal(p->rows[0].why.target.peer, "0.0.0.0:5432");
	assert_string_equal(p->rows[0].at->fn, "get_user");
	assert_int_equal(p->rows[0].at->line, 41);
	assert_true(p->rows[0].share > 317.0 / 533 - 1e-9 && p->rows[0].share < 317.0 / 533 + 1e-9);
	assert_int_equal(p->rows[1].sum_ns, 109 * MS);
	assert_true(p->rows[1].share > 109.0 / 533 - 1e-9 && p->rows[1].share < 109.0 / 533 + 1e-9);
	assert_int_equal(p->rows[2].at->line, 43);
	/* place and object differ, the key does not */
	assert_string_equal(p->rows[1].key, p->rows[0].key);
	assert_string_equal(p->rows[2].key, p->rows[0].key);
	bench_close(&b);
}

static void give_native(struct bench *b, uint64_t hash, const char *fn, uint32_t line)
{
	struct chunk_frame f = {
		.kind = FRAME_NATIVE, .line = line, .fn = fn, .file = "server.c", .module = "server"
	};

	give_stack(b, hash, 0, &f, 1);
}

/* Native code that waits has a row for each line, one that runs has one for each function, which
 * names the line of the longest. */
TEST(test_native_lines)
{
	const struct profile *p;

	BENCH(b);
	for (uint64_t i = 0; i < 6; i++) {
		struct event_stall e = a_stall(1, i + 1, (101 + i) * MS);
		struct stall_part *part = add_part(&e, i < 3 ? CLASS_CPU : CLASS_SYSCALL, e.ns,
						   7 + i);

		give_native(&b, 7 + i, i == 2 ? "other" : "handle", 40 + (uint32_t)i);
		if (i >= 3)
			part->syscall = NR_RECV;
		give_stall(&b, &e);
	}
	p = seal(&b);
	assert_int_equal(p->n_rows, 5);
	assert_int_equal(p->rows[0].count, 2);
	assert_int_equal(p->rows[0].at->line, 41);
	assert_int_equal(p->rows[1].at->line, 45);
	bench_close(&b);
}

/* A new child each time is one row and one sample; the row names the longest one's. */
TEST(test_children)
{
	const struct profile *p;

	BENCH(b);
	for (uint64_t i = 1; i <= 5; i++) {
		struct event_stall e = a_stall(1, i, (100 + i) * MS);
		struct stall_part *part = add_part(&e, CLASS_SYSCALL, e.ns, 0);

		part->target = (struct wait_target){ .kind = TARGET_CHILD, .pid = 4710 + i };
		strcpy(part->target.name, "sleep");
		give_stall(&b, &e);
	}
	p = seal(&b);
	assert_int_equal(p->n_rows, 1);
	assert_int_equal(p->rows[0].count, 5);
	assert_string_equal(p->rows[0].why.target.text, "child sleep[4715]");
	assert_int_equal(p->n_samples, 1);
	assert_string_equal(p->samples[0].tip, "[syscall child sleep]");
	bench_close(&b);
}

/* A row over two loops speaks of the longest of all its stalls, in whichever loop it was. */
TEST(test_longest_of_two_loops)
{
	const struct profile *p;

	for (int i = 0; i < 2; i++) {
		BENCH(b);
		waited(&b, 1, 3, (i ? 101 : 211) * MS, 0, 1);
		waited(&b, 2, 5, (i ? 211 : 101) * MS, 0, 1);
		p = seal(&b);
		assert_int_equal(p->n_rows, 1);
		assert_int_equal(p->rows[0].max_ns, 211 * MS);
		assert_int_equal(p->rows[0].longest, i);
		assert_true(p->rows[0].why.share > 204.0 / 211 - 1e-9);
		bench_close(&b);
	}
}

/* Samples are one per process, stack and tip, over all stalls and loops, heaviest first. */
TEST(test_samples)
{
	const struct profile *p;

	BENCH(b);
	give_python(&b, 7, "get_user", 41);
	waited(&b, 1, 1, 101 * MS, 7, 5432);
	waited(&b, 2, 2, 103 * MS, 7, 5432);
	waited(&b, 1, 3, 107 * MS, 7, 8080);
	p = seal(&b);
	assert_int_equal(p->n_samples, 3);
	assert_string_equal(p->samples[0].tip, "[syscall recvfrom tcp 0.0.0.0:5432]");
	assert_int_equal(p->samples[0].ns, 190 * MS);
	assert_int_equal(p->samples[0].us, 190000);
	assert_int_equal(p->samples[0].stack, 0);
	assert_int_equal(p->samples[1].ns, 100 * MS);
	assert_string_equal(p->samples[2].tip, "[cpu]");
	assert_int_equal(p->samples[2].ns, 21 * MS);
	assert_int_equal(p->samples[2].stack, -1);
	assert_int_equal(p->class_ns[CLASS_SYSCALL], 290 * MS);
	assert_int_equal(p->class_ns[CLASS_CPU], 21 * MS);
	bench_close(&b);
}

/* Two processes with the same stack and cause stay two samples. */
TEST(test_two_processes)
{
	struct event_stall e = a_stall(2, 3, 101 * MS);
	const struct profile *p;

	BENCH(b);
	waited(&b, 1, 1, 101 * MS, 0, 1);
	e.head.tgid = TGID + 1;
	give_stall(&b, &e);
	p = seal(&b);
	assert_int_equal(p->n_samples, 3);
	assert_int_equal(p->samples[0].proc, 1);
	assert_int_equal(p->samples[1].proc, 0);
	bench_close(&b);
}

/* Microseconds are rounded so that all samples sum to the rounded total; rows sum to it in ns. */
TEST(test_rounding)
{
	uint64_t ns = 0, us = 0, rows = 0;
	const struct profile *p;

	BENCH(b);
	srandom(20051);
	for (uint64_t hash = 1; hash <= 13; hash++)
		give_python(&b, hash, "f", hash);
	for (uint64_t i = 1; i <= 499; i++) {
		struct event_stall e = a_stall(i % 3, i, 100 * MS + random() % 1000003);

		for (int k = random() % 7; k > 0; k--)
			add_part(&e, random() % CLASS_COUNT, random() % 5000011, random() % 17);
		give_stall(&b, &e);
	}
	p = seal(&b);
	assert_int_equal(p->n_stalls, 499);
	for (size_t i = 0; i < p->n_samples; i++) {
		ns += p->samples[i].ns;
		us += p->samples[i].us;
		assert_true(i == 0 || p->samples[i - 1].ns >= p->samples[i].ns);
	}
	for (size_t i = 0; i < p->n_rows; i++)
		rows += p->rows[i].sum_ns;
	assert_int_equal(ns, p->stalled_ns);
	assert_int_equal(rows, ns);
	assert_int_equal(us, ns / 1000);
	assert_int_equal(us, p->stalled_us);
	bench_close(&b);
}

/* Nothing stalled: nothing to add up. */
TEST(test_nothing)
{
	const struct profile *p;

	BENCH(b);
	p = seal(&b);
	assert_int_equal(p->n_rows + p->n_samples + p->n_stalls, 0);
	assert_int_equal(p->stalled_us, 0);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	 cmocka_unit_test(test_native_lines),
		cmocka_unit_test(test_samples),	 cmocka_unit_test(test_two_processes),
		cmocka_unit_test(test_rounding), cmocka_unit_test(test_children),
		cmocka_unit_test(test_nothing),	 cmocka_unit_test(test_longest_of_two_loops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
