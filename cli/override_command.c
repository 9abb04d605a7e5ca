// `tenon override`: a person commands an actuator past the tasks, for a while, at the node that has it.
//
// The orchestrator is only asked where the resource is; with --node it is not needed at all.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/commands.h"
#include "core/actuator.h"
#include "core/wire.h"
#include "orchestrator/document.h"

#define NAME "tenon override"
#define LIFETIME_MS_MAX UINT64_C(2592000000) // a node takes no longer one: node/override.h
#define NODES_NAMED_MAX 8

struct arguments {
    const char *resource;
    const char *value; // NULL for a release
    const char *orchestrator;
    const char *node;
    const char *lifetime; // as written
    uint64_t lifetime_ms;
    uint64_t priority;
    bool release;
};

static const char *const usage =
    "usage: tenon override RESOURCE VALUE --for DURATION [--priority 8] [--orchestrator ADDRESS | --node "
    "ADDRESS]\n       tenon override RESOURCE --release [--priority 8]\n";

static int misuse(const char *why) {
    fprintf(stderr, "tenon override: %s\n%s", why, usage);
    return EXIT_USAGE;
}

static bool read_whole(const char *text, uint64_t *out) {
    char *end = NULL;
    *out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

// Sorts the words of the command line; the value may begin with a minus.
static bool sort_arguments(int count, char **words, struct arguments *out, const char **priority) {
    for (int i = 1; i < count; i++) {
        const char **option = strcmp(words[i], "--for") == 0            ? &out->lifetime
                              : strcmp(words[i], "--priority") == 0     ? priority
                              : strcmp(words[i], "--orchestrator") == 0 ? &out->orchestrator
                              : strcmp(words[i], "--node") == 0         ? &out->node
                                                                        : NULL;
        bool is_option = words[i][0] == '-' && words[i][1] == '-';
        if (option != NULL && i + 1 < count) {
            *option = words[++i];
        } else if (strcmp(words[i], "--release") == 0) {
            out->release = true;
        } else if (!is_option && out->resource == NULL) {
            out->resource = words[i];
        } else if (!is_option && out->value == NULL) {
            out->value = words[i];
        } else {
            return false;
        }
    }
    return out->resource != NULL;
}

// 0, or the exit code after a message.
static int read_arguments(int count, char **words, struct arguments *out) {
    const char *priority = NULL;
    *out = (struct arguments){.priority = 8};
    if (!sort_arguments(count, words, out, &priority)) {
        fprintf(stderr, "%s", usage);
        return EXIT_USAGE;
    }
    if (priority != NULL && (!read_whole(priority, &out->priority) || out->priority < 1 || out->priority > 16)) {
        return misuse("--priority is a number from 1 (life safety) to 16; a person's is 8");
    }
    if (out->release) {
        return out->value == NULL && out->lifetime == NULL ? 0 : misuse("--release takes neither a value nor --for");
    }
    if (out->value == NULL) {
        return misuse("give the value, or --release");
    }
    if (out->lifetime == NULL) {
        return misuse("say how long the override holds, as in --for 2h; then the building takes over again by itself");
    }
    if (!document_duration_parse(out->lifetime, &out->lifetime_ms) || out->lifetime_ms == 0 ||
        out->lifetime_ms > LIFETIME_MS_MAX) {
        return misuse("--for is a number with its unit, at most 30d, as in 90s, 20min or 2h");
    }
    return 0;
}

// --- where the resource is -------------------------------------------------------------------------------------------------

// The closest name of an actuator on any node, or NULL.
static const char *closest_actuator(const json_t *nodes, const char *name) {
    const char *best = NULL;
    size_t n = 0;
    size_t r = 0;
    json_t *node = NULL;
    json_t *resource = NULL;
    json_array_foreach(nodes, n, node) {
        json_array_foreach(json_object_get(node, "resources"), r, resource) {
            const char *candidates[2] = {json_string_value(json_object_get(resource, "name")), best};
            if (json_is_true(json_object_get(resource, "actuator")) && candidates[0] != NULL) {
                const char *closest = document_closest(name, candidates, best != NULL ? 2 : 1);
                best = closest != NULL ? closest : best;
            }
        }
    }
    return best;
}

static int refuse_unknown(const json_t *nodes, const char *name, const char *where) {
    const char *closest = closest_actuator(nodes, name);
    fprintf(stderr, "tenon override: %s the resource '%s'; %s%s%s\n", where, name, closest != NULL ? "did you mean '" : "",
            closest != NULL ? closest : "`tenon status --json` lists the resources", closest != NULL ? "'?" : "");
    return EXIT_REFUSED;
}

// Of the nodes that offer the resource, the first live one, as the planner takes it.
static int choose_node(const json_t *nodes, const char *name, char address[64]) {
    const json_t *found[NODES_NAMED_MAX];
    const json_t *chosen = NULL;
    size_t count = 0;
    size_t index = 0;
    json_t *node = NULL;
    json_array_foreach(nodes, index, node) {
        if (ask_named(json_object_get(node, "resources"), name) != NULL && count < NODES_NAMED_MAX) {
            found[count++] = node;
            chosen = chosen == NULL && json_is_true(json_object_get(node, "alive")) ? node : chosen;
        }
    }
    if (count == 0) {
        return refuse_unknown(nodes, name, "no node offers");
    }
    if (count > 1 && strchr(name, '/') == NULL) {
        fprintf(stderr, "tenon override: each of several nodes has a '%s' of its own; say which with --node:", name);
        for (size_t i = 0; i < count; i++) {
            fprintf(stderr, " %s (%s)", json_string_value(json_object_get(found[i], "name")),
                    json_string_value(json_object_get(found[i], "address")));
        }
        fprintf(stderr, "\n");
        return EXIT_REFUSED;
    }
    if (chosen == NULL) {
        const char *own = json_string_value(json_object_get(found[0], "address"));
        fprintf(stderr,
                "tenon override: the node %s, which has '%s', is dead; nothing was sent (--node %s tries it nevertheless)\n",
                json_string_value(json_object_get(found[0], "name")), name, own);
        return EXIT_REFUSED;
    }
    snprintf(address, 64, "%s", json_string_value(json_object_get(chosen, "address")));
    return 0;
}

static int find_node(const struct arguments *arguments, char address[64]) {
    if (arguments->node != NULL) {
        snprintf(address, 64, "%s", arguments->node);
        return 0;
    }
    json_t *status = ask_json(NAME, client_address(arguments->orchestrator), "status");
    if (status == NULL) {
        fprintf(stderr, "tenon override: without an orchestrator, name the node that has the resource: --node ADDRESS\n");
        return EXIT_REFUSED;
    }
    int result = choose_node(json_object_get(status, "nodes"), arguments->resource, address);
    json_decref(status);
    return result;
}

// --- the value -------------------------------------------------------------------------------------------------------------

// The value as the resource's type asks for it, encoded. 0, or the exit code after a message.
static int read_value(const struct arguments *arguments, const char *type, uint8_t item[MESSAGE_SIZE_MAX], size_t *size) {
    double number = 0;
    const char *text = arguments->value;
    bool any = strcmp(type, "any") == 0;
    bool is_boolean = strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    if ((any || strcmp(type, "number") == 0) && document_number_parse(text, &number)) {
        *size = wire_put_number(number, item);
    } else if ((any || strcmp(type, "boolean") == 0) && is_boolean) {
        item[0] = text[0] == 't' ? 0xf5 : 0xf4;
        *size = 1;
    } else if (any || strcmp(type, "text") == 0) {
        struct wire_writer writer;
        wire_writer_start(&writer, (struct buffer){item, MESSAGE_SIZE_MAX});
        wire_write_text(&writer, text);
        if (wire_writer_finish(&writer, size) != ERROR_NONE) {
            fprintf(stderr, "tenon override: the text is too long; an actuator's value has %d bytes\n",
                    ACTUATOR_VALUE_SIZE_MAX);
            return EXIT_REFUSED;
        }
    } else {
        fprintf(stderr, "tenon override: '%s' takes %s, and '%s' is none; write %s\n", arguments->resource, type, text,
                strcmp(type, "boolean") == 0  ? "true or false"
                : strcmp(type, "number") == 0 ? "a number, as in 21.5"
                                              : "no list: a command line cannot give one");
        return EXIT_REFUSED;
    }
    return 0;
}

// Asks the node what the resource is, and encodes the value for it.
static int prepare(const struct arguments *arguments, const char *address, uint8_t item[MESSAGE_SIZE_MAX], size_t *size) {
    json_t *status = ask_json(NAME, address, "status");
    if (status == NULL) {
        return EXIT_REFUSED;
    }
    const json_t *resources = json_object_get(status, "resources");
    const json_t *resource = ask_named(resources, arguments->resource);
    const char *type = json_string_value(json_object_get(resource, "type"));
    int result = 0;
    if (resource == NULL || type == NULL) {
        json_t *nodes = json_pack("[{s:O}]", "resources", resources);
        result = refuse_unknown(nodes, arguments->resource, "that node does not offer");
        json_decref(nodes);
    } else if (!json_is_true(json_object_get(resource, "actuator"))) {
        fprintf(stderr, "tenon override: '%s' is a sensor; only an actuator can be overridden\n", arguments->resource);
        result = EXIT_REFUSED;
    } else if (!arguments->release) {
        result = read_value(arguments, type, item, size);
    }
    json_decref(status);
    return result;
}

// --- what came of it -------------------------------------------------------------------------------------------------------

static void print_value(const json_t *value, const char *unit) {
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(10));
    printf("%s%s%s", text != NULL ? text : "?", unit[0] != '\0' && json_is_number(value) ? " " : "",
           unit[0] != '\0' && json_is_number(value) ? unit : "");
    free(text);
}

