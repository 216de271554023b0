/* native_loop.c: see native_loop.h.
 *
 * Only functions that stand below everything the loop calls, poll and callbacks alike, and that
 * other programs do not happen to have.  A stripped program has no names for those it does not
 * export; what it is called must tell then.
 */
#include "runtime/native_loop.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"

struct native_loop {
	const char *kind;
	const char *function; /* a prefix where it ends in ':' or '_' */
};

static const struct native_loop loops[] = {
	{ "nginx", "ngx_process_events_and_timers" },
	{ "redis", "aeMain" },
	{ "redis", "aeProcessEvents" },
	{ "libuv", "uv_run" },
	{ "libuv", "uv__io_poll" },
	{ "libevent", "event_base_loop" },
	{ "libev", "ev_run" },
	{ "glib", "g_main_loop_run" },
	{ "glib", "g_main_context_iteration" },
	{ "glib", "g_main_context_dispatch" },
	/* its workers, not its pool for blocking work */
	{ "tokio", "tokio::runtime::scheduler::" },
	{ "tokio", "tokio::runtime::io::" },
};

static bool is_prefix(const char *function)
{
	return str_ends(function, ":") || str_ends(function, "_");
}

static const char *kind_of(const char *fn)
{
	size_t i;

	if (*fn == '<') /* of an implementation: <tokio::runtime::...>::turn */
		fn++;
	for (i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
		const char *want = loops[i].function;

		if (is_prefix(want) ? str_starts(fn, want) : strcmp(fn, want) == 0)
			return loops[i].kind;
	}
	return NULL;
}

const char *native_loop_kind(const struct chunk_frame *frames, size_t count)
{
	size_t i;

	for (i = count; i-- > 0;) {
		const char *kind = frames[i].kind == FRAME_NATIVE ? kind_of(frames[i].fn) : NULL;

		if (kind)
			return kind;
	}
	return NULL;
}
