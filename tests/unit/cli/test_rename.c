/* test_rename.c: names that a recording lacks, from debug files: this test's own program is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/rename.h"
#include "target/elf.h"
#include "target/symbols.h"

static char folder[] = "/tmp/rename-XXXXXX";
static char build_id[SYMBOLS_BUILD_ID_ROOM];
static struct elf_symbol marker;

struct seen {
	struct chunk_sink sink;
	struct str payload; /* of the last stack */
	unsigned int others;
};

__attribute__((noinline)) int rename_marker(int n);

__attribute__((noinline)) int rename_marker(int n)
{
	asm volatile("");
	return n * 5;
}

static int take(struct chunk_sink *sink, const struct chunk *chunk)
{
	struct seen *s = (struct seen *)sink;

	if (chunk->kind != CHUNK_STACK_NAMES) {
		s->others++;
		return 0;
	}
	str_clear(&s->payload);
	return str_add_mem(&s->payload, chunk->payload, chunk->len);
}

static void put_module(struct rename *r, uint32_t number, const char *id)
{
	struct str payload = { 0 };

	chunk_put_u32(&payload, number);
	chunk_put_str(&payload, id);
	chunk_put_str(&payload, "/opt/app");
	assert_int_equal(chunk_emit(&r->sink, CHUNK_MODULE, &payload), 0);
	str_release(&payload);
}

/* A stack of five frames, of which three have no name. */
static void make_stack(struct str *payload)
{
	static const struct chunk_frame frames[] = {
		{ FRAME_NATIVE, FRAME_GUESSED, 0, 0x1111, "", "/opt/app", "app" },
		{ FRAME_NATIVE, 0, 0, 0, "named", "/opt/app", "app" },
		{ FRAME_NATIVE, 0, 0, 0x2222, "", "/opt/app", "app" },
		{ FRAME_PYTHON, 0, 41, 0, "main", "app.py", "" },
		{ FRAME_NATIVE, 0, 0, 0x3333, "", "/opt/other", "other" },
	};
	const uint64_t nameless[][3] = {
		{ 0, 1, marker.value + marker.size - 1 },
		{ 1, 1, marker.value },
		{ 2, 1, 0 },
		{ 4, 2, marker.value },
		{ 4, 77, 0 },
		{ 4, 3, 0 },
		{ 99, 1, marker.value },
	};

	chunk_put_u64(payload, 7);
	chunk_put_u32(payload, 0);
	chunk_put_u32(payload, 5);
	for (int i = 0; i < 5; i++)
		chunk_put_frame(payload, &frames[i]);
	chunk_put_u32(payload, 7);
	for (int i = 0; i < 7; i++) {
		chunk_put_u32(payload, nameless[i][0]);
		chunk_put_u32(payload, nameless[i][1]);
		chunk_put_u64(payload, nameless[i][2]);
	}
}

static void check_name(struct chunk_cursor *c, const char *want)
{
	uint32_t len;
	const char *text;

	chunk_get_u32(c);
	chunk_get_u32(c);
	chunk_get_u32(c);
	chunk_get_u64(c);
	text = chunk_get_str(c, &len);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(text, want, len);
	chunk_get_str(c, &len);
	chunk_get_str(c, &len);
	assert_false(c->bad);
}

/* The first frame has `want` now; the others are what they were, and so is all the rest. */
static void check_stack(const struct seen *s, const char *want)
{
	const char *const names[] = { want, "named", "", "main", "" };
	struct chunk chunk = { CHUNK_STACK_NAMES, (uint32_t)s->payload.len, s->payload.text };
	struct chunk_cursor c;

	chunk_cursor_init(&c, &chunk);
	assert_int_equal(chunk_get_u64(&c), 7);
	assert_int_equal(chunk_get_u32(&c), 0);
	assert_int_equal(chunk_get_u32(&c), 5);
	for (int i = 0; i < 5; i++)
		check_name(&c, names[i]);
	assert_int_equal(chunk_get_u32(&c), 7);
	assert_int_equal(c.end - c.at, 7 * 16);
}

