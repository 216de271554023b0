/* fuzz_unwind_worker.c: any bytes as the answers of a worker that had several files.
 *
 * Whatever they are, each file gets a table or an error, and one at least is not asked for again.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target/unwind_worker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unwind_table *tables[UNWIND_WORKER_FILES];
	int results[UNWIND_WORKER_FILES];
	struct str answers = { 0 };
	bool again = false;

	if (str_add_mem(&answers, data, size) < 0)
		return 0;
	unwind_worker_parse(&answers, 0, UNWIND_WORKER_FILES, results, tables);
	for (int i = 0; i < UNWIND_WORKER_FILES; i++) {
		if (results[i] > 0 || !tables[i] != (results[i] < 0) ||
		    (again && results[i] != -EAGAIN) || (i == 0 && results[i] == -EAGAIN))
			abort();
		again = results[i] == -EAGAIN;
		unwind_table_free(tables[i]);
	}
	str_release(&answers);
	return 0;
}
