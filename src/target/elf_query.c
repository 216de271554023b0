/* elf_query.c: see elf_query.h. */
#include "target/elf_query.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "target/sandbox.h"

/* The job of the worker: arg is the list of names. */
static int answer(int fd, const void *arg, struct str *result)
{
	cleanup(elf_image_closep) struct elf_image *e = NULL;
	const char *const *names = arg;
	const struct elf_load *loads;
	struct elf_facts facts = { 0 };
	size_t n_loads, i, n;
	int r = elf_image_open(fd, &e);

	if (r < 0)
		return r;
	loads = elf_image_loads(e, &n_loads);
	memcpy(facts.loads, loads, n_loads * sizeof(*loads));
	facts.n_loads = (uint32_t)n_loads;
	facts.position_dependent = elf_image_position_dependent(e);
	for (n = 0; n < ELF_QUERY_MAX && names[n]; n++)
		;
	elf_image_symbols(e, names, n, facts.symbols);
	for (i = 0; i < n; i++) {
		struct elf_symbol *s = &facts.symbols[i];

		if (names[i][0] == '.')
			elf_image_section(e, names[i], &s->value, &s->size);
	}
	return str_add_mem(result, &facts, sizeof(facts));
}

int elf_query(int fd, const char *const *names, struct elf_facts *ret_facts)
{
	cleanup(str_releasep) struct str result = { 0 };
	struct elf_facts facts;
	int r = sandbox_run(fd, answer, names, SANDBOX_DEADLINE_MS, &result);

	if (r < 0)
		return r;
	if (result.len != sizeof(facts))
		return -EIO;
	memcpy(&facts, result.text, sizeof(facts));
	if (!facts.n_loads || facts.n_loads > ELF_LOADS_MAX)
		return -EIO;
	*ret_facts = facts;
	return 0;
}

int elf_query_mapping(const struct process *p, const struct mapping *m, const char *const *names,
		      struct elf_facts *ret_facts)
{
	_cleanup_close_ int fd = elf_open_mapping(p, m);

	return fd < 0 ? fd : elf_query(fd, names, ret_facts);
}

uint64_t elf_facts_bias(const struct elf_facts *f, const struct process *p, const struct mapping *m)
{
	const struct mapping *first = maps_first_of_file(&p->maps, m->dev, m->ino);

	if (!first)
		first = m;
	if (f->position_dependent)
		return 0;
	return elf_bias(f->loads, f->n_loads, first->start, first->offset);
}
