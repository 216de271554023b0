/* lines.c: see lines.h. */
#include "target/lines.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/vec.h"
#include "target/lines_worker.h"

#define MS	    1000000ULL
#define DEATHS_MAX  16		/* of all workers; then nobody is asked any more */
#define WAITING_MAX 8192	/* addresses that are not answered; more are not asked for */
#define CACHED_MAX  65536	/* chains after which lines_trim lets go of all */
#define TEXTS_MAX   (64u << 20) /* likewise bytes of texts, repeated ones too */

/* An address that was asked for. */
struct known {
	struct known_key {
		uint64_t file;
		uint64_t address;
	} key;
	enum lines_state state;
	struct known *next; /* in the order of asking, while it is LINES_LATER */
	size_t count;
	struct line_place *places;
	UT_hash_handle hh;
};

struct file {
	const struct symbols *symbols;
	struct lines_worker worker;
	struct known *first, **last; /* not answered; the first ones are those of the question */
	uint64_t used;		     /* a count, not a time */
};

struct lines {
	VEC(struct file *) files;
	struct known *known;
	struct intern texts; /* and memory of the nodes and places */
	size_t text_bytes;
	size_t waiting;	  /* addresses that are not answered */
	uint64_t settled; /* those that were */
	uint64_t left;	  /* ns that may still be waited in this stack */
	uint64_t uses;
	unsigned int deaths;
};

int lines_new(struct lines **ret_lines)
{
	struct lines *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
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
}

size_t lines_waiting(const struct lines *l)
{
	return l->waiting;
}

uint64_t lines_settled(const struct lines *l)
{
	return l->settled;
}

/* Times the size after which all is let go. */
static bool is_large(const struct lines *l, unsigned int times)
{
	return HASH_COUNT(l->known) >= times * CACHED_MAX ||
	       l->text_bytes >= (size_t)times * TEXTS_MAX;
}

