// What outlives a restart: batches for the journal, and their way back.
//
//   a unit of work --batch_put ...--> batch_close --environment.journal--> number n of n
//   runtime_durable(n): the links that wait, oldest first, answer their senders and send what rests on batches up to n
//
// The way back: runtime_plan_resume lays the tables, runtime_replay fills them batch by batch, runtime_resumed starts them. A
// message that was sent and not settled waits in its link's `pending` again, with its old number; when its destination is a
// task here, it goes into the task's queue at runtime_resumed.
#include "core/runtime_private.h"
#include "core/wire.h"

enum error batch_put(struct runtime *runtime, const struct journal_entry *entry) {
    return journal_put(runtime->memory.batch, &runtime->batch_used, entry);
}

// Between two notes of the time in the journal.
#define TIME_INTERVAL_MS 1000
// A wall clock that is behind the journal by no more was read a little later, or drifted: lifetimes may be longer by so much.
#define TIME_TOLERANCE_MS 2000

static void put_time(struct runtime *runtime) {
    const struct journal_entry entry = {.kind = JOURNAL_TIME, .born_ms = runtime->building_ms};
    if (batch_put(runtime, &entry) == ERROR_NONE) { // a batch that is full does without: the next one will have it
        runtime->journal_time_ms = runtime->building_ms;
    }
}

uint64_t batch_close(struct runtime *runtime) {
    if (runtime->batch_used == 0) {
        return 0;
    }
    ASSERT(journal_is_there(runtime));
    if (runtime->building_ms >= runtime->journal_time_ms + TIME_INTERVAL_MS) {
        put_time(runtime);
    }
    const struct bytes batch = {runtime->memory.batch.data, runtime->batch_used};
    runtime->batch_used = 0;
    runtime->journaled++;
    runtime->environment.journal(runtime->environment.context, batch);
    return runtime->journaled;
}

struct journal_entry batch_output(const struct message *message) {
    return (struct journal_entry){.kind = JOURNAL_OUTPUT,
                                  .link = message->link,
                                  .epoch = message->epoch,
                                  .sequence = message->sequence,
                                  .priority = message->delivery == DELIVERY_COMMAND ? message->priority : 0,
                                  .trace = message->trace,
                                  .born_ms = message->born_ms,
                                  .expires_ms = message->expires_ms,
                                  .value = message_bytes(message)};
}

// --- forward -----------------------------------------------------------------------------------------------------------------

void disk_wait(struct runtime *runtime, struct link *link) {
    struct runtime_tables *tables = tables_now(runtime);
    uint32_t index = (uint32_t)(link - tables->links);
    if (link->waits_for_disk) {
        return;
    }
    link->waits_for_disk = true;
    link->next_for_disk = NO_INDEX;
    if (runtime->disk_tail == NO_INDEX) {
        runtime->disk_head = index;
    } else {
        tables->links[runtime->disk_tail].next_for_disk = index;
    }
    runtime->disk_tail = index;
}

bool runtime_flush_wanted(const struct runtime *runtime) {
    return runtime->disk_head != NO_INDEX && runtime->durable < runtime->journaled;
}

// Each link that waits is looked at once; one that must wait for a later batch goes to the end of the list again.
void runtime_durable(struct runtime *runtime, uint64_t position) {
    struct runtime_tables *tables = tables_now(runtime);
    ASSERT(position <= runtime->journaled);
    runtime->durable = position > runtime->durable ? position : runtime->durable;
    uint32_t index = runtime->disk_head;
    runtime->disk_head = runtime->disk_tail = NO_INDEX;
    while (index != NO_INDEX) {
        struct link *link = &tables->links[index];
        index = link->next_for_disk;
        link->waits_for_disk = false;
        link_answer(runtime, link);
        if (link->later.used && link->answer_is_due) {
            disk_wait(runtime, link);
        }
        link_pump(runtime, link);
    }
    if (runtime->blocked_count > 0) {
        task_unblock(runtime);
    }
}

// --- a whole picture ---------------------------------------------------------------------------------------------------------

struct picture {
    struct runtime *runtime;
    void (*emit)(void *context, struct bytes batch);
    void *context;
};

static void emit(struct picture *picture) {
    struct runtime *runtime = picture->runtime;
    if (runtime->batch_used > 0) {
        const struct bytes batch = {runtime->memory.batch.data, runtime->batch_used};
        runtime->batch_used = 0;
        picture->emit(picture->context, batch);
    }
}

