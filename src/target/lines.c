/* lines.c: see lines.h. */
#include "target/lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/vec.h"
#include "target/lines_worker.h"

#define MS	    1000000ULL
#define WORKERS_MAX 6		/* alive; each holds the debug information of its file in memory */
#define DEATHS_MAX  16		/* of all workers; then nobody is asked any more */
#define OPENING_MAX (2000 * MS) /* waited for files never asked before, all together */
#define CACHED_MAX  65536	/* chains */
#define TEXTS_MAX   (64u << 20) /* bytes of texts, repeated ones too */

struct file {
	const struct symbols *symbols;
	struct lines_worker worker;
	uint64_t opening; /* ns that may still be waited for its first answer */
	uint64_t used;	  /* a count, not a time */
};

struct known {
	struct known_key {
		uint64_t file;
		uint64_t address;
	} key;
	size_t count;
	struct line_place *places;
	UT_hash_handle hh;
};

struct lines {
	VEC(struct file *) files;
	struct known *known;
	struct intern texts; /* and memory of the nodes and places */
	size_t text_bytes;
	uint64_t left;	  /* ns that may still be waited in this stack */
	uint64_t opening; /* ns that may still be waited for first answers */
	bool patient;	  /* wait at all */
	uint64_t uses;
	unsigned int deaths;
};

int lines_new(struct lines **ret_lines)
{
	struct lines *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->opening = OPENING_MAX;
	*ret_lines = l;
	return 0;
}

static void forget(struct lines *l)
{
	map_clear(l->known);
	intern_release(&l->texts);
	l->text_bytes = 0;
}

struct lines *lines_free(struct lines *l)
{
	size_t i;

	if (!l)
		return NULL;
	for (i = 0; i < l->files.count; i++) {
		lines_worker_stop(&l->files.items[i]->worker);
		free(l->files.items[i]);
	}
	vec_release(&l->files);
	forget(l);
	free(l);
	return NULL;
}

void lines_begin(struct lines *l, unsigned int wait_ms)
{
	l->left = wait_ms * MS;
	l->patient = wait_ms > 0;
	if (HASH_COUNT(l->known) >= CACHED_MAX || l->text_bytes >= TEXTS_MAX)
		forget(l);
}

static struct file *get_file(struct lines *l, const struct symbols *s)
{
	struct file *f;
	size_t i;

	for (i = 0; i < l->files.count; i++)
		if (l->files.items[i]->symbols == s)
			return l->files.items[i];
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->symbols = s;
	f->opening = LINES_OPEN_MS * MS;
	if (vec_add(&l->files, f) < 0) {
		free(f);
		return NULL;
	}
	return f;
}

static struct known *find_known(const struct lines *l, const struct symbols *s, uint64_t address)
{
	struct known_key key = { .file = (uintptr_t)s, .address = address };
	struct known *k;

	map_find(l->known, &key, k);
	return k;
}

struct answer {
	struct lines *l;
	struct file *file;
};

/* Of an address that was asked, also when nothing is known about it. */
static int keep(void *arg, uint64_t address, const struct line_chain *chain)
{
	struct answer *a = arg;
	struct lines *l = a->l;
	struct known *k;
	size_t i;

	if (find_known(l, a->file->symbols, address))
		return 0;
	k = arena_alloc(&l->texts.arena, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->key = (struct known_key){ .file = (uintptr_t)a->file->symbols, .address = address };
	k->count = chain->count;
	k->places = arena_alloc(&l->texts.arena, chain->count * sizeof(*k->places));
	if (!k->places)
		return -ENOMEM;
	for (i = 0; i < chain->count; i++) {
		const struct line_place *from = &chain->places[i];
		struct line_place *to = &k->places[i];

		to->fn = intern_text(&l->texts, from->fn);
		to->file = intern_text(&l->texts, from->file);
		to->line = from->line;
		if (!to->fn || !to->file)
			return -ENOMEM;
		l->text_bytes += strlen(to->fn) + strlen(to->file);
	}
	return map_add(l->known, key, k);
}

/* Waits as long as this stack, and the first answer of this file, may take. */
static int wait_for(struct lines *l, struct file *f)
{
	struct answer a = { .l = l, .file = f };
	uint64_t start = now_ns(), extra = 0, took;
	unsigned int deaths = f->worker.deaths;
	int r;

	if (!f->worker.answered && l->patient)
		extra = f->opening < l->opening ? f->opening : l->opening;
	r = lines_worker_wait(&f->worker, start + l->left + extra, keep, &a);
	took = now_ns() - start;
	if (extra > took)
		extra = took;
	f->opening -= extra;
	l->opening -= extra;
	took -= extra;
	l->left -= took < l->left ? took : l->left;
	l->deaths += f->worker.deaths - deaths;
	return r;
}

void lines_reap(struct lines *l)
{
	size_t i;

	l->left = 0;
	l->patient = false;
	for (i = 0; i < l->files.count; i++) {
		struct file *f = l->files.items[i];

		if (f->worker.busy)
			wait_for(l, f);
		lines_worker_reap(&f->worker);
	}
}

/* Room for one more worker: the one that was used least lately makes it. */
static void make_room(struct lines *l, const struct file *but)
{
	struct file *oldest = NULL;
	size_t i, alive = 0;

	for (i = 0; i < l->files.count; i++) {
		struct file *f = l->files.items[i];

		if (!f->worker.pid || f == but)
			continue;
		alive++;
		if (!oldest || f->used < oldest->used)
			oldest = f;
	}
	if (alive >= WORKERS_MAX)
		lines_worker_stop(&oldest->worker);
}

/* The next of the addresses that are not known, at most a batch of them. */
static size_t pick(const struct lines *l, const struct symbols *s, const uint64_t *addresses,
		   size_t count, size_t *at, uint64_t *ret)
{
	size_t n = 0;

	for (; *at < count && n < LINES_BATCH_MAX; (*at)++)
		if (!find_known(l, s, addresses[*at]))
			ret[n++] = addresses[*at];
	return n;
}

void lines_fetch(struct lines *l, const struct symbols *s, const uint64_t *addresses, size_t count)
{
	uint64_t batch[LINES_BATCH_MAX];
	struct file *f;
	size_t at = 0, n;
	int file, alt;

	if (!symbols_line_files(s, &file, &alt) || l->deaths >= DEATHS_MAX)
		return;
	f = get_file(l, s);
	if (!f || f->worker.barren || (f->worker.busy && wait_for(l, f) < 0))
		return;
	while ((n = pick(l, s, addresses, count, &at, batch))) {
		unsigned int deaths = f->worker.deaths;

		f->used = ++l->uses;
		make_room(l, f);
		if (lines_worker_ask(&f->worker, file, alt, batch, n) < 0) {
			l->deaths += f->worker.deaths - deaths;
			return;
		}
		if (wait_for(l, f) < 0)
			return;
	}
}

const struct line_place *lines_find(const struct lines *l, const struct symbols *s,
				    uint64_t address, size_t *ret_count)
{
	const struct known *k = find_known(l, s, address);

	if (!k || !k->count)
		return NULL;
	*ret_count = k->count;
	return k->places;
}
