/* test_restack.c: nameless frames of a recorded stack become what is said about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/restack.h"

static size_t depth; /* frames that the namer makes of one */
static int fails;

static int namer(void *ctx, uint32_t module, uint64_t address,
		 struct chunk_frame ret_frames[RESTACK_FRAMES_MAX], size_t *ret_count)
{
	size_t i;

	(void)ctx;
	*ret_count = 0;
	if (module != 1)
		return fails;
	(void)address;
	for (i = 0; i < depth; i++)
		ret_frames[i] = (struct chunk_frame){
			.fn = i + 1 == depth ? "whole" : "inside",
			.file = "a.c",
			.line = 7 + (uint32_t)i,
			.flags = FRAME_INLINED | FRAME_LIBRARY,
		};
	*ret_count = depth;
	return 0;
}

static const struct chunk_frame frames[] = {
	{ FRAME_KERNEL, 0, 0, 0, "schedule", "", "" },
	{ FRAME_NATIVE, FRAME_GUESSED, 0, 0x1111, "", "/opt/app", "app" },
	{ FRAME_NATIVE, 0, 3, 0, "named", "b.c", "app" },
	{ FRAME_NATIVE, 0, 0, 0x2222, "", "/opt/app", "app" },
	{ FRAME_NATIVE, FRAME_LIBRARY, 0, 0x3333, "", "/lib/other", "other" },
};

static void make_stack(struct str *payload)
{
	static const uint32_t nameless[][2] = { { 1, 1 }, { 2, 1 }, { 3, 1 }, { 4, 2 }, { 77, 1 } };
	size_t i;

	chunk_put_u64(payload, 7);
	chunk_put_u32(payload, 0x50003);
	chunk_put_u32(payload, 5);
	for (i = 0; i < 5; i++)
		chunk_put_frame(payload, &frames[i]);
	chunk_put_u32(payload, 5);
	for (i = 0; i < 5; i++) {
		chunk_put_u32(payload, nameless[i][0]);
		chunk_put_u32(payload, nameless[i][1]);
		chunk_put_u64(payload, 0x1234);
	}
	chunk_put_str(payload, "what a later version says");
}

static void check_text(struct chunk_cursor *c, const char *want)
{
	uint32_t len;
	const char *text = chunk_get_str(c, &len);

	assert_int_equal(len, strlen(want));
	assert_memory_equal(text, want, len);
}

static void check_frame(struct chunk_cursor *c, const struct chunk_frame *want)
{
	assert_int_equal(chunk_get_u32(c), want->kind);
	assert_int_equal(chunk_get_u32(c), want->flags);
	assert_int_equal(chunk_get_u32(c), want->line);
	assert_int_equal(chunk_get_u64(c), want->offset);
	check_text(c, want->fn);
	check_text(c, want->file);
	check_text(c, want->module);
}

/* Frame i of the stack, of which `n` were made. */
static void check_made(struct chunk_cursor *c, size_t i, size_t n)
{
	struct chunk_frame want = frames[i];
	size_t k;

	for (k = 0; k < n; k++) {
		bool last = k + 1 == n;

		want.flags = frames[i].flags | FRAME_LIBRARY | (last ? 0 : FRAME_INLINED);
		want.line = 7 + (uint32_t)(k + depth - n);
		want.offset = last ? frames[i].offset : 0;
		want.fn = last ? "whole" : "inside";
		want.file = "a.c";
		check_frame(c, &want);
	}
	if (!n)
		check_frame(c, &want);
}