static void picture_put(struct picture *picture, const struct journal_entry *entry) {
    if (batch_put(picture->runtime, entry) == ERROR_NONE) {
        return;
    }
    emit(picture);
    enum error error = batch_put(picture->runtime, entry);
    ASSERT(error == ERROR_NONE); // one entry fits any batch
}

static void picture_queue(struct picture *picture, const struct message_queue *queue) {
    for (const struct message *message = queue->head; message != NULL; message = message->next) {
        if (message->position > 0) {
            const struct journal_entry entry = batch_output(message);
            picture_put(picture, &entry);
        }
    }
}

static void picture_links(struct picture *picture) {
    const struct runtime_tables *tables = runtime_tables(picture->runtime);
    for (uint32_t i = 0; i < tables->plan.link_count; i++) {
        const struct link *link = &tables->links[i];
        const struct plan_end *end = &link->plan->destination;
        // A task that became durable has consumed without writing down before: its state and its places belong together.
        bool belongs = end->kind == END_TASK && task_is_durable(picture->runtime, &tables->tasks[end->index]);
        if (link->has_seen && (belongs || link->seen_position > 0)) {
            const struct journal_entry entry = {
                .kind = JOURNAL_POSITION, .link = link->plan->id, .epoch = link->seen_epoch, .sequence = link->seen_sequence};
            picture_put(picture, &entry);
        }
        picture_queue(picture, &link->pending);
    }
}

static void picture_tasks(struct picture *picture) {
    const struct runtime *runtime = picture->runtime;
    const struct runtime_tables *tables = runtime_tables(runtime);
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        const struct task *task = &tables->tasks[i];
        if (task_is_durable(runtime, task) && task->state_size > 0) {
            struct journal_entry entry = {.kind = JOURNAL_STATE,
                                          .version = task->state_version,
                                          .value = {runtime->memory.states.data + task->state_offset, task->state_size}};
            memcpy(entry.name, task->plan->name, sizeof entry.name);
            picture_put(picture, &entry);
        }
        picture_queue(picture, &task->queue);
    }
}

bool resource_is_durable(const struct runtime *runtime, uint32_t resource) {
    const struct runtime_tables *tables = runtime_tables(runtime);
    for (uint32_t i = 0; i < tables->plan.resource_count; i++) {
        if (tables->resource_of_plan[i] == resource) {
            return tables->plan.resources[i].durability == DURABILITY_LOCAL;
        }
    }
    return false;
}

static void picture_resources(struct picture *picture) {
    const struct runtime *runtime = picture->runtime;
    for (uint32_t i = 0; i < runtime->resource_count; i++) {
        const struct resource *resource = &runtime->memory.resources[i];
        bool durable = resource_is_durable(runtime, i);
        for (uint32_t priority = 1; priority <= PRIORITY_COUNT; priority++) {
            const struct actuator_slot *slot = actuator_find(&resource->actuator, priority);
            if (slot != NULL && (durable || slot->link == NO_INDEX)) {
                struct journal_entry entry = {.kind = JOURNAL_COMMAND,
                                              .priority = priority,
                                              .link = slot->link,
                                              .trace = slot->trace,
                                              .expires_ms = slot->expires_ms,
                                              .value = {slot->value, slot->size}};
                memcpy(entry.name, resource->facts->name, sizeof entry.name);
                picture_put(picture, &entry);
            }
        }
    }
}

void runtime_snapshot(struct runtime *runtime, void (*emit_batch)(void *context, struct bytes batch), void *context) {
    struct picture picture = {runtime, emit_batch, context};
    ASSERT(runtime->batch_used == 0);
    put_time(runtime);
    picture_tasks(&picture);
    picture_links(&picture);
    picture_resources(&picture);
    emit(&picture);
}

// --- back --------------------------------------------------------------------------------------------------------------------

static enum error replay_state(struct runtime *runtime, const struct journal_entry *entry) {
    struct task *task = task_of_name(tables_now(runtime), entry->name);
    if (task == NULL || task->plan->durability == DURABILITY_NONE) {
        return ERROR_NONE;
    }
    return task_restore(runtime, task, entry->version, entry->value);
}

// Lifetimes are kept on the building's clock, which may have been set back since: none is longer than the policy gives.
static uint64_t expiry_of(struct runtime *runtime, const struct journal_entry *entry) {
    const struct link *link = link_find(runtime, entry->link);
    uint64_t longest_ms = link == NULL ? UINT64_MAX : runtime->building_ms + link->plan->expiry_ms;
    return entry->expires_ms < longest_ms ? entry->expires_ms : longest_ms;
}

