/* cpython_reader.c: see cpython_reader.h. */
#include "runtime/cpython_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/process.h"

#define PAGE	   4096u
#define SETS	   64	       /* a power of two, see page_of */
#define WAYS	   4	       /* pages in each: 1 MiB in all */
#define DIRECT	   (16 * PAGE) /* from here on, pages would only push each other out */
#define ADDR_MIN   0x1000ull
#define ADDR_END   (1ull << 47)
#define READ_LIMIT (1u << 20)

struct cpython_page {
	uint64_t number;
	uint64_t turn; /* valid while it is the reader's */
	int r;	       /* of the read */
	uint8_t bytes[PAGE];
};

int cpython_reader_init(struct cpython_reader *rd, cpython_read_fn *read, const void *memory,
			const struct cpython_offsets *o, const struct cpython_layout *l)
{
	*rd = (struct cpython_reader){
		.read = read, .memory = memory, .o = o, .l = l, .turn = 1, .limit = UINT64_MAX
	};
	rd->pages = calloc(SETS * WAYS, sizeof(*rd->pages));
	return rd->pages ? 0 : -ENOMEM;
}

void cpython_reader_release(struct cpython_reader *rd)
{
	free(rd->pages);
	free(rd->types);
	rd->pages = NULL;
	rd->types = NULL;
}

int cpython_read_process(const void *memory, uint64_t addr, void *buf, size_t len)
{
	return process_read_all(memory, addr, buf, len);
}

void cpython_reader_begin(struct cpython_reader *rd)
{
	rd->turn++;
	rd->limit = UINT64_MAX;
}

void cpython_reader_limit(struct cpython_reader *rd, uint64_t reads)
{
	rd->limit = rd->calls + reads;
}

/* Anything but "gone" and "out of memory" is one thing to the caller: it is not there. */
static int read_now(struct cpython_reader *rd, uint64_t addr, void *buf, size_t len)
{
	int r;

	if (rd->calls >= rd->limit)
		return -EFAULT;
	rd->calls++;
	r = rd->read(rd->memory, addr, buf, len);
	return r == 0 || r == -ESRCH ? r : -EFAULT;
}

/* Types and tables that everything refers to shall stay while what is looked at once passes by. */
static const struct cpython_page *page_of(struct cpython_reader *rd, uint64_t number)
{
	/* the upper 6 bits: SETS */
	struct cpython_page *set = &rd->pages[(number * 0x9e3779b97f4a7c15ull >> 58) * WAYS];
	struct cpython_page *p = &set[rd->calls % WAYS];
	int i;

	for (i = 0; i < WAYS; i++) {
		if (set[i].turn == rd->turn && set[i].number == number)
			return &set[i];
		if (set[i].turn != rd->turn)
			p = &set[i];
	}
	p->number = number;
	p->turn = rd->turn;
	p->r = read_now(rd, number * PAGE, p->bytes, PAGE);
	return p;
}

static bool is_address(uint64_t addr, size_t len)
{
	return addr >= ADDR_MIN && addr < ADDR_END && len <= READ_LIMIT && len <= ADDR_END - addr;
}

int cpython_read(struct cpython_reader *rd, uint64_t addr, void *buf, size_t len)
{
	uint8_t *to = buf;

	if (!is_address(addr, len))
		return -EFAULT;
	if (len >= DIRECT)
		return read_now(rd, addr, buf, len);
	while (len) {
		const struct cpython_page *p = page_of(rd, addr / PAGE);
		size_t at = addr % PAGE, part = PAGE - at < len ? PAGE - at : len;

		if (p->r < 0)
			return p->r;
		memcpy(to, p->bytes + at, part);
		to += part;
		addr += part;
		len -= part;
	}
	return 0;
}

int cpython_read_word(struct cpython_reader *rd, uint64_t addr, uint64_t *ret_word)
{
	return cpython_read(rd, addr, ret_word, sizeof(*ret_word));
}

int cpython_read_s32(struct cpython_reader *rd, uint64_t addr, int32_t *ret_number)
{
	return cpython_read(rd, addr, ret_number, sizeof(*ret_number));
}

int cpython_read_fresh(struct cpython_reader *rd, uint64_t addr, void *buf, size_t len)
{
	if (!is_address(addr, len))
		return -EFAULT;
	return read_now(rd, addr, buf, len);
}
