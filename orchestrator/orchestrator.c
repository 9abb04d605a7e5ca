// Start, time and the tables of the orchestrator machine. Plans are made in reconcile.c, sent in send.c, asked for in serve.c.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "orchestrator/orchestrator_private.h"

#define EXCHANGES 64
#define REMEMBERED 1024
#define TRANSFERS 8

void orchestrator_log(struct orchestrator *orchestrator, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (orchestrator->options.log != NULL) {
        orchestrator->options.log(orchestrator->options.context, orchestrator->moment.unix_ms, text);
    }
}

struct fleet_node *fleet_find(const struct orchestrator *orchestrator, const char *name, uint32_t *index) {
    for (uint32_t i = 0; i < orchestrator->node_count; i++) {
        if (strcmp(orchestrator->nodes[i]->registration.node, name) == 0) {
            *index = i;
            return orchestrator->nodes[i];
        }
    }
    *index = PLACEMENT_NONE;
    return NULL;
}

struct placement_node fleet_placement(const struct fleet_node *node) {
    return (struct placement_node){&node->registration, node->alive, !node->confirmed};
}

enum error fleet_add(struct orchestrator *orchestrator, const struct registration *registration,
                     const struct coap_address *address, struct fleet_node **out) {
    if (orchestrator->node_count == FLEET_NODES_MAX) {
        return ERROR_FULL;
    }
    if (orchestrator->node_count == orchestrator->node_room) {
        uint32_t room = orchestrator->node_room == 0 ? 16 : orchestrator->node_room * 2;
        struct fleet_node **nodes = realloc(orchestrator->nodes, room * sizeof *nodes);
        if (nodes == NULL) {
            return ERROR_MEMORY;
        }
        orchestrator->nodes = nodes;
        orchestrator->node_room = room;
    }
    struct fleet_node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        return ERROR_MEMORY;
    }
    node->registration = *registration;
    node->address = *address;
    orchestrator->nodes[orchestrator->node_count++] = node;
    *out = node;
    return ERROR_NONE;
}

struct record *record_find(const struct record_table *table, const char *name) {
    uint32_t index = names_find(&table->names, name);
    return index != NAMES_NONE ? table->items[index] : NULL;
}

struct record *record_add(struct record_table *table, const char *name) {
    struct record *known = record_find(table, name);
    if (known != NULL) {
        return known;
    }
    if (table->count == table->room) {
        uint32_t room = table->room == 0 ? 64 : table->room * 2;
        struct record **items = realloc(table->items, room * sizeof *items);
        if (items == NULL) {
            return NULL;
        }
        table->items = items;
        table->room = room;
    }
    struct record *record = calloc(1, sizeof *record);
    if (record == NULL) {
        return NULL;
    }
    snprintf(record->name, sizeof record->name, "%s", name);
    if (!names_add(&table->names, record->name, table->count)) {
        free(record);
        return NULL;
    }
    table->items[table->count++] = record;
    return record;
}

bool record_is_replaced(const struct record *record, const struct fleet_node *node) {
    return strcmp(record->node, node->registration.node) == 0 && record->identity != 0 &&
           record->identity != node->registration.identity;
}

static void free_records(struct record_table *table) {
    for (uint32_t i = 0; i < table->count; i++) {
        free(table->items[i]);
    }
    free(table->items);
    names_free(&table->names);
}

const struct component *component_pinned(const struct orchestrator *orchestrator, const char *reference) {
    for (uint32_t i = 0; i < orchestrator->pin_count; i++) {
        if (strcmp(orchestrator->pins[i].reference, reference) == 0) {
            return component_store_by_digest(&orchestrator->components, orchestrator->pins[i].digest);
        }
    }
    return NULL;
}

void orchestrator_mark(struct orchestrator *orchestrator, const char *why) {
    if (!orchestrator->dirty) {
        orchestrator->dirty = true;
        orchestrator->dirty_since_ms = orchestrator->moment.now_ms;
        snprintf(orchestrator->why_dirty, sizeof orchestrator->why_dirty, "%s", why);
    }
}

