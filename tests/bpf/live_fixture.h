/* live_fixture.h: a forked target with an epoll loop, captured through the real API into a list.
 *
 * The target writes what it did into shared memory; the capture's chunks are kept as events.  The
 * machine may be busy, so lengths get slack and everything else none: see live_truths_found().
 */
#ifndef TESTS_BPF_LIVE_FIXTURE_H
#define TESTS_BPF_LIVE_FIXTURE_H

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/vec.h"
#include "bpf/event.h"
#include "capture/capture.h"

#define MSEC	   1000000ULL
#define THRESHOLD  (50 * MSEC)
#define SLACK	   (20 * MSEC)
#define TRUTHS_MAX 64

/* One planned stall, as the target saw it. */
struct live_truth {
	uint64_t start, end;
	uint32_t tid;
	bool used;
};

struct live_shared {
	volatile int go;
	volatile int step; /* how far the target is, for those that are signalled */
	struct live_truth truths[TRUTHS_MAX];
	volatile unsigned int n_truths;
};

/* The frames of a stack by name, as they are in a recording. */
struct live_names {
	uint64_t hash;
	void *payload;
	size_t len;
};

struct live {
	struct chunk_sink sink; /* first: the sink is found again by its address */
	pid_t pid;
	struct capture *capture;
	struct live_shared *shared;
	VEC(void *) events;
	VEC(struct live_names) names;
	uint64_t lost;
	bool ended; /* CHUNK_END has come */
};

