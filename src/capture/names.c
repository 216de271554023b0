/* names.c: give names to what the kernel side saw, while the process can still be asked.
 *
 * Every stack is named once, when its body arrives, and gets source lines that take longer later;
 * files and peers are named when a stall that waited for them is told.
 */
#include "capture/internal.h"

#include <string.h>
#include <uthash.h>

/* A program that makes new code all the time has new stacks all the time; each costs us 2 KiB. */
#define NAMED_MAX 65536

struct named {
	uint64_t hash;
	const char *kind;   /* of the loop in it, static storage; NULL */
	const char *native; /* the same by native frames */
	bool walked;	    /* the native frames reach the outermost one */
	bool whole;	    /* interpreter frames are there, and none is missing */
	uint64_t names;	    /* hash of them, 0: there are none */
	uint64_t alike;	    /* the stack that stands for all with these names; 0: not asked */
	UT_hash_handle hh;
};

static struct named *named_find(const struct capture *c, uint64_t hash)
{
	struct named *n = NULL;

	HASH_FIND(hh, c->named, &hash, sizeof(hash), n);
	return n;
}

const char *stack_loop_kind(const struct capture *c, uint64_t hash)
{
	struct named *n = named_find(c, hash);

	return n ? n->kind : NULL;
}

const char *stack_native_loop(const struct capture *c, uint64_t hash)
{
	struct named *n = named_find(c, hash);

	return n ? n->native : NULL;
}

bool stack_walked(const struct capture *c, uint64_t hash)
{
	struct named *n = named_find(c, hash);

	return n && n->walked;
}

bool stack_whole(const struct capture *c, uint64_t hash)
{
	struct named *n = named_find(c, hash);

	return n && n->whole;
}

uint64_t stack_names(const struct capture *c, uint64_t hash)
{
	struct named *n = named_find(c, hash);

	return n ? n->names : 0;
}

void named_add(struct capture *c, uint64_t hash, const char *kind, bool whole)
{
	struct named *n = calloc(1, sizeof(*n));

	if (!n)
		return;
	n->hash = hash;
	n->kind = kind;
	n->whole = whole;
	HASH_ADD(hh, c->named, hash, sizeof(n->hash), n);
}

void named_native(struct capture *c, uint64_t hash, const char *kind, bool walked)
{
	struct named *n = named_find(c, hash);

	if (!n)
		return;
	n->native = kind;
	n->walked = walked;
}

static int put_module(void *ctx, const struct str *payload)
{
	struct capture *c = ctx;

	return chunk_emit(c->sink, CHUNK_MODULE, payload);
}

/* The names into c->payload.  False when there are none to be had. */
static bool resolve(struct capture *c, struct watched *w, const struct event_stack *stack)
{
	if (HASH_COUNT(c->named) >= NAMED_MAX) {
		c->unnamed++;
		return false;
	}
	str_clear(&c->payload);
	return resolver_stack(w->resolver, stack, &c->payload) == 0;
}

/* Of what resolve() found, but for the stack's own hash and how its frames were found: in the
 * kernel or from a copy. */
static uint64_t hash_names(const struct capture *c)
{
	const size_t before = sizeof(uint64_t) + sizeof(uint32_t);

	return c->payload.len <= before
		       ? 0
		       : hash_bytes(HASH_START, c->payload.text + before, c->payload.len - before) |
				 1;
}

void name_stack(struct capture *c, struct event_stack *stack)
{
	struct watched *w = watched_find(c, stack->head.tgid);
	struct named *n;
	uint64_t names;

	if (!w || named_find(c, stack->hash))
		return;
	unwind_stack(c, w, stack);
	if (!resolve(c, w, stack))
		return;
	names = hash_names(c);
	resolver_modules(w->resolver, put_module, c); /* what it misses is tried again */
	emit_payload(c, CHUNK_STACK_NAMES);
	named_add(c, stack->hash, resolver_loop_kind(w->resolver),
		  !(stack->flags & (STACK_PYTHON_LOST | STACK_PYTHON_CUT)) &&
			  resolver_rooted(w->resolver));
	named_native(c, stack->hash, resolver_native_loop(w->resolver),
		     stack->user_stop == UNWIND_STOP_ROOT);
	n = named_find(c, stack->hash);
	if (n)
		n->names = names;
}

