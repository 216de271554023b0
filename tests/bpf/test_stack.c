/* test_stack.c: a stack is known again by its hash, and its body sent once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/bpf/account.h"

#include "account.skel.h"

#include "tests/bpf/account_fixture.h"

/* A stack with another address anywhere, another part's length or another process has another hash.
 */
static void test_stack_hash(void **state)
{
	struct account *a = *state;
	struct event_stack *s = &a->loop->stack;
	uint64_t first;

	account_reset(a);
	s->n_kernel = 3;
	s->n_user = 5;
	s->n_python = 7;
	for (int i = 0; i < 7; i++) {
		s->kernel[i] = 0xffffffff81000000 + i;
		s->user[i] = 0x7f0000000000 + i;
		s->python[i].code = 0x560000000000 + i;
	}
	RUN(a, hash);
	first = a->bpf->bss->door.out;
	assert_true(first != 0);
	s->head.ts = 1;
	s->kernel[3]++; /* beyond the end */
	RUN(a, hash);
	assert_int_equal(a->bpf->bss->door.out, first);
	for (int i = 0; i < 7; i++) {
		__u64 *words[] = { &s->kernel[i % 3], &s->user[i % 5], &s->python[i].code };

		for (int k = 0; k < 3; k++) {
			*words[k] ^= 1ULL << (i * 7);
			RUN(a, hash);
			assert_int_not_equal(a->bpf->bss->door.out, first);
			*words[k] ^= 1ULL << (i * 7);
		}
	}
	s->python[6].off = 1;
	RUN(a, hash);
	assert_int_not_equal(a->bpf->bss->door.out, first);
	s->python[6].off = 0;
	s->head.tgid = 1;
	RUN(a, hash);
	assert_int_not_equal(a->bpf->bss->door.out, first);
	s->head.tgid = 0;
	s->user_stop = UNWIND_STOP_ROOT; /* whole, or only as far as it could be walked */
	RUN(a, hash);
	assert_int_not_equal(a->bpf->bss->door.out, first);
}

static int known(struct account *a, uint64_t hash)
{
	uint8_t one = 0;

	bpf_map_lookup_elem(bpf_map__fd(a->bpf->maps.bodies), &hash, &one);
	return one;
}

/* A body is sent once for its hash, cut to the frames that it has; hash 0 is none. */
static void test_stack_send(void **state)
{
	struct account *a = *state;
	struct event_stack *s = &a->loop->stack;
	const struct event_stack *e = NULL;

	account_reset(a);
	s->head.kind = EVENT_STACK;
	RUN(a, stack_send);
	assert_int_equal(events_of(a, EVENT_STACK, NULL), 0);
	s->hash = 4711;
	s->n_python = 2;
	RUN(a, stack_send);
	RUN(a, stack_send);
	assert_int_equal(events_of(a, EVENT_STACK, (const void **)&e), 1);
	assert_int_equal(e->head.size, offsetof(struct event_stack, python) + 2 * 16);
	s->hash = 4712;
	RUN(a, stack_send);
	assert_int_equal(events_of(a, EVENT_STACK, NULL), 2);
	assert_int_equal(known(a, 4712), 1);
	s->hash = 4713;
	s->flags = STACK_USER_MORE; /* user space finds its end: no other has this hash */
	RUN(a, stack_send);
	assert_int_equal(events_of(a, EVENT_STACK, NULL), 3);
	assert_int_equal(known(a, 4713), 0);
	RUN(a, stack_send); /* the next wait was too short for a stack of its own */
	assert_int_equal(events_of(a, EVENT_STACK, NULL), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stack_hash),
		cmocka_unit_test(test_stack_send),
	};

	return cmocka_run_group_tests(tests, account_open, account_close);
}
