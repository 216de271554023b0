/* SPDX-License-Identifier: GPL-2.0 */
/* target.bpf.h: what a blocked system call waits for, asked at the moment it blocks.
 *
 * Reads registers, the descriptor table, and a little user memory of the current thread.  No
 * references are taken, so all of it is advisory; a failed read leaves TARGET_NONE or a field
 * empty. Must run while the thread itself is current.  Numbers are those of x86-64.
 */
#ifndef STALLPROF_TARGET_BPF_H
#define STALLPROF_TARGET_BPF_H

#include "maps.bpf.h"
#include <bpf/bpf_endian.h>

/* Where a call keeps its object. */
enum call_object {
	OBJECT_NONE = 0,
	OBJECT_FD = 1,	     /* descriptor in argument 0 */
	OBJECT_FD1 = 2,	     /* in argument 1 */
	OBJECT_SLEEP = 3,    /* timespec in argument 0 */
	OBJECT_SLEEP2 = 4,   /* clock_nanosleep: timespec in argument 2, flags in 1 */
	OBJECT_CHILD = 5,    /* wait4: pid in argument 0 */
	OBJECT_CHILD_ID = 6, /* waitid: kind of id in 0, id in 1 */
	OBJECT_POLL = 7,     /* struct pollfd array in 0, count in 1 */
	OBJECT_SELECT = 8,   /* count in 0, fd_sets in 1..3 */
	OBJECT_FUTEX = 9,
	OBJECT_PATH = 10,  /* string in argument 0 */
	OBJECT_PATH1 = 11, /* string in argument 1 */
};

#define CALL_CLOSE	   3
#define CALL_DUP2	   33
#define CALL_DUP3	   292
#define CALL_FCNTL	   72
#define CALL_FLOCK	   73
#define CALL_CLOSE_RANGE   436
#define CALL_FUTEX	   202
#define CALL_FUTEX_WAKE	   454
#define CALL_FUTEX_REQUEUE 456
#define CALL_EXIT	   60
#define CALL_RESTART	   219
#define CALL_EPOLL_WAIT	   232
#define CALL_EPOLL_PWAIT   281
#define CALL_EPOLL_PWAIT2  441
#define CALL_POLL	   7
#define CALL_PPOLL	   271
#define CALL_SELECT	   23
#define CALL_PSELECT	   270
#define CALL_URING_SETUP   425
#define CALL_URING_ENTER   426
#define CALL_MAX	   512

