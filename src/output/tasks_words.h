/* tasks_words.h: what a task and what it waits for are called.
 *
 * Shared by the text and the records of tasks.  Appends to the caller's string; 0 or -ENOMEM.
 */
#ifndef STALLPROF_OUTPUT_TASKS_WORDS_H
#define STALLPROF_OUTPUT_TASKS_WORDS_H

#include "output/words.h"

/* "waiting", "running", ...; never NULL. */
const char *task_state_name(enum task_state state);
const char *await_kind_name(enum await_kind kind);

/* "(no name)" where it has none. */
const char *task_name(const struct task *t);

/* Where a task stands: "fetch (client.py:41) > Pool.get (pool.py:7) awaiting Future
 * [StreamReader.read]".  What stands in brackets is what the program's own innermost frame asked of
 * a library. */
enum task_words {
	WORDS_COMMON = 0,  /* what tasks that stand alike share: equal words are one row */
	WORDS_NAMED = 1,   /* awaited tasks by name instead of by coroutine */
	WORDS_WHOLE = 2,   /* by name, and all frames */
	WORDS_NO_TASKS = 3 /* without the awaited tasks: they stand below */
};
int task_words(struct str *s, const struct task_list *list, const struct paths *paths,
	       const struct task *t, enum task_words form);

/* "Task-3, Task-4, Task-9 and 7 more" of the tasks with those indexes. */
int task_names(struct str *s, const struct task_list *list, const int *tasks, size_t count);

#endif
