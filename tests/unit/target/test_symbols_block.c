/* test_symbols_block.c: which of several symbols names an address, and damaged files. */
#include "built.h"

#include <errno.h>
#include <sys/mman.h>

#include "target/symbols_block.h"

static const char source[] =
	".text\n"
	".macro fn name at size\n"
	".globl \\name\n.type \\name, @function\n"
	".set \\name, base + \\at\n.size \\name, \\size\n"
	".endm\n"
	"base: .skip 512, 0x90\n"
	"fn outer 0 100\nfn __outer 0 100\nfn inner 16 8\n"
	"fn brief 128 8\nfn __lengthy 128 64\n"
	"fn none 256 0\nfn tail 300 20\n"
	".type data, @object\n.set data, base + 400\n.size data, 8\n.globl data\n"
	".globl fixed\n.type fixed, @function\n.set fixed, 420\n"
	".size fixed, 400\n";

static struct symbols *layered(uint64_t *ret_base)
{
	char path[512];
	struct elf_image *e = NULL;
	struct elf_symbol outer;
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "%s/layers.s", built);
	f = fopen(path, "w");
	fputs(source, f);
	fclose(f);
	assert_int_equal(built_run("cc -shared -nostdlib layers.s -o layers"), 0);
	fd = built_open("layers");
	assert_int_equal(elf_image_open(fd, &e), 0);
	close(fd);
	assert_int_equal(elf_image_symbol(e, "outer", &outer), 0);
	elf_image_close(e);
	*ret_base = outer.value;
	return built_symbols("layers");
}

/* The innermost; of equals the public one; beyond its size another that reaches so far, or none. */
static void test_best(void **state)
{
	static const struct {
		unsigned int at;
		const char *name;
	} want[] = {
		{ 0, "outer" },	  { 15, "outer" },  { 16, "inner" },	  { 23, "inner" },
		{ 24, "outer" },  { 99, "outer" },  { 100, NULL },	  { 127, NULL },
		{ 128, "brief" }, { 135, "brief" }, { 136, "__lengthy" }, { 191, "__lengthy" },
		{ 192, NULL },	  { 256, NULL },    { 299, NULL },	  { 300, "tail" },
		{ 319, "tail" },  { 320, NULL },    { 400, NULL },	  { 511, NULL },
		{ 100000, NULL },
	};
	struct symbols *s;
	uint64_t base;
	size_t i;

	(void)state;
	s = layered(&base);
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const char *name = symbols_find(s, base + want[i].at);

		if (want[i].name)
			assert_string_equal(name ? name : "none", want[i].name);
		else
			assert_null(name);
	}
	assert_null(symbols_find(s, base - 1));
	assert_null(symbols_find(s, 430));
	symbols_free(s);
}

/* A proof that is not met gives no table; the right one does. */
static void test_proof(void **state)
{
	struct symbols *s = built_symbols("bare");
	struct symbols_proof proof = { 0 };
	int fd = built_open("names.debug");

	(void)state;
	assert_string_equal(symbols_debuglink(s, &proof.crc), "names.debug");
	symbols_free(s);
	assert_int_equal(symbols_build_debug(fd, &proof, &s), 0);
	symbols_free(s);
	proof.crc++;
	assert_int_equal(symbols_build_debug(fd, &proof, &s), -ESTALE);
	proof.build_id = "00";
	assert_int_equal(symbols_build_debug(fd, &proof, &s), -ESTALE);
	close(fd);
}

static void build_bytes(const char *bytes, size_t len)
{
	int fd = memfd_create("damaged", MFD_CLOEXEC);
	struct symbols *s = NULL;

	assert_int_equal(write(fd, bytes, len), len);
	if (symbols_build(fd, &s) == 0)
		symbols_find(s, 0x1100);
	symbols_free(s);
	close(fd);
}

/* Cut anywhere, and with every byte of its headers in turn at its largest. */
static void test_damaged(void **state)
{
	static const char *const names[] = { "whole", "bare" };
	size_t i, at;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct str file = { 0 };
		uint64_t table;
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", built, names[i]);
		assert_int_equal(file_read(path, 1 << 20, &file), 0);
		for (at = 0; at < file.len; at += 97)
			build_bytes(file.text, at);
		memcpy(&table, file.text + 40, sizeof(table)); /* e_shoff */
		for (at = 0; at < file.len; at += at == 64 + 8 * 56 ? table - at : 1) {
			char was = file.text[at];

			file.text[at] = (char)0xff;
			build_bytes(file.text, file.len);
			file.text[at] = was;
		}
		str_release(&file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_best),
		cmocka_unit_test(test_proof),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, built_setup, built_teardown);
}
