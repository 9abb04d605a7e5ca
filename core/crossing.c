// The crossing from one plan to the next, between two messages.
//
// The new plan is decoded beside the running one. Tasks of the same name keep their instance, queue and state; a task with new
// code keeps its state when version and size agree; links of the same id keep their sequence, their pending messages and their
// freshness. The tables of what runs are laid out anew in place; what the new plan does not name is ended.
#include "core/runtime_private.h"

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
    char refusal[160];
    error = runtime->engine->load(runtime->engine, wasm, &code->module, refusal);
    if (error != ERROR_NONE) {
        size_t size = strlen(refusal);
        memcpy(code->refusal, refusal, size < sizeof code->refusal ? size + 1 : sizeof code->refusal);
        code->refusal[sizeof code->refusal - 1] = '\0';
    }
    return error;
}

// --- laying out anew ------------------------------------------------------------------------------------------------------

static bool link_goes_on(const struct plan_link *before, const struct plan_link *after) {
    return before->id == after->id && before->delivery == after->delivery;
}

// What is under way to another address than the new plan's is forgotten, and sent again to the new one.
static void carry_link(struct runtime *runtime, struct link *link, const struct plan *old, const struct plan *new,
                       const struct plan_link *plan) {
    const struct plan_link *before = link->plan;
    bool same_peer = before != NULL && before->destination.kind == END_REMOTE && plan->destination.kind == END_REMOTE &&
                     memcmp(&old->peers[before->destination.index].address, &new->peers[plan->destination.index].address,
                            sizeof(struct coap_address)) == 0;
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

static void reset_peers(struct runtime_tables *tables, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        tables->peers[i] = (struct peer){.window = 1, .waiting_head = NO_INDEX, .waiting_tail = NO_INDEX};
    }
}

// Both plans have their links in the order of their ids. What goes on is first moved up to the front, and from there, last one
// first, to where the new plan has it: no second table is needed.
static void carry_links(struct runtime *runtime, struct runtime_tables *tables, const struct plan *old,
                        const struct plan *new) {
    uint32_t kept = 0;
    for (uint32_t i = 0, k = 0; i < old->link_count; i++) {
        struct link *link = &tables->links[i];
        // A link that a plan took away may come back under its id to a receiver that never knew: its numbers must not begin
        // anew.
        runtime->sequence_high = link->sequence > runtime->sequence_high ? link->sequence : runtime->sequence_high;
        while (k < new->link_count &&new->links[k].id < old->links[i].id) {
            k++;
        }
        if (k == new->link_count || !link_goes_on(&old->links[i], &new->links[k])) {
            link_end(runtime, link);
        } else if (kept++ != i) {
            tables->links[kept - 1] = *link;
        }
    }
    for (uint32_t i = new->link_count; i-- > 0;) {
        struct link *link = &tables->links[i];
        if (kept > 0 && tables->links[kept - 1].plan->id == new->links[i].id) {
            *link = tables->links[--kept];
        } else {
            memset(link, 0, sizeof *link);
        }
    }
    for (uint32_t i = 0; i < new->link_count; i++) {
        struct link *link = &tables->links[i];
        carry_link(runtime, link, old, new, &new->links[i]);
        if (link->in_flight) {
            tables->peers[new->links[i].destination.index].in_flight++;
        }
    }
}

// Messages in the queue of a task that leaves, from sources that stay: they go where the task went.
static void rescue(struct task *task, struct runtime_tables *tables) {
    struct message_queue queue = task->queue;
    task->queue = (struct message_queue){NULL, NULL, 0};
    for (struct message *message = message_queue_pop(&queue); message != NULL; message = message_queue_pop(&queue)) {
        struct link *link = message->sequence == 0 ? NULL : link_find_in(tables, message->link);
        bool ours = link != NULL && message->delivery != DELIVERY_MEASUREMENT && link->plan->source.kind != END_REMOTE &&
                    link->plan->destination.kind != END_RESOURCE;
        if (ours) {
            message_queue_push(&link->pending, message);
        } else {
            message_queue_push(&task->queue, message);
        }
    }
}

