/* v8_string.c: the text of V8's strings, whatever their shape; see v8_heap.h. */
#include <errno.h>
#include <string.h>

#include "runtime/v8_heap.h"

#define DEPTH_MAX   32 /* of strings made of strings; deeper ones are cut */
#define BLOCK	    4096
#define REPLACEMENT 0xfffdu

/* Bits of a string's instance type; the same in every version since 2011 (kStringRepresentationMask
 * and so on in src/objects/instance-type.h). */
enum shape {
	SHAPE_MASK = 7,
	SHAPE_SEQUENTIAL = 0,
	SHAPE_CONS = 1,
	SHAPE_EXTERNAL = 2,
	SHAPE_SLICED = 3,
	SHAPE_THIN = 5,
	ONE_BYTE = 8,
	UNCACHED = 16, /* external: the address of the characters is not in the string */
};

struct walk {
	struct v8_heap *h;
	uint32_t left; /* characters still to hand out */
	int (*put)(void *arg, const uint8_t *chars, unsigned int width, size_t count);
	void *arg;
};

/* Part of a string: characters from `from` on, `count` of them. */
struct part {
	uint64_t string;
	uint32_t from, count;
};

static int put_chars(struct walk *w, uint64_t addr, unsigned int width, uint32_t count)
{
	uint8_t block[BLOCK];

	if (count > w->left)
		count = w->left;
	w->left -= count;
	while (count) {
		uint32_t n = count < BLOCK / width ? count : BLOCK / width;
		int r = v8_heap_read(w->h, addr, block, (size_t)n * width);

		if (r == 0)
			r = w->put(w->arg, block, width, n);
		if (r < 0)
			return r;
		addr += (uint64_t)n * width;
		count -= n;
	}
	return 0;
}

static int length_of(struct v8_heap *h, uint64_t string, uint32_t *ret)
{
	if (!v8_is_string(h, string))
		return h->gone ? -ESRCH : -EPROTO;
	return v8_heap_read(h, v8_address(string) + (uint64_t)h->l->string_length, ret,
			    sizeof(*ret));
}

/* Replaces the part by what it is made of: one more part, or two.  ret_n: how many there are now
 * from parts[0] on, the next one last.  0; -EPROTO. */
static int split(struct v8_heap *h, uint32_t shape, struct part *parts, size_t *ret_n)
{
	const struct v8_layout *l = h->l;
	uint64_t at = v8_address(parts[0].string), word;
	struct part p = parts[0];
	uint32_t first;
	int r;

	*ret_n = 1;
	if (shape == SHAPE_THIN)
		return v8_heap_word(h, at + (uint64_t)l->thin_actual, &parts[0].string);
	if (shape == SHAPE_SLICED) {
		r = v8_heap_word(h, at + (uint64_t)l->sliced_offset, &word);
		if (r < 0)
			return r;
		if (!v8_is_smi(word) || v8_smi(word) < 0)
			return -EPROTO;
		parts[0].from += (uint32_t)v8_smi(word);
		return v8_heap_word(h, at + (uint64_t)l->sliced_parent, &parts[0].string);
	}
	if (shape != SHAPE_CONS)
		return -EPROTO;
	r = v8_heap_word(h, at + (uint64_t)l->cons_second, &parts[0].string);
	if (r == 0)
		r = v8_heap_word(h, at + (uint64_t)l->cons_first, &parts[1].string);
	if (r == 0)
		r = length_of(h, parts[1].string, &first);
	if (r < 0)
		return r;
	if (p.from >= first) {
		parts[0].from = p.from - first;
		return 0;
	}
	parts[1].from = p.from;
	parts[1].count = p.count < first - p.from ? p.count : first - p.from;
	parts[0].from = 0;
	parts[0].count = p.count - parts[1].count;
	*ret_n = parts[0].count ? 2 : 1;
	if (*ret_n == 1)
		parts[0] = parts[1];
	return 0;
}

/* Hands out a part that has its characters itself; 1: it has not. */
static int put_flat(struct walk *w, const struct part *p, uint32_t type)
{
	const struct v8_layout *l = w->h->l;
	unsigned int width = type & ONE_BYTE ? 1 : 2;
	uint64_t chars = v8_address(p->string) + (uint64_t)l->string_chars;
	int r;

	if ((type & SHAPE_MASK) == SHAPE_EXTERNAL) {
		if (type & UNCACHED)
			return -ENOTSUP;
		r = v8_heap_word(w->h, v8_address(p->string) + (uint64_t)l->external_resource + 8,
				 &chars);
		if (r < 0)
			return r;
	} else if ((type & SHAPE_MASK) != SHAPE_SEQUENTIAL) {
		return 1;
	}
	return put_chars(w, chars + (uint64_t)p->from * width, width, p->count);
}