void lines_trim(struct lines *l)
{
	if (!l->waiting && is_large(l, 1))
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
	f->last = &f->first;
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

/* One more address to ask for, unless it was asked for before. */
static void want(struct lines *l, struct file *f, uint64_t address)
{
	struct known *k;

	if (find_known(l, f->symbols, address) || l->waiting >= WAITING_MAX || is_large(l, 2))
		return;
	k = arena_alloc(&l->texts.arena, sizeof(*k));
	if (!k)
		return;
	*k = (struct known){ .key = { (uintptr_t)f->symbols, address }, .state = LINES_LATER };
	if (map_add(l->known, key, k) < 0)
		return;
	*f->last = k;
	f->last = &k->next;
	l->waiting++;
}

/* What is known of the first address of the queue will not get more. */
static void settle(struct lines *l, struct file *f, enum lines_state state)
{
	f->first->state = state;
	f->first = f->first->next;
	if (!f->first)
		f->last = &f->first;
	l->waiting--;
	l->settled++;
}

/* All that its worker was to be asked for. */
static void give_up(struct lines *l, struct file *f, enum lines_state state)
{
	while (f->first)
		settle(l, f, state);
}

struct answer {
	struct lines *l;
	struct file *file;
};

/* Copies the chain; what there is no memory for has no line. */
static void copy_places(struct lines *l, struct known *k, const struct line_chain *chain)
{
	size_t i;

	k->places = arena_alloc(&l->texts.arena, chain->count * sizeof(*k->places));
	for (i = 0; k->places && i < chain->count; i++) {
		const struct line_place *from = &chain->places[i];
		struct line_place *to = &k->places[i];

		to->fn = intern_text(&l->texts, from->fn);
		to->file = intern_text(&l->texts, from->file);
		to->line = from->line;
		if (!to->fn || !to->file)
			return;
		l->text_bytes += strlen(to->fn) + strlen(to->file);
		k->count = i + 1;
	}
}

/* Of an address that was asked, in their order, also when nothing is known about it. */
static int keep(void *arg, uint64_t address, const struct line_chain *chain)
{
	struct answer *a = arg;
	struct known *k = a->file->first;

	if (!k || k->key.address != address)
		return -EIO;
	copy_places(a->l, k, chain);
	if (k->count != chain->count)
		k->count = 0;
	settle(a->l, a->file, k->count ? LINES_KNOWN : LINES_NONE);
	return 0;
}

void lines_reap(struct lines *l)
{
	size_t i;

	for (i = 0; i < l->files.count; i++)
		lines_worker_reap(&l->files.items[i]->worker);
}

/* Whether anybody may be asked about the file: one whose workers die, or are too slow, costs a
 * bounded time. */
static bool is_dead(const struct lines *l, const struct file *f)
{
	return f->worker.deaths >= LINES_DEATHS_MAX || l->deaths >= DEATHS_MAX;
}

/* Room for one more worker: the one that was used least lately makes it, unless it is at work. */
static bool make_room(struct lines *l, const struct file *but)
{
	struct file *oldest = NULL;
	size_t i, alive = 0;

	for (i = 0; i < l->files.count; i++) {
		struct file *f = l->files.items[i];

		if (!f->worker.pid || f == but)
			continue;
		alive++;
		if (!f->worker.busy && (!oldest || f->used < oldest->used))
			oldest = f;
	}
	if (alive < LINES_WORKERS_MAX)
		return true;
	if (oldest)
		lines_worker_stop(&oldest->worker);
	return oldest != NULL;
}

/* Sends the first of the addresses that wait to the file's worker. */
static void ask(struct lines *l, struct file *f)
{
	uint64_t batch[LINES_BATCH_MAX];
	unsigned int deaths = f->worker.deaths;
	const struct known *k;
	size_t n = 0;
	int file, alt, r;

	if (f->worker.barren || !symbols_line_files(f->symbols, &file, &alt)) {
		give_up(l, f, LINES_NONE);
		return;
	}
	if (is_dead(l, f)) {
		give_up(l, f, LINES_LOST);
		return;
	}
	if (!make_room(l, f))
		return;
	for (k = f->first; k && n < LINES_BATCH_MAX; k = k->next)
		batch[n++] = k->key.address;
	f->used = ++l->uses;
	r = lines_worker_ask(&f->worker, file, alt, batch, n);
	l->deaths += f->worker.deaths - deaths;
	if (r == -EAGAIN)
		give_up(l, f, LINES_LOST);
}

void lines_collect(struct lines *l)
{
	size_t i;

	for (i = 0; l->waiting && i < l->files.count; i++) {
		struct file *f = l->files.items[i];
		struct answer a = { .l = l, .file = f };
		unsigned int deaths = f->worker.deaths;

		if (f->worker.busy)
			lines_worker_wait(&f->worker, 0, keep, &a);
		l->deaths += f->worker.deaths - deaths;
	}
	/* After all answers: a worker that has none to give any more makes room. */
	for (i = 0; l->waiting && i < l->files.count; i++)
		if (l->files.items[i]->first && !l->files.items[i]->worker.busy)
			ask(l, l->files.items[i]);
}

size_t lines_polled(const struct lines *l, struct pollfd ret[LINES_WORKERS_MAX])
{
	size_t i, n = 0;

	for (i = 0; l->waiting && i < l->files.count && n < LINES_WORKERS_MAX; i++) {
		const struct lines_worker *w = &l->files.items[i]->worker;

		if (w->busy)
			ret[n++] = (struct pollfd){ .fd = w->from, .events = POLLIN };
	}
	return n;
}

/* Waits for any answer, or for a worker's time to be over. */
static void wait_any(struct lines *l, uint64_t until)
{
	struct pollfd p[LINES_WORKERS_MAX];
	size_t n = lines_polled(l, p), i;
	uint64_t now = now_ns();

	for (i = 0; i < l->files.count; i++) {
		const struct lines_worker *w = &l->files.items[i]->worker;

		if (w->busy && w->deadline < until)
			until = w->deadline;
	}
	if (n) /* without, one that died is only to be asked again */
		poll(p, n, until > now ? (int)((until - now) / MS + 1) : 0);
	lines_collect(l);
}

void lines_wait(struct lines *l, uint64_t until)
{
	while (l->waiting && now_ns() < until)
		wait_any(l, until);
}

void lines_fetch(struct lines *l, const struct symbols *s, const uint64_t *addresses, size_t count)
{
	uint64_t start = now_ns(), now = start;
	struct file *f;
	size_t i;
	int file, alt;

	f = symbols_line_files(s, &file, &alt) ? get_file(l, s) : NULL;
	for (i = 0; f && i < count; i++)
		want(l, f, addresses[i]);
	if (!f || !f->first)
		return;
	lines_collect(l);
	for (; f->first && now - start < l->left; now = now_ns())
		wait_any(l, start + l->left);
	l->left -= now - start < l->left ? now - start : l->left;
}

enum lines_state lines_find(const struct lines *l, const struct symbols *s, uint64_t address,
			    const struct line_place **ret_places, size_t *ret_count)
{
	const struct known *k = find_known(l, s, address);
	int file, alt;

	if (!k) /* it was not asked for: there was no room */
		return symbols_line_files(s, &file, &alt) ? LINES_LOST : LINES_NONE;
	*ret_places = k->places;
	*ret_count = k->count;
	return k->state;
}