// Tasks that stay keep everything but their place in the table, in the same way: plans have them in the order of their names.
// The links are the new plan's already.
static void carry_tasks(struct runtime *runtime, struct runtime_tables *tables, const struct plan *old,
                        const struct plan *new) {
    uint32_t kept = 0;
    for (uint32_t i = 0, k = 0; i < old->task_count; i++) {
        struct task *task = &tables->tasks[i];
        while (k < new->task_count && strcmp(new->tasks[k].name, old->tasks[i].name) < 0) {
            k++;
        }
        if (k < new->task_count && strcmp(new->tasks[k].name, old->tasks[i].name) == 0) {
            if (kept++ != i) {
                tables->tasks[kept - 1] = *task;
                memset(task, 0, sizeof *task);
            }
        } else if (task->state != TASK_VACANT) {
            event_tell(runtime, EVENT_TASK_STOPPED, old->tasks[i].name, ERROR_NONE, "the plan no longer names it");
            rescue(task, tables);
            task_end(runtime, task);
        }
    }
    for (uint32_t i = new->task_count; i-- > 0;) {
        struct task *task = &tables->tasks[i];
        if (kept > 0 && strcmp(tables->tasks[kept - 1].plan->name, new->tasks[i].name) == 0) {
            if (--kept != i) {
                *task = tables->tasks[kept];
                memset(&tables->tasks[kept], 0, sizeof *task);
            }
        } else {
            memset(task, 0, sizeof *task);
            task->code = NO_INDEX;
        }
        task->plan = &new->tasks[i];
        task->listed = false;
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
        if (index == NO_INDEX || !runtime->memory.resources[index].facts->actuator || !commands_reach(tables, i)) {
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

static bool has_its_code(const struct runtime *runtime, const struct task *task) {
    const struct code *code = task->code == NO_INDEX ? NULL : &runtime->memory.codes[task->code];
    return code != NULL && code->module != NULL && memcmp(code->digest, task->plan->digest, DIGEST_SIZE) == 0;
}

// Ends what runs other code than the plan says, before anything is loaded: a full device has no room for the old and the new.
static void stop_changed(struct runtime *runtime) {
    const struct runtime_tables *tables = runtime_tables(runtime);
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        struct task *task = &tables->tasks[i];
        if (task->instance != NULL && !has_its_code(runtime, task)) {
            runtime->engine->stop(runtime->engine, task->instance);
            task->instance = NULL;
        }
    }
}

// Brings one task of the new plan to life, or to its new code.
static void settle_task(struct runtime *runtime, uint32_t index) {
    struct task *task = &tables_now(runtime)->tasks[index];
    if (task->state == TASK_VACANT) {
        task_move(task, TASK_WAITING);
    }
    bool same_code = has_its_code(runtime, task);
    if (same_code && task->state == TASK_RUNNING) {
        (void)task_parameters(runtime, index); // the policy may have changed them; giving them again is harmless
        task_list(runtime, index);
        return;
    }
    if (same_code && task->state == TASK_BACKING_OFF) {
        return;
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

// Drops what no task needs; with `again` also what was refused, for the new plan may have left room for it.
static void sweep_codes(struct runtime *runtime, bool again) {
    struct runtime_tables *tables = tables_now(runtime);
    for (uint32_t i = 0; i < runtime->memory.code_max; i++) {
        runtime->memory.codes[i].wanted = false;
    }
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        uint32_t index = code_find(runtime, tables->plan.tasks[i].digest);
        if (index != NO_INDEX) {
            runtime->memory.codes[index].wanted = !again || runtime->memory.codes[index].module != NULL;
        }
        if (tables->tasks[i].code != NO_INDEX && tables->tasks[i].instance != NULL) {
            runtime->memory.codes[tables->tasks[i].code].wanted = true;
        }
    }
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        if (tables->tasks[i].code != NO_INDEX && !runtime->memory.codes[tables->tasks[i].code].wanted) {
            tables->tasks[i].code = NO_INDEX;
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
        bool listed =
            known || runtime->environment.code_find(runtime->environment.context, plan->tasks[i].digest, &wasm) == ERROR_NONE;
        for (uint32_t k = 0; k < count; k++) {
            listed = listed || memcmp(missing[k], plan->tasks[i].digest, DIGEST_SIZE) == 0;
        }
        if (!listed && count < missing_max) {
            memcpy(missing[count++], plan->tasks[i].digest, DIGEST_SIZE);
        }
    }
    return count;
}

static bool names_code(const struct plan *plan, uint32_t task_count, const uint8_t digest[DIGEST_SIZE]) {
    bool found = false;
    for (uint32_t i = 0; i < task_count && !found; i++) {
        found = memcmp(plan->tasks[i].digest, digest, DIGEST_SIZE) == 0;
    }
    return found;
}

bool runtime_wants_code(const struct runtime *runtime, const uint8_t digest[DIGEST_SIZE]) {
    const struct runtime_memory *memory = &runtime->memory;
    return names_code(&memory->tables.plan, memory->tables.plan.task_count, digest) ||
           names_code(&memory->next, runtime->awaited_count, digest);
}

static void drop_next(struct runtime *runtime) {
    struct plan *next = &runtime->memory.next;
    next->task_count = next->link_count = next->peer_count = next->parameter_count = next->resource_count = 0;
}

// The bytes that names and values are views into move.
static void rebase(struct bytes *view, const uint8_t *from, const uint8_t *to) {
    if (view->data != NULL) {
        view->data = to + (view->data - from);
    }
}

static void keep_encoded(struct runtime_tables *tables, struct bytes encoded) {
    struct plan *plan = &tables->plan;
    memcpy(tables->encoded.data, encoded.data, encoded.size);
    for (uint32_t i = 0; i < plan->parameter_count; i++) {
        rebase(&plan->parameters[i].value, encoded.data, tables->encoded.data);
    }
    for (uint32_t i = 0; i < plan->resource_count; i++) {
        rebase(&plan->resources[i].safe, encoded.data, tables->encoded.data);
    }
    for (uint32_t i = 0; i < plan->link_count; i++) {
        rebase(&plan->links[i].fallback, encoded.data, tables->encoded.data);
    }
}

// Lays what stands over the new plan, which was decoded over `encoded`; what the new plan does not name is ended.
static void cross_over(struct runtime *runtime, struct bytes encoded) {
    struct runtime_tables *tables = tables_now(runtime);
    struct plan old = tables->plan;
    runtime->awaited_count = 0;
    reset_peers(tables, runtime->memory.next.peer_count);
    carry_links(runtime, tables, &old, &runtime->memory.next);
    tables->plan = runtime->memory.next;
    carry_tasks(runtime, tables, &old, &tables->plan);
    runtime->memory.next = old;
    drop_next(runtime);
    keep_encoded(tables, encoded);
    bind_resources(runtime, tables);
    runtime->ready_head = runtime->ready_tail = NO_INDEX;
    runtime->disk_head = runtime->disk_tail = NO_INDEX;
    chain_links(runtime, tables);
    deadlines_start(&tables->building);
    deadlines_start(&tables->network);
}

// Brings what the tables name to life.
static void settle(struct runtime *runtime) {
    struct runtime_tables *tables = tables_now(runtime);
    renumber_inputs(tables);
    deliver_pending(runtime, tables);
    stop_changed(runtime);
    sweep_codes(runtime, true);
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        settle_task(runtime, i);
    }
    sweep_codes(runtime, false);
    settle_links(runtime, tables);
    settle_actuators(runtime, tables);
    task_unblock(runtime);
    coap_endpoint_recheck(&runtime->coap, runtime->network_ms);
    runtime->scan_soon = true;
}

static enum error decode(struct runtime *runtime, struct bytes encoded) {
    runtime->awaited_count = 0;
    if (encoded.size > runtime->memory.tables.encoded.size) {
        return ERROR_TOO_LARGE;
    }
    return plan_decode(encoded, &runtime->memory.next);
}

static void refuse_plan(struct runtime *runtime, enum error error) {
    drop_next(runtime);
    if (error != ERROR_NOT_FOUND) {
        event_tell(runtime, EVENT_PLAN_REFUSED, "plan", error, error_text(error));
    }
}

enum error runtime_plan_put(struct runtime *runtime, struct bytes encoded, uint8_t (*missing)[DIGEST_SIZE],
                            uint32_t missing_max, uint32_t *missing_count) {
    *missing_count = 0;
    enum error error = decode(runtime, encoded);
    if (error == ERROR_NONE) {
        runtime->awaited_count = runtime->memory.next.task_count;
        *missing_count = find_missing(runtime, &runtime->memory.next, missing, missing_max);
        error = *missing_count > 0 ? ERROR_NOT_FOUND : runtime->environment.plan_store(runtime->environment.context, encoded);
    }
    if (error != ERROR_NONE) {
        refuse_plan(runtime, error);
        return error;
    }
    cross_over(runtime, encoded);
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
    cross_over(runtime, encoded);
    return ERROR_NONE;
}

void runtime_resumed(struct runtime *runtime) {
    batch_distrust(runtime);
    settle(runtime);
    event_tell(runtime, EVENT_PLAN_APPLIED, runtime_tables(runtime)->plan.policy, ERROR_NONE, "resumed from the disk");
}
