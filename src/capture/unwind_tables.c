/* unwind_tables.c: see unwind_tables.h. */
#include "capture/unwind_tables.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/vec.h"
#include "capture/cost.h"
#include "capture/unwind_batch.h"
#include "target/unwind_table.h"

#define FILES_MAX 8192
/* Hundreds of files that each take seconds would keep us from all else.  No honest one takes a
 * tenth of what is free; what they take beyond it is owed, and who owes much gets no tables. */
#define BUILD_FREE  500000000ULL   /* ns, for a file */
#define BUILD_BURST 20000000000ULL /* ns, for all */
#define PAGE_BYTES  4096
#define PAGES_MAX   (UNWIND_PAGES_MAX / 4) /* of one file, whatever addresses it claims to have */

/* What was published, for all files with this table. */
struct rows {
	struct unwind_table *table; /* without its words: those are in the space */
	uint32_t place, first_page, n_pages;
	unsigned int files;
};

struct unwind_file {
	struct file_identity identity;
	enum unwind_file_state state;
	int fd;	    /* while it waits */
	bool dealt; /* to a worker */
	unsigned int rank;
	unsigned int users;
	uint64_t unused_since;
	struct rows *rows; /* while it is ready */
};

struct unwind_tables {
	struct unwind_space *space;
	VEC(struct unwind_file *) files;
	VEC(struct rows *) rows;
	size_t waiting;
	size_t workers;
	struct cost cost;
	struct unwind_tables_counts counts;
};

int unwind_tables_new(struct unwind_space *space, struct unwind_tables **ret_tables)
{
	struct unwind_tables *t = calloc(1, sizeof(*t));
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!t)
		return -ENOMEM;
	t->space = space;
	t->workers = cpus < 1 ? 1 : cpus; /* unwind_batch.h has a limit, too */
	*ret_tables = t;
	return 0;
}

static void rows_free(struct rows *r)
{
	unwind_table_free(r->table);
	free(r);
}

static void file_free(struct unwind_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

struct unwind_tables *unwind_tables_free(struct unwind_tables *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < t->files.count; i++)
		file_free(t->files.items[i]);
	for (size_t i = 0; i < t->rows.count; i++)
		rows_free(t->rows.items[i]);
	vec_release(&t->files);
	vec_release(&t->rows);
	free(t);
	return NULL;
}

static struct unwind_file *file_find(const struct unwind_tables *t, const struct file_identity *id)
{
	for (size_t i = 0; i < t->files.count; i++)
		if (file_identity_same(&t->files.items[i]->identity, id))
			return t->files.items[i];
	return NULL;
}

static int file_new(struct unwind_tables *t, const struct file_identity *identity,
		    struct unwind_file **ret_file)
{
	struct unwind_file *f;
	int r;

	if (t->files.count >= FILES_MAX)
		return -ENOSPC;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->identity = *identity;
	f->fd = -1;
	r = vec_add(&t->files, f);
	if (r < 0)
		free(f);
	else
		*ret_file = f;
	return r;
}

int unwind_tables_get(struct unwind_tables *t, const struct process *p, const struct mapping *m,
		      unsigned int rank, struct unwind_file **ret_file)
{
	struct file_identity identity;
	_cleanup_close_ int fd = mapped_file_open(p, m, &identity);
	struct unwind_file *f;
	int r;

	if (fd < 0)
		return fd;
	f = file_find(t, &identity);
	if (!f) {
		r = file_new(t, &identity, &f);
		if (r < 0)
			return r;
		f->state = UNWIND_FILE_WAITS;
		f->fd = steal_fd(&fd);
		f->rank = rank;
		t->waiting++;
	}
	f->users++;
	*ret_file = f;
	return 0;
}

void unwind_file_put(struct unwind_file *f, uint64_t now)
{
	f->users--;
	f->unused_since = now;
}

