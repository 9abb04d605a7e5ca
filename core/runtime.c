// The runtime's frame: start, time, and the crossing from one plan to the next.
//
// Crossing over happens between two messages. The new plan is decoded into the idle set of tables; tasks of the same name and
// digest keep their instance, queue and state; a task with new code keeps its state when version and size agree; links of the
// same id keep their sequence, their pending messages and their freshness. Then the sets change roles and what the new plan
// does not name is ended.
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

static void tables_start(const struct runtime_memory *memory, struct runtime_tables *tables) {
    tables->plan.task_max = memory->task_max;
    tables->plan.link_max = memory->link_max;
    tables->plan.parameter_max = memory->parameter_max;
    tables->plan.peer_max = memory->peer_max;
    tables->plan.resource_max = memory->resource_max;
    tables->building.max = tables->network.max = memory->link_max;
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
    tables_start(memory, &runtime->memory.tables[0]);
    tables_start(memory, &runtime->memory.tables[1]);
    message_pool_start(&runtime->pool, memory->messages, memory->message_max);
    const struct coap_callbacks callbacks = {
        .context = runtime, .transmit = on_transmit, .serve = on_serve, .completed = on_completed};
    coap_endpoint_start(&runtime->coap, parameters, &callbacks, &memory->coap, seed);
}