const __u8 call_objects[CALL_MAX] = {
	[0] = OBJECT_FD,	 /* read */
	[1] = OBJECT_FD,	 /* write */
	[2] = OBJECT_PATH,	 /* open */
	[3] = OBJECT_FD,	 /* close */
	[4] = OBJECT_PATH,	 /* stat */
	[5] = OBJECT_FD,	 /* fstat */
	[7] = OBJECT_POLL,	 /* poll */
	[16] = OBJECT_FD,	 /* ioctl */
	[17] = OBJECT_FD,	 /* pread64 */
	[18] = OBJECT_FD,	 /* pwrite64 */
	[19] = OBJECT_FD,	 /* readv */
	[20] = OBJECT_FD,	 /* writev */
	[23] = OBJECT_SELECT,	 /* select */
	[35] = OBJECT_SLEEP,	 /* nanosleep */
	[40] = OBJECT_FD1,	 /* sendfile: the file read */
	[42] = OBJECT_FD,	 /* connect */
	[43] = OBJECT_FD,	 /* accept */
	[44] = OBJECT_FD,	 /* sendto */
	[45] = OBJECT_FD,	 /* recvfrom */
	[46] = OBJECT_FD,	 /* sendmsg */
	[47] = OBJECT_FD,	 /* recvmsg */
	[48] = OBJECT_FD,	 /* shutdown */
	[61] = OBJECT_CHILD,	 /* wait4 */
	[72] = OBJECT_FD,	 /* fcntl */
	[73] = OBJECT_FD,	 /* flock */
	[74] = OBJECT_FD,	 /* fsync */
	[75] = OBJECT_FD,	 /* fdatasync */
	[77] = OBJECT_FD,	 /* ftruncate */
	[82] = OBJECT_PATH,	 /* rename */
	[83] = OBJECT_PATH,	 /* mkdir */
	[87] = OBJECT_PATH,	 /* unlink */
	[202] = OBJECT_FUTEX,	 /* futex */
	[217] = OBJECT_FD,	 /* getdents64 */
	[230] = OBJECT_SLEEP2,	 /* clock_nanosleep */
	[232] = OBJECT_FD,	 /* epoll_wait */
	[247] = OBJECT_CHILD_ID, /* waitid */
	[257] = OBJECT_PATH1,	 /* openat */
	[262] = OBJECT_PATH1,	 /* newfstatat */
	[263] = OBJECT_PATH1,	 /* unlinkat */
	[270] = OBJECT_SELECT,	 /* pselect6 */
	[271] = OBJECT_POLL,	 /* ppoll */
	[275] = OBJECT_FD,	 /* splice */
	[277] = OBJECT_FD,	 /* sync_file_range */
	[281] = OBJECT_FD,	 /* epoll_pwait */
	[285] = OBJECT_FD,	 /* fallocate */
	[288] = OBJECT_FD,	 /* accept4 */
	[295] = OBJECT_FD,	 /* preadv */
	[296] = OBJECT_FD,	 /* pwritev */
	[299] = OBJECT_FD,	 /* recvmmsg */
	[306] = OBJECT_FD,	 /* syncfs */
	[307] = OBJECT_FD,	 /* sendmmsg */
	[326] = OBJECT_FD,	 /* copy_file_range */
	[327] = OBJECT_FD,	 /* preadv2 */
	[328] = OBJECT_FD,	 /* pwritev2 */
	[426] = OBJECT_FD,	 /* io_uring_enter */
	[441] = OBJECT_FD,	 /* epoll_pwait2 */
};

#define FAMILY_UNIX    1
#define FAMILY_INET    2
#define FAMILY_INET6   10
#define FAMILY_NETLINK 16

#define MODE_TYPE   0170000
#define MODE_SOCKET 0140000
#define MODE_FIFO   0010000
#define MODE_CHAR   0020000
#define MODE_BLOCK  0060000

#define MAGIC_PIPEFS 0x50495045

/* The open file behind a descriptor of the task; NULL if there is none. */
static __always_inline struct file *file_of(struct task_struct *t, s32 fd)
{
	struct files_struct *open = t->files;
	struct file *file = NULL;
	struct fdtable *table;

	if (!open || fd < 0)
		return NULL;
	table = open->fdt;
	if (!table || (u32)fd >= table->max_fds)
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), table->fd + fd);
	return file;
}

static __always_inline void target_inet(struct wait_target *w, struct sock *sk, u16 family)
{
	w->kind = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_protocol) == 17 ? TARGET_UDP : TARGET_TCP;
	w->family = family;
	w->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	w->peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (family == FAMILY_INET) {
		BPF_CORE_READ_INTO((u32 *)w->local_addr, sk, __sk_common.skc_rcv_saddr);
		BPF_CORE_READ_INTO((u32 *)w->peer_addr, sk, __sk_common.skc_daddr);
	} else {
		BPF_CORE_READ_INTO((struct in6_addr *)w->local_addr, sk,
				   __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO((struct in6_addr *)w->peer_addr, sk, __sk_common.skc_v6_daddr);
	}
}

/* sun_path of the peer, or of the socket itself when it has no named peer (a datagram or
 * listening socket).  An abstract name starts with a NUL, shown as '@'. */