static int put_lines(void *ctx, const struct str *payload)
{
	struct capture *c = ctx;

	return chunk_emit(c->sink, CHUNK_STACK_LINES, payload);
}

void names_late(struct capture *c, uint64_t until, bool last)
{
	int r = resolver_late(c->host, until, last, put_lines, c);

	if (r < 0 && !c->sink_error)
		c->sink_error = r;
}

void name_stack_early(struct capture *c, struct event_stack *stack)
{
	struct watched *w = watched_find(c, stack->head.tgid);

	if (w && !named_find(c, stack->hash))
		resolver_touch(w->resolver, stack);
}

uint64_t name_alike(struct capture *c, const struct event_stack *stack)
{
	const size_t hash_size = sizeof(stack->hash); /* what a payload begins with */
	struct watched *w = watched_find(c, stack->head.tgid);
	struct named *n = named_find(c, stack->hash);
	uint64_t alike;

	if (n)
		return n->alike;
	if (!w || !resolve(c, w, stack) || c->payload.len < hash_size)
		return 0;
	alike = hash_bytes(HASH_START, &stack->head.tgid, sizeof(stack->head.tgid));
	alike = hash_bytes(alike, c->payload.text + hash_size, c->payload.len - hash_size) | 1;
	if (!named_find(c, alike)) {
		memcpy(c->payload.text, &alike, hash_size);
		emit_payload(c, CHUNK_STACK_NAMES);
		named_add(c, alike, NULL, false);
	}
	named_add(c, stack->hash, NULL, false);
	n = named_find(c, stack->hash);
	if (n)
		n->alike = alike;
	return alike;
}

/* Whether the descriptor still leads to the inode.  Asked through fdinfo (it has the inode number
 * from 5.14 on, 3845f256a8b5), because a stat would wait for a file system that hangs. */
static bool same_inode(uint32_t pid, const struct wait_target *t)
{
	cleanup(str_releasep) struct str info = { 0 };
	unsigned long long ino;
	const char *line;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%d", pid, t->fd);
	if (file_read(path, 65536, &info) < 0)
		return false;
	line = strstr(str_text(&info), "ino:");
	return line && sscanf(line, "ino: %llu", &ino) == 1 && ino == t->ino;
}

/* The full path of an open file, if the descriptor still leads to the same inode. */
static void name_file(struct capture *c, uint32_t pid, const struct wait_target *t)
{
	char link[64], path[4096];
	ssize_t n;

	if (!same_inode(pid, t))
		return;
	snprintf(link, sizeof(link), "/proc/%u/fd/%d", pid, t->fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || path[0] != '/')
		return;
	path[n] = '\0';
	str_clear(&c->payload);
	chunk_put_u32(&c->payload, pid);
	chunk_put_u32(&c->payload, t->fd);
	chunk_put_u64(&c->payload, t->dev);
	chunk_put_u64(&c->payload, t->ino);
	chunk_put_str(&c->payload, path);
	emit_payload(c, CHUNK_PATH);
}

static void name_peer(struct capture *c, uint32_t pid)
{
	cleanup(str_releasep) struct str comm = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	if (file_read(path, 4096, &comm) < 0 || comm.len == 0)
		return;
	comm.text[strcspn(comm.text, "\n")] = '\0';
	str_clear(&c->payload);
	chunk_put_u32(&c->payload, pid);
	chunk_put_str(&c->payload, comm.text);
	emit_payload(c, CHUNK_PEER);
}

void name_target(struct capture *c, uint32_t pid, const struct wait_target *t)
{
	if (t->fd >= 0 &&
	    (t->kind == TARGET_FILE || t->kind == TARGET_FIFO || t->kind == TARGET_DEVICE))
		name_file(c, pid, t);
	if (t->pid && (t->kind == TARGET_UNIX || (t->kind == TARGET_CHILD && !t->name[0])))
		name_peer(c, t->pid);
}

void name_targets(struct capture *c, const struct event_stall *stall)
{
	for (int i = 0; i < stall->n_parts; i++)
		name_target(c, stall->head.tgid, &stall->parts[i].target);
}

void names_close(struct capture *c)
{
	struct named *n, *next;

	HASH_ITER (hh, c->named, n, next) {
		HASH_DEL(c->named, n);
		free(n);
	}
}
