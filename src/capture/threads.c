/* threads.c: look at all threads of the watched processes, several times a second.
 *
 * The kernel side lists them, the runtime says what they are, and their stacks are read from
 * outside while they sleep.  A thread that was not switched since the last look is not read again.
 */
#include "capture/sampled.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "stallprof.skel.h"

#define PAUSE_MIN  (100 * NSEC_PER_MSEC)
#define PAUSE_MAX  (5 * NSEC_PER_SEC)
#define LIST_SHARE 1000 /* the kernel's lists take at most this part of a core, */
#define LOOK_SHARE 50	/* all together this part */
#define TELL_PAUSE (10 * NSEC_PER_SEC)
#define STACK_FLAGS \
	(STACK_KERNEL_LOST | STACK_USER_LOST) /* only the interpreter's part is read \
					       */

struct threads {
	uint64_t look_at, tell_at;
	uint64_t list_ns, look_ns; /* CPU time of the last look */
	struct thread_now list[LISTED_MAX], again[LISTED_MAX];
	struct thread_sample samples[LISTED_MAX];
	char groups[LISTED_MAX][THREAD_GROUP_MAX];
	struct event_stack stack;
	bool told; /* that threads cannot be listed */
};

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

int threads_open(struct capture *c)
{
	c->threads = calloc(1, sizeof(*c->threads));
	return c->threads ? 0 : -ENOMEM;
}

void threads_close(struct capture *c)
{
	free(c->threads);
}

static struct sampled *sampled_open(struct capture *c, struct watched *w)
{
	struct sampled *s = w->sampled = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->list = list_open(c, w->process->pid);
	if (!s->list && !c->threads->told) {
		c->threads->told = true;
		emit_missing(c, "what threads wait in", strerror(errno),
			     "needs a kernel that can list the threads of one process, 6.1 or "
			     "newer");
	}
	sampled_made_open(w);
	return s;
}

void sampled_close(struct sampled *s)
{
	struct known_thread *k, *next;

	if (!s)
		return;
	HASH_ITER (hh, s->known, k, next) {
		HASH_DEL(s->known, k);
		free(k);
	}
	bpf_link__destroy(s->list);
	thread_sums_release(&s->sums);
	made_release(&s->made);
	free(s);
}

static struct known_thread *known_find(const struct sampled *s, uint32_t tid)
{
	struct known_thread *k;

	map_find(s->known, &tid, k);
	return k;
}

