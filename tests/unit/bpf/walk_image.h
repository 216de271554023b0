/* walk_image.h: a process of one's own making for bpf/walk_native.h: a stack, registers, mappings
 * and tables, all in arrays.
 *
 * Code is one mapping of two pages, CODE to CODE_END; its table is what image_row() was told, in
 * ascending order.  The stack is STACK to STACK_END, words of zeros until image_word() says else.
 */
#ifndef TESTS_UNIT_BPF_WALK_IMAGE_H
#define TESTS_UNIT_BPF_WALK_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "bpf/unwind.h"

static int image_read(void *dst, uint64_t size, uint64_t addr);
static const struct unwind_page *unwind_page_at(__u32 index);
static void *unwind_chunk_at(__u32 number);
static const __u64 *unwind_word_in(void *chunk, __u32 index);

#define walk_read(dst, size, addr) image_read(dst, size, addr)
#include "bpf/walk_native.h"

#define CODE	    0x555555550000ull
#define CODE_END    (CODE + 0x20000)
#define CODE_VADDR  0x30000ull /* in the file's own numbering */
#define PAGE_FIRST  5	       /* place of the file's pages in the directory */
#define CHUNK	    3	       /* that holds the rows */
#define STACK	    0x7ffff7ff8000ull
#define STACK_WORDS 8192
#define STACK_END   (STACK + STACK_WORDS * 8)
#define WORDS_MAX   8192
#define ROW_FIRST   17 /* word of the chunk at which the first page lies */

static struct image {
	uint64_t stack[STACK_WORDS];
	uint64_t from;	   /* memory below is not there */
	uint64_t code, at; /* the instructions at one address */
	unsigned int reads;
	struct unwind_page pages[2];
	uint64_t words[WORDS_MAX];
	bool no_chunk;
	struct unwind_proc proc;
	struct unwind_cursor cursor;
	struct event_stack out;
} image;

static int image_read(void *dst, uint64_t size, uint64_t addr)
{
	image.reads++;
	memset(dst, 0, size); /* also where it fails: so does the kernel */
	if (size == 8 && addr == image.at) {
		memcpy(dst, &image.code, size);
		return 0;
	}
	if (addr < STACK || addr < image.from || addr + size > STACK_END)
		return -1;
	memcpy(dst, (char *)image.stack + (addr - STACK), size);
	return 0;
}

static const struct unwind_page *unwind_page_at(__u32 index)
{
	return index >= PAGE_FIRST && index < PAGE_FIRST + 2 ? &image.pages[index - PAGE_FIRST]
							     : NULL;
}

static void *unwind_chunk_at(__u32 number)
{
	return number == CHUNK && !image.no_chunk ? image.words : NULL;
}

static const __u64 *unwind_word_in(void *chunk, __u32 index)
{
	return index < WORDS_MAX ? (const __u64 *)chunk + index : NULL;
}

/* One more row of the first page, which must have no escapes yet. */
static inline void image_row(uint16_t low, uint8_t cfa, uint8_t rbp, int off, int last)
{
	struct unwind_page *p = &image.pages[0];

	image.words[ROW_FIRST + p->rows++] = UNWIND_ROW(low, cfa, rbp, off / 8, last);
	p->words = p->rows;
}

/* The row of that number becomes an escape. */
static inline void image_escape(unsigned int row, struct unwind_escape e)
{
	struct unwind_page *p = &image.pages[0];
	uint64_t *at = &image.words[ROW_FIRST + row];

	*at = UNWIND_ROW_ESCAPE(*at, p->words);
	memcpy(&image.words[ROW_FIRST + p->words], &e, sizeof(e));
	p->words += 2;
}

static inline void image_word(uint64_t addr, uint64_t word)
{
	image.stack[(addr - STACK) / 8] = word;
}

/* The innermost frame. */
static inline void image_regs(uint64_t ip, uint64_t sp, uint64_t bp)
{
	image.cursor.regs[UNWIND_REG_IP] = ip;
	image.cursor.regs[UNWIND_REG_SP] = sp;
	image.cursor.regs[UNWIND_REG_BP] = bp;
}

static inline void image_reset(void)
{
	memset(&image, 0, sizeof(image));
	image.pages[0].first = CHUNK << UNWIND_CHUNK_SHIFT | ROW_FIRST;
	image.proc.n = 1;
	image.proc.start[0] = CODE;
	image.proc.map[0] = (struct unwind_mapping){
		.end = CODE_END,
		.bias = CODE - CODE_VADDR,
		.page = PAGE_FIRST,
		.first_page = CODE_VADDR >> UNWIND_PAGE_SHIFT,
		.n_pages = 2,
	};
}

/* Walks; why it ended. */
static inline enum unwind_stop image_walk(void)
{
	struct event_stack *s = &image.out;

	s->flags = 0;
	unwind_begin(&image.cursor, s);
	if (s->n_user)
		unwind_run(&image.cursor, &image.proc, s);
	return s->user_stop;
}

#endif
