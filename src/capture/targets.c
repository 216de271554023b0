/* targets.c: which processes are watched, and what the kernel side is told about them. */
#include "capture/internal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "stallprof.skel.h"

#define RETRY_FIRST (20 * NSEC_PER_MSEC)
#define FRESH	    (5 * NSEC_PER_SEC)
#define GONE_KEPT   NSEC_PER_SEC /* its threads end at about the same time, in any order */
#define RETRY_MAX   200		 /* about a minute, with the growing pause */

/* One that ended is still found, for what its threads sent last, unless its pid is in use again. */
struct watched *watched_find(struct capture *c, uint32_t pid)
{
	struct watched *ended = NULL;

	for (size_t i = 0; i < c->watched.count; i++) {
		struct watched *w = &c->watched.items[i];

		if ((uint32_t)w->process->pid != pid)
			continue;
		if (!w->gone_at)
			return w;
		ended = w;
	}
	return ended;
}

/* Tells the kernel side how to treat the process. */
static int conf_push(struct capture *c, const struct watched *w)
{
	struct proc_conf conf = c->conf;
	uint32_t tgid = w->process->pid;

	conf.start_time = w->process->start_ticks;
	conf.plan = *resolver_plan(w->resolver);
	conf.jit = *resolver_jit(w->resolver);
	return bpf_map__update_elem(c->skel->maps.procs, &tgid, sizeof(tgid), &conf, sizeof(conf),
				    BPF_ANY);
}

/* A runtime that is not ready yet is tried again; one that cannot be read is told once. */
static void runtime_result(struct capture *c, struct watched *w)
{
	const char *why = resolver_why(w->resolver), *remark = resolver_remark(w->resolver);

	bool loading = !*resolver_runtime(w->resolver) && now_ns() < w->fresh_until;

	if ((loading || resolver_retry(w->resolver)) && w->retries < RETRY_MAX) {
		w->retry_at = now_ns() + RETRY_FIRST * (1 + w->retries / 8);
		return;
	}
	w->retry_at = 0;
	if (*why && !w->told) {
		w->told = true;
		emit_missing(c, "frames of the language runtime", why,
			     "native and kernel frames are shown; please report the build");
	}
	if (*remark && !w->told) {
		w->told = true;
		emit_missing(c, "some frames of the language runtime", remark, "");
	}
}

/* A process that has just begun may not have loaded its runtime yet. */
static uint64_t fresh_until(const struct process *p)
{
	struct timespec t;
	uint64_t age;

	clock_gettime(CLOCK_BOOTTIME, &t);
	age = (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec -
	      p->start_ticks * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
	return age < FRESH ? now_ns() + FRESH - age : 0;
}

int watched_add(struct capture *c, int pid, struct str *why)
{
	cleanup(process_closep) struct process *p = NULL;
	struct watched w = { 0 }, *known;
	int r = process_open("/proc", pid, &p);

	if (r < 0) {
		str_printf(why, r == -ESRCH ? "no process %d" : "cannot look at process %d: %s",
			   pid, strerror(-r));
		return r;
	}
	if (p->kernel_thread) {
		str_printf(why, "%d is a kernel thread, it runs no event loop", pid);
		return -ENOTSUP;
	}
	if (p->pid == getpid()) {
		str_printf(why, "%d is stallprof itself", pid);
		return -EINVAL;
	}
	known = watched_find(c, p->pid);
	if (known && !known->gone_at)
		return 0;
	r = resolver_open(c->host, p, &w.resolver);
	if (r < 0)
		return r;
	w.fresh_until = fresh_until(p);
	w.process = steal(p);
	r = vec_add(&c->watched, w);
	if (r < 0) {
		resolver_close(w.resolver);
		process_close(w.process);
		return r;
	}
	r = conf_push(c, &w);
	if (r < 0)
		str_printf(why, "too many processes to watch");
	emit_proc(c, &w);
	runtime_result(c, &c->watched.items[c->watched.count - 1]);
	if (r == 0)
		r = unwind_add(c, &c->watched.items[c->watched.count - 1]);
	if (r == 0 && !c->offcpu)
		r = sampled_open(c, &c->watched.items[c->watched.count - 1]);
	return r;
}

void watched_executed(struct capture *c, struct watched *w, uint64_t at)
{
	w->retries = 0;
	w->told = false;
	w->fresh_until = now_ns() + FRESH;
	sampled_execed(w);
	if (w->gone_at || resolver_executed(w->resolver, at) < 0)
		return;
	unwind_exec(c, w);
	conf_push(c, w);
	emit_proc(c, w);
	runtime_result(c, w);
}

void watched_retry(struct capture *c, uint64_t now)
{
	for (size_t i = 0; i < c->watched.count; i++) {
		struct watched *w = &c->watched.items[i];

		if (!w->retry_at || now < w->retry_at || w->gone_at)
			continue;
		w->retries++;
		w->retry_at = 0;
		if (resolver_refresh(w->resolver) < 0)
			continue;
		if (resolver_attached(w->resolver)) {
			conf_push(c, w);
			emit_proc(c, w);
		}
		runtime_result(c, w);
	}
}

void watched_renew(struct capture *c, struct watched *w)
{
	if (w->gone_at || !resolver_renew(w->resolver))
		return;
	conf_push(c, w);
	runtime_result(c, w);
}

void watched_gone(struct capture *c, struct watched *w, const struct event_life *e)
{
	uint32_t tgid = w->process->pid;

	if (w->gone_at)
		return;
	w->gone_at = now_ns();
	sampled_tell(c, w);
	watched_never(c, tgid);
	if (!e)
		emit_note(c, tgid, "process %u has ended", tgid);
	else if (e->code & 0x7f)
		emit_note(c, tgid, "process %u was ended by signal %d (%s)", tgid, e->code & 0x7f,
			  strsignal(e->code & 0x7f));
	else
		emit_note(c, tgid, "process %u ended with status %d", tgid, e->code >> 8 & 0xff);
}

void watched_never(struct capture *c, uint32_t pid)
{
	bpf_map__delete_elem(c->skel->maps.procs, &pid, sizeof(pid), 0);
	bpf_map__delete_elem(c->skel->maps.made, &pid, sizeof(pid), 0);
	unwind_forget(c, pid);
}

static void watched_release(struct watched *w)
{
	sampled_close(w->sampled);
	unwind_release(w);
	resolver_close(w->resolver);
	process_close(w->process);
}

void watched_reap(struct capture *c, uint64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->watched.count; i++) {
		struct watched *w = &c->watched.items[i];

		if (w->gone_at && now > w->gone_at + GONE_KEPT)
			watched_release(w);
		else
			c->watched.items[kept++] = *w;
	}
	c->watched.count = kept;
}

