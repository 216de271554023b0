/* v8_heap.h: bounded, type-checked reads of objects on V8's heap.
 *
 * Owns the range check of every address, the number of reads that one question may cost, the type
 * of an object and the text of a string.  The heap is hostile and moves while it is read: what does
 * not fit is an error, never a guess.  Must not know functions, scripts or frames.
 */
#ifndef STALLPROF_RUNTIME_V8_HEAP_H
#define STALLPROF_RUNTIME_V8_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "runtime/v8_layout.h"

#define V8_READS_MAX 8192 /* of one question */
#define V8_STACK_READS_MAX \
	65536 /* of all questions of a stack: some 50 ms; an honest one takes 1% */
#define V8_MAPS_KEPT 64
#define V8_TABLE_MAX (1u << 20) /* bytes of a table, or of bytecode; larger ones are not read */
#define V8_TYPE_NONE 0xffffu

struct v8_heap {
	const struct v8_layout *l; /* borrowed, as is memory */
	v8_read_fn *read;
	const void *memory;
	uint32_t reads;	      /* made since the question began */
	uint32_t stack_reads; /* made since the stack began */
	bool gone;	      /* the process is */
	/* Types by map, of this question: a map that is one stays one for so long. */
	struct {
		uint64_t map;
		uint16_t type;
	} types[V8_MAPS_KEPT];
};

void v8_heap_init(struct v8_heap *h, const struct v8_layout *l, v8_read_fn *read,
		  const void *memory);
/* A new stack begins, all of whose questions have V8_STACK_READS_MAX reads. */
void v8_heap_begin_stack(struct v8_heap *h);
/* A new question begins: from here on V8_READS_MAX reads, then everything is -EFAULT. */
void v8_heap_begin(struct v8_heap *h);

/* All return 0; -EFAULT: not there, not a user address, or too many reads; -ESRCH. */
int v8_heap_read(struct v8_heap *h, uint64_t addr, void *buf, size_t len);
int v8_heap_word(struct v8_heap *h, uint64_t addr, uint64_t *ret_word);

/* A word that refers to an object; its address. */
static inline bool v8_is_object(uint64_t word)
{
	return (word & 3) == 1 && word >= 4096 && word < 1ull << 47;
}

static inline uint64_t v8_address(uint64_t word)
{
	return word - 1;
}

static inline bool v8_is_smi(uint64_t word)
{
	return (uint32_t)word == 0;
}

static inline int32_t v8_smi(uint64_t word)
{
	return (int32_t)(word >> 32);
}

/* The instance type of what the word refers to, or V8_TYPE_NONE: no object, or it has no map. */
uint32_t v8_type(struct v8_heap *h, uint64_t word);
bool v8_is_string(struct v8_heap *h, uint64_t word);
/* False where the word refers to what has no type, because the collector moves it just now, or to
 * room that is free by now.  What else is found of it then means nothing. */
bool v8_is_settled(struct v8_heap *h, uint64_t word);

/* Word at that offset of an object of that type.  -EPROTO: it is of another. */
int v8_field(struct v8_heap *h, uint64_t object, int32_t type, int32_t off, uint64_t *ret_word);

/* A FixedArray's or ByteArray's count of elements; -EPROTO: neither, or more than max. */
int v8_array_length(struct v8_heap *h, uint64_t array, uint32_t max, uint32_t *ret_length);

/* Calls put with the characters of a string, piece by piece, at most `max` of them: `width` bytes
 * each, 1 for Latin-1 or 2 for UTF-16.  0; -EPROTO: no string; -ENOTSUP: its characters lie where
 * only the program finds them; what put returned. */
int v8_string_each(struct v8_heap *h, uint64_t string, uint32_t max,
		   int (*put)(void *arg, const uint8_t *chars, unsigned int width, size_t count),
		   void *arg);

/* The content of a byte array, by malloc.  0, -EPROTO, -EFAULT, -ESRCH, -ENOMEM. */
int v8_bytes(struct v8_heap *h, uint64_t array, uint8_t **ret_bytes, uint32_t *ret_len);

/* Whether these characters of ASCII stand in the string, up to that place. */
bool v8_string_has_before(struct v8_heap *h, uint64_t string, uint32_t at, const char *chars);

/* Appends the text in UTF-8, at most max characters. */
int v8_string_add(struct v8_heap *h, uint64_t string, uint32_t max, struct str *text);

#endif
