/* fuzz_objects.c: Python's objects in any state; every question about them ends, inside its bounds.
 *
 * The memory is a whole program's, of the version that the first byte chooses, with the words that
 * the rest of the input names replaced: by anything, by a small number or by an address in it.
 */
#include <stdio.h>

#include "runtime/cpython_count.h"
#include "runtime/cpython_threads.h"
#include "tests/unit/runtime/fake_asyncio.h"
#include "tests/unit/runtime/fake_threads.h"

#define VERSIONS    (FAKE_MINOR_LAST - FAKE_MINOR_FIRST + 1)
#define PATCH	    12 /* bytes: 3 of place, 1 of kind, 8 of value */
#define PATCHES_MAX 64

static struct fake_asyncio loops[VERSIONS];
static struct fake_threads threads[VERSIONS];
static uint8_t *clean; /* what a world was before it was damaged */

static void check_text(const char *text)
{
	if (strnlen(text, RUNTIME_NAME_MAX) == RUNTIME_NAME_MAX)
		abort();
}

static void patch(struct fake *f, const uint8_t *data, size_t size)
{
	size_t i;

	for (i = 0; i + PATCH <= size && i < PATCHES_MAX * PATCH; i += PATCH) {
		uint64_t at = (data[i] | (uint64_t)data[i + 1] << 8 | (uint64_t)data[i + 2] << 16);
		uint64_t value;

		memcpy(&value, data + i + 4, sizeof(value));
		if (data[i + 3] & 1)
			value = FAKE_BASE + value % f->used;
		else if (data[i + 3] & 2)
			value %= 4096;
		at = at % f->used;
		memcpy(f->bytes + (data[i + 3] & 4 ? at : at / 8 * 8), &value, sizeof(value));
		if (data[i + 3] & 8)
			f->hole[at / FAKE_PAGE] = true;
	}
}

static void ask_loop(struct fake_asyncio *a)
{
	struct runtime_loop now;
	struct cpython_loops fresh = { .rd = &a->f->rd, .pid = FAKE_PID, .clock = fake_clock };

	fake_step = 10000;
	cpython_reader_begin(&a->f->rd);
	if (cpython_loop_now(&fresh, a->interp, a->state, &now) < 0)
		return;
	check_text(now.task);
	check_text(now.coro);
	cpython_loop_kind(&a->f->rd, a->loop);
}

static void ask_threads(struct fake_threads *t)
{
	struct cpython_threads fresh = { .rd = &t->f->rd };
	struct runtime_thread now;
	int i;

	for (i = 0; i < FAKE_THREADS; i++) {
		cpython_reader_begin(&t->f->rd);
		if (cpython_thread_now(&fresh, t->interp, t->states[i], FAKE_THREAD(i), 1000 + i,
				       &now) < 0)
			continue;
		check_text(now.name);
		check_text(now.pool_name);
		if (now.idle && !now.pool_kind[0])
			abort();
	}
	cpython_threads_release(&fresh);
}

static void damage(struct fake *f, const uint8_t *data, size_t size)
{
	memcpy(clean, f->bytes, f->used + 8);
	patch(f, data, size);
}

static void mend(struct fake *f)
{
	memcpy(f->bytes, clean, f->used + 8);
	memset(f->hole, 0, sizeof(f->hole));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int i;

	(void)argc;
	(void)argv;
	clean = malloc(FAKE_SIZE);
	for (i = 0; i < VERSIONS; i++) {
		fake_asyncio_init(&loops[i], FAKE_MINOR_FIRST + i);
		fake_tasks(&loops[i], 1, &loops[i].running);
		fake_threads_init(&threads[i], FAKE_MINOR_FIRST + i);
	}
	return clean ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t version;

	if (size < 1)
		return 0;
	version = data[0] % VERSIONS;
	damage(loops[version].f, data + 1, size - 1);
	ask_loop(&loops[version]);
	mend(loops[version].f);
	damage(threads[version].f, data + 1, size - 1);
	ask_threads(&threads[version]);
	mend(threads[version].f);
	return 0;
}
