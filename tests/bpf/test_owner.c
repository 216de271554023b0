/* test_owner.c: who holds the GIL that a thread waits for, read from an image of an interpreter in
 * this program's own memory, and how waits with owners become parts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/bpf/account.h"

#include "account.skel.h"

#include "tests/bpf/account_fixture.h"

#define FRAMES	 41
#define POINTER	 0x7f00dead1000ULL /* thread pointer of the holder */
#define HOLDER	 4243
#define MIN_PART 1000000ULL
#define SLICE	 5000000ULL

struct thread_id_key {
	uint64_t pointer;
	uint32_t tgid;
	uint32_t pad;
};

/* Frames of 32 bytes: code, link, position. */
struct frame {
	uint64_t code, prev, ip, shim;
};

static struct {
	uint64_t interval, holder;
	int32_t locked;
	uint64_t switches;
} gil;

static struct {
	uint64_t head, pointer;
} state;

static uint64_t own_state; /* of this thread */

static struct frame frames[FRAMES];
static uint64_t codes[FRAMES][2];

static void plan_set(struct account *a)
{
	uint32_t tgid = getpid();
	struct proc_conf conf = {
		.min_part = MIN_PART,
		.plan = {
			.enabled = 1,
			.slot_off = (uintptr_t)&own_state - (uintptr_t)__builtin_thread_pointer(),
			.frame_size = sizeof(struct frame),
			.frame_prev = offsetof(struct frame, prev),
			.frame_ip = offsetof(struct frame, ip),
			.code_mask = ~0ULL,
			.state_thread = 8,
			.gil = { 0, (uintptr_t)&gil },
			.gil_size = sizeof(gil),
			.gil_holder = 8,
			.gil_locked = 16,
			.gil_switches = 24,
		},
	};

	assert_int_equal(bpf_map__update_elem(a->bpf->maps.procs, &tgid, sizeof(tgid), &conf,
					      sizeof(conf), BPF_ANY),
			 0);
}

/* The GIL is held by a thread with so many frames, whose number is known. */
static void image(struct account *a, unsigned int n)
{
	struct thread_id_key key = { .pointer = POINTER, .tgid = getpid() };
	uint32_t tid = HOLDER;

	account_reset(a);
	a->loop->min_part = MIN_PART;
	a->loop->stats.head.tgid = getpid();
	plan_set(a);
	for (unsigned int i = 0; i < n; i++) {
		frames[i].code = (uintptr_t)codes[i];
		frames[i].ip = (uintptr_t)codes[i] + 2 * i;
		frames[i].prev = i + 1 < n ? (uintptr_t)&frames[i + 1] : 0;
	}
	own_state = 0;
	state.head = n ? (uintptr_t)frames : 0;
	state.pointer = POINTER;
	gil.holder = (uintptr_t)&state;
	gil.locked = 1;
	assert_int_equal(bpf_map__update_elem(a->bpf->maps.thread_ids, &key, sizeof(key), &tid,
					      sizeof(tid), BPF_ANY),
			 0);
	a->bpf->bss->door.id = (uintptr_t)&gil;
	a->bpf->bss->door.kind = 1;
}

static const struct wait_owner *find(struct account *a)
{
	struct wait_owner *owner = &a->loop->pending.owner;

	memset(owner, 0, sizeof(*owner));
	RUN(a, holder_find);
	return owner;
}

/* The holder's number and frames are found, and its body has them, once, and nothing else. */
static void test_holder(void **state_)
{
	struct account *a = *state_;
	const struct event_stack *e = NULL;
	const struct wait_owner *owner;

	image(a, 7);
	owner = find(a);
	RUN(a, holder_settle);
	assert_int_equal(owner->role, OWNER_HOLDER);
	assert_int_equal(owner->tid, HOLDER);
	assert_int_equal(owner->tgid, 0);
	assert_true(owner->stack != 0);
	RUN(a, holder_send);
	RUN(a, holder_send);
	assert_int_equal(events_of(a, EVENT_STACK, (const void **)&e), 1);
	assert_true(e->hash == owner->stack);
	assert_int_equal(e->head.tgid, getpid());
	assert_int_equal(e->head.tid, HOLDER);
	assert_int_equal(e->head.size, offsetof(struct event_stack, python) + 7 * 16);
	assert_int_equal(e->n_kernel + e->n_user, 0);
	assert_int_equal(e->flags, STACK_PYTHON);
	assert_int_equal(e->n_python, 7);
	for (unsigned int i = 0; i < 7; i++) {
		assert_int_equal(e->python[i].code & ~1ULL, (uintptr_t)codes[i]);
		assert_int_equal(e->python[i].off, 2 * i);
	}
}

