/* test_folded.c: the sum, the order and the form of folded stacks. */
#include "tests/unit/output/printed.h"

/* Calls fn for each line, without its newline. */
static void each_line(char *text, void (*fn)(char *line, void *ctx), void *ctx)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		fn(line, ctx);
}

static void add_weight(char *line, void *ctx)
{
	const char *space = strrchr(line, ' ');

	assert_non_null(space);
	assert_true(strspn(space + 1, "0123456789") == strlen(space + 1) && space[1] != '0');
	*(uint64_t *)ctx += strtoull(space + 1, NULL, 10);
}

static uint64_t sum_of(const char *fixture)
{
	_cleanup_free_ char *text = printed("folded", fixture_find(fixture), NULL);
	uint64_t sum = 0;

	each_line(text, add_weight, &sum);
	return sum;
}

/* The lines add up to the stalled time, to the microsecond. */
static void weights_sum_to_the_stalled_time(void **state)
{
	const char *names[] = { "demo", "hostile", "healthy", "empty" };

	(void)state;
	for (size_t i = 0; i < COUNTOF(names); i++)
		assert_int_equal(sum_of(names[i]), fixture_find(names[i])->stalled_us);
	assert_int_equal(sum_of("demo"), (fixture_find("demo")->stalled_ns + 500) / 1000);
}

/* An off-CPU profile shows its rows by stack, and no other rows. */
static void offcpu_rows_by_stack_are_shown(void **state)
{
	(void)state;
	assert_int_equal(sum_of("offcpu"), 9400000 + 5100001 + 400000);
}

static void check_order(char *line, void *ctx)
{
	char **last = ctx;

	*strrchr(line, ' ') = '\0';
	assert_true(!*last || strcmp(*last, line) < 0);
	*last = line;
}

/* Each stack once, in the order of its bytes. */
static void lines_are_sorted_and_distinct(void **state)
{
	_cleanup_free_ char *text = printed("folded", fixture_find("demo"), NULL);
	char *last = NULL;

	(void)state;
	assert_int_equal(times_in(text, "get_user"), 1);	 /* of two stalls */
	assert_int_equal(times_in(text, "[no stack];[cpu]"), 1); /* of seven */
	each_line(text, check_order, &last);
}

static void check_form(char *line, void *ctx)
{
	const char *comm = ctx;

	assert_int_equal(strncmp(line, comm, strlen(comm)), 0);
	assert_true(line[strlen(comm)] == ';');
	*strrchr(line, ' ') = '\0';
	assert_true(line[strlen(line) - 1] == ']'); /* the cause */
	assert_null(strstr(line, ";;"));
}

/* The process first, the cause last, whatever the names contain. */
static void lines_have_the_form_of_the_contract(void **state)
{
	_cleanup_free_ char *demo = printed("folded", fixture_find("demo"), NULL);
	_cleanup_free_ char *hostile = printed("folded", fixture_find("hostile"), NULL);

	(void)state;
	assert_non_null(strstr(demo, ";recv;tcp_recvmsg_[k];wait_woken_[k];schedule_timeout_[k];"
				     "[syscall recvfrom tcp 10.0.0.7:5432] "));
	each_line(demo, check_form, "uvicorn");
	each_line(hostile, check_form, "ev:il\\x0a\"&'<b>");
}

/* A line that rounds to nothing is left out. */
static void weightless_lines_are_left_out(void **state)
{
	struct sample samples[2] = {
		{ .stack = -1, .tip = "[cpu]", .ns = 499, .us = 0 },
		{ .stack = -1, .tip = "[gil]", .ns = 1000, .us = 1 },
	};
	struct profile p = *fixture_find("empty");
	_cleanup_free_ char *text = NULL;

	(void)state;
	p.samples = samples;
	p.n_samples = 2;
	text = printed("folded", &p, NULL);
	assert_string_equal(text, "uvicorn;[no stack];[gil] 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights_sum_to_the_stalled_time),
		cmocka_unit_test(offcpu_rows_by_stack_are_shown),
		cmocka_unit_test(lines_are_sorted_and_distinct),
		cmocka_unit_test(lines_have_the_form_of_the_contract),
		cmocka_unit_test(weightless_lines_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
