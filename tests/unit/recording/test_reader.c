/* test_reader.c: recordings that are whole, cut, damaged or from another time: what can be read is,
 * what cannot is called by its name, and nothing crashes.
 */
#include "folder.h"

#include <zlib.h>

#include "recording/layout.h"

/* All that reading a file can come to. */
struct outcome {
	int error; /* of opening */
	enum recording_state state;
	size_t chunks;
	uint64_t bytes;
};

static struct outcome read_bytes(const void *bytes, size_t len)
{
	cleanup(recording_closep) struct recording_reader *r = NULL;
	struct outcome o = { 0 };

	save("probe.stall", bytes, len);
	o.error = recording_open("probe.stall", &r);
	if (o.error < 0) {
		assert_null(r);
		return o;
	}
	o.chunks = read_all(r);
	o.state = recording_state(r);
	o.bytes = recording_bytes_read(r);
	return o;
}

/* Sets a header field and makes the check sum of the header right again. */
static void set_header(struct str *s, enum layout_offset at, uint64_t v, int bytes)
{
	unsigned char *h = (unsigned char *)s->text;

	layout_put(h + at, v, bytes);
	layout_put(h + LAYOUT_CRC, 0, 4);
	layout_put(h + LAYOUT_CRC, crc32(0, h, LAYOUT_HEADER_SIZE), 4);
}

/* Kinds, lengths and bytes come back as they were put, for every length modulo the padding. */
static void test_reads_back(void **state)
{
	cleanup(str_releasep) struct str s = recorded(23);
	cleanup(recording_closep) struct recording_reader *r = NULL;
	struct chunk chunk;

	(void)state;
	assert_int_equal(s.len % 8, 0);
	assert_int_equal(recording_open("made.stall", &r), 0);
	for (uint32_t i = 0; i < 23; i++) {
		assert_int_equal(recording_next(r, &chunk), 1);
		assert_int_equal(chunk.kind, i + 1);
		assert_int_equal(chunk.len, i);
		assert_memory_equal(chunk.payload, "a prime number of bytes", i);
	}
	assert_int_equal(recording_next(r, &chunk), 0);
	assert_int_equal(recording_next(r, &chunk), 0);
	assert_int_equal(recording_state(r), RECORDING_COMPLETE);
	assert_int_equal(recording_bytes_read(r), s.len);
}

/* The chunks of a block come back one by one, what they point to at its right place. */
static void test_reads_blocks_back(void **state)
{
	cleanup(str_releasep) struct str s = recorded_blocks(5);
	cleanup(recording_closep) struct recording_reader *r = NULL;
	struct chunk chunk;

	(void)state;
	assert_int_equal(layout_get((unsigned char *)s.text + LAYOUT_HEADER_SIZE, 4), LAYOUT_BLOCK);
	assert_int_equal(recording_open("made.stall", &r), 0);
	for (uint32_t i = 0; i < 5 * CHUNKS_PER_BLOCK; i++) {
		static const uint32_t lengths[] = { 0, 1, 211 }, at[] = { 0, 0, 97 };
		uint32_t k = i % CHUNKS_PER_BLOCK;

		assert_int_equal(recording_next(r, &chunk), 1);
		assert_int_equal(chunk.kind, k == 2 ? CHUNK_EVENT : CHUNK_NOTE);
		assert_int_equal(chunk.len, lengths[k]);
		assert_true(k == 0 || ((char *)chunk.payload)[at[k]] == (char)(i / 3));
	}
	assert_int_equal(recording_next(r, &chunk), 0);
	assert_int_equal(recording_state(r), RECORDING_COMPLETE);
	assert_int_equal(recording_bytes_read(r), s.len);
}

static void cut_anywhere(const struct str *s, size_t parts, size_t chunks_each)
{
	size_t last = 0;

	for (size_t len = 0; len < s->len; len++) {
		struct outcome o = read_bytes(s->text, len);

		if (len < LAYOUT_HEADER_SIZE) {
			assert_int_equal(o.error, -EBADMSG);
			continue;
		}
		assert_int_equal(o.error, 0);
		assert_int_equal(o.state, RECORDING_CUT);
		assert_true(o.chunks >= last && o.chunks < parts * chunks_each && o.bytes <= len);
		assert_int_equal(o.chunks % chunks_each, 0);
		last = o.chunks;
	}
	assert_int_equal(last, (parts - 1) * chunks_each);
}

