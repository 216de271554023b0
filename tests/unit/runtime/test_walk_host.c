/* test_walk_host.c: the frame walker over an image that this test builds in its own memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "runtime/walk_host.h"

#define FRAMES (STACK_PYTHON_MAX + 51)

/* Shapes of no real interpreter: the walker must not know any. */
struct fake_frame {
	uint64_t prev, ip, code;
	uint8_t pad[5], kind, pad2[2];
};

struct fake_code {
	uint64_t first, name, between, lines, version, text[8];
};

static struct fake_frame frames[FRAMES];
static struct fake_code codes[FRAMES];
static struct {
	uint64_t pad, slot;
} thread;
static struct {
	uint64_t pad[2], head;
} control_state;

static struct process *self;

static struct walk_plan plan_of(enum walk_shim shim)
{
	return (struct walk_plan){
		.enabled = 1,
		.shim = shim,
		.shim_value = 3,
		.tag_mode = TAG_WORD,
		.slot_off = offsetof(__typeof__(thread), slot),
		.state_head = offsetof(__typeof__(control_state), head),
		.frame_size = sizeof(struct fake_frame),
		.frame_code = offsetof(struct fake_frame, code),
		.frame_prev = offsetof(struct fake_frame, prev),
		.frame_ip = offsetof(struct fake_frame, ip),
		.frame_shim = offsetof(struct fake_frame, kind),
		.code_start = offsetof(struct fake_code, text),
		.tag_off = { offsetof(struct fake_code, version) },
		.code_mask = ~7ull,
	};
}

/* A list of n frames, innermost first, each in its own code at instruction 2 * its number. */
static void build(size_t n)
{
	size_t i;

	memset(frames, 0, sizeof(frames));
	for (i = 0; i < n; i++) {
		codes[i] = (struct fake_code){
			.first = i, .name = i * 3, .lines = i * 5, .version = 1000 + i
		};
		frames[i].code = (uintptr_t)&codes[i] | 1; /* a tag bit, to be masked */
		frames[i].ip = (uintptr_t)codes[i].text + 2 * (i % 30);
		frames[i].prev = i + 1 < n ? (uintptr_t)&frames[i + 1] : 0;
	}
	control_state.head = (uintptr_t)&frames[0];
	thread.slot = (uintptr_t)&control_state;
}

static size_t walk(const struct walk_plan *plan, struct interp_frame *out, uint16_t *flags)
{
	return walk_host(self, plan, (uintptr_t)&thread, out, flags);
}

/* Codes, tags, offsets and order come through; without shims every frame is an entry. */
static void test_plain(void **state)
{
	struct walk_plan plan = plan_of(SHIM_NONE);
	struct interp_frame out[STACK_PYTHON_MAX];
	uint16_t flags;
	size_t i;

	(void)state;
	build(7);
	assert_int_equal(walk(&plan, out, &flags), 7);
	assert_int_equal(flags, STACK_PYTHON);
	for (i = 0; i < 7; i++) {
		assert_int_equal(out[i].code, (uintptr_t)&codes[i] | 1);
		assert_int_equal(out[i].tag, 1000 + i);
		assert_int_equal(out[i].off, 2 * i);
	}
}

/* An entry byte of 1 marks its frame and keeps it; an owner byte of 3 or more marks the frame
 * before and is left out. */
static void test_shims(void **state)
{
	struct interp_frame out[STACK_PYTHON_MAX];
	struct walk_plan plan = plan_of(SHIM_ENTRY_BYTE);

	(void)state;
	build(7);
	frames[3].kind = 1;
	assert_int_equal(walk(&plan, out, NULL), 7);
	assert_int_equal(out[2].code & 1, 0);
	assert_int_equal(out[3].code & 1, 1);
	assert_int_equal(out[4].code & 1, 0);
	plan = plan_of(SHIM_OWNER_GE);
	frames[0].kind = 4;
	frames[3].kind = 3;
	frames[4].kind = 2;
	frames[3].code = 0; /* a shim need not hold code */
	assert_int_equal(walk(&plan, out, NULL), 5);
	assert_int_equal(out[0].code & 1, 0);
	assert_int_equal(out[1].code, (uintptr_t)&codes[2] | 1);
	assert_int_equal(out[2].code, (uintptr_t)&codes[4]);
}

/* The mixed tag is that of control.h over all words between two and what one of them points to;
 * none where that cannot be read. */
static void test_mixed_tag(void **state)
{
	struct interp_frame out[STACK_PYTHON_MAX];
	struct walk_plan plan = plan_of(SHIM_NONE);
	static uint32_t name[] = { 1, 2, 0x87654321 };
	uint32_t tag;
	size_t i;

	(void)state;
	build(3);
	codes[1].first = 0x12345678;
	codes[1].name = (uintptr_t)name;
	codes[1].lines = 0x23456789;
	plan.tag_mode = TAG_MIX;
	plan.tag_off[0] = offsetof(struct fake_code, first);
	plan.tag_off[1] = offsetof(struct fake_code, name);
	plan.tag_off[2] = offsetof(struct fake_code, lines);
	plan.tag_deref = 2 * sizeof(*name);
	assert_int_equal(walk(&plan, out, NULL), 3);
	for (tag = 0, i = offsetof(struct fake_code, first); i <= plan.tag_off[2]; i += 8)
		tag = walk_tag_mix(tag, *(uint64_t *)((char *)&codes[1] + i));
	assert_int_equal(out[1].tag, walk_tag_mix(tag, name[2]));
	/* each word counts, also one that is none of the three, and what is pointed to */
	codes[1].between ^= 8;
	walk(&plan, out, NULL);
	assert_int_not_equal(out[1].tag, walk_tag_mix(tag, name[2]));
	codes[1].between ^= 8;
	name[2]++;
	walk(&plan, out, NULL);
	assert_int_equal(out[1].tag, walk_tag_mix(tag, name[2]));
	assert_int_equal(out[2].tag, 0);
	plan.tag_mode = TAG_NONE;
	walk(&plan, out, NULL);
	assert_int_equal(out[1].tag, 0);
}

