/* unwind_table_block.h: what the worker that compiles a file's .eh_frame sends back.
 *
 * Owns the layout between unwind_table_block.c, which runs in the worker, and unwind_table.c, which
 * checks it before use: a head, the loaded segments, the pages, their words.
 */
#ifndef STALLPROF_TARGET_UNWIND_TABLE_BLOCK_H
#define STALLPROF_TARGET_UNWIND_TABLE_BLOCK_H

#include "base/str.h"
#include "target/elf.h"
#include "target/unwind_table.h"

#define UNWIND_BUILD_ID_BYTES 64	   /* 20 is the rule */
#define UNWIND_FRAME_MAX      (128u << 20) /* bytes of .eh_frame; Chromium has 20 MiB */

struct unwind_table_head {
	uint32_t loads;
	uint32_t pages;
	uint32_t words;
	uint32_t first_page;
	uint32_t build_id_len;
	uint32_t reserved;
	uint8_t build_id[UNWIND_BUILD_ID_BYTES];
};

/* A sandbox_job; arg is not used. */
int unwind_table_block(int fd, const void *arg, struct str *result);

/* Checks what came back and takes its memory.  0, -EIO it makes no sense, -ENOMEM. */
int unwind_table_open_block(struct str *block, struct unwind_table **ret_table);

#endif