/* A finished recording cut at any byte: whole chunks before the cut are read, and it is told. */
static void test_cut_anywhere(void **state)
{
	cleanup(str_releasep) struct str s = recorded(13), blocks = recorded_blocks(7);

	(void)state;
	cut_anywhere(&s, 13, 1);
	cut_anywhere(&blocks, 7, CHUNKS_PER_BLOCK);
}

/* The partial file of a killed writer, cut anywhere, is incomplete and not damaged. */
static void test_incomplete(void **state)
{
	cleanup(str_releasep) struct str plain = recorded(7), blocks = recorded_blocks(7);
	struct str *both[] = { &plain, &blocks };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct str *s = both[i];

		set_header(s, LAYOUT_COMPLETE, 0, 4);
		set_header(s, LAYOUT_BYTES, 0, 8);
		for (size_t len = LAYOUT_HEADER_SIZE; len <= s->len; len++) {
			struct outcome o = read_bytes(s->text, len);

			assert_int_equal(o.error, 0);
			assert_int_equal(o.state, RECORDING_INCOMPLETE);
			assert_true(len < s->len || o.chunks == (i ? 7 * CHUNKS_PER_BLOCK : 7));
		}
	}
}

static size_t padding_in(const struct str *s)
{
	size_t padding = 0, at = LAYOUT_HEADER_SIZE;

	while (at < s->len) {
		uint32_t len = layout_get((unsigned char *)s->text + at + 4, 4);

		padding += layout_padding(len);
		at += LAYOUT_CHUNK_HEAD + len + layout_padding(len);
	}
	return padding;
}

static void flipped_anywhere(struct str *s, size_t chunks)
{
	size_t unnoticed = 0;

	for (size_t at = 0; at < s->len; at++) {
		struct outcome o;

		s->text[at] ^= 1 << at % 8;
		o = read_bytes(s->text, s->len);
		s->text[at] ^= 1 << at % 8;
		if (o.error == 0 && o.state == RECORDING_COMPLETE) {
			assert_int_equal(o.chunks, chunks);
			unnoticed++;
		}
	}
	assert_int_equal(unnoticed, padding_in(s));
}

/* Any flipped bit: refused or told to be damaged, except in the padding, which means nothing. */
static void test_flipped_anywhere(void **state)
{
	cleanup(str_releasep) struct str s = recorded(11), blocks = recorded_blocks(5);

	(void)state;
	flipped_anywhere(&s, 11);
	flipped_anywhere(&blocks, 5 * CHUNKS_PER_BLOCK);
}

/* A block that is wrong inside, though its check sum is right, ends the reading before it. */
static void test_bad_block(void **state)
{
	cleanup(str_releasep) struct str s = recorded_blocks(3);
	unsigned char *at = (unsigned char *)s.text + LAYOUT_HEADER_SIZE;
	struct outcome o;
	uint32_t len = layout_get(at + 4, 4);
	uint64_t before;

	(void)state;
	at += LAYOUT_CHUNK_HEAD + len + layout_padding(len);
	before = at - (unsigned char *)s.text;
	len = layout_get(at + 4, 4);
	at[LAYOUT_CHUNK_HEAD]++; /* the raw length */
	layout_put(at + 8, crc32(crc32(0, at, 8), at + LAYOUT_CHUNK_HEAD, len), 4);
	o = read_bytes(s.text, s.len);
	assert_int_equal(o.state, RECORDING_CORRUPT);
	assert_int_equal(o.chunks, CHUNKS_PER_BLOCK);
	assert_int_equal(o.bytes, before);
}

/* A later minor version, with a longer header and unknown kinds, is read. */
static void test_newer_minor(void **state)
{
	cleanup(str_releasep) struct str s = recorded(5), longer = { 0 };
	struct outcome o;

	(void)state;
	set_header(&s, LAYOUT_MINOR, RECORDING_MINOR + 3, 2);
	set_header(&s, LAYOUT_SIZE, LAYOUT_HEADER_SIZE + 16, 4);
	set_header(&s, LAYOUT_BYTES, s.len + 16, 8);
	str_add_mem(&longer, s.text, LAYOUT_HEADER_SIZE);
	str_add_mem(&longer, "sixteen bytes...", 16);
	str_add_mem(&longer, s.text + LAYOUT_HEADER_SIZE, s.len - LAYOUT_HEADER_SIZE);
	o = read_bytes(longer.text, longer.len);
	assert_int_equal(o.error, 0);
	assert_int_equal(o.state, RECORDING_COMPLETE);
	assert_int_equal(o.chunks, 5);
}