/* As many frames as there is room for are a whole stack; one more is cut off, and it is said. */
static void test_holder_deep(void **state_)
{
	struct account *a = *state_;

	image(a, HOLDER_FRAMES_MAX);
	assert_true(find(a)->stack != 0);
	assert_int_equal(a->loop->holder.n_frames, HOLDER_FRAMES_MAX);
	assert_int_equal(a->loop->holder.flags, STACK_PYTHON);
	image(a, HOLDER_FRAMES_MAX + 1);
	assert_true(find(a)->stack != 0);
	assert_int_equal(a->loop->holder.n_frames, HOLDER_FRAMES_MAX);
	assert_int_equal(a->loop->holder.flags, STACK_PYTHON | STACK_PYTHON_CUT);
	image(a, 0);
	assert_int_equal(find(a)->stack, 0);
	assert_int_equal(find(a)->tid, HOLDER);
}

/* What is deep costs more of the budget of captures: the holder's frames all, the thread's own from
 * the 33rd on. */
static void test_budget(void **state_)
{
	struct account *a = *state_;
	uint64_t now = 1000000000, one = 100000, full = now - 64 * one;

	image(a, 31);
	find(a);
	assert_int_equal(a->loop->tokens_at, 31 * 3000);
	image(a, 41);
	own_state = (uintptr_t)&state;
	a->bpf->bss->door.klass = CLASS_SYSCALL;
	a->bpf->bss->door.now = now;
	RUN(a, wait_begin);
	assert_int_equal(a->loop->stack.n_python, 41);
	assert_int_equal(a->loop->tokens_at, full + one + (9 + a->loop->stack.n_user / 2) * 3000);
}

/* Between two owners nobody has it, though the last one's name is still there; before the first,
 * and for the waiter's own, nothing is said; a thread that was never seen has no number. */
static void test_holder_none(void **state_)
{
	struct account *a = *state_;
	struct thread_id_key key = { .pointer = POINTER, .tgid = getpid() };

	image(a, 7);
	gil.locked = 0;
	assert_int_equal(find(a)->role, OWNER_FREE);
	assert_int_equal(find(a)->tid, 0);
	assert_int_equal(find(a)->stack, 0);
	gil.locked = -1;
	assert_int_equal(find(a)->role, OWNER_NONE);
	gil.locked = 1;
	gil.holder = 8;
	assert_int_equal(find(a)->role, OWNER_NONE);
	gil.holder = (uintptr_t)&state;
	state.pointer = (uintptr_t)__builtin_thread_pointer();
	assert_int_equal(find(a)->role, OWNER_NONE);
	state.pointer = POINTER;
	bpf_map__delete_elem(a->bpf->maps.thread_ids, &key, sizeof(key), 0);
	assert_int_equal(find(a)->role, OWNER_HOLDER);
	assert_int_equal(find(a)->tid, 0);
	assert_true(find(a)->stack != 0);
	a->bpf->bss->door.kind = 0; /* the budget is used up */
	assert_int_equal(find(a)->role, OWNER_HOLDER);
	assert_int_equal(find(a)->stack, 0);
}

/* What has changed while it was read is dropped: frames when the head moved or the lock was let go,
 * the number as well when another has it now. */
