/* check.c: stallprof check: what this kernel and process allow.
 *
 * Shows the ladder of each need with the rung in use, and the cure for what is missing.  Must not
 * know any need or rung by name.
 */
#include "cli/command.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "capture/capture.h"

struct check_opts {
	struct ids pids;
	const char *hooks;
};

struct table {
	struct str text;
	struct str need; /* of the row before: shown once */
	int status;	 /* first failure to add a row */
};

static void add_row(void *ctx, const char *need, const char *rung, bool works, bool chosen,
		    const char *why, const char *cure)
{
	struct table *t = ctx;
	bool same = strcmp(str_text(&t->need), need) == 0;
	const char *state = chosen ? "used" : works ? "works" : "no";
	int r = t->status;

	if (r == 0)
		r = str_printf(&t->text, "%-12s %-22s ", same ? "" : need, rung);
	if (r == 0)
		r = why && *why ? str_printf(&t->text, "%-5s  %s\n", state, why)
				: str_printf(&t->text, "%s\n", state);
	if (r == 0 && cure && *cure)
		r = str_printf(&t->text, "%-12s %-22s %-5s  cure: %s\n", "", "", "", cure);
	str_clear(&t->need);
	t->status = r < 0 ? r : str_add(&t->need, need);
}

/* 1: stalls can be captured, 0: no, negative errno. */
static int check_one(pid_t pid, const char *hooks, struct str *out)
{
	struct table t = { 0 };
	int usable, r = 0;

	if (pid)
		r = str_printf(out, "process %d\n", pid);
	usable = capture_check(pid, hooks, add_row, &t);
	r = r < 0 ? r : t.status;
	if (r == 0)
		r = str_printf(out, "%-12s %-22s STATE\n", "NEED", "RUNG");
	if (r == 0)
		r = str_add_mem(out, str_text(&t.text), t.text.len);
	if (r == 0 && usable == 0)
		r = str_add(out, "\nStalls can be captured.\n");
	else if (r == 0)
		r = str_printf(out, "\nStalls cannot be captured: %s.\n", strerror(-usable));
	str_release(&t.text);
	str_release(&t.need);
	return r < 0 ? r : usable == 0;
}

static int check(const struct check_opts *o)
{
	cleanup(str_releasep) struct str out = { 0 };
	bool usable = true;
	int status;

	for (size_t i = 0; i == 0 || i < o->pids.count; i++) {
		int r = check_one(o->pids.count ? o->pids.items[i] : 0, o->hooks, &out);

		if (r < 0) {
			log_error("check: %s", strerror(-r));
			return STATUS_FAILED;
		}
		usable = usable && r;
	}
	status = print_out(&out);
	return usable ? status : STATUS_FAILED;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct check_opts opts = { 0 };
	struct operands operands = { 0 };
	int status;

	if (command_parse(self, &opts, argc, argv, &operands, &status)) {
		if (operands.words.count || operands.command) {
			log_error("%s: unexpected argument: to check a process write check -p PID",
				  operands.words.count ? operands.words.items[0] : "--");
			status = STATUS_USAGE;
		} else {
			status = check(&opts);
		}
	}
	options_release(self->opts, &opts);
	operands_release(&operands);
	return status;
}

static const struct opt rows[] = {
	{ "pid", 'p', OPT_IDS, offsetof(struct check_opts, pids), "PID[,PID...]",
	  "what can be known of these processes, too", NULL, NULL },
	{ "hooks", 0, OPT_TEXT, offsetof(struct check_opts, hooks), "NAME=RUNG,...",
	  "force hook rungs, as when watching", "best that works", NULL },
	{ NULL },
};

static const struct example examples[] = {
	{ "sudo stallprof check", "this kernel" },
	{ "sudo stallprof check -p PID", "and this process" },
	{ NULL, NULL },
};

const struct command command_check = {
	.name = "check",
	.operands = "",
	.summary = "what this kernel and process allow, and the cure for what is missing",
	.about = "For each thing that stallprof needs of the kernel: the ways to get it, best "
		 "first, which\n"
		 "work, which one is used, why others do not and what would help. The exit status "
		 "is 0\n"
		 "when stalls can be captured, else 1.",
	.examples = examples,
	.opts = rows,
	.run = run,
};
