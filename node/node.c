// The daemon's frame: memory for the runtime, the callbacks it needs, and the loop.
#include "node/node.h"

#include <stdio.h>

#include "node/node_private.h"

// Messages given to tasks before the sockets are looked at again.
#define RUN_BUDGET 256

void node_config_default(struct node_config *config) {
    memset(config, 0, sizeof *config);
    snprintf(config->kind, sizeof config->kind, "linux");
    snprintf(config->listen, sizeof config->listen, "127.0.0.1:5700");
    config->memory_bytes = 16u * 1024 * 1024;
    config->keepalive_ms = 2000;
    config->task_max = 256;
    config->ack_timeout_ms = 500;
    config->journal_bytes = JOURNAL_SIZE_MIN;
}

// --- what the runtime asks for -----------------------------------------------------------------------------------------------

static void on_transmit(void *context, const struct coap_address *peer, struct bytes datagram) {
    struct node *node = context;
    (void)port_udp_send(node->udp, peer, datagram);
}

static void on_actuate(void *context, uint32_t resource, struct bytes value) {
    node_drivers_actuate(context, resource, value);
}

static enum error on_code_find(void *context, const uint8_t digest[DIGEST_SIZE], struct bytes *wasm) {
    return node_store_code_find(context, digest, wasm);
}

static enum error on_plan_store(void *context, struct bytes encoded) {
    return node_store_plan(context, encoded);
}

static void on_journal(void *context, struct bytes batch) {
    node_journal_append(context, batch);
}

// What the writer of a component can do about its failure; "" where the error's own sentence says it.
static const char *remedy_of(enum error error) {
    return error == ERROR_FLOOD    ? ": raise limits.outputs in component.yaml or send less for one message"
           : error == ERROR_BUDGET ? ": raise limits.instructions in component.yaml or do less for one message"
                                   : "";
}

static void on_event(void *context, enum runtime_event event, const char *subject, enum error error, const char *detail) {
    if (event == EVENT_PLAN_APPLIED) { // the journal must not bring back what the plan has ended
        ((struct node *)context)->journal_rewrite = true;
    }
    const char *joint = detail[0] == '\0' ? "" : ": ";
    if (error == ERROR_NONE) {
        node_log(context, subject, "%s%s%s", runtime_event_text(event), joint, detail);
    } else if (event == EVENT_TASK_FAILED || event == EVENT_TASK_QUARANTINED) {
        node_log(context, subject, "%s (%s)%s%s; %s%s", runtime_event_text(event), error_name(error), joint, detail,
                 error_text(error), remedy_of(error));
    } else {
        node_log(context, subject, "%s (%s)%s%s", runtime_event_text(event), error_name(error), joint, detail);
    }
}

static void on_serve(void *context, const struct coap_request *request, struct coap_response *response) {
    node_serve(context, request, response);
}

static void on_completed(void *context, const struct coap_completion *completion) {
    node_member_completed(context, completion);
}

// --- open, run, close
// ----------------------------------------------------------------------------------------------------------

// Plan, then journal, then life: what the journal tells is about the tasks and links that the plan names.
static enum error resume(struct node *node, char refusal[PORT_REFUSAL_SIZE]) {
    struct bytes encoded;
    enum error error = node_store_plan_read(node, &encoded);
    bool found = error != ERROR_NOT_FOUND;
    if (error == ERROR_NONE) {
        error = runtime_plan_resume(&node->runtime, encoded);
        port_file_release(encoded);
    }
    if (!found) {
        node_log(node, "plan", "none on disk; waiting for the orchestrator");
    } else if (error != ERROR_NONE) {
        node_log(node, "plan", "the one on disk cannot be used (%s); waiting for the orchestrator", error_text(error));
    }
    bool planned = error == ERROR_NONE;
    error = node_journal_open(node, planned, refusal);
    if (error == ERROR_NONE && planned) {
        runtime_resumed(&node->runtime);
    }
    return error;
}

