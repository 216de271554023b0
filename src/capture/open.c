/* open.c: load, attach, run, detach: the life of a capture. */
#include "capture/internal.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include "stallprof.skel.h"

#define SCAN_PAUSE_MAX	      (50 * NSEC_PER_MSEC)
#define LOOK_PAUSE	      (500 * NSEC_PER_MSEC)
#define SCAN_PAUSE_MIN	      (5 * NSEC_PER_MSEC)
#define SAMPLE_AGE_MAX	      (10 * NSEC_PER_MSEC)
#define SAMPLE_PERIOD	      2003001 /* ns; prime, so that it does not beat with a target's timers */
#define INITIAL_PID_NAMESPACE 0xeffffffcU	    /* PROC_PID_INIT_INO of the kernel */
#define DRAIN_MAX	      (100 * NSEC_PER_MSEC) /* a target that floods us must not take over */
#define FINISH_MAX	      (2 * NSEC_PER_SEC)
#define FINISH_LINES_MAX      NSEC_PER_SEC /* waited for source lines that are not there yet */
#define BEHIND_MAX	      (2 * NSEC_PER_SEC)
#define OFFCPU_RING	      (8 << 20)
#define OFFCPU_BODIES	      131072

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* A loop costs a perf event and a link; the usual limit of 1024 descriptors is soft. */
static void raise_descriptor_limit(struct capture *c)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
		return;
	c->files_before = limit;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool program_wanted(const struct capture *c, const char *name)
{
	if (str_starts(name, "life_") || str_starts(name, "seed_"))
		return true;
	if (str_starts(name, "list_"))
		return !c->offcpu;
	for (enum need need = 0; need < NEED_COUNT; need++) {
		bool loops_only = need != NEED_SWITCH && need != NEED_STACK;

		if (c->offcpu && loops_only)
			continue;
		if (*c->rung[need]->programs && str_starts(name, c->rung[need]->programs))
			return true;
	}
	return false;
}

static void settings(struct capture *c)
{
	struct stallprof_bpf__rodata *ro = c->skel->rodata;

	ro->poll_rung = c->rung[NEED_POLL]->value;
	ro->resume_hook = c->rung[NEED_STACK]->value;
	ro->waker_hook = c->rung[NEED_WAKER]->value;
	ro->runqueue_rung = c->rung[NEED_RUNQUEUE]->value;
	ro->offcpu_mode = c->offcpu;
	ro->sample_period = c->sample_period;
	ro->sample_age = c->sample_age;
	if (c->offcpu) {
		bpf_map__set_max_entries(c->skel->maps.loops, 1);
		bpf_map__set_max_entries(c->skel->maps.thread_ids, 1);
		bpf_map__set_max_entries(c->skel->maps.events, OFFCPU_RING);
		bpf_map__set_max_entries(c->skel->maps.bodies, OFFCPU_BODIES);
	} else {
		bpf_map__set_max_entries(c->skel->maps.by_stack, 1);
		bpf_map__set_max_entries(c->skel->maps.by_syscall, 1);
		bpf_map__set_max_entries(c->skel->maps.by_thread, 1);
		bpf_map__set_max_entries(c->skel->maps.scratch, 1);
	}
}

static const char *load_cure(int r)
{
	if (r == -EPERM || r == -EACCES)
		return "run as root (sudo), or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE; in a "
		       "container allow them";
	if (r == -ENOENT || r == -ESRCH || r == -EINVAL)
		return "needs a kernel with CONFIG_DEBUG_INFO_BTF, 6.1 or newer; see stallprof "
		       "check";
	return "see stallprof check";
}

static int load_once(struct capture *c)
{
	struct bpf_program *p;

	c->skel = stallprof_bpf__open();
	if (!c->skel)
		return -errno;
	bpf_object__for_each_program(p, c->skel->obj)
		bpf_program__set_autoload(p, program_wanted(c, bpf_program__name(p)));
	settings(c);
	return stallprof_bpf__load(c->skel);
}

/* A rung can pass its probe and still be refused with the real programs: then the next one of that
 * ladder, first of polls, then of stacks, then of wakers. */
static int load(struct capture *c, const char *forced, struct str *why)
{
	static const enum need ladders[] = { NEED_POLL, NEED_STACK, NEED_WAKER };
	int r = load_once(c);

	for (size_t i = 0; r < 0 && i < sizeof(ladders) / sizeof(ladders[0]);) {
		if (!rungs_step_down(forced, ladders[i], c->rung)) {
			i++;
			continue;
		}
		stallprof_bpf__destroy(c->skel);
		r = load_once(c);
	}
	if (r < 0)
		str_printf(why, "cannot load into the kernel: %s: %s", strerror(-r), load_cure(r));
	return r;
}

