/* unwind_batch.c: see unwind_batch.h. */
#include "capture/unwind_batch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static dev_t device(const struct statx *st)
{
	return makedev(st->stx_dev_major, st->stx_dev_minor);
}

static bool accepts(const struct unwind_batch *b, const struct statx *st)
{
	return b->n < UNWIND_WORKER_FILES && b->dev == device(st) && b->owner == st->stx_uid &&
	       b->bytes + st->stx_size <= UNWIND_BATCH_BYTES;
}

/* The one with the least to do that takes it; first all workers get something to do. */
static struct unwind_batch *batch_for(struct unwind_batches *b, const struct statx *st)
{
	struct unwind_batch *best = NULL;

	if (b->n < b->max && b->n < UNWIND_BATCHES_MAX) {
		best = &b->items[b->n++];
		best->n = best->bytes = 0;
		best->dev = device(st);
		best->owner = st->stx_uid;
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
	struct statx st;

	/* what is known of it already: a file system whose server hangs is not asked */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &st) < 0)
		st = (struct statx){ .stx_uid = (uid_t)-1, .stx_size = UNWIND_BATCH_BYTES };
	batch = batch_for(b, &st);
	if (!batch)
		return false;
	batch->fds[batch->n] = fd;
	batch->items[batch->n++] = item;
	batch->bytes += st.stx_size;
	return true;
}
