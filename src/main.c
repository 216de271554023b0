/* main.c: the table of commands. */
#include "cli/command.h"

int main(int argc, char **argv)
{
	static const struct command *const commands[] = {
		&command_watch, &command_record, &command_report,
		&command_tasks, &command_check,	 &command_schema,
		NULL,
	};

	return command_main(commands, argc, argv);
}
