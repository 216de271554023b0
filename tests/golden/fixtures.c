/* fixtures.c: profiles made by hand for the tests of the writers.
 *
 * Each fixture describes its stalls; the sums, rows and samples that the model would make of them are
 * made here in the plainest way.  Numbers are round where that helps reading and odd where rounding matters.
 */
#include "tests/golden/fixtures.h"

#include <stdio.h>
#include <string.h>

#define MS	 1000000ULL
#define S	 (1000 * MS)
#define WALL	 1795262441000000000ULL /* 2026-11-21 12:00:41 UTC */
#define MONO	 (5000 * S)
#define STALLS	 16
#define COUNTOF(a) (sizeof(a) / sizeof((a)[0]))

#define KERNEL(name)		   { .kind = FRAME_KERNEL, .library = true, .fn = name, .file = "", .module = "" }
#define NATIVE(name, mod)	   { .kind = FRAME_NATIVE, .library = true, .fn = name, .file = "", .module = mod }
#define PYTHON(name, path, n)	   { .kind = FRAME_PYTHON, .line = n, .fn = name, .file = path, .module = "" }
#define PYTHON_LIB(name, path, n) \
	{ .kind = FRAME_PYTHON, .library = true, .line = n, .fn = name, .file = path, .module = "" }
#define NO_TARGET { .fd = -1, .path = "", .local = "", .peer = "", .comm = "", .text = "" }

/* What a fixture says about one stall: a main part with its stack, and time on CPU around it. */
struct plan {
	const char *key, *syscall, *tip;
	enum stall_class klass;
	uint64_t at_ns; /* since the start of the watch */
	uint64_t main_ns, cpu_ns, runqueue_ns, unexplained_ns;
	struct target target;
	int stack, loop, at, leaf; /* indexes; at and leaf in the stack, -1: none */
	bool ongoing, clipped;
};

/* A profile with the storage behind it. */
struct built {
	struct profile p;
	struct stall stalls[STALLS];
	struct part parts[STALLS][2];
	struct stall_stack weights[STALLS];
	struct row rows[STALLS];
	struct sample samples[4 * STALLS];
	uint64_t sampled_ns;
};

static void add_sample(struct built *b, int stack, enum stall_class klass, const char *tip, uint64_t ns)
{
	uint64_t before = (b->sampled_ns + 500) / 1000;

	if (!ns)
		return;
	b->sampled_ns += ns;
	b->samples[b->p.n_samples++] = (struct sample){
		.stack = stack,
		.klass = klass,
		.tip = tip,
		.ns = ns,
		.us = (b->sampled_ns + 500) / 1000 - before,
	};
}

static void add_parts(struct built *b, struct stall *s, const struct plan *plan)
{
	size_t i = (size_t)(s - b->stalls);
	struct part *part = b->parts[i];
	bool on_cpu = plan->klass == CLASS_CPU;

	part[0] = (struct part){
		.at_ns = plan->cpu_ns / 2,
		.dur_ns = plan->main_ns,
		.count = on_cpu ? 41 : 1,
		.klass = plan->klass,
		.syscall = plan->syscall,
		.target = plan->target,
		.stack = plan->stack,
		.flags = on_cpu ? PART_SAMPLED : plan->ongoing ? PART_OPEN : 0,
	};
	s->parts = part;
	s->n_parts = 1;
	if (plan->stack >= 0) {
		b->weights[i] = (struct stall_stack){ plan->stack, plan->main_ns };
		s->stacks = &b->weights[i];
		s->n_stacks = 1;
	}
}

static void add_row(struct built *b, const struct stall *s, int index)
{
	struct row *row = b->rows;

	while (row < b->rows + b->p.n_rows && strcmp(row->key, s->key) != 0)
		row++;
	if (row == b->rows + b->p.n_rows) {
		b->p.n_rows++;
		row->key = s->key;
	}
	row->count++;
	row->sum_ns += s->dur_ns;
	if (s->dur_ns <= row->max_ns)
		return;
	row->max_ns = s->dur_ns;
	row->why = s->why;
	row->at = s->at;
	row->leaf = s->leaf;
	row->longest = index;
}

