// Links: how a value gets from one port to another, here or on another node, by the rules of its delivery class.
//
//   link_send --+-- measurement: threshold, interval_min --> deliver
//               +-- event, command ------------------------> deliver
//   deliver ----+-- to a task here: task_enqueue
//               +-- to a resource here: resource_command
//               +-- to a peer: measurement as CoAP NON PUT; event and command queue in `pending`, one CON POST in flight
//
// The far side: link_serve checks the sender and the sequence, then does the same local half. A reliable message stays in
// `pending` until its response came; a time-out makes a fresh request with the same sequence, so the receiver sees a duplicate.
#include <math.h>

#include "core/assert.h"
#include "core/rest.h"
#include "core/runtime_private.h"
#include "core/wire.h"

// A request whose peer did not answer is made anew after this long (network time).
#define RETRY_AFTER_MS 500
// Sequence numbers of one boot start at boot << 40, so that they rise over restarts of the node: 10^12 messages fit in one
// boot.
#define SEQUENCE_BOOT_SHIFT 40

static struct link *link_at(struct runtime *runtime, uint32_t index) {
    return &tables_now(runtime)->links[index];
}

struct link *link_find(struct runtime *runtime, uint32_t id) {
    struct runtime_tables *tables = tables_now(runtime);
    uint32_t low = 0;
    uint32_t high = tables->plan.link_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (tables->plan.links[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < tables->plan.link_count && tables->plan.links[low].id == id ? &tables->links[low] : NULL;
}

void link_end(struct runtime *runtime, struct link *link) {
    if (link->held != NULL) {
        message_release(&runtime->pool, link->held);
        link->held = NULL;
    }
    message_queue_clear(&link->pending, &runtime->pool);
    if (link->in_flight) {
        coap_endpoint_cancel(&runtime->coap, link->plan->id);
        link->in_flight = false;
    }
}

bool link_is_backed_up(const struct runtime *runtime, uint32_t index) {
    const struct runtime_tables *tables = runtime_tables(runtime);
    const struct link *link = &tables->links[index];
    if (link->plan->destination.kind == END_TASK) {
        return tables->tasks[link->plan->destination.index].queue.count >= TASK_QUEUE_MAX;
    }
    return link->pending.count >= LINK_PENDING_MAX;
}

static const char *source_name(const struct runtime *runtime, const struct link *link) {
    const struct plan *plan = &runtime_tables(runtime)->plan;
    switch (link->plan->source.kind) {
    case END_TASK:
        return plan->tasks[link->plan->source.index].name;
    case END_RESOURCE:
        return plan->resources[link->plan->source.index].name;
    case END_REMOTE:
        return plan->peers[link->plan->source.index].name;
    }
    return "?";
}

static const char *destination_name(const struct runtime *runtime, const struct link *link) {
    const struct plan *plan = &runtime_tables(runtime)->plan;
    switch (link->plan->destination.kind) {
    case END_TASK:
        return plan->tasks[link->plan->destination.index].name;
    case END_RESOURCE:
        return plan->resources[link->plan->destination.index].name;
    case END_REMOTE:
        return plan->peers[link->plan->destination.index].name;
    }
    return "?";
}

static uint32_t source_epoch(const struct runtime *runtime, const struct link *link) {
    if (link->plan->source.kind == END_TASK) {
        return runtime_tables(runtime)->plan.tasks[link->plan->source.index].epoch;
    }
    return (uint32_t)runtime->boot;
}

static uint64_t next_sequence(const struct runtime *runtime, struct link *link) {
    uint64_t first = (runtime->boot << SEQUENCE_BOOT_SHIFT) + 1;
    link->sequence = link->sequence < first ? first : link->sequence + 1;
    return link->sequence;
}

static uint32_t bounded_ms(uint64_t later, uint64_t earlier) {
    uint64_t difference = later > earlier ? later - earlier : 0;
    return difference > UINT32_MAX ? UINT32_MAX : (uint32_t)difference;
}

// --- the source's side -----------------------------------------------------------------------------------------------------

static enum error post(struct runtime *runtime, struct link *link, const struct message *message) {
    uint8_t option[DELIVERY_SIZE_MAX];
    bool reliable = message->delivery != DELIVERY_MEASUREMENT;
    bool is_command = message->delivery == DELIVERY_COMMAND;
    struct delivery delivery = {
        .delivery = (enum delivery_class)message->delivery,
        .epoch = source_epoch(runtime, link),
        .sequence = message->sequence,
        .remaining_ms = is_command ? bounded_ms(message->expires_ms, runtime->building_ms) : 0,
        .priority = is_command ? link->plan->priority : 0,
        .age_ms = bounded_ms(runtime->building_ms, message->born_ms),
        .trace = message->trace,
    };
    size_t option_size = 0;
    enum error error = delivery_encode(&delivery, (struct buffer){option, sizeof option}, &option_size);
    ASSERT(error == ERROR_NONE);
    char path[16] = "c/";
    char digits[12];
    uint32_t id = link->plan->id;
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + id % 10);
        id /= 10;
    } while (id > 0);
    for (size_t i = 0; i < count; i++) {
        path[2 + i] = digits[count - 1 - i];
    }
    path[2 + count] = '\0';
    struct coap_outgoing outgoing = {
        .peer = runtime_tables(runtime)->plan.peers[link->plan->destination.index].address,
        .confirmable = reliable,
        .expect_response = reliable,
        .code = reliable ? COAP_POST : COAP_PUT,
        .path = path,
        .delivery = {option, option_size},
        .content_format = COAP_FORMAT_CBOR,
        .payload = message_bytes(message),
        // A command's expiry is set anew in a fresh request, so its retransmission stays short (DESIGN §6).
        .retransmit_max = is_command ? 1 : UINT32_MAX,
        .user = link->plan->id,
    };
    error = coap_endpoint_request(&runtime->coap, runtime->network_ms, &outgoing);
    if (error == ERROR_NONE) {
        runtime->traffic[message->delivery].remote++;
    }
    return error;
}

