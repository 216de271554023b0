/* cpython_tid.c: see cpython_tid.h. */
#include "runtime/cpython_tid.h"

#include <errno.h>

#define PTHREAD_TID \
	0x2d0 /* s32 in glibc's struct pthread; its slots at 0x310 do not move either \
	       */

/* Thread._native_id of the thread with that identity, which is its thread pointer. */
static int native_id(struct cpython_reader *rd, uint64_t interp, uint64_t thread_pointer,
		     int64_t *ret)
{
	uint64_t module, active, key, thread, id;
	struct cpython_dict d;
	int64_t ident;
	int r = cpython_module(rd, interp, "threading", &module);

	if (r == 0)
		r = cpython_dict_find(rd, module, "_active", &active);
	if (r == 0)
		r = cpython_dict_open(rd, active, &d);
	while (r == 0 && (r = cpython_dict_next(rd, &d, &key, &thread)) > 0) {
		r = 0;
		if (cpython_int(rd, key, &ident) < 0 || (uint64_t)ident != thread_pointer)
			continue;
		r = cpython_attr(rd, thread, "_native_id", &id);
		return r < 0 ? r : cpython_int(rd, id, ret);
	}
	return r < 0 ? r : -ENOENT;
}

/* In a child of os.fork() the Thread still has the number of the parent's thread, and a thread that
 * did not come from threading has none: glibc's own is right in both. */
static int libc_id(struct cpython_reader *rd, uint64_t thread_pointer)
{
	int32_t id;

	return cpython_read_s32(rd, thread_pointer + PTHREAD_TID, &id) == 0 ? id : 0;
}

uint32_t cpython_tid(struct cpython_reader *rd, const struct process *p, uint64_t interp,
		     uint64_t thread_pointer)
{
	int64_t id;
	int tid;

	if (native_id(rd, interp, thread_pointer, &id) == 0 && id > 0 && id <= INT32_MAX &&
	    process_tid(p, (int)id, &tid) == 0)
		return (uint32_t)tid;
	return process_tid(p, libc_id(rd, thread_pointer), &tid) == 0 ? (uint32_t)tid : 0;
}
