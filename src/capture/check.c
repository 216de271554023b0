/* check.c: what this kernel, and a process, allow; for `stallprof check`. */
#include "capture/internal.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

struct checker {
	capture_check_fn fn;
	void *ctx;
	bool usable;
};

static void say(struct checker *k, const char *need, const char *rung, bool works, bool chosen,
		const char *why, const char *cure)
{
	k->fn(k->ctx, need, rung, works, chosen, why, works ? "" : cure);
}

/* Whatever else works: without these nothing does. */
static void check_ground(struct checker *k)
{
	struct btf *btf = btf__load_vmlinux_btf();
	_cleanup_close_ int map = -1;
	char why[96] = "";
	bool works;

	works = btf;
	snprintf(why, sizeof(why), "%s", works ? "" : strerror(errno));
	say(k, "kernel types", "btf", works, works, why,
	    "a kernel with CONFIG_DEBUG_INFO_BTF (/sys/kernel/btf/vmlinux)");
	k->usable &= works;
	btf__free(btf);
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "probe", 4, 4, 1, NULL);
	works = map >= 0;
	snprintf(why, sizeof(why), "%s", works ? "" : strerror(errno));
	say(k, "permission", "bpf", works, works, why,
	    "run as root (sudo), or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE; in a container "
	    "allow "
	    "bpf(2)");
	k->usable &= works;
}

static void check_ladders(struct checker *k, const char *hooks)
{
	const struct rung *chosen[NEED_COUNT] = { NULL };
	cleanup(str_releasep) struct str refused = { 0 };

	if (rungs_choose(hooks, chosen, &refused) < 0)
		k->usable = false;
	for (const struct rung *g = rungs; g->name; g++) {
		cleanup(str_releasep) struct str why = { 0 };
		bool works = g->probe(&why) == 0;

		say(k, need_name(g->need), g->name, works, chosen[g->need] == g, str_text(&why),
		    g->cure);
	}
	rungs_forget();
}

static void check_process(struct checker *k, pid_t pid)
{
	cleanup(process_closep) struct process *p = NULL;
	cleanup(resolver_host_closep) struct resolver_host *host = NULL;
	cleanup(resolver_closep) struct resolver *resolver = NULL;
	cleanup(str_releasep) struct str text = { 0 };
	int r = process_open("/proc", pid, &p);

	if (r == 0 && p->kernel_thread)
		r = -ENOTSUP;
	if (r < 0) {
		say(k, "process", "", false, false,
		    r == -ENOTSUP ? "a kernel thread runs no event loop" : strerror(-r),
		    "another PID");
		k->usable = false;
		return;
	}
	str_add_printable(&text, p->comm, sizeof(p->comm));
	say(k, "process", str_text(&text), true, true, "", "");
	if (resolver_host_open("/proc", &host) < 0 || resolver_open(host, p, &resolver) < 0)
		return;
	if (!*resolver_runtime(resolver)) {
		say(k, "runtime", "none", true, true, "native and kernel frames only", "");
		return;
	}
	str_clear(&text);
	str_printf(&text, "%s %s", resolver_runtime(resolver), resolver_version(resolver));
	say(k, "runtime", str_text(&text), resolver_attached(resolver), resolver_attached(resolver),
	    resolver_why(resolver), "native and kernel frames are shown; please report the build");
}

int capture_check(pid_t pid, const char *hooks, capture_check_fn fn, void *ctx)
{
	struct checker k = { .fn = fn, .ctx = ctx, .usable = true };

	libbpf_set_print(NULL);
	check_ground(&k);
	check_ladders(&k, hooks);
	if (pid > 0)
		check_process(&k, pid);
	return k.usable ? 0 : -ENOTSUP;
}
