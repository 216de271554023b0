/* tee.c: see tee.h. */
#include "cli/tee.h"

static int put(struct chunk_sink *sink, const struct chunk *chunk)
{
	struct tee *t = (struct tee *)((char *)sink - offsetof(struct tee, sink));

	if (t->spare && t->spare_status == 0)
		t->spare_status = t->spare->put(t->spare, chunk);
	return t->needed->put(t->needed, chunk);
}

void tee_init(struct tee *t, struct chunk_sink *needed, struct chunk_sink *spare)
{
	*t = (struct tee){ .sink = { .put = put }, .needed = needed, .spare = spare };
}

int tee_status(const struct tee *t)
{
	return t->spare_status;
}
