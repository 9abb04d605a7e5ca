// The runtime's frame: start, what comes from outside, and time.
#include "core/runtime.h"

#include "core/rest.h"
#include "core/runtime_private.h"
#include "core/wire.h"

static const char *const event_texts[EVENT_COUNT] = {
    [EVENT_PLAN_APPLIED] = "plan-applied",       [EVENT_PLAN_REFUSED] = "plan-refused",
    [EVENT_TASK_STARTED] = "task-started",       [EVENT_TASK_STOPPED] = "task-stopped",
    [EVENT_TASK_FAILED] = "task-failed",         [EVENT_TASK_QUARANTINED] = "message-quarantined",
    [EVENT_TASK_REFUSED] = "task-refused",       [EVENT_INPUT_STALE] = "input-stale",
    [EVENT_INPUT_FRESH] = "input-fresh",         [EVENT_COMMAND_EXPIRED] = "command-expired",
    [EVENT_COMMAND_REFUSED] = "command-refused", [EVENT_DELIVERY_REFUSED] = "delivery-refused",
    [EVENT_ACTUATOR_SAFE] = "actuator-safe",     [EVENT_QUEUE_OVERFLOW] = "queue-overflow",
    [EVENT_STATE_LOST] = "state-lost",           [EVENT_PEER_SILENT] = "peer-silent",
};

const char *runtime_event_text(enum runtime_event event) {
    return (unsigned)event < EVENT_COUNT ? event_texts[event] : "unknown";
}

// --- CoAP callbacks ----------------------------------------------------------------------------------------------------------

static void on_transmit(void *context, const struct coap_address *peer, struct bytes datagram) {
    struct runtime *runtime = context;
    runtime->environment.transmit(runtime->environment.context, peer, datagram);
}

static void on_serve(void *context, const struct coap_request *request, struct coap_response *response) {
    struct runtime *runtime = context;
    if (request->path[0] == 'c' && request->path[1] == '/') {
        link_serve(runtime, request, response);
        return;
    }
    if (rest_serve(runtime, request, response)) {
        return;
    }
    runtime->environment.serve(runtime->environment.context, request, response);
}

static void on_completed(void *context, const struct coap_completion *completion) {
    struct runtime *runtime = context;
    if ((completion->user & USER_OF_NODE) == 0) {
        link_completed(runtime, completion);
        return;
    }
    struct coap_completion own = *completion;
    own.user &= ~USER_OF_NODE;
    runtime->environment.completed(runtime->environment.context, &own);
}

enum error runtime_request(struct runtime *runtime, struct coap_outgoing outgoing) {
    outgoing.user |= USER_OF_NODE;
    return coap_endpoint_request(&runtime->coap, runtime->network_ms, &outgoing);
}

// --- start -------------------------------------------------------------------------------------------------------------------

static void plan_start(const struct runtime_memory *memory, struct plan *plan) {
    plan->task_max = memory->task_max;
    plan->link_max = memory->link_max;
    plan->parameter_max = memory->parameter_max;
    plan->peer_max = memory->peer_max;
    plan->resource_max = memory->resource_max;
}

void runtime_start(struct runtime *runtime, const struct runtime_memory *memory, const struct runtime_environment *environment,
                   struct engine *engine, const struct coap_parameters *parameters, uint64_t boot, uint64_t seed) {
    runtime->memory = *memory;
    runtime->environment = *environment;
    runtime->engine = engine;
    runtime->boot = boot;
    runtime->trace_seed = seed;
    runtime->ready_head = runtime->ready_tail = NO_INDEX;
    runtime->disk_head = runtime->disk_tail = NO_INDEX;
    runtime->journaled = runtime->durable = POSITION_OF_THE_PAST;
    for (size_t i = 0; i < sizeof runtime->echo; i++) {
        runtime->echo[i] = (uint8_t)(runtime_trace(runtime) >> 56);
    }
    runtime->building_deadline_ms = runtime->network_deadline_ms = UINT64_MAX;
    plan_start(memory, &runtime->memory.tables.plan);
    plan_start(memory, &runtime->memory.next);
    runtime->memory.tables.building.max = runtime->memory.tables.network.max = memory->link_max;
    message_pool_start(&runtime->pool, memory->messages, memory->message_max);
    const struct coap_callbacks callbacks = {
        .context = runtime, .transmit = on_transmit, .serve = on_serve, .completed = on_completed};
    coap_endpoint_start(&runtime->coap, parameters, &callbacks, &memory->coap, seed);
}

