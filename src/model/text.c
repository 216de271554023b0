/* text.c: what a wait was for, in words.
 *
 * Owns the phrases of target.text and the tips of folded stacks.  Names come from the kernel side
 * and may be cut or hostile; they are made printable here.
 */
#include "model/state.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "model/syscalls.h"

const struct target target_none = {
	.fd = -1, .path = "", .local = "", .peer = "", .comm = "", .text = "", .group = ""
};

const char *model_syscall(struct model *m, int number)
{
	const char *name = syscall_name(number);

	if (number < 0)
		return "";
	/* Interned too: equal names must be equal pointers. */
	return name ? intern_text(&m->texts, name) : intern_printf(&m->texts, "syscall_%d", number);
}

static const char *address_text(struct model *m, int family, const uint8_t *addr, uint16_t port)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, none[16];
	char text[INET6_ADDRSTRLEN];

	if (family != AF_INET && family != AF_INET6)
		return "";
	if (port == 0 && !memcmp(addr, none, family == AF_INET ? 4 : 16))
		return "";
	if (family == AF_INET6 && !memcmp(addr, mapped, sizeof(mapped))) {
		family = AF_INET;
		addr += sizeof(mapped);
	}
	if (!inet_ntop(family, addr, text, sizeof(text)))
		return "";
	return intern_printf(&m->texts, family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
}

/* "300ms", "1.5s", "250us": three digits, no zeros at the end. */
/* To three digits: an absolute sleep is asked for a little before it begins, and 299.98 ms is 300.
 */
static uint64_t rounded(uint64_t ns)
{
	uint64_t step = 1;

	while (ns / step >= 1000)
		step *= 10;
	return ns > UINT64_MAX - step ? ns : (ns + step / 2) / step * step;
}

static void length_text(uint64_t ns, char *ret, size_t size)
{
	static const struct {
		uint64_t ns;
		const char *name;
	} units[] = { { 1000000000, "s" }, { 1000000, "ms" }, { 1000, "us" }, { 1, "ns" } };
	size_t u = 0;
	uint64_t whole;
	unsigned int rest;

	ns = rounded(ns);
	while (u < 3 && ns < units[u].ns)
		u++;
	whole = ns / units[u].ns;
	rest = (unsigned __int128)(ns % units[u].ns) * 100 / units[u].ns;
	if (whole >= 100)
		rest = 0;
	else if (whole >= 10)
		rest -= rest % 10;
	if (rest == 0)
		snprintf(ret, size, "%" PRIu64 "%s", whole, units[u].name);
	else if (rest % 10 == 0)
		snprintf(ret, size, "%" PRIu64 ".%u%s", whole, rest / 10, units[u].name);
	else
		snprintf(ret, size, "%" PRIu64 ".%02u%s", whole, rest, units[u].name);
}

static const char *path_of(struct model *m, uint32_t tgid, const struct wait_target *raw,
			   const char *name)
{
	const char *full = path_find(m, tgid, raw->dev, raw->ino);
	const char *dir;

	if (*full || !*name || *name == '/')
		return *full ? full : name;
	dir = intern_printable(&m->texts, raw->dir, sizeof(raw->dir));
	if (!dir || !*dir)
		return dir ? name : NULL;
	if (!strcmp(dir, "/"))
		return intern_printf(&m->texts, "/%s", name);
	return intern_printf(&m->texts, ".../%s/%s", dir, name);
}

static const char *with_name(struct model *m, const char *kind, const char *name)
{
	return *name ? intern_printf(&m->texts, "%s %s", kind, name) : intern_text(&m->texts, kind);
}

static const char *socket_phrase(struct model *m, const char *kind, const struct target *t)
{
	if (!*t->peer && *t->local)
		return intern_printf(&m->texts, "%s on %s", kind, t->local);
	return with_name(m, kind, t->peer);
}

static const char *child_phrase(struct model *m, const struct target *t)
{
	if (!t->pid)
		return with_name(m, "child", t->comm);
	if (!*t->comm)
		return intern_printf(&m->texts, "child pid %u", t->pid);
	return intern_printf(&m->texts, "child %s[%u]", t->comm, t->pid);
}

static const char *fd_phrase(struct model *m, const char *kind, int fd)
{
	return fd < 0 ? kind : intern_printf(&m->texts, "%s%sfd %d", kind, *kind ? " " : "", fd);
}

