/* v8_scripts.h: V8's scripts: the file that each is, and the lines of its text.
 *
 * Owns a bounded cache of them.  Must not know functions or frames.
 */
#ifndef STALLPROF_RUNTIME_V8_SCRIPTS_H
#define STALLPROF_RUNTIME_V8_SCRIPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "runtime/v8_heap.h"
#include "runtime/v8_lines.h"

#define V8_SOURCE_MAX (4u << 20) /* characters; the lines of a longer text are not counted */
#define V8_PATH_MAX   1024

struct v8_script {
	uint64_t object; /* the Script, and words of it: the collector may move and reuse */
	uint64_t source;
	uint64_t name;
	uint64_t id;	    /* no other one's; 0: not known */
	char *file;	    /* as a person would write it; "" not known */
	bool library;	    /* Node's own, or an installed package */
	bool evaluated;	    /* the text of an eval */
	bool wrapped;	    /* CommonJS: its text is the body of a function */
	bool counted;	    /* the lines were looked for */
	int32_t first_line; /* of its text in the file, from 0 */
	struct v8_line_ends lines;
};

struct v8_scripts;

/* cwd: what paths are shown relative to; borrowed, as is h.  0 or -ENOMEM. */
int v8_scripts_new(struct v8_heap *h, const char *cwd, struct v8_scripts **ret_scripts);
struct v8_scripts *v8_scripts_free(struct v8_scripts *s);
DEFINE_CLEANUP(struct v8_scripts *, v8_scripts_free)

/* The script that a tagged word refers to.  0; -EPROTO: it is none; -EFAULT, -ESRCH, -ENOMEM.
 * Valid until v8_scripts_trim empties the cache. */
int v8_scripts_get(struct v8_scripts *s, uint64_t object, struct v8_script **ret_script);

/* The line of a character of its text, from 1; 0: not known. */
uint32_t v8_scripts_line(struct v8_scripts *s, struct v8_script *script, int32_t at);

/* True when the cache has outgrown its bound: then v8_scripts_empty it, with all that refers to it.
 */
bool v8_scripts_full(const struct v8_scripts *s);
void v8_scripts_empty(struct v8_scripts *s);

/* "file:///a%20b.js" as "/a b.js", into text; anything else as it is.  0 or -ENOMEM. */
int v8_path_of_url(const char *url, struct str *text);

#endif
