/* talk.c: see talk.h. */
#include "cli/talk.h"

#include <stdio.h>

#include "output/stall_line.h"
#include "output/units.h"

void talk_init(struct talk *t, bool quiet, bool verbose)
{
	*t = (struct talk){
		.quiet = quiet,
		.verbose = verbose,
		.terminal = isatty(STDERR_FILENO),
	};
}

void talk_release(struct talk *t)
{
	suppress_release(&t->suppress);
}

/* In one write, so that lines of others do not come between. */
static void say(const struct talk *t, const struct str *text)
{
	cleanup(str_releasep) struct str all = { 0 };

	if (t->terminal && str_add(&all, "\r\033[K") < 0)
		return;
	if (str_add_mem(&all, str_text(text), text->len) == 0)
		fwrite(all.text, 1, all.len, stderr);
	fflush(stderr);
}

void talk_stall(struct talk *t, const struct profile *p, const struct stall *s)
{
	cleanup(str_releasep) struct str line = { 0 };

	if (s->state == STALL_STATE_ENDED)
		t->n_stalls++;
	/* The stall's own end is the clock here, so that the same stalls give the same lines. */
	if (t->quiet || !suppress_show(&t->suppress, s, s->start_ns + s->dur_ns))
		return;
	if (stall_line(&line, p, s, t->verbose) == 0)
		say(t, &line);
}

static void add_status(const struct talk *t, uint64_t now_ns, struct str *out)
{
	unsigned long long seconds = (now_ns - t->started_ns) / 1000000000;

	str_printf(out, "watching, %llu s", seconds);
	if (t->counts)
		str_printf(out, ", %llu stall%s", (unsigned long long)t->n_stalls,
			   t->n_stalls == 1 ? "" : "s");
	str_add(out, "; Ctrl-C ends");
}

void talk_tick(struct talk *t, uint64_t now_ns)
{
	cleanup(str_releasep) struct str text = { 0 };

	if (t->quiet)
		return;
	if (!t->started_ns)
		t->started_ns = now_ns;
	suppress_flush(&t->suppress, now_ns, &text);
	if (t->terminal)
		add_status(t, now_ns, &text);
	if (text.len)
		say(t, &text);
}

void talk_end(struct talk *t)
{
	cleanup(str_releasep) struct str text = { 0 };

	if (t->quiet)
		return;
	suppress_flush(&t->suppress, UINT64_MAX, &text);
	if (text.len || t->terminal)
		say(t, &text);
}

void talk_nothing(const struct profile *p)
{
	if (p->is_offcpu && !p->n_offcpu)
		fputs("no waits: the threads did not sleep, or for other lengths than asked for\n",
		      stderr);
	else if (!p->is_offcpu && !p->n_loops)
		fputs("no event loop was seen: name its thread with -t TID, or try --off-cpu\n",
		      stderr);
	else if (!p->is_offcpu && !p->n_stalls)
		fprintf(stderr, "no stalls of %s or more\n", DURATION(p->threshold_ns));
}