static bool same_words(const struct unwind_tables *t, const struct rows *r,
		       const struct unwind_table *table)
{
	uint32_t first_page, n, rows;
	size_t count, n_words;
	const struct unwind_page *pages = unwind_table_pages(table, &first_page, &count);
	const uint64_t *words = unwind_table_words(table, &n_words);

	for (size_t i = 0; i < count; i++) {
		const uint64_t *there = unwind_space_page(t->space, r->place + i, &n, &rows);

		if (!there != !pages[i].rows)
			return false;
		if (there && (n != pages[i].words ||
			      memcmp(there, words + pages[i].first, n * sizeof(*words)) != 0))
			return false;
	}
	return true;
}

/* Every byte is compared: a build id is what the file claims, and a hostile one would give others
 * its rows. */
static struct rows *rows_find(const struct unwind_tables *t, const struct unwind_table *table)
{
	for (size_t i = 0; i < t->rows.count; i++) {
		struct rows *r = t->rows.items[i];

		if (unwind_table_same_shape(r->table, table) && same_words(t, r, table))
			return r;
	}
	return NULL;
}

/* Takes the table. */
static int publish(struct unwind_tables *t, struct unwind_table *table, struct rows **ret_rows)
{
	cleanup(unwind_table_freep) struct unwind_table *owned = table;
	const struct unwind_page *pages;
	const uint64_t *words;
	size_t n_pages = 0, n_words = 0;
	uint32_t first_page;
	struct rows *rows;
	int r;

	pages = unwind_table_pages(table, &first_page, &n_pages);
	words = unwind_table_words(table, &n_words);
	if (!n_words)
		return -ENODATA;
	if (n_pages > PAGES_MAX)
		return -ENOSPC;
	rows = calloc(1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	r = vec_add(&t->rows, rows);
	if (r == 0) {
		r = unwind_space_put(t->space, pages, n_pages, words, n_words, &rows->place);
		if (r < 0)
			t->rows.count--;
	}
	if (r < 0) {
		free(rows);
		return r;
	}
	unwind_table_pages(table, &rows->first_page, &n_pages);
	rows->n_pages = n_pages;
	rows->table = steal(owned);
	unwind_table_forget_words(rows->table);
	*ret_rows = rows;
	return 0;
}

static int take(struct unwind_tables *t, struct unwind_file *f, struct unwind_table *table)
{
	struct rows *rows = rows_find(t, table);
	int r = 0;

	if (rows)
		unwind_table_free(table);
	else
		r = publish(t, table, &rows);
	if (r < 0)
		return r;
	rows->files++;
	f->rows = rows;
	return 0;
}

static void built(struct unwind_tables *t, struct unwind_file *f, int r)
{
	f->state = r == 0 ? UNWIND_FILE_READY : UNWIND_FILE_NONE;
	t->waiting--;
	close(steal_fd(&f->fd));
	t->counts.built += r == 0;
	t->counts.without_room += r == -ENOSPC;
	t->counts.failed += r < 0 && r != -ENOSPC && r != -ENODATA;
}

/* What a worker has made of its files; those that it did not come to wait on.  error: it was not
 * there. */
static void take_batch(struct unwind_tables *t, struct unwind_batch *b, int error)
{
	struct unwind_table *tables[UNWIND_WORKER_FILES];
	int r[UNWIND_WORKER_FILES];

	if (error == 0)
		unwind_worker_finish(&b->worker, r, tables);
	for (size_t i = 0; i < b->n; i++) {
		struct unwind_file *f = b->items[i];

		f->dealt = false;
		if (error < 0)
			built(t, f, error);
		else if (r[i] != -EAGAIN)
			built(t, f, r[i] < 0 ? r[i] : take(t, f, tables[i]));
	}
}

/* All at the same time. */
static void build_all(struct unwind_tables *t, struct unwind_batches *b)
{
	uint64_t start = now_ns(), took;
	bool allowed = cost_allowed(&t->cost, start, BUILD_BURST);
	int r[UNWIND_BATCHES_MAX];

	for (size_t i = 0; i < b->n; i++)
		r[i] = allowed ? unwind_worker_begin(b->items[i].fds, b->items[i].n,
						     &b->items[i].worker)
			       : -ETIMEDOUT;
	for (size_t i = 0; i < b->n; i++)
		take_batch(t, &b->items[i], r[i]);
	took = now_ns() - start;
	if (took > BUILD_FREE)
		cost_charge(&t->cost, start + took, took - BUILD_FREE);
}

void unwind_tables_build(struct unwind_tables *t, struct unwind_file *f)
{
	struct unwind_batches b = { .max = 1 };

	if (f->state != UNWIND_FILE_WAITS)
		return;
	unwind_batches_add(&b, f->fd, f);
	build_all(t, &b);
}

/* The one that is needed soonest. */
static struct unwind_file *next_waiting(const struct unwind_tables *t, unsigned int last)
{
	struct unwind_file *next = NULL;

	for (size_t i = 0; i < t->files.count; i++) {
		struct unwind_file *f = t->files.items[i];

		if (f->state == UNWIND_FILE_WAITS && !f->dealt && f->users && f->rank <= last &&
		    (!next || f->rank < next->rank))
			next = f;
	}
	return next;
}

bool unwind_tables_build_next(struct unwind_tables *t, unsigned int last)
{
	struct unwind_batches b = { .max = t->workers };
	struct unwind_file *next;

	while (t->waiting && (next = next_waiting(t, last)) &&
	       unwind_batches_add(&b, next->fd, next))
		next->dealt = true;
	build_all(t, &b);
	return b.n > 0;
}

static void rows_put(struct unwind_tables *t, struct rows *r, uint64_t now)
{
	if (--r->files)
		return;
	unwind_space_retire(t->space, r->place, r->n_pages, now);
	for (size_t i = 0; i < t->rows.count; i++)
		if (t->rows.items[i] == r)
			t->rows.items[i] = t->rows.items[--t->rows.count];
	rows_free(r);
}

void unwind_tables_reap(struct unwind_tables *t, uint64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->files.count; i++) {
		struct unwind_file *f = t->files.items[i];

		/* One that was not built yet holds a descriptor, and with it a file system. */
		if (f->users ||
		    (f->state != UNWIND_FILE_WAITS && now - f->unused_since < UNWIND_UNUSED_KEPT)) {
			t->files.items[kept++] = f;
			continue;
		}
		t->waiting -= f->state == UNWIND_FILE_WAITS;
		if (f->rows)
			rows_put(t, f->rows, now);
		file_free(f);
	}
	t->files.count = kept;
	unwind_space_reclaim(t->space, now);
}

