/* tasks.c: stallprof tasks: the asyncio tasks of live processes at one moment.
 *
 * Owns opening the processes, asking their runtime once and handing the answer to the writers.
 * Loads nothing into the kernel: reading the memory of the process is all that it needs.
 */
#include "cli/command.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/log.h"
#include "cli/outputs.h"
#include "model/model.h"
#include "runtime/resolver.h"

struct tasks_opts {
	struct ids pids;
	struct output_opts outputs;
	bool tree;
	bool verbose;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int emit_meta(struct chunk_sink *sink, const char *key, const char *value)
{
	cleanup(str_releasep) struct str payload = { 0 };
	int r = chunk_put_str(&payload, key);

	if (r == 0)
		r = chunk_put_str(&payload, value);
	return r < 0 ? r : chunk_emit(sink, CHUNK_META, &payload);
}

static int emit_number(struct chunk_sink *sink, const char *key, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	return emit_meta(sink, key, text);
}

static int emit_circumstances(struct chunk_sink *sink)
{
	struct utsname u;
	int r = emit_meta(sink, META_VERSION, STALLPROF_VERSION);

	if (r == 0)
		r = emit_meta(sink, META_MODE, "tasks");
	if (r == 0 && uname(&u) == 0) {
		r = emit_meta(sink, META_KERNEL, u.release);
		if (r == 0)
			r = emit_meta(sink, META_HOST, u.nodename);
	}
	if (r == 0)
		r = emit_number(sink, META_START_MONO, clock_ns(CLOCK_MONOTONIC));
	return r < 0 ? r : emit_number(sink, META_START_REAL, clock_ns(CLOCK_REALTIME));
}

static int emit_proc(struct chunk_sink *sink, const struct process *p, const struct resolver *r)
{
	const char *const texts[] = { p->comm, p->exe, p->cmdline, resolver_runtime(r),
				      resolver_version(r) };
	cleanup(str_releasep) struct str payload = { 0 };
	int error = chunk_put_u32(&payload, (uint32_t)p->pid);

	if (error == 0)
		error = chunk_put_u64(&payload, clock_ns(CLOCK_MONOTONIC));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && error == 0; i++)
		error = chunk_put_str(&payload, texts[i]);
	return error < 0 ? error : chunk_emit(sink, CHUNK_PROC, &payload);
}

static int put_list(void *ctx, const struct str *payload)
{
	return chunk_emit(ctx, CHUNK_TASKS, payload);
}

/* Whether its memory may be read at all: of that, every other error would only be a symptom. */
static bool may_read(struct process *p)
{
	uint64_t word;
	int r = p->maps.list.count ? 0 : process_refresh_maps(p);

	for (size_t i = 0; i < p->maps.list.count; i++)
		if (p->maps.list.items[i].read)
			return process_read_u64(p, p->maps.list.items[i].start, &word) != -EPERM;
	return r != -EACCES && r != -EPERM;
}

static int refuse(struct str *why, int error, int pid, const struct process *p,
		  const struct resolver *r)
{
	if (!may_read((struct process *)p))
		str_printf(why,
			   "-p %d: not permitted to read its memory: run as root, or with "
			   "CAP_SYS_PTRACE",
			   pid);
	else if (!*resolver_runtime(r))
		str_printf(why,
			   "-p %d: %s (%s) runs no Python: give the pid of the interpreter "
			   "itself",
			   pid, p->comm, *p->exe ? p->exe : "no program file");
	else if (!resolver_has_tasks(r))
		str_printf(
			why,
			"-p %d: %s runs %s, and tasks are read of Python's asyncio only: for its "
			"stalls write stallprof -p %d",
			pid, p->comm, resolver_runtime(r), pid);
	else if (*resolver_why(r))
		str_printf(why, "-p %d: %s %s, but its tasks cannot be read: %s", pid,
			   resolver_runtime(r), resolver_version(r), resolver_why(r));
	else if (error == -ENODATA)
		str_printf(why, "-p %d: its tasks changed too fast to be read: try again", pid);
	else if (error == -ESRCH)
		str_printf(why, "-p %d: it ended while it was read", pid);
	else
		str_printf(why, "-p %d: its tasks cannot be read: %s", pid, strerror(-error));
	return error;
}

static int look_at(struct resolver_host *host, int pid, struct chunk_sink *sink, struct str *why)
{
	cleanup(process_closep) struct process *p = NULL;
	cleanup(resolver_closep) struct resolver *r = NULL;
	int error = process_open("/proc", pid, &p);

	if (error < 0) {
		if (error == -ESRCH)
			str_printf(why, "-p %d: no such process", pid);
		else
			str_printf(why, "-p %d: %s", pid, strerror(-error));
		return error;
	}
	if (p->kernel_thread) {
		str_printf(why, "-p %d: %s is a kernel thread, it runs no tasks of Python", pid,
			   p->comm);
		return -EINVAL;
	}
	error = resolver_open(host, p, &r);
	if (error < 0) {
		str_printf(why, "-p %d: %s", pid,
			   error == -ESRCH ? "it ended while it was read" : strerror(-error));
		return error;
	}
	error = emit_proc(sink, p, r);
	if (error == 0)
		error = resolver_tasks(r, put_list, sink);
	return error < 0 ? refuse(why, error, pid, p, r) : 0;
}

