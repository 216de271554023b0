/* unwind_batch.c: see unwind_batch.h. */
#include "capture/unwind_batch.h"

#include <sys/stat.h>

static bool accepts(const struct unwind_batch *b, const struct stat *st)
{
	return b->n < UNWIND_WORKER_FILES && b->dev == st->st_dev && b->owner == st->st_uid &&
	       b->bytes + (uint64_t)st->st_size <= UNWIND_BATCH_BYTES;
}

/* The one with the least to do that takes it; first all workers get something to do. */
static struct unwind_batch *batch_for(struct unwind_batches *b, const struct stat *st)
{
	struct unwind_batch *best = NULL;

	if (b->n < b->max && b->n < UNWIND_BATCHES_MAX) {
		best = &b->items[b->n++];
		best->n = best->bytes = 0;
		best->dev = st->st_dev;
		best->owner = st->st_uid;
		return best;
	}
	for (size_t i = 0; i < b->n; i++)
		if (accepts(&b->items[i], st) && (!best || b->items[i].bytes < best->bytes))
			best = &b->items[i];
	return best;
}

bool unwind_batches_add(struct unwind_batches *b, int fd, void *item)
{
	struct unwind_batch *batch;
	struct stat st;

	if (fstat(fd, &st) < 0)
		st = (struct stat){ .st_uid = (uid_t)-1, .st_size = UNWIND_BATCH_BYTES };
	batch = batch_for(b, &st);
	if (!batch)
		return false;
	batch->fds[batch->n] = fd;
	batch->items[batch->n++] = item;
	batch->bytes += (uint64_t)st.st_size;
	return true;
}