// Sends the head of the pending queue when nothing is in flight; drops commands whose time is over.
static void pump(struct runtime *runtime, struct link *link) {
    while (!link->in_flight && link->pending.head != NULL && link->retry_ms <= runtime->network_ms) {
        struct message *head = link->pending.head;
        if (head->delivery == DELIVERY_COMMAND && head->expires_ms <= runtime->building_ms) {
            runtime->traffic[DELIVERY_COMMAND].expired++;
            event_tell(runtime, EVENT_COMMAND_EXPIRED, source_name(runtime, link), ERROR_EXPIRED,
                       destination_name(runtime, link));
            message_release(&runtime->pool, message_queue_pop(&link->pending));
            continue;
        }
        if (post(runtime, link, head) == ERROR_NONE) {
            link->in_flight = true;
            return;
        }
        link->retry_ms = runtime->network_ms + RETRY_AFTER_MS;
    }
    if (!link->in_flight && link->pending.head != NULL && link->retry_ms < runtime->network_deadline_ms) {
        runtime->network_deadline_ms = link->retry_ms;
    }
}

void link_completed(struct runtime *runtime, const struct coap_completion *completion) {
    struct link *link = link_find(runtime, (uint32_t)completion->user);
    if (link == NULL || !link->in_flight) {
        return;
    }
    link->in_flight = false;
    bool again = completion->error != ERROR_NONE || completion->code >= COAP_CODE(5, 0);
    if (again) {
        runtime->traffic[link->plan->delivery].retried++;
        link->retry_ms = runtime->network_ms + RETRY_AFTER_MS;
    } else {
        struct message *done = message_queue_pop(&link->pending);
        ASSERT(done != NULL);
        message_release(&runtime->pool, done);
        if (completion->code >= COAP_CODE(4, 0)) {
            runtime->traffic[link->plan->delivery].refused++;
            event_tell(runtime, link->plan->delivery == DELIVERY_COMMAND ? EVENT_COMMAND_REFUSED : EVENT_DELIVERY_REFUSED,
                       source_name(runtime, link), ERROR_DENIED, destination_name(runtime, link));
        }
        link->retry_ms = 0;
    }
    pump(runtime, link);
    if (runtime->blocked_count > 0) {
        task_unblock(runtime);
    }
}

