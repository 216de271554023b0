/* python_truth.h: starts python_truth.py under each interpreter at hand and reads the stacks it
 * prints.
 *
 * For tests that compare what was seen from outside with what Python says itself.  Header only.
 */
#ifndef STALLPROF_TESTS_PYTHON_TRUTH_H
#define STALLPROF_TESTS_PYTHON_TRUTH_H

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "base/vec.h"

#define TRUTH_THREADS 17 /* as many as the script blocks, the main one included */

struct truth_frame {
	int tid;
	uint64_t thread_pointer;
	char *fn;
	char *file;
	unsigned int line;
	bool coroutine;
};

struct truth {
	pid_t pid;
	int hold; /* closing it ends the target */
	VEC(struct truth_frame) frames;
	char *text;
};

/* An interpreter inside a root folder of its own is written "ROOT//usr/bin/python3.15"; there the
 * script goes in as text, because the folder does not hold it.  Does not come back. */
static inline void truth_exec(const char *python, const char *script)
{
	const char *inner = strstr(python, "//");
	static char text[65536];
	char root[4096];
	FILE *f;

	if (!inner) {
		execlp(python, python, script, NULL);
		_exit(127);
	}
	snprintf(root, sizeof(root), "%.*s", (int)(inner - python), python);
	f = fopen(script, "r");
	if (f && fread(text, 1, sizeof(text) - 1, f) > 0 && chroot(root) == 0 && chdir("/") == 0)
		execl(inner + 1, inner + 1, "-c", text, NULL);
	_exit(127);
}

/* argv[0] by PATH.  Not 0 when it cannot be started. */
static inline int truth_spawn(const char *python, const char *script, pid_t *ret_pid, int *ret_in,
			      int *ret_out)
{
	int in[2], out[2];
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		setenv("PYTHONIOENCODING", "utf-8", 1);
		truth_exec(python, script);
	}
	close(in[0]);
	close(out[1]);
	*ret_pid = pid;
	*ret_in = in[1];
	*ret_out = out[0];
	return pid < 0 ? -1 : 0;
}

static inline int truth_start(struct truth *t, const char *python)
{
	struct str text = { 0 };
	char *line, *next, path[4096], script[4200];
	int out;

	memset(t, 0, sizeof(*t));
	if (!getcwd(path, sizeof(path)))
		return -1;
	snprintf(script, sizeof(script), "%s/tests/support/python_truth.py", path);
	if (truth_spawn(python, script, &t->pid, &t->hold, &out) < 0)
		return -1;
	while (!text.text || !strstr(text.text, "END\n")) {
		char buf[4096];
		ssize_t n = read(out, buf, sizeof(buf));

		if (n <= 0)
			break;
		str_add_mem(&text, buf, (size_t)n);
	}
	close(out);
	t->text = text.text;
	for (line = t->text; line && (next = strchr(line, '\n')); line = next + 1) {
		struct truth_frame f = { 0 };
		char *save;

		*next = '\0';
		if (strcmp(line, "END") == 0)
			return 0;
		f.tid = atoi(strtok_r(line, "\t", &save));
		f.thread_pointer = strtoull(strtok_r(NULL, "\t", &save), NULL, 10);
		f.fn = strtok_r(NULL, "\t", &save);
		f.file = strtok_r(NULL, "\t", &save);
		f.line = (unsigned int)atoi(strtok_r(NULL, "\t", &save));
		f.coroutine = atoi(strtok_r(NULL, "\t", &save)) == 1;
		if (vec_add(&t->frames, f) < 0)
			return -1;
	}
	return -1;
}

static inline void truth_stop(struct truth *t)
{
	if (t->pid > 0) {
		close(t->hold);
		kill(t->pid, SIGKILL);
		waitpid(t->pid, NULL, 0);
	}
	vec_release(&t->frames);
	free(t->text);
	memset(t, 0, sizeof(*t));
}

static inline int truth_each_match(const char *pattern, void (*fn)(const char *python))
{
	glob_t found = { 0 };
	int count = 0;
	size_t i;

	if (glob(pattern, 0, NULL, &found) != 0)
		return 0;
	for (i = 0; i < found.gl_pathc; i++, count++)
		fn(found.gl_pathv[i]);
	globfree(&found);
	return count;
}

/* Calls fn for Debian's or the system's python3, for every CPython of pyenv, and for those in the
 * root folders that STALLPROF_PYTHON_ROOTS names, parted by colons. */
static inline int truth_each_python(void (*fn)(const char *python))
{
	const char *root = getenv("PYENV_ROOT"), *home = getenv("HOME"), *at;
	char pattern[4096];
	int count = 0, minor;

	if (access("/usr/bin/python3", X_OK) == 0) {
		fn("/usr/bin/python3");
		count++;
	}
	for (minor = 8; minor <= 15; minor++) {
		if (root)
			snprintf(pattern, sizeof(pattern), "%s/versions/3.%d.*/bin/python", root,
				 minor);
		else
			snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/3.%d.*/bin/python",
				 home ? home : "/root", minor);
		count += truth_each_match(pattern, fn);
	}
	for (at = getenv("STALLPROF_PYTHON_ROOTS"); at && *at; at += at[0] == ':') {
		int len = (int)strcspn(at, ":");

		snprintf(pattern, sizeof(pattern), "%.*s//usr/bin/python3.[0-9]*", len, at);
		count += truth_each_match(pattern, fn);
		at += len;
	}
	return count;
}

#endif