int runtime_resource_find(const struct runtime *runtime, const char *name) {
    for (uint32_t i = 0; i < runtime->resource_count; i++) {
        if (strcmp(runtime->memory.resources[i].facts.name, name) == 0) {
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
    resource->facts = *facts;
    resource->first_link = NO_INDEX;
    *index = runtime->resource_count++;
    return ERROR_NONE;
}

void runtime_at(struct runtime *runtime, uint64_t network_ms, uint64_t building_ms) {
    runtime->network_ms = network_ms > runtime->network_ms ? network_ms : runtime->network_ms;
    runtime->building_ms = building_ms > runtime->building_ms ? building_ms : runtime->building_ms;
}

const struct manifest *runtime_manifest(const struct runtime *runtime, const struct task *task) {
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

// --- code --------------------------------------------------------------------------------------------------------------------

static uint32_t code_find(const struct runtime *runtime, const uint8_t digest[DIGEST_SIZE]) {
    for (uint32_t i = 0; i < runtime->memory.code_max; i++) {
        const struct code *code = &runtime->memory.codes[i];
        if (code->used && memcmp(code->digest, digest, DIGEST_SIZE) == 0) {
            return i;
        }
    }
    return NO_INDEX;
}

static uint32_t code_claim(struct runtime *runtime, const uint8_t digest[DIGEST_SIZE]) {
    for (uint32_t i = 0; i < runtime->memory.code_max; i++) {
        struct code *code = &runtime->memory.codes[i];
        if (!code->used) {
            memset(code, 0, sizeof *code);
            code->used = true;
            memcpy(code->digest, digest, DIGEST_SIZE);
            return i;
        }
    }
    return NO_INDEX;
}

static void code_drop(struct runtime *runtime, struct code *code) {
    if (code->module != NULL) {
        runtime->engine->unload(runtime->engine, code->module);
    }
    memset(code, 0, sizeof *code);
}

// Loads a component for a task that waits for it. The row remembers a refusal, so that it is told once.
static enum error code_load(struct runtime *runtime, struct task *task) {
    uint32_t index = code_find(runtime, task->plan->digest);
    if (index != NO_INDEX) {
        task->code = index;
        return runtime->memory.codes[index].module != NULL ? ERROR_NONE : ERROR_DENIED;
    }
    struct bytes wasm;
    enum error error = runtime->environment.code_find(runtime->environment.context, task->plan->digest, &wasm);
    if (error != ERROR_NONE) {
        return error;
    }
    index = code_claim(runtime, task->plan->digest);
    if (index == NO_INDEX) {
        return ERROR_FULL;
    }
    struct code *code = &runtime->memory.codes[index];
    task->code = index;
    return runtime->engine->load(runtime->engine, wasm, &code->module, code->refusal);
}

// --- crossing over
// ------------------------------------------------------------------------------------------------------------

static bool link_goes_on(const struct plan_link *before, const struct plan_link *after) {
    return before->id == after->id && before->delivery == after->delivery;
}

// What is under way to another address than the new plan's is forgotten, and sent again to the new one.
static void carry_link(struct runtime *runtime, const struct runtime_tables *from, struct link *link,
                       const struct plan_link *plan, const struct runtime_tables *to) {
    const struct plan_link *before = link->plan;
    bool same_peer = before != NULL && before->destination.kind == END_REMOTE && plan->destination.kind == END_REMOTE &&
                     memcmp(&from->plan.peers[before->destination.index].address,
                            &to->plan.peers[plan->destination.index].address, sizeof(struct coap_address)) == 0;
    if (link->in_flight && !same_peer) {
        coap_endpoint_cancel(&runtime->coap, plan->id);
        link->in_flight = false;
    }
    if (!same_peer) {
        link->echo_size = 0;
        link->failures = 0;
        link->retry_ms = 0;
    }
    if (before == NULL) {
        link->sequence = runtime->sequence_high;
    }
    if (before == NULL || before->destination.kind == END_REMOTE || before->stale_after_ms == 0) {
        link->fresh_until_ms = runtime->building_ms + plan->stale_after_ms; // the input is new here
        link->stale = false;
    }
    link->plan = plan;
    link->next = NO_INDEX;
    link->waits_for_peer = link->waits_for_disk = false;
}

static void carry_links(struct runtime *runtime, struct runtime_tables *from, struct runtime_tables *to) {
    uint32_t k = 0;
    for (uint32_t i = 0; i < to->plan.peer_count; i++) {
        to->peers[i] = (struct peer){.window = 1, .waiting_head = NO_INDEX, .waiting_tail = NO_INDEX};
    }
    // A link that a plan took away may come back under its id to a receiver that never knew: its numbers must not begin anew.
    for (uint32_t i = 0; i < from->plan.link_count; i++) {
        uint64_t sequence = from->links[i].sequence;
        runtime->sequence_high = sequence > runtime->sequence_high ? sequence : runtime->sequence_high;
    }
    for (uint32_t i = 0; i < to->plan.link_count; i++) {
        struct link *link = &to->links[i];
        const struct plan_link *plan = &to->plan.links[i];
        while (k < from->plan.link_count && from->plan.links[k].id < plan->id) {
            k++;
        }
        memset(link, 0, sizeof *link);
        if (k < from->plan.link_count && link_goes_on(&from->plan.links[k], plan)) {
            *link = from->links[k];
            memset(&from->links[k], 0, sizeof from->links[k]);
            from->links[k].plan = &from->plan.links[k];
        }
        carry_link(runtime, from, link, plan, to);
        if (link->in_flight) {
            to->peers[plan->destination.index].in_flight++;
        }
    }
}

// Tasks that stay keep everything but their place in the table.
static void carry_tasks(struct runtime_tables *from, struct runtime_tables *to) {
    for (uint32_t i = 0; i < to->plan.task_count; i++) {
        struct task *task = &to->tasks[i];
        const struct plan_task *plan = &to->plan.tasks[i];
        struct task *before = task_of_name(from, plan->name);
        if (before != NULL && before->state != TASK_VACANT && before->plan != NULL) {
            *task = *before;
            memset(before, 0, sizeof *before);
            before->plan = &from->plan.tasks[before - from->tasks];
        } else {
            memset(task, 0, sizeof *task);
            task->code = NO_INDEX;
        }
        task->plan = plan;
        task->listed = false;
    }
}

// Messages in the queue of a task that leaves, from sources that stay: they go where the task went.
static void rescue(struct task *task, struct runtime_tables *to) {
    struct message_queue queue = task->queue;
    task->queue = (struct message_queue){NULL, NULL, 0};
    for (struct message *message = message_queue_pop(&queue); message != NULL; message = message_queue_pop(&queue)) {
        struct link *link = message->sequence == 0 ? NULL : link_find_in(to, message->link);
        bool ours = link != NULL && message->delivery != DELIVERY_MEASUREMENT && link->plan->source.kind != END_REMOTE &&
                    link->plan->destination.kind != END_RESOURCE;
        if (ours) {
            message_queue_push(&link->pending, message);
        } else {
            message_queue_push(&task->queue, message);
        }
    }
}

static void end_leftovers(struct runtime *runtime, struct runtime_tables *from, struct runtime_tables *to) {
    for (uint32_t i = 0; i < from->plan.task_count; i++) {
        if (from->tasks[i].state != TASK_VACANT) {
            event_tell(runtime, EVENT_TASK_STOPPED, from->plan.tasks[i].name, ERROR_NONE, "the plan no longer names it");
            rescue(&from->tasks[i], to);
            task_end(runtime, &from->tasks[i]);
        }
    }
    for (uint32_t i = 0; i < from->plan.link_count; i++) {
        link_end(runtime, &from->links[i]);
    }
}

// Chains the links of each task output and of each resource.
static void chain_links(struct runtime *runtime, struct runtime_tables *tables) {
    tables->output_count = 0;
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        tables->tasks[i].output_span = 0;
    }
    for (uint32_t i = 0; i < tables->plan.link_count; i++) {
        const struct plan_end *source = &tables->plan.links[i].source;
        if (source->kind == END_TASK && source->port >= tables->tasks[source->index].output_span) {
            tables->tasks[source->index].output_span = source->port + 1;
        }
    }
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        struct task *task = &tables->tasks[i];
        task->first_output = tables->output_count;
        tables->output_count += task->output_span;
        ASSERT(tables->output_count <= runtime->memory.output_max);
        for (uint32_t port = 0; port < task->output_span; port++) {
            tables->output_links[task->first_output + port] = NO_INDEX;
        }
    }
    for (uint32_t i = 0; i < runtime->resource_count; i++) {
        runtime->memory.resources[i].first_link = NO_INDEX;
    }
    for (uint32_t i = tables->plan.link_count; i > 0; i--) {
        struct link *link = &tables->links[i - 1];
        const struct plan_end *source = &link->plan->source;
        uint32_t *head = NULL;
        if (source->kind == END_TASK) {
            head = &tables->output_links[tables->tasks[source->index].first_output + source->port];
        } else if (source->kind == END_RESOURCE && tables->resource_of_plan[source->index] != NO_INDEX) {
            head = &runtime->memory.resources[tables->resource_of_plan[source->index]].first_link;
        }
        if (head != NULL) {
            link->next = *head;
            *head = i - 1;
        }
    }
}

static void bind_resources(struct runtime *runtime, struct runtime_tables *tables) {
    for (uint32_t i = 0; i < tables->plan.resource_count; i++) {
        int found = runtime_resource_find(runtime, tables->plan.resources[i].name);
        tables->resource_of_plan[i] = found < 0 ? NO_INDEX : (uint32_t)found;
    }
}

static bool commands_reach(const struct runtime_tables *tables, uint32_t plan_resource) {
    for (uint32_t i = 0; i < tables->plan.link_count; i++) {
        const struct plan_end *end = &tables->plan.links[i].destination;
        if (end->kind == END_RESOURCE && end->index == plan_resource) {
            return true;
        }
    }
    return false;
}

static void settle_actuators(struct runtime *runtime, struct runtime_tables *tables) {
    for (uint32_t i = 0; i < tables->plan.resource_count; i++) {
        uint32_t index = tables->resource_of_plan[i];
        if (index == NO_INDEX || !runtime->memory.resources[index].facts.actuator || !commands_reach(tables, i)) {
            continue;
        }
        if (actuator_safe(&runtime->memory.resources[index].actuator, tables->plan.resources[i].safe) != ERROR_NONE) {
            event_tell(runtime, EVENT_COMMAND_REFUSED, tables->plan.resources[i].name, ERROR_TOO_LARGE, "its safe value");
        }
        resource_settle(runtime, index);
    }
}

static void refuse_task(struct runtime *runtime, struct task *task, enum error error) {
    const char *why = task->code == NO_INDEX ? "" : runtime->memory.codes[task->code].refusal;
    task->last_error = error;
    task_move(task, TASK_REFUSED);
    event_tell(runtime, EVENT_TASK_REFUSED, task->plan->name, error, why);
}

// Brings one task of the new plan to life, or to its new code.
static void settle_task(struct runtime *runtime, uint32_t index) {
    struct task *task = &tables_now(runtime)->tasks[index];
    if (task->state == TASK_VACANT) {
        task_move(task, TASK_WAITING);
    }
    bool same_code =
        task->code != NO_INDEX && memcmp(runtime->memory.codes[task->code].digest, task->plan->digest, DIGEST_SIZE) == 0;
    if (same_code && task->state == TASK_RUNNING) {
        (void)task_parameters(runtime, index); // the policy may have changed them; giving them again is harmless
        task_list(runtime, index);
        return;
    }
    if (same_code && task->state == TASK_BACKING_OFF) {
        return;
    }
    if (task->instance != NULL) {
        runtime->engine->stop(runtime->engine, task->instance);
        task->instance = NULL;
    }
    if (task->state != TASK_WAITING) {
        task_move(task, TASK_WAITING);
    }
    enum error error = code_load(runtime, task);
    if (error == ERROR_NOT_FOUND) {
        return; // waits for its code
    }
    if (error != ERROR_NONE) {
        refuse_task(runtime, task, error);
        return;
    }
    task_launch(runtime, index);
}

static void sweep_codes(struct runtime *runtime) {
    const struct runtime_tables *tables = runtime_tables(runtime);
    for (uint32_t i = 0; i < runtime->memory.code_max; i++) {
        runtime->memory.codes[i].wanted = false;
    }
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        uint32_t index = code_find(runtime, tables->plan.tasks[i].digest);
        if (index != NO_INDEX) {
            runtime->memory.codes[index].wanted = true;
        }
        if (tables->tasks[i].code != NO_INDEX && tables->tasks[i].instance != NULL) {
            runtime->memory.codes[tables->tasks[i].code].wanted = true;
        }
    }
    for (uint32_t i = 0; i < runtime->memory.code_max; i++) {
        if (runtime->memory.codes[i].used && !runtime->memory.codes[i].wanted) {
            code_drop(runtime, &runtime->memory.codes[i]);
        }
    }
}