static void transmit(void *context, const struct coap_address *peer, struct bytes datagram) {
    const struct orchestrator *orchestrator = context;
    orchestrator->options.transmit(orchestrator->options.context, peer, datagram);
}

static void serve(void *context, const struct coap_request *request, struct coap_response *response) {
    orchestrator_serve(context, request, response);
}

static void completed(void *context, const struct coap_completion *completion) {
    send_completed(context, completion);
}

static bool start_endpoint(struct orchestrator *orchestrator) {
    struct coap_endpoint_memory *memory = &orchestrator->memory;
    *memory = (struct coap_endpoint_memory){
        .exchanges = calloc(EXCHANGES, sizeof(struct coap_exchange)),
        .exchange_count = EXCHANGES,
        .remembered = calloc(REMEMBERED, sizeof(struct coap_memory_of_id)),
        .remembered_count = REMEMBERED,
        .transfers = calloc(TRANSFERS, sizeof(struct coap_transfer)),
        .transfer_count = TRANSFERS,
        .bodies = {calloc(TRANSFERS, BODY_SIZE_MAX), (size_t)TRANSFERS * BODY_SIZE_MAX},
    };
    if (memory->exchanges == NULL || memory->remembered == NULL || memory->transfers == NULL || memory->bodies.data == NULL) {
        return false;
    }
    struct coap_parameters parameters = coap_parameters_default();
    struct coap_callbacks callbacks = {orchestrator, transmit, serve, completed};
    coap_endpoint_start(&orchestrator->endpoint, &parameters, &callbacks, memory, orchestrator->options.seed);
    return true;
}

enum error orchestrator_open(const struct orchestrator_options *options, struct store *store, struct moment moment,
                             struct orchestrator **out, char refusal[256]) {
    ASSERT(options->transmit != NULL && options->dead_after_ms > 0);
    struct orchestrator *orchestrator = calloc(1, sizeof *orchestrator);
    enum error error = ERROR_MEMORY;
    if (orchestrator != NULL) {
        orchestrator->options = *options;
        orchestrator->store = store;
        orchestrator->task_records.prefix = "task/";
        orchestrator->resource_records.prefix = "resource/";
        orchestrator->moment = orchestrator->started = moment;
        orchestrator->seen_noted_ms = moment.now_ms;
        error = start_endpoint(orchestrator) ? orchestrator_recall(orchestrator) : ERROR_MEMORY;
    }
    if (error != ERROR_NONE) {
        snprintf(refusal, 256, "%s", error == ERROR_STORAGE ? store_refusal(store) : error_text(error));
        orchestrator_close(orchestrator);
        return error;
    }
    orchestrator_log(orchestrator, "started with %u nodes known, policy %s, revision %llu; waiting %llu ms for signs of life",
                     orchestrator->node_count, orchestrator->policy != NULL ? orchestrator->policy->name : "none",
                     (unsigned long long)orchestrator->revision, (unsigned long long)options->dead_after_ms);
    if (orchestrator->policy != NULL) {
        orchestrator_mark(orchestrator, "orchestrator started");
    }
    *out = orchestrator;
    return ERROR_NONE;
}

void orchestrator_receive(struct orchestrator *orchestrator, struct moment moment, const struct coap_address *peer,
                          struct bytes datagram) {
    orchestrator->moment = moment;
    coap_endpoint_receive(&orchestrator->endpoint, moment.now_ms, peer, datagram);
}

static void find_dead(struct orchestrator *orchestrator) {
    bool changed = false;
    for (uint32_t i = 0; i < orchestrator->node_count; i++) {
        struct fleet_node *node = orchestrator->nodes[i];
        if (node->alive && orchestrator->moment.now_ms >= node->seen_ms + orchestrator->options.dead_after_ms) {
            char why[REASON_SIZE];
            node->alive = false;
            changed = true;
            orchestrator_log(orchestrator, "node %s is dead: no sign of life for %llu ms", node->registration.node,
                             (unsigned long long)(orchestrator->moment.now_ms - node->seen_ms));
            snprintf(why, sizeof why, "%s died", node->registration.node);
            orchestrator_mark(orchestrator, why);
        }
    }
    if (changed && store_seen(orchestrator) != ERROR_NONE) {
        orchestrator_log(orchestrator, "%s", store_refusal(orchestrator->store));
    }
}

