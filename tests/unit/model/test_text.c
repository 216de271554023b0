/* test_text.c: the phrase for each kind of target, and the tips of folded stacks. */
#include "build.h"

#include <sys/socket.h>

static struct wait_target raw(enum target_kind kind)
{
	return (struct wait_target){ .kind = kind, .fd = 7 };
}

static void assert_phrase(struct bench *b, const struct wait_target *raw, const char *expected)
{
	struct target t;

	assert_int_equal(target_make(b->m, TGID, raw, &t), 0);
	assert_string_equal(t.text, expected);
	assert_int_equal(t.kind, raw->kind);
}

/* Sockets: both families, v4 inside v6, a listening one, one nobody knows anything about. */
TEST(test_sockets)
{
	struct wait_target t = raw(TARGET_TCP);
	struct target made;

	BENCH(b);
	assert_phrase(&b, &t, "tcp");
	t.family = AF_INET;
	t.local_port = 51322;
	memcpy(t.local_addr, "\x0a\0\0\x05", 4);
	assert_phrase(&b, &t, "tcp on 10.0.0.5:51322");
	t.peer_port = 5432;
	memcpy(t.peer_addr, "\x0a\0\0\x07", 4);
	assert_phrase(&b, &t, "tcp 10.0.0.7:5432");
	assert_int_equal(target_make(b.m, TGID, &t, &made), 0);
	assert_string_equal(made.local, "10.0.0.5:51322");
	assert_string_equal(made.peer, "10.0.0.7:5432");
	assert_int_equal(made.fd, 7);
	t.kind = TARGET_UDP;
	t.family = AF_INET6;
	memset(t.peer_addr, 0, 16);
	t.peer_addr[15] = 1;
	assert_phrase(&b, &t, "udp [::1]:5432");
	memcpy(t.peer_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01", 16);
	assert_phrase(&b, &t, "udp 127.0.0.1:5432");
	t.peer_port = 0;
	memset(t.peer_addr, 0, 16);
	t.peer_addr[15] = 2;
	assert_phrase(&b, &t, "udp [::2]:0");
	t.family = 99;
	assert_phrase(&b, &t, "udp");
	bench_close(&b);
}

/* Unix sockets: by path, by abstract name, by the peer's pid, or just unix. */
TEST(test_unix)
{
	struct wait_target t = raw(TARGET_UNIX);

	BENCH(b);
	assert_phrase(&b, &t, "unix");
	t.pid = 4231;
	assert_phrase(&b, &t, "unix pid 4231");
	t.pid = TGID; /* its own: who has the other end of a socketpair is not known */
	assert_phrase(&b, &t, "unix");
	strcpy(t.name, "@bus");
	assert_phrase(&b, &t, "unix @bus");
	strcpy(t.name, "/run/pg.sock");
	assert_phrase(&b, &t, "unix /run/pg.sock");
	bench_close(&b);
}

static void give_path(struct bench *b, uint32_t tgid, uint64_t ino, const char *path)
{
	put_u32(b, tgid);
	put_u32(b, 7);
	put_u64(b, 8);
	put_u64(b, ino);
	put_str(b, path);
	give(b, CHUNK_PATH);
}

/* Files: what the kernel side knew, until the full path is told; another process may do. */
TEST(test_files)
{
	struct wait_target t = raw(TARGET_FILE);
	struct target made;

	BENCH(b);
	assert_phrase(&b, &t, "file");
	strcpy(t.name, "pg_wal");
	assert_phrase(&b, &t, "file pg_wal");
	strcpy(t.dir, "main");
	assert_phrase(&b, &t, "file .../main/pg_wal");
	strcpy(t.dir, "/");
	assert_phrase(&b, &t, "file /pg_wal");
	t.dev = 8;
	t.ino = 17;
	give_path(&b, TGID + 1, 17, "/other/pg_wal");
	assert_phrase(&b, &t, "file /other/pg_wal");
	give_path(&b, TGID, 17, "/var/lib/pg_wal");
	give_path(&b, TGID + 1, 17, "/other/again");
	assert_phrase(&b, &t, "file /var/lib/pg_wal");
	t.kind = TARGET_FIFO;
	assert_phrase(&b, &t, "fifo /var/lib/pg_wal");
	t.kind = TARGET_DEVICE;
	assert_int_equal(target_make(b.m, TGID, &t, &made), 0);
	assert_string_equal(made.path, "/var/lib/pg_wal");
	assert_string_equal(made.text, "device /var/lib/pg_wal");
	bench_close(&b);
}

/* A file without device and inode joins no path: zero means not known. */
TEST(test_no_inode)
{
	struct wait_target t = raw(TARGET_FILE);

	BENCH(b);
	put_u32(&b, TGID);
	put_u32(&b, 7);
	put_u64(&b, 0);
	put_u64(&b, 0);
	put_str(&b, "/wrong");
	give(&b, CHUNK_PATH);
	strcpy(t.name, "right");
	assert_phrase(&b, &t, "file right");
	bench_close(&b);
}

/* Children: by the name the kernel side saw, else by the one told later, with the pid. */
TEST(test_child)
{
	struct wait_target t = raw(TARGET_CHILD);

	BENCH(b);
	assert_phrase(&b, &t, "child");
	t.pid = 4711;
	assert_phrase(&b, &t, "child pid 4711");
	put_u32(&b, 4711);
	put_str(&b, "sh");
	give(&b, CHUNK_PEER);
	assert_phrase(&b, &t, "child sh[4711]");
	put_u32(&b, 4711);
	put_str(&b, "bash");
	give(&b, CHUNK_PEER);
	assert_phrase(&b, &t, "child bash[4711]");
	strcpy(t.name, "sleep");
	assert_phrase(&b, &t, "child sleep[4711]");
	t.pid = 0;
	assert_phrase(&b, &t, "child sleep");
	bench_close(&b);
}

/* Lengths of sleeps: three digits at most and no zeros at the end. */
TEST(test_sleep)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "sleep" },
		{ 7, "sleep 7ns" },
		{ 999, "sleep 999ns" },
		{ 1000, "sleep 1us" },
		{ 250000, "sleep 250us" },
		{ 300 * MS, "sleep 300ms" },
		{ 1500 * MS, "sleep 1.5s" },
		{ 1250 * MS, "sleep 1.25s" },
		{ 1050 * MS, "sleep 1.05s" },
		{ 12345 * MS, "sleep 12.3s" },
		{ 412345678, "sleep 412ms" },
		{ 3600 * 1000 * MS, "sleep 3600s" },
		{ UINT64_MAX, "sleep 18446744073s" },
	};
	struct wait_target t = raw(TARGET_SLEEP);

	BENCH(b);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		t.value = cases[i].ns;
		assert_phrase(&b, &t, cases[i].text);
	}
	bench_close(&b);
}

