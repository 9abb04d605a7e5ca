#include "tests/runtime_rig.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/sha256.h"
#include "core/wire.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "assertion failed in %s: %s\n", function, expression);
    abort();
}

// --- the engine
// ------------------------------------------------------------------------------------------------------------------

struct engine_module {
    bool faulty;
    bool counter;
    struct manifest_view manifest;
    uint8_t encoded[256];
};

struct engine_instance {
    struct engine_module *module;
    struct rig_counter state; // of which "echo" and "fault" declare the first number
};

static uint32_t trap_once_seen;

static void rig_describe(struct engine_module *module) {
    static struct manifest manifest;
    size_t size = 0;
    manifest = (struct manifest){.version = "1.0.0",
                                 .state_bytes = module->counter ? sizeof(struct rig_counter) : sizeof(uint32_t),
                                 .state_version = 1,
                                 .input_count = 2,
                                 .output_count = 2,
                                 .outputs_per_message = 4,
                                 .inputs = {{.name = "in"}, {.name = "in2"}},
                                 .outputs = {{.name = "out", .unit = "Cel"}, {.name = "out2"}}};
    snprintf(manifest.name, sizeof manifest.name, "%s", module->faulty ? "fault" : module->counter ? "counter" : "echo");
    if (manifest_encode(&manifest, (struct buffer){module->encoded, sizeof module->encoded}, &size) != ERROR_NONE ||
        manifest_look((struct bytes){module->encoded, size}, &module->manifest) != ERROR_NONE) {
        abort();
    }
}

static enum error rig_load(struct engine *engine, struct bytes wasm, struct engine_module **out, char refusal[160]) {
    (void)engine;
    bool faulty = bytes_equal(wasm, bytes_of_text("fault"));
    bool counter = bytes_equal(wasm, bytes_of_text("counter"));
    if (!faulty && !counter && !bytes_equal(wasm, bytes_of_text("echo"))) {
        snprintf(refusal, 160, "no such component");
        return ERROR_MALFORMED;
    }
    struct engine_module *module = calloc(1, sizeof *module);
    module->faulty = faulty;
    module->counter = counter;
    rig_describe(module);
    *out = module;
    return ERROR_NONE;
}

static void rig_unload(struct engine *engine, struct engine_module *module) {
    (void)engine;
    free(module);
}

static const struct manifest_view *rig_manifest(const struct engine_module *module) {
    return &module->manifest;
}

static enum error rig_start(struct engine *engine, struct engine_module *module, struct bytes state,
                            struct engine_instance **out) {
    (void)engine;
    struct engine_instance *instance = calloc(1, sizeof *instance);
    instance->module = module;
    if (state.size == module->manifest.state_bytes) {
        memcpy(&instance->state, state.data, state.size);
    }
    *out = instance;
    return ERROR_NONE;
}

static void rig_stop(struct engine *engine, struct engine_instance *instance) {
    (void)engine;
    free(instance);
}

static enum error rig_receive(struct engine_instance *instance, uint32_t input, struct bytes message, struct outbox *outbox) {
    double value = 0;
    if (wire_number(message, &value) && value >= RIG_NOTHING && value < RIG_NOTHING + 1) {
        return ERROR_NONE;
    }
    instance->state.count++;
    if (instance->module->counter && input == 0 && wire_number(message, &value)) {
        instance->state.faults += (uint32_t)value != instance->state.last + 1;
        instance->state.last = (uint32_t)value;
    }
    if (input == 0 && instance->module->faulty && wire_number(message, &value)) {
        if (value >= RIG_TRAP_ALWAYS && value < RIG_TRAP_ALWAYS + 1) {
            return ERROR_TRAP;
        }
        if (value >= RIG_TRAP_ONCE && value < RIG_TRAP_ONCE + 1 && trap_once_seen++ == 0) {
            enum error appended = outbox_append(outbox, 0, message); // must not leave
            return appended == ERROR_NONE ? ERROR_TRAP : appended;
        }
        if (value >= RIG_REFUSE && value < RIG_REFUSE + 1) {
            return ERROR_REFUSED_MESSAGE;
        }
        if (value >= RIG_EMPTY && value < RIG_EMPTY + 1) {
            return outbox_append(outbox, 0, (struct bytes){NULL, 0});
        }
        for (uint32_t i = 0; value >= RIG_FLOOD && i < 10 && outbox_append(outbox, 0, message) == ERROR_NONE; i++) {
        }
    }
    if (outbox->violation == ERROR_NONE && input == 0) {
        return outbox_append(outbox, 0, message);
    }
    return outbox->violation;
}

