/* report.c: stallprof report: a recording as any of the formats.
 *
 * Owns reading the file into the model and the words for one that is not whole.  Needs no
 * privilege, no clock and no live process: the same file gives the same bytes.
 */
#include "cli/command.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/log.h"
#include "cli/outputs.h"
#include "cli/raise.h"
#include "cli/rename.h"
#include "cli/talk.h"
#include "model/model.h"
#include "recording/recording.h"
#include "target/debuginfod.h"

struct report_opts {
	struct output_opts outputs;
	uint64_t threshold;
	const char *debug_dir;
	bool debuginfod;
	bool verbose;
};

static const char *const state_words[] = {
	[RECORDING_COMPLETE] = "",
	[RECORDING_INCOMPLETE] = "the recording was not finished: shown up to its last whole part",
	[RECORDING_CUT] = "the end of the recording is missing: shown up to its last whole part",
	[RECORDING_CORRUPT] = "the recording is damaged: shown up to the damage",
};

static int refuse_threshold(const struct raise *r)
{
	cleanup(str_releasep) struct str asked = { 0 }, recorded = { 0 };

	if (duration_add(&asked, r->threshold_ns) < 0 ||
	    duration_add(&recorded, r->recorded_ns) < 0)
		return STATUS_FAILED;
	log_error("--threshold %s: recorded with %s, shorter stalls are not in the file: "
		  "give %s or more",
		  asked.text, recorded.text, recorded.text);
	return STATUS_USAGE;
}

/* Puts every chunk through; an exit status. */
static int pass_all(struct recording_reader *reader, const char *path, struct chunk_sink *sink,
		    const struct raise *raise)
{
	struct chunk chunk;
	int r = 0;

	while (r >= 0 && (r = recording_next(reader, &chunk)) == 1)
		r = sink->put(sink, &chunk);
	if (r == -ERANGE && raise->recorded_ns > raise->threshold_ns)
		return refuse_threshold(raise);
	if (r < 0) {
		log_error("%s: cannot be read: %s", path, strerror(-r));
		return STATUS_FAILED;
	}
	return STATUS_DONE;
}

/* Where names come from besides the recording; an exit status. */
static int open_names(const struct report_opts *o, struct rename *rename, struct chunk_sink *to)
{
	struct debuginfod *fetch = NULL;
	int r = o->debuginfod ? debuginfod_new(&fetch) : 0;

	if (r == -ENODATA)
		log_error("--debuginfod: DEBUGINFOD_URLS is not set: name a server in it, such as "
			  "https://debuginfod.debian.net");
	else if (r < 0)
		log_error("--debuginfod: %s", strerror(-r));
	if (r < 0)
		return STATUS_FAILED;
	if (fetch && geteuid() == 0)
		log_error("--debuginfod: servers are asked as user %u, not as root",
			  (unsigned int)debuginfod_user());
	r = rename_init(rename, to, o->debug_dir, fetch);
	if (r < 0)
		log_error("--debug-dir %s: %s: give a folder with debug files", o->debug_dir,
			  strerror(-r));
	return r < 0 ? STATUS_FAILED : STATUS_DONE;
}

/* An option that changed nothing gets its reason. */
static void tell_names(const struct report_opts *o, const struct rename *rename)
{
	if (rename->fetch_error == -ELIBACC)
		log_error("--debuginfod: libdebuginfod.so.1 cannot be loaded: install it (Debian: "
			  "libdebuginfod1)");
	else if (rename->fetch_error == -ESTALE)
		log_error("--debuginfod: what the server sent is of another build: name another "
			  "one in DEBUGINFOD_URLS");
	else if (rename->fetch_error)
		log_error("--debuginfod: the servers of DEBUGINFOD_URLS: %s: names may be missing, "
			  "try again",
			  strerror(-rename->fetch_error));
	else if (rename->wanted && !rename->found && o->debuginfod)
		log_error("--debuginfod: no server of DEBUGINFOD_URLS has a file for any of the %u "
			  "modules with frames that have no name",
			  rename->wanted);
	else if (rename->wanted && !rename->found)
		log_error("--debug-dir %s: has no file for any of the %u modules with frames "
			  "that have no name",
			  o->debug_dir, rename->wanted);
}

/* Everything that can be read goes into the model; an exit status. */
static int read_all(const struct report_opts *o, const char *path, struct model *m,
		    const char **ret_incomplete)
{
	cleanup(recording_closep) struct recording_reader *reader = NULL;
	struct rename rename = { .folder = -1 };
	struct raise raise;
	int r = recording_open(path, &reader), status;

	if (r < 0) {
		log_error("%s: %s: give a file of stallprof record", path, recording_refusal(r));
		return STATUS_FAILED;
	}
	raise_init(&raise, model_sink(m), o->threshold);
	status = open_names(o, &rename, &raise.sink);
	if (status == STATUS_DONE)
		status = pass_all(reader, path, &rename.sink, &raise);
	if (status == STATUS_DONE)
		tell_names(o, &rename);
	*ret_incomplete = state_words[recording_state(reader)];
	rename_release(&rename);
	raise_release(&raise);
	return status;
}

