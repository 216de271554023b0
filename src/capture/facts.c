/* facts.c: the circumstances of a capture as chunks: settings, hooks, processes, losses. */
#include "capture/internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/version.h"
#include "stallprof.skel.h"

static void sink_result(struct capture *c, int r)
{
	if (r < 0 && !c->sink_error)
		c->sink_error = r;
}

void emit_payload(struct capture *c, enum chunk_kind kind)
{
	sink_result(c, chunk_emit(c->sink, kind, &c->payload));
	str_clear(&c->payload);
}

void emit_event(struct capture *c, const struct event_head *event)
{
	struct chunk chunk = { .kind = CHUNK_EVENT, .len = event->size, .payload = event };

	sink_result(c, c->sink->put(c->sink, &chunk));
}

void emit_meta(struct capture *c, const char *key, const char *value)
{
	str_clear(&c->payload);
	chunk_put_str(&c->payload, key);
	chunk_put_str(&c->payload, value);
	emit_payload(c, CHUNK_META);
}

void emit_meta_u64(struct capture *c, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	emit_meta(c, key, text);
}

void emit_proc(struct capture *c, const struct watched *w)
{
	str_clear(&c->payload);
	chunk_put_u32(&c->payload, w->process->pid);
	chunk_put_u64(&c->payload, now_ns());
	chunk_put_str(&c->payload, w->process->comm);
	chunk_put_str(&c->payload, w->process->exe);
	chunk_put_str(&c->payload, w->process->cmdline);
	chunk_put_str(&c->payload, resolver_runtime(w->resolver));
	chunk_put_str(&c->payload, resolver_version(w->resolver));
	emit_payload(c, CHUNK_PROC);
}

void emit_missing(struct capture *c, const char *what, const char *why, const char *cure)
{
	str_clear(&c->payload);
	chunk_put_str(&c->payload, what);
	chunk_put_str(&c->payload, why);
	chunk_put_str(&c->payload, cure);
	emit_payload(c, CHUNK_MISSING);
}

void emit_note(struct capture *c, uint32_t pid, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	str_clear(&c->payload);
	chunk_put_u64(&c->payload, now_ns());
	chunk_put_u32(&c->payload, pid);
	chunk_put_str(&c->payload, text);
	emit_payload(c, CHUNK_NOTE);
}

static void emit_hooks(struct capture *c)
{
	for (enum need need = 0; need < NEED_COUNT; need++) {
		str_clear(&c->payload);
		chunk_put_str(&c->payload, need_name(need));
		chunk_put_str(&c->payload, c->rung[need]->name);
		emit_payload(c, CHUNK_HOOK);
	}
	if (c->offcpu)
		return;
	if (strcmp(c->rung[NEED_POLL]->name, "switch") == 0)
		emit_missing(c, "polls that do not sleep",
			     "loops are watched at the scheduler only, so iterations whose poll "
			     "returns at "
			     "once are taken together",
			     "--hooks poll=tracepoint");
	if (strcmp(c->rung[NEED_RUNQUEUE]->name, "off") == 0)
		emit_missing(c, "run-queue time",
			     "waiting for a CPU is not told from being blocked",
			     "--hooks runqueue=waking");
	if (strcmp(c->rung[NEED_ONCPU]->name, "off") == 0)
		emit_missing(c, "stacks of CPU time", "no samples are taken",
			     "--hooks oncpu=clock");
	if (strcmp(c->rung[NEED_WAKER]->name, "off") == 0)
		emit_missing(c, "wakers", "who ends a wait is not looked at",
			     "--hooks waker=waking");
}

void emit_circumstances(struct capture *c, const struct capture_opts *opts)
{
	struct timespec real;
	struct utsname name;

	emit_meta(c, META_VERSION, STALLPROF_VERSION);
	emit_meta(c, META_MODE, opts->offcpu ? "off-cpu" : "stalls");
	clock_gettime(CLOCK_REALTIME, &real);
	emit_meta_u64(c, META_START_MONO, now_ns());
	emit_meta_u64(c, META_START_REAL, (uint64_t)real.tv_sec * NSEC_PER_SEC + real.tv_nsec);
	emit_meta_u64(c, META_THRESHOLD, c->conf.threshold);
	emit_meta_u64(c, META_MIN_PART, c->conf.min_part);
	emit_meta_u64(c, META_SAMPLE_PERIOD, c->sample_period);
	if (uname(&name) == 0) {
		emit_meta(c, META_KERNEL, name.release);
		emit_meta(c, META_HOST, name.nodename);
	}
	emit_hooks(c);
	if (!resolver_host_has_kernel(c->host))
		emit_missing(c, "kernel function names", "/proc/kallsyms hides addresses",
			     "sysctl kernel.kptr_restrict=0, or run as root");
}

void emit_loss(struct capture *c, const char *what, uint64_t count)
{
	if (!count)
		return;
	str_clear(&c->payload);
	chunk_put_str(&c->payload, what);
	chunk_put_u64(&c->payload, count);
	emit_payload(c, CHUNK_LOST);
}

void emit_losses(struct capture *c)
{
	static const char *const names[LOST_COUNT] = {
#define X(name, number, text) [LOST_##name] = text,
		LOST_KINDS(X)
#undef X
	};

	for (int i = 0; i < LOST_COUNT; i++)
		emit_loss(c, names[i], c->skel->bss->lost[i]);
	emit_loss(c, "stack names", c->unnamed);
	emit_loss(c, "thread samples", c->threads_lost);
	unwind_losses(c);
}