static struct known_thread *known_get(struct sampled *s, uint32_t tid)
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
static void known_prune(struct sampled *s)
{
	struct known_thread *k, *next;

	HASH_ITER (hh, s->known, k, next) {
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

static struct pool_seen *pool_seen(struct sampled *s, uint64_t pool)
{
	for (size_t i = 0; i < s->n_pools; i++)
		if (s->pools[i].pool == pool)
			return &s->pools[i];
	if (s->n_pools >= THREAD_POOLS_MAX)
		return NULL;
	s->pools[s->n_pools].pool = pool;
	return &s->pools[s->n_pools++];
}

/* A pool's queue changes while its workers sleep: one of them is asked about it every time. */
static bool pool_due(struct sampled *s, uint64_t pool)
{
	struct pool_seen *p = pool ? pool_seen(s, pool) : NULL;

	return p && p->moment != s->moment;
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
	name_stack(c, stack);
	k->stack = stack->hash;
}

/* True when something of the thread was read, which counts only if it sleeps on. */
static bool look_thread(struct capture *c, struct watched *w, struct known_thread *k,
			const struct thread_now *n)
{
	struct sampled *s = w->sampled;
	bool slept = k->asleep && !k->moved && !n->running && k->switches == n->switches &&
		     k->moment == s->moment - 1;

	k->moment = s->moment;
	k->asleep = !n->running;
	k->switches = n->switches;
	k->fresh = k->moved = false;
	if (!resolver_plan(w->resolver)->enabled) {
		k->info_ok = true;
	} else {
		if (!slept || !k->info_ok || pool_due(s, k->info.pool))
			look_info(c, w, k, n);
		if (n->running || k->info.idle || k->polls == s->moment)
			k->stack = 0;
		else if (!slept || !k->stack)
			look_stack(c, w, k, n);
	}
	if (!slept && n->target.ino != k->ino) {
		k->ino = n->target.ino;
		name_target(c, n->tgid, &n->target);
	}
	return k->fresh && !n->running;
}

/* Which threads have run since they were listed: what was read of them may be of two moments. */
static void confirm(struct capture *c, struct sampled *s)
{
	struct thread_now *again = c->threads->again;
	struct known_thread *k;
	bool cut;
	ssize_t n = list_read(s->list, again, LISTED_MAX, &cut);

	for (k = s->known; k; k = k->hh.next)
		k->moved = k->fresh && k->asleep;
	for (ssize_t i = 0; i < n; i++) {
		k = known_find(s, again[i].tid);
		if (k && k->switches == again[i].switches)
			k->moved = false;
	}
}

static void sample_make(struct threads *t, struct sampled *s, size_t i,
			const struct known_thread *k)
{
	static const struct wait_target none = { .fd = -1 };
	const struct thread_now *n = &t->list[i];
	const struct runtime_thread *info = &k->info;
	struct pool_seen *p = info->pool ? pool_seen(s, info->pool) : NULL;
	char comm[sizeof(n->comm) + 1] = "";

	memcpy(comm, n->comm, sizeof(n->comm));
	thread_group(info->name[0] ? info->name : comm, t->groups[i]);
	t->samples[i] = (struct thread_sample){
		.tid = n->tid,
		.group = t->groups[i],
		.pool = info->pool,
		.pool_name = info->pool_name,
		.pool_kind = info->pool_kind ? info->pool_kind : "",
		.pool_max = info->pool_max,
		.queued = p ? p->queued : info->queued,
		.known = k->info_ok && !k->moved,
		.idle = !n->running && !k->moved && (info->idle || k->polls == s->moment),
		.klass = n->running ? CLASS_CPU : n->klass,
		.syscall = n->running ? -1 : n->syscall,
		.stack = n->running || k->moved ? 0 : k->stack,
		.target = n->running ? &none : &n->target,
	};
}

/* Loops in their polls are idle, whatever their stacks. */
static void mark_polls(struct capture *c, struct sampled *s, uint32_t tgid)
{
	uint32_t tid;

	for (uint32_t i = 0; loop_polling(c, &i, tgid, &tid); i++) {
		struct known_thread *k = known_get(s, tid);

		if (k)
			k->polls = s->moment;
	}
}

static void emit_count(struct capture *c, struct watched *w, uint64_t now, uint32_t n)
{
	if (n == w->sampled->n_threads)
		return;
	w->sampled->n_threads = n;
	str_clear(&c->payload);
	chunk_put_u64(&c->payload, now);
	chunk_put_u32(&c->payload, w->process->pid);
	chunk_put_u32(&c->payload, n);
	emit_payload(c, CHUNK_THREAD_COUNT);
}

static void look_process(struct capture *c, struct watched *w)
{
	struct sampled *s = w->sampled ? w->sampled : sampled_open(c, w);
	struct threads *t = c->threads;
	uint64_t now = now_ns(), cpu = cpu_ns();
	bool cut = false, read = false;
	size_t kept = 0;
	ssize_t n;

	if (!s || !s->list)
		return;
	n = list_read(s->list, t->list, LISTED_MAX, &cut);
	t->list_ns += cpu_ns() - cpu;
	if (n <= 0)
		return;
	s->moment++;
	s->lost += cut;
	mark_polls(c, s, w->process->pid);
	for (ssize_t i = 0; i < n; i++) {
		struct known_thread *k = known_get(s, t->list[i].tid);

		if (k && look_thread(c, w, k, &t->list[i]))
			read = true;
	}
	if (read)
		confirm(c, s);
	for (ssize_t i = 0; i < n; i++) {
		struct known_thread *k = known_find(s, t->list[i].tid);

		if (!k)
			continue;
		t->list[kept] = t->list[i];
		sample_make(t, s, kept++, k);
	}
	thread_sums_add(&s->sums, now, t->samples, kept);
	known_prune(s);
	if (!cut)
		emit_count(c, w, now, n);
	sampled_made_count(c, w, now);
}

void sampled_tell(struct capture *c, struct watched *w)
{
	int r;

	if (!w->sampled)
		return;
	sampled_made_tell(c, w);
	r = thread_sums_tell(&w->sampled->sums, w->process->pid, c->sink);
	if (r < 0 && !c->sink_error)
		c->sink_error = r;
	c->threads_lost += w->sampled->sums.lost + w->sampled->lost;
	w->sampled->sums.lost = w->sampled->lost = 0;
}

void threads_tell(struct capture *c)
{
	for (size_t i = 0; i < c->watched.count; i++)
		sampled_tell(c, &c->watched.items[i]);
}

/* The pause that keeps the cost at its share.  The first look at something new is dear and not
 * typical: the cheaper one of the last two counts. */
static uint64_t pause_after(struct threads *t, uint64_t list_before, uint64_t look_before)
{
	uint64_t list = t->list_ns < list_before ? t->list_ns : list_before;
	uint64_t look = t->look_ns < look_before ? t->look_ns : look_before;
	uint64_t pause = list * LIST_SHARE > look * LOOK_SHARE ? list * LIST_SHARE
							       : look * LOOK_SHARE;

	return pause < PAUSE_MIN ? PAUSE_MIN : pause > PAUSE_MAX ? PAUSE_MAX : pause;
}

void threads_scan(struct capture *c, uint64_t now)
{
	struct threads *t = c->threads;
	uint64_t list = t->list_ns, look = t->look_ns, cpu = cpu_ns();

	if (now < t->look_at)
		return;
	t->list_ns = 0;
	for (size_t i = 0; i < c->watched.count; i++)
		if (!c->watched.items[i].gone_at)
			look_process(c, &c->watched.items[i]);
	t->look_ns = cpu_ns() - cpu;
	t->look_at = now + pause_after(t, list, look);
	if (now < t->tell_at)
		return;
	if (t->tell_at)
		threads_tell(c);
	t->tell_at = now + TELL_PAUSE;
}
