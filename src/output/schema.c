/* schema.c: the description of the records, inside the program.
 *
 * The words stand in schema.inc, next to the writer that has to keep them.  Knows no profile.
 */
#include "output/schema.h"

const char *schema_text(void)
{
	return
#include "output/schema.inc"
		;
}
