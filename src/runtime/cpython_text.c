/* cpython_text.c: see cpython_text.h. */
#include "runtime/cpython_text.h"

#include <stdio.h>
#include <string.h>

#define STATE_COMPACT (1u << 5)
#define STATE_ASCII   (1u << 6)
#define REPLACEMENT   0xfffdu

bool cpython_text_form(uint32_t state, struct cpython_text_form *ret_form)
{
	unsigned int width = state >> 2 & 7;

	if (!(state & STATE_COMPACT) || (width != 1 && width != 2 && width != 4))
		return false;
	if ((state & STATE_ASCII) && width != 1)
		return false;
	*ret_form = (struct cpython_text_form){ .width = width, .ascii = state & STATE_ASCII };
	return true;
}

static uint32_t char_at(const uint8_t *data, unsigned int width, size_t i)
{
	uint32_t wide;
	uint16_t half;

	if (width == 1)
		return data[i];
	if (width == 2) {
		memcpy(&half, data + i * 2, sizeof(half));
		return half;
	}
	memcpy(&wide, data + i * 4, sizeof(wide));
	return wide;
}

static size_t encode(uint32_t c, char out[4])
{
	if (c >= 0xdc80 && c <= 0xdcff) { /* surrogate escape of one byte */
		out[0] = (char)(c - 0xdc00);
		return 1;
	}
	if (c == 0 || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
		c = REPLACEMENT;
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

int cpython_text_add(struct str *s, struct cpython_text_form form, const uint8_t *data,
		     size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		char out[4];
		size_t len = encode(char_at(data, form.width, i), out);
		int r = str_add_mem(s, out, len);

		if (r < 0)
			return r;
	}
	return 0;
}

bool cpython_path_is_library(const char *path, uint32_t minor)
{
	char folder[32], zip[32];

	snprintf(folder, sizeof(folder), "/lib/python3.%u/", minor);
	snprintf(zip, sizeof(zip), "/lib/python3%u.zip/", minor);
	return str_starts(path, "<frozen ") || strstr(path, folder) || strstr(path, zip) ||
	       strstr(path, "/site-packages/") || strstr(path, "/dist-packages/");
}