/* The rest of the kinds, and several descriptors at once. */
TEST(test_others)
{
	struct wait_target t = raw(TARGET_FUTEX);

	BENCH(b);
	t.value = 0x7f0011223344;
	assert_phrase(&b, &t, "futex 0x7f0011223344");
	t.kind = TARGET_EPOLL;
	assert_phrase(&b, &t, "epoll fd 7");
	t.kind = TARGET_PIPE;
	assert_phrase(&b, &t, "pipe");
	t.fd_count = 3;
	assert_phrase(&b, &t, "pipe +2 more");
	t.fd_count = 1;
	assert_phrase(&b, &t, "pipe");
	t.kind = TARGET_NETLINK;
	assert_phrase(&b, &t, "netlink");
	t.kind = TARGET_OTHER;
	assert_phrase(&b, &t, "fd 7");
	t.fd = 0;
	assert_phrase(&b, &t, "fd 0");
	t.fd = -1;
	assert_phrase(&b, &t, "");
	strcpy(t.name, "[eventfd]");
	assert_phrase(&b, &t, "[eventfd]");
	assert_phrase(&b, &(struct wait_target){ .fd = -1 }, "");
	bench_close(&b);
}

/* Names that fill their field, without a NUL, and hostile ones stay inside and printable. */
TEST(test_hostile_names)
{
	struct wait_target t = raw(TARGET_FILE);
	struct target made;

	BENCH(b);
	memset(t.name, 'n', sizeof(t.name));
	memset(t.dir, 'd', sizeof(t.dir));
	assert_int_equal(target_make(b.m, TGID, &t, &made), 0);
	assert_int_equal(strlen(made.path), 4 + TARGET_DIR_MAX + 1 + TARGET_NAME_MAX);
	strcpy(t.dir, "a\nb");
	strcpy(t.name, "\x1b]0;x\x07");
	assert_phrase(&b, &t, "file .../a\\x0ab/\\x1b]0;x\\x07");
	bench_close(&b);
}

