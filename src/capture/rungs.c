/* rungs.c: see rungs.h. */
#include "capture/rungs.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

static const char *const need_names[NEED_COUNT] = {
	[NEED_POLL] = "poll",	      [NEED_SWITCH] = "offcpu", [NEED_STACK] = "stack",
	[NEED_RUNQUEUE] = "runqueue", [NEED_ONCPU] = "oncpu",	[NEED_WAKER] = "waker",
};

const char *need_name(enum need need)
{
	return need_names[need];
}

/* The kernel's type information: 5 MiB to read and index, so the probes of one choice share it. */
static struct btf *kernel_types;

static struct btf *types(void)
{
	if (!kernel_types)
		kernel_types = btf__load_vmlinux_btf();
	return kernel_types;
}

void rungs_forget(void)
{
	btf__free(kernel_types);
	kernel_types = NULL;
}

/* Number of parameters of a BTF tracepoint, context included; negative errno. */
static int tracepoint_parameters(const char *name)
{
	cleanup(str_releasep) struct str typedef_name = { 0 };
	struct btf *btf = types();
	const struct btf_type *t;
	int id, r;

	if (!btf)
		return -errno;
	r = str_printf(&typedef_name, "btf_trace_%s", name);
	id = r < 0 ? r : btf__find_by_name_kind(btf, str_text(&typedef_name), BTF_KIND_TYPEDEF);
	if (id > 0) {
		t = btf__type_by_id(btf, id);	   /* typedef of */
		t = btf__type_by_id(btf, t->type); /* a pointer to */
		t = btf__type_by_id(btf, t->type); /* a function */
		id = btf_vlen(t);
	}
	return id;
}

static int probe_tracepoint_parameters(const char *name, int wanted, struct str *why)
{
	int n = tracepoint_parameters(name);

	if (n >= wanted)
		return 0;
	if (n < 0)
		str_printf(why, "the kernel has no tracepoint %s with type information", name);
	else
		str_printf(why, "tracepoint %s of this kernel has fewer arguments", name);
	return -ENOTSUP;
}

static int probe_switch4(struct str *why)
{
	return probe_tracepoint_parameters("sched_switch", 5, why);
}

static int probe_switch3(struct str *why)
{
	return probe_tracepoint_parameters("sched_switch", 4, why);
}

static int probe_exit_tp(struct str *why)
{
	return probe_tracepoint_parameters("sched_exit_tp", 1, why);
}

static int probe_waking(struct str *why)
{
	return probe_tracepoint_parameters("sched_waking", 2, why);
}

/* run_delay needs no hook.  But since delayed dequeue (6.12, 152e11f6df29) it now and then counts
 * sleep as run-queue time, when a sleeper is migrated: 6 of 52,605 waits on a loaded 6.18, each
 * wrong by up to its whole length.  The member of that feature tells such a kernel. */
static int probe_run_delay(struct str *why)
{
	struct btf *btf = types();
	const struct btf_type *t;
	bool delayed = false;
	int id;

	if (!btf)
		return -errno;
	id = btf__find_by_name_kind(btf, "sched_entity", BTF_KIND_STRUCT);
	t = id > 0 ? btf__type_by_id(btf, id) : NULL;
	for (int i = 0; t && i < btf_vlen(t); i++)
		delayed |= strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off),
				  "sched_delayed") == 0;
	if (!delayed)
		return 0;
	str_add(why, "this kernel counts sleep as run-queue time now and then (delayed dequeue)");
	return -ENOTSUP;
}

static int probe_nothing(struct str *why)
{
	(void)why;
	return 0;
}

/* Loads an empty program on the function: the kernel's own answer. */
static int probe_fentry(struct str *why)
{
	struct bpf_insn empty[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY);
	_cleanup_close_ int fd = -1;
	struct btf *btf = types();
	int link,
		id = btf ? btf__find_by_name_kind(btf, "__x64_sys_epoll_wait", BTF_KIND_FUNC) : -1;

	opts.attach_btf_id = id;
	if (id <= 0) {
		str_add(why, "the kernel has no type information for its system calls");
		return -ENOTSUP;
	}
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "probe", "GPL", empty, 2, &opts);
	link = fd < 0 ? fd : bpf_raw_tracepoint_open(NULL, fd);
	if (link < 0) {
		str_printf(why, "the kernel refuses function hooks (%s)", strerror(errno));
		return -ENOTSUP;
	}
	close(link);
	return 0;
}

const char *tracefs_path(void)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	struct stat st;

	for (size_t i = 0; i < 2; i++) {
		cleanup(str_releasep) struct str path = { 0 };

		if (str_printf(&path, "%s/events/syscalls", places[i]) == 0 &&
		    stat(str_text(&path), &st) == 0)
			return places[i];
	}
	if (mount("tracefs", places[0], "tracefs", 0, NULL) == 0)
		return places[0];
	return NULL;
}

static int probe_syscall_tracepoint(struct str *why)
{
	const char *tracefs = tracefs_path();
	cleanup(str_releasep) struct str path = { 0 };
	struct stat st;

	if (!tracefs) {
		str_add(why, "tracefs is not mounted and could not be");
		return -ENOTSUP;
	}
	if (str_printf(&path, "%s/events/syscalls/sys_enter_epoll_wait/id", tracefs) < 0 ||
	    stat(str_text(&path), &st) < 0) {
		str_add(why, "the kernel has no tracepoints for system calls");
		return -ENOTSUP;
	}
	return 0;
}

