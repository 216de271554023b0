/* path.c: see path.h. */
#include "runtime/path.h"

#include <string.h>

const char *path_shown(const char *path, const char *cwd)
{
	size_t len = strlen(cwd);

	if (len > 1 && strncmp(path, cwd, len) == 0 && path[len] == '/' && path[len + 1])
		path += len + 1;
	while (path[0] == '.' && path[1] == '/' && path[2])
		path += 2;
	return path;
}
