/* sandbox.h: runs a parser of hostile files where it can do no harm.
 *
 * Owns the worker process: forked per job, no new privileges, a seccomp filter that leaves reading,
 * memory of its own and exit, limits on memory and CPU, a deadline.  Must not know what is parsed.
 */
#ifndef STALLPROF_TARGET_SANDBOX_H
#define STALLPROF_TARGET_SANDBOX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/str.h"

#define SANDBOX_DEADLINE_MS 5000
#define SANDBOX_RESULT_MAX  (256u << 20)
#define SANDBOX_FILES_MAX   15
#define SANDBOX_FILE(i)	    (5 + (i))

/* A job reads fd, the only file it has, and appends its result.  0 or negative errno.
 * Files that are handed over as descriptors of O_PATH are opened for reading in the worker, where
 * that may take for ever. */
typedef int sandbox_job(int fd, const void *arg, struct str *result);

/* Runs the job in a worker and hands its result out.  The job's own error; -ETIMEDOUT past the
 * deadline; -EIO the worker died (of a signal, a forbidden system call, or too long a result);
 * -EAGAIN, -ENOMEM no worker could be made.  The result is still hostile: the caller checks it. */
int sandbox_run(int fd, sandbox_job *job, const void *arg, unsigned int deadline_ms,
		struct str *ret_result);

/* A job that runs beside its caller. */
struct sandbox_task {
	pid_t pid;
	int out;
	int64_t until_ms;
};

/* As sandbox_run in two halves: what is begun must be finished, in any order. */
int sandbox_begin(int fd, sandbox_job *job, const void *arg, unsigned int deadline_ms,
		  struct sandbox_task *ret_task);
int sandbox_finish(struct sandbox_task *t, struct str *ret_result);

/* Opens a job's file, in the worker, before it is locked in: for places where that may never
 * return.  `in` is all that is open besides.  A descriptor or negative errno. */
typedef int sandbox_opener(int in, const void *arg);

/* As sandbox_run, for the file that the opener finds; both get arg.  In addition what the opener
 * returned. */
int sandbox_run_opened(int in, sandbox_opener *opener, sandbox_job *job, const void *arg,
		       unsigned int deadline_ms, struct str *ret_result);

/* Opens a file in a worker and takes it over from there: for paths that may lead through a file
 * system whose server does not answer.  Only descriptors of O_PATH, which nobody waits for when
 * they are closed.  As the opener returns; -ETIMEDOUT, -EIO, -EAGAIN. */
int sandbox_open(int in, sandbox_opener *opener, const void *arg, unsigned int deadline_ms);

/* What a worker does that lives longer than one job; it is killed when this returns. */
typedef void sandbox_body(int in, int out, const void *arg);

/* Starts a worker that has `in` and a pipe to us and nothing else.  The caller reads *ret_out,
 * closes it, and ends the worker by sandbox_end.  0, -EAGAIN or the error of pipe. */
int sandbox_spawn(int in, sandbox_body *body, const void *arg, pid_t *ret_pid, int *ret_out);
/* The same with more files, at most SANDBOX_FILES_MAX: file i is descriptor SANDBOX_FILE(i) of the
 * worker.  They stay the caller's.  In addition -EINVAL: too many. */
int sandbox_spawn_with(int in, const int *files, size_t n_files, sandbox_body *body,
		       const void *arg, pid_t *ret_pid, int *ret_out);
/* The same, with one more file and an opener that does all there is to do, and never returns. */
int sandbox_spawn_opener(int in, int file, sandbox_opener *opener, const void *arg, pid_t *ret_pid,
			 int *ret_out);
/* The same for a worker that answers and ends, beside its caller.  What is begun must be collected:
 * all that it wrote, also when it did not get to its end.  0; -ETIMEDOUT; -EIO it wrote too much;
 * -ENOMEM. */
int sandbox_begin_with(int in, const int *files, size_t n_files, sandbox_body *body,
		       const void *arg, unsigned int deadline_ms, struct sandbox_task *ret_task);
int sandbox_collect(struct sandbox_task *t, struct str *ret_answer);
/* In a worker: all of it, or the worker ends. */
void sandbox_write(int out, const void *bytes, size_t len);
/* Kills and reaps; one that cannot die yet is left behind after a second. */
void sandbox_end(pid_t pid);

/* What a worker calls in place of fstat: libraries spell that as a call that could look up any
 * path, and which it is refused. */
int sandbox_fstat(int fd, struct stat *ret_stat);

#endif
