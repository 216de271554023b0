/* test_flame.c: the tree behind the flame graph. */
#include "tests/unit/output/printed.h"

#include "output/flame.h"

/* The root is as wide as all stalls together. */
static void root_is_all_stalled_time(void **state)
{
	(void)state;
	for (unsigned i = 0; fixture_name(i); i++) {
		const struct profile *p = fixture_find(fixture_name(i));
		struct flame flame;

		assert_int_equal(flame_init(&flame, p), 0);
		if (!p->is_offcpu)
			assert_int_equal(flame.nodes.items[0].ns, p->stalled_ns);
		flame_release(&flame);
	}
}

/* Children lie inside their parent, side by side, and after it in the list. */
static void children_lie_inside_their_parent(void **state)
{
	struct flame flame;

	(void)state;
	assert_int_equal(flame_init(&flame, fixture_find("demo")), 0);
	for (size_t i = 0; i < flame.nodes.count; i++) {
		const struct flame_node *n = &flame.nodes.items[i];
		uint64_t at = n->start;

		for (int c = n->first_child; c >= 0; c = flame.nodes.items[c].next) {
			const struct flame_node *child = &flame.nodes.items[c];

			assert_true((size_t)c > i);
			assert_int_equal(child->start, at);
			assert_int_equal(child->depth, n->depth + 1);
			at += child->ns;
		}
		assert_true(at == n->start || at == n->start + n->ns);
		assert_true(n->kind == FLAME_CAUSE || n->first_child >= 0);
	}
	flame_release(&flame);
}

/* Every way up ends in a cause, and stacks with the same root share it. */
static void stacks_are_merged_from_the_root(void **state)
{
	struct flame flame;
	size_t run = 0, process = 0, deepest = 0;

	(void)state;
	assert_int_equal(flame_init(&flame, fixture_find("demo")), 0);
	for (size_t i = 0; i < flame.nodes.count; i++) {
		process += flame.nodes.items[i].kind == FLAME_PROCESS;
		run += strcmp(flame.nodes.items[i].name,
			      "Handle._run (/usr/lib/python3.11/asyncio/events.py:80)") == 0;
		if (flame.nodes.items[i].depth > deepest)
			deepest = flame.nodes.items[i].depth;
	}
	assert_int_equal(process, 1);
	assert_int_equal(run, 2); /* below _run_once, and below the C entry point of three others */
	assert_int_equal(flame.depth, deepest);
	assert_int_equal(flame.depth, 1 + 11 + 1);
	flame_release(&flame);
}

/* A frame and a cause of one name are two nodes, because they have two colours. */
static void kinds_are_kept_apart(void **state)
{
	struct frame kernel = { .kind = FRAME_NATIVE, .fn = "[cpu]", .file = "", .module = "" };
	struct stack stack = { .n_frames = 1, .frames = &kernel };
	struct sample samples[] = {
		{ .stack = 0, .klass = CLASS_CPU, .tip = "[cpu]", .ns = 7 },
		{ .stack = -1, .klass = CLASS_GIL, .tip = "[cpu]", .ns = 11 },
		{ .stack = -1, .klass = CLASS_CPU, .tip = "[cpu]", .ns = 13 },
	};
	struct profile p = *fixture_find("empty");
	struct flame flame;

	(void)state;
	p.stacks = &stack;
	p.n_stacks = 1;
	p.samples = samples;
	p.n_samples = COUNTOF(samples);
	assert_int_equal(flame_init(&flame, &p), 0);
	/* all, uvicorn, frame, its cause, [no stack], two causes */
	assert_int_equal(flame.nodes.count, 7);
	assert_int_equal(flame.nodes.items[0].ns, 31);
	flame_release(&flame);
}

/* A native function that was at several lines has none of them. */
static void lines_are_those_of_all(void **state)
{
	struct frame frames[] = {
		{ .kind = FRAME_NATIVE, .fn = "f", .file = "a.c", .line = 7, .module = "" },
		{ .kind = FRAME_NATIVE, .fn = "f", .file = "a.c", .line = 7, .module = "" },
		{ .kind = FRAME_NATIVE, .fn = "f", .file = "a.c", .line = 8, .module = "" },
	};
	struct stack stacks[3];
	struct sample samples[3];
	struct profile p = *fixture_find("empty");
	struct flame flame;

	(void)state;
	for (int i = 0; i < 3; i++) {
		stacks[i] = (struct stack){ .n_frames = 1, .frames = &frames[i] };
		samples[i] =
			(struct sample){ .stack = i, .klass = CLASS_CPU, .tip = "[cpu]", .ns = 7 };
	}
	p.stacks = stacks;
	p.samples = samples;
	p.n_stacks = 3;
	for (p.n_samples = 1; p.n_samples <= 3; p.n_samples++) {
		assert_int_equal(flame_init(&flame, &p), 0);
		assert_int_equal(flame.nodes.count, 4);
		assert_string_equal(flame.nodes.items[2].name, "f");
		assert_int_equal(flame.nodes.items[2].many_lines, p.n_samples == 3);
		flame_release(&flame);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_is_all_stalled_time),
		cmocka_unit_test(children_lie_inside_their_parent),
		cmocka_unit_test(stacks_are_merged_from_the_root),
		cmocka_unit_test(kinds_are_kept_apart),
		cmocka_unit_test(lines_are_those_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
