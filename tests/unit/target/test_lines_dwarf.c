/* test_lines_dwarf.c: chains of inlined functions of files made by several compilers, and of such
 * that tell less or nothing.
 */
#include "built_lines.h"

#include <errno.h>

#include "target/lines_dwarf.h"

static struct line_chain chain;

static struct lines_dwarf *open_lines(const char *name)
{
	struct lines_dwarf *d = NULL;
	int fd = built_open(name);

	assert_true(fd >= 0); /* stays open until the test ends */
	assert_int_equal(lines_dwarf_open(fd, -1, &d), 0);
	return d;
}

static void assert_place(size_t i, const char *fn, unsigned int line)
{
	assert_true(i < chain.count);
	assert_string_equal(chain.places[i].fn, fn);
	assert_true(str_ends(chain.places[i].file, "/lines.c"));
	assert_int_equal(chain.places[i].line, line);
}

/* Whether some address of the function, which lies as in the file `like`, has that innermost line;
 * its chain is `chain` then. */
static bool find_line(struct lines_dwarf *d, const char *like, const char *function,
		      unsigned int line)
{
	uint64_t start, size, i;

	built_range(like, function, &start, &size);
	for (i = 0; i < size; i++) {
		lines_dwarf_find(d, start + i, &chain);
		if (chain.count && chain.places[0].line == line)
			return true;
	}
	return false;
}

static void check_chain(const char *name)
{
	struct lines_dwarf *d = open_lines(name);

	assert_true(find_line(d, name, "outer", INNER_LINE));
	assert_int_equal(chain.count, 3);
	assert_place(0, "inner", INNER_LINE);
	assert_place(1, "middle", MIDDLE_LINE);
	assert_place(2, "outer", OUTER_LINE);
	assert_true(find_line(d, name, "aside", ASIDE_LINE));
	assert_int_equal(chain.count, 1);
	assert_place(0, "aside", ASIDE_LINE);
	lines_dwarf_find(d, 0, &chain);
	assert_int_equal(chain.count, 0);
	lines_dwarf_find(d, 0x10, &chain);
	assert_int_equal(chain.count, 0);
	lines_dwarf_find(d, UINT64_MAX, &chain);
	assert_int_equal(chain.count, 0);
	lines_dwarf_close(d);
}

/* Both versions of the format, two compilers (clang writes no .debug_aranges), packed sections,
 * few details, another optimiser, a debug file. */
static void test_compilers(void **state)
{
	static const char *const options[] = { "-gdwarf-5",
					       "-gdwarf-4",
					       "-gz",
					       "-g1",
					       "-flto",
					       "-ffunction-sections "
					       "-Wl,--gc-sections,-uouter,-uaside" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		assert_int_equal(built_lines(options[i]), 0);
		check_chain("lines");
	}
	assert_int_equal(built_run("objcopy --only-keep-debug lines lines.debug"), 0);
	check_chain("lines.debug");
	if (built_run("clang -O2 -g -gdwarf-5 -fPIC -shared lines.c -o lines") == 0)
		check_chain("lines");
	else
		print_message("SKIP no clang\n");
}

/* What the linker dropped begins at 0 and reaches over the addresses of living functions of its
 * unit: of these it is not known which they are. */
static void test_dropped(void **state)
{
	struct lines_dwarf *d;
	uint64_t start, size, i, known = 0;

	(void)state;
	assert_int_equal(built_write("lines.c", lines_source), 0);
	assert_int_equal(built_write("big.c",
				     "#include \"lines.c\"\n"
				     "__attribute__((visibility(\"hidden\"))) void big(void);\n"
				     "void big(void) {\n"
				     "#define X sink++; sink--; sink++; sink--;\n"
				     "#define Y X X X X X X X X X X X X X X X X\n"
				     "Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y Y }\n"),
			 0);
	assert_int_equal(built_run("cc -O2 -g -ffunction-sections -fPIC -shared "
				   "-Wl,--gc-sections,-uouter,-uaside big.c -o lines"),
			 0);
	d = open_lines("lines");
	built_range("lines", "outer", &start, &size);
	assert_true(start > 0 && start < 8192 && size > 0);
	for (i = 0; i < size; i++) {
		lines_dwarf_find(d, start + i, &chain);
		known += chain.count != 0;
	}
	assert_int_equal(known, 0);
	lines_dwarf_close(d);
}

/* Functions inside of functions and in namespaces are found; names are those that the linker sees,
 * where there are some. */
