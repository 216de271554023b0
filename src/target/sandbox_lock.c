/* sandbox_lock.c: see sandbox_lock.h. */
#include "target/sandbox_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define MEMORY_MAX  (2ull << 30)
#define CPU_SECONDS 10

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1 /* its shadow memory is terabytes of address space */
#else
#define SANITIZED 0
#endif

#define NR_AT	  offsetof(struct seccomp_data, nr)
#define ARCH_AT	  offsetof(struct seccomp_data, arch)
#define ARG_AT(i) (offsetof(struct seccomp_data, args) + (i)*8) /* low word: little endian */
#define ALLOW(name) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE(name) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES)

/* What malloc, stdio-free parsing and libelf's reads need.  What libdw does to look for more files
 * by name only fails, for it can do without.  Anything else kills the worker. */
static int filter_syscalls(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARCH_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR_AT),
		ALLOW(read),
		ALLOW(pread64),
		ALLOW(write),
		ALLOW(lseek),
		ALLOW(fstat),
		ALLOW(close),
		ALLOW(brk),
		ALLOW(munmap),
		ALLOW(mremap),
		ALLOW(madvise),
		ALLOW(futex),
		ALLOW(getrandom),   /* malloc's tcache */
		ALLOW(sysinfo),	    /* qsort asks once how much memory there is */
		ALLOW(sigaltstack), /* asked by sanitizers at every way out */
		ALLOW(exit),
		ALLOW(exit_group),
		REFUSE(open),
		REFUSE(openat),
		REFUSE(readlink),
		REFUSE(newfstatat),
		/* what copies a descriptor or asks about it: F_SETOWN would have any process
		 * signalled */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG_AT(1)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_DUPFD_CLOEXEC, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, F_GETFL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		/* of its own memory or a file that it has; none that others see, none of code */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG_AT(2)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 3, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG_AT(3)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_SHARED, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

int sandbox_lock(void)
{
	struct rlimit none = { 0, 0 };
	struct rlimit memory = { MEMORY_MAX, MEMORY_MAX };
	struct rlimit cpu = { CPU_SECONDS, CPU_SECONDS };

	prctl(PR_SET_DUMPABLE, 0);
	if (setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_FSIZE, &none) < 0 ||
	    setrlimit(RLIMIT_CPU, &cpu) < 0)
		return -errno;
	if (!SANITIZED && setrlimit(RLIMIT_AS, &memory) < 0)
		return -errno;
	return filter_syscalls();
}
