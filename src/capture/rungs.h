/* rungs.h: for every need a ladder of hooks, and which rung this kernel can stand on.
 *
 * Owns the feature tests.  A rung is tested by trying it or by asking the kernel's type
 * information, never by comparing version numbers.  Knows libbpf, not the skeleton.
 */
#ifndef STALLPROF_CAPTURE_RUNGS_H
#define STALLPROF_CAPTURE_RUNGS_H

#include <stdbool.h>

#include "base/str.h"

enum need {
	NEED_POLL,     /* when a loop enters and leaves its poll */
	NEED_SWITCH,   /* when a thread leaves the CPU and comes back */
	NEED_STACK,    /* where a wait happened */
	NEED_RUNQUEUE, /* waiting for a CPU, apart from being blocked */
	NEED_ONCPU,    /* where CPU time goes */
	NEED_WAKER,    /* who ends a wait */
	NEED_COUNT,
};

struct rung {
	enum need need;
	const char *name;
	const char *programs; /* prefix of the programs it needs, "" for none */
	/* 0, or negative errno and one clause in why. */
	int (*probe)(struct str *why);
	const char *cure; /* what makes it work; "" if nothing does */
	int value;	  /* for the kernel side, see maps.bpf.h */
};

/* All rungs, best first within a need; ends with a NULL name. */
extern const struct rung rungs[];

const char *need_name(enum need need);

/* Chooses a rung for every need; `forced` is "need=rung,..." or NULL.  -EINVAL: forced names an
 * unknown need or rung; -ENOTSUP: the forced or the only rung does not work; why says which. */
int rungs_choose(const char *forced, const struct rung *ret_chosen[NEED_COUNT], struct str *why);

/* Frees what probes that were called one by one have read. */
void rungs_forget(void);

/* The next working rung of a need below the chosen one, for programs that passed the probe and were
 * refused all the same.  False when there is none, or `forced` names the need. */
bool rungs_step_down(const char *forced, enum need need, const struct rung *chosen[NEED_COUNT]);

/* The folder of tracepoints, mounted if it was not; NULL when that fails. */
const char *tracefs_path(void);

#endif