/* Sends the stack through with that folder. */
static void pass(const char *dir, const char *want, unsigned int found)
{
	struct seen s = { .sink = { .put = take } };
	struct str payload = { 0 };
	struct rename r;

	assert_int_equal(rename_init(&r, &s.sink, dir, NULL), 0);
	put_module(&r, 1, build_id);
	put_module(&r, 2, "0123456789abcdef");
	put_module(&r, 3, "../../etc");
	make_stack(&payload);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(chunk_emit(&r.sink, CHUNK_STACK_NAMES, &payload), 0);
		check_stack(&s, want);
	}
	assert_int_equal(s.others, 3);
	assert_int_equal(r.wanted, dir ? 2 : 0);
	assert_int_equal(r.found, found);
	rename_release(&r);
	str_release(&payload);
	str_release(&s.payload);
}

static int run(const char *format)
{
	char command[512], line[1024];

	snprintf(command, sizeof(command), format, getpid(), build_id, build_id, build_id + 2);
	snprintf(line, sizeof(line), "cd %s && %s", folder, command);
	return system(line);
}

/* Without a folder, with an empty one, with the file in it, and laid out by build id. */
static void test_folders(void **state)
{
	(void)state;
	pass(NULL, "", 0);
	pass(folder, "", 0);
	assert_int_equal(run("cp /proc/%d/exe app && mkfifo pipe && echo text >text"), 0);
	pass(folder, "rename_marker", 1);
	assert_int_equal(run("rm app pipe text; true %d && mkdir -p usr/lib/debug/.build-id/%.2s"),
			 0);
	assert_int_equal(run("cp /proc/%d/exe usr/lib/debug/.build-id/%.2s/x &&"
			     "cd usr/lib/debug/.build-id/%.2s && mv x %s.debug"),
			 0);
	pass(folder, "rename_marker", 1);
	assert_int_equal(run("mv usr/lib/debug/.build-id . ; true %d"), 0);
	pass(folder, "rename_marker", 1);
}

/* Chunks cut anywhere pass as they are or with a name, and are never read past their end. */
static void test_cut(void **state)
{
	struct seen s = { .sink = { .put = take } };
	struct str payload = { 0 };
	struct rename r;

	(void)state;
	assert_int_equal(rename_init(&r, &s.sink, folder, NULL), 0);
	put_module(&r, 1, build_id);
	make_stack(&payload);
	for (uint32_t len = 0; len < payload.len; len++) {
		char *exact = malloc(len ? len : 1);
		struct chunk chunk = { CHUNK_STACK_NAMES, len, exact };

		memcpy(exact, payload.text, len);
		assert_int_equal(r.sink.put(&r.sink, &chunk), 0);
		chunk.kind = CHUNK_MODULE;
		assert_int_equal(r.sink.put(&r.sink, &chunk), 0);
		free(exact);
	}
	assert_int_equal(rename_init(&(struct rename){ 0 }, &s.sink, "/nowhere", NULL), -ENOENT);
	rename_release(&r);
	str_release(&payload);
	str_release(&s.payload);
}

static int setup(void **state)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), r;
	struct elf_image *e = NULL;
	uint8_t id[64];
	size_t len;

	(void)state;
	r = elf_image_open(fd, &e);
	close(fd);
	if (r < 0 || !mkdtemp(folder))
		return -1;
	len = elf_image_build_id(e, id, sizeof(id));
	symbols_hex(id, len, build_id);
	r = elf_image_symbol(e, "rename_marker", &marker);
	elf_image_close(e);
	return len ? r : -1;
}

static int teardown(void **state)
{
	char line[128];

	(void)state;
	snprintf(line, sizeof(line), "rm -rf %s", folder);
	return system(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
