// A task: one instance of a component, its queue, and what happens when the component fails.
//
//              plan                code loaded              fails twice on one message
//   VACANT ----------> WAITING ----------------> RUNNING ---------------------------------> BACKING_OFF
//      ^                  |  code refused           ^                                            |
//      |                  v                         +--------------------------------------------+
//      +------------- REFUSED                          restart_ms reached (instance with the last good state)
//      +---- from every state: the plan no longer names the task
//
// One message is one unit of work: its outputs leave and its state becomes the last good one only when the handler returned
// well. After a failure the same message is tried once more on a fresh instance with the last good state; then it is set aside,
// counted and told, and the task backs off while its neighbours go on.
//
// A unit of work ends in four steps, in this order: reliable messages are made for every link (which may fail for lack of room:
// then nothing has happened and the message waits), state and position and messages go into one batch, the state becomes the
// last good one, the messages are sent. Only the second can lose to a crash, and it is all or nothing.
#include "core/rest.h"
#include "core/runtime_private.h"
#include "core/wire.h"

static const char *const state_texts[TASK_STATE_COUNT] = {"vacant", "waiting", "running", "backing-off", "refused"};

static const bool transitions[TASK_STATE_COUNT][TASK_STATE_COUNT] = {
    [TASK_VACANT] = {[TASK_WAITING] = true},
    [TASK_WAITING] = {[TASK_RUNNING] = true, [TASK_REFUSED] = true, [TASK_BACKING_OFF] = true, [TASK_VACANT] = true},
    [TASK_RUNNING] = {[TASK_BACKING_OFF] = true, [TASK_WAITING] = true, [TASK_VACANT] = true},
    [TASK_BACKING_OFF] = {[TASK_RUNNING] = true, [TASK_BACKING_OFF] = true, [TASK_WAITING] = true, [TASK_VACANT] = true},
    [TASK_REFUSED] = {[TASK_WAITING] = true, [TASK_VACANT] = true},
};

const char *task_state_text(enum task_state state) {
    return (unsigned)state < TASK_STATE_COUNT ? state_texts[state] : "unknown";
}

void task_move(struct task *task, enum task_state to) {
    ASSERT(transitions[task->state][to]);
    task->state = to;
}

void task_list(struct runtime *runtime, uint32_t index) {
    struct task *task = &tables_now(runtime)->tasks[index];
    if (task->listed || task->blocked || task->state != TASK_RUNNING || task->queue.count == 0) {
        return;
    }
    task->listed = true;
    task->next_ready = NO_INDEX;
    if (runtime->ready_tail == NO_INDEX) {
        runtime->ready_head = index;
    } else {
        tables_now(runtime)->tasks[runtime->ready_tail].next_ready = index;
    }
    runtime->ready_tail = index;
}

static void stop_instance(struct runtime *runtime, struct task *task) {
    if (task->instance != NULL) {
        runtime->engine->stop(runtime->engine, task->instance);
        task->instance = NULL;
    }
}

static struct bytes last_state(const struct runtime *runtime, const struct task *task) {
    return (struct bytes){runtime->memory.states.data + task->state_offset, task->state_size};
}

static void keep_state(struct runtime *runtime, struct task *task) {
    if (task->state_size > 0) {
        struct bytes state = runtime->engine->state(task->instance);
        ASSERT(state.size == task->state_size);
        memcpy(runtime->memory.states.data + task->state_offset, state.data, state.size);
    }
}

static void give_up_state(struct runtime *runtime, struct task *task) {
    if (task->state_size == 0) {
        return;
    }
    uint32_t after = task->state_offset + task->state_size;
    memmove(runtime->memory.states.data + task->state_offset, runtime->memory.states.data + after,
            runtime->states_used - after);
    runtime->states_used -= task->state_size;
    struct task *tasks = tables_now(runtime)->tasks;
    for (uint32_t i = 0; i < runtime->memory.task_max; i++) { // in a crossing rows are not where the plan says
        if (tasks[i].state_size > 0 && tasks[i].state_offset >= after) {
            tasks[i].state_offset -= task->state_size;
        }
    }
    task->state_size = 0;
}

