/* test_native_lines.c: source lines and inlined functions of this program itself, which is built
 * with debug information; what was inlined from installed headers is not the user's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "runtime/native_lines.h"

enum { HERE_LINE = __LINE__ + 7 };

/* The address of the last byte of one of its own instructions. */
static inline __attribute__((always_inline)) uint64_t here(void)
{
	uint64_t next;

	asm volatile("lea 0(%%rip), %0" : "=r"(next));
	return next - 1;
}

enum { CALL_LINE = __LINE__ + 4 };

__attribute__((noinline)) static uint64_t calls_here(void)
{
	return here();
}

/* In a line of its own, and as a part of the function that calls it. */
static void test_self(void **state)
{
	uint64_t insides[2] = { calls_here(), 0x10 };
	struct chunk_frame frames[NATIVE_LINES_MAX];
	struct native_place place;
	const struct mapping *m;
	struct native_names *names;
	struct native_lines *l;
	struct process *p;
	size_t n = 0;

	(void)state;
	assert_int_equal(native_names_new(&names), 0);
	assert_int_equal(native_lines_new(names, &l), 0);
	assert_int_equal(process_open("/proc", getpid(), &p), 0);
	m = process_map(p, insides[0]);
	place = native_lines_place(l, p, m, insides[0]);
	assert_int_equal(native_lines_find(l, &place, frames, &n), LINES_LOST);
	native_lines_begin(l, p, insides, 2, true);
	assert_int_equal(native_lines_find(l, &place, frames, &n), LINES_LATER);
	lines_wait(native_lines_source(l), now_ns() + 60000000000ULL);
	assert_int_equal(native_lines_find(l, &place, frames, &n), LINES_KNOWN);
	assert_int_equal(n, 2);
	assert_string_equal(frames[0].fn, "here");
	assert_int_equal(frames[0].flags, FRAME_INLINED);
	assert_true(str_ends(frames[0].file, "/test_native_lines.c"));
	assert_int_equal(frames[0].line, HERE_LINE);
	assert_string_equal(frames[1].fn, "calls_here");
	assert_int_equal(frames[1].flags, 0);
	assert_int_equal(frames[1].line, CALL_LINE);
	assert_int_equal(frames[1].kind, FRAME_NATIVE);
	process_close(p);
	native_lines_free(l);
	native_lines_free(NULL);
	native_names_free(names);
}

/* What came with a compiler or a package is not the user's, whatever program it stands in. */
static void test_installed(void **state)
{
	(void)state;
	assert_true(native_lines_installed("/usr/include/c++/12/bits/stl_vector.h"));
	assert_true(native_lines_installed("/rustc/0123/library/core/src/ops/function.rs"));
	assert_true(native_lines_installed("library/std/src/sys/pal/unix/futex.rs"));
	assert_true(native_lines_installed("library/core/src/ops/function.rs"));
	assert_true(native_lines_installed("library/alloc/src/vec/mod.rs"));
	assert_true(native_lines_installed("/rust/deps/hashbrown-0.15.2/src/raw/mod.rs"));
	assert_true(native_lines_installed("/home/u/.cargo/registry/src/x/mio-1.0/src/poll.rs"));
	assert_true(native_lines_installed("/usr/share/cargo/registry/tokio-1.24.2/src/lib.rs"));
	assert_true(native_lines_installed("/home/u/.cargo/git/checkouts/x/src/lib.rs"));
	assert_false(native_lines_installed("/srv/app/library/std/src/lib.rs"));
	assert_false(native_lines_installed("library/store.c"));
	assert_false(native_lines_installed("src/main.rs"));
	assert_false(native_lines_installed(""));

	assert_true(native_lines_standard("std::thread::functions::sleep"));
	assert_true(native_lines_standard("<std::sys::sync::mutex::futex::Mutex>::lock_contended"));
	assert_true(native_lines_standard("core::ops::function::FnOnce::call_once"));
	assert_true(native_lines_standard("__gnu_cxx::new_allocator<int>::allocate"));
	assert_true(native_lines_standard("<alloc::vec::Vec<T> as core::clone::Clone>::clone"));
	assert_true(native_lines_standard("<std::io::Lines<B> as "
					  "core::iter::Iterator<fn() -> app::A>>::next"));
	assert_false(native_lines_standard("<app::Order as core::fmt::Debug>::fmt"));
	assert_false(native_lines_standard("<alloc::string::String as app::Describe>::describe"));
	assert_false(native_lines_standard("<core::option::Option<<u8 as core::ops::Add>::Output> "
					   "as app::Describe>::describe"));
	assert_false(native_lines_standard("<alloc::boxed::Box<dyn Fn() -> u8> as app::F>::f"));
	assert_false(native_lines_standard("core::Engine::run"));
	assert_false(native_lines_standard("standard"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_self),
		cmocka_unit_test(test_installed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
