/* str.c: see str.h. */
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

void str_release(struct str *s)
{
	free(s->text);
	*s = (struct str){ 0 };
}

void str_clear(struct str *s)
{
	s->len = 0;
	if (s->text)
		s->text[0] = '\0';
}

static int str_reserve(struct str *s, size_t more)
{
	size_t room = s->room ? s->room : 64;
	char *text;

	if (more > SIZE_MAX / 4 || s->len > SIZE_MAX / 4)
		return -ENOMEM;
	while (room < s->len + more + 1)
		room *= 2;
	if (room == s->room)
		return 0;
	text = realloc(s->text, room);
	if (!text)
		return -ENOMEM;
	s->text = text;
	s->room = room;
	return 0;
}

int str_add_mem(struct str *s, const void *bytes, size_t len)
{
	int r = str_reserve(s, len);

	if (r < 0)
		return r;
	if (len)
		memcpy(s->text + s->len, bytes, len);
	s->len += len;
	s->text[s->len] = '\0';
	return 0;
}

int str_add(struct str *s, const char *text)
{
	return str_add_mem(s, text, strlen(text));
}

int str_add_char(struct str *s, char c)
{
	return str_add_mem(s, &c, 1);
}

int str_printf(struct str *s, const char *format, ...)
{
	va_list args;
	int r, n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		return -EINVAL;
	r = str_reserve(s, n);
	if (r < 0)
		return r;
	va_start(args, format);
	vsnprintf(s->text + s->len, (size_t)n + 1, format, args);
	va_end(args);
	s->len += n;
	return 0;
}

const char *str_text(const struct str *s)
{
	return s->text && s->len ? s->text : "";
}

/* Length of the valid UTF-8 sequence at p, 0 if there is none; p[len] ends the input. */
static size_t utf8_length(const unsigned char *p, size_t len)
{
	size_t n = p[0] < 0x80			 ? 1
		   : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		   : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
		   : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
						 : 0;

	if (!n || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates and code points past 0x10ffff. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	return n;
}

/* What would steer the terminal instead of showing there: control characters of ASCII and C1
 * (0x80..0x9f), U+061C, U+200E and U+200F, the separators of lines U+2028 and U+2029, and the
 * overrides and isolates of writing direction, U+202A to U+202E and U+2066 to U+2069, by which a
 * name reads as another. */
static bool is_control(const unsigned char *p, size_t n)
{
	if (n == 1)
		return *p < 0x20 || *p == 0x7f;
	if (n == 2)
		return (p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xd8 && p[1] == 0x9c);
	if (n != 3 || p[0] != 0xe2)
		return false;
	return (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae))) ||
	       (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

int str_add_printable(struct str *s, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + strnlen(text, len);

	while (p < end) {
		size_t n = utf8_length(p, end - p);
		int r;

		if (n && !is_control(p, n)) {
			r = str_add_mem(s, p, n);
			p += n;
		} else {
			r = str_printf(s, "\\x%02x", *p);
			p++;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int file_read(const char *path, size_t limit, struct str *ret_content)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup(str_releasep) struct str content = { 0 };
	char chunk[16384];

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (content.len + n > limit)
			return -EFBIG;
		r = str_add_mem(&content, chunk, n);
		if (r < 0)
			return r;
	}
	*ret_content = content;
	content = (struct str){ 0 };
	return 0;
}

bool str_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);

	return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 0x100000001b3ULL;
	return hash;
}

uint64_t hash_text(uint64_t hash, const char *text)
{
	return hash_bytes(hash, text, strlen(text) + 1);
}