enum unwind_file_state unwind_file_state(const struct unwind_file *f)
{
	return f->state;
}

const struct file_identity *unwind_file_identity(const struct unwind_file *f)
{
	return &f->identity;
}

/* Segments need not begin at a page of the file, mappings do: then the mapping's first bytes are
 * those of the segment before, and its last byte of that page is code. */
static bool code_at(const struct unwind_table *table, uint64_t offset, uint64_t *ret_vaddr)
{
	uint64_t into = PAGE_BYTES - 1 - offset % PAGE_BYTES;

	if (unwind_table_vaddr(table, offset, ret_vaddr))
		return true;
	if (!unwind_table_vaddr(table, offset + into, ret_vaddr))
		return false;
	*ret_vaddr -= into;
	return true;
}

bool unwind_file_place(const struct unwind_file *f, const struct mapping *m,
		       struct unwind_mapping *ret_mapping)
{
	uint64_t vaddr;

	if (f->state != UNWIND_FILE_READY || !code_at(f->rows->table, m->offset, &vaddr))
		return false;
	*ret_mapping = (struct unwind_mapping){
		.end = m->end,
		.bias = m->start - vaddr,
		.page = f->rows->place,
		.first_page = f->rows->first_page,
		.n_pages = f->rows->n_pages,
		.kind = UNWIND_BY_TABLE,
	};
	return true;
}

struct unwind_tables_counts unwind_tables_counts(const struct unwind_tables *t)
{
	return t->counts;
}