static struct bytes rig_state(struct engine_instance *instance) {
    return (struct bytes){(const uint8_t *)&instance->state, instance->module->manifest.state_bytes};
}

static uint32_t rig_memory(const struct engine_instance *instance) {
    (void)instance;
    return 1000;
}

static struct engine test_engine = {.name = "test",
                                    .load = rig_load,
                                    .unload = rig_unload,
                                    .manifest = rig_manifest,
                                    .start = rig_start,
                                    .stop = rig_stop,
                                    .receive = rig_receive,
                                    .state = rig_state,
                                    .memory_bytes = rig_memory};

// --- the world
// -------------------------------------------------------------------------------------------------------------------

static void on_transmit(void *context, const struct coap_address *peer, struct bytes data) {
    struct rig_node *node = context;
    struct rig *rig = node->rig;
    ASSERT(rig->wire_count < RIG_WIRE_MAX && data.size <= DATAGRAM_SIZE_MAX);
    struct rig_datagram *datagram = &rig->wire[rig->wire_count++];
    *datagram = (struct rig_datagram){.from = node->address, .to = *peer, .size = data.size};
    memcpy(datagram->data, data.data, data.size);
}

static void on_actuate(void *context, uint32_t resource, struct bytes value) {
    struct rig_node *node = context;
    double number = (double)NAN;
    node->drives++;
    node->driven[resource] = wire_number(value, &number) ? number : (double)NAN;
}

void rig_digest(const char *component, uint8_t out[DIGEST_SIZE]) {
    sha256(bytes_of_text(component), out);
}

static enum error on_code_find(void *context, const uint8_t digest[DIGEST_SIZE], struct bytes *wasm) {
    static const char *const known[] = {"echo", "fault", "broken", "counter"};
    const struct rig_node *node = context;
    for (size_t i = 0; i < 4 && !node->code_is_missing; i++) {
        uint8_t have[DIGEST_SIZE];
        rig_digest(known[i], have);
        if (memcmp(have, digest, DIGEST_SIZE) == 0) {
            *wasm = bytes_of_text(known[i]);
            return ERROR_NONE;
        }
    }
    return ERROR_NOT_FOUND;
}

static void on_journal(void *context, struct bytes batch) {
    struct rig_node *node = context;
    ASSERT(node->journal_count < RIG_JOURNAL_MAX);
    node->journal[node->journal_count].data = malloc(batch.size);
    ASSERT(node->journal[node->journal_count].data != NULL);
    memcpy(node->journal[node->journal_count].data, batch.data, batch.size);
    node->journal[node->journal_count++].size = batch.size;
}

static enum error on_plan_store(void *context, struct bytes encoded) {
    struct rig_node *node = context;
    if (node->plan_error == ERROR_NONE) {
        memcpy(node->plan, encoded.data, encoded.size);
        node->plan_size = encoded.size;
    }
    return node->plan_error;
}

static void on_event(void *context, enum runtime_event event, const char *subject, enum error error, const char *detail) {
    struct rig_node *node = context;
    (void)error;
    (void)detail;
    node->events[event]++;
    snprintf(node->last_subject, sizeof node->last_subject, "%s", subject);
}

static void on_serve(void *context, const struct coap_request *request, struct coap_response *response) {
    (void)context;
    (void)request;
    response->code = COAP_NOT_FOUND;
}