void task_end(struct runtime *runtime, struct task *task) {
    stop_instance(runtime, task);
    message_queue_clear(&task->queue, &runtime->pool);
    give_up_state(runtime, task);
    if (task->blocked) {
        task->blocked = false;
        runtime->blocked_count--;
    }
    task_move(task, TASK_VACANT);
}

static void back_off(struct runtime *runtime, struct task *task, enum error error) {
    stop_instance(runtime, task);
    uint32_t shift = task->failures > 16 ? 16 : task->failures;
    uint64_t wait_ms = (uint64_t)TASK_BACKOFF_FIRST_MS << shift;
    wait_ms = wait_ms > TASK_BACKOFF_MAX_MS ? TASK_BACKOFF_MAX_MS : wait_ms;
    task->failures++;
    task->good_in_a_row = 0;
    task->last_error = error;
    task->restart_ms = runtime->network_ms + wait_ms;
    if (task->restart_ms < runtime->network_deadline_ms) {
        runtime->network_deadline_ms = task->restart_ms;
    }
    task_move(task, TASK_BACKING_OFF);
}

// Starts a fresh instance with the last good state, or with the component's own initial state at the first start.
static enum error start_instance(struct runtime *runtime, struct task *task) {
    struct engine_module *module = runtime->memory.codes[task->code].module;
    const struct manifest_view *manifest = runtime->engine->manifest(module);
    bool has_state =
        task->state_size > 0 && task->state_size == manifest->state_bytes && task->state_version == manifest->state_version;
    struct bytes state = has_state ? last_state(runtime, task) : (struct bytes){NULL, 0};
    enum error error = runtime->engine->start(runtime->engine, module, state, &task->instance);
    if (error != ERROR_NONE) {
        task->instance = NULL;
        return error;
    }
    if (!has_state) {
        give_up_state(runtime, task);
        if (manifest->state_bytes > runtime->memory.states.size - runtime->states_used) {
            stop_instance(runtime, task);
            return ERROR_MEMORY;
        }
        task->state_offset = runtime->states_used;
        task->state_size = manifest->state_bytes;
        task->state_version = manifest->state_version;
        runtime->states_used += manifest->state_bytes;
        keep_state(runtime, task);
    }
    return ERROR_NONE;
}

bool task_is_durable(const struct runtime *runtime, const struct task *task) {
    return journal_is_there(runtime) && task->plan->durability == DURABILITY_LOCAL;
}

