/* elf.c: see elf.h.
 *
 * libelf reads by pread, not by mmap: a file that is cut while we look at it must give an error and
 * not a SIGBUS.
 */
#include "target/elf_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/sandbox.h"

#define PROGRAM_HEADERS_MAX 1024
#define ELF_OPEN_MS	    1000
#define DEBUGLINK_MAX	    4096
#define NOTES_MAX	    (64u << 10)
#define PAGE		    4096ull

bool elf_is_regular(int fd, uint64_t *ret_ino)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &st) < 0 ||
	    !S_ISREG(st.stx_mode))
		return false;
	*ret_ino = st.stx_ino;
	return true;
}

/* By O_PATH: a device or pipe must not notice us, and a file system whose server hangs is not asked
 * for anything. */
static int open_regular(int dir, const char *path, uint64_t ino)
{
	_cleanup_close_ int handle = openat(dir, path, O_PATH | O_CLOEXEC);
	uint64_t found;

	if (handle < 0)
		return -errno;
	if (!elf_is_regular(handle, &found))
		return -EINVAL;
	return ino && found != ino ? -ENOENT : steal_fd(&handle);
}

/* Runs in a worker: a path can lead through anything, map_files leads nowhere but to the file. */
static int open_by_path(int dir, const void *arg)
{
	const struct mapping *m = arg;
	char path[4096 + 64];
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "root%s", m->path) < sizeof(path)) {
		fd = open_regular(dir, path, m->ino);
		if (fd >= 0)
			return fd;
	}
	return open_regular(AT_FDCWD, m->path, m->ino);
}

int elf_open_mapping(const struct process *p, const struct mapping *m)
{
	char path[64];
	int fd;

	if (!m->ino || m->path[0] != '/')
		return -ENOENT;
	snprintf(path, sizeof(path), "map_files/%llx-%llx", (unsigned long long)m->start,
		 (unsigned long long)m->end);
	fd = open_regular(p->dir, path, 0);
	return fd >= 0 ? fd : sandbox_open(p->dir, open_by_path, m, ELF_OPEN_MS);
}

static int read_loads(struct elf_image *e)
{
	size_t i;

	if (elf_getphdrnum(e->elf, &e->program_headers) < 0)
		return -ENOEXEC;
	if (e->program_headers > PROGRAM_HEADERS_MAX)
		return -ENOEXEC;
	for (i = 0; i < e->program_headers; i++) {
		GElf_Phdr h;
		int r;

		if (!gelf_getphdr(e->elf, (int)i, &h))
			return -ENOEXEC;
		if (h.p_type != PT_LOAD || e->loads.count >= ELF_LOADS_MAX)
			continue;
		if (h.p_vaddr + h.p_filesz < h.p_vaddr || h.p_offset + h.p_filesz < h.p_offset)
			return -ENOEXEC;
		r = vec_add(&e->loads, { .vaddr = h.p_vaddr,
					 .offset = h.p_offset,
					 .filesz = h.p_filesz,
					 .exec = h.p_flags & PF_X });
		if (r < 0)
			return r;
	}
	return e->loads.count ? 0 : -ENOEXEC;
}

/* What both ways of opening have in common, from the library's handle on. */
static int check_image(struct elf_image *e)
{
	if (!e->elf || elf_kind(e->elf) != ELF_K_ELF || !gelf_getehdr(e->elf, &e->head))
		return -ENOEXEC;
	if (gelf_getclass(e->elf) != ELFCLASS64 || e->head.e_machine != EM_X86_64 ||
	    (e->head.e_type != ET_EXEC && e->head.e_type != ET_DYN))
		return -ENOEXEC;
	return read_loads(e);
}

int elf_image_open(int fd, struct elf_image **ret_image)
{
	cleanup(elf_image_closep) struct elf_image *e = NULL;
	struct stat st;
	int r;

	if (sandbox_fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	if ((uint64_t)st.st_size > ELF_FILE_MAX)
		return -EFBIG;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (e->fd < 0)
		return -errno;
	e->size = (uint64_t)st.st_size;
	e->elf = elf_begin(e->fd, ELF_C_READ, NULL);
	r = check_image(e);
	if (r < 0)
		return r;
	*ret_image = steal(e);
	return 0;
}

int elf_image_open_memory(void *bytes, size_t len, struct elf_image **ret_image)
{
	cleanup(elf_image_closep) struct elf_image *e = NULL;
	int r;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->fd = -1;
	e->elf = elf_memory(bytes, len);
	r = check_image(e);
	if (r < 0)
		return r;
	*ret_image = steal(e);
	return 0;
}

struct elf_image *elf_image_close(struct elf_image *e)
{
	if (!e)
		return NULL;
	if (e->elf)
		elf_end(e->elf);
	if (e->fd >= 0)
		close(e->fd);
	vec_release(&e->loads);
	free(e);
	return NULL;
}

bool elf_image_position_dependent(const struct elf_image *e)
{
	return e->head.e_type == ET_EXEC;
}

const struct elf_load *elf_image_loads(const struct elf_image *e, size_t *ret_count)
{
	*ret_count = e->loads.count;
	return e->loads.items;
}

uint64_t elf_bias(const struct elf_load *loads, size_t count, uint64_t start, uint64_t offset)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const struct elf_load *l = &loads[i];

		if (offset >= (l->offset & ~(PAGE - 1)) && offset < l->offset + l->filesz)
			return start - (l->vaddr + (offset - l->offset));
	}
	return count ? start - (loads[0].vaddr & ~(PAGE - 1)) : start;
}

