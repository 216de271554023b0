/* watch.c: stallprof -p PID, stallprof -- COMMAND: capture and report in one process.
 *
 * Owns joining a capture with the model, the talk and the outputs.  The same chunks go to the model
 * and, when a .stall is asked for, to the recording.
 */
#include "cli/command.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/outputs.h"
#include "cli/session.h"
#include "cli/talk.h"
#include "cli/targets.h"
#include "cli/tee.h"
#include "model/model.h"
#include "recording/recording.h"

struct watch_opts {
	struct target_opts targets;
	struct output_opts outputs;
	bool verbose;
};

struct watch {
	const struct watch_opts *opts;
	struct outputs outputs;
	struct talk talk;
	struct tee tee;
	struct recording_writer *recording; /* NULL: none */
	struct model *model;
	int failed; /* of the outputs that take stalls as they end */
};

static void on_stall(void *ctx, const struct profile *p, const struct stall *s)
{
	struct watch *w = ctx;

	talk_stall(&w->talk, p, s);
	if (s->state == STALL_STATE_ENDED && w->failed == 0)
		w->failed = outputs_stall(&w->outputs, p, s);
}

static void on_tick(void *ctx, uint64_t now_ns)
{
	struct watch *w = ctx;

	/* A failure comes back from the next chunk, or at the end. */
	if (w->recording)
		recording_flush(w->recording);
	talk_tick(&w->talk, now_ns);
}

static void watch_release(struct watch *w)
{
	recording_abandon(w->recording);
	model_free(w->model);
	talk_release(&w->talk);
	outputs_release(&w->outputs);
}

/* Everything between the command line and the first event.  An exit status. */
static int prepare(struct watch *w, struct str *why)
{
	int r = outputs_plan(&w->opts->outputs, true, &w->outputs, why);
	const char *path;

	if (r < 0) {
		log_error("%s", str_text(why));
		return r == -EINVAL ? STATUS_USAGE : STATUS_FAILED;
	}
	path = outputs_recording(&w->outputs);
	r = model_new(&w->model);
	if (r < 0) {
		log_error("cannot watch: %s", strerror(-r));
		return STATUS_FAILED;
	}
	if (path)
		r = recording_create(path, &w->recording);
	if (r < 0) {
		log_error("-o %s: %s: choose another place", path, outputs_error(r));
		return STATUS_FAILED;
	}
	model_on_stall(w->model, on_stall, w);
	tee_init(&w->tee, model_sink(w->model), w->recording ? recording_sink(w->recording) : NULL);
	return STATUS_DONE;
}

/* With results in files only, the terminal would stay silent. */
static void say_where(const struct watch *w, const struct profile *p)
{
	const char *before = p->is_offcpu ? "wrote " : ", wrote ";
	bool files_only = true;

	if (!outputs_tell(&w->outputs))
		talk_nothing(p);
	for (size_t i = 0; i < w->outputs.count; i++)
		files_only &= w->outputs.items[i].path != NULL;
	if (!files_only)
		return;
	if (!p->is_offcpu)
		fprintf(stderr, "%zu stall%s", p->n_stalls, p->n_stalls == 1 ? "" : "s");
	for (size_t i = 0; i < w->outputs.count; i++, before = ", ")
		fprintf(stderr, "%s%s", before, w->outputs.items[i].path);
	fputc('\n', stderr);
}

/* Says what happened to each output; an exit status. */
static int finish(struct watch *w, const char *incomplete)
{
	cleanup(str_releasep) struct str why = { 0 };
	const struct profile *p = model_seal(w->model, incomplete);
	int status = STATUS_DONE, r = tee_status(&w->tee);

	if (w->recording) {
		int finished = recording_finish(steal(w->recording));

		r = r < 0 ? r : finished;
	}
	if (r < 0) {
		log_error("%s: recording is not whole: %s: choose another place",
			  outputs_recording(&w->outputs), outputs_error(r));
		status = STATUS_FAILED;
	}
	if (!p) {
		log_error("report: %s: record to a file and report elsewhere", strerror(ENOMEM));
		return STATUS_FAILED;
	}
	if (outputs_write(&w->outputs, p, w->opts->verbose, &why) < 0) {
		log_error("%s", str_text(&why));
		status = STATUS_FAILED;
	}
	if (status == STATUS_DONE && !w->opts->targets.quiet)
		say_where(w, p);
	return status;
}

static int watch(struct watch *w, const struct capture_opts *request)
{
	cleanup(str_releasep) struct str why = { 0 };
	struct session session = {
		.request = request,
		.duration_ns = w->opts->targets.duration,
		.sink = &w->tee.sink,
		.tick = on_tick,
		.ctx = w,
	};
	int status = prepare(w, &why), r;
	bool began;

	if (status != STATUS_DONE)
		return status;
	r = session_run(&session, &began, &why);
	talk_end(&w->talk);
	if (r < 0)
		log_error("%s", str_text(&why));
	status = began ? finish(w, str_text(&why)) : STATUS_FAILED;
	session_end(&session);
	return r < 0 ? STATUS_FAILED : status;
}

static int run(const struct command *self, int argc, char **argv)
{
	cleanup(str_releasep) struct str why = { 0 };
	struct watch_opts opts = { 0 };
	struct operands operands = { 0 };
	struct capture_opts request;
	int status;

	if (command_parse(self, &opts, argc, argv, &operands, &status)) {
		struct watch w = { .opts = &opts };

		if (targets_check(&opts.targets, &operands, &request, &why) < 0) {
			log_error("%s", str_text(&why));
			status = STATUS_USAGE;
		} else {
			talk_init(&w.talk, opts.targets.quiet, opts.verbose);
			w.talk.counts = !opts.targets.offcpu;
			status = watch(&w, &request);
			watch_release(&w);
		}
	}
	options_release(self->opts, &opts);
	operands_release(&operands);
	return status;
}

static const struct opt rows[] = {
	TARGET_ROWS(struct watch_opts, targets),
	OUTPUT_ROWS(struct watch_opts, outputs),
	{ "verbose", 'v', OPT_FLAG, offsetof(struct watch_opts, verbose), NULL,
	  "add stacks to stall lines", NULL, NULL },
	{ NULL },
};

static const struct example examples[] = {
	{ "sudo stallprof -p PID", "stalls as they end, then a summary; Ctrl-C ends" },
	{ "sudo stallprof -p PID -d 30 -o out.svg", "flame graph of the stalls of 30 seconds" },
	{ "sudo stallprof -p PID -d 30 -f | flamegraph.pl", "the same by another tool" },
	{ "sudo stallprof -- python3 app.py",
	  "start a program, watch it from its first iteration" },
	{ "sudo stallprof --off-cpu -p PID -d 30",
	  "every thread, every wait: per-stack histograms" },
	{ NULL, NULL },
};

const struct command command_watch = {
	.name = NULL,
	.operands = "[-- PROGRAM [ARGUMENT...]]",
	.summary = "says why an event loop stalled",
	.about = "Watches running processes, or starts a program and watches it. Stalls are told "
		 "on\n"
		 "standard error as they end, the summary comes on standard output at the end: "
		 "after the\n"
		 "duration, when the targets are gone, or on Ctrl-C. A second Ctrl-C ends at once.",
	.examples = examples,
	.opts = rows,
	.run = run,
};