static void on_completed(void *context, const struct coap_completion *completion) {
    (void)context;
    (void)completion;
}

static void *zeroed(size_t count, size_t size) {
    void *memory = calloc(count, size);
    ASSERT(memory != NULL);
    return memory;
}

static void open_plan(struct plan *plan) {
    plan->tasks = zeroed(RIG_TASKS, sizeof(struct plan_task));
    plan->links = zeroed(RIG_LINKS, sizeof(struct plan_link));
    plan->parameters = zeroed(RIG_TASKS, sizeof(struct plan_parameter));
    plan->peers = zeroed(RIG_NODES, sizeof(struct plan_peer));
    plan->resources = zeroed(RIG_TASKS, sizeof(struct plan_resource));
}

static void open_tables(struct runtime_tables *tables) {
    tables->tasks = zeroed(RIG_TASKS, sizeof(struct task));
    tables->links = zeroed(RIG_LINKS, sizeof(struct link));
    tables->building.heap = zeroed(RIG_LINKS, sizeof(struct deadline));
    tables->building.places = zeroed(RIG_LINKS, sizeof(uint32_t));
    tables->network.heap = zeroed(RIG_LINKS, sizeof(struct deadline));
    tables->network.places = zeroed(RIG_LINKS, sizeof(uint32_t));
    tables->peers = zeroed(RIG_NODES, sizeof(struct peer));
    tables->output_links = zeroed(RIG_TASKS * PORTS_MAX, sizeof(uint32_t));
    tables->resource_of_plan = zeroed(RIG_TASKS, sizeof(uint32_t));
    tables->encoded = (struct buffer){zeroed(1, 4096), 4096};
}

static void open_node(struct rig *rig, uint32_t index) {
    struct rig_node *node = &rig->nodes[index];
    struct runtime_memory memory = {
        .task_max = RIG_TASKS,
        .link_max = RIG_LINKS,
        .parameter_max = RIG_TASKS,
        .peer_max = RIG_NODES,
        .output_max = RIG_TASKS * PORTS_MAX,
        .code_max = 4,
        .resource_max = RIG_TASKS,
        .message_max = 64,
        .coap = {.exchange_count = 8, .remembered_count = 64, .transfer_count = 1, .observation_count = 4},
        .ports = {.value_count = 64, .large_count = 2}};
    open_plan(&memory.tables.plan);
    open_plan(&memory.next);
    open_tables(&memory.tables);
    memory.codes = zeroed(4, sizeof(struct code));
    memory.resources = zeroed(RIG_TASKS, sizeof(struct resource));
    memory.messages = zeroed(64, sizeof(struct message));
    memory.states = (struct buffer){zeroed(1, 1024), 1024};
    memory.batch = (struct buffer){zeroed(1, BATCH_SIZE_MAX), BATCH_SIZE_MAX};
    memory.coap.exchanges = zeroed(8, sizeof(struct coap_exchange));
    memory.coap.remembered = zeroed(64, sizeof(struct coap_memory_of_id));
    memory.coap.transfers = zeroed(1, sizeof(struct coap_transfer));
    memory.coap.observations = zeroed(4, sizeof(struct coap_observation));
    memory.ports.values = zeroed(64, sizeof(struct port_value));
    memory.ports.larges = zeroed(2, sizeof(struct port_value_large));
    memory.coap.bodies = (struct buffer){zeroed(1, 8192), 8192};
    node->rig = rig;
    node->address.octets[0] = (uint8_t)(index + 1);
    const struct runtime_environment environment = {.context = node,
                                                    .name = "rig",
                                                    .transmit = on_transmit,
                                                    .actuate = on_actuate,
                                                    .code_find = on_code_find,
                                                    .plan_store = on_plan_store,
                                                    .journal = on_journal,
                                                    .event = on_event,
                                                    .serve = on_serve,
                                                    .completed = on_completed};
    struct coap_parameters parameters = coap_parameters_default();
    node->boot++;
    node->journal_base = POSITION_OF_THE_PAST;
    runtime_start(&node->runtime, &memory, &environment, &test_engine, &parameters, node->boot, 1000 * node->boot + index);
    runtime_at(&node->runtime, rig->now_ms, rig->now_ms);
    static const struct registration_resource sensor = {.name = "room/temperature"};
    static const struct registration_resource actuator = {
        .name = "room/valve", .actuator = true, .has_range = true, .minimum = 0, .maximum = 1000};
    uint32_t ignored;
    ASSERT(runtime_resource_add(&node->runtime, &sensor, &ignored) == ERROR_NONE);
    ASSERT(runtime_resource_add(&node->runtime, &actuator, &ignored) == ERROR_NONE);
}

