/* rename.c: see rename.h.  Chunks come from a file: every length is checked before it is used. */
#include "cli/rename.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "cli/restack.h"
#include "runtime/native_lines.h"
#include "target/debug_file.h"
#include "target/debuginfod.h"
#include "target/demangler.h"
#include "target/lines.h"

#define FILES_MAX     4096
#define MODULES_MAX   65536
#define TIMEOUTS_MAX  8	   /* of files that take too long to read; then no more are read */
#define KEPT_MAX      64   /* files held open for their source lines */
#define LINES_WAIT_MS 5000 /* nobody waits for a stall here */

/* A recording may claim many modules of one build; its file is read once. */
struct rename_build {
	char build_id[SYMBOLS_BUILD_ID_ROOM];
	bool tried;
	struct symbols *symbols; /* NULL: no file */
	UT_hash_handle hh;
};

struct rename_module {
	uint32_t number;
	struct rename_build *build;
	UT_hash_handle hh;
};

struct rename_file {
	char *name;
	char build_id[SYMBOLS_BUILD_ID_ROOM];
};

static struct rename_module *find_module(struct rename *r, uint32_t number)
{
	struct rename_module *m;

	map_find(r->modules, &number, m);
	return m;
}

static int get_build(struct rename *r, const char *build_id, struct rename_build **ret)
{
	struct rename_build *b;
	int status;

	HASH_FIND_STR(r->builds, build_id, b);
	*ret = b;
	if (b)
		return 0;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	snprintf(b->build_id, sizeof(b->build_id), "%s", build_id);
	HASH_ADD_STR(r->builds, build_id, b);
	status = b->hh.tbl ? 0 : -ENOMEM;
	if (status < 0)
		free(b);
	else
		*ret = b;
	return status;
}

static int add_module(struct rename *r, const struct chunk *chunk)
{
	char build_id[SYMBOLS_BUILD_ID_ROOM] = "";
	_cleanup_free_ struct rename_module *m = NULL;
	struct chunk_cursor c;
	const char *text;
	uint32_t len, number;
	int status;

	chunk_cursor_init(&c, chunk);
	number = chunk_get_u32(&c);
	text = chunk_get_str(&c, &len);
	if (c.bad || !len || len >= SYMBOLS_BUILD_ID_ROOM ||
	    HASH_COUNT(r->modules) >= MODULES_MAX || find_module(r, number))
		return 0;
	memcpy(build_id, text, len);
	/* It becomes part of a path. */
	if (strspn(build_id, "0123456789abcdef") != len)
		return 0;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->number = number;
	status = get_build(r, build_id, &m->build);
	if (status == 0)
		status = map_add(r->modules, number, m);
	if (status == 0)
		m = NULL; /* the table's now */
	return status;
}

static int add_file(struct rename *r, const char *name, unsigned int *timeouts)
{
	_cleanup_close_ int fd = debug_file_open(r->folder, name);
	struct rename_file f = { 0 };
	int status;

	if (fd < 0 || *timeouts >= TIMEOUTS_MAX || r->files.count >= FILES_MAX)
		return 0;
	status = debug_file_read_id(fd, f.build_id);
	*timeouts += status == -ETIMEDOUT;
	if (status < 0 || !*f.build_id)
		return 0;
	f.name = strdup(name);
	if (!f.name)
		return -ENOMEM;
	status = vec_add(&r->files, f);
	if (status < 0)
		free(f.name);
	return status;
}

/* Once: which builds the files in the folder are. */
static int list_files(struct rename *r)
{
	int fd = openat(r->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), status = 0;
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	unsigned int timeouts = 0;
	struct dirent *entry;

	r->listed = true;
	if (!folder) {
		closep(&fd);
		return 0;
	}
	while (status == 0 && (entry = readdir(folder)))
		status = add_file(r, entry->d_name, &timeouts);
	closedir(folder);
	return status;
}

/* Of several files of that build the one with all names counts, else the first. */
static int from_files(struct rename *r, struct rename_build *b)
{
	struct symbols_proof proof = { .build_id = b->build_id };
	int status = r->listed ? 0 : list_files(r);

	for (size_t i = 0; status == 0 && i < r->files.count; i++) {
		const struct rename_file *f = &r->files.items[i];
		struct symbols *s;
		_cleanup_close_ int fd = -1;

		if (strcmp(f->build_id, b->build_id) != 0)
			continue;
		fd = debug_file_open(r->folder, f->name);
		if (fd < 0 || symbols_build_debug(fd, &proof, &s) < 0)
			continue;
		if (b->symbols && !symbols_complete(s)) {
			symbols_free(s);
			continue;
		}
		symbols_free(b->symbols);
		b->symbols = s;
		if (symbols_has_lines(s))
			symbols_keep_files(s, steal_fd(&fd), -1);
		if (symbols_complete(s))
			break;
	}
	return status;
}

