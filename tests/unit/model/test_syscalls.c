/* test_syscalls.c: the table of names, at its ends and at a hole. */
#include "build.h"

#include "model/syscalls.h"

/* Well-known numbers have their names. */
TEST(test_known)
{
	(void)state;
	assert_string_equal(syscall_name(0), "read");
	assert_string_equal(syscall_name(NR_RECV), "recvfrom");
	assert_string_equal(syscall_name(NR_EPOLL), "epoll_wait");
	assert_string_equal(syscall_name(281), "epoll_pwait");
	assert_string_equal(syscall_name(426), "io_uring_enter");
}

/* Numbers outside the table and in its gap have none. */
TEST(test_unknown)
{
	(void)state;
	assert_null(syscall_name(-1));
	assert_null(syscall_name(401));
	assert_null(syscall_name(999));
	assert_null(syscall_name(INT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
