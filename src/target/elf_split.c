/* elf_split.c: see elf_split.h.
 *
 * Jumps are found without a disassembler: the opcodes of jmp and jcc with a 32-bit distance, at any
 * byte.  Other bytes that look so lead anywhere: of 40 to 50 KB of code one or two of them to the
 * middle of a function (libpython 3.8 to 3.13), while 312 places of the part that Debian's
 * python3.11 has are jumped to.
 */
#include "target/elf_split.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/vec.h"
#include "target/elf.h"
#include "target/sandbox.h"

#define HEADER_FORM  0x3b031b01u /* version 1; sdata4 from here; udata4; sdata4 from the section */
#define HEADER_ROWS  12		 /* where its table begins: rows of two s32 */
#define HEADER_MAX   (32u << 20) /* bytes: 4 million functions */
#define TARGETS_MAX  65536u	 /* jumps that leave the function */
#define SMALL_CODE   4096	 /* so little code hardly leads astray */
#define FEW_TARGETS  2		 /* places jumped to by which a part is known in larger code */
#define TIMES_OTHERS 3		 /* and that many times as many as of any other function */

size_t elf_split_starts(const uint8_t *header, size_t len, uint64_t vaddr, uint64_t *ret_starts,
			size_t n_max)
{
	uint32_t form, rows;
	size_t i, n = 0;

	if (len < HEADER_ROWS)
		return 0;
	memcpy(&form, header, sizeof(form));
	memcpy(&rows, header + 8, sizeof(rows));
	if (form != HEADER_FORM)
		return 0;
	for (i = 0; i < rows && n < n_max && HEADER_ROWS + 8 * (i + 1) <= len; i++) {
		int32_t distance;
		uint64_t start;

		memcpy(&distance, header + HEADER_ROWS + 8 * i, sizeof(distance));
		start = vaddr + (uint64_t)(int64_t)distance;
		if (n && start <= ret_starts[n - 1])
			return 0;
		ret_starts[n++] = start;
	}
	return n;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Index of the function that holds addr, which lies between the first and the last start. */
static size_t find_start(const uint64_t *starts, size_t n, uint64_t addr)
{
	size_t low = 0, high = n;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (starts[middle] <= addr)
			low = middle;
		else
			high = middle;
	}
	return low;
}

struct targets {
	VEC(uint64_t) list;
};

/* Where the jumps at any byte of the code lead, apart from the code itself and from beginnings of
 * functions, where calls go too. */
static void find_targets(struct targets *t, const uint8_t *code, size_t len, uint64_t vaddr,
			 const uint64_t *starts, size_t n_starts)
{
	size_t i, op;

	for (i = 0; i + 6 <= len && t->list.count < TARGETS_MAX; i++) {
		int32_t distance;
		uint64_t to;

		if (code[i] == 0xe9)
			op = 1;
		else if (code[i] == 0x0f && (code[i + 1] & 0xf0) == 0x80)
			op = 2;
		else
			continue;
		memcpy(&distance, code + i + op, sizeof(distance));
		to = vaddr + i + op + sizeof(distance) + (uint64_t)(int64_t)distance;
		if (to - vaddr < len || to < starts[0] || to >= starts[n_starts - 1] ||
		    starts[find_start(starts, n_starts, to)] == to)
			continue;
		if (vec_add(&t->list, to) < 0)
			return;
	}
}

/* Counts the different targets from `from` on that lie in the same function; returns where the next
 * function's begin. */
static size_t count_group(const struct targets *t, size_t from, uint64_t end, size_t *ret_count)
{
	size_t i;

	*ret_count = 0;
	for (i = from; i < t->list.count && t->list.items[i] < end; i++)
		*ret_count += i == from || t->list.items[i] != t->list.items[i - 1];
	return i;
}

