/* fuzz_model.c: any bytes as a sequence of chunks: the model must seal a profile that adds up.
 *
 * Input: {u8 kind, u16 length, payload} again and again.  Check sums are left out, they would only
 * keep the fuzzer away from the model.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model/model.h"

static void require(int truth)
{
	if (!truth)
		__builtin_trap();
}

static void check_frames(const struct profile *p, int stack, const struct frame *at)
{
	require(stack >= -1 && stack < (int)p->n_stacks);
	require(stack >= 0 || !at);
	if (at)
		require(at >= p->stacks[stack].frames &&
			at < p->stacks[stack].frames + p->stacks[stack].n_frames);
}

/* Each thread of a class once, and together no longer than the class. */
static void check_holders(const struct profile *p, const struct stall *s)
{
	uint64_t ns[CLASS_COUNT] = { 0 };

	for (size_t i = 0; i < s->n_holders; i++) {
		const struct holder *h = &s->holders[i];

		require(h->klass == CLASS_GIL || h->klass == CLASS_LOCK);
		require(h->owner.tid != 0 && h->share > 0 && h->share <= 1);
		check_frames(p, h->owner.stack, h->at);
		ns[h->klass] += h->ns;
		for (size_t k = 0; k < i; k++)
			require(s->holders[k].klass != h->klass ||
				s->holders[k].owner.tid != h->owner.tid);
	}
	require(ns[CLASS_GIL] <= s->ns[CLASS_GIL] && ns[CLASS_LOCK] <= s->ns[CLASS_LOCK]);
	require(!s->convoy || s->n_holders >= 3);
}

/* In one of its stacks as they are now, which late lines make anew. */
static void check_at(const struct profile *p, const struct stall *s)
{
	bool found = !s->at;

	for (size_t i = 0; i < s->n_stacks; i++) {
		const struct stack *stack = &p->stacks[s->stacks[i].stack];

		found = found ||
			(s->at >= stack->frames && s->at < stack->frames + stack->n_frames);
	}
	require(found);
}

static void check_stall(const struct profile *p, const struct stall *s)
{
	uint64_t classes[CLASS_COUNT] = { 0 }, sum = 0;

	for (size_t i = 0; i < s->n_parts; i++) {
		classes[s->parts[i].klass] += s->parts[i].dur_ns;
		require(s->parts[i].stack < (int)p->n_stacks);
	}
	for (int i = 0; i < CLASS_COUNT; i++) {
		require(classes[i] == s->ns[i]);
		sum += classes[i];
	}
	require(sum == s->dur_ns);
	check_at(p, s);
	check_holders(p, s);
	require(s->proc >= 0 && s->proc < (int)p->n_procs);
	require(s->loop >= 0 && s->loop < (int)p->n_loops);
}

static void on_stall(void *ctx, const struct profile *p, const struct stall *s)
{
	(void)ctx;
	check_stall(p, s);
}

static void check_profile(const struct profile *p)
{
	uint64_t ns = 0, us = 0, rows = 0, count = 0;

	for (size_t i = 0; i < p->n_stalls; i++)
		check_stall(p, &p->stalls[i]);
	for (size_t i = 0; i < p->n_samples; i++) {
		ns += p->samples[i].ns;
		us += p->samples[i].us;
		require(p->samples[i].proc < (int)p->n_procs);
		require(p->samples[i].stack < (int)p->n_stacks);
	}
	for (size_t i = 0; i < p->n_rows; i++) {
		rows += p->rows[i].sum_ns;
		count += p->rows[i].count;
		require(p->rows[i].longest < (int)p->n_stalls);
	}
	require(count >= p->n_stalls);
	require(ns == rows && us == ns / 1000 && p->stalled_ns == ns && p->stalled_us == us);
}

static void check_made(const struct profile *p, const struct stack_count *stacks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		check_frames(p, stacks[i].stack, stacks[i].at);
		require(i == 0 || stacks[i].count <= stacks[i - 1].count);
	}
}

static void check_threads(const struct profile *p)
{
	size_t waits = 0;

	for (size_t i = 0; i < p->n_threads; i++) {
		const struct thread_row *row = &p->threads[i];

		require(row->proc >= 0 && row->proc < (int)p->n_procs);
		require(row->pool >= -1 && row->pool < (int)p->n_pools);
		require(i == 0 || row->idle || !row[-1].idle);
		check_frames(p, row->stack, row->at);
		waits += row->pool >= 0 && !row->idle;
	}
	for (size_t i = 0; i < p->n_pools; i++) {
		require(p->pools[i].proc >= 0 && p->pools[i].proc < (int)p->n_procs);
		waits -= p->pools[i].n_waits;
		for (size_t k = 0; k < p->pools[i].n_waits; k++)
			require(p->pools[i].waits[k]->pool == (int)i);
	}
	require(waits == 0);
	for (size_t i = 0; i < p->n_growth; i++)
		check_made(p, p->growth[i].stacks, p->growth[i].n_stacks);
	for (size_t i = 0; i < p->n_churn; i++)
		check_made(p, p->churn[i].stacks, p->churn[i].n_stacks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(model_freep) struct model *m = NULL;
	const struct profile *p;

	require(model_new(&m) == 0);
	model_on_stall(m, on_stall, NULL);
	while (size >= 3) {
		uint32_t len = data[1] | data[2] << 8;
		struct chunk chunk = { .kind = data[0], .len = len, .payload = data + 3 };

		if (len > size - 3)
			chunk.len = len = size - 3;
		require(model_feed(m, &chunk) == 0);
		data += 3 + len;
		size -= 3 + len;
	}
	p = model_seal(m, "");
	require(p != NULL);
	check_profile(p);
	check_threads(p);
	return 0;
}
