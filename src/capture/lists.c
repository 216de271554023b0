/* lists.c: read the kernel side's list of the threads of one process. */
#include "capture/sampled.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "stallprof.skel.h"

struct bpf_link *list_open(struct capture *c, uint32_t pid)
{
	union bpf_iter_link_info info = { .task = { .pid = pid } };
	struct bpf_iter_attach_opts opts;

	memset(&opts, 0, sizeof(opts)); /* libbpf looks at the padding, too */
	opts.sz = sizeof(opts);
	opts.link_info = &info;
	opts.link_info_len = sizeof(info);
	return bpf_program__attach_iter(c->skel->progs.list_threads, &opts);
}

/* A list is read once; the next one needs a descriptor of its own. */
ssize_t list_read(struct bpf_link *list, struct thread_now *ret, size_t max, bool *ret_cut)
{
	_cleanup_close_ int fd = bpf_iter_create(bpf_link__fd(list));
	size_t room = max * sizeof(*ret), have = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (have < room && n > 0) {
		n = read(fd, (char *)ret + have, room - have);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		have += n > 0 ? n : 0;
		if (n < 0)
			n = 1;
	}
	*ret_cut = have == room;
	return have / sizeof(*ret);
}