static void test_holder_unstable(void **state_)
{
	struct account *a = *state_;
	const struct wait_owner *owner;

	image(a, 7);
	owner = find(a);
	RUN(a, holder_settle);
	assert_true(owner->stack != 0);
	state.head = (uintptr_t)&frames[1];
	RUN(a, holder_settle);
	assert_int_equal(owner->stack, 0);
	assert_int_equal(owner->tid, HOLDER);
	RUN(a, holder_send);
	assert_int_equal(events_of(a, EVENT_STACK, NULL), 0);

	image(a, 7);
	find(a);
	gil.locked = 0;
	RUN(a, holder_settle);
	assert_int_equal(owner->stack, 0);
	assert_int_equal(owner->tid, HOLDER);

	image(a, 7);
	find(a);
	gil.holder += 8;
	RUN(a, holder_settle);
	assert_int_equal(owner->stack, 0);
	assert_int_equal(owner->tid, 0);
	assert_int_equal(owner->role, OWNER_HOLDER);
}

/* Adds a wait with that owner; returns its part. */
static int64_t add(struct account *a, uint32_t klass, uint32_t role, uint32_t tid, uint64_t stack)
{
	struct wait_owner *owner = &a->loop->pending.owner;

	a->loop->pending.klass = klass;
	a->loop->pending.count = 1;
	owner->role = role;
	owner->tid = tid;
	owner->stack = stack;
	a->bpf->bss->door.ns = 100;
	RUN(a, part_add);
	return (int64_t)a->bpf->bss->door.out;
}

/* Waits for the GIL and for locks are told apart by who had them; of other waits the last known
 * waker stays. */
static void test_part_owner(void **state_)
{
	struct account *a = *state_;
	struct event_stall *s = &a->loop->stall;

	account_reset(a);
	assert_int_equal(add(a, CLASS_GIL, OWNER_HOLDER, 11, 101), 0);
	assert_int_equal(add(a, CLASS_GIL, OWNER_HOLDER, 11, 103), 1);
	assert_int_equal(add(a, CLASS_GIL, OWNER_HOLDER, 13, 103), 2);
	assert_int_equal(add(a, CLASS_GIL, OWNER_FREE, 0, 0), 3);
	assert_int_equal(add(a, CLASS_GIL, OWNER_HOLDER, 11, 103), 1);
	assert_int_equal(add(a, CLASS_LOCK, OWNER_WAKER, 11, 103), 4);
	assert_int_equal(add(a, CLASS_LOCK, OWNER_WAKER, 11, 0), 5);
	assert_int_equal(add(a, CLASS_LOCK, OWNER_WAKER, 11, 103), 4);
	assert_int_equal(add(a, CLASS_SYSCALL, OWNER_NONE, 0, 0), 6);
	assert_int_equal(add(a, CLASS_SYSCALL, OWNER_WAKER, 17, 0), 6);
	assert_int_equal(s->parts[6].owner.tid, 17);
	assert_int_equal(add(a, CLASS_SYSCALL, OWNER_WAKER, 19, 0), 6);
	assert_int_equal(add(a, CLASS_SYSCALL, OWNER_NONE, 0, 0), 6);
	assert_int_equal(s->parts[6].owner.tid, 19);
	assert_int_equal(s->parts[6].count, 4);
	assert_int_equal(s->parts[6].episodes, 4);
}

/* When all parts are taken, a wait for the GIL goes to one with the same owner, which then has no
 * stack; and the next one there, too.  An owner that has no part drops the smallest. */
static void test_part_owner_full(void **state_)
{
	struct account *a = *state_;
	struct event_stall *s = &a->loop->stall;
	unsigned int bare = 0;
	int64_t at;

	account_reset(a);
	for (unsigned int i = 0; i < STALL_PARTS_MAX; i++)
		assert_int_equal(add(a, CLASS_GIL, OWNER_HOLDER, i < 23 ? 11 : 13, 100 + i), i);
	for (unsigned int i = 0; i < 23; i++)
		s->parts[i].ns += i == 7 ? 0 : 13;
	at = add(a, CLASS_GIL, OWNER_HOLDER, 11, 1);
	assert_int_equal(at, 7);
	assert_int_equal(add(a, CLASS_GIL, OWNER_HOLDER, 11, 3), at);
	assert_int_equal(s->parts[at].count, 3);
	assert_int_equal(s->parts[at].ns, 300);
	for (unsigned int i = 0; i < STALL_PARTS_MAX; i++)
		bare += !s->parts[i].owner.stack;
	assert_int_equal(bare, 1);
	assert_int_equal(s->dropped, 0);
	assert_int_equal(add(a, CLASS_GIL, OWNER_HOLDER, 17, 1), -1);
	a->loop->pending.stack = 5; /* of the waiter: never mixed */
	assert_int_equal(add(a, CLASS_GIL, OWNER_HOLDER, 11, 1), -1);
	assert_int_equal(s->dropped, 2);
	a->loop->pending.stack = 0;
	assert_int_equal(add(a, CLASS_SYSCALL, OWNER_HOLDER, 11, 1), -1);
}

