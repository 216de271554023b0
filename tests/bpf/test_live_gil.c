/* test_live_gil.c: a real interpreter of every version: who holds the GIL that a loop waits for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/bpf/live_fixture.h"
#include "tests/support/python_truth.h"

#define STALLS 7

struct seen {
	unsigned int stalls, slices, episodes, held, stacks;
};

/* Every holder is the one other thread, and a stack of its is in its code. */
static bool look(const struct live *v, const struct event_stall *e, uint32_t hog, struct seen *seen)
{
	bool held = false;

	for (int i = 0; i < e->n_parts; i++) {
		const struct stall_part *p = &e->parts[i];

		if (p->klass != CLASS_GIL)
			continue;
		seen->slices += p->count;
		seen->episodes += p->episodes;
		assert_true(p->owner.role != OWNER_WAKER);
		if (p->owner.role != OWNER_HOLDER)
			continue;
		held = true;
		seen->held += p->count;
		assert_true(!p->owner.tid || p->owner.tid == hog);
		if (!p->owner.stack)
			continue;
		seen->stacks++;
		assert_true(live_stack_has(v, p->owner.stack, "compute_on"));
		assert_false(live_stack_has(v, p->owner.stack, "_run_once"));
	}
	return held;
}

static void check_python(const char *python)
{
	const struct event_stall *e;
	struct seen seen = { 0 }, ongoing = { 0 };
	struct live v = { .sink.put = live_put };
	unsigned int hog = 0;
	int in = -1, out = -1;
	FILE *said;
	size_t at = 0;

	print_message("%s\n", python);
	v.shared = mmap(NULL, sizeof(*v.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	assert_int_equal(truth_spawn(python, "tests/targets/gil_hog.py", &v.pid, &in, &out), 0);
	said = fdopen(out, "r");
	assert_non_null(said);
	assert_int_equal(fscanf(said, "%u", &hog), 1);
	live_open(&v, NULL);
	assert_int_equal(write(in, "\n", 1), 1);
	live_finish(&v);
	while ((e = live_next(&v, &at)))
		seen.stalls += look(&v, e, hog, &seen);
	for (size_t i = 0; i < v.events.count; i++) {
		e = v.events.items[i];
		if (e->head.kind == EVENT_STALL && e->flags & STALL_ONGOING)
			ongoing.stalls += look(&v, e, hog, &ongoing);
	}
	print_message("%u stalls, %u slices in %u waits, %u held, %u stacks; %u ongoing\n",
		      seen.stalls, seen.slices, seen.episodes, seen.held, seen.stacks,
		      ongoing.stalls);
	assert_true(seen.stalls >= STALLS);
	assert_true(seen.held > seen.slices / 2);
	assert_true(seen.stacks >= STALLS);
	assert_in_range(seen.episodes, STALLS, seen.slices);
	fclose(said);
	close(in);
	live_free(&v);
}

static void test_holder(void **state)
{
	(void)state;
	assert_true(truth_each_python(check_python) >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
