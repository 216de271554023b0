/* targets.c: see targets.h. */
#include "cli/targets.h"

#include <errno.h>

static int refuse(struct str *why, const char *text)
{
	int r = str_add(why, text);

	return r < 0 ? r : -EINVAL;
}

int targets_check(const struct target_opts *o, const struct operands *operands,
		  struct capture_opts *ret_request, struct str *ret_why)
{
	bool named = o->pids.count || o->tids.count || o->comm;

	if (operands->words.count) {
		str_printf(ret_why,
			   "%s: unexpected argument: write -p PID, or -- before a program to start",
			   operands->words.items[0]);
		return -EINVAL;
	}
	if (operands->command && !operands->command[0])
		return refuse(ret_why, "--: no program behind it: write stallprof -- PROGRAM");
	if (operands->command && named)
		return refuse(
			ret_why,
			"--: either start a program or watch running ones: leave out -p, -t, -n");
	if (!operands->command && !named)
		return refuse(
			ret_why,
			"nothing to watch: give -p PID, or -- PROGRAM (see stallprof --help)");
	if (!o->offcpu && (o->wait_min || o->wait_max))
		return refuse(ret_why, "-m and -M: limit waits of --off-cpu: add --off-cpu");
	if (o->offcpu && o->threshold)
		return refuse(ret_why,
			      "--threshold: not with --off-cpu: use -m for the shortest wait");
	if (o->wait_max && o->wait_max < o->wait_min)
		return refuse(ret_why, "-M: shorter than -m: no wait would be left");
	*ret_request = (struct capture_opts){
		.pids = o->pids.items,
		.n_pids = o->pids.count,
		.tids = o->tids.items,
		.n_tids = o->tids.count,
		.comm_glob = o->comm,
		.threshold_ns = o->threshold,
		.wait_min_ns = o->wait_min,
		.wait_max_ns = o->wait_max,
		.offcpu = o->offcpu,
		.follow = o->follow,
		.hooks = o->hooks,
		.command = operands->command,
	};
	return 0;
}
