/* writer.c: appends chunks to FILE.partial and moves it into place at the end; see recording.h.
 *
 * What was put becomes a block and reaches the kernel when the buffer is full, on recording_flush,
 * and otherwise with the first chunk a second later, so that a SIGKILL costs little.  The first
 * failed write stays: every later put returns it, so that a full disk is told once by whoever looks
 * and nothing is torn.
 */
#include "recording/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>

#include "recording/block.h"
#include "recording/layout.h"

#define BUFFER_SIZE (64u << 10)
#define SECOND	    1000000000ULL /* ns */

struct recording_writer {
	struct chunk_sink sink; /* first: the sink is the writer */
	char *path;
	char *partial;
	int fd;
	int error;	  /* of the first failed write, sticky */
	uint64_t written; /* bytes of the file so far */
	uint64_t flushed; /* coarse monotonic ns of the last flush */
	struct str raw;	  /* chunks for the next block */
	struct str out;	  /* the same as they go to the file; empty between flushes */
};

static void writer_free(struct recording_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		close(w->fd);
	str_release(&w->raw);
	str_release(&w->out);
	free(w->path);
	free(w->partial);
	free(w);
}
DEFINE_CLEANUP(struct recording_writer *, writer_free)

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		len -= n;
	}
	return 0;
}

static uint64_t coarse_now(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

int recording_flush(struct recording_writer *w)
{
	if (!w->error)
		w->error = block_pack(&w->raw, &w->out);
	if (!w->error)
		w->error = write_all(w->fd, w->out.text, w->out.len);
	w->written += w->out.len;
	str_clear(&w->raw);
	str_clear(&w->out);
	w->flushed = coarse_now();
	return w->error;
}

static int writer_put(struct chunk_sink *sink, const struct chunk *chunk)
{
	struct recording_writer *w = (struct recording_writer *)sink;
	int r;

	if (w->error)
		return w->error;
	if (chunk->len > RECORDING_CHUNK_MAX)
		return -EMSGSIZE;
	if (chunk->kind == LAYOUT_BLOCK)
		return -EINVAL;
	/* So that a chunk longer than the buffer is a block of its own, and no block is longer. */
	if (w->raw.len && w->raw.len + LAYOUT_INNER_HEAD + chunk->len > BUFFER_SIZE) {
		r = recording_flush(w);
		if (r < 0)
			return r;
	}
	r = block_add(&w->raw, chunk);
	if (r < 0)
		return r;
	if (w->raw.len >= BUFFER_SIZE || coarse_now() - w->flushed >= SECOND)
		return recording_flush(w);
	return 0;
}

static void make_header(unsigned char *header, bool complete, uint64_t bytes)
{
	memset(header, 0, LAYOUT_HEADER_SIZE);
	memcpy(header, LAYOUT_MAGIC, strlen(LAYOUT_MAGIC));
	layout_put(header + LAYOUT_MAJOR, RECORDING_MAJOR, 2);
	layout_put(header + LAYOUT_MINOR, RECORDING_MINOR, 2);
	layout_put(header + LAYOUT_ORDER, LAYOUT_BYTE_ORDER, 4);
	layout_put(header + LAYOUT_SIZE, LAYOUT_HEADER_SIZE, 4);
	layout_put(header + LAYOUT_COMPLETE, complete, 4);
	layout_put(header + LAYOUT_BYTES, complete ? bytes : 0, 8);
	layout_put(header + LAYOUT_CRC, crc32(0, header, LAYOUT_HEADER_SIZE), 4);
}

/* The rename at the end would replace a device or a folder; better refused before measuring. */
static int check_target(const char *path)
{
	struct stat st;

	if (!*path)
		return -EINVAL;
	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

static int open_partial(const char *path)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	/* Often run as root and in /tmp: follow no link, touch no other file than a plain one,
	 * and do not empty a file that another recording is writing. */
	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (ftruncate(fd, 0) < 0)
		return -errno;
	return steal_fd(&fd);
}

int recording_create(const char *path, struct recording_writer **ret_writer)
{
	cleanup(writer_freep) struct recording_writer *w = calloc(1, sizeof(*w));
	unsigned char header[LAYOUT_HEADER_SIZE];
	int r;

	if (!w)
		return -ENOMEM;
	w->fd = -1;
	w->sink.put = writer_put;
	r = check_target(path);
	if (r < 0)
		return r;
	w->path = strdup(path);
	if (!w->path || asprintf(&w->partial, "%s.partial", path) < 0) {
		w->partial = NULL;
		return -ENOMEM;
	}
	w->fd = open_partial(w->partial);
	if (w->fd < 0)
		return w->fd;
	make_header(header, false, 0);
	r = write_all(w->fd, (const char *)header, sizeof(header));
	if (r < 0) {
		unlink(w->partial);
		return r;
	}
	w->written = sizeof(header);
	w->flushed = coarse_now();
	*ret_writer = steal(w);
	return 0;
}

struct chunk_sink *recording_sink(struct recording_writer *w)
{
	return &w->sink;
}

/* Makes the rename itself durable.  Failure changes nothing for the reader, so it is not told. */
static void sync_folder(const char *path)
{
	_cleanup_free_ char *folder = strdup(path);
	_cleanup_close_ int fd = -1;
	char *slash = folder ? strrchr(folder, '/') : NULL;

	if (!folder)
		return;
	if (slash)
		slash[slash == folder] = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		fsync(fd);
}

static int complete(struct recording_writer *w)
{
	unsigned char header[LAYOUT_HEADER_SIZE];
	ssize_t n;
	int r = recording_flush(w);

	if (r < 0)
		return r;
	/* Chunks first: a header that says complete must never precede them on the disk. */
	if (fsync(w->fd) < 0)
		return -errno;
	make_header(header, true, w->written);
	n = pwrite(w->fd, header, sizeof(header), 0);
	if (n != sizeof(header))
		return n < 0 ? -errno : -EIO;
	if (fsync(w->fd) < 0)
		return -errno;
	if (rename(w->partial, w->path) < 0)
		return -errno;
	sync_folder(w->path);
	return 0;
}

int recording_finish(struct recording_writer *w)
{
	int r = complete(w);

	writer_free(w);
	return r;
}

void recording_abandon(struct recording_writer *w)
{
	if (w)
		unlink(w->partial);
	writer_free(w);
}
