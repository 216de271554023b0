/* test_schema.c: the description of the records misses no field that is written. */
#include "tests/unit/output/printed.h"

#include <jansson.h>

#include "output/schema.h"

/* Keys of `o` and of everything in it appear in the text; keys of hooks and lost are free names. */
static void check_keys(const json_t *o)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_array(o))
		json_array_foreach(o, i, value) check_keys(value);
	if (!json_is_object(o))
		return;
	json_object_foreach((json_t *)o, key, value)
	{
		if (!strstr(schema_text(), key))
			fail_msg("not described: %s", key);
		if (strcmp(key, "hooks") != 0 && strcmp(key, "lost") != 0)
			check_keys(value);
	}
}

/* Every key of every record of every fixture is described. */
static void every_key_is_described(void **state)
{
	(void)state;
	for (unsigned i = 0; fixture_name(i); i++) {
		_cleanup_free_ char *text = printed("jsonl", fixture_find(fixture_name(i)), NULL);
		char *save = NULL;

		for (char *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			json_t *record = json_loads(line, 0, NULL);

			check_keys(record);
			json_decref(record);
		}
	}
}

/* Every class and kind of target too, on lines that fit a terminal. */
static void every_name_is_described(void **state)
{
	(void)state;
#define X(name, number, text) assert_non_null(strstr(schema_text(), text));
	STALL_CLASSES(X)
	TARGET_KINDS(X)
#undef X
	for (const char *at = schema_text(); *at; at = strchr(at, '\n') + 1)
		assert_true(strcspn(at, "\n") <= 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_described),
		cmocka_unit_test(every_name_is_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
