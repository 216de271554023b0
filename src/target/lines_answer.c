/* lines_answer.c: see lines_answer.h.
 *
 * A chain is u32 count, then per place u32 line, u32 length of the name, u32 length of the path,
 * and both texts, each with its NUL.
 */
#include "target/lines_answer.h"

#include <errno.h>
#include <string.h>

static int put_u32(struct str *s, uint32_t v)
{
	return str_add_mem(s, &v, sizeof(v));
}

static size_t chain_size(const struct line_chain *chain)
{
	size_t size = 4, i;

	for (i = 0; i < chain->count; i++)
		size += 14 + strlen(chain->places[i].fn) + strlen(chain->places[i].file);
	return size;
}

int lines_answer_put(struct str *s, const struct line_chain *chain)
{
	/* room for an empty chain of each address stays */
	bool fits = chain->count <= LINES_DEPTH_MAX &&
		    s->len + chain_size(chain) + 4 * LINES_BATCH_MAX <= LINES_ANSWER_MAX;
	size_t count = fits ? chain->count : 0, i;
	int r = put_u32(s, (uint32_t)count);

	for (i = 0; r == 0 && i < count; i++) {
		const struct line_place *p = &chain->places[i];
		size_t fn = strlen(p->fn), file = strlen(p->file);

		r = put_u32(s, p->line);
		r = r < 0 ? r : put_u32(s, (uint32_t)fn);
		r = r < 0 ? r : put_u32(s, (uint32_t)file);
		r = r < 0 ? r : str_add_mem(s, p->fn, fn + 1);
		r = r < 0 ? r : str_add_mem(s, p->file, file + 1);
	}
	return r;
}

static int get_u32(struct lines_cursor *c, uint32_t *ret)
{
	if (c->end - c->at < (ptrdiff_t)sizeof(*ret))
		return -EIO;
	memcpy(ret, c->at, sizeof(*ret));
	c->at += sizeof(*ret);
	return 0;
}

/* A text of that length, with its NUL and no other. */
static int get_text(struct lines_cursor *c, uint32_t len, const char **ret)
{
	if (len > LINES_TEXT_MAX || c->end - c->at < (ptrdiff_t)len + 1 ||
	    memchr(c->at, '\0', len + 1) != c->at + len)
		return -EIO;
	*ret = c->at;
	c->at += len + 1;
	return 0;
}

int lines_answer_get(struct lines_cursor *c, struct line_chain *ret_chain)
{
	uint32_t count, fn, file, i;
	int r = get_u32(c, &count);

	if (r < 0 || count > LINES_DEPTH_MAX)
		return -EIO;
	for (i = 0; r == 0 && i < count; i++) {
		struct line_place *p = &ret_chain->places[i];

		r = get_u32(c, &p->line);
		r = r < 0 ? r : get_u32(c, &fn);
		r = r < 0 ? r : get_u32(c, &file);
		r = r < 0 ? r : get_text(c, fn, &p->fn);
		r = r < 0 ? r : get_text(c, file, &p->file);
	}
	ret_chain->count = r < 0 ? 0 : count;
	return r;
}
