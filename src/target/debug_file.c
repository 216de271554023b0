/* debug_file.c: see debug_file.h. */
#include "target/debug_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "target/elf.h"
#include "target/sandbox.h"

#define PATH_ROOM    (4096 + 512)
#define TRIES	     4 /* openat2 gives up when somebody renames folders meanwhile */
#define OPEN_MS	     1000
#define BUILD_ID_MIN 4 /* digits: the first two name a folder */

/* Runs in a worker: the folders on the way can be anything. */
static int open_below(int root, const void *arg)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	_cleanup_close_ int handle = -1;
	uint64_t ino;
	int i;

	for (i = 0; i < TRIES && handle < 0; i++) {
		handle = (int)syscall(SYS_openat2, root, arg, &how, sizeof(how));
		if (handle < 0 && errno != EAGAIN)
			return -errno;
	}
	if (handle < 0)
		return -EAGAIN;
	return elf_is_regular(handle, &ino) ? steal_fd(&handle) : -EINVAL;
}

int debug_file_open(int root, const char *path)
{
	return sandbox_open(root, open_below, path, OPEN_MS);
}

/* The file that several debug files share the rest of their content with: by its path below
 * ".dwz", which may be relative or of another root. */
static int open_alternate(int root, const char *link)
{
	static const char *const folders[] = { "/usr/lib/debug/.dwz/", "/.dwz/" };
	const char *rest = strstr(link, "/.dwz/");
	char path[PATH_ROOM];
	int fd = -1;
	size_t i;

	if (!rest)
		return -1;
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]) && fd < 0; i++) {
		snprintf(path, sizeof(path), "%s%s", folders[i], rest + strlen("/.dwz/"));
		fd = debug_file_open(root, path);
	}
	return fd < 0 ? -1 : fd;
}

/* 0, or why not; only -ETIMEDOUT ends the search. */
static int try_path(int root, const char *path, const struct symbols_proof *proof,
		    struct symbols **ret)
{
	_cleanup_close_ int fd = debug_file_open(root, path);
	int r = fd < 0 ? fd : symbols_build_debug(fd, proof, ret);

	if (r == 0 && symbols_has_lines(*ret))
		symbols_keep_files(*ret, steal_fd(&fd),
				   open_alternate(root, symbols_altlink(*ret)));
	return r;
}

int debug_file_by_build_id(int root, const char *build_id, struct symbols **ret_debug)
{
	static const char *const folders[] = { "/usr/lib/debug/.build-id", "/.build-id" };
	struct symbols_proof proof = { .build_id = build_id };
	char path[PATH_ROOM];
	size_t i;
	int r = -ENOENT;

	if (strlen(build_id) < BUILD_ID_MIN)
		return -ENOENT;
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%.2s/%s.debug", folders[i], build_id,
			 build_id + 2);
		r = try_path(root, path, &proof, ret_debug);
		if (r == 0 || r == -ETIMEDOUT)
			return r;
	}
	return r;
}

static int read_id(int fd, const void *arg, struct str *result)
{
	cleanup(elf_image_closep) struct elf_image *e = NULL;
	uint8_t id[64];
	char hex[SYMBOLS_BUILD_ID_ROOM];
	int r = elf_image_open(fd, &e);

	(void)arg;
	if (r < 0)
		return r;
	symbols_hex(id, elf_image_build_id(e, id, sizeof(id)), hex);
	return str_add(result, hex);
}

int debug_file_read_id(int fd, char ret_build_id[SYMBOLS_BUILD_ID_ROOM])
{
	cleanup(str_releasep) struct str hex = { 0 };
	int r = sandbox_run(fd, read_id, NULL, SANDBOX_DEADLINE_MS, &hex);

	if (r < 0)
		return r;
	if (hex.len >= SYMBOLS_BUILD_ID_ROOM)
		return -EIO;
	memcpy(ret_build_id, str_text(&hex), hex.len + 1);
	return 0;
}

static int by_link(int root, const char *file, const struct symbols *s, struct symbols **ret)
{
	static const char *const places[][2] = { { "", "/" },
						 { "", "/.debug/" },
						 { "/usr/lib/debug", "/" } };
	struct symbols_proof proof = { 0 };
	const char *link = symbols_debuglink(s, &proof.crc), *slash = strrchr(file, '/');
	char path[PATH_ROOM];
	size_t i;
	int r;

	if (!*link || !slash)
		return -ENOENT;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int n = snprintf(path, sizeof(path), "%s%.*s%s%s", places[i][0],
				 (int)(slash - file), file, places[i][1], link);

		if (n < 0 || (size_t)n >= sizeof(path))
			continue;
		r = try_path(root, path, &proof, ret);
		if (r == 0 || r == -ETIMEDOUT)
			return r;
	}
	return -ENOENT;
}

int debug_file_find(int root, const char *path, const struct symbols *s, struct symbols **ret_debug)
{
	int r = debug_file_by_build_id(root, symbols_build_id(s), ret_debug);

	if (r == 0 || r == -ETIMEDOUT)
		return r;
	if (path)
		r = by_link(root, path, s, ret_debug);
	return r == 0 || r == -ETIMEDOUT ? r : -ENOENT;
}

static bool same_folder(int a, int b)
{
	const int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
	struct statx x, y;

	return statx(a, "", flags, STATX_INO, &x) == 0 && statx(b, "", flags, STATX_INO, &y) == 0 &&
	       x.stx_dev_major == y.stx_dev_major && x.stx_dev_minor == y.stx_dev_minor &&
	       x.stx_ino == y.stx_ino;
}

/* A process in a chroot: its map tells paths from the root of its mounts, not from its own. */
static const char *path_in_root(const struct process *p, const char *path)
{
	char root[4096];
	ssize_t n = readlinkat(p->dir, "root", root, sizeof(root) - 1);

	if (n <= 1) /* "/" */
		return path;
	root[n] = '\0';
	return str_starts(path, root) && path[n] == '/' ? path + n : path;
}

int debug_file_find_for(const struct process *p, const struct mapping *m, const struct symbols *s,
			struct symbols **ret_debug)
{
	_cleanup_close_ int theirs = openat(p->dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int ours = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = -ENOENT;

	if (theirs >= 0)
		r = debug_file_find(theirs, path_in_root(p, m->path), s, ret_debug);
	if (r == 0 || r == -ETIMEDOUT || ours < 0 || (theirs >= 0 && same_folder(theirs, ours)))
		return r;
	return debug_file_find(ours, m->path, s, ret_debug);
}
