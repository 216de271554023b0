/* test_unwind_replaced.c: the mappings of a process are replaced while its stack is walked by them,
 * and their memory becomes that of another process's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "tests/bpf/unwind_door.h"

#include "unwind.skel.h"

#include "tests/bpf/unwind_truth.h"

#define WALKS 20011

static int cpus[2]; /* of walks, of what comes between */
static bool done;

static bool two_cpus(void)
{
	cpu_set_t set;
	int n = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[n++] = cpu;
	return n == 2;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

/* Ours as it is, and that of another process, whose code lies elsewhere. */
static void *replace(void *unused)
{
	int procs = bpf_map__fd(self->bpf->maps.unwind_procs);
	uint32_t tgids[2] = { getpid(), 1 };
	struct unwind_proc *entries = malloc(2 * sizeof(*entries));

	(void)unused;
	assert_non_null(entries);
	pin(cpus[1]);
	memcpy(&entries[0], self->proc, sizeof(*entries));
	memcpy(&entries[1], self->proc, sizeof(*entries));
	for (uint32_t i = 0; i < entries[1].n; i++)
		entries[1].map[i].bias += 1 << 12;
	for (uint64_t i = 0; !__atomic_load_n(&done, __ATOMIC_RELAXED); i++) {
		entries[i % 2].serial = i + 1;
		bpf_map_update_elem(procs, &tgids[i % 2], &entries[i % 2], BPF_ANY);
	}
	bpf_map_delete_elem(procs, &tgids[1]);
	free(entries);
	return NULL;
}

/* Each is the right one, or nothing but the innermost frame, which needs no table. */
PLAIN static int walk_many(int x)
{
	uint16_t n = 0, whole = 0;

	for (int i = 0; i < WALKS; i++) {
		run(self->bpf->progs.door_walk);
		look(UNWIND_SLOT_DOOR);
		if (taken.user_stop == UNWIND_STOP_MAPPING) {
			assert_int_equal(taken.n_user, 1);
			continue;
		}
		assert_int_equal(taken.user_stop, UNWIND_STOP_ROOT);
		n = n ? n : taken.n_user;
		assert_int_equal(taken.n_user, n);
		whole |= 1;
	}
	assert_int_equal(whole, 1);
	return x + 1;
}

static void test_replaced(void **state)
{
	pthread_t thread;
	cpu_set_t before;

	self = *state;
	if (!two_cpus())
		skip();
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	unwind_publish(self);
	deep(67, take);
	check_callers();
	assert_int_equal(pthread_create(&thread, NULL, replace, NULL), 0);
	pin(cpus[0]);
	deep(67, walk_many);
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	sched_setaffinity(0, sizeof(before), &before);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_replaced) };

	return cmocka_run_group_tests(tests, unwind_test_open, unwind_test_close);
}
