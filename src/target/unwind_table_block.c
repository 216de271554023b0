/* unwind_table_block.c: see unwind_table_block.h. */
#include "target/unwind_table_block.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/eh_frame.h"
#include "target/unwind_pages.h"

#define HDR_MAX 16 /* bytes of .eh_frame_hdr that are of interest */

struct section {
	uint8_t *bytes; /* owned; NULL: the file has none */
	size_t len;
	uint64_t vaddr;
	bool unending;
};

/* Without section headers: from where .eh_frame_hdr says that it begins, to the end of the segment
 * at most. */
static bool find_by_header(const struct elf_image *e, struct section *s)
{
	const struct elf_load *loads;
	uint64_t vaddr, size;
	uint8_t hdr[HDR_MAX];
	size_t n, i;

	if (elf_image_segment(e, PT_GNU_EH_FRAME, &vaddr, &size) < 0)
		return false;
	if (size > sizeof(hdr))
		size = sizeof(hdr);
	if (elf_image_read(e, vaddr, hdr, size) < 0 ||
	    !eh_frame_hdr_target(hdr, size, vaddr, &s->vaddr))
		return false;
	loads = elf_image_loads(e, &n);
	for (i = 0; i < n; i++) {
		if (s->vaddr < loads[i].vaddr || s->vaddr - loads[i].vaddr >= loads[i].filesz)
			continue;
		s->len = loads[i].filesz - (s->vaddr - loads[i].vaddr);
		if (s->len > UNWIND_FRAME_MAX)
			s->len = UNWIND_FRAME_MAX;
		s->unending = true;
		return true;
	}
	return false;
}

/* 0 with bytes == NULL: the file has none, or it is not there, as in a file of debug information.
 */
static int read_section(const struct elf_image *e, struct section *s)
{
	uint64_t size;

	if (elf_image_section(e, ".eh_frame", &s->vaddr, &size) == 0) {
		if (size > UNWIND_FRAME_MAX)
			return -EFBIG;
		s->len = size;
	} else if (!find_by_header(e, s)) {
		return 0;
	}
	if (!s->len)
		return 0;
	s->bytes = malloc(s->len);
	if (!s->bytes)
		return -ENOMEM;
	if (elf_image_read(e, s->vaddr, s->bytes, s->len) < 0) {
		free(s->bytes);
		s->bytes = NULL;
	}
	return 0;
}

static int add_row(void *arg, uint64_t pc, const struct unwind_escape *rule)
{
	return unwind_pages_add(arg, pc, rule);
}

static int fill_pages(const struct elf_image *e, const struct section *s, struct unwind_pages *p)
{
	struct eh_range ranges[ELF_LOADS_MAX];
	struct eh_frame f = { .bytes = s->bytes,
			      .len = s->len,
			      .vaddr = s->vaddr,
			      .unending = s->unending,
			      .ranges = ranges };
	size_t n, i;
	const struct elf_load *loads = elf_image_loads(e, &n);
	int r;

	for (i = 0; i < n; i++) {
		const struct elf_load *l = &loads[i];

		if (l->exec && l->vaddr < UNWIND_VADDR_MAX &&
		    l->filesz <= UNWIND_VADDR_MAX - l->vaddr)
			ranges[f.n_ranges++] = (struct eh_range){ l->vaddr, l->vaddr + l->filesz };
	}
	r = eh_frame_rows(&f, add_row, p);
	return r < 0 ? r : unwind_pages_finish(p);
}

/* Equal tables are equal byte by byte, also where the compiler left a hole. */
static int write_loads(const struct elf_load *loads, size_t n, struct str *result)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < n; i++) {
		struct elf_load l;

		memset(&l, 0, sizeof(l));
		l.vaddr = loads[i].vaddr;
		l.offset = loads[i].offset;
		l.filesz = loads[i].filesz;
		l.exec = loads[i].exec;
		r = str_add_mem(result, &l, sizeof(l));
	}
	return r;
}

static int write_block(const struct elf_image *e, const struct unwind_pages *p, struct str *result)
{
	struct unwind_table_head head = { .pages = (uint32_t)p->pages.count,
					  .words = (uint32_t)p->words.count,
					  .first_page = p->first_page };
	size_t n_loads;
	const struct elf_load *loads = elf_image_loads(e, &n_loads);
	int r;

	head.loads = (uint32_t)n_loads;
	head.build_id_len = (uint32_t)elf_image_build_id(e, head.build_id, sizeof(head.build_id));
	r = str_add_mem(result, &head, sizeof(head));
	if (r == 0)
		r = write_loads(loads, n_loads, result);
	if (r == 0)
		r = str_add_mem(result, p->pages.items, p->pages.count * sizeof(*p->pages.items));
	return r < 0 ? r : str_add_mem(result, p->words.items, p->words.count * sizeof(uint64_t));
}

int unwind_table_block(int fd, const void *arg, struct str *result)
{
	cleanup(unwind_pages_releasep) struct unwind_pages pages = { 0 };
	cleanup(elf_image_closep) struct elf_image *e = NULL;
	struct section section = { 0 };
	int r = elf_image_open(fd, &e);

	(void)arg;
	if (r == 0)
		r = read_section(e, &section);
	if (r == 0 && section.bytes)
		r = fill_pages(e, &section, &pages);
	free(section.bytes);
	return r < 0 ? r : write_block(e, &pages, result);
}
