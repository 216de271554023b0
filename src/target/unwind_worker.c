/* unwind_worker.c: see unwind_worker.h. */
#include "target/unwind_worker.h"

#include <errno.h>
#include <string.h>

#include "target/unwind_table_block.h"

/* Before each table. */
struct answer {
	int32_t status;
	uint32_t len;
};

/* Runs in the worker. */
static void compile(int in, int out, const void *arg)
{
	const struct unwind_worker *w = arg;

	for (size_t i = 0; i < w->n; i++) {
		int fd = i ? SANDBOX_FILE((int)i - 1) : in;
		struct str block = { 0 };
		struct answer a = { .status = unwind_table_block(fd, NULL, &block) };

		a.len = a.status < 0 ? 0 : (uint32_t)block.len;
		sandbox_write(out, &a, sizeof(a));
		sandbox_write(out, block.text, a.len);
		str_release(&block);
	}
}

int unwind_worker_begin(const int *fds, size_t n, struct unwind_worker *ret_worker)
{
	ret_worker->n = n;
	return sandbox_begin_with(fds[0], fds + 1, n - 1, compile, ret_worker, SANDBOX_DEADLINE_MS,
				  &ret_worker->task);
}

/* Takes the next table from the answers.  -ENODATA: it is not there. */
static int take(const struct str *answers, size_t *at, struct unwind_table **ret_table)
{
	cleanup(str_releasep) struct str block = { 0 };
	struct answer a;
	int r;

	if (answers->len - *at < sizeof(a))
		return -ENODATA;
	memcpy(&a, answers->text + *at, sizeof(a));
	if (a.len > answers->len - *at - sizeof(a))
		return -ENODATA;
	*at += sizeof(a);
	if (a.status < 0)
		return a.status == -EAGAIN || a.status == -ENODATA ? -EIO : a.status;
	r = str_add_mem(&block, answers->text + *at, a.len);
	*at += a.len;
	return r < 0 ? r : unwind_table_open_block(&block, ret_table);
}

void unwind_worker_parse(const struct str *answers, int error, size_t n, int *ret_results,
			 struct unwind_table **ret_tables)
{
	size_t at = 0, i = 0;

	for (bool more = true; i < n && more; i++) {
		ret_tables[i] = NULL;
		ret_results[i] = take(answers, &at, &ret_tables[i]);
		more = ret_results[i] != -ENODATA;
		if (!more)
			ret_results[i] = error < 0 ? error : -EIO;
	}
	for (; i < n; i++) {
		ret_tables[i] = NULL;
		ret_results[i] = -EAGAIN;
	}
}

void unwind_worker_finish(struct unwind_worker *w, int *ret_results,
			  struct unwind_table **ret_tables)
{
	cleanup(str_releasep) struct str answers = { 0 };
	int r = sandbox_collect(&w->task, &answers);

	unwind_worker_parse(&answers, r, w->n, ret_results, ret_tables);
}

int unwind_table_build_safely(int fd, struct unwind_table **ret_table)
{
	struct unwind_worker w;
	int r = unwind_worker_begin(&fd, 1, &w), result;

	if (r < 0)
		return r;
	unwind_worker_finish(&w, &result, ret_table);
	return result;
}