int runtime_resource_find(const struct runtime *runtime, const char *name) {
    for (uint32_t i = 0; i < runtime->resource_count; i++) {
        if (strcmp(runtime->memory.resources[i].facts->name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

enum error runtime_resource_add(struct runtime *runtime, const struct registration_resource *facts, uint32_t *index) {
    if (runtime->resource_count == runtime->memory.resource_max) {
        return ERROR_FULL;
    }
    if (runtime_resource_find(runtime, facts->name) >= 0) {
        return ERROR_EXISTS;
    }
    struct resource *resource = &runtime->memory.resources[runtime->resource_count];
    memset(resource, 0, sizeof *resource);
    resource->facts = facts;
    resource->first_link = NO_INDEX;
    *index = runtime->resource_count++;
    return ERROR_NONE;
}

void runtime_at(struct runtime *runtime, uint64_t network_ms, uint64_t building_ms) {
    runtime->network_ms = network_ms > runtime->network_ms ? network_ms : runtime->network_ms;
    runtime->building_ms = building_ms > runtime->building_ms ? building_ms : runtime->building_ms;
}

const struct manifest_view *runtime_manifest(const struct runtime *runtime, const struct task *task) {
    if (task->code == NO_INDEX || runtime->memory.codes[task->code].module == NULL) {
        return NULL;
    }
    return runtime->engine->manifest(runtime->memory.codes[task->code].module);
}

uint64_t runtime_memory_used(const struct runtime *runtime) {
    const struct runtime_tables *tables = runtime_tables(runtime);
    uint64_t used = 0;
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        if (tables->tasks[i].instance != NULL) {
            used += runtime->engine->memory_bytes(tables->tasks[i].instance);
        }
    }
    return used;
}

// --- inputs
// -------------------------------------------------------------------------------------------------------------------

void runtime_waited(struct runtime *runtime, uint64_t waited_ms) {
    runtime->waited_ms = waited_ms;
}

void runtime_datagram(struct runtime *runtime, const struct coap_address *peer, struct bytes datagram) {
    coap_endpoint_receive(&runtime->coap, runtime->network_ms, peer, datagram);
}

void runtime_multicast(struct runtime *runtime, const struct coap_address *peer, struct bytes datagram) {
    coap_endpoint_multicast(&runtime->coap, runtime->network_ms, peer, datagram);
}

uint64_t runtime_trace(struct runtime *runtime) {
    uint64_t value = runtime->trace_seed + ++runtime->trace_count * UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

// One event of a sensor into one link, with a batch of its own: a driver cannot send it again.
static enum error publish_event(struct runtime *runtime, const struct resource *resource, struct link *link, struct bytes value,
                                uint64_t trace) {
    struct message *message = link_is_backed_up(runtime, link) ? NULL : link_make(runtime, link, value, trace);
    if (message == NULL) {
        COUNT(runtime, link, dropped);
        event_tell(runtime, EVENT_QUEUE_OVERFLOW, resource->facts->name, ERROR_BUSY, "a reliable link is backed up");
        return ERROR_BUSY;
    }
    if (link_is_durable(runtime, link)) {
        const struct journal_entry entry = batch_output(message);
        enum error error = batch_put(runtime, &entry);
        ASSERT(error == ERROR_NONE); // one message fits any batch
        message->position = batch_close(runtime);
    }
    link_send(runtime, link, message);
    return ERROR_NONE;
}

enum error runtime_publish(struct runtime *runtime, uint32_t index, struct bytes value) {
    ASSERT(index < runtime->resource_count);
    struct resource *resource = &runtime->memory.resources[index];
    if (value.size > ACTUATOR_VALUE_SIZE_MAX) {
        return ERROR_TOO_LARGE;
    }
    if (!wire_is_item(value)) {
        return ERROR_MALFORMED;
    }
    memcpy(resource->value, value.data, value.size);
    resource->value_size = (uint8_t)value.size;
    resource->updated_ms = runtime->building_ms;
    rest_resource_changed(runtime, index);
    uint64_t trace = runtime_trace(runtime);
    enum error error = ERROR_NONE;
    for (uint32_t i = resource->first_link; i != NO_INDEX; i = tables_now(runtime)->links[i].next) {
        struct link *link = &tables_now(runtime)->links[i];
        if (link->plan->delivery == DELIVERY_MEASUREMENT) {
            link_measure(runtime, link, value, trace, runtime->building_ms);
        } else if (publish_event(runtime, resource, link, value, trace) != ERROR_NONE) {
            error = ERROR_BUSY;
        }
    }
    return error;
}

// --- time
// ---------------------------------------------------------------------------------------------------------------------

void runtime_advance(struct runtime *runtime) {
    if (coap_endpoint_deadline(&runtime->coap) <= runtime->network_ms) {
        coap_endpoint_advance(&runtime->coap, runtime->network_ms);
    }
    link_advance(runtime);
    if (runtime->scan_soon || runtime->network_deadline_ms <= runtime->network_ms) {
        runtime->network_deadline_ms = UINT64_MAX;
        task_advance(runtime);
    }
    if (runtime->scan_soon || runtime->building_deadline_ms <= runtime->building_ms) {
        runtime->building_deadline_ms = UINT64_MAX;
        resource_advance(runtime);
    }
    runtime->scan_soon = false;
}

static uint64_t wait_until(uint64_t deadline_ms, uint64_t now_ms) {
    return deadline_ms == UINT64_MAX ? UINT64_MAX : deadline_ms > now_ms ? deadline_ms - now_ms : 0;
}

uint64_t runtime_deadline(const struct runtime *runtime) {
    if (runtime->scan_soon || runtime->ready_head != NO_INDEX) {
        return 0;
    }
    uint64_t wait = wait_until(coap_endpoint_deadline(&runtime->coap), runtime->network_ms);
    const struct runtime_tables *tables = runtime_tables(runtime);
    const uint64_t waits[] = {wait_until(runtime->network_deadline_ms, runtime->network_ms),
                              wait_until(deadlines_first(&tables->network), runtime->network_ms),
                              wait_until(runtime->building_deadline_ms, runtime->building_ms),
                              wait_until(deadlines_first(&tables->building), runtime->building_ms)};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        wait = waits[i] < wait ? waits[i] : wait;
    }
    return wait;
}