/* Full tables count into these rows. */
static int overflow_rows(struct capture *c)
{
	struct bpf_map *maps[] = { c->skel->maps.by_stack, c->skel->maps.by_syscall,
				   c->skel->maps.by_thread };
	struct offcpu_stack_row row;
	int r = 0;

	memset(&row, 0, sizeof(row));
	row.target.fd = -1;
	for (uint8_t by = OFFCPU_BY_STACK; r == 0 && by <= OFFCPU_BY_THREAD; by++) {
		struct offcpu_key key = { .by = by, .overflow = 1 };
		struct bpf_map *map = maps[by - OFFCPU_BY_STACK];

		r = bpf_map__update_elem(map, &key, sizeof(key), &row, bpf_map__value_size(map),
					 BPF_ANY);
	}
	return r;
}

static struct capture *capture_new(const struct capture_opts *opts, struct chunk_sink *sink)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->sink = sink;
	c->command_go = -1;
	c->offcpu = opts->offcpu;
	c->sample_period = SAMPLE_PERIOD;
	c->sample_keeper = -1;
	c->conf.threshold = opts->threshold_ns ? opts->threshold_ns : THRESHOLD_DEFAULT;
	c->conf.min_part = c->conf.threshold / 100;
	c->sample_age = c->conf.threshold / 10 < SAMPLE_AGE_MAX ? c->conf.threshold / 10
								: SAMPLE_AGE_MAX;
	c->conf.wait_min = opts->wait_min_ns;
	c->conf.wait_max = opts->wait_max_ns;
	c->conf.flags = opts->follow ? PROC_FOLLOW : 0;
	return c;
}

static void capture_free(struct capture *c)
{
	ring_buffer__free(c->ring);
	backlog_release(&c->backlog);
	loops_close(c);
	samples_close(c);
	for (size_t i = 0; i < c->links.count; i++)
		bpf_link__destroy(c->links.items[i]);
	vec_release(&c->links);
	targets_close(c);
	unwind_close(c);
	threads_close(c);
	names_close(c);
	resolver_host_close(c->host);
	if (c->skel)
		stallprof_bpf__destroy(c->skel);
	str_release(&c->payload);
	free(c);
}

/* The kernel side counts pids as the initial namespace does. */
static int check_namespace(struct str *why)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) < 0 || st.st_ino == INITIAL_PID_NAMESPACE)
		return 0;
	str_add(why, "cannot watch from inside a PID namespace, where processes have other numbers "
		     "than for the kernel: run in that of the host (docker run --pid=host)");
	return -ENOTSUP;
}

static int capture_start(struct capture *c, const struct capture_opts *opts, struct str *why)
{
	int r = check_namespace(why);

	if (r == 0)
		r = rungs_choose(opts->hooks, c->rung, why);
	if (r == 0)
		r = resolver_host_open("/proc", &c->host);
	if (r == 0)
		r = load(c, opts->hooks, why);
	malloc_trim(0); /* the kernel's types took more than all that is to come */
	if (r == 0)
		r = drain_open(c, why);
	if (r == 0)
		r = c->offcpu ? overflow_rows(c) : loops_open(c);
	if (r == 0)
		r = hide_from_workers();
	if (r == 0) {
		emit_circumstances(c, opts);
		r = c->offcpu ? 0 : threads_open(c);
	}
	if (r == 0)
		r = unwind_open(c);
	if (r == 0)
		r = targets_open(c, opts, why);
	if (r == 0 && !opts->command) /* which does not run its program yet */
		unwind_prepare(c);
	if (r == 0)
		r = attach(c, why);
	if (r == 0)
		r = threads_pass(c, why);
	if (r == 0 && !c->offcpu)
		samples_open(c);
	command_go(c);
	return r < 0 ? r : c->sink_error;
}

int capture_open(const struct capture_opts *opts, struct chunk_sink *sink, struct capture **ret,
		 struct str *ret_why)
{
	struct capture *c = capture_new(opts, sink);
	int r;