static int print_outcome(const struct arguments *arguments, const char *body) {
    json_t *root = json_loads(body, 0, NULL);
    const json_t *obeyed = json_object_get(root, "obeyed");
    const json_t *value = json_object_get(obeyed, "value");
    const char *unit = json_string_value(json_object_get(root, "unit"));
    const char *source = json_string_value(json_object_get(obeyed, "source"));
    json_int_t priority = json_integer_value(json_object_get(obeyed, "priority"));
    if (value == NULL || source == NULL) {
        fprintf(
            stderr,
            "tenon override: the node took it, but its answer cannot be read; `tenon status --node` shows what is obeyed\n");
        json_decref(root);
        return EXIT_REFUSED;
    }
    bool ours = !arguments->release && (uint64_t)priority == arguments->priority;
    printf("%s ", arguments->resource);
    if (strcmp(source, "device") == 0) {
        printf("is left to its device: nothing commands it and it has no safe value");
    } else {
        printf("is ");
        print_value(value, unit != NULL ? unit : "");
        if (ours) {
            printf(" for %s (priority %d)", arguments->lifetime, (int)priority);
        } else if (strcmp(source, "safe") == 0) {
            printf(", its safe value: nothing commands it");
        } else {
            printf(", commanded with priority %d", (int)priority);
        }
    }
    printf("\n");
    if (!arguments->release && !ours) {
        printf("outranked: your override with priority %u is kept, and obeyed when the higher one ends within %s\n",
               (unsigned)arguments->priority, arguments->lifetime);
    }
    if (!json_is_true(json_object_get(root, "durable"))) {
        printf("not durable: the node's disk does not take its journal, and a restart of the node forgets this\n");
    }
    json_decref(root);
    return 0;
}

