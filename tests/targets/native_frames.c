/* native_frames.c: shapes of frames that a compiler, or a hand, makes.
 *
 * See native.h.  Each stack is one that a walk by frame pointers gets wrong, or that takes an
 * uncommon rule of the tables: big frames, realigned ones, a return address behind its function.
 */
#define _GNU_SOURCE
#include <alloca.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "native.h"

#define BIG	40000
#define HUGE_	(1 << 20)
#define DEPTH	13 /* primes: a frame more or less cannot hide in a round number */
#define ALLOCAS 5
#define BIGS	3

/* --- depth and size */

KEEP static int n_recurse(int n)
{
	int r = n > 1 ? n_recurse(n - 1) : n_work(n);

	NOT_LAST;
	return r + n_sink;
}

static void n_shape_recurse(void)
{
	n_sink = n_recurse(DEPTH);
}

KEEP static int n_alloca(int size, int n)
{
	volatile char *room = alloca((size_t)size);
	int r;

	room[0] = (char)n;
	room[size - 1] = (char)n;
	r = n > 1 ? n_alloca(size * 2 + 8, n - 1) : n_work(n);
	return r + room[size - 1];
}

static void n_shape_alloca(void)
{
	n_sink = n_alloca(104, ALLOCAS);
}

KEEP static int n_big(int n)
{
	volatile char room[BIG];
	int r;

	room[0] = room[BIG - 1] = (char)n;
	r = n > 1 ? n_big(n - 1) : n_work(n);
	return r + room[BIG - 1];
}

static void n_shape_big(void)
{
	n_sink = n_big(BIGS);
}

/* More bytes than a row of a table has room for. */
KEEP static int n_huge(int n)
{
	volatile char room[HUGE_ + 136];
	int r;

	room[0] = room[HUGE_] = (char)n;
	r = n_work(n);
	return r + room[HUGE_];
}

static void n_shape_huge(void)
{
	n_sink = n_huge(1);
}

/* --- realigned: the frame begins where an expression says */

KEEP static int n_aligned(int n)
{
	volatile int room[16] __attribute__((aligned(128)));
	int r;

	room[0] = n;
	r = n > 1 ? n_aligned(n - 1) : n_work(n);
	return r + room[0];
}

static void n_shape_aligned(void)
{
	n_sink = n_aligned(3);
}

/* With a size that is known at run time only, too, and with arguments on the stack. */
KEEP static int n_aligned_array(int a, int b, int c, int d, int e, int f, int g, int h, int n)
{
	volatile int room[n + 4] __attribute__((aligned(64)));
	int r;

	room[0] = a + b + c + d;
	room[n] = e + f + g + h;
	r = n_work(n);
	return r + room[0] + room[n];
}

static void n_shape_aligned_array(void)
{
	n_sink = n_aligned_array(1, 2, 3, 4, 5, 6, 7, 8, 11);
}

typedef double four __attribute__((vector_size(32)));

KEEP __attribute__((target("avx2"))) static double n_vector(int n, const double *from)
{
	volatile four kept = { from[0], from[1], from[2], from[3] };
	double room[n + 4] __attribute__((aligned(32)));
	volatile double *seen = room;

	seen[0] = n;
	n_work(n);
	return kept[0] + seen[0];
}

static void n_shape_vector(void)
{
	static const double from[] = { 1, 2, 3, 4 };

	n_sink = (int)n_vector(5, from);
}

static bool has_vectors(void)
{
	return __builtin_cpu_supports("avx2");
}

/* --- calls */

KEEP static long n_many(long a, long b, long c, long d, long e, long f, long g, long h, long i,
			long j, long k)
{
	long r = n_work((int)k);

	return r + a + b + c + d + e + f + g + h + i + j;
}

/* Arguments are pushed: the frame grows in the middle of the function. */
static void n_shape_pushed(void)
{
	long x = n_sink;

	n_sink = (int)n_many(x, 1, x + 2, 3, x + 4, 5, x + 6, 7, x + 8, 9, x + 10);
	NOT_LAST;
}

KEEP static int n_tail_end(int n)
{
	return n_work(n) + 1;
}

KEEP static int n_tail(int n)
{
	return n_tail_end(n + 1);
}

static void n_shape_tail(void)
{
	n_sink = n_tail(n_sink);
	NOT_LAST;
}

#ifdef __OPTIMIZE__
/* Unless the compiler has a reason to keep the frame. */
#define TAIL_STACK "n_rest n_work n_tail_end ?n_tail n_shape_tail"
#else
#define TAIL_STACK "n_rest n_work n_tail_end n_tail n_shape_tail"
#endif

static int compared;

KEEP static int n_compare(const void *a, const void *b)
{
	if (++compared == 7)
		n_rest();
	NOT_LAST;
	return *(const int *)a - *(const int *)b;
}

static void n_shape_callback(void)
{
	int numbers[] = { 7, 3, 11, 2, 5, 13, 19, 17, 23, 29, 31 };

	compared = 0;
	qsort(numbers, sizeof(numbers) / sizeof(numbers[0]), sizeof(numbers[0]), n_compare);
	n_sink = numbers[0];
}

/* Every instruction of a long beginning and end is sampled now and then. */
KEEP static int n_edges(int a, int b, int c, int d, int e, int f)
{
	int x = a * b, y = c * d, z = e * f;

	NOT_LAST;
	__asm__ volatile("" ::: "rbx", "r12", "r13", "r14", "r15");
	return x ^ y ^ z;
}

