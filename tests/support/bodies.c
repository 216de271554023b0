/* bodies.c: stallprof, which also writes down every stack as it was before it was named.
 *
 * For tests that compare addresses.  The same commands and options; the file that STALLPROF_BODIES
 * names gets a line of JSON for each stack.  Linked with --wrap=resolver_stack, so that everything
 * else is the program as it is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/resolver.h"

int __wrap_resolver_stack(struct resolver *r, const struct event_stack *stack, struct str *payload);
int __real_resolver_stack(struct resolver *r, const struct event_stack *stack, struct str *payload);

static void write_body(FILE *f, const struct event_stack *s)
{
	fprintf(f,
		"{\"hash\": %" PRIu64 ", \"ts\": %" PRIu64
		", \"tgid\": %u, \"tid\": %u, \"stop\": %u, \"flags\": %u, "
		"\"python\": %u, \"user\": [",
		(uint64_t)s->hash, (uint64_t)s->head.ts, s->head.tgid, s->head.tid, s->user_stop,
		s->flags, s->n_python);
	for (int i = 0; i < s->n_user && i < STACK_USER_MAX; i++)
		fprintf(f, "%s%" PRIu64, i ? ", " : "", (uint64_t)USER_ADDRESS(s->user[i]));
	fprintf(f, "]}\n");
	fflush(f);
}

int __wrap_resolver_stack(struct resolver *r, const struct event_stack *stack, struct str *payload)
{
	static FILE *file;
	const char *path = getenv("STALLPROF_BODIES");

	if (!file && path)
		file = fopen(path, "we");
	if (file)
		write_body(file, stack);
	return __real_resolver_stack(r, stack, payload);
}
