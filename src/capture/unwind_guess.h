/* unwind_guess.h: frames that were left by their frame pointer, looked at again by what is known
 * of their code now.
 *
 * Owns which part of a stack rests on a wrong guess, and what becomes of an interpreter's frames
 * when that part is walked anew.  Pure: must not know processes, tables or libbpf.
 */
#ifndef STALLPROF_CAPTURE_UNWIND_GUESS_H
#define STALLPROF_CAPTURE_UNWIND_GUESS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/event.h"

enum unwind_code {
	UNWIND_CODE_UNKNOWN, /* lies in no mapping, or its table is not there yet */
	UNWIND_CODE_BARE,    /* its frame pointer is all there is */
	UNWIND_CODE_TABLE,   /* a table says how to leave it */
};

/* What stands at the address. */
typedef enum unwind_code unwind_guess_look(void *ctx, uint64_t addr);

/* Whether user[i] was left by its frame pointer; not in a stack that has nothing else. */
bool unwind_guess_at(const struct event_stack *s, unsigned int i);
/* The instruction at which the frame of user[i] stands. */
uint64_t unwind_guess_code(const struct event_stack *s, unsigned int i);

/* The first frame that must not have been left so; n_user: there is none, and a stack of which
 * nothing but a guess was missing to the outermost frame has it if all were right. */
unsigned int unwind_guess_check(struct event_stack *s, unwind_guess_look *look, void *ctx);

/* Only the first n addresses are certain: a table says how to leave the last of them.  `placed`:
 * interpreter frames stand for the native ones that their tags say. */
void unwind_guess_cut(struct event_stack *s, unsigned int n, bool placed);

/* `s` was walked on from user[at - 1], after which `before` had gone wrong or ended: placed
 * interpreter frames stay with the native ones that both have, up to the outermost. */
void unwind_guess_replace(struct event_stack *s, const struct event_stack *before, unsigned int at);

#endif
