/* symbol_cache.c: symbol tables by file identity; see symbols.h.
 *
 * A process maps a few dozen files, so a plain list does.  An old table is never dropped while the
 * cache lives: names handed out stay valid.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"
#include "target/elf.h"
#include "target/symbols.h"

#define FILES_MAX 4096

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

/* Opens the file and fills the row; a row without symbols is an answer too. */
static void load(const struct symbol_cache *c, const struct process *p, const struct mapping *m,
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
	if (same)
		row->symbols = same->symbols;
	else
		row->owner = symbols_build_safely(fd, &row->symbols) == 0;
}

const struct symbols *symbol_cache_get(struct symbol_cache *c, const struct process *p,
				       const struct mapping *m)
{
	struct cached row = { .map_dev = m->dev, .map_ino = m->ino, .pid = p->pid };
	size_t i;

	for (i = 0; i < c->files.count; i++) {
		const struct cached *f = &c->files.items[i];

		if (f->map_ino == m->ino && f->map_dev == m->dev && f->pid == p->pid)
			return f->symbols;
	}
	if (c->files.count >= FILES_MAX)
		return NULL;
	load(c, p, m, &row);
	if (vec_add(&c->files, row) < 0) {
		if (row.owner)
			symbols_free(row.symbols);
		return NULL;
	}
	return row.symbols;
}
