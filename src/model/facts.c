/* facts.c: chunks that say something about the capture itself: circumstances, processes, names.
 *
 * Every text is made printable here, once; no later step sees a byte from outside.
 */
#include "model/state.h"

#include <string.h>

const char *model_text(struct model *m, struct chunk_cursor *c)
{
	uint32_t len;
	const char *text = chunk_get_str(c, &len);

	return intern_printable(&m->texts, text, len);
}

uint64_t model_wall(const struct model *m, uint64_t mono)
{
	/* Modulo 2^64 on purpose: a moment before the start comes out right too. */
	return m->start_real + (mono - m->start_mono);
}

/* Adds to one of the short lists, which a hostile recording must not make long. */
#define list_add(m, list, most, ...) \
	((m)->list.count < (most) ? vec_add(&(m)->list, __VA_ARGS__) : ((m)->lost_items++, 0))

static uint64_t number(const char *text)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(text, &end, 10);
	return errno || *end || text[0] < '0' || text[0] > '9' ? 0 : v;
}

static int feed_meta(struct model *m, struct chunk_cursor *c)
{
	const char *key = model_text(m, c), *value = key ? model_text(m, c) : NULL;

	if (!value)
		return -ENOMEM;
	if (c->bad)
		return 0;
	if (!strcmp(key, META_VERSION))
		m->profile.version = value;
	else if (!strcmp(key, META_KERNEL))
		m->profile.kernel = value;
	else if (!strcmp(key, META_HOST))
		m->profile.host = value;
	else if (!strcmp(key, META_MODE)) {
		m->profile.is_offcpu = !strcmp(value, "off-cpu");
		m->profile.is_tasks = !strcmp(value, "tasks");
	} else if (!strcmp(key, META_THRESHOLD))
		m->profile.threshold_ns = number(value);
	else if (!strcmp(key, META_START_MONO))
		m->start_mono = number(value);
	else if (!strcmp(key, META_START_REAL))
		m->start_real = number(value);
	return 0;
}

int proc_find(struct model *m, uint32_t pid, int *ret_index)
{
	int index = index_find(m->proc_by_pid, pid);
	const char *comm;

	if (index < 0) {
		/* Never "": it would be the first frame of a folded line. */
		comm = pid ? intern_printf(&m->texts, "pid-%u", pid) : "(all)";
		if (!comm || vec_add(&m->procs, { pid, comm, "", "", "", "" }) < 0)
			return -ENOMEM;
		if (vec_add(&m->proc_infos, { 0 }) < 0) {
			m->procs.count--;
			return -ENOMEM;
		}
		index = m->procs.count - 1;
		if (index_add(m, &m->proc_by_pid, pid, index) < 0)
			return -ENOMEM;
	}
	*ret_index = index;
	return 0;
}

static int feed_proc(struct model *m, struct chunk_cursor *c)
{
	uint32_t pid = chunk_get_u32(c);
	uint64_t ts = chunk_get_u64(c);
	const char *text[5];
	struct proc_info *info;
	struct proc *p;
	int index, r;

	for (int i = 0; i < 5; i++) {
		text[i] = model_text(m, c);
		if (!text[i])
			return -ENOMEM;
	}
	if (c->bad)
		return 0;
	if (ts > m->last_ts)
		m->last_ts = ts;
	r = proc_find(m, pid, &index);
	if (r < 0)
		return r;
	p = &m->procs.items[index];
	info = &m->proc_infos.items[index];
	if (info->announced && (p->exe != text[1] || p->cmdline != text[2]))
		info->replaced = true;
	info->announced = true;
	if (*text[0])
		p->comm = text[0];
	p->exe = text[1];
	p->cmdline = text[2];
	p->runtime = text[3];
	p->version = text[4];
	return 0;
}

static int feed_hook(struct model *m, struct chunk_cursor *c)
{
	const char *need = model_text(m, c), *rung = need ? model_text(m, c) : NULL;

	if (!rung)
		return -ENOMEM;
	if (c->bad)
		return 0;
	/* A rung that fell later replaces what was said at the start. */
	for (size_t i = 0; i < m->hooks.count; i++)
		if (m->hooks.items[i].need == need) {
			m->hooks.items[i].rung = rung;
			return 0;
		}
	return list_add(m, hooks, MODEL_TOLD_MAX, { need, rung });
}

static int feed_missing(struct model *m, struct chunk_cursor *c)
{
	const char *what = model_text(m, c), *why = what ? model_text(m, c) : NULL;
	const char *cure = why ? model_text(m, c) : NULL;

	if (!cure)
		return -ENOMEM;
	if (c->bad)
		return 0;
	/* several processes, or the images of one, may lack the same */
	for (size_t i = 0; i < m->missing.count; i++) {
		const struct missing *old = &m->missing.items[i];

		if (old->what == what && old->why == why && old->cure == cure)
			return 0;
	}
	return list_add(m, missing, MODEL_TOLD_MAX, { what, why, cure });
}