int command_override(int argument_count, char **words) {
    struct arguments arguments;
    struct client_reply reply;
    char address[64];
    char path[NAME_SIZE_MAX + 8];
    char query[64];
    uint8_t item[MESSAGE_SIZE_MAX];
    size_t size = 0;
    int result = read_arguments(argument_count, words, &arguments);
    if (result == 0 && snprintf(path, sizeof path, "r/%s", arguments.resource) >= (int)sizeof path) {
        result = misuse("names have at most 47 letters");
    }
    result = result == 0 ? find_node(&arguments, address) : result;
    result = result == 0 ? prepare(&arguments, address, item, &size) : result;
    if (result != 0) {
        return result;
    }
    if (arguments.release) {
        snprintf(query, sizeof query, "priority=%u", (unsigned)arguments.priority);
    } else {
        snprintf(query, sizeof query, "priority=%u&for=%llu", (unsigned)arguments.priority,
                 (unsigned long long)arguments.lifetime_ms);
    }
    struct question question = {.command = NAME,
                                .address = address,
                                .code = arguments.release ? COAP_DELETE : COAP_PUT,
                                .path = path,
                                .query = query,
                                .content_format = arguments.release ? COAP_FORMAT_NONE : COAP_FORMAT_CBOR,
                                .payload = {item, size}};
    if (!ask(&question, &reply)) {
        return EXIT_REFUSED;
    }
    result = print_outcome(&arguments, (const char *)reply.body.data);
    client_reply_free(&reply);
    return result;
}
