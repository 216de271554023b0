/* text.h: what the parts of the text summary share.
 *
 * Private to text*.c.  One struct carries the profile, the options and the stream; each part prints
 * its own lines and keeps them inside the width.
 */
#ifndef STALLPROF_OUTPUT_TEXT_H
#define STALLPROF_OUTPUT_TEXT_H

#include "output/words.h"
#include "output/writer.h"

struct text {
	const struct profile *p;
	FILE *f;
	struct paths paths;
	size_t width; /* columns */
	size_t show;  /* rows of a table */
	bool color;
	bool verbose;
	bool tree;
};

/* Prints words in lines of at most the width; the first line is indented by `first` columns, the
 * others by `rest`.  A word that fits no line is cut into pieces. */
void text_wrap(const struct text *t, size_t first, size_t rest, const char *words);

/* "label   words": how every line of the foot looks. */
void text_labelled(const struct text *t, const char *label, const char *words);

/* Exactly `columns` columns: filled up with spaces or cut. */
int text_cell(struct str *line, const char *cell, size_t columns);

/* A line in bold where there are colours. */
void text_title(const struct text *t, const char *line);

/* The frames of a stack, one on each line. */
int text_stack(const struct text *t, int stack, size_t indent, size_t most);

/* The parts, in their order; 0 or -ENOMEM. */
int text_head(const struct text *t);
int text_loops(const struct text *t);
int text_rows(const struct text *t);
/* Who held up the longest stall of a row, on a line of its own, indented; nothing where nobody is
 * known. */
int text_holder(const struct text *t, const struct row *row, size_t indent);
/* The loop waited for the GIL before it could call anything of the user's. */
bool text_is_after_poll(const struct profile *p, const struct row *row);
/* Lengths of a loop's queues over time; nothing when they are not known. */
int text_depths(const struct text *t, const struct loop *loop);
/* A queue of it grew all the time. */
bool text_grows(const struct loop *loop);
int text_pools(const struct text *t);
int text_churn(const struct text *t);
/* Where threads wait; shown for a program without a loop, or with -v. */
int text_threads(const struct text *t);
/* What threads of a row wait in: as why_words, but a thread on a CPU may only wait for one. */
int text_wait(struct str *s, const struct thread_row *row);
int text_growth(const struct text *t);
int text_classes(const struct text *t);
int text_offcpu(const struct text *t);
int text_tasks(const struct text *t);
int text_tree(const struct text *t, const struct task_list *list);
int text_foot(const struct text *t);

#endif
