/* man_text.h: the parts of the manual page that belong to no command.
 *
 * Plain text; man.c escapes it.  Included once.
 */
#ifndef STALLPROF_CLI_MAN_TEXT_H
#define STALLPROF_CLI_MAN_TEXT_H

#include <stddef.h>

struct man_section {
	const char *title; /* NULL ends the list */
	const char *text;
	const char *literal; /* lines kept as they are, or NULL */
	const char *after;   /* or NULL */
};

static const char man_description[] =
	"An event loop is a thread that comes back to one waiting point, its poll call, whenever "
	"it has\n"
	"nothing to do. The time between two visits is a busy period; a busy period at or over "
	"the\n"
	"threshold is a stall. For each stall of a running program stallprof tells where it "
	"happened, as\n"
	"one stack of kernel, native and Python frames, and why: each nanosecond belongs to one of "
	"nine\n"
	"classes, and the classes add up to the length of the stall.\n\n"
	"cpu: the thread computed. runqueue: it could have run, the processors were taken. quota: "
	"its\n"
	"control group had used up its processor time. syscall: it was blocked in a system call. "
	"gil: it\n"
	"waited for the lock of the interpreter. lock: it waited for another lock. fault: a page "
	"had to\n"
	"be read. stopped: a signal or the freezer held it. unexplained: what is left.\n\n"
	"The program is not changed, stopped or traced. Watching needs root; reading a recording "
	"does\n"
	"not. TIME is a number with ns, us, ms, s, m or h; without a unit it is seconds.";

static const struct man_section man_sections[] = {
	{ "GENERAL OPTIONS",
	  "-h, --help: examples and options; behind the name of a command, those of the "
	  "command.\n\n"
	  "--version: the version.\n\n"
	  "--help-man: this page, in roff.",
	  NULL, NULL },
	{ "STALL LINE",
	  "While it watches, stallprof writes one line to standard error for each stall that "
	  "ended:",
	  "12:01:07.412 STALL 411ms loop=4242/3 why=recvfrom tcp 10.0.0.5:51322>10.0.0.7:5432\n"
	  "  at=app.py:41:get_user task=Task-812 cpu=3ms runqueue=1ms id=a1f3\n"
	  "12:01:09.120 STALL 403ms loop=4242/3 why=gil at=app.py:60:index\n"
	  "  holder=worker-3:report.py:19:to_report held=71% cpu=9ms id=07c2",
	  "It is one line, broken here to fit. The order is stable and absent fields are left "
	  "out.\n"
	  "loop is thread and poll descriptor, why the largest cause and its object, at the "
	  "innermost frame\n"
	  "outside the runtime and its libraries. task is the asyncio task that ran, where no "
	  "other "
	  "can be\n"
	  "meant. holder is the thread that held the GIL or released the lock, and held its part "
	  "of "
	  "that\n"
	  "wait when others had one too. A name with blanks stands in quotes. STALL >2.0s with "
	  "(still blocked) is one that is "
	  "not\n"
	  "over yet. When more than five of one kind come within a minute the rest are counted:\n"
	  "suppressed 41 like a1f3." },
	{ "EXIT STATUS",
	  "0: done, also when the program ended or nothing stalled. 1: failed; one line on "
	  "standard\n"
	  "error says what and the cure. 2: wrong usage.",
	  NULL, NULL },
	{ "FILES",
	  "FILE.partial: the recording while it is being made; it gets its own name at the end. "
	  "One that\n"
	  "was left behind opens with stallprof report, which says that it is incomplete. Other "
	  "outputs\n"
	  "are written beside their place too, and appear when they are whole.",
	  NULL, NULL },
	{ "SEE ALSO", "perf(1), strace(1), bpftool(8)", NULL, NULL },
	{ NULL, NULL, NULL, NULL },
};

#endif