/* The servers may send anything: only the right build's file counts. */
static void from_servers(struct rename *r, struct rename_build *b)
{
	struct symbols_proof proof = { .build_id = b->build_id };
	_cleanup_close_ int fd = debuginfod_fetch(r->fetch, b->build_id);
	int status = fd < 0 ? fd : symbols_build_debug(fd, &proof, &b->symbols);

	if (status < 0 && status != -ENOENT)
		r->fetch_error = status;
	if (status == 0 && symbols_has_lines(b->symbols))
		symbols_keep_files(b->symbols, steal_fd(&fd), -1);
}

static int load(struct rename *r, struct rename_build *b)
{
	int status = 0;

	if (b->tried)
		return 0;
	b->tried = true;
	r->wanted++;
	if (r->folder >= 0 && debug_file_by_build_id(r->folder, b->build_id, &b->symbols) < 0)
		status = from_files(r, b);
	if (status == 0 && !b->symbols && r->fetch)
		from_servers(r, b);
	r->found += b->symbols != NULL;
	if (b->symbols && r->kept++ >= KEPT_MAX)
		symbols_drop_files(b->symbols);
	return status;
}

/* What the debug files say of a nameless frame. */
static int name_frames(void *ctx, uint32_t number, uint64_t address,
		       struct chunk_frame ret_frames[RESTACK_FRAMES_MAX], size_t *ret_count)
{
	struct rename *r = ctx;
	struct rename_module *m = find_module(r, number);
	struct symbols *s;
	const struct line_place *places = NULL;
	const char *name;
	size_t count = 0;
	int status = m ? load(r, m->build) : 0;

	*ret_count = 0;
	s = m ? m->build->symbols : NULL;
	if (status < 0 || !s)
		return status;
	name = symbols_find(s, address);
	lines_fetch(r->lines, s, &address, 1);
	lines_find(r->lines, s, address, &places, &count);
	for (size_t i = 0; i < count; i++)
		ret_frames[i] = (struct chunk_frame){
			.fn = demangler_name(r->demangler, places[i].fn),
			.file = places[i].file,
			.line = places[i].line,
			.flags = FRAME_INLINED |
				 (native_lines_installed(places[i].file) ? FRAME_LIBRARY : 0),
		};
	if (!count && name)
		ret_frames[count++] = (struct chunk_frame){ .file = "" };
	if (name)
		ret_frames[count - 1].fn = demangler_name(r->demangler, name);
	*ret_count = count;
	return 0;
}

static int put_names(struct rename *r, const struct chunk *chunk)
{
	struct chunk changed = *chunk;
	int status;

	str_clear(&r->copy);
	lines_trim(r->lines);
	lines_begin(r->lines, LINES_WAIT_MS);
	status = restack(chunk, name_frames, r, &r->copy);
	if (status < 0)
		return status;
	if (r->copy.len) {
		changed.payload = r->copy.text;
		changed.len = (uint32_t)r->copy.len;
	}
	return r->to->put(r->to, &changed);
}

static int put(struct chunk_sink *sink, const struct chunk *chunk)
{
	struct rename *r = (struct rename *)((char *)sink - offsetof(struct rename, sink));
	bool passes = r->folder < 0 && !r->fetch;
	int status;

	if (!passes && chunk->kind == CHUNK_STACK_NAMES)
		return put_names(r, chunk);
	if (!passes && chunk->kind == CHUNK_MODULE) {
		status = add_module(r, chunk);
		if (status < 0)
			return status;
	}
	return r->to->put(r->to, chunk);
}

int rename_init(struct rename *r, struct chunk_sink *to, const char *folder,
		struct debuginfod *fetch)
{
	int status;

	*r = (struct rename){ .sink = { .put = put }, .to = to, .folder = -1, .fetch = fetch };
	if (folder) {
		r->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (r->folder < 0)
			return -errno;
	}
	if (!folder && !fetch)
		return 0;
	status = lines_new(&r->lines);
	return status < 0 ? status : demangler_new(&r->demangler);
}

void rename_release(struct rename *r)
{
	struct rename_module *m, *next;
	struct rename_build *b, *after;

	HASH_ITER (hh, r->modules, m, next) {
		HASH_DEL(r->modules, m);
		free(m);
	}
	HASH_ITER (hh, r->builds, b, after) {
		HASH_DEL(r->builds, b);
		symbols_free(b->symbols);
		free(b);
	}
	for (size_t i = 0; i < r->files.count; i++)
		free(r->files.items[i].name);
	vec_release(&r->files);
	lines_free(r->lines);
	demangler_free(r->demangler);
	debuginfod_free(r->fetch);
	str_release(&r->copy);
	closep(&r->folder);
}
