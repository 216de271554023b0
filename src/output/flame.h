/* flame.h: the tree behind a flame graph.
 *
 * Stacks of a profile merged from their roots, widths in nanoseconds, the cause as the last node.
 * Knows neither pixels nor colours nor markup.
 */
#ifndef STALLPROF_OUTPUT_FLAME_H
#define STALLPROF_OUTPUT_FLAME_H

#include "base/vec.h"
#include "model/profile.h"

enum flame_kind {
	FLAME_ALL,     /* the root */
	FLAME_PROCESS, /* a process by name */
	FLAME_FRAME,   /* `frame` is set */
	FLAME_NONE,    /* no stack was taken */
	FLAME_CAUSE,   /* `klass` is set */
};

struct flame_node {
	char *name; /* as in folded stacks; owned */
	enum flame_kind kind;
	const struct frame *frame; /* of the first stack that had it */
	bool many_lines;	   /* others had it at other lines */
	enum stall_class klass;
	uint64_t start;	       /* offset from the left, ns */
	uint64_t ns;	       /* with everything above it */
	unsigned depth;	       /* 0: the root */
	int first_child, next; /* indexes, -1: none; children are in order of their names */
};

struct flame {
	VEC(struct flame_node)
	nodes;		/* [0] is the root; a parent always comes before its children */
	unsigned depth; /* the deepest */
};

/* Of the stalls, or of the rows by stack of an off-CPU profile.  0 or -ENOMEM. */
int flame_init(struct flame *flame, const struct profile *p);
void flame_release(struct flame *flame);

#endif
