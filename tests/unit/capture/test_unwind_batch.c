/* test_unwind_batch.c: files are dealt out to workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/unwind_batch.h"

static int file(off_t size)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

/* All workers get something first, then the one with the least, until nobody has room. */
static void test_deal(void **state)
{
	struct unwind_batches b = { .max = 3 };
	int fd = file(4096), items[3 * UNWIND_WORKER_FILES];
	size_t n = 0;

	(void)state;
	while (unwind_batches_add(&b, fd, &items[n]))
		n++;
	assert_int_equal(n, 3 * UNWIND_WORKER_FILES);
	assert_int_equal(b.n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(b.items[i].n, UNWIND_WORKER_FILES);
		for (size_t k = 0; k < UNWIND_WORKER_FILES; k++) {
			assert_int_equal(b.items[i].fds[k], fd);
			assert_ptr_equal(b.items[i].items[k], &items[k * 3 + i]);
		}
	}
	close(fd);
}

/* A big one goes alone. */
static void test_big(void **state)
{
	struct unwind_batches b = { .max = 2 };
	int big = file(UNWIND_BATCH_BYTES + 1), small = file(5),
	    half = file(UNWIND_BATCH_BYTES / 2);

	(void)state;
	assert_true(unwind_batches_add(&b, big, NULL));
	assert_true(unwind_batches_add(&b, half, NULL));
	assert_true(unwind_batches_add(&b, small, NULL));
	assert_int_equal(b.items[0].n, 1);
	assert_int_equal(b.items[1].n, 2);
	assert_false(unwind_batches_add(&b, half, NULL));
	assert_false(unwind_batches_add(&b, big, NULL));
	close(big);
	close(small);
	close(half);
}

/* Files of two owners, or of two file systems, do not go together. */
static void test_owners(void **state)
{
	struct unwind_batches b = { .max = 1 };
	int mine = file(5), other = file(5),
	    elsewhere = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(unwind_batches_add(&b, mine, NULL));
	assert_false(unwind_batches_add(&b, elsewhere, NULL));
	assert_true(unwind_batches_add(&b, other, NULL));
	if (fchown(other, 4711, 4711) == 0) {
		assert_false(unwind_batches_add(&b, other, NULL));
		b.max = 2;
		assert_true(unwind_batches_add(&b, other, NULL));
		assert_int_equal(b.n, 2);
	}
	assert_true(unwind_batches_add(&b, mine, NULL));
	assert_int_equal(b.items[0].n, 3);
	close(mine);
	close(other);
	close(elsewhere);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deal),
		cmocka_unit_test(test_big),
		cmocka_unit_test(test_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