static void reconcile_when_settled(struct orchestrator *orchestrator) {
    uint64_t wait_ms = orchestrator->store_failed ? RETRY_FIRST_MS * 5 : SETTLE_MS;
    if (!orchestrator->dirty || orchestrator->moment.now_ms < orchestrator->dirty_since_ms + wait_ms) {
        return;
    }
    char why[REASON_SIZE];
    memcpy(why, orchestrator->why_dirty, sizeof why);
    orchestrator->dirty = false;
    enum error error = orchestrator_reconcile(orchestrator, why);
    orchestrator->store_failed = error != ERROR_NONE;
    if (error != ERROR_NONE) {
        orchestrator_log(orchestrator, "no new plan: %s; trying again in 5 s",
                         error == ERROR_STORAGE ? store_refusal(orchestrator->store) : error_text(error));
        orchestrator_mark(orchestrator, why);
    }
}

void orchestrator_advance(struct orchestrator *orchestrator, struct moment moment) {
    orchestrator->moment = moment;
    coap_endpoint_advance(&orchestrator->endpoint, moment.now_ms);
    find_dead(orchestrator);
    reconcile_when_settled(orchestrator);
    send_advance(orchestrator);
    if (moment.now_ms >= orchestrator->seen_noted_ms + SEEN_INTERVAL_MS) {
        orchestrator->seen_noted_ms = moment.now_ms;
        if (store_seen(orchestrator) != ERROR_NONE) {
            orchestrator_log(orchestrator, "%s", store_refusal(orchestrator->store));
        }
    }
}

static uint64_t sooner(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

uint64_t orchestrator_deadline(const struct orchestrator *orchestrator) {
    uint64_t deadline = sooner(coap_endpoint_deadline(&orchestrator->endpoint), send_deadline(orchestrator));
    deadline = sooner(deadline, orchestrator->seen_noted_ms + SEEN_INTERVAL_MS);
    if (orchestrator->dirty) {
        deadline =
            sooner(deadline, orchestrator->dirty_since_ms + (orchestrator->store_failed ? RETRY_FIRST_MS * 5 : SETTLE_MS));
    }
    for (uint32_t i = 0; i < orchestrator->node_count; i++) {
        if (orchestrator->nodes[i]->alive) {
            deadline = sooner(deadline, orchestrator->nodes[i]->seen_ms + orchestrator->options.dead_after_ms);
        }
    }
    return deadline;
}

static void free_bytes(struct bytes *bytes) {
    free((void *)(uintptr_t)bytes->data);
    *bytes = (struct bytes){NULL, 0};
}

void orchestrator_close(struct orchestrator *orchestrator) {
    if (orchestrator == NULL) {
        return;
    }
    for (uint32_t i = 0; i < orchestrator->node_count; i++) {
        free_bytes(&orchestrator->nodes[i]->slice);
        free_bytes(&orchestrator->nodes[i]->body);
        free(orchestrator->nodes[i]);
    }
    free_records(&orchestrator->task_records);
    free_records(&orchestrator->resource_records);
    for (uint32_t i = 0; i < ANSWERS_KEPT; i++) {
        free_bytes(&orchestrator->answers[i].body);
    }
    free(orchestrator->nodes);
    names_free(&orchestrator->links);
    arena_free(&orchestrator->link_texts);
    policy_free(orchestrator->policy);
    free_bytes(&orchestrator->policy_text);
    free(orchestrator->pins);
    free(orchestrator->states);
    free(orchestrator->links_planned);
    component_store_free(&orchestrator->components);
    free(orchestrator->memory.exchanges);
    free(orchestrator->memory.remembered);
    free(orchestrator->memory.transfers);
    free(orchestrator->memory.bodies.data);
    free(orchestrator);
}
