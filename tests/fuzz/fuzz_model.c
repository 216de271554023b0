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
	return 0;
}