struct elf_range elf_split_part(const uint8_t *code, size_t len, uint64_t vaddr,
				const uint64_t *starts, size_t n_starts)
{
	size_t best = 0, best_n = 0, second_n = 0, i, n, next;
	struct elf_range part = { 0 };
	struct targets t = { 0 };

	if (n_starts < 2)
		return part;
	find_targets(&t, code, len, vaddr, starts, n_starts);
	if (t.list.count)
		qsort(t.list.items, t.list.count, sizeof(t.list.items[0]), by_value);
	for (i = 0; i < t.list.count; i = next) {
		size_t at = find_start(starts, n_starts, t.list.items[i]);

		next = count_group(&t, i, starts[at + 1], &n);
		if (n > best_n) {
			second_n = best_n;
			best_n = n;
			best = at;
		} else if (n > second_n) {
			second_n = n;
		}
	}
	vec_release(&t.list);
	if (best_n >= (len < SMALL_CODE ? 1 : FEW_TARGETS) && best_n >= TIMES_OTHERS * second_n)
		part = (struct elf_range){ starts[best], starts[best + 1] };
	return part;
}

static uint64_t end_of_segment(const struct elf_image *e, uint64_t addr)
{
	const struct elf_load *loads;
	size_t n, i;

	loads = elf_image_loads(e, &n);
	for (i = 0; i < n; i++)
		if (loads[i].exec && addr >= loads[i].vaddr &&
		    addr - loads[i].vaddr < loads[i].filesz)
			return loads[i].vaddr + loads[i].filesz;
	return 0;
}

/* The ascending starts of all functions and the end of the code; NULL: not to be had. */
static uint64_t *read_starts(const struct elf_image *e, uint64_t end, size_t *ret_n)
{
	_cleanup_free_ uint64_t *starts = NULL;
	_cleanup_free_ uint8_t *header = NULL;
	uint64_t vaddr, size;
	size_t n;

	if (elf_image_section(e, ".eh_frame_hdr", &vaddr, &size) < 0 || size > HEADER_MAX)
		return NULL;
	header = malloc(size + 1);
	starts = calloc(size / 8 + 1, sizeof(*starts));
	if (!header || !starts || elf_image_read(e, vaddr, header, size) < 0)
		return NULL;
	n = elf_split_starts(header, size, vaddr, starts, size / 8);
	while (n && starts[n - 1] >= end)
		n--;
	if (!n)
		return NULL;
	starts[n] = end;
	*ret_n = n + 1;
	return steal(starts);
}

static void find_part(const struct elf_image *e, struct elf_split *split)
{
	size_t len = split->main.end - split->main.start, n;
	uint64_t end = end_of_segment(e, split->main.start);
	_cleanup_free_ uint64_t *starts = NULL;
	_cleanup_free_ uint8_t *code = NULL;

	if (len > ELF_SPLIT_CODE_MAX)
		len = ELF_SPLIT_CODE_MAX;
	code = malloc(len + 1);
	if (!end || !code || elf_image_read(e, split->main.start, code, len) < 0)
		return;
	starts = read_starts(e, end, &n);
	if (starts)
		split->part = elf_split_part(code, len, split->main.start, starts, n);
}

/* The job of the worker: arg is the name. */
static int answer(int fd, const void *arg, struct str *result)
{
	cleanup(elf_image_closep) struct elf_image *e = NULL;
	struct elf_split split = { 0 };
	struct elf_symbol symbol;
	int r = elf_image_open(fd, &e);

	if (r == 0)
		r = elf_image_symbol(e, arg, &symbol);
	if (r < 0)
		return r;
	split.main = (struct elf_range){ symbol.value, symbol.value + symbol.size };
	if (symbol.size && split.main.end > split.main.start)
		find_part(e, &split);
	return str_add_mem(result, &split, sizeof(split));
}

int elf_split_mapping(const struct process *p, const struct mapping *m, const char *name,
		      struct elf_split *ret_split)
{
	_cleanup_close_ int fd = elf_open_mapping(p, m);
	cleanup(str_releasep) struct str result = { 0 };
	int r = fd < 0 ? fd : sandbox_run(fd, answer, name, SANDBOX_DEADLINE_MS, &result);

	if (r < 0)
		return r;
	if (result.len != sizeof(*ret_split))
		return -EIO;
	memcpy(ret_split, result.text, sizeof(*ret_split));
	return 0;
}
