// The `tenon` command: finds the command by its name in a table and runs it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "core/assert.h"

struct command {
    const char *name;
    int (*run)(int argument_count, char **arguments);
    const char *summary;
    const char *help;
};

static const struct command commands[] = {
    {"build", command_build, "compile a component",
     "tenon build COMPONENT.yaml -o FOLDER [--ports-only] [--abi FOLDER]\n"
     "\n"
     "Compiles the component's C or Rust source to WebAssembly, puts its manifest into the module, checks the result and "
     "starts it once.\n"
     "Writes FOLDER/NAME.wasm, and FOLDER/NAME/ports.h with the numbers of the ports.\n"
     "\n"
     "  -o FOLDER      where to write\n"
     "  --ports-only   write ports.h only, for compiling the same source natively\n"
     "  --abi FOLDER   where tenon.h is; the one of this installation by default\n"
     "\n"
     "C needs clang 16 or newer with wasm-ld; TENON_CLANG names another compiler. Rust needs a rustc with target "
     "wasm32-unknown-unknown and\n"
     "wasm-ld; TENON_RUSTC names another compiler.\n"},
    {"inspect", command_inspect, "show what a component declares",
     "tenon inspect FILE.wasm [--json]\n"
     "\n"
     "Checks a component as a node would before running it, and prints its manifest, ports, sizes and digest.\n"
     "\n"
     "  --json   for machines\n"},
    {"node", command_node, "run the runtime on this device",
     "tenon node CONFIG.yaml\n"
     "\n"
     "Runs the node daemon until SIGINT or SIGTERM. Plan and code are kept in the directory `data` of the configuration, from "
     "which the\n"
     "node resumes with no orchestrator in sight. The log goes to standard error. README.md shows a configuration.\n"},
    {"orchestrate", command_orchestrate, "plan for all nodes, load them and watch over them",
     "tenon orchestrate [--listen 127.0.0.1:5683] [--data FOLDER] [--dead-after 6s]\n"
     "\n"
     "Runs the orchestrator until SIGINT or SIGTERM. Nodes go on without it; when it comes back it finds everything in its "
     "folder.\n"
     "\n"
     "  --listen ADDRESS       where nodes and commands reach it\n"
     "  --data FOLDER          where policy, plans and components are kept (tenon-orchestrator)\n"
     "  --dead-after DURATION  a node that is silent for so long is dead, and its tasks go elsewhere\n"},
    {"check", command_check, "find what is wrong with a policy",
     "tenon check POLICY.yaml [--node CONFIG.yaml]... [--orchestrator ADDRESS]\n"
     "\n"
     "Prints every mistake with file, line and remedy, and changes nothing. Resources and places are checked against the nodes "
     "whose\n"
     "configurations are given, and those that the orchestrator knows if one answers.\n"},
    {"apply", command_apply, "put a policy into effect",
     "tenon apply POLICY.yaml [--orchestrator ADDRESS]\n"
     "\n"
     "Checks the policy, uploads its components, hands it to the orchestrator and prints which node runs which task.\n"
     "TENON_ORCHESTRATOR names the orchestrator when --orchestrator does not; without both it is 127.0.0.1:5683.\n"},
    {"status", command_status, "show nodes, tasks, moves and problems",
     "tenon status [--json] [--orchestrator ADDRESS | --node ADDRESS]\n"
     "\n"
     "  --json          for machines\n"
     "  --node ADDRESS  ask this node instead of the orchestrator; works also when there is none\n"},
    {"override", command_override, "command an actuator by hand, for a while",
     "tenon override RESOURCE VALUE --for DURATION [--priority 8] [--orchestrator ADDRESS | --node ADDRESS]\n"
     "tenon override RESOURCE --release [--priority 8]\n"
     "\n"
     "Holds the value at the actuator against whatever the tasks command with a lower priority, until the time is over or it "
     "is\n"
     "released. Prints what the actuator obeys now, and says when a higher priority outranks the override.\n"
     "\n"
     "  --for DURATION   how long it holds, at most 30d, as in 20min or 2h\n"
     "  --priority N     1 (life safety) to 16; 8 is a person's, and no priority of the policy may be taken\n"
     "  --release        let go again\n"
     "  --node ADDRESS   the node that has the resource; works also when there is no orchestrator\n"},
    {"channels", command_channels, "show what was sent, lost, retried and refused",
     "tenon channels [TASK | RESOURCE] [--json] [--orchestrator ADDRESS]\n"
     "\n"
     "Asks the orchestrator which channels there are, and every live node what it counted on them; puts both ends of each "
     "together.\n"
     "A number that only a dead node knows is shown as ?, and the node is named.\n"
     "\n"
     "  --json   for machines: also the counters of each end by itself\n"},
    {"logs", command_logs, "show what a task did",
     "tenon logs TASK [--orchestrator ADDRESS]\n"
     "\n"
     "Asks the orchestrator where the task runs, and that node for the task's log.\n"},
    {"sim", command_sim, "run a whole building on virtual time, with faults",
     "tenon sim [POLICY.yaml | FOLDER | SCENARIO] [--seed N] [--hours H | --days D | --years Y] [--faults RATES] [--script "
     "FILE]\n"
     "\n"
     "Runs the real nodes, orchestrator and components in one process on virtual time, over a network, disks and clocks that "
     "fail "
     "as the\n"
     "seed says, and checks every law. A failing seed prints the command that repeats it. `tenon-sim --help` has all "
     "options.\n"},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "tenon: %s: this must hold and does not: %s\nThis is a bug of Tenon; please report it with this line.\n",
            function, expression);
    abort();
}

static void print_commands(FILE *file) {
    fprintf(file, "tenon runs control policies of buildings on small devices.\n\nusage: tenon COMMAND ...\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(file, "  %-12s %s\n", commands[i].name, commands[i].summary);
    }
    fprintf(file, "\n`tenon COMMAND --help` says more about a command.\n");
}

static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static int is_help(const char *argument) {
    return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

int main(int argument_count, char **arguments) {
    const char *name = argument_count > 1 ? arguments[1] : "";
    int wants_help = is_help(name) || strcmp(name, "help") == 0;
    if (wants_help && argument_count > 2) {
        name = arguments[2];
    } else if (wants_help || name[0] == '\0') {
        print_commands(wants_help ? stdout : stderr);
        return wants_help ? 0 : EXIT_USAGE;
    }
    const struct command *command = find_command(name);
    if (command == NULL) {
        fprintf(stderr, "tenon: there is no command `%s`; `tenon --help` lists them\n", name);
        return EXIT_USAGE;
    }
    for (int i = 2; i < argument_count && !wants_help; i++) {
        wants_help = is_help(arguments[i]);
    }
    if (wants_help) {
        printf("%s", command->help);
        return 0;
    }
    return command->run(argument_count - 1, arguments + 1);
}
