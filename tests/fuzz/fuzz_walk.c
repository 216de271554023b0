/* fuzz_walk.c: any bytes as the memory of an interpreter, of any version's shape; the walk ends
 * after a bounded number of reads, stays inside its frames, and says what a plainer one says.
 *
 * Input: shape, u8 reads after which one page is gone, u8 which page (255: none), u8 where in it
 * the image starts, then the image; the thread pointer leads to its first word.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/control.h"

static int image_read(void *dst, uint64_t size, uint64_t addr);

#define walk_read(dst, size, addr) image_read(dst, size, addr)
#include "bpf/walk_python.h"

#include "runtime/cpython_offsets.h"

#define BASE	    0x100000ull
#define PAGE	    256
#define FIRST_MINOR 8
#define MINORS	    8
#define STEPS_MAX   (STACK_PYTHON_MAX + WALK_SHIMS_MAX)
#define READS_MAX   (STEPS_MAX * 4 + 4)

static struct {
	const uint8_t *bytes;
	size_t size;
	uint64_t base;
	unsigned int reads, gone_after, gone;
} image;

static int image_read(void *dst, uint64_t size, uint64_t addr)
{
	uint64_t at = addr - image.base;

	if (++image.reads > READS_MAX)
		abort();
	if (addr < image.base || at > image.size || size > image.size - at)
		return -1;
	if (image.gone != 255 && image.reads > image.gone_after && at / PAGE <= image.gone &&
	    (at + size) / PAGE >= image.gone)
		return -1;
	memcpy(dst, image.bytes + at, size);
	return 0;
}

struct plain {
	uint64_t code[STACK_PYTHON_MAX];
	unsigned int n, flags;
};

static bool plain_word(uint64_t addr, uint64_t *ret)
{
	return addr >= 4096 && addr < 1ull << 47 && image_read(ret, 8, addr) == 0;
}

static bool plain_head(const struct walk_plan *plan, uint64_t *ret)
{
	uint64_t state;

	*ret = 0;
	if (!plain_word(image.base + plan->slot_off, &state))
		return false;
	if (!state)
		return true;
	if (!plain_word(state + plan->state_head, ret))
		return false;
	return !plan->head_indirect || plain_word(*ret + plan->block_head, ret);
}

/* The frames as the reference says it, without a thought for what a verifier wants. */
static void plain_walk(const struct walk_plan *plan, struct plain *p)
{
	uint8_t block[WALK_BLOCK_MAX];
	uint64_t frame, code;
	unsigned int steps = 0;
	bool whole = plain_head(plan, &frame);

	p->n = 0;
	while (whole && frame) {
		image.reads = 0;
		whole = p->n < STACK_PYTHON_MAX && steps++ < STEPS_MAX && frame >= 4096 &&
			frame < 1ull << 47 && image_read(block, plan->frame_size, frame) == 0;
		if (!whole)
			break;
		memcpy(&code, block + plan->frame_code, 8);
		memcpy(&frame, block + plan->frame_prev, 8);
		code &= plan->code_mask;
		if (plan->shim == SHIM_OWNER_GE && block[plan->frame_shim] >= plan->shim_value) {
			if (p->n)
				p->code[p->n - 1] |= 1;
			continue;
		}
		whole = code >= 4096 && code < 1ull << 47;
		if (!whole)
			break;
		if (plan->shim == SHIM_NONE ||
		    (plan->shim == SHIM_ENTRY_BYTE && block[plan->frame_shim] == 1))
			code |= 1;
		p->code[p->n++] = code;
	}
	p->flags = STACK_PYTHON;
	if (!whole)
		p->flags |= p->n ? STACK_PYTHON_CUT : STACK_PYTHON_LOST;
}

static void check(const struct walk_plan *plan, const struct interp_frame *frames, unsigned int n,
		  unsigned int flags)
{
	struct plain p;

	if (n > STACK_PYTHON_MAX || !(flags & STACK_PYTHON) || (flags & STACK_PYTHON_LOST && n) ||
	    (flags & STACK_PYTHON_CUT && !n))
		abort();
	if (image.gone != 255)
		return;
	image.reads = 0;
	plain_walk(plan, &p);
	if (p.n != n || p.flags != flags)
		abort();
	for (unsigned int i = 0; i < n; i++)
		if (frames[i].code != p.code[i] || frames[i].off < -1)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct interp_frame *frames;
	struct walk_state state;
	struct walk_plan plan;
	uint16_t n, flags;

	if (size < 4)
		return 0;
	cpython_plan(cpython_offsets_find(FIRST_MINOR + data[0] % MINORS), 0, &plan);
	plan.enabled = 1;
	image.gone_after = data[1];
	image.gone = data[2];
	image.base = BASE + data[3];
	image.bytes = data + 4;
	image.size = size - 4;
	image.reads = 0;
	frames = malloc(sizeof(struct walk_frames)); /* so that a step past its end is seen */
	if (!frames)
		return 0;
	walk_python(&plan, image.base, &state, frames, &n, &flags);
	check(&plan, frames, n, flags);
	free(frames);
	return 0;
}
