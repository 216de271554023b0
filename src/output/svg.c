/* svg.c: the flame graph: one file, no network, any browser.
 *
 * Draws the tree of flame.h with the root at the bottom, readable without its script.  Names come
 * from the watched process and are hostile: they pass through xml_text() into text, never into
 * script or style.
 */
#include <errno.h>
#include <inttypes.h>

#include "base/str.h"
#include "output/flame.h"
#include "output/units.h"
#include "output/words.h"
#include "output/writer.h"

#define WIDTH	      1200.0
#define PAD	      10.0
#define ROW	      18
#define TOP	      78   /* title, subtitle, what was matched */
#define FOOT	      76   /* detail, legend, remark */
#define LETTER	      7.3  /* of the 12 px monospace font, rounded up */
#define NARROW	      1000 /* frames under 1/1000 of the width are not drawn */
#define TITLE_COLUMNS 120

static const char style[] =
#include "output/svg_style.inc"
	;

static const char script[] =
#include "output/svg_script.inc"
	;

struct canvas {
	const struct profile *p;
	struct flame flame;
	FILE *f;
	unsigned height;
	unsigned depth; /* of what is drawn */
	size_t narrow;	/* frames not drawn */
};

/* Text for any place in XML: the five special characters, and nothing XML forbids (control bytes,
 * U+FFFE and U+FFFF). */
static void xml_text(FILE *f, const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '&')
			fputs("&amp;", f);
		else if (*c == '<')
			fputs("&lt;", f);
		else if (*c == '>')
			fputs("&gt;", f);
		else if (*c == '"')
			fputs("&quot;", f);
		else if (*c == '\'')
			fputs("&#39;", f);
		else if (*c < 0x20 || *c == 0x7f)
			fputc('?', f);
		else if (*c == 0xef && c[1] == 0xbf && c[2] >= 0xbe) {
			fputc('?', f);
			c += 2;
		} else
			fputc(*c, f);
	}
}

/* As much of a name as fits into a frame of that width. */
static int put_clipped(FILE *f, const char *name, double px)
{
	cleanup(str_releasep) struct str cut = { 0 };
	double room = (px - 6) / LETTER;
	int r = room < 3 ? 0 : text_clip(&cut, name, (size_t)room);

	if (r == 0)
		xml_text(f, str_text(&cut));
	return r;
}

static const char *node_class(const struct flame_node *n)
{
	switch (n->kind) {
	case FLAME_ALL:
		return "all";
	case FLAME_PROCESS:
		return "process";
	case FLAME_FRAME:
		return frame_kind_name(n->frame->kind);
	case FLAME_CAUSE:
		return class_name(n->klass);
	case FLAME_NONE:
		break;
	}
	return "none";
}

/* Three shades of a colour, so that neighbours can be told apart and a name keeps its own. */
static unsigned node_shade(const struct flame_node *n)
{
	return n->kind == FLAME_FRAME ? (unsigned)(hash_text(HASH_START, n->name) % 3) : 0;
}

static bool is_narrow(const struct canvas *c, const struct flame_node *n)
{
	return n->ns < c->flame.nodes.items[0].ns / NARROW;
}

/* The source line of native code, whose name does not have it, where there is only one. */
static void put_place(FILE *f, const struct flame_node *n)
{
	if (n->kind != FLAME_FRAME || n->frame->kind != FRAME_NATIVE || n->many_lines ||
	    !n->frame->line || !*n->frame->file)
		return;
	fputc('\n', f);
	xml_text(f, n->frame->file);
	fprintf(f, ":%" PRIu32, n->frame->line);
}

