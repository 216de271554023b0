/* tee.h: one stream of chunks to two sinks.
 *
 * Owns the rule that a recording which cannot be written any more does not end the watching.
 */
#ifndef STALLPROF_CLI_TEE_H
#define STALLPROF_CLI_TEE_H

#include "recording/chunk.h"

struct tee {
	struct chunk_sink sink;	   /* put chunks here */
	struct chunk_sink *needed; /* its errors end the stream */
	struct chunk_sink *spare;  /* NULL: none; after its first error it gets nothing more */
	int spare_status;
};

/* The sinks stay the caller's; `t` must not move afterwards. */
void tee_init(struct tee *t, struct chunk_sink *needed, struct chunk_sink *spare);

/* 0, or the error of the spare sink. */
int tee_status(const struct tee *t);

#endif
