/* v8_scripts.c: see v8_scripts.h. */
#include "runtime/v8_scripts.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/path.h"

#define SCRIPTS_MAX 1024
#define LINES_MAX   (4u << 20) /* line ends kept, of all scripts */
#define EVAL_MAX    4	       /* texts evaluated by evaluated texts */

struct v8_scripts {
	struct v8_heap *h;
	const char *cwd;
	VEC(struct v8_script *) list;
	size_t n_lines;
};

int v8_scripts_new(struct v8_heap *h, const char *cwd, struct v8_scripts **ret_scripts)
{
	struct v8_scripts *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->h = h;
	s->cwd = cwd;
	*ret_scripts = s;
	return 0;
}

static void script_free(struct v8_script *script)
{
	v8_line_ends_release(&script->lines);
	free(script->file);
	free(script);
}

void v8_scripts_empty(struct v8_scripts *s)
{
	size_t i;

	for (i = 0; i < s->list.count; i++)
		script_free(s->list.items[i]);
	s->list.count = 0;
	s->n_lines = 0;
}

struct v8_scripts *v8_scripts_free(struct v8_scripts *s)
{
	if (!s)
		return NULL;
	v8_scripts_empty(s);
	vec_release(&s->list);
	free(s);
	return NULL;
}

bool v8_scripts_full(const struct v8_scripts *s)
{
	return s->list.count >= SCRIPTS_MAX || s->n_lines >= LINES_MAX;
}

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

int v8_path_of_url(const char *url, struct str *text)
{
	const char *at = url + strlen("file://");
	int r = 0;

	if (!str_starts(url, "file:///"))
		return str_add(text, url);
	for (; r == 0 && *at; at++) {
		char c = *at;

		if (c == '%' && isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2])) {
			c = (char)(hex(at[1]) << 4 | hex(at[2]));
			at += 2;
		}
		r = c ? str_add_char(text, c) : 0;
	}
	return r;
}

static bool is_library(const char *path)
{
	return str_starts(path, "node:") || strstr(path, "/node_modules/") ||
	       str_starts(path, "/usr/share/nodejs/");
}

static int read_word(struct v8_scripts *s, uint64_t script, int32_t off, uint64_t *ret)
{
	return v8_field(s->h, script, s->h->l->type_script, off, ret);
}

/* The script whose code evaluated this one's text; -ENOENT: it came otherwise. */
static int evaluated_by(struct v8_scripts *s, uint64_t script, uint64_t *ret_script)
{
	const struct v8_layout *l = s->h->l;
	uint64_t from;
	int r;

	if (!l->script_eval_from)
		return -ENOENT;
	r = read_word(s, script, l->script_eval_from, &from);
	if (r == 0)
		r = v8_field(s->h, from, l->type_shared, l->shared_script, ret_script);
	return r == -EPROTO ? -ENOENT : r;
}

/* Its path, "<eval in path>", or "<anonymous>". */
static int read_file(struct v8_scripts *s, uint64_t object, struct v8_script *script)
{
	cleanup(str_releasep) struct str url = { 0 }, path = { 0 }, text = { 0 };
	uint64_t name = script->name;
	int depth, r;

	for (depth = 0; depth < EVAL_MAX && !v8_is_string(s->h, name); depth++) {
		if (evaluated_by(s, object, &object) < 0)
			break;
		r = read_word(s, object, s->h->l->script_name, &name);
		if (r < 0)
			return r;
	}
	if (!v8_is_settled(s->h, name))
		return -EPROTO;
	if (v8_is_string(s->h, name)) {
		r = v8_string_add(s->h, name, V8_PATH_MAX, &url);
		if (r == 0)
			r = v8_path_of_url(str_text(&url), &path);
		if (r < 0)
			return r;
	}
	script->evaluated = depth > 0;
	script->library = is_library(str_text(&path));
	if (!path.len)
		r = str_add(&text, "<anonymous>");
	else if (depth)
		r = str_printf(&text, "<eval in %s>", path_shown(path.text, s->cwd));
	else
		r = str_add(&text, path_shown(path.text, s->cwd));
	if (r < 0)
		return r;
	script->file = text.text;
	text.text = NULL;
	return 0;
}