static void add_stall(struct built *b, const struct plan *plan)
{
	int index = (int)b->p.n_stalls++;
	struct stall *s = &b->stalls[index];
	const struct stack *stack = plan->stack >= 0 ? &b->p.stacks[plan->stack] : NULL;

	snprintf(s->id, sizeof(s->id), "a1f%x", index);
	snprintf(s->key, sizeof(s->key), "%s", plan->key);
	s->state = plan->ongoing ? STALL_STATE_ONGOING : STALL_STATE_ENDED;
	s->clipped = plan->clipped;
	s->loop = plan->loop;
	s->wall_ns = WALL + plan->at_ns;
	s->start_ns = MONO + plan->at_ns;
	s->threshold_ns = b->p.threshold_ns;
	s->iteration = 100 + 7 * (uint64_t)index;
	s->ns[plan->klass] += plan->main_ns;
	s->ns[CLASS_CPU] += plan->cpu_ns;
	s->ns[CLASS_RUNQUEUE] += plan->runqueue_ns;
	s->ns[CLASS_UNEXPLAINED] += plan->unexplained_ns;
	s->dur_ns = plan->main_ns + plan->cpu_ns + plan->runqueue_ns + plan->unexplained_ns;
	s->why = (struct why){ plan->klass, (double)plan->main_ns / (double)s->dur_ns, plan->syscall,
			       plan->target };
	s->at = stack && plan->at >= 0 ? &stack->frames[plan->at] : NULL;
	s->leaf = stack && plan->leaf >= 0 ? &stack->frames[plan->leaf] : NULL;
	s->python = s->leaf ? QUALITY_FULL : QUALITY_NONE;
	s->native = stack ? index % 3 == 1 ? QUALITY_PARTIAL : QUALITY_FULL : QUALITY_NONE;
	s->kernel = stack ? QUALITY_FULL : QUALITY_NONE;
	add_parts(b, s, plan);
	add_row(b, s, index);
	add_sample(b, plan->stack, plan->klass, plan->tip, plan->main_ns);
	add_sample(b, -1, CLASS_CPU, "[cpu]", plan->cpu_ns);
	add_sample(b, -1, CLASS_RUNQUEUE, "[runqueue]", plan->runqueue_ns);
	add_sample(b, -1, CLASS_UNEXPLAINED, "[unexplained]", plan->unexplained_ns);
}

/* Totals and orders, once all stalls are in. */
static void seal(struct built *b)
{
	struct profile *p = &b->p;

	for (size_t i = 0; i < p->n_stalls; i++) {
		const struct stall *s = &b->stalls[i];
		struct loop *loop = &p->loops[s->loop];

		p->stalled_ns += s->dur_ns;
		loop->stalls++;
		loop->stalled_ns += s->dur_ns;
		if (s->dur_ns > loop->longest_ns) {
			loop->longest_ns = loop->max_ns = loop->p99_ns = s->dur_ns;
			loop->longest_wall = s->wall_ns;
		}
		for (int c = 0; c < CLASS_COUNT; c++)
			p->class_ns[c] += s->ns[c];
	}
	for (size_t i = 0; i < p->n_samples; i++)
		p->stalled_us += b->samples[i].us;
	for (size_t i = 1; i < p->n_rows; i++)
		for (size_t k = i; k > 0 && b->rows[k].sum_ns > b->rows[k - 1].sum_ns; k--) {
			struct row swap = b->rows[k];

			b->rows[k] = b->rows[k - 1];
			b->rows[k - 1] = swap;
		}
	for (size_t i = 0; i < p->n_rows; i++)
		b->rows[i].share = (double)b->rows[i].sum_ns / (double)p->stalled_ns;
	p->stalls = b->stalls;
	p->rows = b->rows;
	p->samples = b->samples;
}

static struct proc uvicorn[] = { {
	.pid = 4242,
	.comm = "uvicorn",
	.exe = "/usr/bin/python3.11",
	.cmdline = "python3 -m uvicorn app:app",
	.runtime = "python",
	.version = "3.11.2",
} };

