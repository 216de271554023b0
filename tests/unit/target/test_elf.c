/* test_elf.c: reading ELF files, compared with readelf, and refusing damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/elf.h"

static struct elf_image *open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct elf_image *e = NULL;

	assert_true(fd >= 0);
	assert_int_equal(elf_image_open(fd, &e), 0);
	close(fd);
	return e;
}

/* The file that holds the C library, through this process's own map. */
static const struct mapping *libc_mapping(const struct process *p)
{
	size_t i;

	for (i = 0; i < p->maps.list.count; i++)
		if (strncmp(mapping_basename(&p->maps.list.items[i]), "libc.so", 7) == 0)
			return &p->maps.list.items[i];
	return NULL;
}

static int compare_symbol(const struct elf_image *e, char *line)
{
	unsigned long long value;
	struct elf_symbol s;
	char size[32], type[32], name[512], section[32];

	if (sscanf(line, " %*d: %llx %31s %31s %*s %*s %31s %511[^@ \n]", &value, size, type,
		   section, name) != 5 ||
	    strcmp(section, "UND") == 0 || strcmp(section, "ABS") == 0 ||
	    strcmp(type, "FUNC") != 0 || strchr(line, '@'))
		return 0;
	assert_int_equal(elf_image_symbol(e, name, &s), 0);
	assert_int_equal(s.value, value);
	assert_int_equal(s.size, strtoull(size, NULL, 0));
	return 1;
}

/* Functions of an executable have the addresses and sizes that readelf prints. */
static void test_symbols_equal_readelf(void **state)
{
	struct elf_image *e = open_file("/usr/bin/python3");
	FILE *f = popen("readelf -W --dyn-syms /usr/bin/python3", "r");
	char line[1024];
	int compared = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) && compared < 211)
		compared += compare_symbol(e, line);
	pclose(f);
	if (!compared) {
		elf_image_close(e);
		print_message("SKIP readelf or symbols are missing\n");
		skip();
	}
	assert_int_equal(compared, 211);
	elf_image_close(e);
}

