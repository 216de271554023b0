/* account_fixture.h: loads account.bpf.c, runs its doors, and collects what comes out of the ring.
 *
 * Included by each test program of the accounting; cmocka's headers and the skeleton come first.
 * Knows how to run a door, not what it should answer.
 */
#ifndef TESTS_BPF_ACCOUNT_FIXTURE_H
#define TESTS_BPF_ACCOUNT_FIXTURE_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define BY_DELAY    0 /* control.h or maps.bpf.h: run-queue time by the scheduler's own sums */
#define BY_WAKING   1 /* from the time of waking */
#define UNSPLIT	    2 /* none, so that lengths are exact */
#define TABLE_ROWS  7 /* of each --off-cpu table: 6 and the overflow row */
#define THRESHOLD   100000000ULL
#define EVENTS_KEPT 64

struct account {
	struct account_bpf *bpf;
	struct loop_state *loop; /* element 0, mapped */
	struct ring_buffer *ring;
	void *events[EVENTS_KEPT];
	size_t n_events;
	uint32_t sizes[EVENTS_KEPT];
};

static int account_event(void *ctx, void *data, size_t size)
{
	struct account *a = ctx;

	assert_true(a->n_events < EVENTS_KEPT);
	a->events[a->n_events] = malloc(size);
	memcpy(a->events[a->n_events], data, size);
	a->sizes[a->n_events++] = size;
	return 0;
}

static inline void events_forget(struct account *a)
{
	while (a->n_events)
		free(a->events[--a->n_events]);
}

/* How many events of the kind have come since events_forget(); the last one in ret_last. */
static inline size_t events_of(struct account *a, enum event_kind kind, const void **ret_last)
{
	size_t n = 0;

	ring_buffer__consume(a->ring);
	for (size_t i = 0; i < a->n_events; i++) {
		const struct event_head *head = a->events[i];

		if (head->kind != kind)
			continue;
		assert_int_equal(head->size, a->sizes[i]);
		if (ret_last)
			*ret_last = head;
		n++;
	}
	return n;
}

static inline void run(struct account *a, struct bpf_program *door)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	(void)a;
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(door), &opts), 0);
}

#define RUN(a, name) run(a, (a)->bpf->progs.door_##name)

/* An empty loop with a threshold of 100 ms, nothing lost, nothing in the ring. */
static inline void account_reset(struct account *a)
{
	events_of(a, 0, NULL);
	events_forget(a);
	memset(a->loop, 0, sizeof(*a->loop));
	a->loop->used = 1;
	a->loop->last_part = -1;
	a->loop->stall.threshold = THRESHOLD;
	a->loop->stall.head.kind = EVENT_STALL;
	memset(&a->bpf->bss->door, 0, sizeof(a->bpf->bss->door));
	memset(a->bpf->bss->lost, 0, sizeof(a->bpf->bss->lost));
	RUN(a, thread_clear);
}

static inline int account_open_with(void **state, uint32_t runqueue, bool resume)
{
	struct account *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	a->bpf = account_bpf__open();
	assert_non_null(a->bpf);
	a->bpf->rodata->runqueue_rung = runqueue;
	a->bpf->rodata->resume_hook = resume;
	bpf_map__set_max_entries(a->bpf->maps.loops, 1);
	bpf_map__set_max_entries(a->bpf->maps.by_stack, TABLE_ROWS);
	bpf_map__set_max_entries(a->bpf->maps.by_syscall, TABLE_ROWS);
	bpf_map__set_max_entries(a->bpf->maps.by_thread, TABLE_ROWS);
	assert_int_equal(account_bpf__load(a->bpf), 0);
	a->loop = mmap(NULL, sizeof(*a->loop), PROT_READ | PROT_WRITE, MAP_SHARED,
		       bpf_map__fd(a->bpf->maps.loops), 0);
	assert_true(a->loop != MAP_FAILED);
	a->ring = ring_buffer__new(bpf_map__fd(a->bpf->maps.events), account_event, a, NULL);
	assert_non_null(a->ring);
	*state = a;
	return 0;
}

static inline int account_open(void **state)
{
	return account_open_with(state, UNSPLIT, false);
}

static inline int account_close(void **state)
{
	struct account *a = *state;

	events_forget(a);
	ring_buffer__free(a->ring);
	munmap(a->loop, sizeof(*a->loop));
	account_bpf__destroy(a->bpf);
	free(a);
	return 0;
}

#endif
