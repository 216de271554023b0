/* fuzz_unwind.c: any bytes as tables, registers and stack of a process; the walk ends after a
 * bounded number of reads, stays inside its arrays, and says what a plainer one says.
 *
 * Input: u8 bits (1: rows as they are, else sorted; 2: code made at run time; 4: code without a
 * table; 8: no chunk; 16: a signal's trampoline in code without a table), u8 part of the stack that
 * is not there, u16 rows, u16 words of the page, then words of 5 bytes: registers, the page's words
 * in 8 bytes each, and the rest is the stack.
 */
#include <stdlib.h>

#include "tests/unit/bpf/walk_image.h"

#define BIT_UNSORTED 1
#define BIT_JIT	     2
#define BIT_POINTER  4
#define BIT_NO_CHUNK 8
#define BIT_SIGNAL   16
#define STEP_READS   8
#define TRAMPOLINE   (CODE + 0x10040)

struct input {
	const uint8_t *at, *end;
};

static uint64_t take(struct input *in, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes && in->at < in->end; i++)
		v |= (uint64_t)*in->at++ << i * 8;
	return v;
}

/* A word as stacks hold them: an address in the code, one in the stack, or anything. */
static uint64_t take_word(struct input *in)
{
	uint64_t v = take(in, 5);

	switch (v >> 38) {
	case 0:
		return CODE - 0x100 + (v & 0x203ff);
	case 1:
		return STACK + (v & 0xfff8);
	case 2:
		return v & 0xffff;
	default:
		return v << 26 | v >> 14;
	}
}

static int by_low(const void *a, const void *b)
{
	return (int)(*(const uint64_t *)a & 0xffff) - (int)(*(const uint64_t *)b & 0xffff);
}

static void image_take(struct input *in)
{
	unsigned int bits = take(in, 1), missing = take(in, 1), i;
	struct unwind_page *p = &image.pages[0];

	image_reset();
	image.from = STACK + missing * 32;
	p->rows = take(in, 2) % 4096;
	p->words = take(in, 2) % WORDS_MAX;
	if (bits & BIT_SIGNAL) {
		image.at = TRAMPOLINE;
		image.code = UNWIND_SIGRETURN;
	}
	image.no_chunk = bits & BIT_NO_CHUNK;
	image.proc.flags = bits & BIT_JIT ? UNWIND_PROC_JIT : 0;
	image.proc.map[0].kind = bits & BIT_POINTER ? UNWIND_BY_POINTER : UNWIND_BY_TABLE;
	for (i = 0; i < UNWIND_REGS; i++)
		image.cursor.regs[i] = take_word(in);
	for (i = 0; i < p->words && ROW_FIRST + i < WORDS_MAX && in->at < in->end; i++)
		image.words[ROW_FIRST + i] = take(in, 8);
	if (!(bits & BIT_UNSORTED) && p->rows) {
		image.words[ROW_FIRST] &= ~0xffffull;
		qsort(&image.words[ROW_FIRST], p->rows, 8, by_low);
	}
	for (i = 0; i < STACK_WORDS && in->at < in->end; i++)
		image.stack[i] = take_word(in);
}

/* The walk as unwind.h says it, without a thought for what a verifier wants. */
struct plain {
	uint64_t ip, sp, bp, regs[UNWIND_REGS];
	int exact, all, guessed;
	uint64_t user[STACK_USER_MAX];
	unsigned int n;
};

static int plain_word(uint64_t addr, uint64_t *ret)
{
	return addr % 8 || addr < 4096 || addr >= 1ull << 47 ? -1 : image_read(ret, 8, addr);
}

static bool plain_known(const struct plain *p)
{
	return p->ip - !p->exact >= CODE && p->ip - !p->exact < CODE_END;
}

static enum unwind_stop plain_rule(const struct plain *p, struct unwind_escape *e)
{
	uint64_t addr = p->ip - !p->exact, row, *words = &image.words[ROW_FIRST];
	const struct unwind_page *page = &image.pages[0];
	int at = -1;

