/* test_cpython_dict.c: dicts, sets and attributes of every version, whole, torn and absurd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_python.h"

#define COUNT 5

static struct fake *f;
static const char *const names[COUNT] = { "_ready", "_scheduled", "x", "", "_ready_" };
static uint64_t keys[COUNT], values[COUNT];

static void fill(void)
{
	size_t i;

	for (i = 0; i < COUNT; i++) {
		keys[i] = fake_str(f, names[i]);
		values[i] = fake_int(f, i);
	}
}

static void check_pairs(struct cpython_dict *d)
{
	uint64_t key, value;
	size_t i;

	for (i = 0; i < COUNT; i++) {
		assert_int_equal(cpython_dict_next(&f->rd, d, &key, &value), 1);
		assert_int_equal(cpython_str_is(&f->rd, key, names[i]), 0);
		assert_int_equal(value, values[i]);
	}
	assert_int_equal(cpython_dict_next(&f->rd, d, &key, &value), 0);
	assert_int_equal(cpython_dict_next(&f->rd, d, &key, &value), 0);
}

static void check_dict(void)
{
	uint64_t value;
	int general;

	fill();
	for (general = 0; general < 2; general++) {
		uint64_t dict = fake_dict(f, COUNT, keys, values, general);
		struct cpython_dict d;

		assert_int_equal(cpython_dict_open(&f->rd, dict, &d), 0);
		check_pairs(&d);
		assert_int_equal(cpython_dict_find(&f->rd, dict, "x", &value), 0);
		assert_int_equal(value, values[2]);
		assert_int_equal(cpython_dict_find(&f->rd, dict, "y", &value), -ENOENT);
	}
	assert_int_equal(cpython_dict_find(&f->rd, f->None, "x", &value), -EPROTO);
	assert_int_equal(cpython_dict_find(&f->rd, 0x10, "x", &value), -EFAULT);
}

/* A split table, a deleted value, a key that is no str, and one that cannot be read. */
static void check_odd_entries(void)
{
	uint64_t dict, split, at = fake_alloc(f, 128), value;
	size_t i;

	fill();
	values[2] = 0;
	keys[1] = f->None;
	keys[3] = 0x7fff00000000;
	dict = fake_dict(f, COUNT, keys, values, false);
	assert_int_equal(cpython_dict_find(&f->rd, dict, "x", &value), -ENOENT);
	assert_int_equal(cpython_dict_find(&f->rd, dict, "_ready_", &value), 0);
	assert_int_equal(value, values[4]);

	fill();
	split = fake_dict(f, COUNT, keys, NULL, false);
	fake_put(f, split + CPYTHON_DICT_VALUES, at);
	for (i = 0; i < COUNT; i++)
		fake_put(f, at + f->l.values_at + 8 * i, values[i]);
	assert_int_equal(cpython_dict_find(&f->rd, split, "_ready_", &value), 0);
	assert_int_equal(value, values[4]);
	fake_put(f, split + CPYTHON_DICT_VALUES, 1ull << 60);
	assert_int_equal(cpython_dict_find(&f->rd, split, "_ready_", &value), -EFAULT);
}

static void check_hostile_keys(void)
{
	uint64_t dict, table, value;

	fill();
	dict = fake_dict(f, COUNT, keys, values, false);
	memcpy(&table, fake_at(f, dict + CPYTHON_DICT_KEYS), sizeof(table));
	fake_put(f, table + (f->l.keys_compact ? 24 : 32), 1u << 30);
	assert_int_equal(cpython_dict_find(&f->rd, dict, "y", &value), -E2BIG);
	fake_put(f, table + (f->l.keys_compact ? 24 : 32), UINT64_MAX);
	assert_int_equal(cpython_dict_find(&f->rd, dict, "y", &value), -E2BIG);
	/* entries up to the cap, far past those that there are */
	fake_put(f, table + (f->l.keys_compact ? 24 : 32), CPYTHON_DICT_MAX);
	assert_true(cpython_dict_find(&f->rd, dict, "y", &value) < 0);
	if (f->l.keys_compact) {
		fake_put8(f, table + 9, 200);
		assert_int_equal(cpython_dict_find(&f->rd, dict, "y", &value), -E2BIG);
		fake_put8(f, table + 10, 9);
		assert_int_equal(cpython_dict_find(&f->rd, dict, "y", &value), -EPROTO);
	} else {
		fake_put(f, table + 8, 1ull << 40);
		assert_int_equal(cpython_dict_find(&f->rd, dict, "y", &value), -E2BIG);
		fake_put(f, table + 8, 31);
		assert_int_equal(cpython_dict_find(&f->rd, dict, "y", &value), -EPROTO);
	}
	fake_put(f, dict + CPYTHON_DICT_KEYS, dict);
	assert_true(cpython_dict_find(&f->rd, dict, "y", &value) < 0);
}

