// `tenon logs TASK`: asks the orchestrator where the task runs, then that node for the task's log.
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/commands.h"

// The address of the task's node, or false after a message.
static bool find_address(const json_t *root, const char *name, char address[64]) {
    const json_t *task = ask_named(json_object_get(root, "tasks"), name);
    const char *node_name = json_string_value(json_object_get(task, "node"));
    const json_t *node = node_name != NULL ? ask_named(json_object_get(root, "nodes"), node_name) : NULL;
    const char *found = json_string_value(json_object_get(node, "address"));
    if (task == NULL) {
        fprintf(stderr, "tenon logs: there is no task '%s'; `tenon status` lists them\n", name);
    } else if (found == NULL) {
        fprintf(stderr, "tenon logs: the task '%s' has no node now; `tenon status` says why\n", name);
    } else {
        snprintf(address, 64, "%s", found);
    }
    return found != NULL;
}

int command_logs(int argument_count, char **arguments) {
    const char *task = NULL;
    const char *orchestrator = NULL;
    char address[64];
    char query[96];
    struct client_reply reply;
    for (int i = 1; i < argument_count; i++) {
        if (strcmp(arguments[i], "--orchestrator") == 0 && i + 1 < argument_count) {
            orchestrator = arguments[++i];
        } else if (arguments[i][0] != '-' && task == NULL) {
            task = arguments[i];
        } else {
            task = NULL;
            break;
        }
    }
    if (task == NULL || snprintf(query, sizeof query, "task=%s", task) >= (int)sizeof query) {
        fprintf(stderr, "usage: tenon logs TASK [--orchestrator ADDRESS]\n");
        return EXIT_USAGE;
    }
    json_t *status = ask_json("tenon logs", client_address(orchestrator), "status");
    bool found = status != NULL && find_address(status, task, address);
    json_decref(status);
    struct question question = {.command = "tenon logs",
                                .address = address,
                                .code = COAP_GET,
                                .path = "log",
                                .query = query,
                                .content_format = COAP_FORMAT_NONE};
    if (!found || !ask(&question, &reply)) {
        return EXIT_REFUSED;
    }
    fwrite(reply.body.data, 1, reply.body.size, stdout);
    client_reply_free(&reply);
    return 0;
}