static void check_stack(const struct str *payload, size_t first, size_t second)
{
	struct chunk chunk = { CHUNK_STACK_NAMES, (uint32_t)payload->len, payload->text };
	const size_t above[] = { first, first, first + second, first + second };
	struct chunk_cursor c;
	size_t i;

	chunk_cursor_init(&c, &chunk);
	assert_int_equal(chunk_get_u64(&c), 7);
	assert_int_equal(chunk_get_u32(&c), 0x50003);
	assert_int_equal(chunk_get_u32(&c), 5 + first + second);
	for (i = 0; i < 5; i++)
		check_made(&c, i, i == 1 ? first + 1 : i == 3 ? second + 1 : 0);
	assert_int_equal(chunk_get_u32(&c), 5);
	for (i = 0; i < 5; i++) {
		assert_int_equal(chunk_get_u32(&c), i < 4 ? i + 1 + above[i] : 77);
		assert_int_equal(chunk_get_u32(&c), i == 3 ? 2 : 1);
		assert_int_equal(chunk_get_u64(&c), 0x1234);
	}
	check_text(&c, "what a later version says");
	assert_false(c.bad);
	assert_ptr_equal(c.at, c.end);
}

/* One frame becomes one with a name, or several; frames with a name keep it, numbers of frames
 * follow, and what stands behind stays. */
static void test_frames(void **state)
{
	struct str payload = { 0 }, made = { 0 };
	struct chunk chunk;

	(void)state;
	make_stack(&payload);
	chunk = (struct chunk){ CHUNK_STACK_NAMES, (uint32_t)payload.len, payload.text };
	for (depth = 1; depth <= RESTACK_FRAMES_MAX; depth += 21) {
		str_clear(&made);
		assert_int_equal(restack(&chunk, namer, NULL, &made), 0);
		check_stack(&made, depth - 1, depth - 1);
	}
	depth = 0;
	str_clear(&made);
	assert_int_equal(restack(&chunk, namer, NULL, &made), 0);
	assert_int_equal(made.len, 0);
	fails = -ENOMEM;
	assert_int_equal(restack(&chunk, namer, NULL, &made), -ENOMEM);
	fails = 0;
	str_release(&payload);
	str_release(&made);
}

/* A stack does not grow beyond its bound: later frames get their own line only. */
static void test_bound(void **state)
{
	struct str payload = { 0 }, made = { 0 };
	struct chunk chunk;
	uint32_t n;
	int i;

	(void)state;
	chunk_put_u64(&payload, 7);
	chunk_put_u32(&payload, 0);
	chunk_put_u32(&payload, 11);
	for (i = 0; i < 11; i++)
		chunk_put_frame(&payload, &frames[1]);
	chunk_put_u32(&payload, 11);
	for (i = 0; i < 11; i++) {
		chunk_put_u32(&payload, (uint32_t)i);
		chunk_put_u32(&payload, 1);
		chunk_put_u64(&payload, 0x1234);
	}
	chunk = (struct chunk){ CHUNK_STACK_NAMES, (uint32_t)payload.len, payload.text };
	depth = RESTACK_FRAMES_MAX;
	assert_int_equal(restack(&chunk, namer, NULL, &made), 0);
	memcpy(&n, made.text + 12, sizeof(n));
	assert_int_equal(n, 11 + 4 * (RESTACK_FRAMES_MAX - 1));
	str_release(&payload);
	str_release(&made);
}

/* Cut anywhere, or with a count that lies, nothing is read past its end. */
static void test_damage(void **state)
{
	struct str payload = { 0 }, made = { 0 };
	uint32_t len, at;

	(void)state;
	make_stack(&payload);
	depth = 3;
	for (len = 0; len < payload.len; len++) {
		char *exact = malloc(len ? len : 1);
		struct chunk chunk = { CHUNK_STACK_NAMES, len, exact };

		memcpy(exact, payload.text, len);
		str_clear(&made);
		assert_int_equal(restack(&chunk, namer, NULL, &made), 0);
		free(exact);
	}
	for (at = 12; at + 4 <= payload.len; at++) {
		char *exact = malloc(payload.len);
		struct chunk chunk = { CHUNK_STACK_NAMES, (uint32_t)payload.len, exact };

		memcpy(exact, payload.text, payload.len);
		memset(exact + at, 0x7f, 4);
		str_clear(&made);
		restack(&chunk, namer, NULL, &made);
		free(exact);
	}
	str_release(&payload);
	str_release(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
