/* cpu_list.h: numbers of processors as the kernel lists them: "0-3,5".
 *
 * Knows the form of the list, not which one it is.
 */
#ifndef STALLPROF_BASE_CPU_LIST_H
#define STALLPROF_BASE_CPU_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Makes ret_has[i] whether i is in the list, for the first n; what is beyond them is left out.
 * 0; -EINVAL: it is no list. */
int cpu_list_parse(const char *text, bool *ret_has, size_t n);

#endif
