/* symbols_block.h: what the worker that reads a file for its names sends back.
 *
 * Owns the layout between symbols_block.c, which runs in the worker, and symbols.c, which checks it
 * before use: a head, the loaded segments, the sorted entries, the names.
 */
#ifndef STALLPROF_TARGET_SYMBOLS_BLOCK_H
#define STALLPROF_TARGET_SYMBOLS_BLOCK_H

#include "base/str.h"
#include "target/elf.h"
#include "target/symbols.h"

#define NAMES_MAX	(192u << 20)
#define LINK_ROOM	256
#define BUILD_ID_BYTES	64   /* 20 is the rule */
#define ENTRY_NAME_MAX	1023 /* bytes; longer names (templates) are cut */
#define ENTRY_SIZE_MAX	(UINT32_MAX >> 1)
#define ENTRY_COUNT_MAX (3u * ELF_SYMBOLS_MAX)

struct symbol_entry {
	uint64_t addr;
	uint32_t size : 31;
	uint32_t covered : 1; /* one before it reaches to or over its address */
	uint32_t name;	      /* offset */
};

struct symbols_head {
	uint32_t loads;
	uint32_t entries;
	uint64_t names; /* bytes */
	uint32_t build_id_len;
	uint32_t link_crc;
	uint32_t complete;
	uint32_t has_lines;
	uint8_t build_id[BUILD_ID_BYTES];
	char link[LINK_ROOM];
	char alt[LINK_ROOM];
};

/* A sandbox_job.  arg: NULL, or the struct symbols_proof that the file must meet (-ESTALE). */
int symbols_block(int fd, const void *arg, struct str *result);

/* Checks what came back and takes its memory.  0, -EIO it makes no sense, -ENOMEM. */
int symbols_open_block(struct str *block, struct symbols **ret_symbols);

#endif
