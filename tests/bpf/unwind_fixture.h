/* unwind_fixture.h: loads unwind.bpf.c and fills its tables from the files that this very process
 * runs, as plainly as can be: everything is built at once and nothing is ever freed.
 *
 * Included by each test program of the walk; cmocka's headers and the skeleton come first.
 */
#ifndef TESTS_BPF_UNWIND_FIXTURE_H
#define TESTS_BPF_UNWIND_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/unwind.h"
#include "target/maps.h"
#include "target/unwind_table.h"

struct unwind_test {
	struct unwind_bpf *bpf;
	struct unwind_proc *proc; /* as built; the kernel has a copy, see unwind_publish() */
	uint64_t *chunk;	  /* the one that is filled now */
	uint32_t chunks, words, pages;
};

static inline void *unwind_map(int fd, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

static inline void unwind_chunk_add(struct unwind_test *t)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "chunk", 4, 8, UNWIND_CHUNK_WORDS, &opts);
	uint32_t key = t->chunks++;

	assert_true(fd >= 0);
	if (t->chunk)
		munmap(t->chunk, UNWIND_CHUNK_WORDS * 8);
	t->chunk = unwind_map(fd, UNWIND_CHUNK_WORDS * 8);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(t->bpf->maps.unwind_chunks), &key, &fd,
					     BPF_ANY),
			 0);
	t->words = 0;
	close(fd);
}

/* Puts the pages of a table into the chunks and the directory. */
static inline void unwind_pages_add(struct unwind_test *t, const struct unwind_table *table,
				    struct unwind_mapping *m)
{
	size_t n, n_words;
	const struct unwind_page *pages = unwind_table_pages(table, &m->first_page, &n);
	const uint64_t *words = unwind_table_words(table, &n_words);

	m->page = t->pages;
	m->n_pages = n;
	for (size_t i = 0; i < n; i++) {
		struct unwind_page page = pages[i];

		if (!t->chunks || t->words + page.words > UNWIND_CHUNK_WORDS)
			unwind_chunk_add(t);
		memcpy(t->chunk + t->words, words + page.first, page.words * 8ul);
		page.first = (t->chunks - 1) << UNWIND_CHUNK_SHIFT | t->words;
		t->words += page.words;
		assert_int_equal(bpf_map_update_elem(bpf_map__fd(t->bpf->maps.unwind_pages),
						     &t->pages, &page, BPF_ANY),
				 0);
		t->pages++;
	}
}

/* The file behind a mapping; the vdso has none but its memory. */
static inline int unwind_file(const struct mapping *m)
{
	char name[] = "/tmp/unwind-XXXXXX";
	int fd;

	if (*m->path == '/')
		return open(m->path, O_RDONLY | O_CLOEXEC);
	if (strcmp(m->path, "[vdso]") != 0)
		return -1;
	fd = mkstemp(name);
	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(write(fd, (void *)m->start, m->end - m->start), m->end - m->start);
	return fd;
}

static inline void unwind_mapping_add(struct unwind_test *t, const struct mapping *m)
{
	struct unwind_mapping *to = &t->proc->map[t->proc->n];
	struct unwind_table *table = NULL;
	int fd = unwind_file(m);
	uint64_t vaddr;

	if (fd < 0)
		return;
	assert_int_equal(unwind_table_build(fd, &table), 0);
	close(fd);
	assert_true(unwind_table_vaddr(table, m->offset, &vaddr));
	unwind_pages_add(t, table, to);
	to->bias = m->start - vaddr;
	to->end = m->end;
	t->proc->start[t->proc->n++] = m->start;
	unwind_table_free(table);
}

/* Hands t->proc to the kernel side. */
static inline void unwind_publish(struct unwind_test *t)
{
	uint32_t tgid = getpid();

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(t->bpf->maps.unwind_procs), &tgid, t->proc,
					     BPF_ANY),
			 0);
}

/* Builds the tables of all that is mapped now. */
static inline void unwind_build(struct unwind_test *t)
{
	char *text = calloc(1, 1 << 20);
	struct maps maps = { 0 };
	int fd = open("/proc/self/maps", O_RDONLY);
	size_t len = 0;
	ssize_t n;

	assert_true(text && fd >= 0);
	while ((n = read(fd, text + len, (1 << 20) - len)) > 0)
		len += n;
	close(fd);
	assert_int_equal(maps_parse(&maps, text, len), 0);
	free(text);
	for (size_t i = 0; i < maps.list.count; i++)
		if (maps.list.items[i].exec)
			unwind_mapping_add(t, &maps.list.items[i]);
	maps_release(&maps);
}

static inline int unwind_test_open(void **state)
{
	struct unwind_test *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->proc = calloc(1, sizeof(*t->proc));
	assert_non_null(t->proc);
	t->bpf = unwind_bpf__open_and_load();
	assert_non_null(t->bpf);
	assert_int_equal(unwind_bpf__attach(t->bpf), 0);
	unwind_build(t);
	*state = t;
	return 0;
}

static inline int unwind_test_close(void **state)
{
	struct unwind_test *t = *state;

	if (t->chunk)
		munmap(t->chunk, UNWIND_CHUNK_WORDS * 8);
	unwind_bpf__destroy(t->bpf);
	free(t->proc);
	free(t);
	return 0;
}

#endif
