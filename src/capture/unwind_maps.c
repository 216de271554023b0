/* unwind_maps.c: see unwind_maps.h. */
#include "capture/unwind_maps.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#define CHUNK_BYTES (UNWIND_CHUNK_WORDS * sizeof(uint64_t))
#define PAGES_BYTES (UNWIND_PAGES_MAX * sizeof(struct unwind_page))
/* Chunks of all files: 16 million rows; LLVM has 0.8. */
#define CHUNKS_MAX 128

struct unwind_maps {
	int chunks, procs;
	uint64_t serial; /* of the entry that was stored last */
	struct unwind_page *directory;
};

/* The workers that parse files are forked from us, and must not be able to write what the kernel
 * side walks by. */
static void *map_memory(int fd, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (madvise(p, bytes, MADV_DONTFORK) == 0)
		return p;
	munmap(p, bytes);
	return NULL;
}

int unwind_maps_open(int chunks, int pages, int procs, struct unwind_maps **ret_maps)
{
	struct unwind_maps *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->chunks = chunks;
	m->procs = procs;
	m->directory = map_memory(pages, PAGES_BYTES);
	if (!m->directory) {
		free(m);
		return -errno;
	}
	*ret_maps = m;
	return 0;
}

struct unwind_maps *unwind_maps_close(struct unwind_maps *m)
{
	if (!m)
		return NULL;
	munmap(m->directory, PAGES_BYTES);
	free(m);
	return NULL;
}

struct unwind_page *unwind_maps_directory(struct unwind_maps *m)
{
	return m->directory;
}

/* The array of maps keeps it alive, our mapping does, too. */
static int chunk_open(void *ctx, uint32_t number, uint64_t **ret_words)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	struct unwind_maps *m = ctx;
	_cleanup_close_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "unwind_chunk",
						sizeof(uint32_t), sizeof(uint64_t),
						UNWIND_CHUNK_WORDS, &opts);
	uint64_t *words;

	if (fd < 0)
		return -errno;
	words = map_memory(fd, CHUNK_BYTES);
	if (!words)
		return -errno;
	if (bpf_map_update_elem(m->chunks, &number, &fd, BPF_ANY) < 0) {
		int r = -errno;

		munmap(words, CHUNK_BYTES);
		return r;
	}
	*ret_words = words;
	return 0;
}

static void chunk_close(void *ctx, uint32_t number, uint64_t *words)
{
	struct unwind_maps *m = ctx;

	bpf_map_delete_elem(m->chunks, &number);
	munmap(words, CHUNK_BYTES);
}

const struct unwind_chunks unwind_maps_chunks = { chunk_open, chunk_close, CHUNKS_MAX };

int unwind_maps_entry(struct unwind_maps *m, uint32_t tgid, struct unwind_proc *e)
{
	int r;

	e->serial = ++m->serial;
	if (bpf_map_update_elem(m->procs, &tgid, e, BPF_ANY) == 0)
		return 0;
	r = -errno;
	unwind_maps_forget(m, tgid);
	return r;
}

int unwind_maps_entry_first(struct unwind_maps *m, uint32_t tgid, struct unwind_proc *e)
{
	e->serial = ++m->serial;
	return bpf_map_update_elem(m->procs, &tgid, e, BPF_NOEXIST) < 0 ? -errno : 0;
}

void unwind_maps_forget(struct unwind_maps *m, uint32_t tgid)
{
	bpf_map_delete_elem(m->procs, &tgid);
}
