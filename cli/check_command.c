// `tenon check POLICY`: everything that is wrong with a policy, without changing anything anywhere.
//
// The building is what the node configurations say (--node, any number) and what an orchestrator knows (--orchestrator, or the
// one that answers at the usual place). Without either, resources, capabilities and places are not checked, and that is said.
#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/policy_check.h"

static void ask_orchestrator(struct policy_check *check, const char *address, bool demanded, bool *good) {
    char refusal[256] = "";
    struct client *client = NULL;
    enum error error = client_open(client_address(address), &client, refusal);
    if (error == ERROR_NONE) {
        error = policy_check_ask(check, client, refusal);
        client_close(client);
    }
    if (error != ERROR_NONE && demanded) {
        fprintf(stderr, "tenon check: %s\n", refusal);
        *good = false;
    }
}

static void print_summary(const struct policy_check *check, bool good) {
    uint32_t warnings = check->problems.count + check->problems.dropped;
    warnings = warnings > check->problems.errors ? warnings - check->problems.errors : 0;
    if (!good) {
        printf("%s: %u errors, %u warnings\n", check->path, check->problems.errors, warnings);
        return;
    }
    printf("%s: good: %u tasks, %u links, %u warnings\n", check->path, check->policy->task_count, check->policy->link_count,
           warnings);
    if (!check->nodes_known) {
        printf(
            "No node is known, so resources and places were not checked; give --node CONFIG.yaml or start the orchestrator.\n");
    }
}

int command_check(int argument_count, char **arguments) {
    static struct policy_check check;
    const char *policy = NULL;
    const char *address = NULL;
    bool has_node = false;
    bool usage = false;
    for (int i = 1; i < argument_count && !usage; i++) {
        bool option = strcmp(arguments[i], "--node") == 0 || strcmp(arguments[i], "--orchestrator") == 0;
        usage = option ? i + 1 == argument_count : (policy != NULL || arguments[i][0] == '-');
        if (option && !usage) {
            has_node = has_node || strcmp(arguments[i], "--node") == 0;
            address = strcmp(arguments[i], "--orchestrator") == 0 ? arguments[i + 1] : address;
            i++;
        } else if (!usage) {
            policy = arguments[i];
        }
    }
    if (usage || policy == NULL) {
        fprintf(stderr, "usage: tenon check POLICY.yaml [--node CONFIG.yaml]... [--orchestrator ADDRESS]\n");
        return EXIT_USAGE;
    }
    bool good = policy_check_read(&check, policy);
    if (!good) {
        policy_check_free(&check);
        return EXIT_REFUSED;
    }
    for (int i = 1; i + 1 < argument_count; i++) {
        if (strcmp(arguments[i], "--node") == 0) {
            good = policy_check_node(&check, arguments[i + 1]) && good;
            i++;
        }
    }
    if (address != NULL || !has_node) {
        ask_orchestrator(&check, address, address != NULL || getenv("TENON_ORCHESTRATOR") != NULL, &good);
    }
    bool clean = policy_check_finish(&check);
    print_summary(&check, clean);
    policy_check_free(&check);
    return good && clean ? 0 : EXIT_REFUSED;
}