static int feed_note(struct model *m, struct chunk_cursor *c)
{
	uint64_t ts = chunk_get_u64(c);
	uint32_t pid = chunk_get_u32(c);
	const char *text = model_text(m, c);

	if (!text)
		return -ENOMEM;
	return c->bad ? 0 : list_add(m, notes, MODEL_LIST_MAX, { ts, pid, text });
}

static int feed_lost(struct model *m, struct chunk_cursor *c)
{
	const char *what = model_text(m, c);
	uint64_t count = chunk_get_u64(c);

	if (!what)
		return -ENOMEM;
	if (c->bad)
		return 0;
	for (size_t i = 0; i < m->lost.count; i++)
		if (m->lost.items[i].what == what) {
			m->lost.items[i].count = count;
			return 0;
		}
	return list_add(m, lost, MODEL_LIST_MAX, { what, count });
}

static int add_path(struct model *m, uint64_t tgid, uint64_t dev, uint64_t ino, const char *path)
{
	struct path_node *node, probe = { .key = { tgid, dev, ino } };

	map_find(m->paths, &probe.key, node);
	if (node) {
		node->path = path; /* renamed, or the inode was reused: the later name fits */
		return 0;
	}
	node = arena_alloc(&m->texts.arena, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->key = probe.key;
	node->path = path;
	return map_add(m->paths, key, node);
}

static int feed_path(struct model *m, struct chunk_cursor *c)
{
	uint32_t tgid = chunk_get_u32(c);
	uint64_t dev, ino;
	const char *path;
	int r;

	chunk_get_u32(c); /* the descriptor: it may mean another file by now */
	dev = chunk_get_u64(c);
	ino = chunk_get_u64(c);
	path = model_text(m, c);
	if (!path)
		return -ENOMEM;
	if (c->bad || (dev == 0 && ino == 0))
		return 0;
	r = add_path(m, tgid, dev, ino, path);
	return r < 0 || tgid == 0 ? r : add_path(m, 0, dev, ino, path);
}

const char *path_find(const struct model *m, uint32_t tgid, uint64_t dev, uint64_t ino)
{
	struct path_node *node, probe = { .key = { tgid, dev, ino } };

	map_find(m->paths, &probe.key, node);
	if (!node) {
		probe.key.tgid = 0;
		map_find(m->paths, &probe.key, node);
	}
	return node ? node->path : "";
}

static int feed_peer(struct model *m, struct chunk_cursor *c)
{
	uint64_t pid = chunk_get_u32(c);
	const char *comm = model_text(m, c);
	struct peer_node *node;

	if (!comm)
		return -ENOMEM;
	if (c->bad)
		return 0;
	map_find(m->peers, &pid, node);
	if (node) {
		node->comm = comm;
		return 0;
	}
	node = arena_alloc(&m->texts.arena, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->pid = pid;
	node->comm = comm;
	return map_add(m->peers, pid, node);
}

const char *peer_find(const struct model *m, uint32_t pid)
{
	uint64_t key = pid;
	struct peer_node *node;

	map_find(m->peers, &key, node);
	return node ? node->comm : "";
}

static int feed_end(struct model *m, struct chunk_cursor *c)
{
	uint64_t ts = chunk_get_u64(c);

	if (!c->bad)
		m->end_ts = ts;
	return 0;
}

int facts_feed(struct model *m, const struct chunk *chunk)
{
	static int (*const feeds[])(struct model *, struct chunk_cursor *) = {
		[CHUNK_META] = feed_meta,
		[CHUNK_PROC] = feed_proc,
		[CHUNK_HOOK] = feed_hook,
		[CHUNK_MISSING] = feed_missing,
		[CHUNK_PATH] = feed_path,
		[CHUNK_PEER] = feed_peer,
		[CHUNK_NOTE] = feed_note,
		[CHUNK_LOST] = feed_lost,
		[CHUNK_END] = feed_end,
		[CHUNK_TASK] = running_feed,
		[CHUNK_DEPTH] = depths_feed,
		[CHUNK_THREAD_NAME] = names_feed,
		[CHUNK_POOL] = pools_feed,
		[CHUNK_THREADS] = threads_feed,
		[CHUNK_THREAD_COUNT] = growth_feed_count,
		[CHUNK_THREAD_MADE] = growth_feed_made,
		[CHUNK_CHURN] = growth_feed_churn,
		[CHUNK_MODULE] = stacks_feed_module,
		[CHUNK_STACK_LINES] = stacks_feed_lines,
	};
	struct chunk_cursor c;
	int r;

	/* A kind of a later minor version: skipped, as promised. */
	if (chunk->kind >= sizeof(feeds) / sizeof(feeds[0]) || !feeds[chunk->kind])
		return 0;
	chunk_cursor_init(&c, chunk);
	r = feeds[chunk->kind](m, &c);
	if (c.bad)
		m->bad_events++;
	return r;
}