int v8_string_each(struct v8_heap *h, uint64_t string, uint32_t max,
		   int (*put)(void *arg, const uint8_t *chars, unsigned int width, size_t count),
		   void *arg)
{
	struct walk w = { .h = h, .left = max, .put = put, .arg = arg };
	struct part parts[DEPTH_MAX + 2] = { { .string = string } };
	size_t n = 1, more;
	int r = length_of(h, string, &parts[0].count);

	while (r == 0 && n && w.left) {
		struct part *p = &parts[n - 1];
		uint32_t type = v8_type(h, p->string), length;

		r = length_of(h, p->string, &length);
		if (r < 0)
			break;
		if (p->from > length || p->count > length - p->from)
			return -EPROTO;
		r = put_flat(&w, p, type);
		if (r == 1 && n > DEPTH_MAX)
			return -EPROTO;
		if (r == 1) {
			r = split(h, type & SHAPE_MASK, p, &more);
			n += more - 1;
		} else {
			n--;
		}
	}
	return r;
}

struct text {
	struct str *s;
	uint32_t high; /* first half of a pair; 0: none */
};

static int add_char(struct str *s, uint32_t c)
{
	char out[4];
	size_t len = 0;

	if (c == 0 || (c >= 0xd800 && c <= 0xdfff))
		c = REPLACEMENT;
	if (c < 0x80) {
		out[len++] = (char)c;
	} else if (c < 0x800) {
		out[len++] = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		out[len++] = (char)(0xe0 | c >> 12);
		out[len++] = (char)(0x80 | (c >> 6 & 63));
	} else {
		out[len++] = (char)(0xf0 | c >> 18);
		out[len++] = (char)(0x80 | (c >> 12 & 63));
		out[len++] = (char)(0x80 | (c >> 6 & 63));
	}
	if (c >= 0x80)
		out[len++] = (char)(0x80 | (c & 63));
	return str_add_mem(s, out, len);
}

static int add_unit(struct text *t, uint32_t c)
{
	uint32_t high = t->high;
	int r = 0;

	t->high = 0;
	if (high && c >= 0xdc00 && c <= 0xdfff)
		return add_char(t->s, 0x10000 + ((high - 0xd800) << 10) + (c - 0xdc00));
	if (high)
		r = add_char(t->s, high);
	if (r < 0)
		return r;
	if (c >= 0xd800 && c <= 0xdbff) {
		t->high = c;
		return 0;
	}
	return add_char(t->s, c);
}

static int add_chars(void *arg, const uint8_t *chars, unsigned int width, size_t count)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < count; i++)
		r = add_unit(arg, width == 1 ? chars[i]
					     : (uint32_t)(chars[i * 2] | chars[i * 2 + 1] << 8));
	return r;
}

int v8_string_add(struct v8_heap *h, uint64_t string, uint32_t max, struct str *text)
{
	struct text t = { .s = text };
	int r = v8_string_each(h, string, max, add_chars, &t);

	if (r == 0 && t.high)
		r = add_char(text, t.high);
	return r;
}

/* What is compared: from a place on, as far as it is the same. */
struct compared {
	const char *chars;
	uint32_t at, from;
	bool differs;
};

static int compare(void *arg, const uint8_t *chars, unsigned int width, size_t count)
{
	struct compared *c = arg;

	for (size_t i = 0; i < count; i++, c->at++) {
		uint32_t one = chars[i * width];

		if (width == 2)
			one |= (uint32_t)chars[i * 2 + 1] << 8;
		c->differs |= c->at >= c->from && one != (uint8_t)c->chars[c->at - c->from];
	}
	return 0;
}

bool v8_string_has_before(struct v8_heap *h, uint64_t string, uint32_t at, const char *chars)
{
	struct compared c = { .chars = chars, .from = at - (uint32_t)strlen(chars) };

	return strlen(chars) <= at && v8_string_each(h, string, at, compare, &c) == 0 &&
	       c.at == at && !c.differs;
}
