/* schema.h: the description of the records, inside the program.
 *
 * What `stallprof schema` prints.  A text, no validator; it knows no profile.
 */
#ifndef STALLPROF_OUTPUT_SCHEMA_H
#define STALLPROF_OUTPUT_SCHEMA_H

/* The whole text, ends with a newline. */
const char *schema_text(void);

#endif
