/* test_talk.c: the status line of a terminal, and that nobody else gets it. */
#include "tape.h"

#include "cli/talk.h"

#define S 1000000000ULL

/* What the talk wrote to standard error. */
static void tick(struct talk *t, uint64_t now_ns, struct str *ret)
{
	int before = to_file(STDERR_FILENO, ".err");

	talk_tick(t, now_ns);
	dup2(before, STDERR_FILENO);
	close(before);
	read_file(".err", ret);
}

/* A terminal sees time and number; every text starts by wiping the line before. */
static void test_status_line(void **state)
{
	struct sandbox box;
	struct talk t;

	(void)state;
	sandbox_open(&box);
	talk_init(&t, false, false);
	t.terminal = t.counts = true;
	tick(&t, 100 * S, &box.err);
	t.n_stalls = 3;
	tick(&t, 107 * S, &box.err);
	assert_string_equal(box.err.text, "\r\033[Kwatching, 7 s, 3 stalls; Ctrl-C ends");
	talk_release(&t);
	sandbox_close(&box);
}

/* A file or a pipe gets no status line, and -q silences a terminal too. */
static void test_no_status_line(void **state)
{
	struct sandbox box;
	struct talk t;

	(void)state;
	sandbox_open(&box);
	talk_init(&t, false, false);
	t.terminal = false;
	tick(&t, 100 * S, &box.err);
	assert_string_equal(str_text(&box.err), "");
	talk_release(&t);
	talk_init(&t, true, false);
	t.terminal = true;
	tick(&t, 100 * S, &box.err);
	assert_string_equal(str_text(&box.err), "");
	talk_release(&t);
	sandbox_close(&box);
}

/* What was held back is told within the run once its minute is over, not only at the end. */
static void test_suppressed_while_running(void **state)
{
	struct stall stall = { .id = "a1f3", .key = "k", .dur_ns = S };
	struct sandbox box;
	struct talk t;

	(void)state;
	sandbox_open(&box);
	talk_init(&t, false, false);
	t.terminal = false;
	for (int i = 0; i < 7; i++)
		suppress_show(&t.suppress, &stall, 100 * S);
	tick(&t, 159 * S, &box.err);
	assert_string_equal(str_text(&box.err), "");
	tick(&t, 161 * S, &box.err);
	assert_string_equal(str_text(&box.err), "suppressed 2 like a1f3\n");
	talk_release(&t);
	sandbox_close(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_line),
		cmocka_unit_test(test_no_status_line),
		cmocka_unit_test(test_suppressed_while_running),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
