/* debuginfod.h: debug files by build id, from the servers of $DEBUGINFOD_URLS.
 *
 * Owns asking them: through elfutils' client library, which is loaded when somebody asks, so that
 * nobody else carries HTTP and TLS along; in a process of its own, which has given up root; and how
 * long one waits.  What comes back is as hostile as any file: to prove what it is and to parse it
 * is symbols.h's.
 */
#ifndef STALLPROF_TARGET_DEBUGINFOD_H
#define STALLPROF_TARGET_DEBUGINFOD_H

#include <sys/types.h>

#include "base/cleanup.h"

#define DEBUGINFOD_ERRORS_MAX 3 /* then nobody is asked any more */

struct debuginfod;

/* Asks nobody yet.  0; -ENODATA $DEBUGINFOD_URLS names no server; -ENOMEM. */
int debuginfod_new(struct debuginfod **ret_debuginfod);
struct debuginfod *debuginfod_free(struct debuginfod *d);
DEFINE_CLEANUP(struct debuginfod *, debuginfod_free)

/* Whose rights and whose cache of files it uses: ours, for root those of who called sudo, or else
 * nobody's, who has none. */
uid_t debuginfod_user(void);

/* An open file.  -ENOENT no server has it; -ELIBACC the library is not installed; -ETIMEDOUT,
 * -ECONNREFUSED and so on, and the same at once after some of these. */
int debuginfod_fetch(struct debuginfod *d, const char *build_id);

#endif
