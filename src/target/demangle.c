/* demangle.c: see demangle.h.
 *
 * libiberty hands its result out piece by piece and cannot be told to stop; where that must end
 * early it is left by a long jump, which it survives: it keeps nothing but its stack.
 */
#include "target/demangle.h"

#include <errno.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <libiberty/demangle.h>

#define SEEN_MAX (256u << 10) /* bytes of a name looked at to shorten it */
#define DEEP	 2	      /* this deep in angle brackets a long name is cut */

struct sink {
	char *text;
	size_t len, room;
	jmp_buf out;
	/* of a name that is shortened */
	size_t seen;
	int depth;
	bool odd;    /* the brackets do not match */
	size_t word; /* so many letters of "operator" were just seen */
	char last;
};

static void put(const char *piece, size_t len, void *arg)
{
	struct sink *s = arg;

	if (len >= s->room - s->len)
		longjmp(s->out, 1);
	if (len) /* the piece may be NULL otherwise */
		memcpy(s->text + s->len, piece, len);
	s->len += len;
}

/* Whether the byte belongs to the name of an operator, such as "operator<<". */
static bool in_operator(struct sink *s, char c)
{
	static const char word[] = "operator";

	if (s->word == sizeof(word) - 1)
		s->word = c && strchr("<>=-", c) ? s->word : c == word[0];
	else
		s->word = c == word[s->word] ? s->word + 1 : c == word[0];
	return s->word == sizeof(word) - 1 && c != 'r';
}

static void put_one(struct sink *s, char c)
{
	bool plain = in_operator(s, c), open = c == '<' && !plain,
	     close = c == '>' && !plain && s->last != '-';

	s->last = c;
	if (++s->seen > SEEN_MAX)
		longjmp(s->out, 1);
	if (open && ++s->depth == DEEP)
		put("<...", 4, s);
	else if (s->depth < DEEP || (close && s->depth == DEEP))
		put(&c, 1, s);
	if (close && --s->depth < 0)
		s->odd = true;
}

static void put_shortened(const char *piece, size_t len, void *arg)
{
	size_t i;

	for (i = 0; i < len; i++)
		put_one(arg, piece[i]);
}

bool demangle_wanted(const char *name)
{
	return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R');
}

/* Some compilers append what they did to a function: "name.llvm.123", "name.cold". */
static size_t length_without_suffix(const char *name)
{
	const char *suffix = strstr(name, ".llvm.");

	return suffix ? (size_t)(suffix - name) : strlen(name);
}

static int work_out(const char *name, demangle_callbackref fn, struct sink *s)
{
	if (setjmp(s->out))
		return -E2BIG;
	if (!rust_demangle_callback(name, DMGL_NO_OPTS, fn, s)) {
		*s = (struct sink){ .text = s->text, .room = s->room };
		if (name[1] != 'Z' || setjmp(s->out))
			return name[1] != 'Z' ? -EINVAL : -E2BIG;
		if (!cplus_demangle_v3_callback(name, DMGL_NO_OPTS, fn, s))
			return -EINVAL;
	}
	return s->len ? 0 : -EINVAL;
}

int demangle(const char *name, char *ret_text, size_t room)
{
	struct sink s = { .text = ret_text, .room = room };
	char plain[DEMANGLE_INPUT_MAX + 1];
	size_t len = length_without_suffix(name);
	int r;

	if (!demangle_wanted(name))
		return -EINVAL;
	if (len > DEMANGLE_INPUT_MAX)
		return -E2BIG;
	memcpy(plain, name, len);
	plain[len] = '\0';
	r = work_out(plain, put, &s);
	if (r == -E2BIG) {
		s = (struct sink){ .text = ret_text, .room = room };
		r = work_out(plain, put_shortened, &s);
	}
	if (r == 0 && (s.odd || s.depth))
		r = -E2BIG;
	if (r == 0)
		ret_text[s.len] = '\0';
	return r;
}
