/* privileges.c: what a running capture still needs of root, and the rest given up.
 *
 * Knows capabilities and nothing of events.  What is needed is needed for things that are found
 * later: a loop wants a perf event, a stack wants names out of another's memory, a report wants a
 * place in somebody's folder.
 */
#include "capture/capture.h"

#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>

static const cap_value_t needed[] = {
	CAP_BPF,		/* maps, when processes come and go */
	CAP_PERFMON,		/* samples of loops found later */
	CAP_SYS_PTRACE,		/* memory, maps and descriptors of targets */
	CAP_CHECKPOINT_RESTORE, /* their files by /proc/PID/map_files */
	CAP_DAC_READ_SEARCH,	/* and by path */
	CAP_DAC_OVERRIDE,	/* outputs into folders of others */
	CAP_FOWNER,		/* in place of a file of another owner in a sticky folder */
};

#define N_NEEDED (sizeof(needed) / sizeof(needed[0]))

static bool permitted(cap_t caps, cap_value_t cap)
{
	cap_flag_value_t value = CAP_CLEAR;

	return cap_get_flag(caps, cap, CAP_PERMITTED, &value) == 0 && value == CAP_SET;
}

/* What both sets keep: of the needed ones those that we have, and CAP_SYS_ADMIN where it stands in
 * for one that we have not (a container, or a kernel that does not know it). */
static int choose(cap_t now, cap_t keep)
{
	cap_value_t list[N_NEEDED + 1];
	bool stand_in = false;
	int n = 0;

	for (size_t i = 0; i < N_NEEDED; i++) {
		if (permitted(now, needed[i]))
			list[n++] = needed[i];
		else
			stand_in |= needed[i] == CAP_BPF || needed[i] == CAP_PERFMON ||
				    needed[i] == CAP_CHECKPOINT_RESTORE;
	}
	if (stand_in && permitted(now, CAP_SYS_ADMIN))
		list[n++] = CAP_SYS_ADMIN;
	if (n && (cap_set_flag(keep, CAP_PERMITTED, n, list, CAP_SET) < 0 ||
		  cap_set_flag(keep, CAP_EFFECTIVE, n, list, CAP_SET) < 0))
		return -errno;
	return 0;
}

int capture_drop_privileges(void)
{
	cap_t now = cap_get_proc(), keep = cap_init();
	int r = now && keep ? choose(now, keep) : -ENOMEM;

	/* Nothing is executed from here on: that nothing could gain by it costs nothing. */
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0)
		cap_reset_ambient();
	if (r == 0 && cap_set_proc(keep) < 0)
		r = -errno;
	cap_free(now);
	cap_free(keep);
	return r;
}
