/* unwind_guess.c: see unwind_guess.h. */
#include "capture/unwind_guess.h"

bool unwind_guess_at(const struct event_stack *s, unsigned int i)
{
	return s->user_stop != UNWIND_STOP_KERNEL && s->user_stop != UNWIND_STOP_BUSY &&
	       i + 1 < s->n_user && i + 1 < STACK_USER_MAX && s->user[i + 1] & USER_GUESSED;
}

uint64_t unwind_guess_code(const struct event_stack *s, unsigned int i)
{
	bool exact = i == 0 || s->user[i] & USER_EXACT;

	return USER_ADDRESS(s->user[i]) - !exact;
}

unsigned int unwind_guess_check(struct event_stack *s, unwind_guess_look *look, void *ctx)
{
	bool unknown = false;

	for (unsigned int i = 0; i < s->n_user; i++) {
		enum unwind_code code;

		if (!unwind_guess_at(s, i))
			continue;
		code = look(ctx, unwind_guess_code(s, i));
		if (code == UNWIND_CODE_TABLE)
			return i;
		unknown |= code == UNWIND_CODE_UNKNOWN;
	}
	if (s->user_stop == UNWIND_STOP_GUESSED && !unknown)
		s->user_stop = UNWIND_STOP_ROOT;
	return s->n_user;
}

/* Some of the interpreter's frames are not there. */
static void lack(struct event_stack *s)
{
	s->flags |= s->n_python ? STACK_PYTHON_CUT : STACK_PYTHON_LOST;
}

void unwind_guess_cut(struct event_stack *s, unsigned int n, bool placed)
{
	if (n >= s->n_user)
		return;
	s->n_user = n;
	s->user_stop = UNWIND_STOP_MAPPING;
	if (!placed)
		return;
	while (s->n_python && s->python[s->n_python - 1].tag + 1 >= n)
		s->n_python--;
	lack(s);
}

/* Both end with the same n frames, however they were found. */
static bool same_end(const struct event_stack *a, const struct event_stack *b, unsigned int n)
{
	if (a->n_user < b->n_user)
		return false;
	for (unsigned int i = 1; i <= n; i++)
		if (USER_ADDRESS(a->user[a->n_user - i]) != USER_ADDRESS(b->user[b->n_user - i]))
			return false;
	return true;
}

/* A frame that only the newer walk has is one that an interpreter may have had. */
static bool left_by_pointer(const struct event_stack *s, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++)
		if (unwind_guess_at(s, i))
			return true;
	return false;
}

void unwind_guess_replace(struct event_stack *s, const struct event_stack *before, unsigned int at)
{
	unsigned int tail = before->n_user - at, kept = 0;
	bool same = same_end(s, before, tail);

	for (unsigned int i = 0; i < s->n_python; i++) {
		struct interp_frame f = before->python[i];

		if (f.tag >= at ? !same : f.tag + 1 == at && !unwind_guess_at(s, f.tag))
			continue;
		if (f.tag >= at)
			f.tag += s->n_user - before->n_user;
		s->python[kept++] = f;
	}
	s->n_python = (uint16_t)kept;
	if (!same || left_by_pointer(s, tail ? at : at - 1, s->n_user - tail))
		lack(s);
}
