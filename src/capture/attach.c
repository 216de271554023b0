/* attach.c: put the loaded programs in place, and let them see the threads that exist already.
 *
 * Knows which programs belong to which kind of hook by their names; which of them are loaded was
 * decided before.
 */
#include "capture/internal.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "stallprof.skel.h"

/* The calls that have a syscall tracepoint of their own; some are missing on some kernels. */
static const char *const poll_calls[] = { "epoll_wait", "epoll_pwait",	  "epoll_pwait2",
					  "poll",	"ppoll",	  "select",
					  "pselect6",	"io_uring_enter", "restart_syscall" };

/* The calls that make what a loop can wait on. */
static const char *const make_calls[] = { "epoll_create1", "epoll_create", "io_uring_setup" };

static int keep(struct capture *c, struct bpf_link *link)
{
	int r = link ? vec_add(&c->links, link) : -errno;

	if (r < 0 && link)
		bpf_link__destroy(link);
	return r;
}

static int attach_tracepoints(struct capture *c)
{
	char name[64];
	int r = 0;

	for (size_t i = 0; i < sizeof(poll_calls) / sizeof(poll_calls[0]); i++) {
		struct bpf_link *enter, *exit;

		snprintf(name, sizeof(name), "sys_enter_%s", poll_calls[i]);
		enter = bpf_program__attach_tracepoint(c->skel->progs.poll_tp_enter, "syscalls",
						       name);
		if (!enter && errno == ENOENT)
			continue; /* a call that this kernel does not have */
		r = keep(c, enter);
		snprintf(name, sizeof(name), "sys_exit_%s", poll_calls[i]);
		exit = bpf_program__attach_tracepoint(c->skel->progs.poll_tp_exit, "syscalls",
						      name);
		r = r < 0 ? r : keep(c, exit);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < sizeof(make_calls) / sizeof(make_calls[0]); i++) {
		struct bpf_link *make;

		snprintf(name, sizeof(name), "sys_enter_%s", make_calls[i]);
		make = bpf_program__attach_tracepoint(c->skel->progs.poll_tp_make, "syscalls",
						      name);
		if (!make && errno == ENOENT)
			continue;
		r = keep(c, make);
		if (r < 0)
			return r;
	}
	return r;
}

int attach(struct capture *c, struct str *why)
{
	struct bpf_program *p;
	int r = 0;

	bpf_object__for_each_program(p, c->skel->obj)
	{
		const char *name = bpf_program__name(p);

		if (!bpf_program__autoload(p) || str_starts(name, "poll_tp_") ||
		    str_starts(name, "sample_") || str_starts(name, "seed_") ||
		    str_starts(name, "list_"))
			continue;
		r = keep(c, bpf_program__attach(p));
		if (r < 0) {
			str_printf(why, "cannot attach %s: %s", name, strerror(-r));
			return r;
		}
	}
	if (bpf_program__autoload(c->skel->progs.poll_tp_enter))
		r = attach_tracepoints(c);
	if (r < 0)
		str_printf(why, "cannot attach to the tracepoints of system calls: %s",
			   strerror(-r));
	return r;
}

int threads_pass(struct capture *c, struct str *why)
{
	struct bpf_link *link = bpf_program__attach_iter(c->skel->progs.seed_threads, NULL);
	_cleanup_close_ int fd = -1;
	char byte;
	int r = 0;

	if (!link)
		r = -errno;
	if (r == 0) {
		fd = bpf_iter_create(bpf_link__fd(link));
		if (fd < 0 || read(fd, &byte, 1) < 0)
			r = -errno;
	}
	bpf_link__destroy(link);
	if (r < 0)
		str_printf(why, "cannot iterate over the threads: %s", strerror(-r));
	return r;
}