static int put_node(struct canvas *c, const struct flame_node *n)
{
	uint64_t all = c->flame.nodes.items[0].ns;
	double scale = (WIDTH - 2 * PAD) / (double)all;
	double x = PAD + (double)n->start * scale, w = (double)n->ns * scale;
	unsigned y = TOP + (c->depth - n->depth) * ROW;
	bool mine = n->kind == FLAME_FRAME && !n->frame->library &&
		    (n->frame->kind == FRAME_PYTHON || n->frame->kind == FRAME_JS);
	int r;

	fprintf(c->f,
		"<g class=\"f %s s%u%s\" data-x=\"%" PRIu64 "\" data-w=\"%" PRIu64
		"\" data-d=\"%u\" "
		"role=\"button\" tabindex=\"%d\"><title>",
		node_class(n), node_shade(n), mine ? " mine" : "", n->start, n->ns, n->depth,
		n->kind == FLAME_ALL ? 0 : -1);
	xml_text(c->f, n->name);
	put_place(c->f, n);
	fprintf(c->f, "\n%s, %s</title>", DURATION(n->ns), PERCENT(n->ns, all));
	fprintf(c->f, "<rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%d\" rx=\"1.5\"/>", x, y,
		w, ROW - 1);
	fprintf(c->f, "<text x=\"%.2f\" y=\"%u\">", x + 3, y + 13);
	r = put_clipped(c->f, n->name, w);
	fputs("</text></g>\n", c->f);
	return r;
}

/* Parents first and from left to right: the script relies on that order. */
static int put_tree(struct canvas *c, int index)
{
	const struct flame_node *n = &c->flame.nodes.items[index];
	int r = put_node(c, n);

	for (int child = n->first_child; child >= 0 && r == 0;
	     child = c->flame.nodes.items[child].next)
		if (!is_narrow(c, &c->flame.nodes.items[child]))
			r = put_tree(c, child);
	return r;
}

static int subtitle(const struct profile *p, struct str *s)
{
	int r = str_printf(s, "%s watched", DURATION(p->duration_ns));

	if (r == 0 && p->is_offcpu)
		r = str_add(s, " | time off the CPU, every thread");
	else if (r == 0)
		r = str_printf(s, " | %s stalled in %s stall%s of %s or more",
			       DURATION(p->stalled_ns), COUNT(p->n_stalls),
			       p->n_stalls == 1 ? "" : "s", DURATION(p->threshold_ns));
	if (r == 0 && p->n_procs == 1 && *p->procs[0].runtime)
		r = str_printf(s, " | %s %s", p->procs[0].runtime, p->procs[0].version);
	if (r == 0)
		r = str_printf(s, " | %.19sZ", RFC3339(p->wall_ns));
	return r;
}

static int put_words(FILE *f, const char *class, unsigned y, const char *words)
{
	cleanup(str_releasep) struct str cut = { 0 };
	int r = text_clip(&cut, words, TITLE_COLUMNS);

	fprintf(f, "<text class=\"%s\" x=\"%.0f\" y=\"%u\">", class, PAD, y);
	xml_text(f, str_text(&cut));
	fputs("</text>\n", f);
	return r;
}

static int put_head(struct canvas *c)
{
	const struct profile *p = c->p;
	cleanup(str_releasep) struct str s = { 0 };
	int r;

	fprintf(c->f,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%.0f\" "
		"height=\"%u\" "
		"viewBox=\"0 0 %.0f %u\">\n<style>\n%s</style>\n",
		WIDTH, c->height, WIDTH, c->height, style);
	r = p->n_procs == 1
		    ? str_printf(&s, "%s pid %" PRIu32 " %s",
				 p->is_offcpu ? "Waits of" : "Event-loop stalls of",
				 p->procs[0].pid, p->procs[0].comm)
		    : str_printf(&s, "%s %zu processes",
				 p->is_offcpu ? "Waits of" : "Event-loop stalls of", p->n_procs);
	if (r == 0)
		r = put_words(c->f, "title", 24, str_text(&s));
	str_clear(&s);
	if (r == 0)
		r = subtitle(p, &s);
	if (r == 0)
		r = put_words(c->f, "soft", 44, str_text(&s));
	str_clear(&s);
	if (r == 0 && *p->incomplete) {
		r = str_printf(&s, "INCOMPLETE: %s", p->incomplete);
		if (r == 0)
			r = put_words(c->f, "warn", 62, str_text(&s));
	}
	fputs("<text id=\"search\" class=\"button\" role=\"button\" tabindex=\"0\" x=\"1190\" "
	      "y=\"24\" "
	      "data-right=\"10\" text-anchor=\"end\">search (Ctrl-F)</text>\n"
	      "<text id=\"reset\" class=\"button h\" role=\"button\" tabindex=\"0\" x=\"1060\" "
	      "y=\"24\" "
	      "data-right=\"140\" text-anchor=\"end\">reset (Esc)</text>\n"
	      "<text id=\"found\" x=\"1190\" y=\"62\" data-right=\"10\" "
	      "text-anchor=\"end\"></text>\n",
	      c->f);
	return r;
}

