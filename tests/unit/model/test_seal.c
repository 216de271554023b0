/* test_seal.c: the sealed profile as a whole: order, sameness, and what stands in it at the end. */
#include "build.h"

#include <stdlib.h>

/* Stalls stand in the order of their starts, however they came. */
TEST(test_order)
{
	static const uint64_t starts[] = { 13, 3, 11, 5, 7, 2 };
	const struct profile *p;

	BENCH(b);
	for (size_t i = 0; i < 6; i++) {
		struct event_stall e = a_stall(1, starts[i], 101 * MS);

		give_stall(&b, &e);
	}
	p = seal(&b);
	for (size_t i = 1; i < 6; i++)
		assert_true(p->stalls[i - 1].start_ns < p->stalls[i].start_ns);
	for (size_t i = 0; i < p->n_rows; i++)
		assert_true(p->rows[i].longest >= 0 && p->rows[i].longest < 6);
	bench_close(&b);
}

/* Sealing twice gives the same profile, and chunks after it change nothing. */
TEST(test_sealed)
{
	struct event_stall e = a_stall(1, 3, 101 * MS);
	const struct profile *p;

	BENCH(b);
	p = model_seal(b.m, "cut\x07");
	assert_string_equal(p->incomplete, "cut\\x07");
	give_stall(&b, &e);
	assert_int_equal(b.handed, 0);
	assert_ptr_equal(model_seal(b.m, "other"), p);
	assert_string_equal(p->incomplete, "cut\\x07");
	assert_int_equal(p->n_stalls, 0);
	bench_close(&b);
}

static void feed_random(struct bench *b)
{
	srandom(20063);
	for (uint64_t hash = 1; hash < 11; hash++)
		give_python(b, hash, hash % 2 ? "odd" : "even", hash);
	for (uint64_t i = 1; i <= 211; i++) {
		struct event_stall e = a_stall(random() % 5, i, 100 * MS + random() % 7919);

		for (int k = random() % 5; k > 0; k--) {
			struct stall_part *p = add_part(&e, random() % CLASS_COUNT,
							random() % 1000003, random() % 13);

			p->syscall = random() % 300;
			p->target.kind = random() % TARGET_COUNT;
		}
		e.flags = random() % 16;
		give_stall(b, &e);
	}
}

static int order_of(const struct str *a, const struct str *b)
{
	return a->len == b->len ? memcmp(a->text, b->text, a->len) : 1;
}

/* Everything that a writer could show, as text. */
static void dump(const struct profile *p, struct str *s)
{
	for (size_t i = 0; i < p->n_stalls; i++)
		str_printf(s, "%s %s %d %zu %lu %s\n", p->stalls[i].id, p->stalls[i].key,
			   p->stalls[i].loop, p->stalls[i].n_parts, p->stalls[i].dur_ns,
			   p->stalls[i].why.target.text);
	for (size_t i = 0; i < p->n_rows; i++)
		str_printf(s, "%s %lu %lu %d\n", p->rows[i].key, p->rows[i].count,
			   p->rows[i].sum_ns, p->rows[i].longest);
	for (size_t i = 0; i < p->n_samples; i++)
		str_printf(s, "%d %s %lu\n", p->samples[i].stack, p->samples[i].tip,
			   p->samples[i].us);
	for (size_t i = 0; i < p->n_loops; i++)
		str_printf(s, "%u %lu %lu\n", p->loops[i].tid, p->loops[i].stalls,
			   p->loops[i].stalled_ns);
}

/* The same chunks give the same profile, to the byte. */
TEST(test_deterministic)
{
	cleanup(str_releasep) struct str first = { 0 }, second = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct bench b;

		bench_open(&b);
		feed_random(&b);
		dump(seal(&b), i ? &second : &first);
		bench_close(&b);
	}
	assert_true(first.len > 1009);
	assert_int_equal(order_of(&first, &second), 0);
}

/* Every index of a profile of random stalls is in range, and every text there. */
TEST(test_whole)
{
	const struct profile *p;

	BENCH(b);
	feed_random(&b);
	p = seal(&b);
	assert_true(p->n_stalls > 101);
	for (size_t i = 0; i < p->n_stalls; i++) {
		const struct stall *s = &p->stalls[i];

		assert_in_range(s->proc, 0, p->n_procs - 1);
		assert_in_range(s->loop, 0, p->n_loops - 1);
		assert_non_null(s->why.syscall);
		assert_non_null(s->why.target.path);
		assert_true(s->why.share > 0 && s->why.share <= 1);
		for (size_t k = 0; k < s->n_parts; k++) {
			assert_true(s->parts[k].stack < (int)p->n_stacks);
			assert_non_null(s->parts[k].syscall);
			assert_non_null(s->parts[k].target.text);
		}
	}
	for (size_t i = 0; i < p->n_loops; i++)
		assert_in_range(p->loops[i].proc, 0, p->n_procs - 1);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_deterministic),
		cmocka_unit_test(test_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
