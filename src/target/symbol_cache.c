/* symbol_cache.c: symbol tables by file identity; see symbols.h.
 *
 * A process maps a few dozen files, so a plain list does.  An old table is never dropped while the
 * cache lives: names handed out stay valid.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"
#include "target/debug_file.h"
#include "target/mapped_file.h"
#include "target/symbols.h"

#define FILES_MAX    4096
#define MEMORY_MAX   (1ull << 30) /* bytes of all tables */
#define KEPT_MAX     64		  /* files held open for their source lines */
#define TIMEOUTS_MAX 8		  /* of workers; a target that costs more gets no names */

struct cached {
	/* as maps says it: finds the row without a system call */
	uint64_t map_dev, map_ino;
	int pid;
	/* When the maps were read that it was checked against: an inode number may be that of
	 * another file by now. */
	uint64_t maps_at;
	struct file_identity identity; /* the same file in another process, or by another mount */
	struct symbols *symbols;       /* NULL: there are none */
	bool owner;		       /* of symbols; otherwise another row is */
};

struct symbol_cache {
	VEC(struct cached) files;
	size_t memory; /* bytes of all tables */
	size_t kept;   /* files held open */
	size_t turn;   /* where to look for a row to reuse */
	unsigned int timeouts;
};

int symbol_cache_new(struct symbol_cache **ret_cache)
{
	struct symbol_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*ret_cache = c;
	return 0;
}

struct symbol_cache *symbol_cache_free(struct symbol_cache *c)
{
	size_t i;

	if (!c)
		return NULL;
	for (i = 0; i < c->files.count; i++)
		if (c->files.items[i].owner)
			symbols_free(c->files.items[i].symbols);
	vec_release(&c->files);
	free(c);
	return NULL;
}

static const struct cached *find_file(const struct symbol_cache *c,
				      const struct file_identity *want)
{
	size_t i;

	for (i = 0; i < c->files.count; i++)
		if (file_identity_same(&c->files.items[i].identity, want))
			return &c->files.items[i];
	return NULL;
}

static int count(struct symbol_cache *c, int r)
{
	if (r == -ETIMEDOUT)
		c->timeouts++;
	return r;
}

static void build(struct symbol_cache *c, int fd, struct cached *row)
{
	if (c->memory >= MEMORY_MAX || c->timeouts >= TIMEOUTS_MAX)
		return;
	row->owner = count(c, symbols_build_safely(fd, &row->symbols)) == 0;
}

/* A stripped file: whether somebody kept its names, or its lines. */
static void add_debug_file(struct symbol_cache *c, const struct process *p, const struct mapping *m,
			   struct symbols *s)
{
	struct symbols *debug;

	if ((!symbols_complete(s) || !symbols_has_lines(s)) && c->timeouts < TIMEOUTS_MAX &&
	    count(c, debug_file_find_for(p, m, s, &debug)) == 0)
		symbols_attach(s, debug);
}

/* Descriptors are few; files that come late have no lines. */
static void limit_kept(struct symbol_cache *c, struct symbols *s)
{
	int file, alt;

	if (!symbols_line_files(s, &file, &alt))
		return;
	if (c->kept < KEPT_MAX)
		c->kept++;
	else
		symbols_drop_files(s);
}

/* Opens the file and fills the row; a row without symbols is an answer too. */
static void load(struct symbol_cache *c, const struct process *p, const struct mapping *m,
		 struct cached *row)
{
	_cleanup_close_ int fd = mapped_file_open(p, m, &row->identity);
	const struct cached *same;

	if (fd < 0)
		return;
	same = find_file(c, &row->identity);
	if (same) {
		row->symbols = same->symbols;
		return;
	}
	build(c, fd, row);
	if (!row->owner || mapping_is_vdso(m))
		return;
	if (symbols_has_lines(row->symbols))
		symbols_keep_files(row->symbols, steal_fd(&fd), -1);
	add_debug_file(c, p, m, row->symbols);
	limit_kept(c, row->symbols);
}

/* Whether the mapping still shows the row's file.  What cannot be opened any more is not asked: its
 * old name is better than none. */
static bool still_same(const struct process *p, const struct mapping *m, struct cached *row)
{
	struct file_identity now;
	_cleanup_close_ int fd = -1;

	if (row->maps_at == p->maps_at)
		return true;
	row->maps_at = p->maps_at;
	fd = mapped_file_open(p, m, &now);
	return fd < 0 || file_identity_same(&now, &row->identity);
}

/* Processes come and go, their rows would fill the list: one that only refers to another's table
 * can be made again. */
static struct cached *row_to_reuse(struct symbol_cache *c)
{
	size_t n;

	for (n = 0; n < c->files.count; n++) {
		struct cached *f = &c->files.items[c->turn++ % c->files.count];

		if (!f->owner)
			return f;
	}
	return NULL;
}

const struct symbols *symbol_cache_get(struct symbol_cache *c, const struct process *p,
				       const struct mapping *m)
{
	struct cached row = {
		.map_dev = m->dev, .map_ino = m->ino, .pid = p->pid, .maps_at = p->maps_at
	};
	struct cached *reused = NULL;
	size_t i;

	if (!m->ino && !mapping_is_vdso(m))
		return NULL;
	for (i = 0; i < c->files.count; i++) {
		struct cached *f = &c->files.items[i];

		if (f->map_ino != m->ino || f->map_dev != m->dev || f->pid != p->pid)
			continue;
		if (still_same(p, m, f))
			return f->symbols;
		f->pid = 0; /* of the file before; another process may have it still */
	}
	if (c->files.count >= FILES_MAX) {
		reused = row_to_reuse(c);
		if (!reused)
			return NULL;
	}
	load(c, p, m, &row);
	if (reused) {
		*reused = row;
	} else if (vec_add(&c->files, row) < 0) {
		if (row.owner)
			symbols_free(row.symbols);
		return NULL;
	}
	if (row.owner)
		c->memory += symbols_memory(row.symbols);
	return row.symbols;
}
