/* lines_dwarf.c: see lines_dwarf.h. */
#include "target/lines_dwarf.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "target/lines_index.h"
#include "target/lines_scope.h"
#include "target/sandbox.h"

#define STEPS_MAX  (1u << 20) /* entries of one function looked at for an address */
#define NESTED_MAX 256	      /* blocks in blocks */
#define LOADS_MAX  64
#define MAPPED_MAX (1ll << 30) /* bytes of a file; half of what a worker may address */

/* A file: mapped, for of what is opened little is looked at.  One that is cut meanwhile ends the
 * worker, as any other hostile one may. */
struct image {
	Elf *elf;
	void *bytes; /* NULL: too large for that, it is read piece by piece */
	size_t len;
};

struct lines_dwarf {
	struct image file, alt_file;
	Dwarf *dwarf, *alt;
	struct lines_index index;
	struct lines_scopes scopes;
};

/* The inlined functions at an address, outermost first. */
struct inlined {
	uint64_t address;
	unsigned int steps;
	bool too_deep;
	size_t count;
	Dwarf_Die dies[LINES_DEPTH_MAX];
};

static void map_file(int fd, struct image *e)
{
	struct stat st;

	if (sandbox_fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > MAPPED_MAX)
		return;
	e->bytes = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (e->bytes == MAP_FAILED)
		e->bytes = NULL;
	e->len = (size_t)st.st_size;
}

static int open_elf(int fd, struct image *e)
{
	GElf_Ehdr head;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOEXEC;
	map_file(fd, e);
	e->elf = e->bytes ? elf_memory(e->bytes, e->len) : elf_begin(fd, ELF_C_READ, NULL);
	if (!e->elf || elf_kind(e->elf) != ELF_K_ELF || !gelf_getehdr(e->elf, &head) ||
	    head.e_machine != EM_X86_64 || gelf_getclass(e->elf) != ELFCLASS64)
		return -ENOEXEC;
	return 0;
}

static void close_elf(struct image *e)
{
	if (e->elf)
		elf_end(e->elf);
	if (e->bytes)
		munmap(e->bytes, e->len);
}

/* Where the first segment with code begins. */
static uint64_t lowest_code(Elf *elf)
{
	uint64_t lowest = UINT64_MAX;
	size_t n, i;

	if (elf_getphdrnum(elf, &n) < 0)
		return lowest;
	for (i = 0; i < n && i < LOADS_MAX; i++) {
		GElf_Phdr h;

		if (gelf_getphdr(elf, (int)i, &h) && h.p_type == PT_LOAD && (h.p_flags & PF_X) &&
		    h.p_vaddr < lowest)
			lowest = h.p_vaddr;
	}
	return lowest;
}

