/* test_sandbox_service.c: questions to a worker that may die of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/sandbox_service.h"

static int answers; /* in the worker: how many it gave */

static int answer(const char *question, char *ret_answer, size_t room)
{
	if (strcmp(question, "die") == 0)
		syscall(SYS_exit_group, 3);
	if (strcmp(question, "link") == 0)
		return (int)syscall(SYS_symlinkat, "/etc/passwd", AT_FDCWD, "/tmp/x");
	if (strcmp(question, "hang") == 0)
		for (;;)
			asm volatile("");
	if (strcmp(question, "refuse") == 0)
		return -EINVAL;
	snprintf(ret_answer, room, "%d %s", ++answers, question);
	return 0;
}

/* One worker answers all, and starts anew after one that it died of. */
static void test_life(void **state)
{
	char text[SERVICE_TEXT_ROOM] = "kept";
	struct sandbox_service *s;

	(void)state;
	assert_int_equal(sandbox_service_new(answer, &s), 0);
	assert_int_equal(sandbox_service_ask(s, "refuse", text), -EINVAL);
	assert_string_equal(text, "kept");
	assert_int_equal(sandbox_service_ask(s, "a", text), 0);
	assert_string_equal(text, "1 a");
	assert_int_equal(sandbox_service_ask(s, "b", text), 0);
	assert_string_equal(text, "2 b");
	assert_int_equal(answers, 0);
	assert_int_equal(sandbox_service_ask(s, "die", text), -EIO);
	assert_int_equal(sandbox_service_ask(s, "link", text), -EIO);
	assert_string_equal(text, "2 b");
	assert_int_equal(sandbox_service_ask(s, "c", text), 0);
	assert_string_equal(text, "1 c");
	sandbox_service_free(s);
	sandbox_service_free(NULL);
	/* no worker is left behind */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* A question and an answer of full length pass; a longer one is refused. */
static void test_length(void **state)
{
	char question[SERVICE_TEXT_ROOM + 1], text[SERVICE_TEXT_ROOM];
	struct sandbox_service *s;

	(void)state;
	memset(question, 'q', sizeof(question));
	question[SERVICE_TEXT_ROOM] = '\0';
	assert_int_equal(sandbox_service_new(answer, &s), 0);
	assert_int_equal(sandbox_service_ask(s, question, text), -E2BIG);
	question[SERVICE_TEXT_ROOM - 1] = '\0';
	assert_int_equal(sandbox_service_ask(s, question, text), 0);
	assert_int_equal(strlen(text), SERVICE_TEXT_ROOM - 1);
	sandbox_service_free(s);
}

/* What hangs costs its deadline, and not more often than allowed. */
static void test_hang(void **state)
{
	char text[SERVICE_TEXT_ROOM];
	struct sandbox_service *s;
	int i;

	(void)state;
	assert_int_equal(sandbox_service_new(answer, &s), 0);
	assert_int_equal(sandbox_service_ask(s, "hang", text), -ETIMEDOUT);
	for (i = 1; i < SERVICE_DEATHS_MAX; i++)
		assert_int_equal(sandbox_service_ask(s, "die", text), -EIO);
	assert_int_equal(sandbox_service_ask(s, "a", text), -EAGAIN);
	sandbox_service_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