/* The build id is the one that readelf prints, and a short buffer is not overrun. */
static void test_build_id(void **state)
{
	struct elf_image *e = open_file("/proc/self/exe");
	uint8_t id[64], cut[4] = { 0 };
	char text[129] = "", line[512], *at;
	FILE *f;
	size_t n = elf_image_build_id(e, id, sizeof(id)), i;

	(void)state;
	for (i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
	snprintf(line, sizeof(line), "readelf -n /proc/%d/exe", getpid());
	f = popen(line, "r");
	at = NULL;
	while (!at && fgets(line, sizeof(line), f))
		at = strstr(line, "Build ID: ");
	pclose(f);
	if (at) {
		at[strcspn(at, "\n")] = '\0';
		assert_string_equal(at + strlen("Build ID: "), text);
	}
	assert_int_equal(elf_image_build_id(e, cut, 3), n ? 3 : 0);
	assert_int_equal(cut[3], 0);
	elf_image_close(e);
}

/* For reading, as workers open it. */
static int open_mapping(const struct process *p, const struct mapping *m)
{
	int handle = elf_open_mapping(p, m), fd;
	char self[64], byte;

	assert_true(handle >= 0);
	assert_int_equal(read(handle, &byte, 1), -1);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", handle);
	fd = open(self, O_RDONLY | O_CLOEXEC);
	close(handle);
	return fd;
}

/* The bias of a shared library turns a symbol into its address in this process. */
static void test_bias(void **state)
{
	const struct elf_load *loads;
	const struct mapping *m, *first;
	struct elf_image *e = NULL;
	struct elf_symbol s;
	struct process *p;
	size_t n;
	int fd;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	m = libc_mapping(p);
	assert_non_null(m);
	fd = open_mapping(p, m);
	assert_true(fd >= 0);
	assert_int_equal(elf_image_open(fd, &e), 0);
	close(fd);
	assert_false(elf_image_position_dependent(e));
	first = maps_first_of_file(&p->maps, m->dev, m->ino);
	loads = elf_image_loads(e, &n);
	assert_true(n >= 2);
	assert_int_equal(elf_image_symbol(e, "getppid", &s), 0);
	assert_int_equal(elf_bias(loads, n, first->start, first->offset) + s.value,
			 (uintptr_t)getppid);
	elf_image_close(e);
	process_close(p);
}

/* Names asked for together give what each gives alone; what is not there stays as it was. */
static void test_many_symbols(void **state)
{
	static const char *const names[] = { "getppid", "no_such_symbol", "malloc", "getpid" };
	struct elf_symbol many[4] = { { 0 } }, one;
	struct elf_image *e = NULL;
	struct process *p;
	int fd;

	(void)state;
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	fd = open_mapping(p, libc_mapping(p));
	assert_int_equal(elf_image_open(fd, &e), 0);
	close(fd);
	elf_image_symbols(e, names, 4, many);
	assert_int_equal(many[1].value, 0);
	for (size_t i = 0; i < 4; i++) {
		if (i == 1)
			continue;
		assert_int_equal(elf_image_symbol(e, names[i], &one), 0);
		assert_memory_equal(&many[i], &one, sizeof(one));
	}
	elf_image_close(e);
	process_close(p);
}

/* A map that begins in the middle of a file gives the same bias as one from its start. */
static void test_bias_of_part(void **state)
{
	static const struct elf_load loads[] = {
		{ .vaddr = 0, .offset = 0, .filesz = 0x1234 },
		{ .vaddr = 0x3000, .offset = 0x2000, .filesz = 0x5678, .exec = true },
		{ .vaddr = 0xa9f0, .offset = 0x89f0, .filesz = 0x100 },
	};

	(void)state;
	assert_int_equal(elf_bias(loads, 3, 0x700000, 0), 0x700000);
	assert_int_equal(elf_bias(loads, 3, 0x703000, 0x2000), 0x700000);
	assert_int_equal(elf_bias(loads, 3, 0x70a000, 0x8000), 0x700000);
	assert_int_equal(elf_bias(NULL, 0, 0x700000, 0), 0x700000);
}

/* Sections are found by name, content by address; what is not there is not. */
static void test_sections(void **state)
{
	struct elf_image *e = open_file("/proc/self/exe");
	uint64_t addr, size;
	char buf[16];

	(void)state;
	assert_int_equal(elf_image_section(e, ".interp", &addr, &size), 0);
	assert_int_equal(elf_image_read(e, addr, buf, 4), 0);
	assert_memory_equal(buf, "/lib", 4);
	assert_int_equal(elf_image_read(e, UINT64_MAX - 2, buf, 4), -EFAULT);
	assert_int_equal(elf_image_section(e, ".nothing", &addr, &size), -ENOENT);
	assert_int_equal(elf_image_symbol(e, "no_such_symbol", &(struct elf_symbol){ 0 }), -ENOENT);
	elf_image_close(e);
	elf_image_close(NULL);
}

static int image_of(const void *bytes, size_t len, struct elf_image **ret)
{
	int fd = memfd_create("image", MFD_CLOEXEC), r;

	assert_int_equal(write(fd, bytes, len), len);
	r = elf_image_open(fd, ret);
	close(fd);
	return r;
}

/* Text, an empty file, a cut header, another machine and a file over the limit are refused. */
static void test_refused(void **state)
{
	struct elf_image *e = NULL;
	uint8_t head[64];
	int fd = open("/proc/self/exe", O_RDONLY);

	(void)state;
	assert_int_equal(read(fd, head, sizeof(head)), sizeof(head));
	close(fd);
	assert_int_equal(image_of("#!/bin/sh\n", 10, &e), -ENOEXEC);
	assert_int_equal(image_of("", 0, &e), -ENOEXEC);
	assert_int_equal(image_of(head, 40, &e), -ENOEXEC);
	assert_int_equal(image_of(head, sizeof(head), &e), -ENOEXEC);
	head[18] = 0xb7; /* e_machine: aarch64 */
	assert_int_equal(image_of(head, sizeof(head), &e), -ENOEXEC);
	fd = memfd_create("large", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, (off_t)ELF_FILE_MAX + 1), 0);
	assert_int_equal(elf_image_open(fd, &e), -EFBIG);
	close(fd);
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(elf_image_open(fd, &e), -ENOEXEC);
	close(fd);
	assert_null(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symbols_equal_readelf),
		cmocka_unit_test(test_build_id),
		cmocka_unit_test(test_bias),
		cmocka_unit_test(test_many_symbols),
		cmocka_unit_test(test_bias_of_part),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
