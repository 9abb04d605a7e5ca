// The receiving half of links: what arrives at c/<id> from another node.
//
// A reliable message for a task is answered when it has taken effect and the batch that tells so is durable; until then its
// sender holds it. So the request is deferred, and what is kept for it is one struct coap_later a link, for a sender has one
// request under way on a link:
//
//   arrives --> queued --the task takes it--> seen (effect in batch p) --p is durable--> answered
//      |           ^--- the same number again: the newer request is the one to answer
//      +--> seen already: answered at once, or when p is durable
//
// A request that has waited for ANSWER_LATEST_MS is answered 5.03, and its sender asks again a little later: the message waits
// on, but it holds none of the window that the sender has for all links to this node. So a task that stands still, or a full
// disk, does not hold up commands to the actuators beside it.
//
// A command is refused when its lifetime is over, and at first contact after our start it must show the Echo that it is asked
// for (RFC 9175 §2.3), because it may have been under way for longer than it says.
#include "core/runtime_private.h"
#include "core/wire.h"

struct verdict {
    uint8_t code;
    bool deferred;
    const char *why; // a diagnostic payload, "" for none
};

static struct verdict answer(uint8_t code, const char *why) {
    return (struct verdict){code, false, why};
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

static struct verdict refuse(struct runtime *runtime, struct link *link, uint8_t code, enum error error, const char *why) {
    COUNT(runtime, link, refused);
    event_tell(runtime, EVENT_DELIVERY_REFUSED, link_destination_name(runtime, link), error, why);
    return answer(code, why);
}

// --- when a message has taken effect -----------------------------------------------------------------------------------------

// What the sender of the last message that took effect is to be told, as often as it asks.
static struct verdict answer_again(const struct link *link) {
    return answer(link->answer_code, link->answer_outranked ? "outranked" : "");
}

void link_answer(struct runtime *runtime, struct link *link) {
    if (!link->later.used || !link->answer_is_due || link->seen_position > runtime->durable) {
        return;
    }
    const struct verdict verdict = answer_again(link);
    const struct coap_response response = {
        .code = verdict.code, .content_format = COAP_FORMAT_NONE, .body = bytes_of_text(verdict.why)};
    coap_endpoint_answer(&runtime->coap, &link->later, &response);
}

void link_put_off(struct runtime *runtime, struct link *link) {
    if (link->later.used && link->later_ms <= runtime->network_ms) {
        const struct coap_response response = {.code = COAP_SERVICE_UNAVAILABLE,
                                               .content_format = COAP_FORMAT_NONE,
                                               .body = bytes_of_text("it waits here for its turn: ask again")};
        coap_endpoint_answer(&runtime->coap, &link->later, &response);
    }
}

enum error link_put_position(struct runtime *runtime, const struct link *link, const struct message *message, bool *put) {
    const struct plan_end *end = &link->plan->destination;
    bool durable_here = end->kind == END_TASK && task_is_durable(runtime, &runtime_tables(runtime)->tasks[end->index]);
    // A measurement that changed nothing may as well not have come: writing down each would wear out a flash.
    bool changed = message->delivery != DELIVERY_MEASUREMENT || runtime->batch_used > 0;
    *put = journal_is_there(runtime) && message->sequence > 0 && changed && (durable_here || message->position > 0);
    if (!*put) {
        return ERROR_NONE;
    }
    const struct journal_entry entry = {
        .kind = JOURNAL_POSITION, .link = message->link, .epoch = message->epoch, .sequence = message->sequence};
    return batch_put(runtime, &entry);
}

void link_consumed(struct runtime *runtime, struct link *link, const struct message *message, uint64_t position, uint8_t code) {
    if (message->sequence == 0) {
        return; // a fallback, or an outcome
    }
    link->has_seen = true;
    link->seen_epoch = message->epoch;
    link->seen_sequence = message->sequence;
    link->seen_position = position;
    if (link->has_queued && (link->queued_epoch != message->epoch || link->queued_sequence != message->sequence)) {
        return; // a newer one waits behind it, and the request that is kept is for that one
    }
    link->has_queued = false;
    link->answer_is_due = true;
    link->answer_code = code;
    if (link->later.used && position > runtime->durable) {
        disk_wait(runtime, link);
    }
    link_answer(runtime, link);
}

// --- what arrives ------------------------------------------------------------------------------------------------------------

enum order { ORDER_NEW, ORDER_SEEN, ORDER_QUEUED, ORDER_FENCED };

// A higher epoch takes over; a lower one is fenced off; within an epoch only rising numbers take effect. What waits at the task
// is ahead of what has taken effect, so it alone is compared with.
static enum order order_of(const struct link *link, const struct delivery *delivery) {
    uint32_t epoch = link->has_queued ? link->queued_epoch : link->seen_epoch;
    uint64_t sequence = link->has_queued ? link->queued_sequence : link->seen_sequence;
    if ((!link->has_queued && !link->has_seen) || delivery->epoch > epoch) {
        return ORDER_NEW;
    }
    if (delivery->epoch < epoch) {
        return ORDER_FENCED;
    }
    if (delivery->sequence > sequence) {
        return ORDER_NEW;
    }
    return link->has_queued && delivery->sequence == sequence ? ORDER_QUEUED : ORDER_SEEN;
}

static struct verdict fence(struct runtime *runtime, struct link *link) {
    return refuse(runtime, link, COAP_CONFLICT, ERROR_DENIED,
                  "its epoch is over: another instance of the source has taken over");
}

static struct message *take(struct runtime *runtime, struct link *link, const struct delivery *delivery, struct bytes payload) {
    uint64_t age_ms = delivery->age_ms + runtime->waited_ms;
    uint64_t born_ms = runtime->building_ms > age_ms ? runtime->building_ms - age_ms : 0;
    struct message *message = link_message(runtime, link, payload, delivery->trace, born_ms);
    if (message != NULL) {
        message->priority = (uint8_t)delivery->priority;
        message->epoch = delivery->epoch;
        message->sequence = delivery->sequence;
        message->expires_ms =
            delivery->delivery == DELIVERY_COMMAND ? runtime->building_ms + delivery->remaining_ms - runtime->waited_ms : 0;
        message->input = (uint16_t)link->plan->destination.port;
    }
    return message;
}

static struct verdict accept_measurement(struct runtime *runtime, struct link *link, const struct delivery *delivery,
                                         struct bytes payload) {
    enum order order = order_of(link, delivery);
    if (order == ORDER_FENCED) {
        return fence(runtime, link);
    }
    if (order == ORDER_SEEN) {
        COUNT(runtime, link, duplicates); // or overtaken by a newer one, which is the same to its reader
        return answer(COAP_CHANGED, "");
    }
    // Numbers of one boot have no holes but losses (link.c: boot << 40). What was seen before our own start is known only as
    // far as the journal tells.
    if (link->has_seen && link->counters.received > 0 && delivery->epoch == link->seen_epoch &&
        delivery->sequence >> 40 == link->seen_sequence >> 40) {
        COUNT_MANY(runtime, link, lost, delivery->sequence - link->seen_sequence - 1);
    }
    link->has_seen = true;
    link->seen_epoch = delivery->epoch;
    link->seen_sequence = delivery->sequence;
    struct message *message = link->plan->destination.kind == END_TASK ? take(runtime, link, delivery, payload) : NULL;
    if (message == NULL) {
        COUNT(runtime, link, dropped);
        return answer(COAP_SERVICE_UNAVAILABLE, "no room");
    }
    COUNT(runtime, link, received);
    uint64_t born_ms = message->born_ms;
    if (task_enqueue(runtime, link->plan->destination.index, message)) {
        link_mark_fresh(runtime, link, born_ms);
    }
    return answer(COAP_CHANGED, "");
}

// The request will be answered when the message has taken effect and is durable.
static struct verdict defer(struct runtime *runtime, struct link *link, const struct coap_request *request) {
    struct runtime_tables *tables = tables_now(runtime);
    link->later = coap_later_of(request);
    link->later_ms = runtime->network_ms + ANSWER_LATEST_MS;
    deadlines_by(&tables->network, (uint32_t)(link - tables->links), link->later_ms);
    if (link->answer_is_due) {
        disk_wait(runtime, link);
    }
    return (struct verdict){0, true, ""};
}

static struct verdict accept_for_task(struct runtime *runtime, struct link *link, const struct delivery *delivery,
                                      const struct coap_request *request) {
    if (task_is_full(runtime, link->plan->destination.index, true)) {
        return answer(COAP_SERVICE_UNAVAILABLE, "the task has no room");
    }
    struct message *message = take(runtime, link, delivery, request->payload);
    if (message == NULL) {
        return answer(COAP_SERVICE_UNAVAILABLE, "the node has no room");
    }
    COUNT(runtime, link, received);
    link_mark_fresh(runtime, link, message->born_ms);
    link->has_queued = true;
    link->queued_epoch = delivery->epoch;
    link->queued_sequence = delivery->sequence;
    link->answer_is_due = false;
    (void)task_enqueue(runtime, link->plan->destination.index, message);
    return defer(runtime, link, request);
}

static struct verdict accept_for_resource(struct runtime *runtime, struct link *link, const struct delivery *delivery,
                                          const struct coap_request *request) {
    struct message *message = take(runtime, link, delivery, request->payload);
    if (message == NULL) {
        return answer(COAP_SERVICE_UNAVAILABLE, "the node has no room");
    }
    uint64_t position = 0;
    const char *outcome = "";
    uint8_t code = resource_deliver(runtime, link, message, &position, &outcome);
    message_release(&runtime->pool, message);
    if (position > runtime->durable) {
        return defer(runtime, link, request);
    }
    return answer(code, code == COAP_CHANGED && strcmp(outcome, "outranked") != 0 ? "" : outcome);
}

static struct verdict accept_reliable(struct runtime *runtime, struct link *link, const struct delivery *delivery,
                                      const struct coap_request *request) {
    switch (order_of(link, delivery)) {
    case ORDER_FENCED:
        return fence(runtime, link);
    case ORDER_QUEUED:
        COUNT(runtime, link, duplicates);
        return defer(runtime, link, request);
    case ORDER_SEEN:
        COUNT(runtime, link, duplicates);
        if (delivery->sequence == link->seen_sequence && link->seen_position > runtime->durable) {
            return defer(runtime, link, request);
        }
        return delivery->sequence == link->seen_sequence && link->answer_is_due ? answer_again(link) : answer(COAP_CHANGED, "");
    case ORDER_NEW:
        break;
    }
    if (delivery->delivery == DELIVERY_COMMAND && delivery->remaining_ms <= runtime->waited_ms) {
        COUNT(runtime, link, expired);
        event_tell(runtime, EVENT_COMMAND_EXPIRED, link_destination_name(runtime, link), ERROR_EXPIRED,
                   link_source_name(runtime, link));
        return answer(COAP_PRECONDITION_FAILED, "late");
    }
    return link->plan->destination.kind == END_TASK ? accept_for_task(runtime, link, delivery, request)
                                                    : accept_for_resource(runtime, link, delivery, request);
}

// --- requests ----------------------------------------------------------------------------------------------------------------

// True when the request was surely made after our start.
static bool shows_echo(const struct runtime *runtime, struct link *link, const struct coap_request *request) {
    const struct coap_option *echo = coap_message_option(request->message, COAP_OPTION_ECHO);
    link->echo_shown =
        link->echo_shown || (echo != NULL && bytes_equal(echo->value, (struct bytes){runtime->echo, sizeof runtime->echo}));
    return link->echo_shown;
}

static struct verdict check(struct runtime *runtime, struct link *link, const struct coap_request *request,
                            struct delivery *delivery) {
    const struct plan_peer *peer = &runtime_tables(runtime)->plan.peers[link->plan->source.index];
    const struct coap_option *option = coap_message_option(request->message, COAP_OPTION_TENON_DELIVERY);
    if (memcmp(&peer->address, &request->peer, sizeof request->peer) != 0) {
        runtime->foreign++;
        return refuse(runtime, link, COAP_FORBIDDEN, ERROR_DENIED, "the sender is not the link's source");
    }
    if (option == NULL || delivery_decode(option->value, delivery) != ERROR_NONE ||
        delivery->delivery != link->plan->delivery) {
        return refuse(runtime, link, COAP_BAD_OPTION, ERROR_MALFORMED, "option 65101 is missing, broken or of another class");
    }
    if (request->content_format != COAP_FORMAT_CBOR && request->content_format != COAP_FORMAT_NONE) {
        return refuse(runtime, link, COAP_UNSUPPORTED_CONTENT_FORMAT, ERROR_UNSUPPORTED,
                      "Content-Format: send 60 (CBOR), or none");
    }
    if (request->payload.size > MESSAGE_SIZE_MAX || !wire_is_item(request->payload)) {
        return refuse(runtime, link, COAP_BAD_REQUEST, ERROR_MALFORMED,
                      "the payload is not one CBOR item of at most 512 bytes");
    }
    if (delivery->delivery == DELIVERY_COMMAND && delivery->priority != link->plan->priority) {
        return refuse(runtime, link, COAP_FORBIDDEN, ERROR_DENIED, "the priority is not the one that the plan grants");
    }
    if (delivery->delivery == DELIVERY_COMMAND && !shows_echo(runtime, link, request)) {
        return answer(COAP_UNAUTHORIZED, "show the Echo: this node cannot tell how old the command is");
    }
    return answer(0, "");
}

static struct verdict serve(struct runtime *runtime, const struct coap_request *request) {
    uint32_t id = 0;
    struct delivery delivery;
    struct link *link = parse_id(request->path, &id) == ERROR_NONE ? link_find(runtime, id) : NULL;
    if (link == NULL || link->plan->source.kind != END_REMOTE) {
        runtime->foreign++;
        return answer(COAP_NOT_FOUND, "no such link in this node's plan");
    }
    if (request->code != COAP_PUT && request->code != COAP_POST) {
        return answer(COAP_METHOD_NOT_ALLOWED, "a link takes PUT and POST");
    }
    struct verdict verdict = check(runtime, link, request, &delivery);
    if (verdict.code != 0) {
        return verdict;
    }
    link_peer_heard(&tables_now(runtime)->peers[link->plan->source.index]);
    return delivery.delivery == DELIVERY_MEASUREMENT ? accept_measurement(runtime, link, &delivery, request->payload)
                                                     : accept_reliable(runtime, link, &delivery, request);
}

void link_serve(struct runtime *runtime, const struct coap_request *request, struct coap_response *response) {
    struct verdict verdict = serve(runtime, request);
    // A measurement is pushed without waiting: an answer would double the traffic and nobody reads it.
    bool silent = !request->confirmable && !verdict.deferred;
    *response = (struct coap_response){.code = silent ? 0 : verdict.code,
                                       .content_format = COAP_FORMAT_NONE,
                                       .body = bytes_of_text(verdict.why),
                                       .deferred = verdict.deferred};
    if (verdict.code == COAP_UNAUTHORIZED) {
        response->echo = (struct bytes){runtime->echo, sizeof runtime->echo};
    }
}
