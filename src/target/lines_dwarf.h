/* lines_dwarf.h: from an address to its source line and the functions inlined there, by DWARF.
 *
 * Owns the search in the debug information.  It runs in a worker of the sandbox only: the library
 * below it may fail an assertion, loop or ask for any amount of memory when the file is hostile.
 * Bounds of its own: steps per address and per unit.
 *
 * What cannot be told right is not told: units whose functions are in other files (split DWARF),
 * inlined functions whose name is in a file that is not there (dwz), functions that the linker
 * dropped and whose addresses begin at 0.
 */
#ifndef STALLPROF_TARGET_LINES_DWARF_H
#define STALLPROF_TARGET_LINES_DWARF_H

#include <stdint.h>

#include "base/cleanup.h"
#include "target/lines_answer.h"

#define LINES_FILE_MAX (512ull << 20) /* bytes of debug information that are read into memory */

struct lines_dwarf;

/* fd: the ELF file, alt: its alternate file (.gnu_debugaltlink) or -1; one of another build is not
 * used.  Both must stay open.  0; -ENOEXEC no such file; -ENODATA it has no debug information;
 * -EFBIG it has too much; -ENOMEM. */
int lines_dwarf_open(int fd, int alt, struct lines_dwarf **ret_dwarf);
struct lines_dwarf *lines_dwarf_close(struct lines_dwarf *d);
DEFINE_CLEANUP(struct lines_dwarf *, lines_dwarf_close)

/* Gives back the memory that shows the file, which comes again when it is looked at. */
void lines_dwarf_rest(struct lines_dwarf *d);

/* The chain of an address; texts belong to d and stay.  Nothing known: an empty one. */
void lines_dwarf_find(struct lines_dwarf *d, uint64_t address, struct line_chain *ret_chain);

#endif
