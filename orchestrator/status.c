// GET /status: the orchestrator, its policy, every node and task, the moves, and what is wrong, as JSON. GET /channels: the
// links.
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sha256.h"
#include "orchestrator/orchestrator_private.h"
#include "port/port.h"

static json_t *whole(uint64_t number) {
    return json_integer((json_int_t)number);
}

static json_t *resource_status(const struct orchestrator *orchestrator, const struct fleet_node *node,
                               const struct registration_resource *resource) {
    char buffer[PLANNER_RESOURCE_KEY_SIZE];
    const char *key = planner_resource_key(resource->name, node->registration.node, buffer);
    const struct record *record = record_find(&orchestrator->resource_records, key);
    bool here = record != NULL && strcmp(record->node, node->registration.node) == 0;
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "name", resource->name, "quantity", resource->quantity, "unit",
                     resource->unit, "type", value_type_text(resource->type), "actuator", (int)resource->actuator, "epoch",
                     here ? whole(record->epoch) : json_null()); // null: no plan names it on this node
}

static json_t *node_status(const struct orchestrator *orchestrator, const struct fleet_node *node) {
    const struct registration *registration = &node->registration;
    char address[64];
    char identity[20];
    port_address_text(&node->address, address);
    snprintf(identity, sizeof identity, "%016" PRIx64, registration->identity);
    json_t *capabilities = json_array();
    for (uint32_t i = 0; i < registration->capability_count; i++) {
        json_array_append_new(capabilities, json_string(registration->capabilities[i]));
    }
    json_t *resources = json_array();
    for (uint32_t i = 0; i < registration->resource_count; i++) {
        json_array_append_new(resources, resource_status(orchestrator, node, &registration->resources[i]));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "name",
                     registration->node, "address", address, "identity", identity, "kind", registration->kind, "engine",
                     registration->engine, "alive", (int)node->alive, "confirmed", (int)node->confirmed, "last_seen_ms",
                     whole(node->seen_unix_ms), "silent_ms",
                     whole(node->confirmed ? orchestrator->moment.now_ms - node->seen_ms : 0), "capabilities", capabilities,
                     "memory_total", whole(registration->memory_total_bytes), "memory_free",
                     whole(registration->memory_free_bytes), "plan_revision", whole(node->held_revision), "wanted_revision",
                     whole(node->wanted_revision), "resources", resources, "trouble", node->trouble);
}

static const char *task_state_name(const struct orchestrator *orchestrator, const struct task_state *state) {
    if (state == NULL || state->node == PLACEMENT_NONE || state->waiting) {
        return "pending";
    }
    const struct fleet_node *node = orchestrator->nodes[state->node];
    if (!node->alive) {
        return "lost"; // its node has just died; the next plan moves it
    }
    if (!node->confirmed) {
        return "unconfirmed"; // the orchestrator has just started and has not heard of the node yet
    }
    return node->held_revision >= node->wanted_revision ? "running" : "loading";
}

static json_t *task_status(const struct orchestrator *orchestrator, uint32_t index) {
    const struct policy_task *task = &orchestrator->policy->tasks[index];
    const struct task_state *state = orchestrator->states != NULL ? &orchestrator->states[index] : NULL;
    const struct component *component = component_pinned(orchestrator, task->component.text);
    char digest[2 * DIGEST_SIZE + 1] = "";
    if (component != NULL) {
        digest_text(component->digest, digest);
    }
    bool placed = state != NULL && state->node != PLACEMENT_NONE;
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:i, s:s, s:s}", "name", task->name, "component",
                     component != NULL ? component->manifest.name : task->component.text, "version",
                     component != NULL ? component->manifest.version : "", "digest", digest, "node",
                     placed ? json_string(orchestrator->nodes[state->node]->registration.node) : json_null(), "epoch",
                     state != NULL ? (int)state->epoch : 0, "state", task_state_name(orchestrator, state), "reason",
                     state != NULL ? state->reason : "");
}

static json_t *move_status(const struct move *move) {
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:o}", "task", move->task, "from", move->from, "to", move->to, "time_ms",
                     whole(move->time_unix_ms), "reason", move->reason, "gap_ms",
                     move->gap_ms >= 0 ? json_integer((json_int_t)move->gap_ms) : json_null());
}