static void test_names(void **state)
{
	struct lines_dwarf *d;

	(void)state;
	if (built_run("c++ --version") != 0) {
		print_message("SKIP no C++ compiler\n");
		return;
	}
	assert_int_equal(built_write("lines.c",
				     "volatile int sink;\n"
				     "namespace shop {\n"
				     "struct Cart { int total(int n); };\n"
				     "int Cart::total(int n) {\n"
				     "	struct L { int v; __attribute__((noinline)) int local() {\n"
				     "		sink = v;\n"
				     "		return v + 1; } } l{ n };\n"
				     "	return l.local();\n"
				     "} }\n"),
			 0);
	assert_int_equal(built_run("c++ -O1 -g -fPIC -shared -x c++ lines.c -o lines"), 0);
	d = open_lines("lines");
	assert_true(find_line(d, "lines", "_ZN4shop4Cart5totalEi", 8));
	assert_int_equal(chain.count, 1);
	assert_place(0, "_ZN4shop4Cart5totalEi", 8);
	assert_true(find_line(d, "lines", "_ZZN4shop4Cart5totalEiEN1L5localEv", 6));
	assert_int_equal(chain.count, 1);
	assert_non_null(strstr(chain.places[0].fn, "local"));
	lines_dwarf_close(d);
}

/* Where gcc tells no linkage name, the namespaces and types around a function are part of its name,
 * and those that end before it are not. */
static void test_scopes(void **state)
{
	static const char *const names[] = { "shop::(anonymous namespace)::Box<int>::put",
					     "shop::(anonymous namespace)::fill", "shop::twice",
					     "once" };
	struct lines_dwarf *d;
	size_t i;

	(void)state;
	if (built_run("c++ --version") != 0) {
		print_message("SKIP no C++ compiler\n");
		return;
	}
	assert_int_equal(built_write("lines.c",
				     "volatile int sink;\n"
				     "#define IN static inline __attribute__((always_inline))\n"
				     "namespace shop { namespace {\n"
				     "template <class T> struct Box { T v; struct Lid { T l; };\n"
				     "	inline __attribute__((always_inline)) void put(T n) {\n"
				     "		sink = n; }\n"
				     "};\n"
				     "IN void fill(int n) { Box<int> b;\n"
				     "	b.put(n); }\n"
				     "}\n"
				     "IN void twice(int n) { \n"
				     "	fill(n); } }\n"
				     "IN void once(int n) {\n"
				     "	shop::twice(n); }\n"
				     "extern \"C\" void outer(int n) {\n"
				     "	once(n); }\n"),
			 0);
	assert_int_equal(built_run("c++ -O2 -g -fPIC -shared -x c++ lines.c -o lines"), 0);
	d = open_lines("lines");
	assert_true(find_line(d, "lines", "outer", 6));
	assert_int_equal(chain.count, 5);
	for (i = 0; i < 4; i++)
		if (!str_starts(chain.places[i].fn, "_Z"))
			assert_string_equal(chain.places[i].fn, names[i]);
	assert_int_equal(chain.places[3].line, 14);
	assert_place(4, "outer", 16);
	lines_dwarf_close(d);
}

/* Functions described elsewhere have no line: which one is inlined there is not known. */
static void test_split(void **state)
{
	struct lines_dwarf *d = NULL;
	int fd;

	(void)state;
	assert_int_equal(built_lines("-gsplit-dwarf"), 0);
	fd = built_open("lines");
	assert_int_equal(lines_dwarf_open(fd, -1, &d), -ENODATA);
	close(fd);
}

/* No ELF file, none of this machine, none with debug information. */
static void test_refused(void **state)
{
	struct lines_dwarf *d = NULL;
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	assert_int_equal(lines_dwarf_open(fd, -1, &d), -ENOEXEC);
	close(fd);
	assert_int_equal(built_run("head -c 700 whole >cut"), 0);
	fd = built_open("cut");
	assert_true(lines_dwarf_open(fd, -1, &d) < 0);
	close(fd);
	fd = built_open("bare");
	assert_int_equal(lines_dwarf_open(fd, -1, &d), -ENODATA);
	close(fd);
	assert_null(d);
	lines_dwarf_close(NULL);
}

/* The names of a file that was packed lie in its alternate file; without it, or with another one in
 * its place, inlined functions are left out and lines stay right. */
static void test_alternate(void **state)
{
	struct lines_dwarf *d = NULL;
	int alts[3], i;

	(void)state;
	assert_int_equal(built_lines("-gdwarf-4"), 0);
	if (built_run("cp lines twin && cp lines unpacked && dwz -m both lines twin") != 0) {
		print_message("SKIP no dwz\n");
		return;
	}
	alts[0] = built_open("both");
	alts[1] = built_open("whole");
	alts[2] = -1;
	/* outside of the sandbox the library would find it by itself */
	assert_int_equal(built_run("rm both"), 0);
	for (i = 0; i < 3; i++) {
		int fd = built_open("lines");

		assert_int_equal(lines_dwarf_open(fd, alts[i], &d), 0);
		assert_true(find_line(d, "unpacked", "outer", i ? OUTER_LINE : INNER_LINE));
		assert_int_equal(chain.count, i ? 1 : 3);
		if (i == 0)
			assert_place(0, "inner", INNER_LINE);
		assert_int_equal(chain.places[chain.count - 1].line, OUTER_LINE);
		lines_dwarf_close(d);
		close(fd);
	}
	close(alts[0]);
	close(alts[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compilers), cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_names),	  cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_split),	  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_alternate),
	};

	return cmocka_run_group_tests(tests, built_setup, built_teardown);
}