static int probe_cpu_clock(struct str *why)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000000,
		.disabled = 1,
	};
	_cleanup_close_ int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1,
					 PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0)
		return 0;
	str_printf(why, "perf_event_open: %s", strerror(errno));
	return -ENOTSUP;
}

#define CURE_FENTRY  "a kernel with CONFIG_FUNCTION_TRACER and no lockdown"
#define CURE_TRACEFS "mount -t tracefs tracefs /sys/kernel/tracing"

const struct rung rungs[] = {
	{ NEED_POLL, "fentry", "poll_fentry_", probe_fentry, CURE_FENTRY, 0 },
	{ NEED_POLL, "tracepoint", "poll_tp_", probe_syscall_tracepoint, CURE_TRACEFS, 0 },
	{ NEED_POLL, "switch", "", probe_nothing, "", 1 },
	{ NEED_SWITCH, "btf4", "switch_btf4", probe_switch4, "a kernel from 5.18 on", 0 },
	{ NEED_SWITCH, "btf3", "switch_btf3", probe_switch3, "a kernel with BTF from 5.15 on", 0 },
	{ NEED_STACK, "resume", "resume_exit_tp", probe_exit_tp, "a kernel from 6.15 on", 1 },
	{ NEED_STACK, "switch", "", probe_nothing, "", 0 },
	{ NEED_RUNQUEUE, "run_delay", "", probe_run_delay, "", 0 },
	{ NEED_RUNQUEUE, "waking", "waking_", probe_waking, "a kernel with BTF", 1 },
	{ NEED_RUNQUEUE, "off", "", probe_nothing, "", 2 },
	{ NEED_ONCPU, "clock", "sample_", probe_cpu_clock,
	  "run as root, or with CAP_PERFMON; in a container allow perf_event_open", 0 },
	{ NEED_ONCPU, "off", "", probe_nothing, "", 1 },
	{ NEED_WAKER, "waking", "waking_", probe_waking, "a kernel with BTF", 1 },
	{ NEED_WAKER, "off", "", probe_nothing, "", 0 },
	{ 0, NULL, NULL, NULL, NULL, 0 },
};

/* The forced name for a need: points into `forced`, 0 length if it is not named. */
static size_t forced_rung(const char *forced, enum need need, const char **ret_name)
{
	size_t n = strlen(need_name(need));

	while (forced && *forced) {
		size_t len = strcspn(forced, ",");

		if (len > n && forced[n] == '=' && strncmp(forced, need_name(need), n) == 0) {
			*ret_name = forced + n + 1;
			return len - n - 1;
		}
		forced += len + (forced[len] == ',');
	}
	return 0;
}

/* Every item of `forced` names a need and one of its rungs. */
static int forced_check(const char *forced, struct str *why)
{
	while (forced && *forced) {
		size_t len = strcspn(forced, ",");
		bool known = false;

		for (const struct rung *g = rungs; g->name; g++) {
			size_t n = strlen(need_name(g->need));

			known |= len == n + 1 + strlen(g->name) && forced[n] == '=' &&
				 strncmp(forced, need_name(g->need), n) == 0 &&
				 strncmp(forced + n + 1, g->name, len - n - 1) == 0;
		}
		if (!known) {
			str_add(why, "unknown hook ");
			str_add_printable(why, forced, len);
			str_add(why, "; known:");
			for (const struct rung *g = rungs; g->name; g++)
				str_printf(why, " %s=%s", need_name(g->need), g->name);
			return -EINVAL;
		}
		forced += len + (forced[len] == ',');
	}
	return 0;
}

static int rung_choose(enum need need, const char *name, size_t len, const struct rung **ret,
		       struct str *why)
{
	cleanup(str_releasep) struct str reason = { 0 };

	for (const struct rung *g = rungs; g->name; g++) {
		if (g->need != need ||
		    (len && (strlen(g->name) != len || strncmp(g->name, name, len))))
			continue;
		str_clear(&reason);
		if (g->probe(&reason) == 0) {
			*ret = g;
			return 0;
		}
		if (len)
			break;
	}
	str_printf(why, "hook %s: %s", need_name(need), str_text(&reason));
	return -ENOTSUP;
}

int rungs_choose(const char *forced, const struct rung *ret_chosen[NEED_COUNT], struct str *why)
{
	int r = forced_check(forced, why);

	for (enum need need = 0; r == 0 && need < NEED_COUNT; need++) {
		const char *name = NULL;
		size_t len = forced_rung(forced, need, &name);

		r = rung_choose(need, name, len, &ret_chosen[need], why);
	}
	rungs_forget();
	return r;
}

bool rungs_step_down(const char *forced, enum need need, const struct rung *chosen[NEED_COUNT])
{
	const char *name = NULL;

	if (forced_rung(forced, need, &name))
		return false;
	for (const struct rung *g = chosen[need] + 1; g->name && g->need == need; g++) {
		cleanup(str_releasep) struct str ignored = { 0 };

		if (g->probe(&ignored) == 0) {
			chosen[need] = g;
			return true;
		}
	}
	return false;
}
