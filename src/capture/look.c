/* look.c: look into one thread: what it is to its program, and where it waits.
 *
 * Both are read from outside while it may run, so both count only if it slept all the while.
 * What was found is kept for as long as it sleeps on.
 */
#include "capture/sampled.h"

#include <string.h>

#define INFO_KEPT   NSEC_PER_SEC			  /* others may name a thread that sleeps */
#define STACK_FLAGS (STACK_KERNEL_LOST | STACK_USER_LOST) /* the interpreter's part is read */

struct known_thread *known_find(const struct sampled *s, uint32_t tid)
{
	struct known_thread *k;

	map_find(s->known, &tid, k);
	return k;
}

struct known_thread *known_get(struct sampled *s, uint32_t tid)
{
	struct known_thread *k = known_find(s, tid);

	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->tid = tid;
	if (map_add(s->known, tid, k) == 0)
		return k;
	free(k);
	return NULL;
}

/* Those that were not listed this time have ended. */
void known_prune(struct sampled *s)
{
	struct known_thread *k, *next;

	for (k = s->known; k; k = next) {
		next = k->hh.next;
		if (k->moment == s->moment)
			continue;
		HASH_DEL(s->known, k);
		free(k);
	}
}

static void emit_name(struct capture *c, const struct thread_now *n, const char *name)
{
	str_clear(&c->payload);
	chunk_put_u32(&c->payload, n->tgid);
	chunk_put_u32(&c->payload, n->tid);
	chunk_put_str(&c->payload, name);
	emit_payload(c, CHUNK_THREAD_NAME);
}

struct pool_seen *pool_seen(struct sampled *s, uint64_t pool)
{
	struct pool_seen *p = &s->pools[0];

	for (size_t i = 0; i < THREAD_POOLS_MAX; i++) {
		if (s->pools[i].pool == pool)
			return &s->pools[i];
		if (s->pools[i].moment < p->moment)
			p = &s->pools[i];
	}
	/* Programs make pools without end; the one that was asked about longest ago goes. */
	*p = (struct pool_seen){ .pool = pool };
	return p;
}

/* A pool's queue changes while its workers sleep: one of them is asked about it every time. */
static bool pool_due(struct sampled *s, uint64_t pool)
{
	return pool && pool_seen(s, pool)->moment != s->moment;
}

/* What the thread is to its program. */
static void look_info(struct capture *c, struct watched *w, struct known_thread *k,
		      const struct thread_now *n)
{
	struct sampled *s = w->sampled;
	struct runtime_thread info;
	struct pool_seen *p;
	int r;

	memset(&info, 0, sizeof(info));
	r = resolver_thread_now(w->resolver, n->thread_pointer, &info);
	k->info_ok = r == 0;
	k->info_until = now_ns() + INFO_KEPT;
	k->fresh = true;
	if (r < 0)
		return;
	info.name[RUNTIME_NAME_MAX - 1] = info.pool_name[RUNTIME_NAME_MAX - 1] = '\0';
	if (info.name[0] && strcmp(info.name, k->info.name) != 0)
		emit_name(c, n, info.name);
	k->info = info;
	p = info.pool ? pool_seen(s, info.pool) : NULL;
	if (p) {
		p->moment = s->moment;
		p->queued = info.queued;
	}
}

static void look_stack(struct capture *c, struct watched *w, struct known_thread *k,
		       const struct thread_now *n)
{
	struct event_stack *stack = &c->threads->stack;
	const uint32_t tgid = n->tgid;

	k->fresh = true;
	k->stack = 0;
	if (!resolver_walk(w->resolver, n->thread_pointer, stack))
		return;
	stack->head.kind = EVENT_STACK;
	stack->head.ts = now_ns();
	stack->head.tgid = tgid;
	stack->head.tid = n->tid;
	stack->flags |= STACK_FLAGS;
	/* Processes made by fork have the same addresses. */
	stack->hash = hash_bytes(stack->hash, &tgid, sizeof(tgid)) | 1;
	k->stack = name_alike(c, stack);
}

/* True when something of the thread was read, which counts only if it sleeps on. */
bool look_thread(struct capture *c, struct watched *w, struct known_thread *k,
		 const struct thread_now *n, uint64_t now)
{
	struct sampled *s = w->sampled;
	bool slept = k->asleep && !k->moved && !n->running && k->switches == n->switches &&
		     k->moment == s->moment - 1;
	bool ask = !slept || now >= k->info_until;

	k->moment = s->moment;
	k->asleep = !n->running;
	k->switches = n->switches;
	k->fresh = k->moved = false;
	/* It ran since: if it cannot be asked now, it is not known to be idle still. */
	if (!slept)
		k->info.idle = false;
	if (!resolver_plan(w->resolver)->enabled) {
		k->info_ok = true;
	} else if (ask && now_ns() > c->threads->look_until) {
		/* Next time; those that sleep until then need no second look. */
		k->info_ok = k->asleep = false;
		k->stack = 0;
	} else {
		if (ask || pool_due(s, k->info.pool))
			look_info(c, w, k, n);
		if (n->running || k->info.idle || k->polls == s->moment)
			k->stack = 0;
		else if (!slept || (ask && !k->stack))
			look_stack(c, w, k, n);
	}
	if (!slept && n->target.ino != k->ino) {
		k->ino = n->target.ino;
		name_target(c, n->tgid, &n->target);
	}
	return k->fresh && !n->running;
}

/* Which threads have run since they were listed: what was read of them may be of two moments. */
void look_again(struct capture *c, struct sampled *s)
{
	struct thread_now *again = c->threads->again;
	struct known_thread *k;
	bool cut;
	ssize_t n = list_read(s->list, again, LISTED_MAX, &cut);

	for (k = s->known; k; k = k->hh.next)
		k->moved = k->fresh && k->asleep;
	for (ssize_t i = 0; i < n; i++) {
		k = known_find(s, again[i].tid);
		/* The switches count how often it left the CPU, not that it came back. */
		if (k && !again[i].running && k->switches == again[i].switches)
			k->moved = false;
	}
}