static void n_shape_edges(void)
{
	while (n_burning())
		for (int i = 0; i < 64; i++)
			n_sink = n_edges(i, 2, n_sink, 4, 5, 6);
	NOT_LAST;
}

/* --- written by hand */

void n_never(void) __attribute__((noreturn));
void n_calls_never(void);
void n_fake_rbp(void);
void n_bare(void);
static jmp_buf back;

/* n_calls_never ends in a call, so that the return address is in the next function, which has
 * another frame.  n_fake_rbp lets rbp point to a chain of frames that are none.  n_bare has no
 * entry in .eh_frame, but a frame pointer. */
__asm__(".text\n"
	".globl n_calls_never\n.type n_calls_never, @function\n"
	"n_calls_never:\n.cfi_startproc\n"
	"	sub $24, %rsp\n.cfi_adjust_cfa_offset 24\n"
	"	call n_never\n"
	".cfi_endproc\n.size n_calls_never, . - n_calls_never\n"
	".globl n_follows_never\n.type n_follows_never, @function\n"
	"n_follows_never:\n.cfi_startproc\n"
	"	sub $72, %rsp\n.cfi_adjust_cfa_offset 72\n"
	"	add $72, %rsp\n.cfi_adjust_cfa_offset -72\n"
	"	ret\n"
	".cfi_endproc\n.size n_follows_never, . - n_follows_never\n"
	".globl n_fake_rbp\n.type n_fake_rbp, @function\n"
	"n_fake_rbp:\n.cfi_startproc\n"
	"	push %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset rbp, 0\n"
	"	sub $64, %rsp\n.cfi_adjust_cfa_offset 64\n"
	"	lea 16(%rsp), %rbp\n"
	"	lea 32(%rsp), %rax\n"
	"	mov %rax, 16(%rsp)\n" /* a next frame */
	"	lea n_follows_never(%rip), %rax\n"
	"	inc %rax\n"
	"	mov %rax, 24(%rsp)\n" /* that it returns to */
	"	movq $0, 32(%rsp)\n"
	"	mov %rax, 40(%rsp)\n"
	"	mov $1, %edi\n"
	"	call n_work\n"
	"	add $64, %rsp\n.cfi_adjust_cfa_offset -64\n"
	"	pop %rbp\n.cfi_adjust_cfa_offset -8\n.cfi_restore rbp\n"
	"	ret\n"
	".cfi_endproc\n.size n_fake_rbp, . - n_fake_rbp\n"
	".p2align 6\n"
	".globl n_bare\n.type n_bare, @function\n"
	"n_bare:\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	mov $1, %edi\n"
	"	call n_work\n"
	"	pop %rbp\n"
	"	ret\n"
	".size n_bare, . - n_bare\n"
	".p2align 6\n");

BY_ASM void n_never(void)
{
	n_rest();
	longjmp(back, 1);
}

static void n_shape_noreturn(void)
{
	if (!setjmp(back))
		n_calls_never();
	NOT_LAST;
}

static void n_shape_fake_rbp(void)
{
	n_fake_rbp();
	NOT_LAST;
}

static void n_shape_bare(void)
{
	n_bare();
	NOT_LAST;
}

/* Code made at run time, with frame pointers as such code has, gone again afterwards. */
static void n_shape_made(void)
{
	static const unsigned char code[] = { 0x55, 0x48, 0x89, 0xe5, /* push rbp; mov rbp, rsp */
					      0xff, 0xd7,	      /* call rdi */
					      0x5d, 0xc3 };	      /* pop rbp; ret */
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		abort();
	memcpy(page, code, sizeof(code));
	((void (*)(void (*)(void)))page)(n_rest);
	munmap(page, 4096);
}

const struct shape shapes_frames[] = {
	{ "recurse", n_shape_recurse, "n_rest n_work n_recurse*13 n_shape_recurse" },
	{ "alloca", n_shape_alloca, "n_rest n_work n_alloca*5 n_shape_alloca" },
	{ "big", n_shape_big, "n_rest n_work n_big*3 n_shape_big" },
	{ "huge", n_shape_huge, "n_rest n_work n_huge n_shape_huge" },
	{ "aligned", n_shape_aligned, "n_rest n_work n_aligned*3 n_shape_aligned" },
	{ "aligned-array", n_shape_aligned_array,
	  "n_rest n_work n_aligned_array n_shape_aligned_array" },
	{ "vector", n_shape_vector, "n_rest n_work n_vector n_shape_vector", NULL, NULL,
	  has_vectors },
	{ "pushed", n_shape_pushed, "n_rest n_work n_many n_shape_pushed" },
	{ "tail", n_shape_tail, TAIL_STACK },
	{ "callback", n_shape_callback, "n_rest n_compare ~ n_shape_callback" },
	{ "edges", n_shape_edges, "?n_burning ?n_edges n_shape_edges", "cpu" },
	{ "noreturn", n_shape_noreturn, "n_rest n_never n_calls_never n_shape_noreturn" },
	{ "fake-rbp", n_shape_fake_rbp, "n_rest n_work n_fake_rbp n_shape_fake_rbp" },
	{ "bare", n_shape_bare, "n_rest n_work n_bare n_shape_bare" },
	{ "made", n_shape_made, "n_rest ~ n_shape_made" },
	{ NULL },
};
