/* test_unwind_guess.c: stacks with frames left by their frame pointer, looked at again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "capture/unwind_guess.h"

#define BARE  0x1000 /* code without a table, up to TABLE */
#define TABLE 0x2000 /* with one, up to NEW */
#define NEW   0x3000 /* not known */
#define GUESS USER_GUESSED

static enum unwind_code look(void *ctx, uint64_t addr)
{
	(void)ctx;
	if (addr >= BARE && addr < TABLE)
		return UNWIND_CODE_BARE;
	return addr >= TABLE && addr < NEW ? UNWIND_CODE_TABLE : UNWIND_CODE_UNKNOWN;
}

static struct event_stack stack_of(enum unwind_stop stop, const uint64_t *user, unsigned int n)
{
	struct event_stack s = { .n_user = n, .user_stop = stop };

	memcpy(s.user, user, n * sizeof(*user));
	return s;
}

static unsigned int check(struct event_stack *s)
{
	return unwind_guess_check(s, look, NULL);
}

/* All that was left by its frame pointer had nothing else: the outermost frame is one. */
static void test_right(void **state)
{
	const uint64_t user[] = { BARE + 1, (BARE + 2) | GUESS, (TABLE + 1) | GUESS, TABLE + 2 };
	struct event_stack s = stack_of(UNWIND_STOP_GUESSED, user, 4);

	(void)state;
	assert_int_equal(check(&s), 4);
	assert_int_equal(s.user_stop, UNWIND_STOP_ROOT);
	assert_int_equal(check(&s), 4);
	assert_int_equal(s.user_stop, UNWIND_STOP_ROOT);
	s.user_stop = UNWIND_STOP_READ;
	assert_int_equal(check(&s), 4);
	assert_int_equal(s.user_stop, UNWIND_STOP_READ);
	s.user[0] = NEW; /* still nowhere */
	s.user_stop = UNWIND_STOP_GUESSED;
	assert_int_equal(check(&s), 4);
	assert_int_equal(s.user_stop, UNWIND_STOP_GUESSED);
}

/* It was a library: whatever the walk has ended with. */
static void test_wrong(void **state)
{
	const uint64_t user[] = { BARE + 1, (TABLE + 9) | GUESS, (TABLE + 5) | GUESS, TABLE + 2 };
	static const enum unwind_stop stops[] = { UNWIND_STOP_GUESSED, UNWIND_STOP_ROOT,
						  UNWIND_STOP_POINTER };
	struct event_stack s;

	(void)state;
	for (int i = 0; i < 3; i++) {
		s = stack_of(stops[i], user, 4);
		assert_int_equal(check(&s), 1);
		assert_int_equal(s.user_stop, stops[i]);
	}
	unwind_guess_cut(&s, 2, false);
	assert_int_equal(s.n_user, 2);
	assert_int_equal(s.user_stop, UNWIND_STOP_MAPPING);
	assert_int_equal(s.flags, 0);
	/* A return address is behind its call, which may be the last thing in its mapping. */
	s = stack_of(UNWIND_STOP_ROOT, user, 4);
	s.user[1] = NEW | GUESS;
	assert_int_equal(check(&s), 1);
	s.user[1] = TABLE | GUESS;
	assert_int_equal(check(&s), 4);
	s.user[1] = TABLE | GUESS | USER_EXACT;
	assert_int_equal(check(&s), 1);
	s.user[0] = TABLE; /* the innermost is the instruction itself */
	assert_int_equal(check(&s), 0);
	/* Of those that have nothing else it is told already. */
	s.user_stop = UNWIND_STOP_KERNEL;
	assert_int_equal(check(&s), 4);
	s.user_stop = UNWIND_STOP_BUSY;
	assert_int_equal(check(&s), 4);
}

static void put_python(struct event_stack *s, const unsigned int *tags, unsigned int n)
{
	s->n_python = n;
	for (unsigned int i = 0; i < n; i++)
		s->python[i] = (struct interp_frame){ .code = 100 + i, .tag = tags[i] };
}