static void deliver_remote(struct runtime *runtime, struct link *link, struct message *message) {
    message->sequence = next_sequence(runtime, link);
    if (message->delivery == DELIVERY_MEASUREMENT) {
        if (post(runtime, link, message) != ERROR_NONE) {
            runtime->traffic[DELIVERY_MEASUREMENT].dropped++;
        }
        message_release(&runtime->pool, message);
        return;
    }
    // A command replaces the ones before it that have not left yet: the actuator is to obey the newest of this writer.
    if (message->delivery == DELIVERY_COMMAND && link->pending.count > (link->in_flight ? 1u : 0u)) {
        struct message *first = link->in_flight ? message_queue_pop(&link->pending) : NULL;
        runtime->traffic[DELIVERY_COMMAND].dropped += message_queue_clear(&link->pending, &runtime->pool);
        if (first != NULL) {
            message_queue_push(&link->pending, first);
        }
    }
    message_queue_push(&link->pending, message);
    pump(runtime, link);
}

static void mark_fresh(struct runtime *runtime, struct link *link, uint64_t born_ms) {
    if (link->plan->stale_after_ms == 0) {
        return;
    }
    link->fresh_until_ms = born_ms + link->plan->stale_after_ms;
    if (link->stale && link->fresh_until_ms > runtime->building_ms) {
        link->stale = false;
        event_tell(runtime, EVENT_INPUT_FRESH, destination_name(runtime, link), ERROR_NONE, source_name(runtime, link));
    }
    if (link->fresh_until_ms < runtime->building_deadline_ms) {
        runtime->building_deadline_ms = link->fresh_until_ms;
    }
}

// The local half: a task or a resource of this node. Takes the message.
static enum error deliver_here(struct runtime *runtime, struct link *link, struct message *message) {
    runtime->traffic[message->delivery].received++;
    mark_fresh(runtime, link, message->born_ms);
    if (link->plan->destination.kind == END_TASK) {
        message->input = (uint16_t)link->plan->destination.port;
        task_enqueue(runtime, link->plan->destination.index, message);
        return ERROR_NONE;
    }
    uint32_t resource = runtime_tables(runtime)->resource_of_plan[link->plan->destination.index];
    enum error error = resource == NO_INDEX ? ERROR_NOT_FOUND : resource_command(runtime, resource, message);
    message_release(&runtime->pool, message);
    return error;
}

static void deliver(struct runtime *runtime, struct link *link, struct message *message) {
    link->sent_ms = runtime->building_ms;
    runtime->traffic[message->delivery].sent++;
    if (link->plan->destination.kind == END_REMOTE) {
        deliver_remote(runtime, link, message);
    } else if (deliver_here(runtime, link, message) != ERROR_NONE) {
        runtime->traffic[link->plan->delivery].refused++;
    }
}

static void hold(struct runtime *runtime, struct link *link, struct message *message, bool is_due) {
    if (link->held != NULL) {
        if (link->held_is_due && is_due) {
            runtime->traffic[DELIVERY_MEASUREMENT].dropped++;
        }
        message_release(&runtime->pool, link->held);
    }
    link->held = message;
    link->held_is_due = is_due;
    uint64_t due_ms = link->sent_ms + (is_due ? link->plan->interval_min_ms : link->plan->interval_max_ms);
    if (due_ms < runtime->building_deadline_ms) {
        runtime->building_deadline_ms = due_ms;
    }
}

static struct message *make(struct runtime *runtime, const struct link *link, struct bytes value, uint64_t trace,
                            uint64_t born_ms) {
    struct message *message = message_take(&runtime->pool, value);
    if (message == NULL) {
        runtime->traffic[link->plan->delivery].dropped++;
        event_tell(runtime, EVENT_QUEUE_OVERFLOW, source_name(runtime, link), ERROR_FULL, "the node has no free message");
        return NULL;
    }
    message->link = link->plan->id;
    message->delivery = (uint8_t)link->plan->delivery;
    message->priority = (uint8_t)link->plan->priority;
    message->trace = trace;
    message->born_ms = born_ms;
    message->expires_ms = link->plan->delivery == DELIVERY_COMMAND ? born_ms + link->plan->expiry_ms : 0;
    return message;
}

// Keeps a copy of what was sent, to be sent again after interval_max.
static void keep_for_repeat(struct runtime *runtime, struct link *link, struct bytes value, uint64_t trace, uint64_t born_ms) {
    if (link->plan->interval_max_ms == 0) {
        return;
    }
    struct message *copy = make(runtime, link, value, trace, born_ms);
    if (copy != NULL) {
        hold(runtime, link, copy, false);
    }
}

