/* test_outputs.c: where results go: the choice of format, and files that appear whole or not. */
#include "tape.h"

#include <errno.h>

#include "cli/aside.h"
#include "cli/outputs.h"

static int setup(void **state)
{
	static struct sandbox box;

	sandbox_open(&box);
	*state = &box;
	return 0;
}

static int teardown(void **state)
{
	sandbox_close(*state);
	return 0;
}

struct planned {
	struct outputs outputs;
	struct str why;
	int r;
};

static void plan(struct planned *p, const char *format, bool folded, const char *const *paths)
{
	struct output_opts o = { .format = format, .folded = folded };

	for (; *paths; paths++)
		assert_int_equal(vec_add(&o.paths, *paths), 0);
	*p = (struct planned){ 0 };
	p->r = outputs_plan(&o, true, &p->outputs, &p->why);
	vec_release(&o.paths);
}

static void release(struct planned *p)
{
	outputs_release(&p->outputs);
	str_release(&p->why);
}

#define PATHS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NO_PATHS   ((const char *const[]){ NULL })

static const char *format_of(const struct planned *p, size_t i)
{
	return p->outputs.items[i].writer ? p->outputs.items[i].writer->name : "stall";
}

/* The suffix chooses, -F overrides it, and without either it is text on standard output. */
static void test_formats(void **state)
{
	struct planned p;

	(void)state;
	plan(&p, NULL, false, NO_PATHS);
	assert_int_equal(p.outputs.count, 1);
	assert_string_equal(format_of(&p, 0), "text");
	assert_null(p.outputs.items[0].path);
	release(&p);
	plan(&p, NULL, false, PATHS("a.svg", "-", "b.stall"));
	assert_int_equal(p.outputs.count, 3);
	assert_string_equal(format_of(&p, 0), "svg");
	assert_string_equal(format_of(&p, 1), "text");
	assert_string_equal(outputs_recording(&p.outputs), "b.stall");
	release(&p);
	plan(&p, "folded", false, PATHS("a.svg"));
	assert_string_equal(format_of(&p, 0), "folded");
	release(&p);
	plan(&p, "stall", false, PATHS("a.svg"));
	assert_string_equal(outputs_recording(&p.outputs), "a.svg");
	release(&p);
	plan(&p, NULL, true, NO_PATHS);
	assert_int_equal(p.outputs.count, 1);
	assert_string_equal(format_of(&p, 0), "folded");
	release(&p);
}

struct bad {
	const char *format;
	const char *const *paths;
	int r;
	const char *why;
};

/* What cannot work is refused beforehand, with the option and the cure. */
static void test_refused(void **state)
{
	const struct bad bad[] = {
		{ NULL, PATHS("a.gif"), -EINVAL,
		  "-o a.gif: the suffix names no format: name one with -F" },
		{ "foldde", NO_PATHS, -EINVAL, "did you mean folded?" },
		{ "gif", NO_PATHS, -EINVAL, "use one of text " },
		{ "stall", NO_PATHS, -EINVAL, "add -o FILE.stall" },
		{ NULL, PATHS("a.svg", "b.svg", "a.svg"), -EINVAL, "-o a.svg: given twice" },
		{ NULL, PATHS("-", "-"), -EINVAL, "-o -: given twice" },
		{ NULL, PATHS("a.stall", "b.stall"), -EINVAL, "-o b.stall: second recording" },
		{ NULL, PATHS("folder.svg"), -EISDIR, "-o folder.svg: is a directory" },
		{ NULL, PATHS("none/a.svg"), -ENOENT, "-o none/a.svg: cannot be written" },
		{ "stall", PATHS("/dev/null"), -ESPIPE, "a recording needs a regular file" },
	};

	(void)state;
	assert_int_equal(mkdir("folder.svg", 0700), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct planned p;

		plan(&p, bad[i].format, false, bad[i].paths);
		if (p.r != bad[i].r || !strstr(str_text(&p.why), bad[i].why))
			fail_msg("row %zu: %d \"%s\"", i, p.r, str_text(&p.why));
		assert_int_equal(p.outputs.count, 0);
		release(&p);
	}
}

/* Planning leaves nothing behind, and what stood there stays as it was. */
static void test_plan_is_clean(void **state)
{
	struct sandbox *box = *state;
	struct planned p;
	FILE *f = fopen("a.svg", "w");

	assert_non_null(f);
	fputs("before", f);
	fclose(f);
	plan(&p, NULL, false, PATHS("a.svg", "b.svg"));
	assert_int_equal(p.r, 0);
	release(&p);
	read_file("a.svg", &box->out);
	assert_string_equal(box->out.text, "before");
	assert_false(exists("b.svg") || exists("a.svg.partial") || exists("b.svg.partial"));
}

static const struct profile empty = { .version = "", .kernel = "", .host = "", .incomplete = "" };

/* A link stays a link, the file behind it is replaced; a device is written, never replaced. */
static void test_links_and_devices(void **state)
{
	struct planned p;
	struct stat st;

	(void)state;
	assert_int_equal(fclose(fopen("real.svg", "w")), 0);
	assert_int_equal(symlink("real.svg", "link.svg"), 0);
	assert_int_equal(symlink("/dev/null", "null.svg"), 0);
	plan(&p, NULL, false, PATHS("link.svg", "null.svg"));
	assert_int_equal(p.r, 0);
	assert_int_equal(outputs_write(&p.outputs, &empty, false, &p.why), 0);
	release(&p);
	assert_int_equal(lstat("link.svg", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat("real.svg", &st), 0);
	assert_true(st.st_size > 0);
	assert_int_equal(lstat("null.svg", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

/* A failed write leaves what stood there, and no partial file. */
static void test_failed_write(void **state)
{
	struct sandbox *box = *state;
	FILE *f = fopen("a.svg", "w");

	assert_non_null(f);
	fputs("before", f);
	fclose(f);
	assert_int_equal(aside_open("a.svg", &f), 0);
	fputs("half", f);
	assert_int_equal(aside_close("a.svg", f, -EIO), -EIO);
	read_file("a.svg", &box->out);
	assert_string_equal(box->out.text, "before");
	assert_false(exists("a.svg.partial"));
}

/* A link that somebody laid at the name of the partial file is removed, not followed. */
static void test_partial_link(void **state)
{
	struct sandbox *box = *state;
	FILE *f = fopen("victim", "w");

	assert_non_null(f);
	fputs("before", f);
	fclose(f);
	assert_int_equal(symlink("victim", "a.svg.partial"), 0);
	assert_int_equal(aside_open("a.svg", &f), 0);
	fputs("after", f);
	assert_int_equal(aside_close("a.svg", f, 0), 0);
	read_file("victim", &box->out);
	assert_string_equal(box->out.text, "before");
	read_file("a.svg", &box->out);
	assert_string_equal(box->out.text, "after");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_formats),	      CASE(test_refused),      CASE(test_plan_is_clean),
		CASE(test_links_and_devices), CASE(test_failed_write), CASE(test_partial_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
