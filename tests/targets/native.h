/* native.h: what the parts of the native target share: shapes of stacks, and how to rest in one.
 *
 * A shape is a function that stalls below a known list of frames.  All functions of the target
 * begin with n_, so that a frame too many can be told from one of a library.  Knows nothing of
 * stallprof.
 */
#ifndef TESTS_TARGETS_NATIVE_H
#define TESTS_TARGETS_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Functions that stay functions, with the name that they have here. */
#ifdef __clang__
#define KEEP   __attribute__((noinline))
#define BY_ASM __attribute__((noinline, used)) /* called from assembler only */
#else
#define KEEP   __attribute__((noinline, noclone))
#define BY_ASM __attribute__((noinline, noclone, used, externally_visible))
#endif
/* Behind a call, so that it is not the last thing that the function does. */
#define NOT_LAST __asm__ volatile("" ::: "memory")

/* Frames from the innermost of ours to that of the shape, parted by blanks:
 *	name		one frame of that function
 *	name*13		so many of them
 *	?name		one or none
 *	~		any number of frames of libraries, also none
 * Frames of libraries may stand before the first one anyway.  After the last one come those of the
 * loop, except after "/", where the stack has a root of its own. */
struct shape {
	const char *name;
	void (*run)(void);
	const char *stack;
	const char *klass;	/* NULL: a sleep */
	const char *syscall;	/* NULL: clock_nanosleep, or none when klass is not "syscall" */
	bool (*possible)(void); /* NULL: always */
};

/* Each ends with a row without a name.  A part that is not linked is not there. */
extern const struct shape shapes_frames[] __attribute__((weak));
extern const struct shape shapes_signals[] __attribute__((weak));
extern const struct shape shapes_roots[] __attribute__((weak));
extern const struct shape shapes_library[] __attribute__((weak));
extern const struct shape shapes_cxx[] __attribute__((weak));

extern volatile int n_sink;
extern const char *n_libraries[2]; /* paths given by --library */

void n_rest(void);    /* sleeps as long as a stall is */
int n_work(int n);    /* rests below one more frame */
bool n_burning(void); /* true until as much time has passed as a stall takes; asks rarely */

#ifdef __cplusplus
}
#endif

#endif