/* Waits from `at` for `ns`; returns when it ended. */
static uint64_t wait_for(struct account *a, uint32_t klass, uint64_t at, uint64_t ns)
{
	a->bpf->bss->door.klass = klass;
	a->bpf->bss->door.syscall = klass == CLASS_RUNQUEUE ? -1 : 202;
	a->bpf->bss->door.now = at;
	RUN(a, wait_begin);
	a->bpf->bss->door.now = at + ns;
	RUN(a, wait_end);
	return at + ns;
}

static void sum(const struct account *a, uint32_t *ret_count, uint32_t *ret_episodes)
{
	const struct event_stall *s = &a->loop->stall;

	*ret_count = *ret_episodes = 0;
	for (unsigned int i = 0; i < s->n_parts; i++) {
		if (s->parts[i].klass != CLASS_GIL)
			continue;
		*ret_count += s->parts[i].count;
		*ret_episodes += s->parts[i].episodes;
	}
}

/* Slices with only the wake-up between them are one wait, whoever holds the GIL; being preempted
 * does not end it; any other wait does, and so does running. */
static void test_episodes(void **state_)
{
	struct account *a = *state_;
	uint32_t count, episodes;
	uint64_t t;

	image(a, 3);
	a->bpf->bss->door.now = 1000000000;
	RUN(a, period_start);
	t = wait_for(a, CLASS_GIL, 1000001000, SLICE); /* first */
	for (unsigned int i = 0; i < 6; i++)
		t = wait_for(a, CLASS_GIL, t + 30000, SLICE);
	gil.locked = 0;
	t = wait_for(a, CLASS_GIL, t + 99999, SLICE);
	sum(a, &count, &episodes);
	assert_int_equal(count, 8);
	assert_int_equal(episodes, 1);
	t = wait_for(a, CLASS_GIL, t + 100000, SLICE); /* second */
	t = wait_for(a, CLASS_RUNQUEUE, t + 50000, 7 * SLICE);
	t = wait_for(a, CLASS_GIL, t + 49999, SLICE);
	t = wait_for(a, CLASS_RUNQUEUE, t + 50000, 7 * SLICE);
	t = wait_for(a, CLASS_GIL, t + 50000, SLICE); /* third */
	t = wait_for(a, CLASS_LOCK, t + 10, SLICE);
	t = wait_for(a, CLASS_GIL, t + 10, SLICE); /* fourth */
	sum(a, &count, &episodes);
	assert_int_equal(count, 12);
	assert_int_equal(episodes, 4);
	gil.switches += 1; /* another got it first */
	t = wait_for(a, CLASS_GIL, t + 10, SLICE);
	sum(a, &count, &episodes);
	assert_int_equal(episodes, 4);
	gil.switches += 2;			   /* we did, for a moment */
	t = wait_for(a, CLASS_GIL, t + 10, SLICE); /* fifth */
	sum(a, &count, &episodes);
	assert_int_equal(count, 14);
	assert_int_equal(episodes, 5);
	for (unsigned int i = 0; i < a->loop->stall.n_parts; i++)
		if (a->loop->stall.parts[i].klass != CLASS_GIL)
			assert_int_equal(a->loop->stall.parts[i].episodes,
					 a->loop->stall.parts[i].count);
	assert_int_equal(a->loop->gil_until, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holder),	    cmocka_unit_test(test_holder_deep),
		cmocka_unit_test(test_holder_none), cmocka_unit_test(test_holder_unstable),
		cmocka_unit_test(test_part_owner),  cmocka_unit_test(test_part_owner_full),
		cmocka_unit_test(test_episodes),    cmocka_unit_test(test_budget),
	};

	return cmocka_run_group_tests(tests, account_open, account_close);
}
