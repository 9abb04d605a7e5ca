// `tenon status`: what the orchestrator, or one node, says of itself, as a table or as JSON.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/channels.h"
#include "cli/commands.h"

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

// What went wrong on all channels, in one line.
static void print_totals(const struct channels *channels) {
    uint64_t totals[COUNTER_COUNT];
    char missing[256];
    channels_totals(channels, totals);
    channels_missing(channels, missing, sizeof missing);
    printf("\nchannels: %" PRIu64 " dropped, %" PRIu64 " retried, %" PRIu64 " refused, %" PRIu64 " quarantined, %" PRIu64
           " fallbacks%s\n",
           totals[COUNTER_DROPPED], totals[COUNTER_RETRIED], totals[COUNTER_REFUSED], totals[COUNTER_QUARANTINED],
           totals[COUNTER_FALLBACKS], missing);
}

// Adds `channels` to the answer, and `counters` to each of its nodes; null where a node did not answer.
static void add_channels(json_t *root, const struct channels *channels) {
    json_t *rows = json_array();
    for (size_t i = 0; i < channels->row_count; i++) {
        json_array_append_new(rows, channel_json(&channels->rows[i]));
    }
    json_object_set_new(root, "channels", rows);
    for (size_t i = 0; i < channels->node_count; i++) {
        json_t *node = ask_named(json_object_get(root, "nodes"), channels->nodes[i].name);
        json_object_set_new(node, "counters", channel_node_json(&channels->nodes[i]));
    }
}

static void print_json(const json_t *root) {
    json_dumpf(root, stdout, JSON_INDENT(2));
    printf("\n");
}

// What the orchestrator cannot know: that a node was given a task and has refused it, or keeps restarting it.
static void correct_task(json_t *tasks, const char *node, const json_t *own) {
    json_t *task = ask_named(tasks, text_of(own, "name"));
    if (task == NULL || strcmp(text_of(task, "node"), node) != 0 || strcmp(text_of(own, "state"), "running") == 0) {
        return;
    }
    char state[96];
    const char *why = json_string_value(json_object_get(own, "last_error"));
    snprintf(state, sizeof state, why != NULL ? "%.40s (%.40s)" : "%.40s", text_of(own, "state"), why);
    json_object_set_new(task, "state", json_string(state));
}

// Asks each node that lives how its tasks are, and what only a board tells: its stack and pool. What does not answer is left as
// the orchestrator has it.
static void ask_nodes(json_t *nodes, json_t *tasks) {
    size_t index = 0;
    json_t *node = NULL;
    json_array_foreach(nodes, index, node) {
        struct client_reply reply;
        struct question question = {
            .command = "tenon status", .address = text_of(node, "address"), .code = COAP_GET, .path = "status", .quiet = true};
        if (!json_is_true(json_object_get(node, "alive")) || !ask(&question, &reply)) {
            continue;
        }
        size_t number = 0;
        json_t *own = NULL;
        json_t *root = json_loadb((const char *)reply.body.data, reply.body.size, 0, NULL);
        json_array_foreach(json_object_get(root, "tasks"), number, own) {
            correct_task(tasks, text_of(node, "name"), own);
        }
        json_t *memory = json_object_get(root, "memory");
        if (json_is_object(json_object_get(memory, "stack"))) {
            json_object_set(node, "memory", memory);
        }
        json_decref(root);
        client_reply_free(&reply);
    }
}

static void print_boards(const json_t *nodes) {
    size_t index = 0;
    json_t *node = NULL;
    bool first = true;
    json_array_foreach(nodes, index, node) {
        const json_t *stack = json_object_get(json_object_get(node, "memory"), "stack");
        const json_t *pool = json_object_get(json_object_get(node, "memory"), "pool");
        if (stack == NULL || pool == NULL) {
            continue;
        }
        printf("%s%-20s %6lld B, %5lld used at most %6lld B, %5lld used, %5lld at most\n",
               first ? "\nboard                stack                       components\n" : "", text_of(node, "name"),
               number_of(stack, "total"), number_of(stack, "most"), number_of(pool, "total"), number_of(pool, "used"),
               number_of(pool, "most"));
        first = false;
    }
}

static int status_of_node(const char *address) {
    json_t *root = ask_json("tenon status", address, "status");
    if (root == NULL) {
        return EXIT_REFUSED;
    }
    print_json(root);
    json_decref(root);
    return 0;
}

static int status_of_orchestrator(const char *address, bool json) {
    struct channels channels;
    json_t *root = ask_json("tenon status", address, "status");
    if (root == NULL) {
        return EXIT_REFUSED;
    }
    bool collected = channels_collect("tenon status", address, &channels);
    ask_nodes(json_object_get(root, "nodes"), json_object_get(root, "tasks"));
    if (json) {
        if (collected) {
            add_channels(root, &channels);
        }
        print_json(root);
    } else {
        printf("policy %s, revision %lld\n\n", text_of(root, "policy"), number_of(root, "revision"));
        print_nodes(json_object_get(root, "nodes"));
        print_boards(json_object_get(root, "nodes"));
        print_tasks(json_object_get(root, "tasks"));
        if (collected) {
            print_totals(&channels);
        }
        print_rest(root);
    }
    if (collected) {
        channels_free(&channels);
    }
    json_decref(root);
    return 0;
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
    return node != NULL ? status_of_node(node) : status_of_orchestrator(client_address(orchestrator), json);
}