struct task *task_of_name(struct runtime_tables *tables, const char *name) {
    uint32_t low = 0;
    uint32_t high = tables->plan.task_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(tables->plan.tasks[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < tables->plan.task_count && strcmp(tables->plan.tasks[low].name, name) == 0 ? &tables->tasks[low] : NULL;
}

enum error task_restore(struct runtime *runtime, struct task *task, uint32_t version, struct bytes state) {
    if (task->state_size != state.size) {
        give_up_state(runtime, task);
        if (state.size > runtime->memory.states.size - runtime->states_used) {
            return ERROR_MEMORY;
        }
        task->state_offset = runtime->states_used;
        task->state_size = (uint32_t)state.size;
        runtime->states_used += task->state_size;
    }
    task->state_version = version;
    if (state.size > 0) {
        memcpy(runtime->memory.states.data + task->state_offset, state.data, state.size);
    }
    return ERROR_NONE;
}

// --- one unit of work --------------------------------------------------------------------------------------------------------

static void release_sends(struct runtime *runtime) {
    for (uint32_t i = 0; i < runtime->send_count; i++) {
        message_release(&runtime->pool, runtime->sends[i].message);
    }
    runtime->send_count = 0;
}

// Makes the reliable messages of one output, one for each link. ERROR_BUSY without room, ERROR_FLOOD over the limit,
// ERROR_MALFORMED when it is not one CBOR item.
static enum error make_sends(struct runtime *runtime, uint32_t first_link, struct bytes value, uint64_t trace) {
    struct runtime_tables *tables = tables_now(runtime);
    for (uint32_t index = first_link; index != NO_INDEX; index = tables->links[index].next) {
        struct link *link = &tables->links[index];
        if (link->plan->delivery == DELIVERY_MEASUREMENT) {
            continue;
        }
        if (runtime->send_count == SENDS_PER_MESSAGE_MAX) {
            return ERROR_FLOOD;
        }
        if (!wire_is_item(value)) {
            return ERROR_MALFORMED; // what is no message must not get into the journal, which could not be read any more
        }
        struct message *message = link_make(runtime, link, value, trace);
        if (message == NULL) {
            return ERROR_BUSY;
        }
        runtime->sends[runtime->send_count].link = index;
        runtime->sends[runtime->send_count++].message = message;
    }
    return ERROR_NONE;
}

static enum error collect(struct runtime *runtime, const struct task *task, uint64_t trace) {
    const struct runtime_tables *tables = runtime_tables(runtime);
    enum error error = ERROR_NONE;
    runtime->send_count = 0;
    for (uint32_t i = 0; i < runtime->outbox.entry_count && error == ERROR_NONE; i++) {
        uint32_t output = runtime->outbox.entries[i].output;
        if (output < task->output_span) { // else an output that the policy connects to nothing
            error = make_sends(runtime, tables->output_links[task->first_output + output], outbox_message(&runtime->outbox, i),
                               trace);
        }
    }
    return error;
}

static enum error put_sends(struct runtime *runtime) {
    enum error error = ERROR_NONE;
    for (uint32_t i = 0; i < runtime->send_count && error == ERROR_NONE; i++) {
        if (link_is_durable(runtime, &runtime_tables(runtime)->links[runtime->sends[i].link])) {
            const struct journal_entry entry = batch_output(runtime->sends[i].message);
            error = batch_put(runtime, &entry);
            runtime->sends[i].message->position = runtime->journaled + 1;
        }
    }
    return error;
}

static enum error put_state(struct runtime *runtime, const struct task *task) {
    struct bytes state = runtime->engine->state(task->instance);
    if (!task_is_durable(runtime, task) || task->state_size == 0 || bytes_equal(state, last_state(runtime, task))) {
        return ERROR_NONE;
    }
    struct journal_entry entry = {.kind = JOURNAL_STATE, .version = task->state_version, .value = state};
    memcpy(entry.name, task->plan->name, sizeof entry.name);
    return batch_put(runtime, &entry);
}

static void send_measurements(struct runtime *runtime, const struct task *task, uint64_t trace) {
    struct runtime_tables *tables = tables_now(runtime);
    for (uint32_t i = 0; i < runtime->outbox.entry_count; i++) {
        uint32_t output = runtime->outbox.entries[i].output;
        uint32_t index = output < task->output_span ? tables->output_links[task->first_output + output] : NO_INDEX;
        for (; index != NO_INDEX; index = tables->links[index].next) {
            if (tables->links[index].plan->delivery == DELIVERY_MEASUREMENT) {
                link_measure(runtime, &tables->links[index], outbox_message(&runtime->outbox, i), trace, runtime->building_ms);
            }
        }
    }
}

static void send_all(struct runtime *runtime) {
    struct runtime_tables *tables = tables_now(runtime);
    for (uint32_t i = 0; i < runtime->send_count; i++) {
        link_send(runtime, &tables->links[runtime->sends[i].link], runtime->sends[i].message);
    }
    runtime->send_count = 0;
}

// Writes down and sends what the handler did with `message` (NULL for a parameter). On an error nothing has happened.
static enum error commit(struct runtime *runtime, struct task *task, uint32_t input, struct bytes value,
                         const struct message *message, uint64_t trace) {
    struct link *link = message == NULL || message->sequence == 0 ? NULL : link_find(runtime, message->link);
    bool put = false;
    ASSERT(runtime->batch_used == 0);
    enum error error = collect(runtime, task, trace);
    error = error == ERROR_NONE ? put_sends(runtime) : error;
    error = error == ERROR_NONE ? put_state(runtime, task) : error;
    error = error == ERROR_NONE && link != NULL ? link_put_position(runtime, link, message, &put) : error;
    if (error != ERROR_NONE) {
        task->room = error == ERROR_BUSY ? runtime->send_count + 1 : 0;
        runtime->batch_used = 0;
        release_sends(runtime);
        return error;
    }
    task->room = 0;
    uint64_t position = batch_close(runtime);
    keep_state(runtime, task);
    rest_task_handled(runtime, (uint32_t)(task - tables_now(runtime)->tasks), input, value);
    if (link != NULL) {
        link_consumed(runtime, link, message, put ? position : 0, COAP_CHANGED);
    }
    send_measurements(runtime, task, trace);
    send_all(runtime);
    return ERROR_NONE;
}

// ERROR_NONE: state kept, outputs sent. ERROR_BUSY: no room for the outputs; the instance is spent, the message is not.
static enum error handle(struct runtime *runtime, uint32_t index, uint32_t input, struct bytes value,
                         const struct message *message, uint64_t trace) {
    struct task *task = &tables_now(runtime)->tasks[index];
    const struct manifest_view *manifest = runtime->engine->manifest(runtime->memory.codes[task->code].module);
    outbox_reset(&runtime->outbox, manifest->output_count, manifest->outputs_per_message);
    enum error error = runtime->engine->receive(task->instance, input, value, &runtime->outbox);
    if (error == ERROR_NONE && runtime->outbox.violation != ERROR_NONE) {
        error = runtime->outbox.violation;
    }
    return error == ERROR_NONE ? commit(runtime, task, input, value, message, trace) : error;
}

bool task_parameters(struct runtime *runtime, uint32_t index) {
    struct task *task = &tables_now(runtime)->tasks[index];
    const struct plan *plan = &runtime_tables(runtime)->plan;
    for (uint32_t i = 0; i < task->plan->parameter_count; i++) {
        const struct plan_parameter *parameter = &plan->parameters[task->plan->parameter_first + i];
        enum error error = handle(runtime, index, parameter->input, parameter->value, NULL, 0);
        if (error != ERROR_NONE) {
            event_tell(runtime, EVENT_TASK_FAILED, task->plan->name, error, "on a parameter of the policy");
            back_off(runtime, task, error);
            return false;
        }
    }
    return true;
}

void task_launch(struct runtime *runtime, uint32_t index) {
    struct task *task = &tables_now(runtime)->tasks[index];
    enum error error = start_instance(runtime, task);
    if (error != ERROR_NONE) {
        event_tell(runtime, EVENT_TASK_FAILED, task->plan->name, error, "at its start");
        back_off(runtime, task, error);
        return;
    }
    task_move(task, TASK_RUNNING);
    if (task_parameters(runtime, index)) {
        event_tell(runtime, EVENT_TASK_STARTED, task->plan->name, ERROR_NONE, runtime->engine->name);
        task_list(runtime, index);
    }
}

bool task_is_full(const struct runtime *runtime, uint32_t index, bool from_outside) {
    uint32_t count = runtime_tables(runtime)->tasks[index].queue.count;
    return count >= (from_outside ? TASK_QUEUE_OUTSIDE_MAX : TASK_QUEUE_MAX) ||
           (count >= TASK_QUEUE_SHARE && runtime->pool.used > runtime->pool.count - runtime->pool.count / 4);
}

// A measurement that is still waiting is replaced by its successor: only the newest matters.
static bool supersede(struct task *task, const struct message *newer) {
    for (struct message *waiting = task->queue.head; waiting != NULL; waiting = waiting->next) {
        if (waiting->link == newer->link && waiting->delivery == DELIVERY_MEASUREMENT && waiting->input == newer->input) {
            struct message *next = waiting->next;
            memcpy(waiting, newer, offsetof(struct message, data) + newer->size);
            waiting->next = next;
            return true;
        }
    }
    return false;
}

// Counts what became of a message, for its class and, when it came over one, its link.
#define COUNT_MESSAGE(runtime, message, what)                                                                                  \
    do {                                                                                                                       \
        struct link *counted = link_find(runtime, (message)->link);                                                            \
        (runtime)->traffic[(message)->delivery].counters.what++;                                                               \
        if (counted != NULL) {                                                                                                 \
            counted->counters.what++;                                                                                          \
        }                                                                                                                      \
    } while (0)

bool task_enqueue(struct runtime *runtime, uint32_t index, struct message *message) {
    struct task *task = &tables_now(runtime)->tasks[index];
    bool measurement = message->delivery == DELIVERY_MEASUREMENT;
    if (measurement && task->queue.count > 0 && supersede(task, message)) {
        task->dropped++;
        COUNT_MESSAGE(runtime, message, superseded);
        message_release(&runtime->pool, message);
        return true;
    }
    if (measurement && task_is_full(runtime, index, false)) {
        task->dropped++;
        COUNT_MESSAGE(runtime, message, dropped);
        message_release(&runtime->pool, message);
        event_tell(runtime, EVENT_QUEUE_OVERFLOW, task->plan->name, ERROR_FULL, "a measurement was dropped");
        return false;
    }
    message_queue_push(&task->queue, message);
    task_list(runtime, index);
    return true;
}

// Room for what one message usually causes; a unit that needs more finds out, notes it (task.room) and waits for that.
#define POOL_MARGIN 8

static bool any_output_is_backed_up(const struct runtime *runtime, const struct task *task) {
    const struct runtime_tables *tables = runtime_tables(runtime);
    uint32_t room = task->room > POOL_MARGIN ? task->room : POOL_MARGIN;
    if (task->output_span > 0 && runtime->pool.used + room > runtime->pool.count) {
        return true;
    }
    for (uint32_t output = 0; output < task->output_span; output++) {
        uint32_t link = tables->output_links[task->first_output + output];
        while (link != NO_INDEX) {
            if (tables->links[link].plan->delivery != DELIVERY_MEASUREMENT &&
                link_is_backed_up(runtime, &tables->links[link])) {
                return true;
            }
            link = tables->links[link].next;
        }
    }
    return false;
}

void task_unblock(struct runtime *runtime) {
    struct runtime_tables *tables = tables_now(runtime);
    for (uint32_t i = 0; i < tables->plan.task_count && runtime->blocked_count > 0; i++) {
        struct task *task = &tables->tasks[i];
        if (task->blocked && !any_output_is_backed_up(runtime, task)) {
            task->blocked = false;
            runtime->blocked_count--;
            task_list(runtime, i);
        }
    }
}

void task_advance(struct runtime *runtime) {
    struct runtime_tables *tables = tables_now(runtime);
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        struct task *task = &tables->tasks[i];
        if (task->state != TASK_BACKING_OFF) {
            continue;
        }
        if (task->restart_ms <= runtime->network_ms) {
            task->restarts++;
            task_launch(runtime, i);
        }
        if (task->state == TASK_BACKING_OFF && task->restart_ms < runtime->network_deadline_ms) {
            runtime->network_deadline_ms = task->restart_ms;
        }
    }
}

// The message will have no effect: its place in its link is passed, and its sender is told why.
static void discard(struct runtime *runtime, struct message *message, uint8_t code) {
    struct link *link = message->sequence == 0 ? NULL : link_find(runtime, message->link);
    if (link != NULL) {
        bool put = false;
        enum error error = link_put_position(runtime, link, message, &put);
        ASSERT(error == ERROR_NONE); // a position fits an empty batch
        uint64_t position = batch_close(runtime);
        link_consumed(runtime, link, message, put ? position : 0, code);
    }
    message_release(&runtime->pool, message); // so that there is room for its outcome
    if (link != NULL && link->plan->source.kind == END_TASK) {
        link_outcome(runtime, link, code == COAP_PRECONDITION_FAILED ? "late" : "quarantined");
    }
}

static void quarantine(struct runtime *runtime, uint32_t index, struct message *message, enum error error) {
    struct task *task = &tables_now(runtime)->tasks[index];
    char detail[NAME_SIZE_MAX] = "";
    const struct manifest_view *manifest = runtime_manifest(runtime, task);
    if (message->input < manifest->input_count) {
        struct port port;
        manifest_port(manifest, false, message->input, &port);
        memcpy(detail, port.name, NAME_SIZE_MAX);
    }
    task->discarded++;
    COUNT_MESSAGE(runtime, message, quarantined);
    discard(runtime, message, COAP_UNPROCESSABLE_ENTITY);
    event_tell(runtime, EVENT_TASK_QUARANTINED, task->plan->name, error, detail);
    back_off(runtime, task, error);
}

// A fresh instance with the last good state, for a message whose work was discarded. False when the task backs off.
static bool begin_again(struct runtime *runtime, uint32_t index, struct message *message) {
    struct task *task = &tables_now(runtime)->tasks[index];
    stop_instance(runtime, task);
    message_queue_push_front(&task->queue, message);
    enum error started = start_instance(runtime, task);
    if (started != ERROR_NONE) {
        back_off(runtime, task, started);
        return false;
    }
    // The parameters are part of what a fresh instance must know, unless the state holds them already.
    return task_parameters(runtime, index);
}

static void fail(struct runtime *runtime, uint32_t index, struct message *message, enum error error) {
    struct task *task = &tables_now(runtime)->tasks[index];
    task->last_error = error;
    if (message->tried) {
        quarantine(runtime, index, message, error);
        return;
    }
    event_tell(runtime, EVENT_TASK_FAILED, task->plan->name, error, "tried once more on a fresh instance");
    message->tried = true;
    (void)begin_again(runtime, index, message);
}

static void block(struct runtime *runtime, struct task *task) {
    task->blocked = true;
    runtime->blocked_count++;
}

static void step(struct runtime *runtime, uint32_t index) {
    struct task *task = &tables_now(runtime)->tasks[index];
    if (task->output_span > 0 && any_output_is_backed_up(runtime, task)) {
        block(runtime, task);
        return;
    }
    struct message *message = message_queue_pop(&task->queue);
    ASSERT(message != NULL);
    if (message->delivery == DELIVERY_COMMAND && message->expires_ms <= runtime->building_ms) {
        COUNT_MESSAGE(runtime, message, expired);
        event_tell(runtime, EVENT_COMMAND_EXPIRED, task->plan->name, ERROR_EXPIRED, "before the task took it");
        discard(runtime, message, COAP_PRECONDITION_FAILED);
        return;
    }
    enum error error = handle(runtime, index, message->input, message_bytes(message), message, message->trace);
    if (error == ERROR_BUSY) {
        if (begin_again(runtime, index, message)) {
            block(runtime, task);
        }
        return;
    }
    if (error != ERROR_NONE) {
        fail(runtime, index, message, error);
        return;
    }
    task->messages++;
    task->good_in_a_row++;
    if (task->good_in_a_row >= TASK_FORGIVE_AFTER) {
        task->failures = 0;
    }
    struct link *link = message->sequence == 0 ? NULL : link_find(runtime, message->link);
    message_release(&runtime->pool, message); // so that there is room for its outcome
    if (link != NULL && link->plan->source.kind == END_TASK) {
        link_outcome(runtime, link, "obeyed");
    }
}

bool runtime_run(struct runtime *runtime, uint32_t budget) {
    struct runtime_tables *tables = tables_now(runtime);
    while (budget > 0 && runtime->ready_head != NO_INDEX) {
        uint32_t index = runtime->ready_head;
        struct task *task = &tables->tasks[index];
        runtime->ready_head = task->next_ready;
        if (runtime->ready_head == NO_INDEX) {
            runtime->ready_tail = NO_INDEX;
        }
        task->listed = false;
        if (task->state == TASK_RUNNING && task->queue.count > 0) {
            step(runtime, index);
            task_list(runtime, index);
        }
        budget--;
        if (runtime->ready_head == NO_INDEX && runtime->blocked_count > 0) {
            task_unblock(runtime);
        }
    }
    return runtime->ready_head != NO_INDEX;
}