static struct hook hooks[] = {
	{ "poll", "tracepoint" },
	{ "off-cpu", "tp_btf" },
	{ "on-cpu", "cpu-clock" },
};

static const struct profile base = {
	.version = "0.1.0",
	.kernel = "6.18.0",
	.host = "web1",
	.incomplete = "",
	.wall_ns = WALL,
	.duration_ns = 30 * S,
	.threshold_ns = 100 * MS,
	.n_procs = COUNTOF(uvicorn),
	.procs = uvicorn,
	.n_hooks = COUNTOF(hooks),
	.hooks = hooks,
};

#define STACK(list) { .hash = 1, .n_frames = COUNTOF(list), .frames = list }

static struct frame recv_frames[] = {
	KERNEL("schedule_timeout"),
	KERNEL("wait_woken"),
	KERNEL("tcp_recvmsg"),
	NATIVE("recv", "libc.so.6"),
	{ .kind = FRAME_NATIVE, .library = true, .fn = "", .offset = 0x1a2b, .file = "", .module = "libpq.so.5" },
	PYTHON_LIB("cursor.execute", "/usr/lib/python3/dist-packages/psycopg2/extras.py", 236),
	PYTHON("get_user", "/srv/shop/app.py", 41),
	PYTHON("list_users", "/srv/shop/routes.py", 88),
	PYTHON_LIB("Handle._run", "/usr/lib/python3.11/asyncio/events.py", 80),
	PYTHON_LIB("BaseEventLoop._run_once", "/usr/lib/python3.11/asyncio/base_events.py", 1922),
	NATIVE("Py_BytesMain", "python3.11"),
};
static struct frame sleep_frames[] = {
	KERNEL("hrtimer_nanosleep"),
	NATIVE("clock_nanosleep", "libc.so.6"),
	PYTHON("retry", "/srv/shop/http/client.py", 12),
	PYTHON("get", "/srv/shop/http/client.py", 57),
	PYTHON_LIB("Handle._run", "/usr/lib/python3.11/asyncio/events.py", 80),
	NATIVE("Py_BytesMain", "python3.11"),
};
static struct frame cpu_frames[] = {
	{ .kind = FRAME_NATIVE, .library = true, .inlined = true, .fn = "ascii_escape_unichar", .file = "", .module = "_json.so" },
	NATIVE("encoder_listencode_obj", "_json.so"),
	PYTHON_LIB("JSONEncoder.encode", "/usr/lib/python3.11/json/encoder.py", 200),
	PYTHON("to_html", "/srv/shop/render.py", 19),
	PYTHON("page.<locals>.<lambda>", "/srv/shop/views/client.py", 7),
	PYTHON_LIB("Handle._run", "/usr/lib/python3.11/asyncio/events.py", 80),
	NATIVE("Py_BytesMain", "python3.11"),
};
static struct frame lock_frames[] = {
	KERNEL("futex_wait"),
	NATIVE("PyThread_acquire_lock_timed", "python3.11"),
	PYTHON("Cache.get", "/srv/shop/app.py", 29),
	PYTHON_LIB("Handle._run", "/usr/lib/python3.11/asyncio/events.py", 80),
	NATIVE("Py_BytesMain", "python3.11"),
};
static struct frame gil_frames[] = {
	KERNEL("futex_wait"),
	NATIVE("take_gil", "python3.11"),
	PYTHON_LIB("EpollSelector.select", "/usr/lib/python3.11/selectors.py", 468),
	NATIVE("Py_BytesMain", "python3.11"),
};
static struct frame child_frames[] = {
	KERNEL("do_wait"),
	NATIVE("wait4", "libc.so.6"),
	PYTHON_LIB("Popen._try_wait", "/usr/lib/python3.11/subprocess.py", 1933),
	PYTHON("thumbnail", "/srv/shop/images/__init__.py", 63),
	PYTHON("upload", "/srv/shop/routes.py", 131),
	NATIVE("Py_BytesMain", "python3.11"),
};
static struct frame fault_frames[] = {
	KERNEL("filemap_fault"),
	{ .kind = FRAME_NATIVE, .jit = true, .fn = "jitted_lookup", .file = "", .module = "" },
	PYTHON("Index.find", "/srv/shop/search.py", 211),
	NATIVE("Py_BytesMain", "python3.11"),
};
static struct stack demo_stacks[] = {
	STACK(recv_frames), STACK(sleep_frames), STACK(cpu_frames),   STACK(lock_frames),
	STACK(gil_frames),  STACK(child_frames), STACK(fault_frames),
};