static int report(const struct report_opts *o, const char *path, struct outputs *outputs)
{
	cleanup(model_freep) struct model *m = NULL;
	cleanup(str_releasep) struct str why = { 0 };
	const struct profile *p;
	const char *incomplete = "";
	int r = model_new(&m), status;

	if (r < 0) {
		log_error("report: %s", strerror(-r));
		return STATUS_FAILED;
	}
	status = read_all(o, path, m, &incomplete);
	if (status != STATUS_DONE)
		return status;
	if (*incomplete)
		log_error("%s: %s", path, incomplete);
	p = model_seal(m, incomplete);
	if (!p) {
		log_error("%s: %s: report where there is more", path, strerror(ENOMEM));
		return STATUS_FAILED;
	}
	if (outputs_write(outputs, p, o->verbose, &why) < 0) {
		log_error("%s", str_text(&why));
		return STATUS_FAILED;
	}
	if (!outputs_tell(outputs))
		talk_nothing(p);
	return STATUS_DONE;
}

/* One file, and places for the outputs: an exit status. */
static int plan(const struct report_opts *o, const struct operands *operands,
		struct outputs *ret_outputs)
{
	cleanup(str_releasep) struct str why = { 0 };
	size_t n = operands->words.count;
	int r = -EINVAL;

	if (operands->command)
		str_add(&why, "--: report starts no program: leave it out");
	else if (n == 0)
		str_add(&why, "report of what? Give the recording: stallprof report FILE.stall");
	else if (n > 1)
		str_printf(&why, "%s: one recording at a time: leave it out",
			   operands->words.items[1]);
	else
		r = outputs_plan(&o->outputs, false, ret_outputs, &why);
	if (r < 0)
		log_error("%s", str_text(&why));
	return r == 0 ? STATUS_DONE : r == -EINVAL ? STATUS_USAGE : STATUS_FAILED;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct report_opts opts = { 0 };
	struct operands operands = { 0 };
	struct outputs outputs = { 0 };
	int status;

	if (command_parse(self, &opts, argc, argv, &operands, &status)) {
		status = plan(&opts, &operands, &outputs);
		if (status == STATUS_DONE)
			status = report(&opts, operands.words.items[0], &outputs);
		outputs_release(&outputs);
	}
	options_release(self->opts, &opts);
	operands_release(&operands);
	return status;
}

static const struct opt rows[] = {
	OUTPUT_ROWS(struct report_opts, outputs),
	{ "threshold", 0, OPT_TIME, offsetof(struct report_opts, threshold), "TIME",
	  "leave out shorter stalls", "that of the recording",
	  "It can only be raised: shorter stalls were not recorded." },
	{ "debug-dir", 0, OPT_TEXT, offsetof(struct report_opts, debug_dir), "DIR",
	  "name native frames from debug files in DIR", NULL,
	  "DIR is laid out like /usr/lib/debug, or holds such a tree, or holds the files "
	  "themselves, debug files or programs that are not stripped. They are matched by build "
	  "id; frames that have a name keep it." },
	{ "debuginfod", 0, OPT_FLAG, offsetof(struct report_opts, debuginfod), NULL,
	  "the same, from servers on the network", NULL,
	  "Asks the servers of DEBUGINFOD_URLS for the debug files of modules with frames that "
	  "have no name, by build id, after --debug-dir. Nothing else goes over the network, and "
	  "nothing without this option. Files are kept where debuginfod-find keeps them. Run by "
	  "root, servers are asked as the user who called sudo, or as nobody. A server that does "
	  "not answer is given up after 10 s; see debuginfod-find(1) for DEBUGINFOD_TIMEOUT and "
	  "its like." },
	{ "verbose", 'v', OPT_FLAG, offsetof(struct report_opts, verbose), NULL,
	  "add stacks, hooks and notes", NULL, NULL },
	{ NULL },
};

static const struct example examples[] = {
	{ "stallprof report app.stall", "the summary" },
	{ "stallprof report app.stall -o out.svg", "a flame graph for a browser" },
	{ "stallprof report app.stall -f | flamegraph.pl", "folded stacks for other tools" },
	{ "stallprof report app.stall --threshold 1s", "only the long ones" },
	{ "stallprof report app.stall --debuginfod", "name native frames that have no name" },
	{ NULL, NULL },
};

const struct command command_report = {
	.name = "report",
	.operands = "FILE",
	.summary = "a recording as text, flame graph, records, ...",
	.about = "Reads a recording, - for standard input, anywhere and without root. The same "
		 "file\n"
		 "gives the same output. A recording that was cut or damaged is shown as far as it "
		 "goes,\n"
		 "with a word on standard error and in the output.",
	.examples = examples,
	.opts = rows,
	.run = run,
};
