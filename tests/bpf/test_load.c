/* test_load.c: what it costs to load the programs: nearly all of the time from exec to the first
 * hook is the verifier's, which follows every way through every program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <string.h>

#include "stallprof.skel.h"

#define FOLLOWED_MAX 50000 /* instructions of one program */

/* Instructions that the verifier followed; 0: this kernel does not take the program. */
static uint32_t followed(const char *name)
{
	struct stallprof_bpf *skel = stallprof_bpf__open();
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	struct bpf_program *p;

	assert_non_null(skel);
	bpf_object__for_each_program(p, skel->obj)
		bpf_program__set_autoload(p, strcmp(bpf_program__name(p), name) == 0);
	skel->rodata->waker_hook = true;
	skel->rodata->resume_hook = strncmp(name, "resume_", 7) == 0;
	skel->rodata->sample_period = 1;
	p = bpf_object__find_program_by_name(skel->obj, name);
	if (stallprof_bpf__load(skel) == 0)
		assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &len), 0);
	stallprof_bpf__destroy(skel);
	return info.verified_insns;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static void test_followed(void **state)
{
	struct stallprof_bpf *skel = stallprof_bpf__open();
	unsigned int loaded = 0;
	struct bpf_program *p;

	(void)state;
	libbpf_set_print(quiet);
	assert_non_null(skel);
	bpf_object__for_each_program(p, skel->obj)
	{
		uint32_t n = followed(bpf_program__name(p));

		loaded += n > 0;
		if (n > FOLLOWED_MAX)
			fail_msg("%s: %u instructions followed", bpf_program__name(p), n);
	}
	assert_true(loaded >= 10);
	stallprof_bpf__destroy(skel);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_followed) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