#define TCP_TARGET \
	{ .kind = TARGET_TCP, .fd = 7, .path = "", .local = "10.0.0.5:51322", \
	  .peer = "10.0.0.7:5432", .comm = "", .text = "tcp 10.0.0.7:5432" }
#define RECV(when, length) \
	{ .key = "9d01", .syscall = "recvfrom", .tip = "[syscall recvfrom tcp 10.0.0.7:5432]", \
	  .klass = CLASS_SYSCALL, .at_ns = when, .main_ns = length, .cpu_ns = 3 * MS, \
	  .runqueue_ns = 1 * MS, .target = TCP_TARGET, .stack = 0, .at = 6, .leaf = 5 }

static const struct plan demo_plans[] = {
	{ .key = "57aa", .syscall = "", .tip = "[stopped]", .klass = CLASS_STOPPED, .at_ns = 0,
	  .main_ns = 502 * MS, .target = NO_TARGET, .stack = -1, .clipped = true },
	RECV(1 * S, 407123456),
	RECV(3 * S, 391000777),
	{ .key = "2c11", .syscall = "clock_nanosleep", .tip = "[syscall clock_nanosleep sleep 300ms]",
	  .klass = CLASS_SYSCALL, .at_ns = 5 * S, .main_ns = 300070001, .cpu_ns = 812,
	  .target = { .kind = TARGET_SLEEP, .fd = -1, .asked_ns = 300 * MS, .path = "", .local = "",
		      .peer = "", .comm = "", .text = "sleep 300ms" },
	  .stack = 1, .at = 2, .leaf = 2 },
	{ .key = "c0de", .syscall = "", .tip = "[cpu]", .klass = CLASS_CPU, .at_ns = 7 * S,
	  .main_ns = 1412 * MS, .runqueue_ns = 97 * MS, .unexplained_ns = 51234, .target = NO_TARGET,
	  .stack = 2, .at = 3, .leaf = 2 },
	{ .key = "10cc", .syscall = "futex", .tip = "[lock]", .klass = CLASS_LOCK, .at_ns = 11 * S,
	  .main_ns = 450 * MS, .cpu_ns = 1 * MS,
	  .target = { .kind = TARGET_FUTEX, .fd = -1, .address = 0x7f00dead0010, .path = "",
		      .local = "", .peer = "", .comm = "", .text = "futex 0x7f00dead0010" },
	  .stack = 3, .at = 2, .leaf = 2 },
	{ .key = "6111", .syscall = "futex", .tip = "[gil]", .klass = CLASS_GIL, .at_ns = 13 * S,
	  .main_ns = 412 * MS, .cpu_ns = 9 * MS, .target = NO_TARGET, .stack = 4, .at = -1, .leaf = 2 },
	{ .key = "c41d", .syscall = "wait4", .tip = "[syscall wait4 child convert[4711]]",
	  .klass = CLASS_SYSCALL, .at_ns = 17 * S, .main_ns = 403 * MS, .cpu_ns = 165 * MS,
	  .target = { .kind = TARGET_CHILD, .fd = -1, .pid = 4711, .path = "", .local = "",
		      .peer = "", .comm = "convert", .text = "child convert[4711]" },
	  .stack = 5, .at = 3, .leaf = 2 },
	{ .key = "fa17", .syscall = "", .tip = "[fault /srv/shop/data/index.bin]",
	  .klass = CLASS_FAULT, .at_ns = 29 * S, .main_ns = 231 * MS, .cpu_ns = 2 * MS, .loop = 1,
	  .target = { .kind = TARGET_FILE, .fd = -1, .path = "/srv/shop/data/index.bin", .local = "",
		      .peer = "", .comm = "", .text = "file /srv/shop/data/index.bin" },
	  .stack = 6, .at = 2, .leaf = 2, .ongoing = true },
};