	if (!c)
		return -ENOMEM;
	libbpf_set_print(quiet);
	raise_descriptor_limit(c);
	r = capture_start(c, opts, ret_why);
	if (r < 0) {
		if (!ret_why->len)
			str_printf(ret_why, "cannot start the capture: %s", strerror(-r));
		capture_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

/* Pause between looks at the open periods: a fraction of the threshold. */
static uint64_t scan_pause(const struct capture *c)
{
	uint64_t pause = c->conf.threshold / 8;

	return pause > SCAN_PAUSE_MAX	? SCAN_PAUSE_MAX
	       : pause < SCAN_PAUSE_MIN ? SCAN_PAUSE_MIN
					: pause;
}

static bool ended_unsaid(const struct capture *c)
{
	for (size_t i = 0; i < c->watched.count; i++) {
		const struct watched *w = &c->watched.items[i];

		if (!w->gone_at && !process_alive(w->process))
			return true;
	}
	return false;
}

static void housekeeping(struct capture *c, uint64_t now)
{
	c->scan_at = now + scan_pause(c);
	c->busy_until = now + DRAIN_MAX;
	/* It reads mappings anew, and stacks of before, of another program even, may be to come. */
	if (!c->behind_since || now > c->behind_since + BEHIND_MAX)
		watched_retry(c, now);
	if (!c->offcpu) {
		loops_scan(c, now);
		threads_scan(c, now);
	}
	if (now < c->look_at)
		return;
	c->look_at = now + LOOK_PAUSE;
	resolver_host_reap(c->host);
	/* The kernel's word on how a process ended is better than ours that it did. */
	if (ended_unsaid(c) && drain_take(c) < 0)
		return;
	for (size_t i = 0; i < c->watched.count; i++) {
		struct watched *w = &c->watched.items[i];

		if (!w->gone_at && !process_alive(w->process))
			watched_gone(c, w, NULL);
		watched_renew(c, w);
	}
	watched_reap(c, now);
}

/* Waits for events and takes them. */
static int drain(struct capture *c, uint64_t now, uint64_t until)
{
	struct pollfd ready[2 + RESOLVER_LATE_MAX] = {
		{ .fd = ring_buffer__epoll_fd(c->ring), .events = POLLIN },
		{ .fd = unwind_fd(c), .events = POLLIN }, /* one that is -1 is not looked at */
	};
	size_t n = 2 + resolver_late_polled(c->host, ready + 2);

	if (!backlog_empty(&c->backlog))
		until = now;
	if (poll(ready, n, until > now ? (until - now) / NSEC_PER_MSEC + 1 : 0) < 0)
		return -errno;
	if (ready[1].revents)
		unwind_woken(c, now_ns());
	names_late(c, 0, false);
	return drain_take(c);
}

int capture_run(struct capture *c, uint64_t deadline_ns, const volatile sig_atomic_t *stop)
{
	if (!c->unwind_at)
		c->unwind_at = unwind_work(c, now_ns());
	while (!*stop && !c->sink_error) {
		uint64_t now = now_ns(), until;
		int r;

		if (now >= c->scan_at)
			housekeeping(c, now);
		if (deadline_ns && now >= deadline_ns)
			return 0;
		if (!watched_any(c))
			return 1;
		until = deadline_ns && deadline_ns < c->scan_at ? deadline_ns : c->scan_at;
		until = c->unwind_at < until ? c->unwind_at : until;
		c->busy_until = now + DRAIN_MAX;
		c->stop = stop;
		r = drain(c, now, until);
		if (r < 0 && r != -EINTR)
			return r;
		/* After the stacks of before: their code is what is known now. */
		if (r != -EINTR) {
			c->unwind_at = unwind_work(c, now_ns());
			c->behind_since = 0;
		} else if (!c->behind_since) {
			c->behind_since = now;
		}
	}
	return c->sink_error;
}

/* What was running when the capture ended counts up to here, however long the ring takes. */
int capture_finish(struct capture *c)
{
	uint64_t now = now_ns();

	c->busy_until = now + FINISH_MAX;
	c->stop = NULL;
	drain_take(c);
	if (c->offcpu)
		rows_finish(c);
	else
		loops_finish(c, now);
	drain_take(c);
	if (!c->offcpu)
		threads_tell(c);
	children_tell(c);
	names_late(c, now_ns() + FINISH_LINES_MAX, true);
	emit_losses(c);
	str_clear(&c->payload);
	chunk_put_u64(&c->payload, now);
	emit_payload(c, CHUNK_END);
	return c->sink_error;
}

void capture_close(struct capture *c)
{
	if (c)
		capture_free(c);
}
