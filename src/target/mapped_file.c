/* mapped_file.c: see mapped_file.h. */
#include "target/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/str.h"
#include "target/elf.h"

#define VDSO_MAX      (64u << 10)
#define OWN_MAPS_MAX  (1u << 20)
#define VDSO_OURS     1
#define VDSO_MODIFIED 2

bool file_identity_same(const struct file_identity *a, const struct file_identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime_s == b->mtime_s && a->mtime_ns == b->mtime_ns;
}

bool mapping_is_vdso(const struct mapping *m)
{
	return !m->ino && strcmp(m->path, "[vdso]") == 0;
}

/* How much of our own vdso can be read; 0: we have none. */
static size_t own_vdso_size(uintptr_t start)
{
	cleanup(str_releasep) struct str text = { 0 };
	const struct mapping *m;
	struct maps maps = { 0 };
	size_t size = 0;

	if (!start || file_read("/proc/self/maps", OWN_MAPS_MAX, &text) < 0 ||
	    maps_parse(&maps, str_text(&text), text.len) < 0)
		return 0;
	m = maps_find(&maps, start);
	if (m)
		size = m->end - start;
	maps_release(&maps);
	return size;
}

/* All processes of a machine have one and the same, unless somebody wrote into his own. */
static bool is_our_vdso(const char *image, size_t len)
{
	uintptr_t start = getauxval(AT_SYSINFO_EHDR);

	return own_vdso_size(start) == len && memcmp(image, (const void *)start, len) == 0;
}

static int open_vdso(const struct process *p, const struct mapping *m,
		     struct file_identity *ret_identity)
{
	_cleanup_close_ int fd = memfd_create("vdso", MFD_CLOEXEC);
	_cleanup_free_ char *image = malloc(VDSO_MAX);
	size_t len = m->end - m->start;
	int r;

	if (fd < 0)
		return -errno;
	if (!image)
		return -ENOMEM;
	if (len > VDSO_MAX)
		return -EFBIG;
	r = process_read_all(p, m->start, image, len);
	if (r < 0)
		return r;
	if (write(fd, image, len) != (ssize_t)len)
		return -EIO;
	*ret_identity = (struct file_identity){
		.ino = is_our_vdso(image, len) ? VDSO_OURS : VDSO_MODIFIED,
		.size = len,
		.mtime_s = (int64_t)hash_bytes(HASH_START, image, len),
	};
	return steal_fd(&fd);
}

int mapped_file_open(const struct process *p, const struct mapping *m,
		     struct file_identity *ret_identity)
{
	_cleanup_close_ int fd = -1;
	struct statx st;

	if (mapping_is_vdso(m))
		return open_vdso(p, m, ret_identity);
	if (!m->ino)
		return -ENOENT;
	fd = elf_open_mapping(p, m);
	if (fd < 0)
		return fd;
	/* what is known of it already: a file system whose server hangs is not asked */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &st) < 0)
		return -errno;
	*ret_identity = (struct file_identity){
		.dev = makedev(st.stx_dev_major, st.stx_dev_minor),
		.ino = st.stx_ino,
		.size = st.stx_size,
		.mtime_s = st.stx_mtime.tv_sec,
		.mtime_ns = st.stx_mtime.tv_nsec,
	};
	return steal_fd(&fd);
}
