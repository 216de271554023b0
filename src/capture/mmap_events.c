/* mmap_events.c: see mmap_events.h.
 *
 * The events count nothing (PERF_COUNT_SW_DUMMY), they are only there for the records beside
 * samples.  They belong to a CPU and to no task, so that context switches pay nothing for them.
 */
#include "capture/mmap_events.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "base/cpu_list.h"
#include "base/str.h"

/* A record is some 100 to 200 bytes: a CPU that executes programs all the time writes 400 of them
 * in 50 ms, the longest pause between two reads. */
#define DATA_PAGES 16
#define CPUS_MAX   4096

#define ONLINE_MAX 65536 /* bytes of the list */

/* Of one processor. */
struct ring {
	struct perf_event_mmap_page *head; /* one page, then the data; NULL: there is none */
	int fd;
	bool online; /* when we looked last */
};

struct mmap_events {
	int epoll;
	size_t page, size; /* of a page, of all data; bytes */
	const char *online;
	unsigned char *record; /* one that wraps round the end */
	bool *runs;	       /* each processor, now */
	size_t n_rings;
	struct ring rings[];
};

/* Without the name: the kernel's record up to there, and the time behind the name. */
struct mmap_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t maj, min;
	uint64_t ino, ino_generation;
	uint32_t prot, flags;
};

static int event_open(int cpu, size_t wake_bytes)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.mmap = 1,
		.mmap2 = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
		.wakeup_watermark = wake_bytes,
	};

	return syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static void ring_close(const struct mmap_events *e, struct ring *ring)
{
	if (!ring->head)
		return;
	munmap(ring->head, e->page + e->size);
	close(ring->fd);
	ring->head = NULL;
}

static int ring_open(struct mmap_events *e, size_t cpu)
{
	struct epoll_event ready = { .events = EPOLLIN };
	_cleanup_close_ int fd = event_open((int)cpu, 1);
	void *p;

	if (fd < 0)
		return -errno;
	p = mmap(NULL, e->page + e->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	if (epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &ready) < 0) {
		int r = -errno;

		munmap(p, e->page + e->size);
		return r;
	}
	madvise(p, e->page + e->size, MADV_DONTFORK); /* workers have no business with it */
	e->rings[cpu].fd = steal_fd(&fd);
	e->rings[cpu].head = p;
	return 0;
}

/* Which processors run; where the kernel does not say, all that could. */
static void look(struct mmap_events *e)
{
	cleanup(str_releasep) struct str text = { 0 };

	if (file_read(e->online, ONLINE_MAX, &text) < 0 ||
	    cpu_list_parse(str_text(&text), e->runs, e->n_rings) < 0)
		memset(e->runs, 1, e->n_rings * sizeof(*e->runs));
}

/* One that was away has an event that is dead. */
int mmap_events_follow(struct mmap_events *e)
{
	int came = 0, error = 0;

	look(e);
	for (size_t cpu = 0; cpu < e->n_rings; cpu++) {
		struct ring *ring = &e->rings[cpu];
		bool before = ring->online;
		int r;

		ring->online = e->runs[cpu];
		if (!ring->online || before)
			continue;
		ring_close(e, ring);
		r = ring_open(e, cpu);
		ring->online = r != -ENODEV;
		came += r == 0;
		if (r < 0 && r != -ENODEV)
			error = r;
	}
	return error ? error : came;
}

int mmap_events_open(const char *online, struct mmap_events **ret_events)
{
	cleanup(mmap_events_closep) struct mmap_events *e = NULL;
	int cpus = libbpf_num_possible_cpus(), r;

	if (cpus < 0)
		return cpus;
	cpus = cpus < CPUS_MAX ? cpus : CPUS_MAX;
	e = calloc(1, sizeof(*e) + cpus * sizeof(e->rings[0]));
	if (!e)
		return -ENOMEM;
	e->page = sysconf(_SC_PAGESIZE);
	e->size = DATA_PAGES * e->page;
	e->online = online;
	e->n_rings = cpus;
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	e->record = malloc(UINT16_MAX + 1);
	e->runs = calloc(cpus, sizeof(*e->runs));
	if (e->epoll < 0)
		return -errno;
	if (!e->record || !e->runs)
		return -ENOMEM;
	r = mmap_events_follow(e);
	if (r > 0)
		*ret_events = steal(e);
	return r > 0 ? 0 : r < 0 ? r : -ENODEV;
}

struct mmap_events *mmap_events_close(struct mmap_events *e)
{
	if (!e)
		return NULL;
	for (size_t i = 0; i < e->n_rings; i++)
		ring_close(e, &e->rings[i]);
	if (e->epoll >= 0)
		close(e->epoll);
	free(e->record);
	free(e->runs);
	free(e);
	return NULL;
}

int mmap_events_fd(const struct mmap_events *e)
{
	return e->epoll;
}

bool mmap_record_parse(const void *bytes, size_t len, struct mmap_event *ret_event)
{
	const char *name = (const char *)bytes + sizeof(struct mmap_record);
	struct mmap_record r;
	uint64_t ts;

	if (len < sizeof(r) + sizeof(ts))
		return false;
	memcpy(&r, bytes, sizeof(r));
	if (r.header.type != PERF_RECORD_MMAP2)
		return false;
	memcpy(&ts, (const char *)bytes + len - sizeof(ts), sizeof(ts));
	*ret_event = (struct mmap_event){
		.ts = ts,
		.tgid = r.pid,
		.file = name[0] == '/' && name[1] != '/', /* "//anon", "[vdso]" */
		.start = r.addr,
		.end = r.addr + r.len < r.addr ? UINT64_MAX : r.addr + r.len,
	};
	return true;
}

/* The record at `tail`, in one piece. */
static const void *record_at(const struct mmap_events *e, const struct ring *ring, uint64_t tail,
			     size_t len)
{
	const unsigned char *data = (const unsigned char *)ring->head + e->page;
	size_t at = tail & (e->size - 1), first = e->size - at;

	if (len <= first)
		return data + at;
	memcpy(e->record, data + at, first);
	memcpy(e->record + first, data, len - first);
	return e->record;
}

static bool ring_read(const struct mmap_events *e, const struct ring *ring,
		      void (*put)(void *ctx, const struct mmap_event *event), void *ctx)
{
	uint64_t head = __atomic_load_n(&ring->head->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->head->data_tail;
	struct mmap_event event;
	bool lost = false;

	while (tail < head) {
		struct perf_event_header h;

		memcpy(&h, record_at(e, ring, tail, sizeof(h)), sizeof(h));
		if (h.size < sizeof(h) || h.size > head - tail) {
			tail = head; /* cannot be; but it would never end */
			lost = true;
			break;
		}
		lost |= h.type == PERF_RECORD_LOST;
		if (mmap_record_parse(record_at(e, ring, tail, h.size), h.size, &event))
			put(ctx, &event);
		tail += h.size;
	}
	__atomic_store_n(&ring->head->data_tail, tail, __ATOMIC_RELEASE);
	return lost;
}

bool mmap_events_read(struct mmap_events *e, void (*put)(void *ctx, const struct mmap_event *event),
		      void *ctx)
{
	bool lost = false;

	for (size_t i = 0; i < e->n_rings; i++)
		if (e->rings[i].head)
			lost |= ring_read(e, &e->rings[i], put, ctx);
	return lost;
}
