/* test_eh_frame.c: records of all forms, in any order, over and beside each other, and cut. */
#include "eh_rows.h"

#include <errno.h>
#include <stdlib.h>

#include "target/eh_frame.h"

#define VADDR 0x9000
#define USUAL "\x0c\x07\x08\x90\x01" /* def_cfa rsp+8, offset ra at CFA-8 */

static struct str section;

static int forget(void **state)
{
	(void)state;
	str_release(&section);
	return 0;
}

static void put(uint64_t v, size_t size)
{
	assert_int_equal(str_add_mem(&section, &v, size), 0);
}

static size_t begin(bool wide)
{
	put(wide ? 0xffffffff : 0, 4);
	if (wide)
		put(0, 8);
	return section.len;
}

static void end(size_t start, bool wide)
{
	uint64_t len = section.len - start;

	memcpy(section.text + start - (wide ? 8 : 4), &len, wide ? 8 : 4);
}

/* A CIE whose augmentation data are the bytes given; its place. */
static size_t put_cie(unsigned int version, const char *letters, const char *data, size_t len)
{
	size_t at = section.len, start = begin(false);

	put(0, 4);
	put(version, 1);
	str_add_mem(&section, letters, strlen(letters) + 1);
	if (version == 4)
		put(0x0008, 2);
	put(0x7801, 2); /* code by 1, data by -8 */
	put(16, 1);
	if (*letters == 'z') {
		put(len, 1);
		str_add_mem(&section, data, len);
	}
	str_add_mem(&section, USUAL, sizeof(USUAL) - 1);
	end(start, false);
	return at;
}

static size_t put_usual_cie(void)
{
	return put_cie(1, "zR", "\x1b", 1);
}

/* An FDE with addresses as PCREL, and the head of any. */
static size_t begin_fde(size_t cie, bool wide)
{
	size_t start = begin(wide);

	put(section.len - cie, 4);
	return start;
}

static void put_fde(size_t cie, uint64_t pc, uint64_t len, const char *program)
{
	size_t start = begin_fde(cie, false);

	put(pc - (VADDR + section.len), 4);
	put(len, 4);
	put(0, 1);
	str_add(&section, program);
	end(start, false);
}

static const struct eh_range code[] = { { 0, 0x3000 }, { 0x4000, 0x5000 } };

static int rows(bool unending, struct str *ret_rows)
{
	struct eh_frame f = { .bytes = (const uint8_t *)section.text,
			      .len = section.len,
			      .vaddr = VADDR,
			      .unending = unending,
			      .ranges = code,
			      .n_ranges = 2 };

	return eh_frame_rows(&f, eh_row_text, ret_rows);
}

static void check(const char *want)
{
	cleanup(str_releasep) struct str found = { 0 };

	assert_int_equal(rows(false, &found), 0);
	assert_string_equal(str_text(&found), want);
	str_clear(&section);
}

/* One function, then nothing. */
static void test_one(void **state)
{
	(void)state;
	check("");
	put_fde(put_usual_cie(), 0x1000, 0x10, "\x41\x0e\x10");
	check("1000: rsp+8; 1001: rsp+16; 1010: none");
}

