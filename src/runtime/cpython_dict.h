/* cpython_dict.h: dicts, sets, attributes and modules of another process.
 *
 * Owns the key layouts of all versions and the four ways an instance keeps its attributes.  Errors
 * and hostility as in cpython_objects.h.
 */
#ifndef STALLPROF_RUNTIME_CPYTHON_DICT_H
#define STALLPROF_RUNTIME_CPYTHON_DICT_H

#include <stdint.h>

#include "runtime/cpython_objects.h"

#define CPYTHON_DICT_MAX 65536 /* entries */

/* Iterates over a dict, or over the attributes of an instance, in order of insertion. */
struct cpython_dict {
	uint64_t entries; /* address of the first */
	uint64_t values;  /* address of the values of a split table; 0: they are in the entries */
	uint64_t count;
	uint64_t next;
	uint32_t entry_size, key_at;
};

int cpython_dict_open(struct cpython_reader *rd, uint64_t object, struct cpython_dict *ret_dict);
/* 1 and a pair, 0 at the end, or an error.  Entries without value are skipped. */
int cpython_dict_next(struct cpython_reader *rd, struct cpython_dict *d, uint64_t *ret_key,
		      uint64_t *ret_value);
/* The value of a str key; -ENOENT. */
int cpython_dict_find(struct cpython_reader *rd, uint64_t object, const char *key,
		      uint64_t *ret_value);

/* The instance's own attributes: not those of its class, nor slots.  -ENOENT: it has none. */
int cpython_attrs_open(struct cpython_reader *rd, uint64_t object, struct cpython_dict *ret_dict);
int cpython_attr(struct cpython_reader *rd, uint64_t object, const char *name, uint64_t *ret_value);

/* set or frozenset. */
struct cpython_set {
	uint64_t table;
	uint64_t count; /* of its slots, most of them empty */
	uint64_t next;
	uint64_t used; /* elements */
};
int cpython_set_open(struct cpython_reader *rd, uint64_t object, struct cpython_set *ret_set);
/* 1 and an element, 0 at the end, or an error. */
int cpython_set_next(struct cpython_reader *rd, struct cpython_set *s, uint64_t *ret_object);

int cpython_module_dict(struct cpython_reader *rd, uint64_t module, uint64_t *ret_dict);
/* The dict of an imported module; interp: its interpreter.  -ENOENT: not imported. */
int cpython_module(struct cpython_reader *rd, uint64_t interp, const char *name,
		   uint64_t *ret_dict);

#endif
