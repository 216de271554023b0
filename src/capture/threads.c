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
#define LOOK_MAX   (50 * NSEC_PER_MSEC)

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

int sampled_open(struct capture *c, struct watched *w)
{
	struct sampled *s = w->sampled = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->list = list_open(c, w->process->pid);
	if (!s->list && !c->threads->told) {
		c->threads->told = true;
		emit_missing(c, "what threads wait in", strerror(errno),
			     "needs a kernel that can list the threads of one process, 6.1 or "
			     "newer");
	}
	sampled_made_open(w);
	return 0;
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
	struct sampled *s = w->sampled;
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

		if (k && look_thread(c, w, k, &t->list[i], now))
			read = true;
	}
	if (read)
		look_again(c, s);
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
	t->look_until = now_ns() + LOOK_MAX;
	for (size_t i = 0; i < c->watched.count; i++) {
		struct watched *w = &c->watched.items[(t->first + i) % c->watched.count];

		if (!w->gone_at)
			look_process(c, w);
	}
	t->first++; /* where there is more than can be looked at, not always the same is left out */
	t->look_ns = cpu_ns() - cpu;
	t->look_at = now + pause_after(t, list, look);
	if (now < t->tell_at)
		return;
	if (t->tell_at)
		threads_tell(c);
	t->tell_at = now + TELL_PAUSE;
}
