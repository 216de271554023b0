/* test_block.c: packed chunks come back, and whatever is not exactly a block is refused as a whole.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "recording/block.h"
#include "recording/layout.h"
#include "recording/recording.h"

static void add(struct str *raw, uint32_t kind, const void *bytes, uint32_t len)
{
	struct chunk chunk = { .kind = kind, .len = len, .payload = bytes };

	assert_int_equal(block_add(raw, &chunk), 0);
}

/* Three chunks as they are inside a block. */
static struct str three(void)
{
	struct str raw = { 0 };
	char bytes[307] = { 0 };

	add(&raw, CHUNK_NOTE, "", 0);
	add(&raw, CHUNK_META, "threshold", 9);
	add(&raw, CHUNK_EVENT, bytes, sizeof(bytes));
	return raw;
}

/* A block's payload around any bytes, stating any length for them. */
static struct str payload_of(const void *raw, size_t len, uint32_t stated)
{
	struct str s = { 0 };
	uLongf packed = compressBound(len);
	_cleanup_free_ unsigned char *bytes = malloc(packed);

	assert_int_equal(compress2(bytes, &packed, raw, len, 6), Z_OK);
	assert_int_equal(chunk_put_u32(&s, stated), 0);
	assert_int_equal(str_add_mem(&s, bytes, packed), 0);
	return s;
}

/* The number of chunks handed out, each looked at to its end; or the error.  From memory of its
 * own, so that the sanitizer sees a read past the end. */
static int unpack(const void *payload, size_t len)
{
	_cleanup_free_ unsigned char *copy = malloc(len ? len : 1);
	struct block b = { 0 };
	struct chunk chunk;
	int n = 0, r;

	memcpy(copy, payload, len);
	r = block_unpack(&b, copy, len);
	while (block_next(&b, &chunk)) {
		assert_true(r == 0);
		for (uint32_t i = 0; i < chunk.len; i++)
			(void)((const volatile char *)chunk.payload)[i];
		n++;
	}
	block_release(&b);
	return r < 0 ? r : n;
}

static int unpack_raw(const void *raw, size_t len, uint32_t stated)
{
	cleanup(str_releasep) struct str s = payload_of(raw, len, stated);

	return unpack(s.text, s.len);
}

/* What was packed comes back, in one chunk of the block kind that is shorter. */
static void test_round_trip(void **state)
{
	cleanup(str_releasep) struct str raw = three(), out = { 0 };
	const unsigned char *at;

	(void)state;
	assert_int_equal(block_pack(&raw, &out), 0);
	at = (const unsigned char *)out.text;
	assert_true(out.len < raw.len / 3);
	assert_int_equal(out.len % 8, 0);
	assert_int_equal(layout_get(at, 4), LAYOUT_BLOCK);
	assert_int_equal(unpack(at + LAYOUT_CHUNK_HEAD, layout_get(at + 4, 4)), 3);
}

/* Nothing gathered is nothing written; what is too short to gain stays plain. */
static void test_stays_plain(void **state)
{
	cleanup(str_releasep) struct str raw = { 0 }, out = { 0 };

	(void)state;
	assert_int_equal(block_pack(&raw, &out), 0);
	assert_int_equal(out.len, 0);
	add(&raw, CHUNK_END, "8 bytes.", 8);
	assert_int_equal(block_pack(&raw, &out), 0);
	assert_int_equal(out.len, 24);
	assert_int_equal(layout_get((const unsigned char *)out.text, 4), CHUNK_END);
}

/* A stated length that is one off, none at all, or more than there may be. */
static void test_stated_length(void **state)
{
	cleanup(str_releasep) struct str raw = three();

	(void)state;
	assert_int_equal(unpack_raw(raw.text, raw.len, raw.len), 3);
	assert_int_equal(unpack_raw(raw.text, raw.len, raw.len - 1), -EBADMSG);
	assert_int_equal(unpack_raw(raw.text, raw.len, raw.len + 1), -EBADMSG);
	assert_int_equal(unpack_raw(raw.text, raw.len, 0), -EBADMSG);
	assert_int_equal(unpack_raw(raw.text, raw.len, UINT32_MAX), -EBADMSG);
	assert_int_equal(unpack_raw("", 0, 0), -EBADMSG);
}

/* A few bytes that would become millions: refused by the cap, or by the length they state. */
static void test_bomb(void **state)
{
	const size_t many = 17u << 20, most = LAYOUT_BLOCK_MAX;
	_cleanup_free_ unsigned char *zeros = calloc(1, many);
	struct block b = { 0 };

	(void)state;
	assert_int_equal(unpack_raw(zeros, many, many), -EBADMSG);
	assert_int_equal(unpack_raw(zeros, many, most), -EBADMSG);
	assert_int_equal(unpack_raw(zeros, many, 61), -EBADMSG);
	/* One more than the cap is refused before memory is taken, the cap itself is not. */
	assert_int_equal(unpack_raw(zeros, most + 8, most + 8), -EBADMSG);
	assert_int_equal(unpack_raw(zeros, most, most), most / LAYOUT_INNER_HEAD);
	assert_int_equal(block_unpack(&b, (const unsigned char *)"\xff\xff\xff\x7f", 4), -EBADMSG);
	assert_null(b.bytes);
}