static enum error replay_output(struct runtime *runtime, const struct journal_entry *entry) {
    struct link *link = link_find(runtime, entry->link);
    if (link == NULL || link->plan->source.kind == END_REMOTE || link->plan->delivery == DELIVERY_MEASUREMENT) {
        return ERROR_NONE;
    }
    struct message *message = link_message(runtime, link, entry->value, entry->trace, entry->born_ms);
    if (message == NULL) {
        return ERROR_FULL;
    }
    message->epoch = entry->epoch;
    message->sequence = entry->sequence;
    message->expires_ms = link->plan->delivery == DELIVERY_COMMAND ? expiry_of(runtime, entry) : 0;
    message->position = POSITION_OF_THE_PAST;
    if (link->plan->newest_only) {
        COUNT_MANY(runtime, link, superseded, message_queue_clear(&link->pending, &runtime->pool));
    }
    message_queue_push(&link->pending, message);
    return ERROR_NONE;
}

static bool is_up_to(const struct message *message, const struct journal_entry *position) {
    return message->epoch < position->epoch || (message->epoch == position->epoch && message->sequence <= position->sequence);
}

static void replay_position(struct runtime *runtime, const struct journal_entry *entry) {
    struct link *link = link_find(runtime, entry->link);
    if (link == NULL) {
        return;
    }
    while (link->pending.head != NULL && is_up_to(link->pending.head, entry)) {
        message_release(&runtime->pool, message_queue_pop(&link->pending));
    }
    if (link->plan->destination.kind != END_REMOTE) {
        link->has_seen = true;
        link->seen_epoch = entry->epoch;
        link->seen_sequence = entry->sequence;
        link->seen_position = POSITION_OF_THE_PAST;
    }
}

static void replay_command(struct runtime *runtime, const struct journal_entry *entry) {
    int index = runtime_resource_find(runtime, entry->name);
    if (index < 0 || !runtime->memory.resources[index].facts->actuator) {
        return;
    }
    struct actuator *actuator = &runtime->memory.resources[index].actuator;
    (void)actuator_end(actuator, entry->priority);
    if (entry->value.size > 0) {
        enum error error = actuator_command(actuator, runtime->building_ms, entry->priority, entry->value,
                                            expiry_of(runtime, entry), entry->link, entry->trace);
        if (error == ERROR_EXPIRED) { // it ran out while the node was down
            runtime->traffic[DELIVERY_COMMAND].counters.expired++;
        }
    }
}

enum error runtime_replay(struct runtime *runtime, struct bytes batch) {
    struct journal_entry entry;
    enum error error = ERROR_NONE;
    while (batch.size > 0 && error == ERROR_NONE) {
        error = journal_take(&batch, &entry);
        if (error != ERROR_NONE) {
            break;
        }
        switch (entry.kind) {
        case JOURNAL_STATE:
            error = replay_state(runtime, &entry);
            break;
        case JOURNAL_OUTPUT:
            error = replay_output(runtime, &entry);
            break;
        case JOURNAL_POSITION:
            replay_position(runtime, &entry);
            break;
        case JOURNAL_COMMAND:
            replay_command(runtime, &entry);
            break;
        case JOURNAL_TIME:
            runtime->journal_time_ms = entry.born_ms > runtime->journal_time_ms ? entry.born_ms : runtime->journal_time_ms;
            break;
        case JOURNAL_KIND_COUNT:
            break;
        }
    }
    if (error != ERROR_NONE) {
        event_tell(runtime, EVENT_STATE_LOST, "journal", error, "a batch cannot be used");
    }
    return error;
}

void batch_distrust(struct runtime *runtime) {
    struct runtime_tables *tables = tables_now(runtime);
    if (runtime->journal_time_ms <= runtime->building_ms + TIME_TOLERANCE_MS) {
        return;
    }
    event_tell(runtime, EVENT_COMMAND_EXPIRED, "journal", ERROR_EXPIRED,
               "the clock was set back while the node was away: commands from before are over");
    runtime->journal_time_ms = 0;
    for (uint32_t i = 0; i < tables->plan.link_count; i++) {
        for (struct message *message = tables->links[i].pending.head; message != NULL; message = message->next) {
            message->expires_ms = 0; // counted and told when the link is looked at; nothing to an event
        }
    }
    for (uint32_t i = 0; i < runtime->resource_count; i++) {
        for (uint32_t priority = 1; priority <= PRIORITY_COUNT; priority++) {
            bool ended = actuator_end(&runtime->memory.resources[i].actuator, priority);
            runtime->traffic[DELIVERY_COMMAND].counters.expired += ended ? 1 : 0;
        }
    }
}