/* Every kind and class that is drawn, in its colour. */
static void put_legend(struct canvas *c, unsigned y)
{
	const char *seen[FRAME_KIND_COUNT + CLASS_COUNT] = { 0 };
	double x = PAD;

	for (size_t i = 0; i < c->flame.nodes.count; i++) {
		const struct flame_node *n = &c->flame.nodes.items[i];

		if (is_narrow(c, n))
			continue;
		if (n->kind == FLAME_FRAME && (unsigned)n->frame->kind < FRAME_KIND_COUNT)
			seen[n->frame->kind] = node_class(n);
		else if (n->kind == FLAME_CAUSE && (unsigned)n->klass < CLASS_COUNT)
			seen[FRAME_KIND_COUNT + n->klass] = node_class(n);
	}
	for (size_t i = 0; i < FRAME_KIND_COUNT + CLASS_COUNT; i++) {
		if (!seen[i])
			continue;
		fprintf(c->f,
			"<g class=\"%s\"><rect x=\"%.0f\" y=\"%u\" width=\"12\" height=\"12\"/>"
			"<text class=\"soft\" x=\"%.0f\" y=\"%u\">%s</text></g>\n",
			seen[i], x, y - 10, x + 16, y, seen[i]);
		x += 16 + LETTER * ((double)text_columns(seen[i]) + 2);
	}
}

static void put_foot(struct canvas *c)
{
	unsigned y = c->height - FOOT + 22;

	fprintf(c->f,
		"<text id=\"detail\" x=\"%.0f\" y=\"%u\">Width is time. The cause is on top. Click "
		"or Enter zooms, Esc resets.</text>\n",
		PAD, y);
	put_legend(c, y + 22);
	if (c->narrow)
		fprintf(c->f,
			"<text class=\"soft\" x=\"%.0f\" y=\"%u\">%zu frame%s narrower than 0.1%% "
			"not drawn; the time is in the frames below.</text>\n",
			PAD, y + 42, c->narrow, c->narrow == 1 ? "" : "s");
	/* nothing of the profile in here: it is the same text in every file */
	fprintf(c->f, "<script><![CDATA[\n%s]]></script>\n</svg>\n", script);
}

static int put_body(struct canvas *c)
{
	if (c->flame.nodes.items[0].ns)
		return put_tree(c, 0);
	return put_words(c->f, "soft", TOP + 13,
			 c->p->is_offcpu ? "No waits were seen."
			 : c->p->n_loops ? "No stalls: every loop came back in time."
					 : "No event loop was seen.");
}

static void measure(struct canvas *c)
{
	for (size_t i = 0; i < c->flame.nodes.count; i++) {
		const struct flame_node *n = &c->flame.nodes.items[i];

		if (is_narrow(c, n))
			c->narrow++;
		else if (n->depth > c->depth)
			c->depth = n->depth;
	}
	c->height = TOP + (c->depth + 1) * ROW + FOOT;
}

int svg_write(const struct profile *p, const struct writer_opts *o, FILE *f)
{
	struct canvas c = { .p = p, .f = f };
	int r = flame_init(&c.flame, p);

	(void)o;
	if (r < 0)
		return r;
	measure(&c);
	r = put_head(&c);
	if (r == 0)
		r = put_body(&c);
	if (r == 0)
		put_foot(&c);
	flame_release(&c.flame);
	return r ? r : writer_status(f);
}
