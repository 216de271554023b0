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

#define WALKS  20011
#define STORES 200

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

/* What the kernel side has to say of a process is not said of whoever has the memory by then. */
static void exec_late(void)
{
	int procs = bpf_map__fd(self->bpf->maps.unwind_procs);
	struct unwind_proc *other = calloc(1, sizeof(*other));
	uint32_t child = self->bpf->bss->door.child = 1;

	assert_non_null(other);
	for (uint64_t i = 1; i < STORES; i++) {
		self->proc->serial = 2 * i;
		other->serial = 2 * i + 1;
		unwind_publish(self);
		assert_int_equal(bpf_map_update_elem(procs, &child, other, BPF_ANY), 0);
		run(self->bpf->progs.door_exec_late);
		assert_int_equal(self->bpf->bss->door.spoiled, 0);
	}
	bpf_map_delete_elem(procs, &child);
	self->proc->serial = 0;
	unwind_publish(self);
	free(other);
}

static void test_exec(void **state)
{
	uint16_t generation;

	self = *state;
	self->bpf->bss->door.tgid = getpid();
	unwind_publish(self);
	deep(3, take);
	check_callers();
	generation = taken.generation;
	run(self->bpf->progs.door_exec);
	deep(3, take);
	assert_int_equal(taken.user_stop, UNWIND_STOP_MAPPING);
	assert_int_equal(taken.n_user, 1);
	assert_int_equal(taken.generation, generation + 1);
	run(self->bpf->progs.door_exec); /* once is enough */
	deep(3, take);
	assert_int_equal(taken.generation, generation + 1);
	unwind_publish(self);
	deep(3, take);
	check_callers();
	exec_late();
	self->bpf->bss->door.tgid = 0;
}

/* A child gets what its parent has, of any start time. */
static void test_fork(void **state)
{
	struct unwind_proc *entry = calloc(1, sizeof(*entry));
	int procs = bpf_map__fd(((struct unwind_test *)*state)->bpf->maps.unwind_procs);
	uint32_t child = 2;

	self = *state;
	assert_non_null(entry);
	self->bpf->bss->door.tgid = getpid();
	self->bpf->bss->door.child = child;
	self->proc->start_time = 4711;
	unwind_publish(self);
	self->proc->start_time = 0;
	run(self->bpf->progs.door_fork);
	self->bpf->bss->door.tgid = 0;
	assert_int_equal(bpf_map_lookup_elem(procs, &child, entry), 0);
	assert_memory_equal(entry, self->proc, sizeof(*entry));
	bpf_map_delete_elem(procs, &child);
	free(entry);
	unwind_publish(self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_fork),
	};

	return cmocka_run_group_tests(tests, unwind_test_open, unwind_test_close);
}