static int read_script(struct v8_scripts *s, struct v8_script *script)
{
	const struct v8_layout *l = s->h->l;
	uint64_t line = 0, from = 0;
	int r = read_file(s, script->object, script);

	/* the line comes right behind the name, since 2014 */
	if (r == 0)
		r = read_word(s, script->object, l->script_name + 8, &line);
	if (r == 0 && l->script_eval_from)
		r = read_word(s, script->object, l->script_eval_from, &from);
	if (r < 0)
		return r;
	script->first_line = v8_is_smi(line) ? v8_smi(line) : 0;
	script->wrapped = v8_type(s->h, from) == (uint32_t)l->type_array;
	return 0;
}

int v8_scripts_get(struct v8_scripts *s, uint64_t object, struct v8_script **ret_script)
{
	struct v8_script *script;
	uint64_t source, name, id = 0;
	size_t i;
	int r = read_word(s, object, s->h->l->script_source, &source);

	if (r == 0)
		r = read_word(s, object, s->h->l->script_name, &name);
	if (r == 0 && s->h->l->script_id)
		r = read_word(s, object, s->h->l->script_id, &id);
	if (r < 0)
		return r;
	for (i = 0; i < s->list.count; i++) {
		script = s->list.items[i];
		if (script->object == object && script->source == source && script->name == name &&
		    script->id == id) {
			*ret_script = script;
			return 0;
		}
	}
	script = calloc(1, sizeof(*script));
	if (!script)
		return -ENOMEM;
	*script = (struct v8_script){ .object = object, .source = source, .name = name, .id = id };
	r = read_script(s, script);
	if (r == 0)
		r = vec_add(&s->list, script);
	if (r < 0) {
		script_free(script);
		return r;
	}
	*ret_script = script;
	return 0;
}

/* Each lies behind the one before, unless the table was moved while it was read. */
static int add_end(struct v8_line_ends *e, uint64_t word)
{
	int64_t last = e->ends.count ? (int64_t)e->ends.items[e->ends.count - 1] : -1;

	if (!v8_is_smi(word) || v8_smi(word) <= last)
		return -EPROTO;
	return vec_add(&e->ends, (uint32_t)v8_smi(word));
}

/* From the table that V8 itself makes when it first needs a line.  -EPROTO: it has not. */
static int read_line_ends(struct v8_scripts *s, struct v8_script *script)
{
	uint64_t table, words[512];
	uint32_t n, i, k;
	int r = read_word(s, script->object, s->h->l->script_line_ends, &table);

	if (r == 0)
		r = v8_array_length(s->h, table, V8_SOURCE_MAX, &n);
	if (r == 0 && !n)
		return -EPROTO;
	for (i = 0; r == 0 && i < n; i += k) {
		k = n - i < 512 ? n - i : 512;
		r = v8_heap_read(s->h, v8_address(table) + (uint64_t)s->h->l->array_data + 8ull * i,
				 words, 8ull * k);
		for (uint32_t at = 0; r == 0 && at < k; at++)
			r = add_end(&script->lines, words[at]);
	}
	return r;
}

static int put_chars(void *arg, const uint8_t *chars, unsigned int width, size_t count)
{
	return v8_line_ends_put(arg, chars, width, count);
}

/* From the text, where it lies now: the collector moves it, too.  One that was not read to its end
 * has no known end.  -EAGAIN: it was moved while it was read. */
static int read_text(struct v8_scripts *s, struct v8_script *script)
{
	int32_t off = s->h->l->script_source;
	uint64_t source, after = 0;
	int r = read_word(s, script->object, off, &source);

	if (r == 0)
		r = v8_string_each(s->h, source, V8_SOURCE_MAX, put_chars, &script->lines);
	if (r == 0)
		r = read_word(s, script->object, off, &after);
	if (r == 0 && after != source)
		r = -EAGAIN;
	if (r == 0 && script->lines.at < V8_SOURCE_MAX)
		r = v8_line_ends_finish(&script->lines);
	return r;
}

static void count_lines(struct v8_scripts *s, struct v8_script *script)
{
	int r = read_line_ends(s, script);

	if (r < 0) {
		v8_line_ends_release(&script->lines);
		r = read_text(s, script);
	}
	if (r < 0)
		v8_line_ends_release(&script->lines);
	script->counted = r != -EAGAIN;
	s->n_lines += script->lines.ends.count;
}

uint32_t v8_scripts_line(struct v8_scripts *s, struct v8_script *script, int32_t at)
{
	int64_t line;

	if (!script->counted)
		count_lines(s, script);
	line = v8_line_ends_find(&script->lines, at);
	if (!line || line + script->first_line <= 0)
		return 0;
	return (uint32_t)(line + script->first_line);
}
