/* path.c: see path.h. */
#include "runtime/path.h"

#include <string.h>

#include "base/str.h"

const char *path_shown(const char *path, const char *cwd)
{
	size_t len = strlen(cwd);

	if (len > 1 && strncmp(path, cwd, len) == 0 && path[len] == '/' && path[len + 1])
		path += len + 1;
	while (path[0] == '.' && path[1] == '/' && path[2])
		path += 2;
	return path;
}

static const char *inside(const char *path, const char *root)
{
	size_t len = strlen(root);

	return len > 1 && strncmp(path, root, len) == 0 && path[len] == '/' ? path + len : path;
}

/* /lib, /lib64 and what else stands beside them for other widths, but no /libs. */
static bool is_system_lib(const char *path)
{
	if (!str_starts(path, "/lib"))
		return false;
	path += strlen("/lib");
	path += strspn(path, "x0123456789");
	return *path == '/';
}

bool path_is_installed(const char *path, const char *root)
{
	static const char *const prefixes[] = { "/usr/lib", "/usr/local/lib/lib", "/nix/store/",
						"/gnu/store/", "[v" };
	size_t i;

	path = inside(path, root);
	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (str_starts(path, prefixes[i]))
			return true;
	return is_system_lib(path) || strstr(path, "/site-packages/") ||
	       strstr(path, "/dist-packages/");
}
