/* ksyms.c: see ksyms.h. */
#include "target/ksyms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/vec.h"

/* A longer reach from a symbol is a hole: programs loaded after the list was read lie in them. */
#define FUNCTION_MAX (64u << 10)
#define SYMBOLS_MAX  (4u << 20)
#define LIST_BUFFER  (64u << 10)

struct ksym {
	uint64_t addr;
	uint32_t name; /* offset in names */
};

struct ksyms {
	VEC(struct ksym) list;
	struct str names;
	FILE *rest; /* not read yet: 100,000 lines that an attach must not wait for */
};

/* "ffffffff81000000 T name\t[module]"; false for what is no code or hides its address. */
static bool parse_line(char *line, uint64_t *ret_addr, const char **ret_name)
{
	char *at;
	uint64_t addr = strtoull(line, &at, 16);

	if (!addr || at == line || at[0] != ' ' || !at[1] || !strchr("tTwW", at[1]) || at[2] != ' ')
		return false;
	at += 3;
	at[strcspn(at, " \t\n")] = '\0';
	*ret_addr = addr;
	*ret_name = at;
	return *at;
}

static int add_line(struct ksyms *k, char *line)
{
	const char *name;
	struct ksym one;
	int r;

	if (!parse_line(line, &one.addr, &name))
		return 0;
	one.name = (uint32_t)k->names.len;
	if (k->names.len > UINT32_MAX / 2 || k->list.count >= SYMBOLS_MAX)
		return 0;
	r = str_add_mem(&k->names, name, strlen(name) + 1);
	return r < 0 ? r : vec_add(&k->list, one);
}

/* Stable among equal addresses: the first name of the file wins, as in the kernel's own look-up. */
static int compare_ksyms(const void *a, const void *b)
{
	const struct ksym *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return (x->name > y->name) - (x->name < y->name);
}

/* Reads lines until there are `wanted` symbols, or all of them. */
static int read_lines(struct ksyms *k, size_t wanted)
{
	_cleanup_free_ char *line = NULL;
	size_t room = 0;

	while (k->list.count < wanted && getline(&line, &room, k->rest) > 0) {
		int r = add_line(k, line);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Out of memory leaves what was read: some names are better than none. */
static void complete(struct ksyms *k)
{
	if (!k->rest)
		return;
	read_lines(k, SIZE_MAX);
	fclose(steal(k->rest));
	if (k->list.count)
		qsort(k->list.items, k->list.count, sizeof(*k->list.items), compare_ksyms);
}

int ksyms_open(const char *path, struct ksyms **ret_ksyms)
{
	cleanup(ksyms_closep) struct ksyms *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return -ENOMEM;
	k->rest = fopen(path, "re");
	if (!k->rest)
		return -errno;
	/* the kernel hands out a page each time; by default it is asked for a quarter of one */
	setvbuf(k->rest, NULL, _IOFBF, LIST_BUFFER);
	r = read_lines(k, 1);
	if (r < 0)
		return r;
	if (!k->list.count)
		return -ENODATA;
	*ret_ksyms = steal(k);
	return 0;
}

struct ksyms *ksyms_close(struct ksyms *k)
{
	if (!k)
		return NULL;
	if (k->rest)
		fclose(k->rest);
	vec_release(&k->list);
	str_release(&k->names);
	free(k);
	return NULL;
}

size_t ksyms_count(struct ksyms *k)
{
	complete(k);
	return k->list.count;
}

const char *ksyms_find(struct ksyms *k, uint64_t addr)
{
	size_t low = 0, high;

	if (!k)
		return NULL;
	complete(k);
	high = k->list.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (k->list.items[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || addr - k->list.items[low - 1].addr >= FUNCTION_MAX)
		return NULL;
	while (low > 1 && k->list.items[low - 2].addr == k->list.items[low - 1].addr)
		low--;
	return k->names.text + k->list.items[low - 1].name;
}

/* bpf_prog_ and 16 hexadecimal digits: a compiled program, not the kernel's bpf_prog_load. */
static bool is_compiled_program(const char *name)
{
	static const char prefix[] = "bpf_prog_";

	return str_starts(name, prefix) &&
	       strspn(name + sizeof(prefix) - 1, "0123456789abcdef") == 16;
}

bool ksym_is_probe(const char *name)
{
	static const char *const prefixes[] = {
		"bpf_trace_run",	 "__bpf_trace_",	   "__bpf_prog_",
		"__bpf_get_stack",	 "bpf_get_stack",	   "bpf_trampoline_",
		"bpf_dispatcher_",	 "bpf_overflow_handler",   "__traceiter_",
		"__probestub_",		 "trace_event_raw_event_", "trace_call_bpf",
		"perf_trace_",		 "perf_syscall_",	   "get_perf_callchain",
		"perf_callchain_",	 "ftrace_regs_call",	   "ftrace_ops_",
		"kprobe_ftrace_handler", "kprobe_dispatcher",	   "kprobe_perf_func",
		"stack_trace_save",	 "arch_stack_walk",
	};
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (str_starts(name, prefixes[i]))
			return true;
	return is_compiled_program(name);
}
