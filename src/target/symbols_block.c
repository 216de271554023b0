/* symbols_block.c: see symbols_block.h. */
#include "target/symbols_block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/vec.h"
#include "target/minidebug.h"

struct builder {
	VEC(struct symbol_entry) entries;
	struct str names;
};

static int add_function(void *arg, const char *name, uint64_t value, uint64_t size)
{
	struct builder *b = arg;
	struct symbol_entry one = { .addr = value, .name = (uint32_t)b->names.len };
	size_t len = strcspn(name, "@"); /* the version of a symbol is no part of its name */
	int r;

	if (!size || !len || b->names.len > NAMES_MAX)
		return 0;
	one.size = size > ENTRY_SIZE_MAX ? ENTRY_SIZE_MAX : (uint32_t)size;
	if (len > ENTRY_NAME_MAX)
		len = ENTRY_NAME_MAX;
	r = str_add_mem(&b->names, name, len);
	if (r == 0)
		r = str_add_char(&b->names, '\0');
	return r < 0 ? r : vec_add(&b->entries, one);
}

/* Of two names for one address the public one comes first: fewer leading underscores, then the
 * longer range, then the shorter and lesser name, so that the order in the file does not matter. */
static int compare_entries(const void *a, const void *b, void *arg)
{
	const struct symbol_entry *x = a, *y = b;
	const char *names = arg, *nx, *ny;
	size_t ux, uy;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	nx = names + x->name;
	ny = names + y->name;
	ux = strspn(nx, "_");
	uy = strspn(ny, "_");
	if (ux != uy)
		return ux < uy ? -1 : 1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	if (strlen(nx) != strlen(ny))
		return strlen(nx) < strlen(ny) ? -1 : 1;
	return strcmp(nx, ny);
}

/* Keeps of the names for one address the best, and those that reach further: with the best last,
 * because the search goes backwards. */
static size_t keep_best(struct symbol_entry *kept, const struct symbol_entry *group, size_t count)
{
	size_t n = 0, i;

	for (i = 0; i < count; i++)
		if (!n || group[i].size > kept[n - 1].size)
			kept[n++] = group[i];
	for (i = 0; i < n / 2; i++) {
		struct symbol_entry swap = kept[i];

		kept[i] = kept[n - 1 - i];
		kept[n - 1 - i] = swap;
	}
	return n;
}

static void sort_entries(struct builder *b)
{
	struct symbol_entry *e = b->entries.items;
	size_t i, end, kept = 0;

	if (!b->entries.count)
		return;
	qsort_r(e, b->entries.count, sizeof(*e), compare_entries, b->names.text);
	for (i = 0; i < b->entries.count; i = end) {
		for (end = i + 1; end < b->entries.count && e[end].addr == e[i].addr; end++)
			;
		kept += keep_best(e + kept, e + i, end - i);
	}
	b->entries.count = kept;
}

static void mark_covered(struct builder *b)
{
	uint64_t reach = 0;
	size_t i;

	for (i = 0; i < b->entries.count; i++) {
		struct symbol_entry *e = &b->entries.items[i];

		e->covered = i && reach > e->addr;
		if (e->addr + e->size > reach)
			reach = e->addr + e->size;
	}
}

/* The names of the entries that were kept, and only those. */
static int pack_names(struct builder *b, struct str *packed)
{
	size_t i;

	for (i = 0; i < b->entries.count; i++) {
		const char *name = b->names.text + b->entries.items[i].name;
		int r;

		b->entries.items[i].name = (uint32_t)packed->len;
		r = str_add_mem(packed, name, strlen(name) + 1);
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_block(const struct elf_image *e, struct builder *b, struct symbols_head *head,
		       struct str *result)
{
	cleanup(str_releasep) struct str names = { 0 };
	size_t n_loads;
	const struct elf_load *loads = elf_image_loads(e, &n_loads);
	int r;

	sort_entries(b);
	mark_covered(b);
	r = pack_names(b, &names);
	head->loads = (uint32_t)n_loads;
	head->entries = (uint32_t)b->entries.count;
	head->names = names.len;
	if (r == 0)
		r = str_add_mem(result, head, sizeof(*head));
	if (r == 0)
		r = str_add_mem(result, loads, n_loads * sizeof(*loads));
	if (r == 0)
		r = str_add_mem(result, b->entries.items,
				b->entries.count * sizeof(struct symbol_entry));
	return r < 0 ? r : str_add_mem(result, names.text, names.len);
}

/* A damaged or oversized packed table costs its own names only. */
static int add_minidebug(const struct elf_image *e, struct builder *b)
{
	cleanup(str_releasep) struct str file = { 0 };
	cleanup(elf_image_closep) struct elf_image *inner = NULL;

	if (minidebug_read(e, &file) < 0 || elf_image_open_memory(file.text, file.len, &inner) < 0)
		return 0;
	return elf_image_each_function(inner, add_function, b);
}

static int file_crc(int fd, uint32_t *ret_crc)
{
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;
	char buf[65536];

	while ((n = pread(fd, buf, sizeof(buf), at)) > 0) {
		crc = crc32(crc, (const Bytef *)buf, (uInt)n);
		at += n;
	}
	*ret_crc = (uint32_t)crc;
	return n < 0 ? -EIO : 0;
}

static int check_proof(int fd, const struct symbols_proof *proof, const struct symbols_head *head)
{
	char hex[SYMBOLS_BUILD_ID_ROOM];
	uint32_t crc;
	int r;

	if (proof->build_id) {
		symbols_hex(head->build_id, head->build_id_len, hex);
		return strcmp(hex, proof->build_id) == 0 ? 0 : -ESTALE;
	}
	r = file_crc(fd, &crc);
	return r < 0 ? r : crc == proof->crc ? 0 : -ESTALE;
}

int symbols_block(int fd, const void *arg, struct str *result)
{
	cleanup(elf_image_closep) struct elf_image *e = NULL;
	struct symbols_head head = { 0 };
	struct builder b = { 0 };
	int r = elf_image_open(fd, &e);

	if (r < 0)
		return r;
	head.build_id_len = (uint32_t)elf_image_build_id(e, head.build_id, sizeof(head.build_id));
	if (arg) {
		r = check_proof(fd, arg, &head);
		if (r < 0)
			return r;
	}
	head.complete = elf_image_has_symtab(e);
	head.has_lines = elf_image_has_lines(e);
	elf_image_altlink(e, head.alt, sizeof(head.alt));
	elf_image_debuglink(e, head.link, sizeof(head.link), &head.link_crc);
	r = elf_image_each_function(e, add_function, &b);
	if (r == 0)
		r = add_minidebug(e, &b);
	if (r == 0)
		r = write_block(e, &b, &head, result);
	vec_release(&b.entries);
	str_release(&b.names);
	return r;
}
