/* runtime.c: the table of runtimes; see runtime.h. */
#include "runtime/runtime.h"

#include <string.h>

#include "base/str.h"

#define RUNTIME(id) &runtime_##id,
const struct runtime *const runtimes[] = {
#include "runtime/runtimes.def"
	NULL,
};
#undef RUNTIME

const struct runtime *runtime_detect(struct process *p)
{
	size_t i;

	for (i = 0; runtimes[i]; i++)
		if (runtimes[i]->detect(p) == 1)
			return runtimes[i];
	return NULL;
}

/* "BaseEventLoop._run_once" from 3.11 on, before that the plain name. */
static bool is_run_once(const struct chunk_frame *f)
{
	return f->kind == FRAME_PYTHON && str_ends(f->file, "asyncio/base_events.py") &&
	       (strcmp(f->fn, "BaseEventLoop._run_once") == 0 || strcmp(f->fn, "_run_once") == 0);
}

/* uvloop's own loop is native code: the innermost Python frame is whoever started it. */
static bool starts_native_loop(const struct chunk_frame *f)
{
	static const char *const names[] = {
		"Runner.run", "run", "run_forever", "run_until_complete", "asyncio_run",
	};
	const char *last = strrchr(f->fn, '.');
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(f->fn, names[i]) == 0 || (last && strcmp(last + 1, names[i]) == 0))
			return true;
	return false;
}

/* The function that starts whatever loop the program has installed: all frames above are that
 * loop's callbacks. */
static bool is_runner(const struct chunk_frame *f)
{
	return f->kind == FRAME_PYTHON && (str_ends(f->file, "/asyncio/runners.py") ||
					   str_ends(f->file, "/uvloop/__init__.py"));
}

static bool maps_uvloop(const struct process *p)
{
	size_t i;

	for (i = 0; i < p->maps.list.count; i++) {
		const char *path = p->maps.list.items[i].path;

		if (strstr(path, "/uvloop/") && strstr(path, ".so"))
			return true;
	}
	return false;
}

/* A library that was not there may have been loaded since.  Asked for few stacks, once for each. */
static bool has_uvloop(struct process *p)
{
	return maps_uvloop(p) || (process_refresh_maps(p) == 0 && maps_uvloop(p));
}

const char *runtime_loop_kind(struct process *p, const struct chunk_frame *frames, size_t count)
{
	const struct chunk_frame *innermost = NULL;
	bool in_uvloop = false; /* by a frame of its own, or one that runs an installed loop */
	size_t i;

	for (i = 0; i < count; i++) {
		const struct chunk_frame *f = &frames[i];

		if (is_run_once(f))
			return "asyncio";
		if (is_runner(f) || (f->path && strstr(f->path, "/uvloop/")))
			in_uvloop = true;
		if (f->kind == FRAME_PYTHON && !innermost)
			innermost = f;
	}
	if (!innermost)
		return NULL;
	return (in_uvloop || starts_native_loop(innermost)) && has_uvloop(p) ? "uvloop" : NULL;
}