bool watched_any(const struct capture *c)
{
	for (size_t i = 0; i < c->watched.count; i++)
		if (!c->watched.items[i].gone_at)
			return true;
	return false;
}

static int add_by_name(struct capture *c, const char *glob, struct str *why)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	size_t before = c->watched.count;

	if (!proc)
		return -errno;
	while ((d = readdir(proc))) {
		cleanup(str_releasep) struct str comm = { 0 };
		cleanup(str_releasep) struct str ignored = { 0 };
		char path[300];

		snprintf(path, sizeof(path), "/proc/%s/comm", d->d_name);
		if (!isdigit((unsigned char)d->d_name[0]) || file_read(path, 4096, &comm) < 0 ||
		    !comm.len)
			continue;
		comm.text[strcspn(comm.text, "\n")] = '\0';
		/* One that went away meanwhile, or a kernel thread, is no match. */
		if (fnmatch(glob, comm.text, 0) == 0)
			watched_add(c, atoi(d->d_name), &ignored);
	}
	closedir(proc);
	if (c->watched.count > before)
		return 0;
	str_printf(why, "no process is named %s", glob);
	return -ESRCH;
}

static int add_thread(struct capture *c, pid_t tid, struct str *why)
{
	uint32_t key = tid;
	uint8_t one = 1;
	int r = watched_add(c, tid, why);

	if (r < 0)
		return r;
	return bpf_map__update_elem(c->skel->maps.designated, &key, sizeof(key), &one, sizeof(one),
				    BPF_ANY);
}

int targets_open(struct capture *c, const struct capture_opts *opts, struct str *why)
{
	pid_t pid;
	int r = 0;

	for (size_t i = 0; r == 0 && i < opts->n_pids; i++)
		r = watched_add(c, opts->pids[i], why);
	for (size_t i = 0; r == 0 && i < opts->n_tids; i++)
		r = add_thread(c, opts->tids[i], why);
	if (r == 0 && opts->comm_glob)
		r = add_by_name(c, opts->comm_glob, why);
	if (r == 0 && opts->command) {
		r = command_start(c, opts->command, &pid, why);
		if (r == 0)
			r = watched_add(c, pid, why);
	}
	return r;
}

void targets_close(struct capture *c)
{
	for (size_t i = 0; i < c->watched.count; i++)
		watched_release(&c->watched.items[i]);
	vec_release(&c->watched);
	if (c->command_go >= 0)
		close(c->command_go);
}