/* An instruction index is scaled; one that is negative or not in the code is unknown. */
static void test_offsets(void **state)
{
	struct interp_frame out[STACK_PYTHON_MAX];
	struct walk_plan plan = plan_of(SHIM_NONE);

	(void)state;
	build(3);
	frames[0].ip = (uintptr_t)codes[0].text - 2;
	frames[1].ip = 0;
	walk(&plan, out, NULL);
	assert_int_equal(out[0].off, -1);
	assert_int_equal(out[1].off, -1);
	plan.ip_mode = WALK_IP_INDEX;
	plan.ip_scale = 2;
	frames[0].ip = 0xdeadbeef00000000ull | 19;
	frames[1].ip = 0xffffffff;
	frames[2].ip = 0x7fffffff;
	walk(&plan, out, NULL);
	assert_int_equal(out[0].off, 38);
	assert_int_equal(out[1].off, -1);
	assert_int_equal(out[2].off, -1);
}

/* A control block between thread state and frames is one more step; a slot of 0 is no interpreter.
 */
static void test_head(void **state)
{
	struct interp_frame out[STACK_PYTHON_MAX];
	struct walk_plan plan = plan_of(SHIM_NONE);
	uint64_t block[3] = { 0, 0, (uintptr_t)frames };
	uint16_t flags;

	(void)state;
	build(5);
	plan.head_indirect = 1;
	plan.block_head = 16;
	control_state.head = (uintptr_t)block;
	assert_int_equal(walk(&plan, out, &flags), 5);
	thread.slot = 0;
	assert_int_equal(walk(&plan, out, &flags), 0);
	assert_int_equal(flags, STACK_PYTHON);
	thread.slot = 0x1234000;
	assert_int_equal(walk(&plan, out, &flags), 0);
	assert_int_equal(flags, STACK_PYTHON | STACK_PYTHON_LOST);
	thread.slot = 8; /* never an address */
	assert_int_equal(walk(&plan, out, &flags), 0);
	assert_int_equal(flags, STACK_PYTHON | STACK_PYTHON_LOST);
	plan.enabled = 0;
	assert_int_equal(walk(&plan, out, &flags), 0);
	assert_int_equal(flags, 0);
}

/* Too deep, a circle, a wild link and a wild code pointer end the walk and say that it was cut. */
static void test_cut(void **state)
{
	struct interp_frame out[STACK_PYTHON_MAX];
	struct walk_plan plan = plan_of(SHIM_OWNER_GE);
	uint16_t flags;
	size_t i;

	(void)state;
	build(FRAMES);
	assert_int_equal(walk(&plan, out, &flags), STACK_PYTHON_MAX);
	assert_int_equal(flags, STACK_PYTHON | STACK_PYTHON_CUT);
	build(STACK_PYTHON_MAX);
	assert_int_equal(walk(&plan, out, &flags), STACK_PYTHON_MAX);
	assert_int_equal(flags, STACK_PYTHON);
	build(7);
	frames[6].prev = (uintptr_t)&frames[0];
	for (i = 0; i < 7; i++)
		frames[i].kind =
			3; /* all skipped: only the step limit ends it, with nothing to show */
	assert_int_equal(walk(&plan, out, &flags), 0);
	assert_int_equal(flags, STACK_PYTHON | STACK_PYTHON_LOST);
	build(7);
	frames[4].prev = 0xffff800000001000;
	assert_int_equal(walk(&plan, out, &flags), 5);
	assert_int_equal(flags, STACK_PYTHON | STACK_PYTHON_CUT);
	build(7);
	frames[2].code = 24;
	assert_int_equal(walk(&plan, out, &flags), 2);
	assert_int_equal(flags, STACK_PYTHON | STACK_PYTHON_CUT);
}

/* A plan that asks for more than a block reads nothing at all. */
static void test_bad_plan(void **state)
{
	struct interp_frame out[STACK_PYTHON_MAX];
	struct walk_plan plan = plan_of(SHIM_NONE);
	uint16_t flags;

	(void)state;
	build(3);
	plan.frame_size = 129;
	assert_int_equal(walk(&plan, out, &flags), 0);
	assert_int_equal(flags, STACK_PYTHON | STACK_PYTHON_LOST);
	plan = plan_of(SHIM_NONE);
	plan.frame_code = plan.frame_prev = plan.frame_ip = plan.frame_shim = 0xffff;
	walk(&plan, out, &flags);
	plan.tag_mode = TAG_MIX;
	plan.tag_off[0] = 0xffff;
	walk(&plan, out, &flags);
}

static int open_self(void **state)
{
	(void)state;
	return process_open("/proc", getpid(), &self);
}

static int close_self(void **state)
{
	(void)state;
	process_close(self);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	  cmocka_unit_test(test_shims),
		cmocka_unit_test(test_mixed_tag), cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_head),	  cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bad_plan),
	};

	return cmocka_run_group_tests(tests, open_self, close_self);
}
