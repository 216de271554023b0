/* cpython_find.c: see cpython_find.h. */
#include "runtime/cpython_find.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "target/elf_query.h"
#include "target/elf_split.h"

#define EVAL_NAME "_PyEval_EvalFrameDefault" /* exported by every version from 3.6 on */

enum wanted { W_RUNTIME, W_VERSION, W_CODE, W_TEXT, W_BYTES, W_GETTER };

static const char *const wanted[] = {
	[W_RUNTIME] = "_PyRuntime",
	[W_VERSION] = "Py_Version", /* 3.11 on */
	[W_CODE] = "PyCode_Type",
	[W_TEXT] = "PyUnicode_Type",
	[W_BYTES] = "PyBytes_Type",
	[W_GETTER] = "PyGILState_GetThisThreadState",
	NULL,
};

uint32_t cpython_minor_of_name(const char *name)
{
	const char *at = strstr(name, "python3.");
	char *end;
	unsigned long minor;

	if (!at)
		return 0;
	at += strlen("python3.");
	minor = strtoul(at, &end, 10);
	return end == at || minor > 99 ? 0 : (uint32_t)minor;
}

/* Py_Version is PY_VERSION_HEX: major, minor, micro, a byte each, then the release level. */
static void read_version(const struct process *p, const struct mapping *m, uint64_t addr,
			 struct cpython_place *place)
{
	uint32_t hex;

	place->micro = -1;
	if (addr && process_read_all(p, addr, &hex, sizeof(hex)) == 0 && hex >> 24 == 3) {
		place->minor = hex >> 16 & 0xff;
		place->micro = (int32_t)(hex >> 8 & 0xff);
		return;
	}
	place->minor = cpython_minor_of_name(mapping_basename(m));
}

static void find_text(const struct process *p, const struct mapping *of,
		      struct cpython_place *place)
{
	size_t i;

	for (i = 0; i < p->maps.list.count; i++) {
		const struct mapping *m = &p->maps.list.items[i];

		if (!m->exec || m->ino != of->ino || m->dev != of->dev)
			continue;
		if (!place->text_start)
			place->text_start = m->start;
		place->text_end = m->end;
	}
}

static struct runtime_code in_process(const struct elf_range *range, uint64_t bias)
{
	if (range->end <= range->start)
		return (struct runtime_code){ 0 };
	return (struct runtime_code){ range->start + bias, range->end + bias };
}

/* Without it frames are not merged, which is no failure. */
static void find_eval(const struct process *p, const struct mapping *m, uint64_t bias,
		      struct cpython_place *place)
{
	struct elf_split split;

	if (elf_split_mapping(p, m, EVAL_NAME, &split) < 0)
		return;
	place->eval[0] = in_process(&split.main, bias);
	place->eval[1] = in_process(&split.part, bias);
}

/* 0: this file is the interpreter; -EPROTO: one from before 3.7, which has no _PyRuntime; -ENOENT:
 * it is none. */
static int try_file(struct process *p, const struct mapping *m, struct cpython_place *ret)
{
	struct cpython_place place = { 0 };
	struct elf_facts facts;
	uint64_t bias;
	int r = elf_query_mapping(p, m, wanted, &facts);

	if (r < 0)
		return r;
	if (!facts.symbols[W_CODE].value)
		return -ENOENT;
	if (!facts.symbols[W_RUNTIME].value)
		return -EPROTO;
	bias = elf_facts_bias(&facts, p, m);
	place.runtime = bias + facts.symbols[W_RUNTIME].value;
	place.code_type = bias + facts.symbols[W_CODE].value;
	place.text_type = bias + facts.symbols[W_TEXT].value;
	place.bytes_type = bias + facts.symbols[W_BYTES].value;
	if (facts.symbols[W_GETTER].value)
		place.getter = bias + facts.symbols[W_GETTER].value;
	read_version(p, m,
		     facts.symbols[W_VERSION].value ? bias + facts.symbols[W_VERSION].value : 0,
		     &place);
	find_text(p, m, &place);
	find_eval(p, m, bias, &place);
	*ret = place;
	return 0;
}

static bool is_named_python(const struct mapping *m)
{
	const char *name = mapping_basename(m);

	return str_starts(name, "libpython") || str_starts(name, "python");
}

/* Files by name first; then the executable, which may embed an interpreter under any name. */
int cpython_find(struct process *p, struct cpython_place *ret_place)
{
	uint64_t last_dev = 0, last_ino = 0;
	int failure = -ENOENT, pass;
	size_t i;

	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < p->maps.list.count; i++) {
			const struct mapping *m = &p->maps.list.items[i];
			int r;

			if (!m->ino || m->path[0] != '/' ||
			    (m->ino == last_ino && m->dev == last_dev))
				continue;
			if (pass == 0 ? !is_named_python(m)
				      : is_named_python(m) || strcmp(m->path, p->exe) != 0)
				continue;
			last_dev = m->dev;
			last_ino = m->ino;
			r = try_file(p, m, ret_place);
			if (r == 0 || r == -ENOMEM)
				return r;
			/* a script or data file named python-something is no reason to fail */
			if (r != -ENOENT && r != -ENOEXEC && pass == 0)
				failure = r;
		}
	}
	return failure;
}