static const char *phrase(struct model *m, const struct target *t, const char *name)
{
	char length[40];

	switch (t->kind) {
	case TARGET_FILE:
		return with_name(m, "file", t->path);
	case TARGET_FIFO:
		return with_name(m, "fifo", t->path);
	case TARGET_DEVICE:
		return with_name(m, "device", t->path);
	case TARGET_TCP:
		return socket_phrase(m, "tcp", t);
	case TARGET_UDP:
		return socket_phrase(m, "udp", t);
	case TARGET_UNIX:
		if (!*t->path && t->pid)
			return intern_printf(&m->texts, "unix pid %u", t->pid);
		return with_name(m, "unix", t->path);
	case TARGET_CHILD:
		return child_phrase(m, t);
	case TARGET_SLEEP:
		length_text(t->asked_ns, length, sizeof(length));
		return with_name(m, "sleep", t->asked_ns ? length : "");
	case TARGET_FUTEX:
		return intern_printf(&m->texts, "futex 0x%" PRIx64, t->address);
	case TARGET_EPOLL:
		return fd_phrase(m, "epoll", t->fd);
	case TARGET_PIPE:
		return "pipe";
	case TARGET_NETLINK:
		return "netlink";
	case TARGET_OTHER:
		return *name ? name : fd_phrase(m, "", t->fd);
	default:
		return "";
	}
}

/* poll and select: the phrase is about the first descriptor of several. */
static const char *with_more(struct model *m, const struct target *t)
{
	if (!t->text || t->fd_count < 2)
		return t->text;
	return intern_printf(&m->texts, "%s%s+%d more", t->text, *t->text ? " " : "",
			     t->fd_count - 1);
}

/* A new child for each request, a lock in each object, or a longer sleep each time is still one
 * cause. */
static const char *group_of(struct model *m, const struct target *t)
{
	if (t->kind == TARGET_SLEEP)
		return intern_text(&m->texts, "sleep");
	if (t->kind == TARGET_CHILD)
		return with_name(m, "child", t->comm);
	if (t->kind == TARGET_FUTEX)
		return intern_text(&m->texts, "futex");
	if (t->kind == TARGET_UNIX)
		return with_name(m, "unix", t->path);
	return t->text;
}

int target_make(struct model *m, uint32_t tgid, const struct wait_target *raw, struct target *ret)
{
	const char *name = intern_printable(&m->texts, raw->name, sizeof(raw->name));
	struct target t = target_none;

	if (!name)
		return -ENOMEM;
	t.kind = raw->kind;
	t.fd = raw->fd < 0 ? -1 : raw->fd;
	t.fd_count = raw->fd_count;
	/* of socketpair the kernel names the process that made both ends, not who has the other one
	 */
	if (t.kind == TARGET_CHILD || (t.kind == TARGET_UNIX && raw->pid != tgid)) {
		t.pid = raw->pid;
		t.comm = peer_find(m, raw->pid);
	}
	if (t.kind == TARGET_CHILD && *name)
		t.comm = name;
	if (t.kind == TARGET_SLEEP)
		t.asked_ns = raw->value;
	if (t.kind == TARGET_FUTEX)
		t.address = raw->value;
	if (t.kind == TARGET_FILE || t.kind == TARGET_FIFO || t.kind == TARGET_DEVICE)
		t.path = path_of(m, tgid, raw, name);
	if (t.kind == TARGET_UNIX)
		t.path = name;
	if (t.kind == TARGET_TCP || t.kind == TARGET_UDP) {
		t.local = address_text(m, raw->family, raw->local_addr, raw->local_port);
		t.peer = address_text(m, raw->family, raw->peer_addr, raw->peer_port);
	}
	if (!t.path || !t.local || !t.peer)
		return -ENOMEM;
	t.text = phrase(m, &t, name);
	t.text = with_more(m, &t);
	/* Interned once more, for the phrases that are literals here. */
	t.text = t.text ? intern_text(&m->texts, t.text) : NULL;
	t.group = t.text ? group_of(m, &t) : NULL;
	if (!t.group)
		return -ENOMEM;
	*ret = t;
	return 0;
}

const char *tip_text(struct model *m, enum stall_class klass, const char *syscall,
		     const struct target *t)
{
	static const char *const names[] = {
#define X(name, number, text) [number] = text,
		STALL_CLASSES(X)
#undef X
	};

	if (klass == CLASS_SYSCALL)
		return intern_printf(&m->texts, "[syscall%s%s%s%s]", *syscall ? " " : "", syscall,
				     *t->group ? " " : "", t->group);
	if (klass == CLASS_FAULT && *t->path)
		return intern_printf(&m->texts, "[fault %s]", t->path);
	return intern_printf(&m->texts, "[%s]", names[klass]);
}
