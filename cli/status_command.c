// `tenon status`: what the orchestrator, or one node, says of itself, as a table or as JSON.
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "orchestrator/client.h"

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "-";
}

static long long number_of(const json_t *object, const char *key) {
    return (long long)json_integer_value(json_object_get(object, key));
}

static void print_nodes(const json_t *nodes) {
    size_t index = 0;
    json_t *node = NULL;
    printf("%-20s %-22s %-7s %9s %10s %9s\n", "node", "address", "state", "silent", "memory", "plan");
    json_array_foreach(nodes, index, node) {
        bool alive = json_is_true(json_object_get(node, "alive"));
        bool confirmed = json_is_true(json_object_get(node, "confirmed"));
        printf("%-20s %-22s %-7s %6.1f s %6lld KiB %9lld\n", text_of(node, "name"), text_of(node, "address"),
               alive ? (confirmed ? "alive" : "unseen") : "dead", (double)number_of(node, "silent_ms") / 1000,
               number_of(node, "memory_free") / 1024, number_of(node, "plan_revision"));
    }
}

static void print_tasks(const json_t *tasks) {
    size_t index = 0;
    json_t *task = NULL;
    printf("\n%-32s %-24s %-20s %5s  %s\n", "task", "component", "node", "epoch", "state");
    json_array_foreach(tasks, index, task) {
        char component[96];
        snprintf(component, sizeof component, "%.40s %.20s", text_of(task, "component"), text_of(task, "version"));
        printf("%-32s %-24s %-20s %5lld  %s\n", text_of(task, "name"), component, text_of(task, "node"),
               number_of(task, "epoch"), text_of(task, "state"));
    }
}

static void print_rest(const json_t *root) {
    size_t index = 0;
    json_t *item = NULL;
    if (json_array_size(json_object_get(root, "moves")) > 0) {
        printf("\nmoves\n");
    }
    json_array_foreach(json_object_get(root, "moves"), index, item) {
        printf("  %s: %s -> %s, %s", text_of(item, "task"), text_of(item, "from"), text_of(item, "to"),
               text_of(item, "reason"));
        if (json_is_integer(json_object_get(item, "gap_ms"))) {
            printf(", gap %lld ms", number_of(item, "gap_ms"));
        }
        printf("\n");
    }
    if (json_array_size(json_object_get(root, "problems")) > 0) {
        printf("\nproblems\n");
    }
    json_array_foreach(json_object_get(root, "problems"), index, item) {
        printf("  %s\n", json_string_value(item));
    }
}

static int print_status(const char *body, bool json, bool orchestrator) {
    json_error_t mistake;
    json_t *root = json_loads(body, 0, &mistake);
    if (root == NULL) {
        fprintf(stderr, "tenon status: the answer is no JSON (%s); is that a Tenon orchestrator or node?\n", mistake.text);
        return EXIT_REFUSED;
    }
    if (json || !orchestrator) {
        json_dumpf(root, stdout, JSON_INDENT(2));
        printf("\n");
    } else {
        printf("policy %s, revision %lld\n\n", text_of(root, "policy"), number_of(root, "revision"));
        print_nodes(json_object_get(root, "nodes"));
        print_tasks(json_object_get(root, "tasks"));
        print_rest(root);
    }
    json_decref(root);
    return 0;
}

static int ask(const char *address, bool json, bool orchestrator) {
    char refusal[256] = "";
    struct client *client = NULL;
    struct client_reply reply;
    enum error error = client_open(address, &client, refusal);
    if (error != ERROR_NONE) {
        fprintf(stderr, "tenon status: %s\n", refusal);
        return EXIT_REFUSED;
    }
    int result = EXIT_REFUSED;
    error = client_request(client, COAP_GET, "status", NULL, COAP_FORMAT_NONE, (struct bytes){NULL, 0}, &reply, refusal);
    if (error != ERROR_NONE) {
        fprintf(stderr, "tenon status: %s\n", refusal);
    } else if (reply.code != COAP_CONTENT) {
        fprintf(stderr, "tenon status: %s answers %u.%02u: %s\n", address, reply.code >> 5, reply.code & 31,
                (const char *)reply.body.data);
    } else {
        result = print_status((const char *)reply.body.data, json, orchestrator);
    }
    client_reply_free(&reply);
    client_close(client);
    return result;
}

int command_status(int argument_count, char **arguments) {
    const char *orchestrator = NULL;
    const char *node = NULL;
    bool json = false;
    for (int i = 1; i < argument_count; i++) {
        if (strcmp(arguments[i], "--json") == 0) {
            json = true;
        } else if (strcmp(arguments[i], "--orchestrator") == 0 && i + 1 < argument_count) {
            orchestrator = arguments[++i];
        } else if (strcmp(arguments[i], "--node") == 0 && i + 1 < argument_count) {
            node = arguments[++i];
        } else {
            fprintf(stderr, "usage: tenon status [--json] [--orchestrator ADDRESS | --node ADDRESS]\n");
            return EXIT_USAGE;
        }
    }
    return ask(node != NULL ? node : client_address(orchestrator), json, node == NULL);
}
