/* schema.c: stallprof schema: the record format, from the program that writes it. */
#include "cli/command.h"

#include "base/log.h"
#include "output/schema.h"

static int run(const struct command *self, int argc, char **argv)
{
	cleanup(str_releasep) struct str text = { 0 };
	struct operands operands = { 0 };
	int status;

	if (command_parse(self, NULL, argc, argv, &operands, &status)) {
		if (operands.words.count || operands.command) {
			log_error("schema: takes no argument: leave it out");
			status = STATUS_USAGE;
		} else {
			status = str_add(&text, schema_text()) < 0 ? STATUS_FAILED
								   : print_out(&text);
		}
	}
	operands_release(&operands);
	return status;
}

static const struct opt rows[] = {
	{ NULL },
};

static const struct example examples[] = {
	{ "stallprof schema", "every record of -F jsonl, field by field" },
	{ NULL, NULL },
};

const struct command command_schema = {
	.name = "schema",
	.operands = "",
	.summary = "the format of the records",
	.about = "Prints what each record and field of the formats jsonl and json means.",
	.examples = examples,
	.opts = rows,
	.run = run,
};
