/* symbol_cache.c: symbol tables by file identity; see symbols.h.
 *
 * A process maps a few dozen files, so a plain list does.  An old table is never dropped while the
 * cache lives: names handed out stay valid.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"
#include "target/debug_file.h"
#include "target/elf.h"
#include "target/symbols.h"

#define FILES_MAX    4096
#define MEMORY_MAX   (1ull << 30) /* bytes of all tables */
#define KEPT_MAX     64		  /* files held open for their source lines */
#define TIMEOUTS_MAX 8		  /* of workers; a target that costs more gets no names */
#define VDSO_MAX     (64u << 10)

struct cached {
	/* as maps says it: finds the row without a system call */
	uint64_t map_dev, map_ino;
	int pid;
	/* as fstat says it: the same file in another process, or by another mount */
	uint64_t dev, ino, size;
	int64_t mtime_s, mtime_ns;
	struct symbols *symbols; /* NULL: there are none */
	bool owner;		 /* of symbols; otherwise another row is */
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

static const struct cached *find_file(const struct symbol_cache *c, const struct cached *want)
{
	size_t i;

	for (i = 0; i < c->files.count; i++) {
		const struct cached *f = &c->files.items[i];

		if (f->dev == want->dev && f->ino == want->ino && f->size == want->size &&
		    f->mtime_s == want->mtime_s && f->mtime_ns == want->mtime_ns)
			return f;
	}
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
	_cleanup_close_ int fd = elf_open_mapping(p, m);
	const struct cached *same;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	row->dev = st.st_dev;
	row->ino = st.st_ino;
	row->size = (uint64_t)st.st_size;
	row->mtime_s = st.st_mtim.tv_sec;
	row->mtime_ns = st.st_mtim.tv_nsec;
	same = find_file(c, row);
	if (same) {
		row->symbols = same->symbols;
		return;
	}
	build(c, fd, row);
	if (!row->owner)
		return;
	if (symbols_has_lines(row->symbols))
		symbols_keep_files(row->symbols, steal_fd(&fd), -1);
	add_debug_file(c, p, m, row->symbols);
	limit_kept(c, row->symbols);
}

/* The kernel's own library lies in no file: what the process sees of it is parsed. */
static void load_vdso(struct symbol_cache *c, const struct process *p, const struct mapping *m,
		      struct cached *row)
{
	_cleanup_close_ int fd = memfd_create("vdso", MFD_CLOEXEC);
	_cleanup_free_ char *image = malloc(VDSO_MAX);
	size_t len = m->end - m->start;

	if (fd < 0 || !image || len > VDSO_MAX || process_read_all(p, m->start, image, len) < 0)
		return;
	if (write(fd, image, len) == (ssize_t)len)
		build(c, fd, row);
}

static bool is_vdso(const struct mapping *m)
{
	return !m->ino && strcmp(m->path, "[vdso]") == 0;
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
	struct cached row = { .map_dev = m->dev, .map_ino = m->ino, .pid = p->pid };
	struct cached *reused = NULL;
	size_t i;

	if (!m->ino && !is_vdso(m))
		return NULL;
	for (i = 0; i < c->files.count; i++) {
		const struct cached *f = &c->files.items[i];

		if (f->map_ino == m->ino && f->map_dev == m->dev && f->pid == p->pid)
			return f->symbols;
	}
	if (c->files.count >= FILES_MAX) {
		reused = row_to_reuse(c);
		if (!reused)
			return NULL;
	}
	if (m->ino)
		load(c, p, m, &row);
	else
		load_vdso(c, p, m, &row);
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
