/* SPDX-License-Identifier: GPL-2.0 */
/* empty.c: attaches the empty programs of empty.bpf.c until it is interrupted.
 *
 * Usage: empty switch | poll      one hook at sched_switch, or the two around epoll_wait
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "empty.skel.h"

int main(int argc, char **argv)
{
	const char *wanted = argc == 2 ? argv[1] : "";
	bool by_switch = strcmp(wanted, "switch") == 0;
	struct empty_bpf *skel;
	int r;

	if (!by_switch && strcmp(wanted, "poll") != 0) {
		fprintf(stderr, "usage: empty switch | poll\n");
		return 2;
	}
	skel = empty_bpf__open();
	if (!skel) {
		fprintf(stderr, "empty: %s\n", strerror(errno));
		return 1;
	}
	bpf_program__set_autoload(skel->progs.empty_switch, by_switch);
	bpf_program__set_autoload(skel->progs.empty_enter, !by_switch);
	bpf_program__set_autoload(skel->progs.empty_exit, !by_switch);
	r = empty_bpf__load(skel);
	if (r == 0)
		r = empty_bpf__attach(skel);
	if (r == 0)
		pause(); /* a signal ends the process, and with it the programs */
	fprintf(stderr, "empty: %s\n", strerror(-r));
	empty_bpf__destroy(skel);
	return 1;
}
