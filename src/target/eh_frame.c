/* eh_frame.c: see eh_frame.h.
 *
 * Two rounds: the records are listed, then the FDEs run in the order of their addresses.  Each byte
 * of the section belongs to one record, each record is read once or twice, and a CIE is found by
 * halves: the time is linear in the section's size but for the sorting.
 */
#include "target/eh_frame.h"

#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"

struct cie {
	size_t at;  /* its record, from the start of the section */
	bool sized; /* FDEs have augmentation data, with its length */
	struct eh_cfa cfa;
};

struct fde {
	uint64_t start, end;
	uint32_t cie;
	uint32_t program_end;
	uint32_t program; /* offsets in the section; ascending with the order in it */
};

struct lists {
	const struct eh_frame *f;
	VEC(struct cie) cies; /* ascending by `at` */
	VEC(struct fde) fdes;
};

struct record {
	struct eh_cursor body; /* behind the id */
	size_t at;
	size_t id_at;
	uint32_t id; /* 0: a CIE; else how far before id_at its CIE is */
};

/* What rows go through on their way out. */
struct gate {
	eh_cfa_row *fn;
	void *arg;
	struct unwind_escape last;
	bool any;
};

static struct eh_cursor cursor_over(const struct eh_frame *f, size_t from, size_t to)
{
	return (struct eh_cursor){ .at = f->bytes + from,
				   .end = f->bytes + to,
				   .vaddr = f->vaddr + to };
}

/* false: the end, or nothing after it can be told. */
static bool next_record(const struct eh_frame *f, size_t *at, struct record *ret)
{
	struct eh_cursor c = cursor_over(f, *at, f->len);
	uint64_t len;
	size_t body;

	do {
		ret->at = (size_t)(c.at - f->bytes);
		len = eh_take(&c, 4);
		if (!len && f->unending)
			return false;
	} while (!len && !c.bad);
	if (len == 0xffffffff)
		len = eh_take(&c, 8);
	if (c.bad || len > eh_left(&c))
		return false;
	body = (size_t)(c.at - f->bytes);
	*at = body + len;
	ret->id_at = body;
	ret->body = cursor_over(f, body, *at);
	ret->id = (uint32_t)eh_take(&ret->body, 4);
	return true;
}

/* Reads what the augmentation string announces.  A letter that is not known ends it: the rest is
 * skipped by its length, which is fatal only to an encoding that stands behind it. */
static bool read_augmentation(struct eh_cursor *c, const char *letters, struct cie *cie)
{
	uint64_t len = eh_uleb(c);
	struct eh_cursor data = *c;
	bool known = true;
	uint8_t encoding;

	eh_skip(c, len);
	data.end = c->at;
	data.vaddr = c->vaddr - eh_left(c);
	for (; *letters; letters++) {
		if (*letters == 'S') {
			cie->cfa.signal = true;
		} else if (*letters == 'R') {
			if (!known)
				return false;
			cie->cfa.encoding = (uint8_t)eh_take(&data, 1);
		} else if (*letters == 'L' && known) {
			eh_skip(&data, 1);
		} else if (*letters == 'P' && known) {
			/* where it points does not matter, only how long it is */
			encoding = (uint8_t)eh_take(&data, 1);
			if (encoding != DW_EH_PE_omit)
				eh_pointer(&data, encoding & 0x0f, 0);
		} else {
			known = false;
		}
	}
	return !c->bad && !data.bad;
}

/* false: its FDEs cannot be read. */
static bool read_cie(struct eh_cursor c, struct cie *cie)
{
	uint64_t version = eh_take(&c, 1), column;
	const char *letters = (const char *)c.at;
	const uint8_t *nul = memchr(c.at, '\0', eh_left(&c));

	if (!nul || (version != 1 && version != 3 && version != 4))
		return false;
	c.at = nul + 1;
	if (version == 4 && eh_take(&c, 2) != 8) /* size of an address, of a segment selector */
		return false;
	cie->cfa.code_align = eh_uleb(&c);
	cie->cfa.data_align = eh_sleb(&c);
	column = version == 1 ? eh_take(&c, 1) : eh_uleb(&c);
	cie->sized = *letters == 'z';
	if (*letters && !cie->sized)
		return false;
	if (cie->sized && !read_augmentation(&c, letters + 1, cie))
		return false;
	if (c.bad)
		return false;
	eh_cfa_start(&cie->cfa, c);
	if (column != EH_REG_RA)
		cie->cfa.broken = true;
	return true;
}

static int add_cie(struct lists *l, const struct record *record)
{
	struct cie cie = { .at = record->at };

	if (!read_cie(record->body, &cie))
		return 0;
	if (l->cies.count >= EH_CIES_MAX)
		return -EFBIG;
	return vec_add(&l->cies, cie);
}