/* Versions and augmentations of CIEs; of those that cannot be read, FDEs have no rows. */
static void test_cies(void **state)
{
	static const struct {
		unsigned int version;
		const char *letters, *data;
		size_t len;
		bool known;
	} forms[] = {
		{ 1, "zR", "\x1b", 1, true },
		{ 3, "zR", "\x1b", 1, true },
		{ 4, "zR", "\x1b", 1, true },
		{ 2, "zR", "\x1b", 1, false },
		{ 5, "zR", "\x1b", 1, false },
		{ 1, "zPLR", "\x9b\x01\x02\x03\x04\x1b\x1b", 7, true },
		{ 1, "zPLR", "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x1b\x1b", 11, true },
		{ 1, "zPLR", "\xff\x1b\x1b", 3, true },
		{ 1, "zPLR", "\x9b\x01\x02\x03\x04\x1b", 6, false },
		{ 1, "zLR", "\xff\x1b", 2, true },
		{ 1, "zRQ", "\x1b\x55\x66", 3, true },
		{ 1, "zQR", "\x1b\x1b", 2, false },
		{ 1, "zR", "", 0, false },
		{ 1, "zR", "\x2b", 1, false }, /* from the start of the text: not named */
		{ 1, "zR", "\x9b", 1, false }, /* where the process has it */
		{ 1, "zR", "\x3b", 1, false },
		{ 1, "R", "", 0, false },
		{ 1, "eh", "", 0, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		put_fde(put_cie(forms[i].version, forms[i].letters, forms[i].data, forms[i].len),
			0x1000, 0x10, "\x41\x0e\x10");
		check(forms[i].known ? "1000: rsp+8; 1001: rsp+16; 1010: none" : "");
	}
	put_fde(put_cie(1, "zRS", "\x1b", 1), 0x1000, 0x10, "");
	check("1000: other; 1010: none");
}

/* A return address in another column than 16 is not the one that is walked. */
static void test_column(void **state)
{
	size_t cie = put_usual_cie();

	(void)state;
	section.text[cie + 8 + 1 + 3 + 2] = 15;
	put_fde(cie, 0x1000, 0x10, "");
	check("1000: other; 1010: none");
}

/* Addresses in every encoding that has a meaning in a file. */
static void test_encodings(void **state)
{
	static const struct {
		uint8_t encoding;
		uint8_t size; /* 0: LEB128, one byte */
		uint16_t pc;
	} forms[] = {
		{ DW_EH_PE_absptr, 8, 0x1000 }, { DW_EH_PE_udata8, 8, 0x1000 },
		{ DW_EH_PE_sdata8, 8, 0x1000 }, { DW_EH_PE_udata4, 4, 0x1000 },
		{ DW_EH_PE_sdata4, 4, 0x1000 }, { DW_EH_PE_udata2, 2, 0x1000 },
		{ DW_EH_PE_sdata2, 2, 0x1000 }, { DW_EH_PE_uleb128, 1, 0x70 },
		{ DW_EH_PE_sleb128, 1, 0x30 },
	};
	char want[64];
	size_t i;

	(void)state;
	for (i = 0; i < 2 * sizeof(forms) / sizeof(*forms); i++) {
		uint64_t pc = forms[i / 2].pc, size = forms[i / 2].size;
		uint8_t encoding = forms[i / 2].encoding;
		size_t cie, start;

		if (i % 2 && (size == 1 || encoding == DW_EH_PE_udata2 || size == 2))
			continue; /* from its own place they do not reach */
		encoding |= i % 2 ? DW_EH_PE_pcrel : 0;
		cie = put_cie(1, "zR", (const char *)&encoding, 1);
		start = begin_fde(cie, false);
		put(i % 2 ? pc - (VADDR + section.len) : pc, size);
		put(0x10, size);
		put(0, 1);
		end(start, false);
		snprintf(want, sizeof(want), "%llx: rsp+8; %llx: none", (unsigned long long)pc,
			 (unsigned long long)pc + 0x10);
		/* 32 bits without a sign do not reach back */
		check(encoding == (DW_EH_PE_pcrel | DW_EH_PE_udata4) ? "" : want);
	}
}

/* Without augmentation an address is 8 bytes, and no length of data follows. */
static void test_plain(void **state)
{
	size_t cie = put_cie(1, "", "", 0), start = begin_fde(cie, false);

	(void)state;
	put(0x1000, 8);
	put(0x10, 8);
	put(0x100e, 2);
	end(start, false);
	check("1000: rsp+16; 1010: none");
}

/* Lengths of 64 bits. */
static void test_wide(void **state)
{
	size_t cie = put_usual_cie(), start = begin_fde(cie, true);

	(void)state;
	put(0x1000 - (VADDR + section.len), 4);
	put(0x10, 4);
	put(0, 1);
	end(start, true);
	put_fde(cie, 0x1010, 0x10, "\x0e\x10");
	check("1000: rsp+8; 1010: rsp+16; 1020: none");
}

/* Data of the language are skipped by their length. */
static void test_language_data(void **state)
{
	size_t start = begin_fde(put_cie(1, "zLR", "\x1b\x1b", 2), false);

	(void)state;
	put(0x1000 - (VADDR + section.len), 4);
	put(0x10, 4);
	put(4, 1);
	put(0x3f3f3f3f, 4);
	put(0x100e, 2);
	end(start, false);
	check("1000: rsp+16; 1010: none");
}

/* Rows come by address, whatever the order in the section, each CIE with its own FDEs. */
static void test_order(void **state)
{
	size_t one = put_usual_cie(), other;

	(void)state;
	put_fde(one, 0x1400, 0x10, "");
	put_fde(one, 0x1000, 0x10, "\x0e\x10");
	other = put_cie(1, "zRS", "\x1b", 1);
	put_fde(other, 0x1200, 0x10, "");
	put_fde(one, 0x1300, 0x10, "\x0e\x18");
	check("1000: rsp+16; 1010: none; 1200: other; 1210: none; 1300: rsp+24; 1310: none; "
	      "1400: rsp+8; 1410: none");
}

/* Up to 15 bytes between functions are padding; equal neighbours are one row. */
static void test_gaps(void **state)
{
	size_t cie = put_usual_cie();

	(void)state;
	put_fde(cie, 0x1000, 0x10, "");
	put_fde(cie, 0x1010, 0x10, "");
	put_fde(cie, 0x102f, 0x11, "\x44\x0e\x10");
	put_fde(cie, 0x1050, 0x10, "\x0e\x10");
	check("1000: rsp+8; 1033: rsp+16; 1040: none; 1050: rsp+16; 1060: none");
}

/* The one that begins last holds up to its end, and of two at one place the first. */
static void test_overlap(void **state)
{
	size_t cie = put_usual_cie();

	(void)state;
	put_fde(cie, 0x1000, 0x100, "\x48\x0e\x10\x04\x80\x01\x01\x01\x0e\x18");
	put_fde(cie, 0x1040, 0x10, "\x0e\x20");
	put_fde(cie, 0x1040, 0x80, "\x0e\x28");
	put_fde(cie, 0x1200, 0x80, "\x0e\x10");
	put_fde(cie, 0x1200, 0x80, "\x0e\x10");
	check("1000: rsp+8; 1008: rsp+16; 1040: rsp+32; 1050: none; 1200: rsp+16; 1280: none");
}

/* No code: empty, dropped by the linker, in no segment; or cut at the segment's end. */
static void test_nowhere(void **state)
{
	size_t cie = put_usual_cie();

	(void)state;
	put_fde(cie, 0x1000, 0, "");
	put_fde(cie, 0, 0x20, "");
	put_fde(cie, 0x3000, 0x10, "");
	put_fde(cie, 0x5000, 0x10, "");
	put_fde(cie, 0x4ff0, 0x100, "");
	put_fde(cie, 0x2000, 0xfffffff0, ""); /* a negative length */
	check("4ff0: rsp+8; 5000: none");
}

/* A terminator ends a section of unknown size only. */
static void test_terminator(void **state)
{
	cleanup(str_releasep) struct str found = { 0 };
	size_t cie = put_usual_cie();

	(void)state;
	put_fde(cie, 0x1000, 0x10, "");
	put(0, 4);
	put_fde(cie, 0x2000, 0x10, "");
	put(0, 4);
	assert_int_equal(rows(true, &found), 0);
	assert_string_equal(found.text, "1000: rsp+8; 1010: none");
	check("1000: rsp+8; 1010: none; 2000: rsp+8; 2010: none");
}

/* Cut at any byte, the section gives the rows of the records that are whole. */
static void test_cut(void **state)
{
	size_t cie = put_usual_cie(), whole, len;

	(void)state;
	put_fde(cie, 0x1000, 0x10, "");
	whole = section.len;
	put_fde(cie, 0x1010, 0x10, "\x0e\x10");
	for (len = section.len; len-- > 0;) {
		cleanup(str_releasep) struct str found = { 0 };
		char *exact = malloc(len + 1);
		struct str kept = section;

		memcpy(exact + 1, section.text, len); /* its end is the end of the memory */
		section = (struct str){ .text = exact + 1, .len = len };
		assert_int_equal(rows(false, &found), 0);
		assert_string_equal(str_text(&found),
				    len >= whole ? "1000: rsp+8; 1010: none" : "");
		section = kept;
		free(exact);
	}
}

/* FDEs that name no CIE, one before the section, or an FDE. */
static void test_orphans(void **state)
{
	size_t cie = put_usual_cie(), fde = section.len;

	(void)state;
	put_fde(cie, 0x1000, 0x10, "");
	put_fde(fde, 0x1100, 0x10, "");
	put_fde(cie + 1, 0x1200, 0x10, "");
	put_fde((size_t)-4096, 0x1300, 0x10, "");
	check("1000: rsp+8; 1010: none");
}

static int count(void *arg, uint64_t pc, const struct unwind_escape *rule)
{
	(void)pc;
	(void)rule;
	++*(size_t *)arg;
	return 0;
}

/* A CIE for each FDE, a hundred thousand of them: far from the square of it, which would be hours
 * under sanitizers. */
static void test_many(void **state)
{
	struct eh_frame f = { .vaddr = VADDR, .ranges = code, .n_ranges = 2 };
	size_t cies[997], n = 0, i, j;

	(void)state;
	for (i = 0; i < 101; i++) {
		for (j = 0; j < 997; j++)
			cies[j] = put_usual_cie();
		for (j = 0; j < 997; j++)
			put_fde(cies[j], 0x2fff - (i * 997 + j) % 0x2000, 1, "");
	}
	f.bytes = (const uint8_t *)section.text;
	f.len = section.len;
	assert_int_equal(eh_frame_rows(&f, count, &n), 0);
	assert_int_equal(n, 2);
}

static int refuse(void *arg, uint64_t pc, const struct unwind_escape *rule)
{
	(void)pc;
	return --*(int *)arg ? 0 : rule->cfa == UNWIND_NONE ? -ENOMEM : -EFBIG;
}

/* Whoever takes the rows can end it, also at a gap. */
static void test_refused(void **state)
{
	struct eh_frame f = { .vaddr = VADDR, .ranges = code, .n_ranges = 2 };
	int rows_left = 1;

	(void)state;
	put_fde(put_usual_cie(), 0x1000, 0x10, "");
	f.bytes = (const uint8_t *)section.text;
	f.len = section.len;
	assert_int_equal(eh_frame_rows(&f, refuse, &rows_left), -EFBIG);
	rows_left = 2;
	assert_int_equal(eh_frame_rows(&f, refuse, &rows_left), -ENOMEM);
	rows_left = 3;
	assert_int_equal(eh_frame_rows(&f, refuse, &rows_left), 0);
}

/* The section's address out of .eh_frame_hdr. */
static void test_hdr(void **state)
{
	static const uint8_t usual[] = { 1, 0x1b, 0x03, 0x3b, 0xfc, 0x00, 0x00, 0x00 };
	static const uint8_t data[] = { 1, 0x3b, 0x03, 0x3b, 0xfc, 0x00, 0x00, 0x00 };
	static const uint8_t version[] = { 2, 0x1b, 0x03, 0x3b, 0xfc, 0x00, 0x00, 0x00 };
	static const uint8_t omitted[] = { 1, 0xff, 0x03, 0x3b, 0xfc, 0x00, 0x00, 0x00 };
	uint64_t vaddr = 7;
	size_t len;

	(void)state;
	assert_true(eh_frame_hdr_target(usual, 8, 0x8000, &vaddr));
	assert_int_equal(vaddr, 0x8000 + 4 + 0xfc);
	assert_true(eh_frame_hdr_target(data, 8, 0x8000, &vaddr));
	assert_int_equal(vaddr, 0x8000 + 0xfc);
	vaddr = 7;
	assert_false(eh_frame_hdr_target(version, 8, 0x8000, &vaddr));
	assert_false(eh_frame_hdr_target(omitted, 8, 0x8000, &vaddr));
	for (len = 0; len < 8; len++)
		assert_false(eh_frame_hdr_target(usual, len, 0x8000, &vaddr));
	assert_int_equal(vaddr, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_one, forget),
		cmocka_unit_test_teardown(test_cies, forget),
		cmocka_unit_test_teardown(test_column, forget),
		cmocka_unit_test_teardown(test_encodings, forget),
		cmocka_unit_test_teardown(test_plain, forget),
		cmocka_unit_test_teardown(test_wide, forget),
		cmocka_unit_test_teardown(test_language_data, forget),
		cmocka_unit_test_teardown(test_order, forget),
		cmocka_unit_test_teardown(test_gaps, forget),
		cmocka_unit_test_teardown(test_overlap, forget),
		cmocka_unit_test_teardown(test_nowhere, forget),
		cmocka_unit_test_teardown(test_terminator, forget),
		cmocka_unit_test_teardown(test_cut, forget),
		cmocka_unit_test_teardown(test_orphans, forget),
		cmocka_unit_test_teardown(test_many, forget),
		cmocka_unit_test_teardown(test_refused, forget),
		cmocka_unit_test_teardown(test_hdr, forget),
	};

	return cmocka_run_group_tests_name("eh_frame", tests, NULL, NULL);
}
