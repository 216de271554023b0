/* test_v8_layout.c: constants read from a file's symbols, and files that lack or distort them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "runtime/v8_layout.h"

#define BASE 0x1000ull

static uint8_t memory[64 << 10];
static struct elf_symbol symbols[ELF_QUERY_MAX];

static int read_memory(const void *m, uint64_t addr, void *buf, size_t len)
{
	(void)m;
	if (addr < BASE || addr + len > BASE + sizeof(memory))
		return -EFAULT;
	memcpy(buf, memory + (addr - BASE), len);
	return 0;
}

static size_t index_of(const char *name)
{
	size_t i;

	for (i = 0; v8_layout_names()[i]; i++)
		if (strcmp(v8_layout_names()[i], name) == 0)
			return i;
	fail_msg("%s is not asked for", name);
	return 0;
}

static void set(const char *name, int32_t value)
{
	size_t at = index_of(name);

	symbols[at] = (struct elf_symbol){ .value = BASE + 64 * at, .size = 4 };
	memcpy(memory + 64 * at, &value, sizeof(value));
}

/* Every name that begins so: a constant has others in other versions. */
static void set_all(const char *prefix, int32_t value)
{
	for (size_t i = 0; v8_layout_names()[i]; i++)
		if (strncmp(v8_layout_names()[i], prefix, strlen(prefix)) == 0)
			set(v8_layout_names()[i], value);
}

static int read_layout(struct v8_layout *l)
{
	const char *why;

	return v8_layout_read(l, symbols, 0, read_memory, NULL, &why);
}

static int setup(void **state)
{
	size_t i;

	(void)state;
	memset(symbols, 0, sizeof(symbols));
	for (i = 0; v8_layout_names()[i]; i++)
		if (strncmp(v8_layout_names()[i], "v8dbg_", 6) == 0)
			set(v8_layout_names()[i], 16);
	set("v8dbg_off_fp_context_or_frame_type", -8);
	set("v8dbg_off_fp_function", -16);
	set("v8dbg_off_fp_bytecode_offset", -40);
	set("v8dbg_SmiShiftSize", 31);
	set("v8dbg_TaggedSize", 8);
	set("v8dbg_class_HeapObject__map__Map", 0);
	set_all("v8dbg_class_SharedFunctionInfo__name_or_scope_info__", 16);
	set_all("v8dbg_class_SharedFunctionInfo__script", 32);
	set("v8dbg_class_SharedFunctionInfo__length__uint16_t", 40);
	set("v8dbg_class_SharedFunctionInfo__flags__int", 48);
	set("v8dbg_class_String__length__int32_t", 12);
	set("v8dbg_class_Script__line_ends__Object", 56);
	set_all("v8dbg_class_Script__eval_from_", 72);
	set("_ZN2v88internal7Version6major_E", 11);
	set("_ZN2v88internal7Version6minor_E", 3);
	return 0;
}

/* Every name fits into one question. */
static void test_count(void **state)
{
	size_t n = 0;

	(void)state;
	while (v8_layout_names()[n])
		n++;
	assert_in_range(n, 1, ELF_QUERY_MAX);
	assert_true(n <= ELF_NAMES_MAX);
}

/* Values come from the places of the symbols, by version what is not exported. */
static void test_read(void **state)
{
	struct v8_layout l;

	(void)state;
	assert_int_equal(read_layout(&l), 0);
	assert_int_equal(l.fp_function, -16);
	assert_int_equal(l.shared_flags, 48);
	assert_int_equal(l.script_id, 64);
	assert_int_equal(l.version[0], 11);
	assert_non_null(l.hidden);
	assert_int_equal(l.hidden->bytecode_positions, 32);
	assert_int_equal(l.entry.end, 0);
	assert_string_equal(l.node, "");
	set("_ZN2v88internal7Version6minor_E", 4);
	assert_int_equal(read_layout(&l), 0);
	assert_null(l.hidden);
}

