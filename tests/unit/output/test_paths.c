/* test_paths.c: short names of files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "output/words.h"

/* A profile whose stacks name these files. */
static struct profile files_profile(struct frame *frames, struct stack *stack, const char **files,
				    size_t count)
{
	for (size_t i = 0; i < count; i++)
		frames[i] = (struct frame){ .fn = "f", .file = files[i], .module = "" };
	*stack = (struct stack){ .n_frames = count, .frames = frames };
	return (struct profile){ .n_stacks = 1, .stacks = stack };
}

/* A base name is enough until two files share it. */
static void shared_names_keep_their_folder(void **state)
{
	const char *files[] = { "/srv/a/client.py", "/srv/app.py", "", "/srv/app.py",
				"/x/b/client.py" };
	struct frame frames[5];
	struct stack stack;
	struct profile p = files_profile(frames, &stack, files, 5);
	struct paths paths = { 0 };

	(void)state;
	assert_int_equal(paths_init(&paths, &p), 0);
	assert_int_equal(paths.count, 3);
	assert_string_equal(path_short(&paths, files[0]), "a/client.py");
	assert_string_equal(path_short(&paths, files[4]), "b/client.py");
	assert_string_equal(path_short(&paths, files[1]), "app.py");
	paths_release(&paths);
}

/* Whichever of the two a search meets first, they are seen to share their name. */
static void a_pair_is_seen_from_both_sides(void **state)
{
	const char *files[] = { "/a/x.py", "/b/x.py" };
	struct frame frames[2];
	struct stack stack;
	struct profile p = files_profile(frames, &stack, files, 2);
	struct paths paths = { 0 };

	(void)state;
	assert_int_equal(paths_init(&paths, &p), 0);
	assert_string_equal(path_short(&paths, files[0]), "a/x.py");
	assert_string_equal(path_short(&paths, files[1]), "b/x.py");
	paths_release(&paths);
}

/* Without a list nothing is shared, and names that say nothing keep their folder all the same. */
static void empty_names_keep_their_folder(void **state)
{
	(void)state;
	assert_string_equal(path_short(NULL, "/srv/a/client.py"), "client.py");
	assert_string_equal(path_short(NULL, "/srv/images/__init__.py"), "images/__init__.py");
	assert_string_equal(path_short(NULL, "/__init__.py"), "/__init__.py");
	assert_string_equal(path_short(NULL, "app.py"), "app.py");
	assert_string_equal(path_short(NULL, "/srv/dir/"), "/srv/dir/");
	assert_string_equal(path_short(NULL, "<frozen importlib>"), "<frozen importlib>");
}

/* A profile without files is no special case. */
static void no_files(void **state)
{
	struct profile p = { 0 };
	struct paths paths = { 0 };

	(void)state;
	assert_int_equal(paths_init(&paths, &p), 0);
	assert_string_equal(path_short(&paths, "/a/b.py"), "b.py");
	paths_release(&paths);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shared_names_keep_their_folder),
		cmocka_unit_test(a_pair_is_seen_from_both_sides),
		cmocka_unit_test(empty_names_keep_their_folder),
		cmocka_unit_test(no_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
