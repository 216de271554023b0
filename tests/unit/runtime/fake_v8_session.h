/* fake_v8_session.h: a made heap of V8, and what reads scripts and functions out of it: the state
 * that the tests of these share.
 */
#ifndef STALLPROF_TEST_FAKE_V8_SESSION_H
#define STALLPROF_TEST_FAKE_V8_SESSION_H

#include "runtime/v8_names.h"
#include "runtime/v8_scripts.h"
#include "tests/unit/runtime/fake_v8.h"

static struct fake_v8 f;
static struct v8_heap h;
static struct v8_scripts *scripts;
static struct v8_names *names;

/* cwd: what paths are shown relative to. */
static inline int fake_v8_open(const char *cwd)
{
	fake_v8_init(&f);
	v8_heap_init(&h, &f.l, fake_v8_read, &f);
	if (v8_scripts_new(&h, cwd, &scripts) < 0)
		return -1;
	return v8_names_new(&h, scripts, &names);
}

/* A teardown of cmocka. */
static inline int fake_v8_close(void **state)
{
	(void)state;
	names = v8_names_free(names);
	scripts = v8_scripts_free(scripts);
	return 0;
}

#endif
