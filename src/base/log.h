/* log.h: the one place that words errors for a person.
 *
 * Library code returns errors and does not call this: the command that gives up does, once.
 * Knows the C library and base/str.h only.
 */
#ifndef STALLPROF_BASE_LOG_H
#define STALLPROF_BASE_LOG_H

/* One line on standard error: "stallprof: " and the text, with control bytes made visible, since
 * names of files and processes come from outside. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
