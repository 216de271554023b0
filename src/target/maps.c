/* maps.c: see maps.h. */
#include "target/maps.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Numbers of a maps line are hexadecimal without prefix, the inode decimal. */
static bool take_number(const char **at, const char *end, unsigned int base, uint64_t *ret)
{
	const char *p = *at;
	uint64_t v = 0;

	while (p < end) {
		unsigned int digit;

		if (*p >= '0' && *p <= '9')
			digit = *p - '0';
		else if (*p >= 'a' && *p <= 'f')
			digit = *p - 'a' + 10;
		else
			break;
		if (digit >= base || v > (UINT64_MAX - digit) / base)
			return false;
		v = v * base + digit;
		p++;
	}
	if (p == *at)
		return false;
	*at = p;
	*ret = v;
	return true;
}

static bool take_char(const char **at, const char *end, char c)
{
	if (*at >= end || **at != c)
		return false;
	(*at)++;
	return true;
}

static bool take_permissions(const char **at, const char *end, struct mapping *m)
{
	const char *p = *at;

	if (end - p < 4)
		return false;
	m->read = p[0] == 'r';
	m->write = p[1] == 'w';
	m->exec = p[2] == 'x';
	*at = p + 4;
	return true;
}

/* Cuts the kernel's remark off a deleted file's path. */
static void set_path(struct mapping *m, char *path, char *end)
{
	static const char remark[] = " (deleted)";
	size_t len = sizeof(remark) - 1;

	*end = '\0';
	m->path = path;
	if (path[0] == '/' && (size_t)(end - path) > len && strcmp(end - len, remark) == 0) {
		end[-(ptrdiff_t)len] = '\0';
		m->deleted = true;
	}
}

/* One line without its newline; *end is writable. */
static bool parse_line(char *line, char *end, struct mapping *m)
{
	const char *at = line;
	uint64_t major, minor;

	if (!take_number(&at, end, 16, &m->start) || !take_char(&at, end, '-') ||
	    !take_number(&at, end, 16, &m->end) || !take_char(&at, end, ' ') ||
	    !take_permissions(&at, end, m) || !take_char(&at, end, ' ') ||
	    !take_number(&at, end, 16, &m->offset) || !take_char(&at, end, ' ') ||
	    !take_number(&at, end, 16, &major) || !take_char(&at, end, ':') ||
	    !take_number(&at, end, 16, &minor) || !take_char(&at, end, ' ') ||
	    !take_number(&at, end, 10, &m->ino))
		return false;
	if (m->start >= m->end || major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	m->dev = major << 20 | minor;
	while (at < end && *at == ' ')
		at++;
	set_path(m, line + (at - line), end);
	return true;
}

int maps_parse(struct maps *m, const char *text, size_t len)
{
	struct maps fresh = { 0 };
	char *line, *end;
	int r = 0;

	fresh.text = malloc(len + 1);
	if (!fresh.text)
		return -ENOMEM;
	if (len)
		memcpy(fresh.text, text, len);
	fresh.text[len] = '\0';

	for (line = fresh.text; line < fresh.text + len; line = end + 1) {
		struct mapping one = { 0 };
		uint64_t floor = 0;

		end = memchr(line, '\n', fresh.text + len - line);
		if (!end)
			end = fresh.text + len;
		if (fresh.list.count)
			floor = fresh.list.items[fresh.list.count - 1].end;
		/* the kernel writes them in order: what is not, is not the kernel's */
		if (!parse_line(line, end, &one) || one.start < floor)
			continue;
		if (fresh.list.count >= MAPS_MAX)
			break;
		r = vec_add(&fresh.list, one);
		if (r < 0) {
			maps_release(&fresh);
			return r;
		}
	}
	maps_release(m);
	*m = fresh;
	return 0;
}

void maps_release(struct maps *m)
{
	vec_release(&m->list);
	free(m->text);
	m->text = NULL;
}

const struct mapping *maps_find(const struct maps *m, uint64_t addr)
{
	size_t low = 0, high = m->list.count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct mapping *one = &m->list.items[mid];

		if (addr < one->start)
			high = mid;
		else if (addr >= one->end)
			low = mid + 1;
		else
			return one;
	}
	return NULL;
}

const struct mapping *maps_first_of_file(const struct maps *m, uint64_t dev, uint64_t ino)
{
	size_t i;

	for (i = 0; ino && i < m->list.count; i++)
		if (m->list.items[i].ino == ino && m->list.items[i].dev == dev)
			return &m->list.items[i];
	return NULL;
}

const char *mapping_basename(const struct mapping *m)
{
	const char *slash = strrchr(m->path, '/');

	return slash ? slash + 1 : m->path;
}

bool maps_has(const struct maps *m, const char *start)
{
	for (size_t i = 0; i < m->list.count; i++)
		if (str_starts(mapping_basename(&m->list.items[i]), start))
			return true;
	return false;
}