/* Bytes behind the stream, a stream that is cut, and a payload too short for any. */
static void test_stream_ends(void **state)
{
	cleanup(str_releasep) struct str raw = three();
	cleanup(str_releasep) struct str s = payload_of(raw.text, raw.len, raw.len);

	(void)state;
	for (size_t len = 0; len < s.len; len++)
		assert_int_equal(unpack(s.text, len), -EBADMSG);
	assert_int_equal(unpack(s.text, s.len), 3);
	assert_int_equal(str_add_mem(&s, "\0", 1), 0);
	assert_int_equal(unpack(s.text, s.len), -EBADMSG);
}

/* Bytes behind the last inner chunk, and inner lengths past the end: the whole block is refused. */
static void test_inner_lengths(void **state)
{
	static const uint32_t lengths[] = { 308, 1u << 19, 1u << 31, UINT32_MAX, UINT32_MAX - 7 };
	cleanup(str_releasep) struct str raw = three();
	unsigned char *last = (unsigned char *)raw.text + raw.len - 307 - LAYOUT_INNER_HEAD;
	char longer[401] = { 0 };

	(void)state;
	memcpy(longer, raw.text, raw.len);
	for (size_t more = 1; more < LAYOUT_INNER_HEAD; more++)
		assert_int_equal(unpack_raw(longer, raw.len + more, raw.len + more), -EBADMSG);
	assert_int_equal(unpack_raw(longer, raw.len + 8, raw.len + 8), 4);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		layout_put(last + 4, lengths[i], 4);
		assert_int_equal(unpack_raw(raw.text, raw.len, raw.len), -EBADMSG);
	}
}

/* No chunk in a block may be longer than one outside, though there would be room. */
static void test_inner_too_long(void **state)
{
	const size_t len = LAYOUT_INNER_HEAD + RECORDING_CHUNK_MAX;
	_cleanup_free_ unsigned char *raw = calloc(1, len + 1);

	(void)state;
	layout_put(raw + 4, RECORDING_CHUNK_MAX, 4);
	assert_int_equal(unpack_raw(raw, len, len), 1);
	layout_put(raw + 4, RECORDING_CHUNK_MAX + 1, 4);
	assert_int_equal(unpack_raw(raw, len + 1, len + 1), -EBADMSG);
}

/* A block in a block is refused, a good one too. */
static void test_nested(void **state)
{
	cleanup(str_releasep) struct str raw = three(), outer = three();
	cleanup(str_releasep) struct str s = payload_of(raw.text, raw.len, raw.len);

	(void)state;
	add(&outer, LAYOUT_BLOCK, s.text, s.len);
	assert_int_equal(unpack_raw(outer.text, outer.len, outer.len), -EBADMSG);
}

/* Any flipped bit, as if the check sum outside had been forged: all of the block or nothing. */
static void test_flipped(void **state)
{
	cleanup(str_releasep) struct str raw = three();
	cleanup(str_releasep) struct str s = payload_of(raw.text, raw.len, raw.len);
	int refused = 0;

	(void)state;
	for (size_t bit = 0; bit < s.len * 8; bit++) {
		int n;

		s.text[bit / 8] ^= 1 << bit % 8;
		n = unpack(s.text, s.len);
		s.text[bit / 8] ^= 1 << bit % 8;
		assert_true(n == 3 || n == -EBADMSG);
		refused += n < 0;
	}
	/* Up to seven bits between the stream and its own check sum mean nothing. */
	assert_in_range(refused, s.len * 8 - 7, s.len * 8);
}

/* A stream that ends early is not filled up with what an earlier block left in memory. */
static void test_stale_memory(void **state)
{
	cleanup(str_releasep) struct str raw = three();
	cleanup(str_releasep) struct str s = payload_of(raw.text, raw.len, raw.len + 8);
	cleanup(str_releasep) struct str zeros = { 0 };
	static const char bytes[1024];
	struct block b = { 0 };

	(void)state;
	zeros = payload_of(bytes, sizeof(bytes), sizeof(bytes));
	assert_int_equal(block_unpack(&b, (unsigned char *)zeros.text, zeros.len), 0);
	assert_int_equal(block_unpack(&b, (unsigned char *)s.text, s.len), -EBADMSG);
	block_release(&b);
}

/* After a refused block nothing of an earlier one is handed out. */
static void test_forgets(void **state)
{
	cleanup(str_releasep) struct str raw = three();
	cleanup(str_releasep) struct str s = payload_of(raw.text, raw.len, raw.len);
	struct block b = { 0 };
	struct chunk chunk;

	(void)state;
	assert_int_equal(block_unpack(&b, (unsigned char *)s.text, s.len), 0);
	assert_true(block_next(&b, &chunk));
	assert_int_equal(block_unpack(&b, (unsigned char *)s.text, s.len - 1), -EBADMSG);
	assert_false(block_next(&b, &chunk));
	assert_int_equal(block_unpack(&b, (unsigned char *)s.text, 3), -EBADMSG);
	assert_false(block_next(&b, &chunk));
	block_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_stays_plain),
		cmocka_unit_test(test_stated_length),  cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_stream_ends),    cmocka_unit_test(test_inner_lengths),
		cmocka_unit_test(test_inner_too_long), cmocka_unit_test(test_nested),
		cmocka_unit_test(test_flipped),	       cmocka_unit_test(test_forgets),
		cmocka_unit_test(test_stale_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