	memset(e, 0, sizeof(*e));
	if (!plain_known(p))
		return image.proc.flags ? UNWIND_STOP_KERNEL : UNWIND_STOP_MAPPING;
	if (image.proc.map[0].kind || addr - CODE >= 0x10000 || !page->rows)
		return UNWIND_STOP_KERNEL;
	if (image.no_chunk)
		return UNWIND_STOP_TABLE;
	while (at + 1 < page->rows && (words[at + 1] & 0xffff) <= addr - CODE)
		at++;
	row = words[at];
	if ((row >> 16 & 0xff) == UNWIND_ESCAPE) {
		uint64_t place = row >> 32;

		if (place < page->rows || place + 2 > page->words ||
		    ROW_FIRST + place + 2 > WORDS_MAX)
			return UNWIND_STOP_TABLE;
		memcpy(e, &words[place], 16);
		return e->cfa == UNWIND_NONE || e->cfa == UNWIND_ESCAPE ? UNWIND_STOP_TABLE
									: UNWIND_STOP_KERNEL;
	}
	e->cfa = row >> 16;
	e->rbp = row >> 24;
	e->off = (int16_t)(row >> 32) * 8;
	*(e->rbp ? &e->rbp_off : &e->add) = (int16_t)(row >> 48);
	e->ra = e->reg = UNWIND_RA_AT_CFA;
	return UNWIND_STOP_KERNEL;
}

/* rax to r15 by DWARF's numbers, as sys/ucontext.h has them. */
static const uint64_t *plain_register(const struct plain *p, unsigned int number)
{
	static const uint8_t places[] = { 13, 12, 14, 11, 9, 8, 10, 15, 0, 1, 2, 3, 4, 5, 6, 7 };

	return p->all && number < 16 ? &p->regs[places[number]] : NULL;
}

static enum unwind_stop plain_cfa(const struct plain *p, const struct unwind_escape *e,
				  uint64_t *ret)
{
	const uint64_t *reg = plain_register(p, e->reg);
	uint64_t v;

	switch (e->cfa) {
	case UNWIND_RSP:
		*ret = p->sp + e->off;
		return UNWIND_STOP_KERNEL;
	case UNWIND_PLT:
		*ret = p->sp + e->off + ((p->ip & 15) >= (uint64_t)e->add ? 8 : 0);
		return UNWIND_STOP_KERNEL;
	case UNWIND_RBP:
		*ret = p->bp + e->off;
		return UNWIND_STOP_KERNEL;
	case UNWIND_RSP_DEREF:
	case UNWIND_RBP_DEREF:
		if (plain_word((e->cfa == UNWIND_RSP_DEREF ? p->sp : p->bp) + e->off, &v))
			return UNWIND_STOP_READ;
		*ret = v + e->add;
		return UNWIND_STOP_KERNEL;
	case UNWIND_REGISTER:
		if (!reg)
			return UNWIND_STOP_RULE;
		*ret = *reg + e->off;
		return UNWIND_STOP_KERNEL;
	default:
		return UNWIND_STOP_RULE;
	}
}

static enum unwind_stop plain_by_rule(struct plain *p, const struct unwind_escape *e)
{
	const uint64_t *reg = plain_register(p, e->ra);
	uint64_t cfa, ip = reg ? *reg : 0, bp = p->bp;
	enum unwind_stop stop = plain_cfa(p, e, &cfa);

	if (stop)
		return stop;
	if (cfa < p->sp || (cfa == p->sp && e->ra == UNWIND_RA_AT_CFA) || cfa % 8)
		return UNWIND_STOP_RULE;
	if (e->ra != UNWIND_RA_AT_CFA && !reg)
		return UNWIND_STOP_RULE;
	if (e->ra == UNWIND_RA_AT_CFA && plain_word(cfa - 8, &ip))
		return UNWIND_STOP_READ;
	if (e->rbp == UNWIND_RBP_AT_CFA && plain_word(cfa + e->rbp_off, &bp))
		return UNWIND_STOP_READ;
	if (e->rbp == UNWIND_RBP_AT_RBP && plain_word(bp + e->rbp_off, &bp))
		return UNWIND_STOP_READ;
	if (e->rbp >= UNWIND_RBP_LOST)
		bp = UNWIND_BP_LOST;
	p->ip = ip;
	p->sp = cfa;
	p->bp = bp;
	return UNWIND_STOP_KERNEL;
}

