/* command.c: start a program that is watched from its first instruction.
 *
 * The child waits on a pipe until it is watched and then executes the command.  It keeps our
 * standard streams.
 */
#include "capture/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

/* As it was before we raised ours: a program that closes every possible descriptor would take
 * minutes, one that uses select might break. */
static void restore_limit(const struct rlimit *files)
{
	if (files->rlim_max)
		setrlimit(RLIMIT_NOFILE, files);
}

/* An empty pipe means that we died or gave up: then nothing is started. */
static void __attribute__((noreturn))
command_child(char *const *argv, int go, const struct rlimit *files)
{
	char byte;

	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	restore_limit(files);
	if (read(go, &byte, 1) == 1) {
		execvp(argv[0], argv);
		perror(argv[0]);
	}
	_exit(127);
}

static bool in_path(const char *name)
{
	const char *path = getenv("PATH");
	cleanup(str_releasep) struct str file = { 0 };

	if (strchr(name, '/'))
		return access(name, X_OK) == 0;
	while (path && *path) {
		size_t n = strcspn(path, ":");

		str_clear(&file);
		if (str_add_mem(&file, path, n) < 0 || str_printf(&file, "/%s", name) < 0)
			return false;
		if (access(str_text(&file), X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

int command_start(struct capture *c, char *const *argv, pid_t *ret_pid, struct str *why)
{
	_cleanup_close_ int go_read = -1;
	int go[2];
	pid_t pid;

	if (!in_path(argv[0])) {
		str_printf(why, "cannot start %s: no such program in PATH", argv[0]);
		return -ENOENT;
	}
	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	go_read = go[0];
	pid = fork();
	if (pid < 0) {
		close(go[1]);
		return -errno;
	}
	if (pid == 0) {
		close(go[1]);
		command_child(argv, go_read, &c->files_before);
	}
	c->command_go = go[1];
	c->command_pid = *ret_pid = pid;
	return 0;
}

void command_go(struct capture *c)
{
	if (c->command_go < 0)
		return;
	if (write(c->command_go, "g", 1) < 0 && !c->sink_error)
		c->sink_error = -errno;
	close(steal_fd(&c->command_go));
}

void capture_over(struct capture *c)
{
	for (size_t i = 0; i < c->watched.count; i++) {
		const struct watched *w = &c->watched.items[i];

		if (w->process->pid == c->command_pid && !w->gone_at && process_alive(w->process))
			emit_note(c, c->command_pid, "process %d, started here, goes on",
				  c->command_pid);
	}
}
