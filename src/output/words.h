/* words.h: the names and phrases that every format shares.
 *
 * Enum names as the contract spells them, frames as folded stacks and as a person would write them,
 * paths short enough for a table.  Appends to the caller's string; 0 or -ENOMEM.  Escapes nothing:
 * names are printable by the promise of profile.h, anything more is the business of the format.
 */
#ifndef STALLPROF_OUTPUT_WORDS_H
#define STALLPROF_OUTPUT_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "model/profile.h"

/* Never NULL; an unknown number is "unexplained", "other", "native" or "none". */
const char *class_name(enum stall_class klass);
const char *target_kind_name(enum target_kind kind);
const char *frame_kind_name(enum frame_kind kind);
const char *quality_name(enum quality quality);

/* "?" for a process the profile does not know (an overflow row belongs to none). */
const char *proc_comm(const struct profile *p, int proc);

/* The form of the contract's folded stacks: "get_user (/srv/app.py:41)", "tcp_recvmsg_[k]",
 * "libpq.so.5+0x1a2b".  ';' becomes ':', and what could end a line becomes a space. */
int frame_folded(struct str *s, const struct frame *f);

/* A name inside a folded stack, made safe in the same way. */
int folded_name(struct str *s, const char *name);

/* Which base names are shared by several files of a profile. */
struct paths {
	const char **files; /* by base name, then whole; borrowed from the profile */
	size_t count;
};

int paths_init(struct paths *paths, const struct profile *p);
void paths_release(struct paths *paths);

/* The end of `file` that tells it apart: its base name, or the last two components when the base
 * name is shared or says nothing (__init__.py).  A pointer into `file`.  NULL paths: none shared.
 */
const char *path_short(const struct paths *paths, const char *file);

/* "app.py:41 get_user", "recv (libc.so.6)", "libpq.so.5+0x1a2b", "tcp_recvmsg (kernel)". */
int frame_short(struct str *s, const struct paths *paths, const struct frame *f);

/* Same place for a reader: kind, name, file, line, module. */
bool frame_same(const struct frame *a, const struct frame *b);

/* What the loop did instead of polling: "waits on tcp 10.0.0.7:5432 (recvfrom)", "on CPU". */
int why_words(struct str *s, const struct why *why);

/* "waits on tcp 10.0.0.7:5432 (recvfrom)" with "71% " in front when it was less than 95 % of the
 * time. */
int why_share_words(struct str *s, const struct why *why);

/* Who it was: "worker-3", "python [4260]" for a thread named like its process, "thread 4260". */
int owner_words(struct str *s, const struct profile *p, int proc, const struct owner *o);

/* "render.py:19 to_html > encoder.py:214 JSONEncoder.iterencode": your frame and the innermost;
 * what is there and differs, "" when there is none. */
int place_words(struct str *s, const struct paths *paths, const struct frame *at,
		const struct frame *leaf);

/* Who kept the loop waiting: "GIL held by worker-3 in app.py:88 fill 71%", "lock released by
 * Thread-2 at app.py:88 fill", "GIL convoy: 7 threads, none seen for more than 31%"; "" when nobody
 * was seen for a tenth of the stall. */
int holder_words(struct str *s, const struct profile *p, const struct paths *paths,
		 const struct stall *stall);

/* The first holder when it was seen for a tenth of the stall, so that naming it explains something;
 * else NULL. */
const struct holder *holder_shown(const struct stall *stall);

/* A wait for a lock whose name the frames told: its target.text says it. */
bool is_named_lock(const struct target *t);

/* Behind the code point at text, which is not its end; adds the columns that it takes in a
 * terminal: two where it is wide, as those of Chinese or pictures, none where it combines. */
const char *text_next(const char *text, size_t *columns);

/* Columns that UTF-8 text takes. */
size_t text_columns(const char *text);

/* Appends at most `columns` columns of the text; a longer one ends in "..". */
int text_clip(struct str *s, const char *text, size_t columns);

#endif