/* Sections that the library would unpack without our looking into them. */
static bool is_never_read(const char *name)
{
	static const char *const names[] = { ".debug_aranges",	".debug_frame",	  ".debug_loc",
					     ".debug_loclists", ".debug_macinfo", ".debug_macro" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Bytes of the sections that the library takes into memory, all of them at once; hides those that
 * it need not. */
static uint64_t debug_bytes(Elf *elf)
{
	Elf_Scn *section = NULL;
	uint64_t bytes = 0;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return 0;
	while (bytes <= LINES_FILE_MAX && (section = elf_nextscn(elf, section))) {
		GElf_Shdr h;
		const char *name;

		if (!gelf_getshdr(section, &h) || h.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, h.sh_name);
		if (name && is_never_read(name)) {
			h.sh_type = SHT_NOBITS;
			gelf_update_shdr(section, &h);
		} else if (name && (strncmp(name, ".debug_", 7) == 0 ||
				    strncmp(name, ".zdebug_", 8) == 0)) {
			bytes += h.sh_size < LINES_FILE_MAX ? h.sh_size : LINES_FILE_MAX;
		}
	}
	return bytes;
}

/* Without it names that lie in it are missing, which is no error. */
static void use_alternate(struct lines_dwarf *d, int fd)
{
	const void *want, *have;
	const char *name;
	ssize_t want_len = dwelf_dwarf_gnu_debugaltlink(d->dwarf, &name, &want), have_len;

	if (fd < 0 || want_len <= 0 || open_elf(fd, &d->alt_file) < 0)
		return;
	have_len = dwelf_elf_gnu_build_id(d->alt_file.elf, &have);
	if (have_len != want_len || memcmp(have, want, (size_t)want_len) != 0)
		return;
	d->alt = dwarf_begin_elf(d->alt_file.elf, DWARF_C_READ, NULL);
	if (d->alt)
		dwarf_setalt(d->dwarf, d->alt);
}

void lines_dwarf_rest(struct lines_dwarf *d)
{
	/* what was changed in them, the kinds of sections, is not looked at again */
	if (d->file.bytes)
		madvise(d->file.bytes, d->file.len, MADV_DONTNEED);
	if (d->alt_file.bytes)
		madvise(d->alt_file.bytes, d->alt_file.len, MADV_DONTNEED);
}

int lines_dwarf_open(int fd, int alt, struct lines_dwarf **ret_dwarf)
{
	cleanup(lines_dwarf_closep) struct lines_dwarf *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	r = open_elf(fd, &d->file);
	if (r < 0)
		return r;
	if (debug_bytes(d->file.elf) > LINES_FILE_MAX)
		return -EFBIG;
	d->dwarf = dwarf_begin_elf(d->file.elf, DWARF_C_READ, NULL);
	if (!d->dwarf)
		return -ENODATA;
	use_alternate(d, alt);
	r = lines_index_init(&d->index, d->dwarf, lowest_code(d->file.elf));
	if (r < 0)
		return r;
	*ret_dwarf = steal(d);
	return 0;
}

struct lines_dwarf *lines_dwarf_close(struct lines_dwarf *d)
{
	if (!d)
		return NULL;
	lines_index_release(&d->index);
	lines_scopes_release(&d->scopes);
	if (d->dwarf)
		dwarf_end(d->dwarf);
	if (d->alt)
		dwarf_end(d->alt);
	close_elf(&d->alt_file);
	close_elf(&d->file);
	free(d);
	return NULL;
}

static const char *text_attribute(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attribute;
	const char *text;

	if (!dwarf_attr_integrate(die, name, &attribute))
		return "";
	text = dwarf_formstring(&attribute);
	return text && strlen(text) <= LINES_TEXT_MAX ? text : "";
}

static const char *function_name(struct lines_dwarf *d, Dwarf_Die *die)
{
	const char *text = text_attribute(die, DW_AT_linkage_name);

	if (!*text)
		text = text_attribute(die, DW_AT_MIPS_linkage_name);
	return *text ? text : lines_scopes_name(&d->scopes, die);
}

static bool is_block(int tag)
{
	return tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
	       tag == DW_TAG_catch_block || tag == DW_TAG_with_stmt;
}

/* Goes down to the innermost inlined function at the address.  Returns whether one was found below
 * this entry.  A block without addresses of its own is looked through. */
static bool descend(struct inlined *in, Dwarf_Die *parent, int depth)
{
	Dwarf_Die die;
	int more = dwarf_child(parent, &die);

	for (; more == 0 && in->steps < STEPS_MAX; more = dwarf_siblingof(&die, &die)) {
		int tag = dwarf_tag(&die), holds;

		in->steps++;
		if (tag != DW_TAG_inlined_subroutine && !is_block(tag))
			continue;
		holds = dwarf_haspc(&die, in->address);
		if (holds == 0 || (holds < 0 && !is_block(tag)))
			continue;
		if (depth >= NESTED_MAX || in->count >= LINES_DEPTH_MAX - 1) {
			in->too_deep = true;
			return true;
		}
		if (tag == DW_TAG_inlined_subroutine)
			in->dies[in->count++] = die;
		if (descend(in, &die, depth + 1) || holds > 0)
			return true;
	}
	return false;
}

/* Where the row of the line table says that the address comes from. */
static struct line_place place_of(Dwarf_Die *unit, uint64_t address)
{
	struct line_place p = { .fn = "", .file = "" };
	Dwarf_Line *row = dwarf_getsrc_die(unit, address);
	const char *file;
	int line;

	if (!row || dwarf_lineno(row, &line) < 0 || line <= 0)
		return p;
	file = dwarf_linesrc(row, NULL, NULL);
	if (!file || strlen(file) > LINES_TEXT_MAX)
		return p;
	p.file = file;
	p.line = (uint32_t)line;
	return p;
}

static bool number(Dwarf_Die *die, unsigned int name, Dwarf_Word *ret)
{
	Dwarf_Attribute attribute;

	return dwarf_attr(die, name, &attribute) && dwarf_formudata(&attribute, ret) == 0;
}

/* Where the inlined function was called. */
static struct line_place call_place(Dwarf_Die *unit, Dwarf_Die *inlined)
{
	struct line_place p = { .fn = "", .file = "" };
	Dwarf_Word file, line;
	Dwarf_Files *files;
	const char *path;
	size_t n;

	if (!number(inlined, DW_AT_call_file, &file) || !number(inlined, DW_AT_call_line, &line) ||
	    !line || line > INT32_MAX || dwarf_getsrcfiles(unit, &files, &n) < 0 || file >= n)
		return p;
	path = dwarf_filesrc(files, file, NULL, NULL);
	if (!path || strlen(path) > LINES_TEXT_MAX)
		return p;
	p.file = path;
	p.line = (uint32_t)line;
	return p;
}

void lines_dwarf_find(struct lines_dwarf *d, uint64_t address, struct line_chain *ret_chain)
{
	struct inlined in = { .address = address };
	struct line_place place;
	Dwarf_Die unit, function;
	bool has_function;

	ret_chain->count = 0;
	if (!lines_index_find(&d->index, address, &unit, &function, &has_function))
		return;
	place = place_of(&unit, address);
	if (has_function) {
		descend(&in, &function, 0);
		if (in.too_deep || in.steps >= STEPS_MAX)
			return;
	}
	while (in.count) {
		Dwarf_Die *die = &in.dies[--in.count];

		place.fn = function_name(d, die);
		if (*place.fn)
			ret_chain->places[ret_chain->count++] = place;
		place = call_place(&unit, die);
	}
	if (has_function)
		place.fn = function_name(d, &function);
	ret_chain->places[ret_chain->count++] = place;
}
