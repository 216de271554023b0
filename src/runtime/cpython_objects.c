/* cpython_objects.c: see cpython_objects.h. */
#include "runtime/cpython_objects.h"

#include <errno.h>
#include <string.h>

#include "base/word.h"
#include "runtime/cpython_text.h"
#include "runtime/cpython_types.h"

#define STR_MAX	   65536 /* characters */
#define STR_PART   1024
#define LENGTH_MAX (1ull << 40) /* of what is only counted */

static int check_flag(struct cpython_reader *rd, uint64_t object, uint64_t flag)
{
	uint64_t flags = 0;
	int r = cpython_type_flags(rd, object, &flags);

	if (r < 0)
		return r;
	return flags & flag ? 0 : -EPROTO;
}

struct text_place {
	uint64_t at;
	uint64_t count;
	struct cpython_text_form form;
};

static int find_text(struct cpython_reader *rd, uint64_t object, struct text_place *ret)
{
	uint8_t head[CPYTHON_TEXT_STATE + 4];
	uint32_t state;
	int r = cpython_read(rd, object, head, sizeof(head));

	if (r < 0)
		return r;
	memcpy(&state, head + CPYTHON_TEXT_STATE, sizeof(state));
	if (!cpython_text_form(state, &ret->form))
		return -EPROTO;
	ret->count = word_at(head, CPYTHON_TEXT_LENGTH);
	ret->at = object + (ret->form.ascii ? rd->o->text_ascii : rd->o->text_compact);
	return check_flag(rd, object, TYPE_IS_STR);
}

int cpython_str(struct cpython_reader *rd, uint64_t object, size_t limit, struct str *text)
{
	uint8_t data[STR_PART * 4];
	struct text_place t;
	size_t done = 0, count;
	int r = find_text(rd, object, &t);

	if (r < 0)
		return r;
	if (limit > STR_MAX)
		limit = STR_MAX;
	count = t.count < limit ? t.count : limit;
	while (r == 0 && done < count) {
		size_t part = count - done < STR_PART ? count - done : STR_PART;

		r = cpython_read(rd, t.at + done * t.form.width, data, part * t.form.width);
		if (r == 0)
			r = cpython_text_add(text, t.form, data, part);
		done += part;
	}
	return r;
}

