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

struct sink {
	char *text;
	size_t len, room;
	bool full;
	jmp_buf out;
};

static void put(const char *piece, size_t len, void *arg)
{
	struct sink *s = arg;

	if (len >= s->room - s->len) {
		s->full = true;
		longjmp(s->out, 1);
	}
	memcpy(s->text + s->len, piece, len);
	s->len += len;
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

int demangle(const char *name, char *ret_text, size_t room)
{
	struct sink s = { .text = ret_text, .room = room };
	char plain[DEMANGLE_INPUT_MAX + 1];
	size_t len = length_without_suffix(name);
	volatile int known = 0;

	if (!demangle_wanted(name))
		return -EINVAL;
	if (len > DEMANGLE_INPUT_MAX)
		return -E2BIG;
	memcpy(plain, name, len);
	plain[len] = '\0';
	if (setjmp(s.out) == 0) {
		known = rust_demangle_callback(plain, DMGL_NO_OPTS, put, &s);
		if (!known) {
			s.len = 0;
			known = plain[1] == 'Z' &&
				cplus_demangle_v3_callback(plain, DMGL_NO_OPTS, put, &s);
		}
	}
	if (s.full)
		return -E2BIG;
	if (!known || !s.len)
		return -EINVAL;
	ret_text[s.len] = '\0';
	return 0;
}
