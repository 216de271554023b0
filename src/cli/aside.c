/* aside.c: see aside.h. */
#include "cli/aside.h"

#include <errno.h>
#include <fcntl.h>

#include "base/str.h"

static int partial_name(const char *path, struct str *ret_name)
{
	return str_printf(ret_name, "%s.partial", path);
}

int aside_open(const char *path, FILE **ret_stream)
{
	cleanup(str_releasep) struct str name = { 0 };
	_cleanup_close_ int fd = -1;
	FILE *stream;
	int r = partial_name(path, &name);

	if (r < 0)
		return r;
	/* Root writes into folders where others may, so that the name must be new. */
	if (unlink(name.text) < 0 && errno != ENOENT)
		return -errno;
	fd = open(name.text, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	stream = fdopen(fd, "w");
	if (!stream)
		return -errno;
	steal_fd(&fd);
	*ret_stream = stream;
	return 0;
}

int aside_close(const char *path, FILE *stream, int status)
{
	cleanup(str_releasep) struct str name = { 0 };
	int r = partial_name(path, &name);

	if (fclose(stream) != 0 && status == 0)
		status = -errno;
	if (r < 0)
		return r;
	if (status == 0 && rename(name.text, path) < 0)
		status = -errno;
	if (status < 0)
		unlink(name.text);
	return status;
}

int aside_probe(const char *path)
{
	FILE *stream;
	int r = aside_open(path, &stream);

	/* The status makes it go away again. */
	return r < 0 ? r : aside_close(path, stream, -ECANCELED) == -ECANCELED ? 0 : -EIO;
}