static const struct cie *find_cie(const struct lists *l, size_t at)
{
	size_t low = 0, high = l->cies.count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (l->cies.items[mid].at == at)
			return &l->cies.items[mid];
		if (l->cies.items[mid].at < at)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* Cuts to the code that is there; false: none of it is. */
static bool cut_to_code(const struct eh_frame *f, struct fde *fde)
{
	size_t i;

	for (i = 0; i < f->n_ranges; i++) {
		const struct eh_range *r = &f->ranges[i];

		if (fde->start < r->start || fde->start >= r->end)
			continue;
		if (fde->end > r->end)
			fde->end = r->end;
		return true;
	}
	return false;
}

static int add_fde(struct lists *l, const struct record *record)
{
	const struct cie *cie;
	struct eh_cursor c = record->body;
	struct fde fde = { 0 };
	uint64_t len;

	if (record->id > record->id_at)
		return 0;
	cie = find_cie(l, record->id_at - record->id);
	if (!cie)
		return 0;
	fde.cie = (uint32_t)(cie - l->cies.items);
	fde.start = eh_pointer(&c, cie->cfa.encoding, 0);
	len = eh_pointer(&c, cie->cfa.encoding & 0x0f, 0);
	if (cie->sized)
		eh_skip(&c, eh_uleb(&c));
	fde.end = fde.start + len;
	/* linkers set the address of dropped functions to 0 */
	if (c.bad || !fde.start || fde.end <= fde.start || !cut_to_code(l->f, &fde))
		return 0;
	fde.program = (uint32_t)(c.at - l->f->bytes);
	fde.program_end = (uint32_t)(c.end - l->f->bytes);
	if (l->fdes.count >= EH_FDES_MAX)
		return -EFBIG;
	return vec_add(&l->fdes, fde);
}

/* One kind of records: an FDE may stand before its CIE. */
static int list_records(struct lists *l, bool cies)
{
	struct record record;
	size_t at = 0;
	int r = 0;

	while (r == 0 && next_record(l->f, &at, &record))
		if (cies == !record.id)
			r = cies ? add_cie(l, &record) : add_fde(l, &record);
	return r;
}

static int compare_fdes(const void *a, const void *b)
{
	const struct fde *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->program < y->program ? -1 : x->program > y->program;
}

/* They mostly come in order. */
static void sort_fdes(struct lists *l)
{
	size_t i;

	for (i = 1; i < l->fdes.count; i++) {
		if (compare_fdes(&l->fdes.items[i - 1], &l->fdes.items[i]) > 0) {
			qsort(l->fdes.items, l->fdes.count, sizeof(struct fde), compare_fdes);
			return;
		}
	}
}

static int pass(void *arg, uint64_t pc, const struct unwind_escape *rule)
{
	struct gate *g = arg;

	if (g->any && memcmp(&g->last, rule, sizeof(*rule)) == 0)
		return 0;
	g->any = true;
	g->last = *rule;
	return g->fn(g->arg, pc, rule);
}

static int run_fdes(const struct lists *l, struct gate *gate)
{
	static const struct unwind_escape none = { .cfa = UNWIND_NONE };
	size_t i, next;
	int r;

	for (i = 0; i < l->fdes.count; i = next) {
		const struct fde *fde = &l->fdes.items[i];
		uint64_t end = fde->end;

		for (next = i + 1; next < l->fdes.count; next++)
			if (l->fdes.items[next].start != fde->start)
				break;
		if (next < l->fdes.count && l->fdes.items[next].start < end)
			end = l->fdes.items[next].start;
		r = eh_cfa_run(&l->cies.items[fde->cie].cfa,
			       cursor_over(l->f, fde->program, fde->program_end), fde->start, end,
			       pass, gate);
		if (r < 0)
			return r;
		if (next < l->fdes.count && l->fdes.items[next].start - end <= EH_PADDING_MAX)
			continue;
		r = pass(gate, end, &none);
		if (r < 0)
			return r;
	}
	return 0;
}

int eh_frame_rows(const struct eh_frame *f, eh_cfa_row *fn, void *arg)
{
	struct lists l = { .f = f };
	struct gate gate = { .fn = fn, .arg = arg };
	int r = f->len > UINT32_MAX ? -EFBIG : list_records(&l, true);

	if (r == 0)
		r = list_records(&l, false);
	if (r == 0) {
		sort_fdes(&l);
		r = run_fdes(&l, &gate);
	}
	vec_release(&l.cies);
	vec_release(&l.fdes);
	return r;
}

bool eh_frame_hdr_target(const uint8_t *bytes, size_t len, uint64_t vaddr, uint64_t *ret_vaddr)
{
	struct eh_cursor c = { .at = bytes, .end = bytes + len, .vaddr = vaddr + len };
	uint8_t encoding;
	uint64_t target;

	if (eh_take(&c, 1) != 1)
		return false;
	encoding = (uint8_t)eh_take(&c, 1);
	eh_skip(&c, 2); /* how its own table is encoded */
	target = eh_pointer(&c, encoding, vaddr);
	if (c.bad)
		return false;
	*ret_vaddr = target;
	return true;
}
