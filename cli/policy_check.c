// Reading and checking a policy on the person's own machine, before anything is sent.
#include "cli/policy_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/node_config.h"
#include "core/wire.h"
#include "orchestrator/document.h"
#include "port/port.h"

#define PATH_SIZE 2048

static void load_components(struct policy_check *check) {
    for (uint32_t i = 0; i < check->policy->components.count; i++) {
        const struct policy_name *folder = &check->policy->components.items[i];
        char path[PATH_SIZE];
        component_folder(check->path, folder->text, path, sizeof path);
        component_store_load(&check->components, path, folder->line, &check->problems);
    }
}

bool policy_check_read(struct policy_check *check, const char *path) {
    *check = (struct policy_check){.path = path};
    check->registrations = calloc(CHECKED_NODES_MAX, sizeof *check->registrations);
    check->nodes = calloc(CHECKED_NODES_MAX, sizeof *check->nodes);
    enum error error = check->registrations != NULL && check->nodes != NULL
                           ? port_file_read(path, DOCUMENT_SIZE_MAX, &check->text)
                           : ERROR_MEMORY;
    if (error != ERROR_NONE) {
        fprintf(stderr, "%s: %s; check the path\n", path,
                error == ERROR_NOT_FOUND ? "there is no such file" : error_text(error));
        return false;
    }
    check->policy = policy_parse(check->text, &check->problems);
    if (check->policy != NULL) {
        load_components(check);
    }
    return true;
}

static struct registration *add_node(struct policy_check *check, bool alive) {
    if (check->node_count == CHECKED_NODES_MAX) {
        return NULL;
    }
    struct registration *registration = &check->registrations[check->node_count];
    check->nodes[check->node_count++] = (struct placement_node){registration, alive, false};
    check->nodes_known = true;
    return registration;
}

// What the node will register, as far as its configuration says it. Every node has a clock (node/node_drivers.c).
static void describe_node(const struct node_config *config, struct registration *out) {
    *out = (struct registration){.kind = "linux",
                                 .engine = "wamr",
                                 .memory_total_bytes = config->memory_bytes,
                                 .memory_free_bytes = config->memory_bytes,
                                 .task_max = config->task_max};
    memcpy(out->node, config->node, sizeof out->node);
    out->capability_count = config->capability_count;
    memcpy(out->capabilities, config->capabilities, sizeof out->capabilities);
    for (uint32_t i = 0; i < config->resource_count; i++) {
        out->resources[out->resource_count++] = config->resources[i].facts;
    }
    if (out->resource_count < RESOURCES_PER_NODE_MAX) {
        out->resources[out->resource_count++] = (struct registration_resource){
            .name = "clock", .quantity = "Time", .unit = "s", .type = TYPE_NUMBER, .resolution = 1};
    }
}

bool policy_check_node(struct policy_check *check, const char *path) {
    struct document_error mistake;
    struct node_config *config = calloc(1, sizeof *config);
    struct registration *registration = config != NULL ? add_node(check, true) : NULL;
    bool good = registration != NULL && node_config_read(path, config, &mistake) == ERROR_NONE;
    if (good) {
        describe_node(config, registration);
    } else if (registration == NULL) {
        fprintf(stderr, "%s: too many nodes, or no memory; at most %d can be checked at once\n", path, CHECKED_NODES_MAX);
    } else {
        char text[512];
        document_error_text(path, &mistake, text, sizeof text);
        fprintf(stderr, "%s\n", text);
    }
    free(config);
    return good;
}

static enum error read_nodes(struct policy_check *check, struct bytes body) {
    struct wire_reader reader;
    enum error error = ERROR_NONE;
    wire_reader_start(&reader, body);
    wire_read_list(&reader);
    while (wire_more(&reader) && error == ERROR_NONE) {
        wire_read_list(&reader);
        (void)wire_read_bytes(&reader, COAP_ADDRESS_SIZE, COAP_ADDRESS_SIZE);
        bool alive = wire_read_bool(&reader);
        struct bytes encoded = wire_read_bytes(&reader, 1, 32768);
        wire_read_list_end(&reader);
        struct registration *registration = reader.error == ERROR_NONE ? add_node(check, alive) : NULL;
        error = registration != NULL ? registration_decode(encoded, registration)
                                     : (reader.error != ERROR_NONE ? reader.error : ERROR_FULL);
    }
    wire_read_list_end(&reader);
    check->nodes_known = true;
    return error != ERROR_NONE ? error : wire_reader_finish(&reader);
}

enum error policy_check_ask(struct policy_check *check, struct client *client, char refusal[256]) {
    struct client_reply reply;
    enum error error =
        client_request(client, COAP_GET, "nodes", NULL, COAP_FORMAT_NONE, (struct bytes){NULL, 0}, &reply, refusal);
    if (error != ERROR_NONE) {
        return error;
    }
    error = reply.code == COAP_CONTENT ? read_nodes(check, reply.body) : ERROR_UNSUPPORTED;
    if (error != ERROR_NONE) {
        snprintf(refusal, 256, "what answers there is no orchestrator of this version: %s", error_text(error));
    }
    client_reply_free(&reply);
    return error;
}

bool policy_check_finish(struct policy_check *check) {
    char line[1024];
    if (check->policy != NULL) {
        check->bound = binding_make(check->policy, &check->components, NULL, NULL, check->nodes, check->node_count,
                                    check->nodes_known, &check->problems, &check->binding) == ERROR_NONE;
        if (!check->bound) {
            problems_error(&check->problems, 0, "free some memory and try again", "no memory to check the policy");
        } else if (check->nodes_known && check->problems.errors == 0) {
            binding_check_placement(&check->binding, &check->problems);
        }
    }
    problems_sort(&check->problems);
    for (uint32_t i = 0; i < check->problems.count; i++) {
        problem_text(&check->problems.items[i], check->path, line, sizeof line);
        fprintf(stderr, "%s\n", line);
    }
    if (check->problems.dropped > 0) {
        fprintf(stderr, "%s: and %u more problems; mend these first\n", check->path, check->problems.dropped);
    }
    return check->problems.errors == 0;
}

void policy_check_free(struct policy_check *check) {
    if (check->bound) {
        binding_free(&check->binding);
    }
    policy_free(check->policy);
    component_store_free(&check->components);
    free(check->registrations);
    free(check->nodes);
    free((void *)(uintptr_t)check->text.data);
}