static int tasks(const struct tasks_opts *o, struct outputs *outputs)
{
	cleanup(model_freep) struct model *m = NULL;
	cleanup(resolver_host_closep) struct resolver_host *host = NULL;
	cleanup(str_releasep) struct str why = { 0 };
	const struct profile *p;
	int r = model_new(&m);

	if (r == 0)
		r = resolver_host_open("/proc", &host);
	if (r == 0)
		r = emit_circumstances(model_sink(m));
	if (r < 0)
		str_add(&why, strerror(-r));
	for (size_t i = 0; i < o->pids.count && r == 0; i++)
		r = look_at(host, o->pids.items[i], model_sink(m), &why);
	p = r < 0 ? NULL : model_seal(m, "");
	if (p) {
		outputs->tree = o->tree;
		r = outputs_write(outputs, p, o->verbose, &why);
	} else if (r == 0) {
		r = -ENOMEM;
		str_add(&why, strerror(ENOMEM));
	}
	if (r < 0)
		log_error("%s", str_text(&why));
	return r < 0 ? STATUS_FAILED : STATUS_DONE;
}

/* Flame graphs and folded stacks show time, of which there is none here. */
static int plan(const struct tasks_opts *o, const struct operands *operands, struct outputs *ret)
{
	cleanup(str_releasep) struct str why = { 0 };
	int r = -EINVAL;

	if (operands->words.count || operands->command)
		str_printf(&why, "%s: unexpected argument: write stallprof tasks -p PID",
			   operands->words.count ? operands->words.items[0] : "--");
	else if (!o->pids.count)
		str_add(&why, "tasks of which process? Write stallprof tasks -p PID");
	else
		r = outputs_plan(&o->outputs, false, ret, &why);
	for (size_t i = 0; r == 0 && i < ret->count; i++) {
		const char *name = ret->items[i].writer->name;

		if (strcmp(name, "text") == 0 || strcmp(name, "jsonl") == 0)
			continue;
		str_printf(&why, "-F %s: tasks are shown as text or jsonl: use one of these", name);
		r = -EINVAL;
	}
	if (r < 0)
		log_error("%s", str_text(&why));
	return r == 0 ? STATUS_DONE : r == -EINVAL ? STATUS_USAGE : STATUS_FAILED;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct tasks_opts opts = { 0 };
	struct operands operands = { 0 };
	struct outputs outputs = { 0 };
	int status;

	if (command_parse(self, &opts, argc, argv, &operands, &status)) {
		status = plan(&opts, &operands, &outputs);
		if (status == STATUS_DONE)
			status = tasks(&opts, &outputs);
		outputs_release(&outputs);
	}
	options_release(self->opts, &opts);
	operands_release(&operands);
	return status;
}

static const struct opt rows[] = {
	{ "pid", 'p', OPT_IDS, offsetof(struct tasks_opts, pids), "PID[,PID...]", "whose tasks",
	  NULL, "May be given several times." },
	{ "tree", 0, OPT_FLAG, offsetof(struct tasks_opts, tree), NULL,
	  "who awaits whom; a cycle is marked", NULL, NULL },
	{ "output", 'o', OPT_TEXTS, offsetof(struct tasks_opts, outputs.paths), "FILE",
	  "format by suffix: .txt .jsonl; - is stdout", "text on stdout", NULL },
	{ "format", 'F', OPT_TEXT, offsetof(struct tasks_opts, outputs.format), "NAME",
	  "overrides the suffix: text jsonl", NULL, NULL },
	{ "verbose", 'v', OPT_FLAG, offsetof(struct tasks_opts, verbose), NULL,
	  "every task by itself, with all frames", NULL,
	  "Otherwise tasks that stand alike are one row, and what a library does inside is left "
	  "out." },
	{ NULL },
};

static const struct example examples[] = {
	{ "sudo stallprof tasks -p PID", "how many tasks stand where" },
	{ "sudo stallprof tasks -p PID --tree", "who awaits whom" },
	{ "sudo stallprof tasks -p PID -F jsonl", "one record per loop" },
	{ NULL, NULL },
};

const struct command command_tasks = {
	.name = "tasks",
	.operands = "",
	.summary = "asyncio tasks of a live process, and what each awaits",
	.about = "Reads the unfinished tasks of every event loop of a Python process (asyncio or "
		 "uvloop) out of\n"
		 "its memory: name, state, where its coroutine stands, and what it awaits: "
		 "coroutines down to a\n"
		 "future, other tasks, or a lock with the task that holds it. The process runs on "
		 "meanwhile: tasks\n"
		 "that change while they are read are counted, not shown. In brackets stands what "
		 "the program's\n"
		 "own innermost frame asked of a library.\n\n"
		 "The exit status is 0 also when no loop runs, and 1 when the process has no "
		 "Python or cannot be\n"
		 "read.",
	.examples = examples,
	.opts = rows,
	.run = run,
};
