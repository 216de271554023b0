/* elf.h: an ELF file of the target, read with bounds.
 *
 * Owns finding and opening the file behind a mapping, and the few look-ups the runtimes need
 * (a symbol, a section, the load bias, the build id).  The file is hostile: sizes, counts and
 * offsets are checked before use.  Must not know what a symbol is for; tables for naming are
 * symbols.h's.
 */
#ifndef STALLPROF_TARGET_ELF_H
#define STALLPROF_TARGET_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "target/process.h"

#define ELF_FILE_MAX	(16ull << 30)  /* bytes; larger files are refused with -EFBIG */
#define ELF_TABLE_MAX	(512ull << 20) /* bytes of one symbol table; larger ones are not there */
#define ELF_SYMBOLS_MAX (4u << 20)     /* per table; the rest is not looked at */
#define ELF_LOADS_MAX	64

struct elf_load {
	uint64_t vaddr;
	uint64_t offset;
	uint64_t filesz;
	bool exec;
};

struct elf_image; /* one open file; x86-64, ET_EXEC or ET_DYN */

struct elf_symbol {
	uint64_t value; /* virtual address in the file's own numbering: add the load bias */
	uint64_t size;
};

/* Opens the file behind a mapping: by map_files first (right for containers, chroots and deleted
 * files), then below /proc/PID/root, then the path itself; the last two only when the inode is the
 * mapping's and in a worker, with a deadline (-ETIMEDOUT).  A descriptor, or -ENOENT, -EACCES and
 * so on.  Regular files only (-EINVAL). The descriptor is one of O_PATH, which only a worker of the
 * sandbox opens: on a file system whose server does not answer any more, opening and closing can
 * take for ever. */
int elf_open_mapping(const struct process *p, const struct mapping *m);

/* Whether the descriptor, O_PATH or not, is of a regular file, without asking its file system. */
bool elf_is_regular(int fd, uint64_t *ret_ino);

/* Takes a descriptor it does not own: the caller may close it after this.
 * -ENOEXEC not an x86-64 ELF file or damaged, -EFBIG, -ENOMEM. */
int elf_image_open(int fd, struct elf_image **ret_image);
/* The same for a file in memory, which must live as long as the image; elf_image_read gives
 * -EFAULT.
 */
int elf_image_open_memory(void *bytes, size_t len, struct elf_image **ret_image);
struct elf_image *elf_image_close(struct elf_image *e);
DEFINE_CLEANUP(struct elf_image *, elf_image_close)

bool elf_image_position_dependent(const struct elf_image *e); /* ET_EXEC */

/* Program headers of type PT_LOAD, in file order; the array belongs to e. */
const struct elf_load *elf_image_loads(const struct elf_image *e, size_t *ret_count);

/* What to add to a symbol's value in a process whose map of an ET_DYN file begins (lowest address)
 * at start with file offset `offset`.  For ET_EXEC it is 0 instead. */
uint64_t elf_bias(const struct elf_load *loads, size_t count, uint64_t start, uint64_t offset);

/* Looks in .dynsym, then .symtab, for a defined symbol of that name.  0 or -ENOENT. */
int elf_image_symbol(const struct elf_image *e, const char *name, struct elf_symbol *ret_symbol);

/* The same for up to ELF_NAMES_MAX names at once, in one pass over each table: ret_symbols[i] is
 * that of names[i], untouched where there is none. */
#define ELF_NAMES_MAX 256
void elf_image_symbols(const struct elf_image *e, const char *const *names, size_t count,
		       struct elf_symbol *ret_symbols);

/* Address and size of an allocated section.  0 or -ENOENT. */
int elf_image_section(const struct elf_image *e, const char *name, uint64_t *ret_vaddr,
		      uint64_t *ret_size);

/* Address and size in the file of the first program header of a type (PT_*).  0 or -ENOENT. */
int elf_image_segment(const struct elf_image *e, uint32_t type, uint64_t *ret_vaddr,
		      uint64_t *ret_size);

/* Copies file content at a virtual address.  0, or -EFAULT when it is not wholly inside one
 * segment. */
int elf_image_read(const struct elf_image *e, uint64_t vaddr, void *buf, size_t len);

/* The NT_GNU_BUILD_ID note; bytes written (at most room), 0: it has none. */
size_t elf_image_build_id(const struct elf_image *e, void *buf, size_t room);

/* The content of .gnu_debuglink: the name of a separate debug file and the CRC-32 of its bytes.
 * 0; -ENOENT: it has none, or one that is no plain file name of at most room - 1 bytes. */
int elf_image_debuglink(const struct elf_image *e, char *ret_name, size_t room, uint32_t *ret_crc);

/* The bytes of a section that is not loaded, as they are in the file, by malloc.
 * 0, -ENOENT, -EFBIG (more than max), -ENOMEM. */
int elf_image_raw_section(const struct elf_image *e, const char *name, size_t max, void **ret_bytes,
			  size_t *ret_len);

/* The same for .gnu_debugaltlink: the file that several debug files share.  The name is a path, of
 * the machine that made it.  0 or -ENOENT. */
int elf_image_altlink(const struct elf_image *e, char *ret_name, size_t room);

/* Debug information with source lines is in the file itself. */
bool elf_image_has_lines(const struct elf_image *e);

/* A .symtab is there: the file itself names all its functions. */
bool elf_image_has_symtab(const struct elf_image *e);

/* Calls fn for each defined function symbol of .dynsym and of .symtab, until it returns non-zero,
 * which is returned.  The name is NUL-terminated and lives as long as e. */
int elf_image_each_function(const struct elf_image *e,
			    int (*fn)(void *arg, const char *name, uint64_t value, uint64_t size),
			    void *arg);

#endif
