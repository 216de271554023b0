/* record.c: stallprof record: capture now, look later.
 *
 * Chunks go to the file and nowhere else, so that recording costs the least.  Must not know what
 * they mean.
 */
#include "cli/command.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/outputs.h"
#include "cli/session.h"
#include "cli/talk.h"
#include "cli/targets.h"
#include "recording/recording.h"

#define DEFAULT_PATH "stallprof.stall"

struct record_opts {
	struct target_opts targets;
	const char *path;
};

struct record {
	struct recording_writer *writer;
	struct talk talk;
};

static void on_tick(void *ctx, uint64_t now_ns)
{
	struct record *r = ctx;

	/* A failure comes back from the next chunk, or at the end. */
	recording_flush(r->writer);
	talk_tick(&r->talk, now_ns);
}

/* The place, checked and with links resolved, as outputs do it.  An exit status. */
static int plan(const struct record_opts *o, struct outputs *ret_outputs)
{
	cleanup(str_releasep) struct str why = { 0 };
	const char *path = o->path ? o->path : DEFAULT_PATH;
	struct output_opts outputs = { .paths = { &path, 1, 1 }, .format = "stall" };
	int r = outputs_plan(&outputs, true, ret_outputs, &why);

	if (r < 0)
		log_error("%s", str_text(&why));
	return r == 0 ? STATUS_DONE : r == -EINVAL ? STATUS_USAGE : STATUS_FAILED;
}

/* An exit status. */
static int finish(struct recording_writer *writer, bool quiet, const char *path)
{
	int r = recording_finish(writer);

	if (r < 0) {
		log_error("%s: recording is not whole: %s: choose another place with -o", path,
			  outputs_error(r));
		return STATUS_FAILED;
	}
	if (!quiet)
		fprintf(stderr, "recorded; next: stallprof report %s\n", path);
	return STATUS_DONE;
}

static int record(const struct record_opts *o, const struct capture_opts *request, const char *path)
{
	cleanup(str_releasep) struct str why = { 0 };
	struct record rec = { 0 };
	struct session session = {
		.request = request, .duration_ns = o->targets.duration, .tick = on_tick, .ctx = &rec
	};
	int r = recording_create(path, &rec.writer), status = STATUS_FAILED;
	bool began;

	if (r < 0) {
		log_error("%s: %s: choose another place with -o", path, outputs_error(r));
		return STATUS_FAILED;
	}
	talk_init(&rec.talk, o->targets.quiet, false);
	session.sink = recording_sink(rec.writer);
	r = session_run(&session, &began, &why);
	talk_end(&rec.talk);
	talk_release(&rec.talk);
	if (r < 0)
		log_error("%s", str_text(&why));
	if (began)
		status = finish(rec.writer, o->targets.quiet, path);
	else
		recording_abandon(rec.writer);
	session_end(&session);
	return r < 0 ? STATUS_FAILED : status;
}

static int run(const struct command *self, int argc, char **argv)
{
	cleanup(str_releasep) struct str why = { 0 };
	struct record_opts opts = { 0 };
	struct operands operands = { 0 };
	struct outputs outputs = { 0 };
	struct capture_opts request;
	int status;

	if (command_parse(self, &opts, argc, argv, &operands, &status)) {
		if (targets_check(&opts.targets, &operands, &request, &why) < 0) {
			log_error("%s", str_text(&why));
			status = STATUS_USAGE;
		} else {
			status = plan(&opts, &outputs);
			if (status == STATUS_DONE)
				status = record(&opts, &request, outputs_recording(&outputs));
			outputs_release(&outputs);
		}
	}
	options_release(self->opts, &opts);
	operands_release(&operands);
	return status;
}

static const struct opt rows[] = {
	TARGET_ROWS(struct record_opts, targets),
	{ "output", 'o', OPT_TEXT, offsetof(struct record_opts, path), "FILE.stall",
	  "the recording", DEFAULT_PATH, NULL },
	{ NULL },
};

static const struct example examples[] = {
	{ "sudo stallprof record -p PID -o app.stall", "until Ctrl-C" },
	{ "sudo stallprof record -p PID -d 10m", "ten minutes, into " DEFAULT_PATH },
	{ "stallprof report app.stall", "look later, anywhere, without root" },
	{ NULL, NULL },
};

const struct command command_record = {
	.name = "record",
	.operands = "[-- PROGRAM [ARGUMENT...]]",
	.summary = "capture now, into a file",
	.about =
		"Captures into a recording that is whole by itself: names are looked up while the\n"
		"process lives. One that was broken off still opens, and says so.",
	.examples = examples,
	.opts = rows,
	.run = run,
};