// Another version of a component may have its inputs in another order: what waits at a task goes where its link leads now.
static void renumber_inputs(struct runtime_tables *tables) {
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        for (struct message *message = tables->tasks[i].queue.head; message != NULL; message = message->next) {
            const struct link *link = message->link == 0 ? NULL : link_find_in(tables, message->link);
            if (link != NULL && link->plan->destination.kind == END_TASK && link->plan->destination.index == i) {
                message->input = (uint16_t)link->plan->destination.port;
            }
        }
    }
}

// What is pending for a task here: from the journal, or because the task moved here. It was sent before the tasks of the new
// plan are given their parameters, so it takes its place before what they send.
static void deliver_pending(struct runtime *runtime, struct runtime_tables *tables) {
    for (uint32_t i = 0; i < tables->plan.link_count; i++) {
        struct link *link = &tables->links[i];
        if (link->plan->destination.kind != END_TASK) {
            continue;
        }
        for (struct message *message = message_queue_pop(&link->pending); message != NULL;
             message = message_queue_pop(&link->pending)) {
            message->input = (uint16_t)link->plan->destination.port;
            (void)task_enqueue(runtime, link->plan->destination.index, message);
        }
    }
}

// Sends what is pending: from before the crossing, from the journal, or because its destination moved.
static void settle_links(struct runtime *runtime, struct runtime_tables *tables) {
    for (uint32_t i = 0; i < tables->plan.link_count; i++) {
        struct link *link = &tables->links[i];
        link_schedule(runtime, link);
        if (link->later.used) {
            disk_wait(runtime, link);
        }
        link_pump(runtime, link);
    }
}