static bool is_below_threshold(struct link *link, struct bytes value) {
    double number = 0;
    bool is_number = wire_number(value, &number);
    bool below = is_number && link->has_last && link->plan->threshold > 0 && !isnan(link->last_number) &&
                 fabs(number - link->last_number) < link->plan->threshold;
    if (!below) {
        link->has_last = true;
        link->last_number = is_number ? number : (double)NAN;
    }
    return below;
}

void link_send(struct runtime *runtime, uint32_t index, struct bytes value, uint64_t trace, uint64_t born_ms) {
    struct link *link = link_at(runtime, index);
    bool measurement = link->plan->delivery == DELIVERY_MEASUREMENT;
    if (measurement && is_below_threshold(link, value)) {
        return;
    }
    struct message *message = make(runtime, link, value, trace, born_ms);
    if (message == NULL) {
        return;
    }
    bool too_soon = measurement && link->plan->interval_min_ms > 0 && link->sent_ms > 0 &&
                    runtime->building_ms < link->sent_ms + link->plan->interval_min_ms;
    if (too_soon) {
        hold(runtime, link, message, true);
        return;
    }
    if (link->held != NULL) {
        message_release(&runtime->pool, link->held);
        link->held = NULL;
    }
    deliver(runtime, link, message);
    if (measurement) {
        keep_for_repeat(runtime, link, value, trace, born_ms);
    }
}

// --- the destination's side ------------------------------------------------------------------------------------------------

static bool in_range(const struct registration_resource *facts, struct bytes value) {
    double number = 0;
    switch (facts->type) {
    case TYPE_NUMBER:
        return wire_number(value, &number) && isfinite(number) &&
               (!facts->has_range || (number >= facts->minimum && number <= facts->maximum));
    case TYPE_BOOLEAN:
        return value.size == 1 && (value.data[0] == 0xf4 || value.data[0] == 0xf5);
    case TYPE_TEXT:
        return value.size > 0 && value.data[0] >> 5 == 3;
    case TYPE_ARRAY:
        return value.size > 0 && value.data[0] >> 5 == 4;
    case TYPE_ANY:
        return true;
    }
    return false;
}

enum error resource_command(struct runtime *runtime, uint32_t index, const struct message *message) {
    struct resource *resource = &runtime->memory.resources[index];
    struct bytes value = message_bytes(message);
    enum error error = ERROR_DENIED;
    if (resource->facts.actuator && message->delivery == DELIVERY_COMMAND) {
        error = !wire_is_null(value) && !in_range(&resource->facts, value) ? ERROR_MISMATCH : ERROR_NONE;
    }
    if (error == ERROR_NONE) {
        error = actuator_command(&resource->actuator, runtime->building_ms, message->priority, value, message->expires_ms,
                                 message->link, message->trace);
    }
    if (error != ERROR_NONE) {
        if (error == ERROR_EXPIRED) {
            runtime->traffic[DELIVERY_COMMAND].expired++;
        }
        event_tell(runtime, error == ERROR_EXPIRED ? EVENT_COMMAND_EXPIRED : EVENT_COMMAND_REFUSED, resource->facts.name, error,
                   error == ERROR_MISMATCH ? "the value is of the wrong type or outside the resource's range" : "");
        return error;
    }
    resource_settle(runtime, index);
    return ERROR_NONE;
}

void resource_settle(struct runtime *runtime, uint32_t index) {
    struct resource *resource = &runtime->memory.resources[index];
    uint32_t priority = 0;
    struct bytes value = actuator_value(&resource->actuator, &priority);
    bool same = resource->driven && bytes_equal(value, (struct bytes){resource->value, resource->value_size});
    if (priority == 0 && resource->priority != 0 && resource->driven) {
        event_tell(runtime, EVENT_ACTUATOR_SAFE, resource->facts.name, ERROR_NONE, "");
    }
    resource->priority = priority;
    if (!same) {
        if (value.size > 0) {
            memcpy(resource->value, value.data, value.size);
        }
        resource->value_size = (uint8_t)value.size;
        resource->driven = true;
        resource->updated_ms = runtime->building_ms;
        rest_resource_changed(runtime, index);
        runtime->environment.actuate(runtime->environment.context, index, value);
    }
    uint64_t deadline_ms = actuator_deadline(&resource->actuator);
    if (deadline_ms < runtime->building_deadline_ms) {
        runtime->building_deadline_ms = deadline_ms;
    }
}