int cpython_str_copy(struct cpython_reader *rd, uint64_t object, char *buf, size_t room)
{
	cleanup(str_releasep) struct str text = { 0 };
	size_t len;
	int r = cpython_str(rd, object, room, &text);

	if (r < 0)
		return r;
	len = text.len;
	if (len >= room) {
		len = room - 1;
		while (len && (text.text[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(buf, str_text(&text), len);
	buf[len] = '\0';
	return 0;
}

int cpython_str_is(struct cpython_reader *rd, uint64_t object, const char *text)
{
	char data[STR_PART];
	size_t len = strlen(text);
	struct text_place t;
	uint64_t count;
	int r = cpython_read_word(rd, object + CPYTHON_TEXT_LENGTH, &count);

	if (r < 0)
		return r;
	if (count != len || len > sizeof(data))
		return -ENOENT;
	r = find_text(rd, object, &t);
	if (r < 0)
		return r;
	if (!t.form.ascii || t.count != len)
		return -ENOENT;
	r = cpython_read(rd, t.at, data, len);
	if (r < 0)
		return r;
	return memcmp(data, text, len) == 0 ? 0 : -ENOENT;
}

int cpython_int(struct cpython_reader *rd, uint64_t object, int64_t *ret_number)
{
	uint64_t size, count, value = 0;
	uint32_t digits[3];
	bool negative;
	int i, r = cpython_read_word(rd, object + CPYTHON_OB_SIZE, &size);

	if (r == 0)
		r = check_flag(rd, object, TYPE_IS_INT);
	if (r < 0)
		return r;
	if (rd->l->int_tagged) {
		count = size >> 3;
		negative = (size & 3) == 2;
		if ((size & 3) == 1) /* zero, with a digit of its own */
			count = 0;
	} else {
		negative = (int64_t)size < 0;
		count = negative ? 0 - size : size;
	}
	if (count > 3)
		return -ERANGE;
	r = cpython_read(rd, object + CPYTHON_INT_DIGITS, digits, count * sizeof(digits[0]));
	if (r < 0)
		return r;
	for (i = (int)count; i-- > 0;) {
		if (digits[i] >> 30)
			return -EPROTO;
		if (value >> 33)
			return -ERANGE;
		value = value << 30 | digits[i];
	}
	if (value > INT64_MAX)
		return -ERANGE;
	*ret_number = negative ? -(int64_t)value : (int64_t)value;
	return 0;
}

int cpython_items(struct cpython_reader *rd, uint64_t object, struct cpython_items *ret_items)
{
	struct cpython_items items;
	uint64_t flags;
	int r = cpython_type_flags(rd, object, &flags);

	if (r == 0 && !(flags & (TYPE_IS_LIST | TYPE_IS_TUPLE)))
		r = -EPROTO;
	if (r == 0)
		r = cpython_read_word(rd, object + CPYTHON_OB_SIZE, &items.count);
	if (r < 0)
		return r;
	if (items.count > CPYTHON_ITEMS_MAX)
		return -E2BIG;
	items.at = object + rd->l->tuple_items;
	if (flags & TYPE_IS_LIST)
		r = cpython_read_word(rd, object + CPYTHON_LIST_ITEMS, &items.at);
	if (r == 0)
		*ret_items = items;
	return r;
}

int cpython_item(struct cpython_reader *rd, const struct cpython_items *items, uint64_t i,
		 uint64_t *ret_object)
{
	uint64_t object;
	int r;

	if (i >= items->count)
		return -ENOENT;
	r = cpython_read_word(rd, items->at + 8 * i, &object);
	if (r < 0)
		return r;
	if (!object)
		return -ENOENT;
	*ret_object = object;
	return 0;
}

/* The word at `at` of an instance of the type of that name. */
static int word_of(struct cpython_reader *rd, uint64_t object, const char *name, uint32_t at,
		   uint64_t *ret_word)
{
	int r = cpython_is(rd, object, name);

	return r < 0 ? r : cpython_read_word(rd, object + at, ret_word);
}

static int length_of(struct cpython_reader *rd, uint64_t object, const char *name, uint32_t at,
		     uint64_t *ret_length)
{
	uint64_t length;
	int r = word_of(rd, object, name, at, &length);

	if (r < 0)
		return r;
	if (length > LENGTH_MAX)
		return -E2BIG;
	*ret_length = length;
	return 0;
}

int cpython_deque_length(struct cpython_reader *rd, uint64_t object, uint64_t *ret_length)
{
	return length_of(rd, object, "collections.deque", CPYTHON_OB_SIZE, ret_length);
}

int cpython_queue_length(struct cpython_reader *rd, uint64_t object, uint64_t *ret_length)
{
	struct cpython_items items;
	uint64_t list, pos;
	int r;

	if (rd->l->queue_ring)
		return length_of(rd, object, "_queue.SimpleQueue", CPYTHON_QUEUE_COUNT, ret_length);
	r = word_of(rd, object, "_queue.SimpleQueue", CPYTHON_QUEUE_LIST, &list);
	if (r == 0)
		r = cpython_read_word(rd, object + CPYTHON_QUEUE_POS, &pos);
	if (r == 0)
		r = cpython_items(rd, list, &items);
	if (r < 0)
		return r;
	if (pos > items.count) /* torn: the taken ones are cut off now and then */
		return -EPROTO;
	*ret_length = items.count - pos;
	return 0;
}

int cpython_weakref(struct cpython_reader *rd, uint64_t object, uint64_t *ret_object)
{
	uint64_t to;
	int r = word_of(rd, object, "weakref", CPYTHON_WEAKREF_OBJECT, &to);

	if (r == -EPROTO) /* its name from 3.11 on */
		r = word_of(rd, object, "weakref.ReferenceType", CPYTHON_WEAKREF_OBJECT, &to);
	if (r < 0)
		return r;
	if (!to || cpython_is_none(rd, to))
		return -ENOENT;
	*ret_object = to;
	return 0;
}

int cpython_method(struct cpython_reader *rd, uint64_t object, uint64_t *ret_function,
		   uint64_t *ret_self)
{
	uint64_t function, self;
	int r = word_of(rd, object, "method", CPYTHON_METHOD_FUNC, &function);

	if (r == 0)
		r = cpython_read_word(rd, object + CPYTHON_METHOD_SELF, &self);
	if (r < 0)
		return r;
	*ret_function = function;
	*ret_self = self;
	return 0;
}

int cpython_builtin_self(struct cpython_reader *rd, uint64_t object, uint64_t *ret_self)
{
	uint64_t self;
	int r = word_of(rd, object, "builtin_function_or_method", CPYTHON_BUILTIN_SELF, &self);

	if (r < 0)
		return r;
	if (!self)
		return -ENOENT;
	*ret_self = self;
	return 0;
}

int cpython_function_code(struct cpython_reader *rd, uint64_t object, uint64_t *ret_code)
{
	return word_of(rd, object, "function", rd->l->function_code, ret_code);
}

int cpython_partial_function(struct cpython_reader *rd, uint64_t object, uint64_t *ret_function)
{
	return word_of(rd, object, "functools.partial", CPYTHON_PARTIAL_FUNC, ret_function);
}
