/* map.h: hash tables whose nodes live elsewhere; uthash, told to report a lack of memory.
 *
 * Always include this instead of <uthash.h>: without the two macros it exits the program.
 * Low-level: may use the C library only.
 */
#ifndef STALLPROF_BASE_MAP_H
#define STALLPROF_BASE_MAP_H

#define HASH_NONFATAL_OOM	     1
#define uthash_nonfatal_oom(element) ((void)(element))
#include <uthash.h>

#include <errno.h>

/* Adds a node by its member `field`, of any size but without padding that is not zeroed.
 * 0 or -ENOMEM; then the node is not in the table. */
#define map_add(head, field, node) \
	({ \
		HASH_ADD(hh, head, field, sizeof((node)->field), node); \
		(node)->hh.tbl ? 0 : -ENOMEM; \
	})

#define map_find(head, key, ret_node) HASH_FIND(hh, head, key, sizeof(*(key)), ret_node)

/* All nodes in the order they were added: for (n = head; n; n = n->hh.next). */

/* Forgets all nodes; their memory is the owner's business. */
#define map_clear(head) HASH_CLEAR(hh, head)

#endif