/* A later major version and the other byte order are refused, whatever else is in the header. */
static void test_newer_major(void **state)
{
	cleanup(str_releasep) struct str s = recorded(3);

	(void)state;
	set_header(&s, LAYOUT_MAJOR, RECORDING_MAJOR + 1, 2);
	assert_int_equal(read_bytes(s.text, s.len).error, -EPROTONOSUPPORT);
	set_header(&s, LAYOUT_MAJOR, RECORDING_MAJOR, 2);
	set_header(&s, LAYOUT_ORDER, 0x04030201, 4);
	assert_int_equal(read_bytes(s.text, s.len).error, -EPROTONOSUPPORT);
	assert_non_null(strstr(recording_refusal(-EPROTONOSUPPORT), "newer stallprof"));
}

/* So is an earlier one: its events would be read as something else. */
static void test_older_major(void **state)
{
	cleanup(str_releasep) struct str s = recorded(3);

	(void)state;
	set_header(&s, LAYOUT_MAJOR, RECORDING_MAJOR - 1, 2);
	assert_int_equal(read_bytes(s.text, s.len).error, -ESTALE);
	assert_non_null(strstr(recording_refusal(-ESTALE), "older stallprof"));
	set_header(&s, LAYOUT_MAJOR, 0, 2);
	assert_int_equal(read_bytes(s.text, s.len).error, -EBADMSG);
}

/* Other files, an empty one, a folder and nothing at all are told apart. */
static void test_no_recording(void **state)
{
	cleanup(recording_closep) struct recording_reader *r = NULL;
	char text[101];

	(void)state;
	memset(text, '#', sizeof(text));
	assert_int_equal(read_bytes(text, sizeof(text)).error, -EBADMSG);
	assert_int_equal(read_bytes("", 0).error, -EBADMSG);
	assert_int_equal(recording_open("gone.stall", &r), -ENOENT);
	assert_int_equal(recording_open(".", &r), -EISDIR);
	assert_null(r);
	assert_string_equal(recording_refusal(-EBADMSG), "not a stallprof recording");
	assert_string_equal(recording_refusal(-ENOENT), strerror(ENOENT));
}

/* Header sizes that cannot be are damage, and cost no memory. */
static void test_header_size(void **state)
{
	static const uint32_t sizes[] = { 0, 61, LAYOUT_HEADER_MAX + 1, UINT32_MAX };
	cleanup(str_releasep) struct str s = recorded(3);

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		set_header(&s, LAYOUT_SIZE, sizes[i], 4);
		assert_int_equal(read_bytes(s.text, s.len).error, -EBADMSG);
	}
}

/* A chunk that says it is larger than any may be ends the reading. */
static void test_chunk_length(void **state)
{
	cleanup(str_releasep) struct str s = recorded(2);
	struct outcome o;

	(void)state;
	layout_put((unsigned char *)s.text + LAYOUT_HEADER_SIZE + 4, RECORDING_CHUNK_MAX + 1, 4);
	o = read_bytes(s.text, s.len);
	assert_int_equal(o.state, RECORDING_CORRUPT);
	assert_int_equal(o.chunks, 0);
}

/* Bytes behind the end of a finished recording are not part of it, and are told. */
static void test_appended(void **state)
{
	cleanup(str_releasep) struct str s = recorded(5);
	struct outcome o;

	(void)state;
	assert_int_equal(str_add_mem(&s, "trailing garbage..", 19), 0);
	o = read_bytes(s.text, s.len);
	assert_int_equal(o.state, RECORDING_CORRUPT);
	assert_int_equal(o.chunks, 5);
}

/* "-" reads standard input, and leaves it open. */
static void test_standard_input(void **state)
{
	cleanup(str_releasep) struct str s = recorded(17);
	struct recording_reader *r = NULL;

	(void)state;
	assert_non_null(freopen("made.stall", "r", stdin));
	assert_int_equal(recording_open("-", &r), 0);
	assert_int_equal(read_all(r), 17);
	assert_int_equal(recording_state(r), RECORDING_COMPLETE);
	recording_close(r);
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	recording_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(test_reads_back),  FOLDER_TEST(test_reads_blocks_back),
		FOLDER_TEST(test_bad_block),   FOLDER_TEST(test_cut_anywhere),
		FOLDER_TEST(test_incomplete),  FOLDER_TEST(test_flipped_anywhere),
		FOLDER_TEST(test_newer_minor), FOLDER_TEST(test_newer_major),
		FOLDER_TEST(test_older_major), FOLDER_TEST(test_no_recording),
		FOLDER_TEST(test_header_size), FOLDER_TEST(test_chunk_length),
		FOLDER_TEST(test_appended),    FOLDER_TEST(test_standard_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