/* The frames of a machine go with the native ones that they stand for. */
static void test_cut(void **state)
{
	const uint64_t user[] = { BARE, BARE | GUESS, (TABLE + 2) | GUESS, BARE | GUESS };
	const unsigned int tags[] = { 0, 1, 2, 3 };
	struct event_stack s = stack_of(UNWIND_STOP_ROOT, user, 4);

	(void)state;
	put_python(&s, tags, 4);
	assert_int_equal(check(&s), 2);
	unwind_guess_cut(&s, 3, true);
	assert_int_equal(s.n_python, 2);
	assert_int_equal(s.flags, STACK_PYTHON_CUT);
	s = stack_of(UNWIND_STOP_ROOT, user, 4);
	put_python(&s, tags + 2, 2);
	unwind_guess_cut(&s, 3, true);
	assert_int_equal(s.n_python, 0);
	assert_int_equal(s.flags, STACK_PYTHON_LOST);
	s = stack_of(UNWIND_STOP_ROOT, user, 4);
	put_python(&s, tags, 4);
	unwind_guess_cut(&s, 4, true);
	assert_int_equal(s.n_python, 4);
	assert_int_equal(s.user_stop, UNWIND_STOP_ROOT);
}

/* Walked anew from user[1], a library, into the machine's frames that the guess had found, too. */
static void test_replace(void **state)
{
	const uint64_t old[] = { BARE, (TABLE + 1) | GUESS, (BARE + 2) | GUESS, BARE | GUESS, 9 };
	const uint64_t new[] = { BARE, (TABLE + 1) | GUESS, TABLE + 2, BARE + 2, BARE | GUESS, 9 };
	const unsigned int tags[] = { 0, 1, 2, 3 };
	struct event_stack before = stack_of(UNWIND_STOP_GUESSED, old, 5);
	struct event_stack s = stack_of(UNWIND_STOP_ROOT, new, 6);

	(void)state;
	put_python(&before, tags, 4);
	put_python(&s, tags, 4);
	unwind_guess_replace(&s, &before, 2);
	assert_int_equal(s.n_python, 3); /* a library's frame is none of them */
	assert_int_equal(s.flags, 0);
	assert_int_equal(s.python[0].tag, 0);
	assert_int_equal(s.python[1].tag, 3);
	assert_int_equal(s.python[1].code, 102);
	assert_int_equal(s.python[2].tag, 4);
	/* The machine had frames between, which nobody has noted. */
	s = stack_of(UNWIND_STOP_ROOT, new, 6);
	s.user[3] |= GUESS;
	put_python(&s, tags, 4);
	unwind_guess_replace(&s, &before, 2);
	assert_int_equal(s.n_python, 3);
	assert_int_equal(s.flags, STACK_PYTHON_CUT);
	/* The guess had led elsewhere, or the copy ends. */
	s = stack_of(UNWIND_STOP_ROOT, new, 6);
	s.user[5]++;
	put_python(&s, tags, 4);
	unwind_guess_replace(&s, &before, 2);
	assert_int_equal(s.n_python, 1);
	assert_int_equal(s.flags, STACK_PYTHON_CUT);
	s = stack_of(UNWIND_STOP_SHORT, new, 4);
	put_python(&s, tags, 4);
	before.python[0].tag = 1;
	unwind_guess_replace(&s, &before, 2);
	assert_int_equal(s.n_python, 0);
	assert_int_equal(s.flags, STACK_PYTHON_LOST);
}

/* Nothing was guessed: the walk had ended, and goes on. */
static void test_go_on(void **state)
{
	const uint64_t user[] = { TABLE, TABLE + 1, TABLE + 2, BARE, BARE | GUESS };
	struct event_stack before = stack_of(UNWIND_STOP_MAPPING, user, 2);
	struct event_stack s = stack_of(UNWIND_STOP_ROOT, user, 4);

	(void)state;
	unwind_guess_replace(&s, &before, 2);
	assert_int_equal(s.flags, 0);
	s = stack_of(UNWIND_STOP_ROOT, user, 5);
	unwind_guess_replace(&s, &before, 2);
	assert_int_equal(s.flags, STACK_PYTHON_LOST);
	before.n_user = 4;
	s = stack_of(UNWIND_STOP_ROOT, user, 5);
	unwind_guess_replace(&s, &before, 4);
	assert_int_equal(s.flags, STACK_PYTHON_LOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right), cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_cut),   cmocka_unit_test(test_replace),
		cmocka_unit_test(test_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