/* Tips: the class, for a syscall its name and object, for a fault the path. */
TEST(test_tips)
{
	struct target t = target_none;

	BENCH(b);
	assert_string_equal(tip_text(b.m, CLASS_CPU, "read", &t), "[cpu]");
	assert_string_equal(tip_text(b.m, CLASS_SYSCALL, "", &t), "[syscall]");
	assert_string_equal(tip_text(b.m, CLASS_SYSCALL, "fsync", &t), "[syscall fsync]");
	t.group = "tcp 10.0.0.7:5432";
	assert_string_equal(tip_text(b.m, CLASS_SYSCALL, "recvfrom", &t),
			    "[syscall recvfrom tcp 10.0.0.7:5432]");
	assert_string_equal(tip_text(b.m, CLASS_GIL, "futex", &t), "[gil]");
	assert_string_equal(tip_text(b.m, CLASS_FAULT, "", &t), "[fault]");
	t.path = "/srv/app.so";
	assert_string_equal(tip_text(b.m, CLASS_FAULT, "", &t), "[fault /srv/app.so]");
	assert_string_equal(tip_text(b.m, CLASS_UNEXPLAINED, "", &t), "[unexplained]");
	bench_close(&b);
}

/* What like waits have in common leaves out pids, addresses and how long a sleep is to last. */
TEST(test_group)
{
	static const struct {
		enum target_kind kind;
		const char *name, *group;
	} cases[] = {
		{ TARGET_CHILD, "sleep", "child sleep" },
		{ TARGET_CHILD, "", "child" },
		{ TARGET_FUTEX, "", "futex" },
		{ TARGET_UNIX, "", "unix" },
		{ TARGET_UNIX, "@bus", "unix @bus" },
		{ TARGET_FILE, "a.db", "file a.db" },
		{ TARGET_SLEEP, "", "sleep" },
		{ TARGET_EPOLL, "", "epoll fd 7" },
	};

	BENCH(b);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wait_target t = raw(cases[i].kind);
		struct target made;

		t.value = 17;
		t.pid = 4711;
		strcpy(t.name, cases[i].name);
		assert_int_equal(target_make(b.m, TGID, &t, &made), 0);
		assert_string_equal(made.group, cases[i].group);
	}
	bench_close(&b);
}

/* Names of calls, known or not, and none. */
TEST(test_syscall)
{
	BENCH(b);
	assert_string_equal(model_syscall(b.m, 0), "read");
	assert_string_equal(model_syscall(b.m, 999), "syscall_999");
	assert_string_equal(model_syscall(b.m, -1), "");
	assert_ptr_equal(model_syscall(b.m, 0), model_syscall(b.m, 0));
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sockets), cmocka_unit_test(test_unix),
		cmocka_unit_test(test_files),	cmocka_unit_test(test_no_inode),
		cmocka_unit_test(test_child),	cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_others),	cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_tips),	cmocka_unit_test(test_syscall),
		cmocka_unit_test(test_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