/* A name that changed is found under its other one; one that is needed is needed. */
static void test_names(void **state)
{
	const char *old = "v8dbg_class_Script__eval_from_shared_or_wrapped_arguments__Object";
	const char *new =
		"v8dbg_class_Script__eval_from_shared_or_wrapped_arguments__Tagged_Object_";
	struct v8_layout l;

	(void)state;
	set(old, 24);
	assert_int_equal(read_layout(&l), 0);
	assert_int_equal(l.script_eval_from, 24);
	assert_int_equal(l.script_id, 0);
	symbols[index_of(old)].value = 0;
	set(new, 32);
	assert_int_equal(read_layout(&l), 0);
	assert_int_equal(l.script_eval_from, 32);
	symbols[index_of("v8dbg_type_Script__SCRIPT_TYPE")].value = 0;
	assert_int_equal(read_layout(&l), -EPROTO);
}

/* No V8, another kind of it, and constants that cannot be. */
static void test_refused(void **state)
{
	struct v8_layout l;

	(void)state;
	set("v8dbg_TaggedSize", 4);
	assert_int_equal(read_layout(&l), -EPROTO);
	set("v8dbg_TaggedSize", 8);
	set("v8dbg_class_Script__name__Object", 1 << 20);
	assert_int_equal(read_layout(&l), -EPROTO);
	set("v8dbg_class_Script__name__Object", 16);
	set("v8dbg_class_SharedFunctionInfo__flags__int", 56);
	assert_int_equal(read_layout(&l), -EPROTO);
	set("v8dbg_class_SharedFunctionInfo__flags__int", 48);
	set_all("v8dbg_class_SharedFunctionInfo__name_or_scope_info__", 8);
	assert_int_equal(read_layout(&l), -EPROTO);
	set_all("v8dbg_class_SharedFunctionInfo__name_or_scope_info__", 16);
	assert_int_equal(read_layout(&l), 0);
	set("v8dbg_off_fp_function", 16);
	assert_int_equal(read_layout(&l), -EPROTO);
	memset(symbols, 0, sizeof(symbols));
	assert_int_equal(read_layout(&l), -ENOENT);
}

/* The version is text of the program; anything else there is not shown. */
static void test_version(void **state)
{
	const char *const texts[] = { "20.20.2", "v20\n" };
	size_t at = index_of("_ZN4node11per_process8metadataE");
	struct v8_layout l;

	(void)state;
	symbols[at] = (struct elf_symbol){ .value = BASE + 64 * at, .size = 32 };
	for (size_t i = 0; i < 2; i++) {
		uint64_t string[2] = { BASE + 60000, strlen(texts[i]) };

		memcpy(memory + 64 * at, string, sizeof(string));
		memcpy(memory + 60000, texts[i], string[1]);
		assert_int_equal(read_layout(&l), 0);
		assert_string_equal(l.node, i ? "" : "20.20.2");
	}
}

/* Sizes of bytecodes come in three rows; code of the interpreter from its first to its last. */
static void test_tables(void **state)
{
	size_t at = index_of("_ZN2v88internal11interpreter9Bytecodes14kBytecodeSizesE");
	size_t first = index_of("Builtins_WideHandler");
	size_t last = index_of("Builtins_AbortExtraWideHandler");
	struct v8_layout l;

	(void)state;
	symbols[at] = (struct elf_symbol){ .value = BASE + 61000, .size = 6 };
	memcpy(memory + 61000, (uint8_t[]){ 1, 2, 3, 4, 5, 6 }, 6);
	symbols[first] = (struct elf_symbol){ .value = 0x5000, .size = 16 };
	symbols[last] = (struct elf_symbol){ .value = 0x7000, .size = 32 };
	assert_int_equal(read_layout(&l), 0);
	assert_int_equal(l.n_bytecodes, 2);
	assert_int_equal(l.bytecode_sizes[2][1], 6);
	assert_int_equal(l.handlers.start, 0x5000);
	assert_int_equal(l.handlers.end, 0x7020);
	symbols[at].size = 7;
	symbols[last].value = 0x4000;
	assert_int_equal(read_layout(&l), 0);
	assert_int_equal(l.n_bytecodes, 0);
	assert_int_equal(l.handlers.end, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_count, setup),
		cmocka_unit_test_setup(test_read, setup),
		cmocka_unit_test_setup(test_names, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_version, setup),
		cmocka_unit_test_setup(test_tables, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