static enum error parse_id(const char *path, uint32_t *id) {
    uint64_t value = 0;
    if (path[0] != 'c' || path[1] != '/' || path[2] == '\0') {
        return ERROR_NOT_FOUND;
    }
    for (const char *digit = path + 2; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || value > UINT32_MAX) {
            return ERROR_NOT_FOUND;
        }
        value = value * 10 + (uint64_t)(*digit - '0');
    }
    *id = (uint32_t)value;
    return value > UINT32_MAX ? ERROR_NOT_FOUND : ERROR_NONE;
}

// The sequence rules: a higher epoch takes over; a lower one is fenced off; within an epoch only rising numbers take effect.
static enum error check_sequence(struct link *link, const struct delivery *delivery) {
    bool restarted = link->has_seen && delivery->epoch < link->seen_epoch;
    if (restarted && link->plan->source.kind == END_REMOTE) {
        return ERROR_DENIED;
    }
    if (link->has_seen && delivery->epoch == link->seen_epoch && delivery->sequence <= link->seen_sequence) {
        return ERROR_DUPLICATE;
    }
    link->has_seen = true;
    link->seen_epoch = delivery->epoch;
    link->seen_sequence = delivery->sequence;
    return ERROR_NONE;
}

static uint8_t refuse(struct runtime *runtime, const struct link *link, uint8_t code, enum error error, const char *why) {
    runtime->traffic[link->plan->delivery].refused++;
    event_tell(runtime, EVENT_DELIVERY_REFUSED, destination_name(runtime, link), error, why);
    return code;
}

static uint8_t accept(struct runtime *runtime, struct link *link, const struct delivery *delivery, struct bytes payload) {
    struct traffic *traffic = &runtime->traffic[link->plan->delivery];
    uint64_t born_ms = runtime->building_ms > delivery->age_ms ? runtime->building_ms - delivery->age_ms : 0;
    if (delivery->delivery == DELIVERY_COMMAND && delivery->remaining_ms == 0) {
        traffic->expired++;
        event_tell(runtime, EVENT_COMMAND_EXPIRED, destination_name(runtime, link), ERROR_EXPIRED, source_name(runtime, link));
        return COAP_PRECONDITION_FAILED;
    }
    bool task_is_full = link->plan->destination.kind == END_TASK && delivery->delivery != DELIVERY_MEASUREMENT &&
                        runtime_tables(runtime)->tasks[link->plan->destination.index].queue.count >= TASK_QUEUE_MAX;
    struct message *message = task_is_full ? NULL : make(runtime, link, payload, delivery->trace, born_ms);
    if (message == NULL) {
        return COAP_SERVICE_UNAVAILABLE; // the source keeps a reliable message and tries again
    }
    enum error error = check_sequence(link, delivery);
    if (error != ERROR_NONE) {
        message_release(&runtime->pool, message);
        if (error == ERROR_DUPLICATE) {
            traffic->duplicates++;
            return COAP_CHANGED;
        }
        return refuse(runtime, link, COAP_CONFLICT, error,
                      "its epoch is over: another instance of the source task has taken over");
    }
    message->priority = (uint8_t)delivery->priority;
    message->sequence = delivery->sequence;
    message->expires_ms = delivery->delivery == DELIVERY_COMMAND ? runtime->building_ms + delivery->remaining_ms : 0;
    error = deliver_here(runtime, link, message);
    return error == ERROR_NONE ? COAP_CHANGED : error == ERROR_EXPIRED ? COAP_PRECONDITION_FAILED : COAP_BAD_REQUEST;
}

