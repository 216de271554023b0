/* sandbox_lock.h: what a worker of the sandbox may do once its files are open.
 *
 * Owns the filter of system calls and the limits of memory and time.  Must not know what a worker
 * is for.
 */
#ifndef STALLPROF_TARGET_SANDBOX_LOCK_H
#define STALLPROF_TARGET_SANDBOX_LOCK_H

/* Locks the calling process in, for good.  0 or negative errno. */
int sandbox_lock(void);

#endif