static enum error join_groups(struct node *node, char refusal[PORT_REFUSAL_SIZE]) {
    static const char *const groups[] = {"224.0.1.187:5683", "[ff02::fd]:5683", "[ff05::fd]:5683"};
    bool ipv6 = strchr(node->config->listen, '[') != NULL;
    enum error error = ERROR_NONE;
    for (uint32_t i = 0; i < node->config->multicast_count; i++) {
        for (uint32_t k = ipv6 ? 1 : 0; k < (ipv6 ? 3 : 1) && error == ERROR_NONE; k++) {
            error = port_udp_join(groups[k], node->config->multicast[i], &node->groups[node->group_count], refusal);
            node->group_count += error == ERROR_NONE;
        }
    }
    return error;
}

enum error node_open(const struct node_config *config, struct engine *engine, struct node **out,
                     char refusal[PORT_REFUSAL_SIZE]) {
    struct node *node = port_memory_take(sizeof *node);
    struct runtime_memory memory;
    if (node == NULL) {
        snprintf(refusal, PORT_REFUSAL_SIZE, "no memory");
        return ERROR_MEMORY;
    }
    node->config = config;
    node->engine = engine;
    node->data_lock = -1;
    node->started_ms = port_clock_ms();
    node->building_base_ms = port_unix_local_ms();
    enum error error = node_memory_open(config->task_max, &memory, &node->tables);
    if (error != ERROR_NONE) {
        snprintf(refusal, PORT_REFUSAL_SIZE, "no memory for %u tasks: lower `tasks` in the configuration", config->task_max);
    }
    if (error == ERROR_NONE && config->orchestrator[0] != '\0' &&
        port_address_parse(config->orchestrator, &node->orchestrator) != ERROR_NONE) {
        snprintf(refusal, PORT_REFUSAL_SIZE, "orchestrator: \"%s\" is not an address: write 127.0.0.1:5683 or [::1]:5683",
                 config->orchestrator);
        error = ERROR_MALFORMED;
    }
    // The socket comes before the disk: a second daemon on the same configuration must not count up the boot of the first.
    error = error == ERROR_NONE ? port_udp_open(config->listen, &node->udp, refusal) : error;
    error = error == ERROR_NONE ? node_store_open(node, refusal) : error;
    error = error == ERROR_NONE ? join_groups(node, refusal) : error;
    if (error == ERROR_NONE) {
        const struct runtime_environment environment = {.context = node,
                                                        .name = node->config->node,
                                                        .transmit = on_transmit,
                                                        .actuate = on_actuate,
                                                        .code_find = on_code_find,
                                                        .journal = on_journal,
                                                        .plan_store = on_plan_store,
                                                        .event = on_event,
                                                        .serve = on_serve,
                                                        .completed = on_completed};
        struct coap_parameters parameters = coap_parameters_default();
        parameters.ack_timeout_ms = config->ack_timeout_ms;
        runtime_start(&node->runtime, &memory, &environment, engine, &parameters, node->boot, port_entropy64());
        error = node_drivers_open(node, refusal);
    }
    if (error != ERROR_NONE) {
        node_close(node);
        return error;
    }
    node_time(node);
    error = resume(node, refusal);
    if (error != ERROR_NONE) {
        node_close(node);
        return error;
    }
    *out = node;
    return ERROR_NONE;
}

void node_address(const struct node *node, char out[64]) {
    struct coap_address address;
    port_udp_address(node->udp, &address);
    port_address_text(&address, out);
}

const struct runtime *node_runtime(const struct node *node) {
    return &node->runtime;
}

static void receive_all(struct node *node) {
    uint8_t scratch[PORT_UDP_SCRATCH_SIZE];
    struct coap_address from;
    struct bytes datagram;
    for (uint32_t i = 0; i < RUN_BUDGET; i++) {
        enum error error = port_udp_receive(node->udp, &from, (struct buffer){scratch, sizeof scratch}, &datagram);
        if (error == ERROR_NOT_FOUND) {
            return;
        }
        if (error == ERROR_NONE) {
            runtime_waited(&node->runtime, port_udp_waited_ms(node->udp));
            runtime_datagram(&node->runtime, &from, datagram);
            (void)runtime_run(&node->runtime, RUN_BUDGET);
        }
    }
}