/* The first section of that name that is loaded, or that is not. */
static int find_section(const struct elf_image *e, const char *name, bool loaded, GElf_Shdr *ret)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(e->elf, &names) < 0)
		return -ENOENT;
	while ((section = elf_nextscn(e->elf, section))) {
		const char *text;

		if (!gelf_getshdr(section, ret) || loaded != !!(ret->sh_flags & SHF_ALLOC))
			continue;
		text = elf_strptr(e->elf, names, ret->sh_name);
		if (text && strcmp(text, name) == 0)
			return 0;
	}
	return -ENOENT;
}

int elf_image_section(const struct elf_image *e, const char *name, uint64_t *ret_vaddr,
		      uint64_t *ret_size)
{
	GElf_Shdr h;
	int r = find_section(e, name, true, &h);

	if (r < 0)
		return r;
	*ret_vaddr = h.sh_addr;
	*ret_size = h.sh_size;
	return 0;
}

int elf_image_segment(const struct elf_image *e, uint32_t type, uint64_t *ret_vaddr,
		      uint64_t *ret_size)
{
	size_t i;

	for (i = 0; i < e->program_headers; i++) {
		GElf_Phdr h;

		if (!gelf_getphdr(e->elf, (int)i, &h) || h.p_type != type)
			continue;
		*ret_vaddr = h.p_vaddr;
		*ret_size = h.p_filesz;
		return 0;
	}
	return -ENOENT;
}

int elf_image_raw_section(const struct elf_image *e, const char *name, size_t max, void **ret_bytes,
			  size_t *ret_len)
{
	_cleanup_free_ char *bytes = NULL;
	GElf_Shdr h;
	int r = find_section(e, name, false, &h);

	if (r < 0)
		return r;
	if (h.sh_size > max)
		return -EFBIG;
	if (e->fd < 0 || h.sh_type == SHT_NOBITS || !h.sh_size || h.sh_offset > e->size ||
	    h.sh_size > e->size - h.sh_offset)
		return -ENOENT;
	bytes = malloc(h.sh_size);
	if (!bytes)
		return -ENOMEM;
	if (pread(e->fd, bytes, h.sh_size, (off_t)h.sh_offset) != (ssize_t)h.sh_size)
		return -ENOENT;
	*ret_bytes = steal(bytes);
	*ret_len = h.sh_size;
	return 0;
}

int elf_image_debuglink(const struct elf_image *e, char *ret_name, size_t room, uint32_t *ret_crc)
{
	_cleanup_free_ void *bytes = NULL;
	size_t len, text, at;
	int r = elf_image_raw_section(e, ".gnu_debuglink", DEBUGLINK_MAX, &bytes, &len);

	if (r < 0)
		return -ENOENT;
	text = strnlen(bytes, len);
	at = (text + 4) & ~(size_t)3; /* the CRC stands behind the NUL, aligned */
	if (!text || text >= room || at + 4 > len || memchr(bytes, '/', text))
		return -ENOENT;
	memcpy(ret_name, bytes, text + 1);
	memcpy(ret_crc, (char *)bytes + at, 4);
	return 0;
}

int elf_image_altlink(const struct elf_image *e, char *ret_name, size_t room)
{
	_cleanup_free_ void *bytes = NULL;
	size_t len, text;
	int r = elf_image_raw_section(e, ".gnu_debugaltlink", DEBUGLINK_MAX, &bytes, &len);

	if (r < 0)
		return -ENOENT;
	text = strnlen(bytes, len);
	if (!text || text == len || text >= room)
		return -ENOENT;
	memcpy(ret_name, bytes, text + 1);
	return 0;
}

static bool has_bytes_of(const struct elf_image *e, const char *name, const char *packed)
{
	GElf_Shdr h;

	return (find_section(e, name, false, &h) == 0 || find_section(e, packed, false, &h) == 0) &&
	       h.sh_type != SHT_NOBITS && h.sh_size;
}

bool elf_image_has_lines(const struct elf_image *e)
{
	return has_bytes_of(e, ".debug_info", ".zdebug_info") &&
	       has_bytes_of(e, ".debug_line", ".zdebug_line");
}

int elf_image_read(const struct elf_image *e, uint64_t vaddr, void *buf, size_t len)
{
	size_t i;

	for (i = 0; i < e->loads.count; i++) {
		const struct elf_load *l = &e->loads.items[i];
		ssize_t n;

		if (vaddr < l->vaddr || vaddr - l->vaddr > l->filesz ||
		    len > l->filesz - (vaddr - l->vaddr))
			continue;
		n = pread(e->fd, buf, len, (off_t)(l->offset + (vaddr - l->vaddr)));
		return n == (ssize_t)len ? 0 : -EFAULT;
	}
	return -EFAULT;
}

static size_t find_build_id(Elf_Data *notes, void *buf, size_t room)
{
	size_t at = 0, next, name, desc;
	GElf_Nhdr h;

	while ((next = gelf_getnote(notes, at, &h, &name, &desc)) > at) {
		const char *bytes = notes->d_buf;

		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 &&
		    memcmp(bytes + name, "GNU", 4) == 0) {
			size_t len = h.n_descsz < room ? h.n_descsz : room;

			memcpy(buf, bytes + desc, len);
			return len;
		}
		at = next;
	}
	return 0;
}

size_t elf_image_build_id(const struct elf_image *e, void *buf, size_t room)
{
	size_t i;

	for (i = 0; i < e->program_headers; i++) {
		Elf_Data *notes;
		GElf_Phdr h;
		size_t n;

		if (!gelf_getphdr(e->elf, (int)i, &h) || h.p_type != PT_NOTE ||
		    h.p_filesz > NOTES_MAX)
			continue;
		notes = elf_getdata_rawchunk(e->elf, (int64_t)h.p_offset, h.p_filesz,
					     h.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
		if (!notes)
			continue;
		n = find_build_id(notes, buf, room);
		if (n)
			return n;
	}
	return 0;
}