static json_t *problem_list(const struct orchestrator *orchestrator) {
    json_t *list = json_array();
    char text[640];
    for (uint32_t i = 0; i < orchestrator->problems.count; i++) {
        if (orchestrator->problems.items[i].warning) {
            continue; // said when the policy was applied
        }
        problem_text(&orchestrator->problems.items[i], "policy", text, sizeof text);
        json_array_append_new(list, json_string(text));
    }
    for (uint32_t i = 0; orchestrator->states != NULL && i < orchestrator->policy->task_count; i++) {
        if (orchestrator->states[i].waiting) {
            snprintf(text, sizeof text, "task %s waits: %s", orchestrator->policy->tasks[i].name,
                     orchestrator->states[i].reason);
            json_array_append_new(list, json_string(text));
        }
    }
    for (uint32_t i = 0; i < orchestrator->node_count; i++) {
        const struct fleet_node *node = orchestrator->nodes[i];
        if (!node->alive) {
            snprintf(text, sizeof text, "node %s is dead", node->registration.node);
            json_array_append_new(list, json_string(text));
        } else if (node->trouble[0] != '\0') {
            snprintf(text, sizeof text, "node %s: %s", node->registration.node, node->trouble);
            json_array_append_new(list, json_string(text));
        }
    }
    for (uint32_t i = 0; i < orchestrator->node_count; i++) {
        const struct fleet_node *node = orchestrator->nodes[i];
        if (node->doubled &&
            orchestrator->moment.now_ms < node->doubled_ms + 2 * (uint64_t)orchestrator->options.dead_after_ms) {
            char address[64];
            port_address_text(&node->doubled_by, address);
            snprintf(text, sizeof text, "another node at %s asks for the name %s: rename one of the two", address,
                     node->registration.node);
            json_array_append_new(list, json_string(text));
        }
    }
    if (orchestrator->store_failed) {
        json_array_append_new(list, json_string(store_refusal(orchestrator->store)));
    }
    return list;
}

char *status_text(const struct orchestrator *orchestrator) {
    json_t *nodes = json_array();
    json_t *tasks = json_array();
    json_t *moves = json_array();
    for (uint32_t i = 0; i < orchestrator->node_count; i++) {
        json_array_append_new(nodes, node_status(orchestrator, orchestrator->nodes[i]));
    }
    for (uint32_t i = 0; orchestrator->policy != NULL && i < orchestrator->policy->task_count; i++) {
        json_array_append_new(tasks, task_status(orchestrator, i));
    }
    for (uint32_t i = 0; i < orchestrator->move_count; i++) {
        json_array_append_new(moves, move_status(&orchestrator->moves[i]));
    }
    json_t *self = json_pack("{s:o, s:o, s:o}", "started_ms", whole(orchestrator->started.unix_ms), "now_ms",
                             whole(orchestrator->moment.unix_ms), "dead_after_ms", whole(orchestrator->options.dead_after_ms));
    json_t *policy = orchestrator->policy != NULL ? json_string(orchestrator->policy->name) : json_null();
    json_t *root = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "orchestrator", self, "policy", policy, "revision",
                             whole(orchestrator->revision), "nodes", nodes, "tasks", tasks, "moves", moves, "problems",
                             problem_list(orchestrator));
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}

// --- channels ------------------------------------------------------------------------------------------------------------

// Names are visible ASCII, so that quotes and backslashes are all there is to escape (RFC 8259 §7).
static void print_name(FILE *out, const char *name) {
    fputc('"', out);
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            fputc('\\', out);
        }
        fputc(*at, out);
    }
    fputc('"', out);
}

static void print_node(const struct orchestrator *orchestrator, FILE *out, const char *key, uint32_t index) {
    fprintf(out, ",\"%s\":", key);
    if (index == PLACEMENT_NONE) {
        fputs("null", out);
    } else {
        print_name(out, orchestrator->nodes[index]->registration.node);
    }
}

// Written as text, not as a tree: a large building has a million links.
char *channels_text(const struct orchestrator *orchestrator) {
    char *text = NULL;
    size_t size = 0;
    char address[64];
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    fprintf(out, "{\"revision\":%" PRIu64 ",\"nodes\":[", orchestrator->revision);
    for (uint32_t i = 0; i < orchestrator->node_count; i++) {
        const struct fleet_node *node = orchestrator->nodes[i];
        port_address_text(&node->address, address);
        fputs(i == 0 ? "{\"name\":" : ",{\"name\":", out);
        print_name(out, node->registration.node);
        fprintf(out, ",\"address\":\"%s\",\"alive\":%s}", address, node->alive ? "true" : "false");
    }
    fputs("],\"channels\":[", out);
    for (uint32_t i = 0; orchestrator->links_planned != NULL && i < orchestrator->policy->link_count; i++) {
        const struct link_state *state = &orchestrator->links_planned[i];
        const struct policy_link *link = &orchestrator->policy->links[i];
        fprintf(out, "%s{\"id\":%u,\"class\":\"%s\",\"source\":", i == 0 ? "" : ",", state->id,
                delivery_class_text(link->delivery));
        print_name(out, link->source.text);
        fputs(",\"destination\":", out);
        print_name(out, link->destination.text);
        print_node(orchestrator, out, "source_node", state->source);
        print_node(orchestrator, out, "destination_node", state->destination);
        fputc('}', out);
    }
    fputs("]}\n", out);
    bool good = ferror(out) == 0;
    good = fclose(out) == 0 && good;
    if (!good) {
        free(text);
        return NULL;
    }
    return text;
}