static __always_inline void target_unix(struct wait_target *w, struct sock *sk)
{
	struct unix_sock *u = (void *)sk;
	struct unix_address *addr;
	struct sock *peer = BPF_CORE_READ(u, peer);

	w->kind = TARGET_UNIX;
	w->pid = BPF_CORE_READ(sk, sk_peer_pid, numbers[0].nr);
	addr = peer ? BPF_CORE_READ((struct unix_sock *)peer, addr) : NULL;
	if (!addr)
		addr = BPF_CORE_READ(u, addr);
	if (!addr)
		return;
	bpf_probe_read_kernel(w->name, sizeof(w->name) - 1, &addr->name[0].sun_path);
	if (!w->name[0] && w->name[1])
		w->name[0] = '@';
}

static __always_inline void target_socket(struct wait_target *w, struct file *file)
{
	struct socket *sock = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(sock, sk);
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family == FAMILY_INET || family == FAMILY_INET6)
		target_inet(w, sk, family);
	else if (family == FAMILY_UNIX)
		target_unix(w, sk);
	else
		w->kind = family == FAMILY_NETLINK ? TARGET_NETLINK : TARGET_OTHER;
}

static __always_inline void target_file(struct wait_target *w, struct task_struct *t, s32 fd)
{
	struct file *file = file_of(t, fd);
	struct dentry *dentry;
	struct inode *inode;
	u32 mode;

	w->fd = fd;
	if (!file)
		return;
	inode = BPF_CORE_READ(file, f_inode);
	mode = BPF_CORE_READ(inode, i_mode) & MODE_TYPE;
	w->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	w->ino = BPF_CORE_READ(inode, i_ino);
	if (mode == MODE_SOCKET) {
		target_socket(w, file);
		return;
	}
	dentry = BPF_CORE_READ(file, f_path.dentry);
	bpf_probe_read_kernel_str(w->name, sizeof(w->name), BPF_CORE_READ(dentry, d_name.name));
	if (mode == MODE_FIFO) {
		w->kind = BPF_CORE_READ(inode, i_sb, s_magic) == MAGIC_PIPEFS ? TARGET_PIPE
									      : TARGET_FIFO;
	} else if (mode == MODE_CHAR || mode == MODE_BLOCK) {
		w->kind = TARGET_DEVICE;
	} else if (mode) {
		w->kind = TARGET_FILE;
	} else { /* an anonymous inode: "[eventpoll]", "[timerfd]"; 0x6576655b is "[eve" */
		w->kind = *(u32 *)w->name == 0x6576655b && w->name[6] == 'p' ? TARGET_EPOLL
									     : TARGET_OTHER;
		return;
	}
	if (w->kind != TARGET_PIPE)
		bpf_probe_read_kernel_str(w->dir, sizeof(w->dir),
					  BPF_CORE_READ(dentry, d_parent, d_name.name));
}

static __always_inline void target_sleep(struct wait_target *w, u64 address, bool absolute, u64 now)
{
	struct __kernel_timespec ts = {};

	if (bpf_probe_read_user(&ts, sizeof(ts), (void *)address))
		return;
	w->kind = TARGET_SLEEP;
	w->value = (u64)ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
	/* Absolute times of other clocks cannot be converted here; the monotonic one is what
	 * interpreters and libcs use. */
	if (absolute)
		w->value = w->value > now ? w->value - now : 0;
}

/* A poll or select without descriptors is a sleep: time.sleep() up to Python 3.10. */
static __always_inline void target_idle(struct wait_target *w, s32 call, const __u64 *args)
{
	if (call == CALL_POLL) {
		w->kind = (s32)args[2] < 0 ? TARGET_NONE : TARGET_SLEEP;
		w->value = (s32)args[2] < 0 ? 0 : args[2] * 1000000;
		return;
	}
	target_sleep(w, call == CALL_PPOLL ? args[2] : args[4], false, 0);
	if (call == CALL_SELECT && w->kind == TARGET_SLEEP) /* microseconds where others have ns */
		w->value += w->value % NSEC_PER_SEC * 999;
}