static inline uint64_t live_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static inline void live_sleep(uint64_t ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

/* In the target: one stall of a given length, with its truth. */
static inline void live_stall(struct live_shared *s, uint64_t ns)
{
	struct live_truth t = { .start = live_now(), .tid = syscall(SYS_gettid) };
	unsigned int i;

	live_sleep(ns);
	t.end = live_now();
	i = __sync_fetch_and_add(&s->n_truths, 1);
	if (i < TRUTHS_MAX)
		s->truths[i] = t;
}

static inline void live_poll(int epoll, int ms)
{
	struct epoll_event e;

	epoll_wait(epoll, &e, 1, ms);
}

static inline int live_name(struct live *v, const struct chunk *chunk)
{
	struct live_names names = { .payload = malloc(chunk->len), .len = chunk->len };

	assert_non_null(names.payload);
	memcpy(names.payload, chunk->payload, chunk->len);
	memcpy(&names.hash, chunk->payload, sizeof(names.hash));
	return vec_add(&v->names, names);
}

static inline int live_put(struct chunk_sink *sink, const struct chunk *chunk)
{
	struct live *v = (struct live *)sink;
	struct chunk_cursor c;
	uint32_t len;
	void *copy;

	if (chunk->kind == CHUNK_END)
		v->ended = true;
	if (chunk->kind == CHUNK_LOST) {
		const char *what;
		uint64_t n;

		chunk_cursor_init(&c, chunk);
		what = chunk_get_str(&c, &len);
		n = chunk_get_u64(&c);
		v->lost += n;
		print_message("lost %" PRIu64 " %.*s\n", n, (int)len, what);
	}
	if (chunk->kind == CHUNK_STACK_NAMES)
		return live_name(v, chunk);
	if (chunk->kind != CHUNK_EVENT)
		return 0;
	copy = calloc(1, sizeof(struct event_stall));
	memcpy(copy, chunk->payload, chunk->len);
	return vec_add(&v->events, copy);
}

static inline void live_fork(struct live *v, void (*target)(struct live_shared *s), int go)
{
	memset(v, 0, sizeof(*v));
	v->sink.put = live_put;
	v->shared = mmap(NULL, sizeof(*v->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(v->shared != MAP_FAILED);
	v->shared->go = go;
	v->pid = fork();
	if (v->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (!v->shared->go)
			usleep(1000);
		target(v->shared);
		_exit(0);
	}
	assert_true(v->pid > 0);
}

static inline void live_open(struct live *v, const char *hooks)
{
	struct capture_opts opts = {
		.pids = &v->pid, .n_pids = 1, .threshold_ns = THRESHOLD, .hooks = hooks
	};
	cleanup(str_releasep) struct str why = { 0 };

	if (capture_open(&opts, &v->sink, &v->capture, &why) < 0)
		fail_msg("%s", str_text(&why));
}

/* Starts `target` in a child that waits until it is watched. */
static inline void live_start(struct live *v, void (*target)(struct live_shared *s),
			      const char *hooks)
{
	live_fork(v, target, 0);
	live_open(v, hooks);
	v->shared->go = 1;
}

/* Starts to watch it when it has been running for a while. */
static inline void live_start_late(struct live *v, void (*target)(struct live_shared *s),
				   const char *hooks)
{
	live_fork(v, target, 1);
	live_sleep(50 * MSEC);
	live_open(v, hooks);
}

/* Captures for so long; returns 1 once the target is gone. */
static inline int live_run(struct live *v, uint64_t ns)
{
	static const volatile sig_atomic_t never;

	return capture_run(v->capture, live_now() + ns, &never);
}

/* Captures until the target has come to that step. */
static inline void live_until(struct live *v, int step)
{
	for (int i = 0; i < 3000 && v->shared->step < step; i++)
		live_run(v, 10 * MSEC);
	assert_true(v->shared->step >= step);
}

/* Captures until the target has ended; what was lost is the caller's to judge. */
static inline void live_end(struct live *v)
{
	int status;

	assert_int_equal(live_run(v, 60000 * MSEC), 1);
	assert_int_equal(capture_finish(v->capture), 0);
	capture_close(v->capture);
	assert_true(v->ended);
	waitpid(v->pid, &status, 0);
}

/* The same, and nothing may be lost. */
static inline void live_finish(struct live *v)
{
	live_end(v);
	assert_int_equal(v->lost, 0);
}

static inline void live_free(struct live *v)
{
	for (size_t i = 0; i < v->events.count; i++)
		free(v->events.items[i]);
	vec_release(&v->events);
	for (size_t i = 0; i < v->names.count; i++)
		free(v->names.items[i].payload);
	vec_release(&v->names);
	munmap(v->shared, sizeof(*v->shared));
}

/* Is the stack known, and does a name in it hold this? */
static inline bool live_stack_has(const struct live *v, uint64_t hash, const char *name)
{
	for (size_t i = 0; i < v->names.count; i++) {
		const struct live_names *n = &v->names.items[i];

		if (n->hash == hash && memmem(n->payload, n->len, name, strlen(name)))
			return true;
	}
	return false;
}

/* The next ended stall from event *at on; NULL if there is none.  Every stall's sums are checked.
 */
static inline const struct event_stall *live_next(const struct live *v, size_t *at)
{
	while (*at < v->events.count) {
		const struct event_stall *e = v->events.items[(*at)++];
		uint64_t sum = 0;

		if (e->head.kind != EVENT_STALL)
			continue;
		for (int i = 0; i < CLASS_COUNT; i++)
			sum += e->class_ns[i];
		assert_int_equal(sum, e->ns);
		assert_true(e->ns >= e->threshold);
		if (!(e->flags & (STALL_ONGOING | STALL_CLIPPED)))
			return e;
	}
	return NULL;
}

/* Time that a busy machine may have added. */
static inline uint64_t live_noise(const struct event_stall *e)
{
	return e->class_ns[CLASS_CPU] + e->class_ns[CLASS_RUNQUEUE] + e->class_ns[CLASS_QUOTA] +
	       e->class_ns[CLASS_FAULT];
}

/* Every truth lies in exactly one stall, which is no longer than it and the noise; every stall that
 * is more than noise holds a truth.  Returns how many were found. */
static inline unsigned int live_truths_found(struct live *v)
{
	const struct event_stall *e;
	unsigned int found = 0, n = v->shared->n_truths;
	size_t at = 0;

	while ((e = live_next(v, &at))) {
		struct live_truth *held = NULL;

		for (unsigned int i = 0; i < n; i++) {
			struct live_truth *t = &v->shared->truths[i];

			if (t->tid != e->head.tid || t->start < e->start ||
			    t->end > e->start + e->ns)
				continue;
			assert_null(held);
			assert_false(t->used);
			held = t;
		}
		if (!held) {
			assert_true(e->ns - live_noise(e) < THRESHOLD);
			continue;
		}
		held->used = true;
		found++;
		assert_true(e->ns - (held->end - held->start) <= live_noise(e) + SLACK);
	}
	return found;
}

/* The only stall that is not noise. */
static inline const struct event_stall *live_only(struct live *v)
{
	const struct event_stall *e, *found = NULL;
	size_t at = 0;

	while ((e = live_next(v, &at))) {
		if (e->ns - live_noise(e) < THRESHOLD)
			continue;
		assert_null(found);
		found = e;
	}
	assert_non_null(found);
	return found;
}

/* The part of the stall with that class and call, at least so long; NULL if there is none. */
static inline const struct stall_part *live_part(const struct event_stall *e, uint32_t klass,
						 int call, uint64_t ns)
{
	for (int i = 0; i < e->n_parts; i++)
		if (e->parts[i].klass == klass && e->parts[i].syscall == call &&
		    e->parts[i].ns >= ns)
			return &e->parts[i];
	return NULL;
}

#endif