struct rig *rig_open(void) {
    struct rig *rig = zeroed(1, sizeof *rig);
    rig->now_ms = 1000000;
    trap_once_seen = 0;
    for (uint32_t i = 0; i < RIG_NODES; i++) {
        open_node(rig, i);
    }
    return rig;
}

static void close_plan(struct plan *plan) {
    free(plan->tasks);
    free(plan->links);
    free(plan->parameters);
    free(plan->peers);
    free(plan->resources);
}

static void close_tables(struct runtime_tables *tables) {
    free(tables->tasks);
    free(tables->links);
    free(tables->peers);
    free(tables->building.heap);
    free(tables->building.places);
    free(tables->network.heap);
    free(tables->network.places);
    free(tables->output_links);
    free(tables->resource_of_plan);
    free(tables->encoded.data);
}

static void close_node(struct rig_node *node) {
    struct runtime_memory *memory = &node->runtime.memory;
    struct runtime_tables *now = &memory->tables;
    for (uint32_t i = 0; i < now->plan.task_count; i++) {
        if (now->tasks[i].instance != NULL) {
            rig_stop(NULL, now->tasks[i].instance);
        }
    }
    for (uint32_t i = 0; i < memory->code_max; i++) {
        free(memory->codes[i].module);
    }
    close_plan(&memory->tables.plan);
    close_plan(&memory->next);
    close_tables(&memory->tables);
    free(memory->codes);
    free(memory->resources);
    free(memory->messages);
    free(memory->states.data);
    free(memory->batch.data);
    free(memory->coap.exchanges);
    free(memory->coap.remembered);
    free(memory->coap.transfers);
    free(memory->coap.bodies.data);
    free(memory->coap.observations);
    free(memory->ports.values);
    free(memory->ports.larges);
}

static void cut_journal(struct rig_node *node, uint32_t kept) {
    ASSERT(kept <= node->journal_count);
    for (uint32_t i = kept; i < node->journal_count; i++) {
        free(node->journal[i].data);
    }
    node->journal_count = kept;
}

void rig_restart(struct rig *rig, uint32_t index, uint32_t kept) {
    struct rig_node *node = &rig->nodes[index];
    close_node(node);
    memset(&node->runtime, 0, sizeof node->runtime);
    cut_journal(node, kept);
    open_node(rig, index);
    enum error error = runtime_plan_resume(&node->runtime, (struct bytes){node->plan, node->plan_size});
    ASSERT(error == ERROR_NONE);
    for (uint32_t i = 0; i < node->journal_count; i++) {
        error = runtime_replay(&node->runtime, (struct bytes){node->journal[i].data, node->journal[i].size});
        ASSERT(error == ERROR_NONE);
    }
    node->journal_base -= node->journal_count;
    runtime_resumed(&node->runtime);
}

void rig_rewrite(struct rig *rig, uint32_t index) {
    struct rig_node *node = &rig->nodes[index];
    cut_journal(node, 0);
    runtime_snapshot(&node->runtime, on_journal, node);
    node->journal_base = runtime_journaled(&node->runtime) - node->journal_count;
    runtime_durable(&node->runtime, runtime_journaled(&node->runtime));
}

