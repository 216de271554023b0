/* children.c: processes that were not watched and may do the work of those that were.
 *
 * A server's master has no loop of its own; who watches it by mistake is told where its work is
 * done.  Must not know how processes are watched.
 */
#include "capture/internal.h"

#include <inttypes.h>

#define NAMED_MOST 16

static bool has_loop(const struct capture *c, uint32_t pid)
{
	for (uint32_t i = 0; c->slots && i < c->loops_seen; i++)
		if (c->slots[i].id && c->slots[i].tgid == pid)
			return true;
	return false;
}

/* Adds it to both texts, "python3 4243" and "4243"; not a zombie, nor stallprof, nor one that is
 * watched itself. */
static int add_child(struct capture *c, int pid, size_t *count, struct str *names, struct str *pids)
{
	cleanup(process_closep) struct process *child = NULL;
	int r = 0;

	if (pid == getpid() || watched_find(c, pid) || process_open("/proc", pid, &child) < 0)
		return 0;
	if ((*count)++ >= NAMED_MOST)
		return 0;
	r = str_printf(names, "%s%s %d", names->len ? ", " : "", child->comm, pid);
	return r ? r : str_printf(pids, "%s%d", pids->len ? "," : "", pid);
}

static int tell(struct capture *c, const struct watched *w)
{
	cleanup(str_releasep) struct str names = { 0 }, pids = { 0 }, what = { 0 };
	_cleanup_free_ int *children = NULL;
	size_t n = 0, count = 0;
	int r = process_children(w->process, &children, &n);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_child(c, children[i], &count, &names, &pids);
	if (r < 0 || !count)
		return r;
	if (count > NAMED_MOST)
		r = str_printf(&names, " and %zu more", count - NAMED_MOST);
	r = r ? r : str_add(&names, count == 1 ? " is not watched" : " are not watched");
	r = r ? r : str_printf(&what, "what the children of %d do", w->process->pid);
	if (r == 0) {
		cleanup(str_releasep) struct str cure = { 0 };

		r = str_printf(&cure, "-p %s; --follow watches those to come", str_text(&pids));
		if (r == 0)
			emit_missing(c, str_text(&what), str_text(&names), str_text(&cure));
	}
	return r;
}

void children_tell(struct capture *c)
{
	for (size_t i = 0; i < c->watched.count; i++) {
		const struct watched *w = &c->watched.items[i];

		if (!w->gone_at && !has_loop(c, w->process->pid))
			tell(c, w); /* a hint: nobody waits for it where it cannot be had */
	}
}
