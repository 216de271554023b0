/* json.h: pieces of the records as JSON values.
 *
 * The objects that several record types share.  Every function returns a new reference, or NULL
 * when out of memory; json_object_set_new() and json_array_append_new() accept that NULL and fail
 * in turn.
 */
#ifndef STALLPROF_OUTPUT_JSON_H
#define STALLPROF_OUTPUT_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "model/profile.h"

/* JSON integers are signed here; lengths beyond 292 years are cut to the largest. */
json_t *json_u64(uint64_t value);

/* {"v":1,"type":type}: the start of every record; "ts" has its place further on. */
json_t *json_record(const char *type);
json_t *json_ts(uint64_t wall_ns);

json_t *json_target(const struct target *t);
json_t *json_why(const struct why *why);
json_t *json_at(const struct frame *at);
json_t *json_frames(const struct stack *stack);
json_t *json_proc(const struct proc *proc, uint32_t tid); /* tid 0: the process as a whole */
json_t *json_class_ns(const uint64_t ns[CLASS_COUNT]);

/* Sets a key; 0 or -ENOMEM.  Takes the value in any case. */
int json_put(json_t *object, const char *key, json_t *value);
/* As above, but leaves out "". */
int json_put_text(json_t *object, const char *key, const char *text);

/* The object, or NULL after dropping it when `failed` is not 0. */
json_t *json_checked(json_t *object, int failed);

/* One line, keys in the order they were set; takes the record in any case.  0, -EIO, -ENOMEM;
 * nothing is written when `failed` is not 0. */
int json_line(json_t *record, int failed, FILE *f);

/* Who kept a thread waiting: {tid, pid, comm}; pid only of another process. */
json_t *json_owner(const struct owner *o);
/* {kind, tid, comm, ns, share, at, frames}; without frames for NULL `p`. */
json_t *json_holder(const struct profile *p, const struct holder *h);

/* The records behind the stalls. */
int jsonl_threads(const struct profile *p, FILE *f);
int jsonl_summary(const struct profile *p, FILE *f);
int jsonl_tasks(const struct profile *p, const struct task_list *list, FILE *f);
int jsonl_offcpu(const struct profile *p, const struct offcpu_row *row, FILE *f);

#endif
