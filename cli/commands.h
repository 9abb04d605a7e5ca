// The commands of `tenon`, one function each. To add one: declare it here, write cli/NAME_command.c, add a line to the table in
// cli/main.c and the source to cli/CMakeLists.txt.
//
// arguments[0] is the command's name, what follows are its own options; "--help" never reaches a command. The result is the
// exit code: 0 for success, 1 when what was asked could not be done (said on stderr), 2 for a wrong command line.
#ifndef TENON_CLI_COMMANDS_H
#define TENON_CLI_COMMANDS_H

#define EXIT_REFUSED 1
#define EXIT_USAGE 2

int command_build(int argument_count, char **arguments);
int command_inspect(int argument_count, char **arguments);
int command_node(int argument_count, char **arguments);
int command_orchestrate(int argument_count, char **arguments);
int command_check(int argument_count, char **arguments);
int command_apply(int argument_count, char **arguments);
int command_status(int argument_count, char **arguments);
int command_override(int argument_count, char **arguments);
int command_channels(int argument_count, char **arguments);
int command_logs(int argument_count, char **arguments);
int command_sim(int argument_count, char **arguments);

#endif
