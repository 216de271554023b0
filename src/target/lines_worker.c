/* lines_worker.c: see lines_worker.h. */
#include "target/lines_worker.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "target/lines_dwarf.h"
#include "target/sandbox.h"

#define GROWTH_MAX (6u << 20) /* bytes that the library may keep beyond the file itself */

/* What a worker has: of a large file it is worth giving back when nothing is asked for a while. */
struct serving {
	int in, out;
	bool has_alt;
	int status;
	struct lines_dwarf *dwarf; /* NULL: not opened */
	size_t used_open;	   /* bytes of memory when it was */
	unsigned int idle;	   /* limits of time that passed */
};

static size_t bytes_used(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void open_file(struct serving *s)
{
	if (s->dwarf || s->status < 0)
		return;
	s->status = lines_dwarf_open(SANDBOX_FILE(0), s->has_alt ? SANDBOX_FILE(1) : -1, &s->dwarf);
	s->used_open = bytes_used();
}

static void close_file(struct serving *s)
{
	s->dwarf = lines_dwarf_close(s->dwarf);
	malloc_trim(0);
}

/* What the library has read of a unit it keeps until the file is closed, up to a megabyte. */
static void rest(struct serving *s)
{
	if (s->dwarf && bytes_used() - s->used_open > GROWTH_MAX)
		close_file(s);
	if (s->dwarf)
		lines_dwarf_rest(s->dwarf);
}

static bool nothing_came(struct serving *s)
{
	if (++s->idle >= LINES_IDLE_S / LINES_REST_S)
		return false;
	close_file(s);
	return true;
}

static bool read_question(struct serving *s, struct lines_question *q)
{
	size_t have = 0;

	while (have < sizeof(*q)) {
		ssize_t n = read(s->in, (char *)q + have, sizeof(*q) - have);

		/* with a time limit on the socket a stop and continue interrupts it */
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && nothing_came(s))
			continue;
		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	s->idle = 0;
	return q->count <= LINES_BATCH_MAX;
}

static bool write_all(int out, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len) {
		ssize_t n = write(out, at, len);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool reply(struct serving *s, const struct lines_question *q)
{
	cleanup(str_releasep) struct str text = { 0 };
	struct lines_answer_head head = { .status = s->status };
	struct line_chain chain;
	uint32_t i;

	for (i = 0; s->dwarf && i < q->count; i++) {
		lines_dwarf_find(s->dwarf, q->addresses[i], &chain);
		if (lines_answer_put(&text, &chain) < 0)
			return false;
	}
	head.len = (uint32_t)text.len;
	return write_all(s->out, &head, sizeof(head)) && write_all(s->out, text.text, text.len);
}

/* Runs in the worker.  At its end nothing is freed: that frees all. */
static void serve(int in, int out, const void *arg)
{
	const bool *has_alt = arg;
	struct serving s = { .in = in, .out = out, .has_alt = *has_alt };
	struct lines_question q = { 0 };

	while (read_question(&s, &q)) {
		open_file(&s);
		if (!reply(&s, &q))
			return;
		rest(&s);
	}
}

void lines_worker_stop(struct lines_worker *w)
{
	str_release(&w->answer);
	w->busy = w->answered = false;
	if (!w->pid)
		return;
	close(w->to);
	close(w->from);
	sandbox_end(w->pid);
	w->pid = 0;
}

static int died(struct lines_worker *w, int error)
{
	lines_worker_stop(w);
	w->deaths++;
	return error;
}

static int start(struct lines_worker *w, int file, int alt)
{
	const struct timeval idle = { .tv_sec = LINES_REST_S };
	const int files[SANDBOX_FILES_MAX] = { file, alt };
	const bool has_alt = alt >= 0;
	int pair[2], r;

	if (w->deaths >= LINES_DEATHS_MAX)
		return -EAGAIN;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -EAGAIN;
	setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof(idle));
	r = sandbox_spawn_with(pair[1], files, has_alt ? 2 : 1, serve, &has_alt, &w->pid, &w->from);
	close(pair[1]);
	if (r < 0) {
		w->pid = 0;
		close(pair[0]);
		return -EAGAIN;
	}
	w->to = pair[0];
	return 0;
}

/* It had nothing to do for long. */
static bool has_left(const struct lines_worker *w)
{
	struct pollfd p = { .fd = w->from, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

void lines_worker_reap(struct lines_worker *w)
{
	if (w->pid && !w->busy && has_left(w))
		lines_worker_stop(w);
}

/* It has used up much of the CPU time that a worker may have in all its life. */
static bool is_old(const struct lines_worker *w)
{
	struct timespec used;
	clockid_t clock;

	return clock_getcpuclockid(w->pid, &clock) == 0 && clock_gettime(clock, &used) == 0 &&
	       used.tv_sec * 1000 + used.tv_nsec / 1000000 >= LINES_CPU_MS;
}

int lines_worker_ask(struct lines_worker *w, int file, int alt, const uint64_t *addresses,
		     size_t count)
{
	int r;

	if (w->barren)
		return -ENODATA;
	if (w->busy)
		return -EBUSY;
	lines_worker_reap(w);
	if (w->pid && is_old(w))
		lines_worker_stop(w);
	r = w->pid ? 0 : start(w, file, alt);
	if (r < 0)
		return r;
	w->question = (struct lines_question){ .count = (uint32_t)count };
	memcpy(w->question.addresses, addresses, count * sizeof(*addresses));
	if (send(w->to, &w->question, sizeof(w->question), MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(w->question))
		return died(w, -EIO);
	w->busy = true;
	w->deadline = now_ns() + LINES_DEADLINE_MS * 1000000ULL;
	str_clear(&w->answer);
	return 0;
}

/* How many more bytes the answer has, as far as is known; negative: it makes no sense. */
static int bytes_missing(const struct lines_worker *w, size_t *ret)
{
	struct lines_answer_head head;

	*ret = sizeof(head) - w->answer.len;
	if (w->answer.len < sizeof(head))
		return 0;
	memcpy(&head, w->answer.text, sizeof(head));
	if (head.len > LINES_ANSWER_MAX)
		return -EIO;
	*ret = sizeof(head) + head.len - w->answer.len;
	return 0;
}

/* Reads what is there, never more than the answer.  0: all; -EBUSY; -EIO. */
static int receive(struct lines_worker *w, uint64_t until)
{
	size_t missing;
	int r;

	while ((r = bytes_missing(w, &missing)) == 0 && missing) {
		struct pollfd p = { .fd = w->from, .events = POLLIN };
		uint64_t now = now_ns();
		char buf[16384];
		ssize_t n;

		r = poll(&p, 1, until > now ? (int)((until - now + 999999) / 1000000) : 0);
		if (r < 0 && errno != EINTR)
			return -EIO;
		if (r <= 0 && now_ns() >= until)
			return -EBUSY;
		if (r <= 0)
			continue;
		n = read(w->from, buf, missing < sizeof(buf) ? missing : sizeof(buf));
		if (n <= 0 || str_add_mem(&w->answer, buf, (size_t)n) < 0)
			return -EIO;
	}
	return r;
}

static int take_all(struct lines_worker *w, lines_take *take, void *arg)
{
	struct lines_cursor c = { .at = w->answer.text + sizeof(struct lines_answer_head),
				  .end = w->answer.text + w->answer.len };
	struct line_chain chain;
	uint32_t i;
	int r = 0;

	for (i = 0; r == 0 && i < w->question.count; i++) {
		if (lines_answer_get(&c, &chain) < 0)
			return died(w, -EIO);
		r = take(arg, w->question.addresses[i], &chain);
	}
	return r;
}

int lines_worker_wait(struct lines_worker *w, uint64_t until, lines_take *take, void *arg)
{
	struct lines_answer_head head;
	int r;

	if (!w->busy)
		return 0;
	r = receive(w, until < w->deadline ? until : w->deadline);
	if (r == -EBUSY)
		return now_ns() < w->deadline ? r : died(w, -ETIMEDOUT);
	if (r < 0)
		return died(w, r);
	w->busy = false;
	w->answered = true;
	memcpy(&head, w->answer.text, sizeof(head));
	if (head.status == 0)
		return take_all(w, take, arg);
	if (head.status == -ENOMEM)
		return died(w, -EIO);
	lines_worker_stop(w);
	w->barren = true;
	return -ENODATA;
}
