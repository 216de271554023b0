/* why.c: the cause of a stall as a phrase.
 *
 * One phrase for each class, and for a wait the object it waited on.  Knows no table and no format.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "output/units.h"
#include "output/words.h"

/* Room for a path in a phrase; a longer one keeps its end. */
#define PATH_COLUMNS 44

static int add_path(struct str *s, const char *path)
{
	const char *from = path;

	if (text_columns(path) <= PATH_COLUMNS)
		return str_add(s, path);
	while ((from = strchr(from + 1, '/')))
		if (text_columns(from) + 2 <= PATH_COLUMNS)
			return str_printf(s, "..%s", from);
	return text_clip(s, strrchr(path, '/') ? strrchr(path, '/') + 1 : path, PATH_COLUMNS);
}

static bool is_path_kind(enum target_kind kind)
{
	return kind == TARGET_FILE || kind == TARGET_FIFO || kind == TARGET_DEVICE;
}

/* "tcp 10.0.0.7:5432", "file /srv/data.db"; "" when nothing is known. */
static int add_target(struct str *s, const struct target *t)
{
	int r;

	if (is_path_kind(t->kind) && *t->path) {
		r = str_printf(s, "%s ", target_kind_name(t->kind));
		return r ? r : add_path(s, t->path);
	}
	if (*t->text) /* with its " +1 more", if it has descriptors behind it */
		return str_add(s, t->text);
	r = str_add(s, target_kind_name(t->kind));
	if (r == 0 && t->fd_count > 1)
		r = str_printf(s, " +%u more", t->fd_count - 1U);
	return r;
}

/* Only a futex without a name is shown by its address. */
bool is_named_lock(const struct target *t)
{
	return t->kind == TARGET_FUTEX && *t->text && !str_starts(t->text, "futex");
}

static int add_call(struct str *s, const char *syscall)
{
	return *syscall ? str_printf(s, " (%s)", syscall) : 0;
}

static int sleep_words(struct str *s, const struct why *why)
{
	int r = str_add(s, "sleeps");

	if (r == 0 && why->target.asked_ns)
		r = str_printf(s, " %s", DURATION(why->target.asked_ns));
	return r ? r : add_call(s, why->syscall);
}

static int wait_words(struct str *s, const struct why *why)
{
	const struct target *t = &why->target;
	int r;

	if (t->kind == TARGET_SLEEP)
		return sleep_words(s, why);
	if (t->kind == TARGET_NONE && !*t->text)
		return *why->syscall ? str_printf(s, "waits in %s", why->syscall)
				     : str_add(s, "waits in a system call");
	r = str_add(s, t->kind == TARGET_CHILD ? "waits for " : "waits on ");
	if (r == 0)
		r = add_target(s, t);
	return r ? r : add_call(s, why->syscall);
}

int why_words(struct str *s, const struct why *why)
{
	switch (why->klass) {
	case CLASS_CPU:
		return str_add(s, "on CPU");
	case CLASS_RUNQUEUE:
		return str_add(s, "waits for a CPU (run queue)");
	case CLASS_QUOTA:
		return str_add(s, "CPU quota of its cgroup used up");
	case CLASS_SYSCALL:
		return wait_words(s, why);
	case CLASS_GIL:
		return str_add(s, "waits for the GIL");
	case CLASS_LOCK:
		if (is_named_lock(&why->target))
			return str_printf(s, "waits in %s (lock)", why->target.text);
		return str_printf(s, "waits for a lock (%s)",
				  *why->syscall ? why->syscall : "futex");
	case CLASS_FAULT:
		if (!*why->target.path)
			return str_add(s, "page fault");
		return str_add(s, "page fault on ") || add_path(s, why->target.path) ? -ENOMEM : 0;
	case CLASS_STOPPED:
		return str_add(s, "stopped by a signal");
	case CLASS_UNEXPLAINED:
	case CLASS_COUNT:
		break;
	}
	return str_add(s, "not explained");
}

int why_share_words(struct str *s, const struct why *why)
{
	int r = 0;

	if (why->share < 0.95)
		r = str_printf(s, "%.0f%% ", why->share * 100);
	return r ? r : why_words(s, why);
}