static uint32_t find_missing(struct runtime *runtime, const struct plan *plan, uint8_t (*missing)[DIGEST_SIZE],
                             uint32_t missing_max) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->task_count; i++) {
        struct bytes wasm;
        bool known = code_find(runtime, plan->tasks[i].digest) != NO_INDEX;
        if (known || runtime->environment.code_find(runtime->environment.context, plan->tasks[i].digest, &wasm) == ERROR_NONE) {
            continue;
        }
        bool listed = false;
        for (uint32_t k = 0; k < count; k++) {
            listed = listed || memcmp(missing[k], plan->tasks[i].digest, DIGEST_SIZE) == 0;
        }
        if (!listed && count < missing_max) {
            memcpy(missing[count++], plan->tasks[i].digest, DIGEST_SIZE);
        }
    }
    return count;
}

// Lays the new plan's tables over what stands; what it does not name is ended.
static void cross_over(struct runtime *runtime) {
    struct runtime_tables *from = tables_now(runtime);
    struct runtime_tables *to = &runtime->memory.tables[1 - runtime->current];
    bind_resources(runtime, to);
    carry_links(runtime, from, to);
    carry_tasks(from, to);
    end_leftovers(runtime, from, to);
    runtime->current = 1 - runtime->current;
    runtime->ready_head = runtime->ready_tail = NO_INDEX;
    runtime->disk_head = runtime->disk_tail = NO_INDEX;
    from->plan.task_count = from->plan.link_count = from->plan.peer_count = 0;
    chain_links(runtime, to);
    deadlines_start(&to->building);
    deadlines_start(&to->network);
}

