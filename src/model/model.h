/* model.h: from chunks to meaning.
 *
 * Feed the chunks of a capture in order, live or from a file; seal to get the profile.  Pure: no
 * I/O, no clock, no printing; the same chunks give the same profile.  Chunks are not trusted: every
 * count, index and length is checked, and a bad chunk is counted and skipped.
 */
#ifndef STALLPROF_MODEL_MODEL_H
#define STALLPROF_MODEL_MODEL_H

#include "model/profile.h"

struct model;

int model_new(struct model **ret_model);
void model_free(struct model *m); /* also frees the profile and every stall it handed out */
DEFINE_CLEANUP(struct model *, model_free)

/* 0 or -ENOMEM.  When the chunk completed the description of a stall (ended or ongoing) and
 * `on_stall` is set, it is called before model_feed returns: the stack names of a stall always come
 * before the stall itself in the stream. */
int model_feed(struct model *m, const struct chunk *chunk);

/* The profile as known so far is passed too: indexes of the stall refer to it. */
typedef void (*model_stall_fn)(void *ctx, const struct profile *p, const struct stall *s);
void model_on_stall(struct model *m, model_stall_fn fn, void *ctx);

/* A sink that feeds this model, for capture. */
struct chunk_sink *model_sink(struct model *m);

/* Sums, sorts, rounds.  `incomplete` is "" or one sentence for profile.incomplete.  The model
 * accepts no chunks afterwards.  NULL when out of memory, now or in some model_feed before. */
const struct profile *model_seal(struct model *m, const char *incomplete);

#endif