/* The child that is waited for, by pid, or the first child when any will do. */
static __always_inline void target_child(struct wait_target *w, struct task_struct *t, s32 pid)
{
	struct list_head *head = &t->children, *at = BPF_CORE_READ(t, children.next);

	w->kind = TARGET_CHILD;
	w->pid = pid > 0 ? pid : 0;
	for (int i = 0; i < 16 && at && at != head; i++) {
		struct task_struct *child = (void *)at -
					    bpf_core_field_offset(struct task_struct, sibling);
		u32 tgid = BPF_CORE_READ(child, tgid);

		if (pid <= 0 || tgid == (u32)pid) {
			w->pid = tgid;
			BPF_CORE_READ_STR_INTO(&w->name, child, comm);
			return;
		}
		at = BPF_CORE_READ(at, next);
	}
}

/* The first descriptor that is polled, -1: none. */
static __always_inline s32 target_poll(struct wait_target *w, u64 fds, u64 n)
{
	struct pollfd first = {};

	w->fd_count = n > 0xffff ? 0xffff : n;
	if (!n || bpf_probe_read_user(&first, sizeof(first), (void *)fds))
		return -1;
	return first.fd;
}

static __always_inline u32 count_bits(u64 v)
{
	v -= v >> 1 & 0x5555555555555555ULL;
	v = (v & 0x3333333333333333ULL) + (v >> 2 & 0x3333333333333333ULL);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return v * 0x0101010101010101ULL >> 56;
}

/* The lowest descriptor below 64 in one of the three sets, -1: none. */
static __always_inline s32 target_select(struct wait_target *w, const __u64 *args)
{
	u64 all = 0;

	for (int i = 1; i <= 3; i++) {
		u64 set = 0;

		if (args[i])
			bpf_probe_read_user(&set, sizeof(set), (void *)args[i]);
		all |= set;
	}
	w->fd_count = count_bits(all);
	return all ? (s32)count_bits((all & -all) - 1) : -1;
}

static __always_inline u8 call_object_of(s32 call)
{
	return call < 0 || call >= CALL_MAX ? OBJECT_NONE : call_objects[call & (CALL_MAX - 1)];
}

/* What the kernel's own memory tells of a call of any thread.  False: its object is named in user
 * memory. */
static __always_inline bool target_of_task(struct wait_target *w, struct task_struct *t, u8 object,
					   const __u64 *args)
{
	if (object == OBJECT_FD || object == OBJECT_FD1) {
		target_file(w, t, object == OBJECT_FD ? args[0] : args[1]);
	} else if (object == OBJECT_CHILD) {
		target_child(w, t, args[0]);
	} else if (object == OBJECT_CHILD_ID) {
		target_child(w, t, args[0] == 1 ? args[1] : 0);
	} else if (object == OBJECT_FUTEX) {
		w->kind = TARGET_FUTEX;
		w->value = args[0];
	} else {
		return false;
	}
	return true;
}

/* Fills p->target from p->syscall and p->args of the current thread. */
__weak int target_find(struct stall_part *p, u64 now)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct wait_target *w;
	const __u64 *args;
	u64 first[2];
	u8 object;

	if (!p)
		return 0;
	w = &p->target;
	args = p->args;
	object = call_object_of(p->syscall);
	first[0] = args[0];
	first[1] = args[1];
	if ((object == OBJECT_POLL && args[1]) || (object == OBJECT_SELECT && args[0])) {
		first[0] = object == OBJECT_POLL ? target_poll(w, args[0], args[1])
						 : target_select(w, args);
		object = (s32)first[0] < 0 ? OBJECT_NONE : OBJECT_FD;
	}
	if (target_of_task(w, t, object, first))
		return 0;
	if (object == OBJECT_SLEEP)
		target_sleep(w, args[0], false, now);
	else if (object == OBJECT_SLEEP2)
		target_sleep(w, args[2], args[1] & 1, now);
	else if (object == OBJECT_POLL || object == OBJECT_SELECT)
		target_idle(w, p->syscall, args);
	else if (object == OBJECT_PATH || object == OBJECT_PATH1) {
		w->kind = TARGET_FILE;
		bpf_probe_read_user_str(w->name, sizeof(w->name),
					(void *)(object == OBJECT_PATH ? args[0] : args[1]));
	}
	return 0;
}

#endif
