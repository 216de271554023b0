/* perf_map_block.c: reads a perf map, in the worker; see perf_map_table.h.
 *
 * Lines are taken from the last to the first, so that those which count come before a limit does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"
#include "target/perf_map_table.h"
#include "target/sandbox.h"

#define TRACE_BYTES 64

struct line {
	uint64_t start, end; /* addresses */
	uint32_t low, high;  /* the same as numbers of points */
	uint32_t name, len;  /* in the text */
};

struct lines {
	VEC(struct line) all; /* newest first */
	const char *text;
};

/* Some write 0x before them. */
static bool take_hex(const char **at, const char *end, uint64_t *ret)
{
	const char *p = *at, *first;
	uint64_t v = 0;

	if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	for (first = p; p < end; p++) {
		unsigned int digit;

		if (*p >= '0' && *p <= '9')
			digit = *p - '0';
		else if ((*p | 32) >= 'a' && (*p | 32) <= 'f')
			digit = (*p | 32) - 'a' + 10;
		else
			break;
		if (v >> 60)
			return false;
		v = v << 4 | digit;
	}
	if (p == first || p == end || *p != ' ')
		return false;
	*at = p + 1;
	*ret = v;
	return true;
}

static bool parse_line(const char *text, const char *at, const char *end, struct line *ret)
{
	struct line one = { 0 };
	uint64_t size;

	if (end - at > PERF_MAP_LINE_MAX || memchr(at, '\0', end - at) ||
	    !take_hex(&at, end, &one.start) || !take_hex(&at, end, &size) || !size ||
	    size > PERF_MAP_SIZE_MAX || one.start > UINT64_MAX - size || at == end)
		return false;
	one.end = one.start + size;
	one.name = (uint32_t)(at - text);
	one.len = (uint32_t)(end - at < PERF_MAP_NAME_MAX ? end - at : PERF_MAP_NAME_MAX);
	*ret = one;
	return true;
}