static void receive_groups(struct node *node) {
    uint8_t scratch[PORT_UDP_SCRATCH_SIZE];
    struct coap_address from;
    struct bytes datagram;
    for (uint32_t i = 0; i < node->group_count; i++) {
        enum error error = ERROR_NONE;
        for (uint32_t k = 0; k < RUN_BUDGET && error != ERROR_NOT_FOUND; k++) {
            error = port_udp_receive(node->groups[i], &from, (struct buffer){scratch, sizeof scratch}, &datagram);
            if (error == ERROR_NONE) {
                runtime_multicast(&node->runtime, &from, datagram);
            }
        }
    }
}

uint64_t node_wait_ms(const struct node *node) {
    if (node->more) {
        return 0;
    }
    uint64_t wait = runtime_deadline(&node->runtime);
    uint64_t now_ms = port_clock_ms();
    uint64_t due_ms = node_drivers_deadline(node);
    if (node->config->orchestrator[0] != '\0' && node->member_due_ms < due_ms) {
        due_ms = node->member_due_ms;
    }
    if (node->journal_due_ms < due_ms) {
        due_ms = node->journal_due_ms;
    }
    uint64_t own = due_ms == UINT64_MAX ? UINT64_MAX : due_ms > now_ms ? due_ms - now_ms : 0;
    return own < wait ? own : wait;
}

// One turn; `ready` is port_wait's answer for socket (bit 0), plant (bit 1) and groups (all above).
static void turn(struct node *node, uint64_t ready) {
    node_time(node);
    if ((ready & 1u) != 0) {
        receive_all(node);
    }
    if (ready >> 2 != 0) {
        receive_groups(node);
    }
    node_drivers_poll(node, (ready & 2u) != 0);
    node_time(node);
    node_member_advance(node);
    runtime_advance(&node->runtime);
    node->more = runtime_run(&node->runtime, RUN_BUDGET);
    node_journal_flush(node);
}

void node_step(struct node *node) {
    turn(node, UINT64_MAX);
}

void node_run(struct node *node, const volatile bool *stop) {
    while (!*stop) {
        int descriptors[2 + GROUPS_MAX] = {port_udp_descriptor(node->udp),
                                           node->plant == NULL ? -1 : plant_driver_descriptor(node->plant)};
        for (uint32_t i = 0; i < node->group_count; i++) {
            descriptors[2 + i] = port_udp_descriptor(node->groups[i]);
        }
        turn(node, port_wait(descriptors, 2 + node->group_count, node_wait_ms(node)));
    }
}

void node_close(struct node *node) {
    if (node == NULL) {
        return;
    }
    struct runtime_tables *tables = node->tables == NULL ? NULL : &node->runtime.memory.tables;
    for (uint32_t i = 0; tables != NULL && tables->tasks != NULL && i < tables->plan.task_count; i++) {
        if (tables->tasks[i].instance != NULL) {
            node->engine->stop(node->engine, tables->tasks[i].instance);
        }
    }
    for (uint32_t i = 0; node->runtime.memory.codes != NULL && i < node->runtime.memory.code_max; i++) {
        if (node->runtime.memory.codes[i].module != NULL) {
            node->engine->unload(node->engine, node->runtime.memory.codes[i].module);
        }
    }
    node_journal_close(node);
    node_drivers_close(node);
    for (uint32_t i = 0; i < node->group_count; i++) {
        port_udp_close(node->groups[i]);
    }
    port_udp_close(node->udp);
    node_store_close(node);
    node_memory_close(node->config->task_max, node->tables);
    port_memory_give(node, sizeof *node);
}