void rig_close(struct rig *rig) {
    for (uint32_t i = 0; i < RIG_NODES; i++) {
        close_node(&rig->nodes[i]);
        cut_journal(&rig->nodes[i], 0);
    }
    free(rig);
}

enum error rig_plan(struct rig *rig, uint32_t index, const struct plan *plan) {
    uint8_t encoded[4096];
    uint8_t missing[4][DIGEST_SIZE];
    uint32_t missing_count = 0;
    size_t size = 0;
    ASSERT(plan_encode(plan, (struct buffer){encoded, sizeof encoded}, &size) == ERROR_NONE);
    return runtime_plan_put(&rig->nodes[index].runtime, (struct bytes){encoded, size}, missing, 4, &missing_count);
}

static void carry(struct rig *rig) {
    for (uint32_t i = 0; i < rig->wire_count; i++) {
        struct rig_datagram datagram = rig->wire[i];
        if (rig->lose != NULL && rig->lose(rig, &datagram) != 0) {
            rig->lost++;
            continue;
        }
        for (uint32_t k = 0; k < RIG_NODES; k++) {
            if (memcmp(&rig->nodes[k].address, &datagram.to, sizeof datagram.to) == 0) {
                rig->carried++;
                runtime_datagram(&rig->nodes[k].runtime, &datagram.from, (struct bytes){datagram.data, datagram.size});
            }
        }
    }
    rig->wire_count = 0;
}

void rig_run(struct rig *rig, uint64_t ms) {
    for (uint64_t passed = 0; passed <= ms; passed += 10) {
        for (uint32_t i = 0; i < RIG_NODES; i++) {
            struct runtime *runtime = &rig->nodes[i].runtime;
            runtime_at(runtime, rig->now_ms, rig->now_ms);
            runtime_advance(runtime);
            while (runtime_run(runtime, 100)) {
            }
            ASSERT(rig->nodes[i].journal_base + rig->nodes[i].journal_count == runtime_journaled(runtime));
            if (!rig->nodes[i].flush_is_off) {
                runtime_durable(runtime, runtime_journaled(runtime));
            }
        }
        carry(rig);
        rig->now_ms += 10;
    }
}

void rig_publish(struct rig *rig, uint32_t index, const char *resource, double value) {
    uint8_t item[9];
    int found = runtime_resource_find(&rig->nodes[index].runtime, resource);
    ASSERT(found >= 0);
    enum error error =
        runtime_publish(&rig->nodes[index].runtime, (uint32_t)found, (struct bytes){item, wire_put_number(value, item)});
    ASSERT(error == ERROR_NONE || error == ERROR_BUSY);
    rig_run(rig, 20);
}

struct task *rig_task(struct rig *rig, uint32_t index, const char *name) {
    struct runtime *runtime = &rig->nodes[index].runtime;
    struct runtime_tables *tables = &runtime->memory.tables;
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        if (strcmp(tables->plan.tasks[i].name, name) == 0) {
            return &tables->tasks[i];
        }
    }
    return NULL;
}

uint32_t rig_count(struct rig *rig, uint32_t index, const char *name) {
    const struct task *task = rig_task(rig, index, name);
    uint32_t count = 0;
    ASSERT(task != NULL && task->state_size == sizeof count);
    memcpy(&count, rig->nodes[index].runtime.memory.states.data + task->state_offset, sizeof count);
    return count;
}

struct rig_counter rig_counter(struct rig *rig, uint32_t index, const char *name) {
    const struct task *task = rig_task(rig, index, name);
    struct rig_counter counter;
    ASSERT(task != NULL && task->state_size == sizeof counter);
    memcpy(&counter, rig->nodes[index].runtime.memory.states.data + task->state_offset, sizeof counter);
    return counter;
}

double rig_driven(struct rig *rig, uint32_t index, const char *resource) {
    int found = runtime_resource_find(&rig->nodes[index].runtime, resource);
    ASSERT(found >= 0);
    return rig->nodes[index].driven[found];
}