static struct loop_hist demo_hist[] = {
	{ 14336, 23 }, { 57344, 6011 }, { 458752, 2203 }, { 917504, 871 }, { 7340032, 71 },
	{ 29360128, 3 }, { 335544320, 1 }, { 469762048, 4 }, { 536870912, 2 }, { 1610612736, 1 },
};
static struct loop_hist healthy_hist[] = { { 57344, 9001 }, { 917504, 113 }, { 14680064, 7 } };

static struct loop demo_loops[] = {
	{ .tid = 4242, .comm = "uvicorn", .kind = "asyncio", .poll = "epoll_wait", .fd = 3,
	  .iterations = 9187, .observed_ns = 30 * S, .poll_ns = 21 * S, .busy_ns = 9 * S,
	  .p50_ns = 421 * MS, .n_hist = COUNTOF(demo_hist), .hist = demo_hist },
	{ .tid = 4250, .comm = "search-0", .kind = "unknown", .poll = "poll", .fd = -1,
	  .iterations = 2203, .observed_ns = 29 * S, .poll_ns = 28 * S, .busy_ns = 1 * S,
	  .p50_ns = 233 * MS, .n_hist = COUNTOF(healthy_hist), .hist = healthy_hist },
};

static struct missing demo_missing[] = {
	{ "names of C functions in libpq.so.5", "the file has no symbols",
	  "install its debug package (libpq5-dbgsym), the offsets in a recording stay valid" },
};
static struct note demo_notes[] = {
	{ WALL + 17 * S, 4711, "process 4711 (convert) started" },
	{ WALL + 17 * S + 405 * MS, 4711, "process 4711 (convert) ended, status 0" },
};

static const struct profile *build_demo(void)
{
	static struct built b;

	b.p = base;
	b.p.n_loops = COUNTOF(demo_loops);
	b.p.loops = demo_loops;
	b.p.n_stacks = COUNTOF(demo_stacks);
	b.p.stacks = demo_stacks;
	b.p.n_missing = COUNTOF(demo_missing);
	b.p.missing = demo_missing;
	b.p.n_notes = COUNTOF(demo_notes);
	b.p.notes = demo_notes;
	for (size_t i = 0; i < COUNTOF(demo_plans); i++)
		add_stall(&b, &demo_plans[i]);
	seal(&b);
	return &b.p;
}

static const struct profile *build_empty(void)
{
	static struct built b;

	b.p = base;
	b.p.incomplete = "the recording ends in the middle of a chunk; what came before is shown";
	seal(&b);
	return &b.p;
}

static const struct profile *build_healthy(void)
{
	static struct built b;
	static struct loop loops[1];

	loops[0] = demo_loops[1];
	loops[0].longest_ns = 13 * MS;
	loops[0].longest_wall = WALL + 19 * S;
	b.p = base;
	b.p.n_loops = 1;
	b.p.loops = loops;
	seal(&b);
	return &b.p;
}

#include "tests/golden/fixtures_more.inc"

static const struct {
	const char *name;
	const struct profile *(*build)(void);
} fixtures[] = {
	{ "demo", build_demo },	      { "empty", build_empty },	  { "healthy", build_healthy },
	{ "hostile", build_hostile }, { "offcpu", build_offcpu },
};

const char *fixture_name(unsigned index)
{
	return index < COUNTOF(fixtures) ? fixtures[index].name : NULL;
}

const struct profile *fixture_find(const char *name)
{
	static const struct profile *ready[COUNTOF(fixtures)];

	for (size_t i = 0; i < COUNTOF(fixtures); i++) {
		if (strcmp(fixtures[i].name, name) != 0)
			continue;
		if (!ready[i])
			ready[i] = fixtures[i].build();
		return ready[i];
	}
	return NULL;
}
