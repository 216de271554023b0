/* recording.h: the .stall file.
 *
 * Layout: a 64-byte header {magic "STALLPRF", u16 major, u16 minor, u32 byte-order mark 0x01020304,
 * u32 header size, u32 complete (0 until the file was closed properly), u64 bytes, u32 crc32,
 * reserved}, then chunks {u32 kind, u32 payload length, u32 crc32 of kind, length and payload,
 * payload, padding to 8}.  Kind 0x5a is a block {u32 raw length, zlib stream of chunks {u32 kind,
 * u32 payload length, payload}}: what was put within a second or 64 KiB; where deflating saves
 * nothing they are plain chunks. The writer makes FILE.partial beside the target and renames it at
 * the end; after SIGKILL the partial file opens and says "incomplete".  The reader checks every
 * length and stops at the first bad chunk or block. Another major version or byte order is refused.
 * Knows nothing of what the chunks mean.
 */
#ifndef STALLPROF_RECORDING_RECORDING_H
#define STALLPROF_RECORDING_RECORDING_H

#include "recording/chunk.h"

#define RECORDING_MAJOR 2
#define RECORDING_MINOR 0

/* Longest chunk a reader accepts, bytes. */
#define RECORDING_CHUNK_MAX (1u << 20)

struct recording_writer;

/* Creates PATH.partial; PATH itself is untouched until recording_finish.  Negative errno: -EBUSY
 * when another recording is writing it, -EISDIR and -EINVAL when PATH exists and is no plain file.
 */
int recording_create(const char *path, struct recording_writer **ret_writer);
/* The sink to put chunks to; owned by the writer.  Refuses, with nothing lost, -EMSGSIZE: longer
 * than RECORDING_CHUNK_MAX, and -EINVAL: the kind of a block. */
struct chunk_sink *recording_sink(struct recording_writer *w);
/* Hands everything put so far to the kernel, so that it outlives a SIGKILL.  Happens by itself
 * about once a second while chunks come.  Negative errno, -ENOSPC above all; sticky. */
int recording_flush(struct recording_writer *w);
/* Marks complete, syncs and renames onto PATH; frees the writer also on failure, and then leaves
 * the partial file, which opens as incomplete. */
int recording_finish(struct recording_writer *w);
/* Removes the partial file; frees the writer.  Accepts NULL. */
void recording_abandon(struct recording_writer *w);

struct recording_reader;

enum recording_state {
	RECORDING_COMPLETE = 0,
	RECORDING_INCOMPLETE = 1, /* the writer did not finish; what was flushed is readable */
	RECORDING_CUT = 2,	  /* marked complete, yet the last chunk is cut */
	RECORDING_CORRUPT = 3,	  /* a chunk failed its check; reading stops there */
};

/* -EBADMSG: no recording; -ESTALE: older major version; -EPROTONOSUPPORT: newer one or other byte
 * order (see recording_refusal); otherwise errno of open.  FILE may be "-" for standard input. */
int recording_open(const char *path, struct recording_reader **ret_reader);
/* The same from a stream, which the reader then owns and closes (stdin is left open); closed also
 * on failure. */
int recording_open_stream(FILE *file, struct recording_reader **ret_reader);
/* One phrase for the negative errno of recording_open: "not a stallprof recording". */
const char *recording_refusal(int error);
/* 1 and a chunk, 0 at the end, negative errno on a read error.  Chunk valid until the next call. */
int recording_next(struct recording_reader *r, struct chunk *ret_chunk);
/* Meaningful after recording_next returned 0. */
enum recording_state recording_state(const struct recording_reader *r);
uint64_t recording_bytes_read(const struct recording_reader *r);
void recording_close(struct recording_reader *r);
DEFINE_CLEANUP(struct recording_reader *, recording_close)

#endif
