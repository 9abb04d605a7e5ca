// `tenon logs TASK`: asks the orchestrator where the task runs, then that node for the task's log.
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "orchestrator/client.h"

static bool get(const char *address, const char *path, const char *query, struct client_reply *reply) {
    char refusal[256] = "";
    struct client *client = NULL;
    enum error error = client_open(address, &client, refusal);
    if (error == ERROR_NONE) {
        error = client_request(client, COAP_GET, path, query, COAP_FORMAT_NONE, (struct bytes){NULL, 0}, reply, refusal);
        client_close(client);
    }
    if (error != ERROR_NONE) {
        fprintf(stderr, "tenon logs: %s\n", refusal);
        return false;
    }
    if (reply->code != COAP_CONTENT) {
        fprintf(stderr, "tenon logs: %s answers %u.%02u: %s\n", address, reply->code >> 5, reply->code & 31,
                (const char *)reply->body.data);
        client_reply_free(reply);
        return false;
    }
    return true;
}

static const json_t *find(const json_t *list, const char *name) {
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach(list, index, item) {
        const char *found = json_string_value(json_object_get(item, "name"));
        if (found != NULL && strcmp(found, name) == 0) {
            return item;
        }
    }
    return NULL;
}

// The address of the task's node, or false after a message.
static bool find_address(const char *status, const char *name, char address[64]) {
    json_t *root = json_loads(status, 0, NULL);
    const json_t *task = find(json_object_get(root, "tasks"), name);
    const char *node_name = json_string_value(json_object_get(task, "node"));
    const json_t *node = node_name != NULL ? find(json_object_get(root, "nodes"), node_name) : NULL;
    const char *found = json_string_value(json_object_get(node, "address"));
    if (task == NULL) {
        fprintf(stderr, "tenon logs: there is no task '%s'; `tenon status` lists them\n", name);
    } else if (found == NULL) {
        fprintf(stderr, "tenon logs: the task '%s' has no node now; `tenon status` says why\n", name);
    } else {
        snprintf(address, 64, "%s", found);
    }
    json_decref(root);
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
    if (!get(client_address(orchestrator), "status", NULL, &reply)) {
        return EXIT_REFUSED;
    }
    bool found = find_address((const char *)reply.body.data, task, address);
    client_reply_free(&reply);
    if (!found || !get(address, "log", query, &reply)) {
        return EXIT_REFUSED;
    }
    fwrite(reply.body.data, 1, reply.body.size, stdout);
    client_reply_free(&reply);
    return 0;
}
