/* targets.h: the options that say what to watch and for how long, shared by the commands that
 * capture.
 *
 * Owns the rows, the struct they fill and the check that they make sense together.  Must not know
 * how anything is captured.
 */
#ifndef STALLPROF_CLI_TARGETS_H
#define STALLPROF_CLI_TARGETS_H

#include "capture/capture.h"
#include "cli/options.h"

struct target_opts {
	struct ids pids;
	struct ids tids;
	const char *comm;
	uint64_t duration; /* 0: until something else ends it */
	uint64_t threshold;
	bool offcpu;
	uint64_t wait_min;
	uint64_t wait_max;
	const char *hooks;
	bool follow;
	bool quiet;
};

/* Says in ret_why (-EINVAL) what does not fit together.  Otherwise fills the request, whose
 * pointers belong to `o` and the operands. */
int targets_check(const struct target_opts *o, const struct operands *operands,
		  struct capture_opts *ret_request, struct str *ret_why);

#define TARGET_ROWS(type, member) \
	{ "pid",	  'p', \
	  OPT_IDS,	  offsetof(type, member.pids), \
	  "PID[,PID...]", "processes to watch", \
	  NULL,		  "May be given several times." }, \
		{ "tid", \
		  't', \
		  OPT_IDS, \
		  offsetof(type, member.tids), \
		  "TID[,TID...]", \
		  "threads that are loops, whatever they wait in", \
		  "found by themselves", \
		  NULL }, \
		{ "comm",   'n', \
		  OPT_TEXT, offsetof(type, member.comm), \
		  "GLOB",   "processes by name", \
		  NULL,	    "Quote the pattern to keep it from the shell: -n 'gunicorn*'." }, \
		{ "duration", \
		  'd', \
		  OPT_TIME, \
		  offsetof(type, member.duration), \
		  "TIME", \
		  "stop after it", \
		  "until Ctrl-C or the target ends", \
		  NULL }, \
		{ "threshold", 0, \
		  OPT_TIME,    offsetof(type, member.threshold), \
		  "TIME",      "shortest busy period that is a stall", \
		  "100ms",     NULL }, \
		{ "follow", 0, \
		  OPT_FLAG, offsetof(type, member.follow), \
		  NULL,	    "watch processes that the target starts, too", \
		  NULL,	    NULL }, \
		{ "off-cpu", 0, \
		  OPT_FLAG,  offsetof(type, member.offcpu), \
		  NULL,	     "every thread, every wait: histograms per stack", \
		  NULL,	     "A profile of the whole process, with or without loops." }, \
		{ "min-wait",	'm', \
		  OPT_TIME,	offsetof(type, member.wait_min), \
		  "TIME",	"with --off-cpu: shortest wait that counts", \
		  "every wait", NULL }, \
		{ "max-wait",	'M', \
		  OPT_TIME,	offsetof(type, member.wait_max), \
		  "TIME",	"with --off-cpu: longest wait that counts", \
		  "every wait", NULL }, \
		{ "hooks", \
		  0, \
		  OPT_TEXT, \
		  offsetof(type, member.hooks), \
		  "NAME=RUNG,...", \
		  "force hook rungs", \
		  "best that works", \
		  "stallprof check lists the names and rungs. For tests and for comparing " \
		  "costs." }, \
		{ "debuginfod", \
		  0, \
		  OPT_ELSEWHERE, \
		  0, \
		  NULL, \
		  "names are fetched when a recording is read: record, then stallprof report " \
		  "--debuginfod FILE.stall", \
		  NULL, \
		  NULL }, \
	{ \
		"quiet", 'q', OPT_FLAG, offsetof(type, member.quiet), NULL, "only the summary", \
			NULL, "No stall lines, no progress." \
	}

#endif