/* Half a table: there is room to go on. */
static int parse_lines(struct lines *lines, const char *from, const char *end)
{
	while (end > from && lines->all.count < PERF_MAP_ENTRIES_MAX / 2) {
		const char *stop = end - 1; /* its newline */
		struct line one;
		int r = 0;

		for (end = stop; end > from && end[-1] != '\n'; end--)
			;
		if (parse_line(lines->text, end, stop, &one))
			r = vec_add(&lines->all, one);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Where a line begins or ends.  Between two such points all addresses are of the same lines. */
struct point {
	uint64_t addr;
	uint32_t line; /* << 1 | whether it is the end */
};

static int compare_points(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* Numbers the points; how many there are. */
static int number_points(struct lines *lines, uint32_t *ret_count)
{
	_cleanup_free_ struct point *points = calloc(lines->all.count * 2, sizeof(*points));
	uint32_t n = (uint32_t)lines->all.count * 2, number = 0;

	if (!points)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		const struct line *l = &lines->all.items[i / 2];

		points[i] = (struct point){ i & 1 ? l->end : l->start, i };
	}
	qsort(points, n, sizeof(*points), compare_points);
	for (uint32_t i = 0; i < n; i++) {
		struct line *l = &lines->all.items[points[i].line / 2];

		number += i && points[i].addr != points[i - 1].addr;
		*(points[i].line & 1 ? &l->high : &l->low) = number;
	}
	*ret_count = number + 1;
	return 0;
}

/* Whose the addresses between two points are: the line's number, from 1.  free[] leads to the next
 * that is nobody's yet. */
struct paint {
	uint32_t *owner, *free;
	uint8_t *whole; /* by line: nothing newer took a part of it */
};

static uint32_t next_free(uint32_t *free, uint32_t i)
{
	while (free[i] != i)
		i = free[i] = free[free[i]];
	return i;
}

/* The newest first: what is left of an older line is not that function any more. */
static void paint_lines(const struct lines *lines, struct paint *p)
{
	for (uint32_t i = 0; i < lines->all.count; i++) {
		const struct line *l = &lines->all.items[i];
		uint32_t at, painted = 0;

		for (at = next_free(p->free, l->low); at < l->high; at = next_free(p->free, at)) {
			p->owner[at] = i + 1;
			p->free[at] = at + 1;
			painted++;
		}
		p->whole[i] = painted == l->high - l->low;
	}
}

static int add_entry(struct str *entries, struct str *names, const struct lines *lines,
		     const struct line *l, bool whole, uint64_t start, uint64_t end)
{
	struct perf_map_entry one = { start, (uint32_t)(end - start), PERF_MAP_FORGET };
	int r = 0;

	if (whole) {
		one.name = (uint32_t)names->len;
		r = str_add_mem(names, lines->text + l->name, l->len);
		if (r == 0)
			r = str_add_char(names, '\0');
	}
	return r < 0 ? r : str_add_mem(entries, &one, sizeof(one));
}

/* In order of address: the first point of a line that is whole, or each stretch of one that is not.
 */
static int collect(const struct lines *lines, const struct paint *p, const uint64_t *addrs,
		   uint32_t points, struct str *entries, struct str *names)
{
	for (uint32_t i = 0; i + 1 < points; i++) {
		const struct line *l;
		bool whole;
		int r;

		if (!p->owner[i])
			continue;
		l = &lines->all.items[p->owner[i] - 1];
		whole = p->whole[p->owner[i] - 1];
		if (whole && i != l->low)
			continue;
		r = add_entry(entries, names, lines, l, whole, addrs[i],
			      whole ? l->end : addrs[i + 1]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Turns lines into entries that do not overlap. */
static int settle(struct lines *lines, struct str *entries, struct str *names)
{
	_cleanup_free_ uint32_t *owner = NULL, *free_ = NULL;
	_cleanup_free_ uint64_t *addrs = NULL;
	_cleanup_free_ uint8_t *whole = NULL;
	uint32_t points;
	int r;

	if (!lines->all.count)
		return 0;
	r = number_points(lines, &points);
	if (r < 0)
		return r;
	owner = calloc(points, sizeof(*owner));
	free_ = calloc(points, sizeof(*free_));
	addrs = calloc(points, sizeof(*addrs));
	whole = calloc(lines->all.count, 1);
	if (!owner || !free_ || !addrs || !whole)
		return -ENOMEM;
	for (uint32_t i = 0; i < points; i++)
		free_[i] = i;
	for (size_t i = 0; i < lines->all.count; i++) {
		addrs[lines->all.items[i].low] = lines->all.items[i].start;
		addrs[lines->all.items[i].high] = lines->all.items[i].end;
	}
	paint_lines(lines, &(struct paint){ owner, free_, whole });
	return collect(lines, &(struct paint){ owner, free_, whole }, addrs, points, entries,
		       names);
}

/* Bytes read; a file may shrink meanwhile. */
static ssize_t read_part(int fd, char *text, size_t len, uint64_t at)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = pread(fd, text + have, len - have, (off_t)(at + have));

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

static uint64_t trace_of(const char *text, size_t len)
{
	return hash_bytes(HASH_START, text, len);
}

/* Whether what was read is still what stands before the mark. */
static bool goes_on(int fd, const struct stat *st, const struct perf_map_mark *mark)
{
	char before[TRACE_BYTES];
	size_t len = mark->next < TRACE_BYTES ? mark->next : TRACE_BYTES;

	return st->st_dev == mark->dev && st->st_ino == mark->ino &&
	       (uint64_t)st->st_size >= mark->next &&
	       (uint64_t)st->st_size - mark->next <= PERF_MAP_READ_MAX &&
	       read_part(fd, before, len, mark->next - len) == (ssize_t)len &&
	       trace_of(before, len) == mark->trace;
}

/* The whole lines of text[lead, len), which begins in the middle of one if the byte before it says
 * so; where they end goes into the mark. */
static int parse_part(struct lines *lines, size_t lead, size_t len, uint64_t at,
		      struct perf_map_mark *mark)
{
	const char *from = lines->text + lead, *end = lines->text + len, *last;
	size_t trace;

	if (lead && from[-1] != '\n') {
		const char *newline = memchr(from, '\n', end - from);

		from = newline ? newline + 1 : end;
	}
	last = memrchr(from, '\n', end - from);
	/* a line longer than any is not waited for */
	if (last || end - from <= PERF_MAP_LINE_MAX)
		end = last ? last + 1 : from;
	mark->next = at + (uint64_t)(end - lines->text);
	trace = end - lines->text < TRACE_BYTES ? end - lines->text : TRACE_BYTES;
	mark->trace = trace_of(end - trace, trace);
	return last ? parse_lines(lines, from, end) : 0;
}

static int write_block(struct perf_map_head *head, struct lines *lines, struct str *result)
{
	cleanup(str_releasep) struct str entries = { 0 }, names = { 0 };
	int r = settle(lines, &entries, &names);

	head->entries = (uint32_t)(entries.len / sizeof(struct perf_map_entry));
	head->names = names.len;
	if (r == 0)
		r = str_add_mem(result, head, sizeof(*head));
	if (r == 0)
		r = str_add_mem(result, entries.text, entries.len);
	return r < 0 ? r : str_add_mem(result, names.text, names.len);
}

int perf_map_block(int fd, const void *arg, struct str *result)
{
	const struct perf_map_mark *mark = arg;
	struct perf_map_head head = { 0 };
	_cleanup_free_ char *text = NULL;
	struct lines lines = { 0 };
	uint64_t from = mark->next, size, lead;
	struct stat st;
	ssize_t len;
	int r;

	if (sandbox_fstat(fd, &st) < 0)
		return -errno;
	size = (uint64_t)st.st_size;
	head.again = !goes_on(fd, &st, mark);
	if (head.again)
		from = size > PERF_MAP_READ_MAX ? size - PERF_MAP_READ_MAX : 0;
	lead = from < TRACE_BYTES ? from : TRACE_BYTES;
	text = malloc(size - from + lead + 1);
	if (!text)
		return -ENOMEM;
	len = read_part(fd, text, size - from + lead, from - lead);
	if (len < (ssize_t)lead)
		return len < 0 ? (int)len : -EAGAIN;
	head.mark = (struct perf_map_mark){ .dev = st.st_dev, .ino = st.st_ino };
	lines.text = text;
	r = parse_part(&lines, lead, (size_t)len, from - lead, &head.mark);
	if (r == 0)
		r = write_block(&head, &lines, result);
	vec_release(&lines.all);
	return r;
}