// Brings what the tables name to life.
static void settle(struct runtime *runtime) {
    struct runtime_tables *tables = tables_now(runtime);
    renumber_inputs(tables);
    deliver_pending(runtime, tables);
    sweep_codes(runtime); // before anything is loaded: a full device has no room for the old and the new
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        settle_task(runtime, i);
    }
    sweep_codes(runtime);
    settle_links(runtime, tables);
    settle_actuators(runtime, tables);
    task_unblock(runtime);
    coap_endpoint_recheck(&runtime->coap, runtime->network_ms);
    runtime->scan_soon = true;
}

static enum error decode(struct runtime *runtime, struct bytes encoded) {
    struct runtime_tables *to = &runtime->memory.tables[1 - runtime->current];
    if (encoded.size > to->encoded.size) {
        return ERROR_TOO_LARGE;
    }
    memcpy(to->encoded.data, encoded.data, encoded.size);
    return plan_decode((struct bytes){to->encoded.data, encoded.size}, &to->plan);
}

static void refuse_plan(struct runtime *runtime, enum error error) {
    struct runtime_tables *to = &runtime->memory.tables[1 - runtime->current];
    to->plan.task_count = to->plan.link_count = to->plan.peer_count = 0;
    if (error != ERROR_NOT_FOUND) {
        event_tell(runtime, EVENT_PLAN_REFUSED, "plan", error, error_text(error));
    }
}

enum error runtime_plan_put(struct runtime *runtime, struct bytes encoded, uint8_t (*missing)[DIGEST_SIZE],
                            uint32_t missing_max, uint32_t *missing_count) {
    const struct runtime_tables *to = &runtime->memory.tables[1 - runtime->current];
    *missing_count = 0;
    enum error error = decode(runtime, encoded);
    if (error == ERROR_NONE) {
        *missing_count = find_missing(runtime, &to->plan, missing, missing_max);
        error = *missing_count > 0 ? ERROR_NOT_FOUND : runtime->environment.plan_store(runtime->environment.context, encoded);
    }
    if (error != ERROR_NONE) {
        refuse_plan(runtime, error);
        return error;
    }
    cross_over(runtime);
    settle(runtime);
    event_tell(runtime, EVENT_PLAN_APPLIED, runtime_tables(runtime)->plan.policy, ERROR_NONE, "");
    return ERROR_NONE;
}

enum error runtime_plan_resume(struct runtime *runtime, struct bytes encoded) {
    enum error error = decode(runtime, encoded);
    if (error != ERROR_NONE) {
        refuse_plan(runtime, error);
        return error;
    }
    cross_over(runtime);
    return ERROR_NONE;
}

void runtime_resumed(struct runtime *runtime) {
    batch_distrust(runtime);
    settle(runtime);
    event_tell(runtime, EVENT_PLAN_APPLIED, runtime_tables(runtime)->plan.policy, ERROR_NONE, "resumed from the disk");
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
        event_tell(runtime, EVENT_QUEUE_OVERFLOW, resource->facts.name, ERROR_BUSY, "a reliable link is backed up");
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