static void check_attrs(void)
{
	uint64_t instance, value, plain = fake_object(f, f->object, 16);
	struct cpython_dict d;

	fill();
	instance = fake_instance(f, "Loop", COUNT, names, values);
	assert_int_equal(cpython_attrs_open(&f->rd, instance, &d), 0);
	check_pairs(&d);
	assert_int_equal(cpython_attr(&f->rd, instance, "_scheduled", &value), 0);
	assert_int_equal(value, values[1]);
	assert_int_equal(cpython_attr(&f->rd, instance, "_absent", &value), -ENOENT);
	assert_int_equal(cpython_attr(&f->rd, plain, "x", &value), -ENOENT);

	/* more names than this instance has room for: those of others of its class */
	if (f->l.attrs == ATTRS_INLINE) {
		fake_put8(f, instance + 16, 2);
		assert_int_equal(cpython_attr(&f->rd, instance, "x", &value), -ENOENT);
		assert_int_equal(cpython_attr(&f->rd, instance, "_scheduled", &value), 0);
		fake_put8(f, instance + 16 + 3, 0);
	}
	/* a dict of its own */
	if (f->l.attrs != ATTRS_DICT) {
		fake_put(f, instance - 32, 0);
		fake_put(f, instance - 24, 0);
		assert_int_equal(cpython_attr(&f->rd, instance, "x", &value), -ENOENT);
		fake_put(f, instance - 24, fake_dict(f, COUNT, keys, values, false));
		assert_int_equal(cpython_attr(&f->rd, instance, "x", &value), 0);
		assert_int_equal(value, values[2]);
		fake_put(f, instance - 24, instance);
		assert_int_equal(cpython_attr(&f->rd, instance, "x", &value), -EPROTO);
	}
}

static void check_set(void)
{
	uint64_t items[3] = { f->None, f->set, f->dict }, set = fake_set(f, 3, items), got, table;
	struct cpython_set s;
	int i;

	assert_int_equal(cpython_set_open(&f->rd, set, &s), 0);
	assert_int_equal(s.used, 3);
	for (i = 0; i < 3; i++) {
		assert_int_equal(cpython_set_next(&f->rd, &s, &got), 1);
		assert_int_equal(got, items[i]);
	}
	assert_int_equal(cpython_set_next(&f->rd, &s, &got), 0);

	memcpy(&table, fake_at(f, set + CPYTHON_SET_TABLE), sizeof(table));
	fake_put(f, table + 8, UINT64_MAX); /* the first was taken out */
	assert_int_equal(cpython_set_open(&f->rd, set, &s), 0);
	assert_int_equal(cpython_set_next(&f->rd, &s, &got), 1);
	assert_int_equal(got, f->set);
	fake_put(f, set + CPYTHON_SET_TABLE, FAKE_BASE + FAKE_SIZE - 16);
	assert_int_equal(cpython_set_open(&f->rd, set, &s), 0);
	while ((i = cpython_set_next(&f->rd, &s, &got)) > 0)
		;
	assert_int_equal(i, -EFAULT);
	fake_put(f, set + CPYTHON_SET_MASK, 62);
	assert_int_equal(cpython_set_open(&f->rd, set, &s), -EPROTO);
	fake_put(f, set + CPYTHON_SET_MASK, UINT64_MAX);
	assert_true(cpython_set_open(&f->rd, set, &s) < 0);
	fake_put(f, set + CPYTHON_SET_MASK, (1u << 30) - 1);
	assert_int_equal(cpython_set_open(&f->rd, set, &s), -E2BIG);
	assert_int_equal(cpython_set_open(&f->rd, f->None, &s), -EPROTO);
}

static void check_module(void)
{
	uint64_t module, interp, dict, value;
	const char *const imported[] = { "sys", "asyncio.tasks", "odd" };
	uint64_t modules[3];

	fill();
	module = fake_module(f, COUNT, names, values);
	modules[0] = fake_module(f, 0, NULL, NULL);
	modules[1] = module;
	modules[2] = f->None;
	interp = fake_interp(f, 3, imported, modules);
	assert_int_equal(cpython_module(&f->rd, interp, "asyncio.tasks", &dict), 0);
	assert_int_equal(cpython_dict_find(&f->rd, dict, "x", &value), 0);
	assert_int_equal(value, values[2]);
	assert_int_equal(cpython_module(&f->rd, interp, "asyncio", &dict), -ENOENT);
	assert_int_equal(cpython_module(&f->rd, interp, "odd", &dict), -EPROTO);
}

static void over_versions(void (*check)(void))
{
	uint32_t minor;

	for (minor = FAKE_MINOR_FIRST; minor <= FAKE_MINOR_LAST; minor++) {
		f = fake_new(minor);
		check();
		f = fake_free(f);
	}
}

#define OVER_VERSIONS(name) \
	static void test_##name(void **state) \
	{ \
		(void)state; \
		over_versions(check_##name); \
	}
OVER_VERSIONS(dict)
OVER_VERSIONS(odd_entries)
OVER_VERSIONS(hostile_keys)
OVER_VERSIONS(attrs)
OVER_VERSIONS(set)
OVER_VERSIONS(module)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dict),	     cmocka_unit_test(test_odd_entries),
		cmocka_unit_test(test_hostile_keys), cmocka_unit_test(test_attrs),
		cmocka_unit_test(test_set),	     cmocka_unit_test(test_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