static enum unwind_stop plain_by_pointer(struct plain *p)
{
	uint64_t bp = p->bp, words[2];

	if (!bp && p->n > 1)
		return plain_known(p) ? UNWIND_STOP_ROOT : UNWIND_STOP_MAPPING;
	if (bp < p->sp || plain_word(bp, &words[0]) || plain_word(bp + 8, &words[1]))
		return plain_known(p) ? UNWIND_STOP_POINTER : UNWIND_STOP_MAPPING;
	p->guessed |= !plain_known(p);
	p->bp = words[0];
	p->ip = words[1];
	p->sp = bp + 16;
	return UNWIND_STOP_KERNEL;
}

static enum unwind_stop plain_signal(struct plain *p)
{
	if (p->sp + 40 < 4096 || p->sp + 40 >= 1ull << 47 ||
	    image_read(p->regs, sizeof(p->regs), p->sp + 40))
		return UNWIND_STOP_READ;
	p->ip = p->regs[16];
	p->sp = p->regs[15];
	p->bp = p->regs[10];
	return UNWIND_STOP_KERNEL;
}

static bool plain_trampoline(const struct plain *p)
{
	uint64_t flags, code;

	return !plain_word(p->sp, &flags) && (flags == 6 || flags == 7) &&
	       !image_read(&code, 8, p->ip) && code == UNWIND_SIGRETURN;
}

static enum unwind_stop plain_step(struct plain *p)
{
	struct unwind_escape e;
	enum unwind_stop stop = plain_rule(p, &e);
	bool guess, signal;

	if (stop)
		return stop;
	signal = e.cfa == UNWIND_SIGNAL || (e.cfa == UNWIND_NONE && plain_trampoline(p));
	guess = e.cfa == UNWIND_NONE && !signal;
	if (e.cfa == UNWIND_END)
		return UNWIND_STOP_ROOT;
	stop = signal ? plain_signal(p) : guess ? plain_by_pointer(p) : plain_by_rule(p, &e);
	if (stop)
		return stop;
	p->exact = p->all = signal;
	if (p->ip < 4096)
		return UNWIND_STOP_ROOT;
	if (p->ip >= 1ull << 47)
		return UNWIND_STOP_MAPPING;
	if (p->n == STACK_USER_MAX)
		return UNWIND_STOP_DEPTH;
	p->user[p->n++] = p->ip | (guess ? USER_GUESSED : 0) | (signal ? USER_EXACT : 0);
	return UNWIND_STOP_KERNEL;
}

static void check_plain(const uint64_t *regs)
{
	const struct event_stack *s = &image.out;
	struct plain p = { .ip = regs[16], .sp = regs[15], .bp = regs[10], .exact = 1, .all = 1 };
	enum unwind_stop stop = UNWIND_STOP_KERNEL;

	memcpy(p.regs, regs, sizeof(p.regs));
	p.user[p.n++] = p.ip;
	while (stop == UNWIND_STOP_KERNEL)
		stop = plain_step(&p);
	if (stop == UNWIND_STOP_ROOT && p.guessed)
		stop = UNWIND_STOP_GUESSED;
	if (stop != s->user_stop || p.n != s->n_user || memcmp(p.user, s->user, p.n * 8) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	const struct event_stack *s = &image.out;
	uint64_t regs[UNWIND_REGS];
	enum unwind_stop stop;

	if (!size)
		return 0;
	image_take(&in);
	memcpy(regs, image.cursor.regs, sizeof(regs));
	image.out.python[0].code = 4711; /* what lies behind the addresses */
	image.reads = 0;
	stop = image_walk();
	if (image.reads > STACK_USER_MAX * STEP_READS || s->python[0].code != 4711 ||
	    s->n_user > STACK_USER_MAX ||
	    !!(s->flags & STACK_USER_CUT) != (stop == UNWIND_STOP_DEPTH))
		abort();
	if (stop != UNWIND_STOP_ROOT && stop != UNWIND_STOP_GUESSED &&
	    (stop < UNWIND_STOP_MAPPING || stop > UNWIND_STOP_TABLE))
		abort();
	if (s->n_user && !(data[0] & BIT_UNSORTED))
		check_plain(regs);
	return 0;
}