static uint8_t serve(struct runtime *runtime, const struct coap_request *request) {
    uint32_t id = 0;
    const struct coap_option *option = coap_message_option(request->message, COAP_OPTION_TENON_DELIVERY);
    struct link *link = parse_id(request->path, &id) == ERROR_NONE ? link_find(runtime, id) : NULL;
    if (link == NULL || link->plan->source.kind != END_REMOTE) {
        runtime->foreign++;
        return COAP_NOT_FOUND;
    }
    if (request->code != COAP_PUT && request->code != COAP_POST) {
        return COAP_METHOD_NOT_ALLOWED;
    }
    const struct plan_peer *peer = &runtime_tables(runtime)->plan.peers[link->plan->source.index];
    if (memcmp(&peer->address, &request->peer, sizeof request->peer) != 0) {
        runtime->foreign++;
        return refuse(runtime, link, COAP_FORBIDDEN, ERROR_DENIED, "the sender is not the link's source");
    }
    struct delivery delivery;
    if (option == NULL || delivery_decode(option->value, &delivery) != ERROR_NONE ||
        delivery.delivery != link->plan->delivery) {
        return refuse(runtime, link, COAP_BAD_OPTION, ERROR_MALFORMED, "option 65101 is missing, broken or of another class");
    }
    if (request->payload.size > MESSAGE_SIZE_MAX || !wire_is_item(request->payload)) {
        return refuse(runtime, link, COAP_BAD_REQUEST, ERROR_MALFORMED,
                      "the payload is not one CBOR item of at most 512 bytes");
    }
    if (delivery.delivery == DELIVERY_COMMAND && delivery.priority != link->plan->priority) {
        return refuse(runtime, link, COAP_FORBIDDEN, ERROR_DENIED, "the priority is not the one that the plan grants");
    }
    return accept(runtime, link, &delivery, request->payload);
}

void link_serve(struct runtime *runtime, const struct coap_request *request, struct coap_response *response) {
    uint8_t code = serve(runtime, request);
    // A measurement is pushed without waiting: an answer would double the traffic and nobody reads it.
    response->code = request->confirmable ? code : 0;
    response->content_format = COAP_FORMAT_NONE;
}

// --- time --------------------------------------------------------------------------------------------------------------------

static void go_stale(struct runtime *runtime, struct link *link) {
    link->stale = true;
    runtime->fallbacks++;
    event_tell(runtime, EVENT_INPUT_STALE, destination_name(runtime, link), ERROR_TIMEOUT, source_name(runtime, link));
    if (link->plan->destination.kind != END_TASK) {
        return; // a resource falls back to its safe value when the command expires
    }
    static const uint8_t null_item[1] = {0xf6};
    struct bytes fallback = link->plan->fallback.size > 0 ? link->plan->fallback : (struct bytes){null_item, 1};
    struct message *message = make(runtime, link, fallback, 0, runtime->building_ms);
    if (message != NULL) {
        message->input = (uint16_t)link->plan->destination.port;
        task_enqueue(runtime, link->plan->destination.index, message);
    }
}

static void advance_held(struct runtime *runtime, struct link *link) {
    struct message *held = link->held;
    uint64_t due_ms = link->sent_ms + (link->held_is_due ? link->plan->interval_min_ms : link->plan->interval_max_ms);
    if (due_ms > runtime->building_ms) {
        if (due_ms < runtime->building_deadline_ms) {
            runtime->building_deadline_ms = due_ms;
        }
        return;
    }
    link->held = NULL;
    uint8_t copy[MESSAGE_SIZE_MAX];
    struct bytes value = {copy, held->size};
    memcpy(copy, held->data, held->size);
    uint64_t trace = held->trace;
    uint64_t born_ms = held->born_ms;
    deliver(runtime, link, held);
    keep_for_repeat(runtime, link, value, trace, born_ms);
}

void link_advance(struct runtime *runtime) {
    struct runtime_tables *tables = tables_now(runtime);
    for (uint32_t i = 0; i < tables->plan.link_count; i++) {
        struct link *link = &tables->links[i];
        if (link->held != NULL) {
            advance_held(runtime, link);
        }
        if (link->pending.head != NULL) {
            pump(runtime, link);
        }
        if (link->plan->stale_after_ms > 0 && link->plan->destination.kind != END_REMOTE && !link->stale) {
            if (link->fresh_until_ms <= runtime->building_ms) {
                go_stale(runtime, link);
            } else if (link->fresh_until_ms < runtime->building_deadline_ms) {
                runtime->building_deadline_ms = link->fresh_until_ms;
            }
        }
    }
}
