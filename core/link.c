// Links: how a value leaves its source and crosses to its destination, by the rules of its delivery class.
//
//   measurement: threshold, interval_min --> here: queue or nothing; elsewhere: CoAP NON PUT, and forgotten
//   event, command: link_make (a number, a place in the batch of the work that caused it), then link_send:
//     to a task here       into its queue at once: journal order makes its work later than the batch that it rests on
//     to an actuator here  into `pending` until the batch is durable, then resource.c
//     to another node      into `pending`; link_pump sends the first when its batch is durable, the peer's window is open and
//                          no retry is due later. One CON POST is under way on a link at a time, so order needs no buffer
//
//   first in pending:  WAITS --durable, window, retry_ms--> UNDER WAY --2.xx, or refused for good--> settled, the next one
//                        ^------ time-out, 5.xx, 4.04, Echo wanted ------+
//
// A message stays in `pending` until its answer came; a retry is a fresh request with the same number, so that the receiver
// sees a duplicate, and a command tells the lifetime that it has left. The receiving half is link_serve.c.
#include <math.h>

#include "core/runtime_private.h"
#include "core/wire.h"

// Sequence numbers of one boot start at boot << 40, so that they rise over restarts of the node: 10^12 messages fit in one
// boot.
#define SEQUENCE_BOOT_SHIFT 40
// A fallback that found no room is tried again after this long (building time).
#define FALLBACK_RETRY_MS 1000

const struct link *runtime_link_find(const struct runtime_tables *tables, uint32_t id) {
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

struct link *link_find_in(struct runtime_tables *tables, uint32_t id) {
    const struct link *found = runtime_link_find(tables, id);
    return found == NULL ? NULL : &tables->links[found - tables->links];
}

struct link *link_find(struct runtime *runtime, uint32_t id) {
    return link_find_in(tables_now(runtime), id);
}

static struct peer *peer_of(struct runtime *runtime, const struct link *link) {
    ASSERT(link->plan->destination.kind == END_REMOTE);
    return &tables_now(runtime)->peers[link->plan->destination.index];
}

static void put_settled(struct runtime *runtime, const struct message *last) {
    if (last->position == 0) {
        return;
    }
    // Nobody waits for it: without it the message is sent again and found to be a duplicate.
    const struct journal_entry entry = {
        .kind = JOURNAL_POSITION, .link = last->link, .epoch = last->epoch, .sequence = last->sequence};
    enum error error = batch_put(runtime, &entry);
    ASSERT(error == ERROR_NONE);
    (void)batch_close(runtime);
}

static void drop_pending(struct runtime *runtime, struct link *link) {
    if (link->pending.tail != NULL) {
        put_settled(runtime, link->pending.tail);
    }
    uint32_t count = message_queue_clear(&link->pending, &runtime->pool);
    if (count > 0) {
        COUNT_MANY(runtime, link, dropped, count);
        event_tell(runtime, EVENT_QUEUE_OVERFLOW, "link", ERROR_NOT_FOUND, "the plan ended it with messages on their way");
    }
}

void link_end(struct runtime *runtime, struct link *link) {
    if (link->held != NULL) {
        message_release(&runtime->pool, link->held);
        link->held = NULL;
    }
    drop_pending(runtime, link);
    if (link->in_flight) {
        coap_endpoint_cancel(&runtime->coap, link->plan->id);
        link->in_flight = false;
    }
}

bool link_is_backed_up(const struct runtime *runtime, const struct link *link) {
    if (link->plan->destination.kind == END_TASK) {
        return task_is_full(runtime, link->plan->destination.index, link->plan->source.kind != END_TASK);
    }
    return !link->plan->newest_only && link->pending.count >= LINK_PENDING_MAX;
}

bool link_is_durable(const struct runtime *runtime, const struct link *link) {
    if (!journal_is_there(runtime) || link->plan->delivery == DELIVERY_MEASUREMENT) {
        return false;
    }
    switch (link->plan->source.kind) {
    case END_TASK:
        return task_is_durable(runtime, &runtime_tables(runtime)->tasks[link->plan->source.index]);
    case END_RESOURCE:
        return true; // a driver cannot send again
    case END_REMOTE:
        return false;
    }
    return false;
}

static const char *end_name(const struct plan *plan, const struct plan_end *end) {
    switch (end->kind) {
    case END_TASK:
        return plan->tasks[end->index].name;
    case END_RESOURCE:
        return plan->resources[end->index].name;
    case END_REMOTE:
        return plan->peers[end->index].name;
    }
    return "?";
}

const char *link_source_name(const struct runtime *runtime, const struct link *link) {
    return end_name(&runtime_tables(runtime)->plan, &link->plan->source);
}

const char *link_destination_name(const struct runtime *runtime, const struct link *link) {
    return end_name(&runtime_tables(runtime)->plan, &link->plan->destination);
}

static uint32_t source_epoch(const struct runtime *runtime, const struct link *link) {
    const struct plan *plan = &runtime_tables(runtime)->plan;
    if (link->plan->source.kind == END_TASK) {
        return plan->tasks[link->plan->source.index].epoch;
    }
    ASSERT(link->plan->source.kind == END_RESOURCE);
    return plan->resources[link->plan->source.index].epoch;
}

static uint64_t next_sequence(const struct runtime *runtime, struct link *link) {
    uint64_t first = (runtime->boot << SEQUENCE_BOOT_SHIFT) + 1;
    link->sequence = link->sequence < first ? first : link->sequence + 1;
    return link->sequence;
}

void link_number(const struct runtime *runtime, struct link *link, struct message *message) {
    message->epoch = source_epoch(runtime, link);
    message->sequence = next_sequence(runtime, link);
}

static uint32_t bounded_ms(uint64_t later, uint64_t earlier) {
    uint64_t difference = later > earlier ? later - earlier : 0;
    return difference > UINT32_MAX ? UINT32_MAX : (uint32_t)difference;
}

struct message *link_message(struct runtime *runtime, struct link *link, struct bytes value, uint64_t trace, uint64_t born_ms) {
    struct message *message = message_take(&runtime->pool, value);
    if (message == NULL) {
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

// --- to another node -------------------------------------------------------------------------------------------------------

static void write_path(uint32_t id, char path[16]) {
    char digits[12];
    size_t count = 0;
    memcpy(path, "c/", 2);
    do {
        digits[count++] = (char)('0' + id % 10);
        id /= 10;
    } while (id > 0);
    for (size_t i = 0; i < count; i++) {
        path[2 + i] = digits[count - 1 - i];
    }
    path[2 + count] = '\0';
}

enum error link_post(struct runtime *runtime, const struct link *link, const struct message *message, uint32_t retransmit_max) {
    uint8_t option[DELIVERY_SIZE_MAX];
    bool reliable = message->delivery != DELIVERY_MEASUREMENT;
    bool confirmable = retransmit_max > 0;
    bool is_command = message->delivery == DELIVERY_COMMAND;
    struct delivery delivery = {
        .delivery = (enum delivery_class)message->delivery,
        .epoch = message->epoch,
        .sequence = message->sequence,
        .remaining_ms = is_command ? bounded_ms(message->expires_ms, runtime->building_ms) : 0,
        .priority = is_command ? message->priority : 0,
        .age_ms = bounded_ms(runtime->building_ms, message->born_ms),
        .trace = message->trace,
    };
    size_t option_size = 0;
    char path[16];
    enum error error = delivery_encode(&delivery, (struct buffer){option, sizeof option}, &option_size);
    ASSERT(error == ERROR_NONE);
    write_path(link->plan->id, path);
    struct coap_outgoing outgoing = {
        .peer = runtime_tables(runtime)->plan.peers[link->plan->destination.index].address,
        .confirmable = confirmable,
        .expect_response = confirmable,
        .code = reliable ? COAP_POST : COAP_PUT,
        .path = path,
        .delivery = {option, option_size},
        .echo = {link->echo, link->echo_size},
        .content_format = COAP_FORMAT_CBOR,
        .payload = message_bytes(message),
        .retransmit_max = retransmit_max,
        .user = link->plan->id | (reliable ? 0 : USER_OF_PROBE),
    };
    error = coap_endpoint_request(&runtime->coap, runtime->network_ms, &outgoing);
    if (error == ERROR_NONE) {
        runtime->traffic[message->delivery].remote++;
    }
    return error;
}

static void retry_later(struct runtime *runtime, struct link *link) {
    uint64_t maximum = link->plan->delivery == DELIVERY_COMMAND ? RETRY_COMMAND_MAX_MS : RETRY_EVENT_MAX_MS;
    uint64_t wait_ms = (uint64_t)RETRY_FIRST_MS << (link->failures > 8 ? 8 : link->failures);
    link->failures++;
    link->retry_ms = runtime->network_ms + (wait_ms < maximum ? wait_ms : maximum);
    struct runtime_tables *tables = tables_now(runtime);
    deadlines_by(&tables->network, (uint32_t)(link - tables->links), link->retry_ms);
}

static void wait_for_peer(struct runtime *runtime, struct peer *peer, struct link *link) {
    struct runtime_tables *tables = tables_now(runtime);
    uint32_t index = (uint32_t)(link - tables->links);
    if (link->waits_for_peer) {
        return;
    }
    link->waits_for_peer = true;
    link->next_for_peer = NO_INDEX;
    if (peer->waiting_tail == NO_INDEX) {
        peer->waiting_head = index;
    } else {
        tables->links[peer->waiting_tail].next_for_peer = index;
    }
    peer->waiting_tail = index;
}

static void pump_remote(struct runtime *runtime, struct link *link) {
    struct peer *peer = peer_of(runtime, link);
    if (link->in_flight || link->retry_ms > runtime->network_ms) {
        return;
    }
    if (peer->in_flight >= peer->window) {
        wait_for_peer(runtime, peer, link);
        return;
    }
    // A command's expiry is set anew in a fresh request, so its retransmission stays short (DESIGN §6).
    uint32_t retransmit_max = link->plan->delivery == DELIVERY_COMMAND ? 1 : UINT32_MAX;
    if (link_post(runtime, link, link->pending.head, retransmit_max) != ERROR_NONE) {
        retry_later(runtime, link); // all exchanges are in use
        return;
    }
    link->in_flight = true;
    peer->in_flight++;
}

// The windows of all peers are looked at again, in the order in which links came to wait.
static void pump_peer(struct runtime *runtime, struct peer *peer) {
    struct runtime_tables *tables = tables_now(runtime);
    while (peer->in_flight < peer->window && peer->waiting_head != NO_INDEX) {
        struct link *link = &tables->links[peer->waiting_head];
        peer->waiting_head = link->next_for_peer;
        if (peer->waiting_head == NO_INDEX) {
            peer->waiting_tail = NO_INDEX;
        }
        link->waits_for_peer = false;
        link_pump(runtime, link);
    }
}

static void adapt_window(struct peer *peer, const struct coap_completion *completion) {
    ASSERT(peer->in_flight > 0);
    peer->in_flight--;
    if (completion->error != ERROR_NONE) {
        peer->window = 1;
        peer->good = 0;
    } else if (completion->attempts > 0) {
        peer->window = peer->window > 1 ? peer->window / 2 : 1;
        peer->good = 0;
    } else if (++peer->good >= peer->window) {
        peer->window += peer->window < PEER_WINDOW_MAX ? 1 : 0;
        peer->good = 0;
    }
}

// --- settling --------------------------------------------------------------------------------------------------------------

void link_outcome(struct runtime *runtime, const struct link *link, const char *outcome) {
    if (link->plan->confirm == 0 || link->plan->source.kind != END_TASK) {
        return;
    }
    uint8_t item[24];
    size_t size = strlen(outcome);
    ASSERT(size > 0 && size < sizeof item);
    item[0] = (uint8_t)(0x60 | size);
    memcpy(item + 1, outcome, size); // NOLINT(bugprone-not-null-terminated-result): a CBOR item, not a string
    struct message *message = message_take(&runtime->pool, (struct bytes){item, size + 1});
    if (message == NULL) {
        event_tell(runtime, EVENT_QUEUE_OVERFLOW, link_source_name(runtime, link), ERROR_FULL, "an outcome was not told");
        return;
    }
    message->delivery = DELIVERY_EVENT;
    message->input = (uint16_t)(link->plan->confirm - 1);
    message->born_ms = runtime->building_ms;
    (void)task_enqueue(runtime, link->plan->source.index, message);
}

// The first pending message is done with, for good or bad.
static void settle(struct runtime *runtime, struct link *link, const char *outcome) {
    struct message *done = message_queue_pop(&link->pending);
    ASSERT(done != NULL);
    put_settled(runtime, done);
    message_release(&runtime->pool, done);
    link->failures = 0;
    link->retry_ms = 0;
    link_outcome(runtime, link, outcome);
}

static void expire_pending(struct runtime *runtime, struct link *link) {
    while (link->pending.head != NULL && link->pending.head->delivery == DELIVERY_COMMAND && !link->in_flight &&
           link->pending.head->expires_ms <= runtime->building_ms) {
        COUNT(runtime, link, expired);
        event_tell(runtime, EVENT_COMMAND_EXPIRED, link_source_name(runtime, link), ERROR_EXPIRED,
                   link_destination_name(runtime, link));
        settle(runtime, link, "late");
    }
}

// What the sender is told of an answer: one of the words of `confirm`, never the sentence that explains a refusal.
static const char *outcome_of(uint8_t code, struct bytes why) {
    if (code >> 5 == 2) {
        return bytes_equal(why, bytes_of_text("outranked")) ? "outranked" : "obeyed";
    }
    return code == COAP_PRECONDITION_FAILED ? "late" : code == COAP_UNPROCESSABLE_ENTITY ? "quarantined" : "refused";
}

static void pump_resource(struct runtime *runtime, struct link *link) {
    while (link->pending.head != NULL && link->pending.head->position <= runtime->durable) {
        uint64_t position = 0;
        const char *outcome = "obeyed";
        uint8_t code = resource_deliver(runtime, link, link->pending.head, &position, &outcome);
        settle(runtime, link, outcome_of(code, bytes_of_text(outcome)));
        expire_pending(runtime, link);
    }
}

// Sends the first, or lets it wait for the disk, its peer or its next try.
static void pump(struct runtime *runtime, struct link *link) {
    if (link->pending.head->position > runtime->durable) {
        disk_wait(runtime, link);
    } else if (link->plan->destination.kind == END_REMOTE) {
        pump_remote(runtime, link);
    } else if (link->plan->destination.kind == END_RESOURCE) {
        pump_resource(runtime, link);
    }
}

void link_pump(struct runtime *runtime, struct link *link) {
    expire_pending(runtime, link);
    if (link->pending.head != NULL) {
        pump(runtime, link);
    }
    const struct message *head = link->pending.head;
    if (head != NULL && head->delivery == DELIVERY_COMMAND && !link->in_flight) {
        link_due_by(runtime, link, head->expires_ms); // reported in time, whatever it waits for
    }
}

// Refusals that another attempt may overcome: the plan is on its way, the node is full or just starting.
static bool is_passing(uint8_t code) {
    return code >> 5 == 5 || code == COAP_UNAUTHORIZED || code == COAP_FORBIDDEN || code == COAP_NOT_FOUND ||
           code == COAP_REQUEST_ENTITY_INCOMPLETE || code == COAP_CODE(4, 29);
}

static void note_answer(struct runtime *runtime, struct link *link, const struct coap_completion *completion) {
    if (completion->error == ERROR_NONE && completion->code == COAP_UNAUTHORIZED && completion->echo.size > 0 &&
        !bytes_equal(completion->echo, (struct bytes){link->echo, link->echo_size})) {
        link->echo_size = (uint8_t)completion->echo.size; // asked at first contact after the receiver's start: show it at once
        memcpy(link->echo, completion->echo.data, completion->echo.size);
        return;
    }
    if (completion->error != ERROR_NONE || is_passing(completion->code)) {
        COUNT(runtime, link, retried);
        retry_later(runtime, link);
        return;
    }
    const char *outcome = outcome_of(completion->code, completion->body);
    if (completion->code >> 5 != 2) {
        COUNT(runtime, link, refused);
        event_tell(runtime, link->plan->delivery == DELIVERY_COMMAND ? EVENT_COMMAND_REFUSED : EVENT_DELIVERY_REFUSED,
                   link_source_name(runtime, link), ERROR_DENIED, link_destination_name(runtime, link));
    }
    settle(runtime, link, outcome);
}

void link_completed(struct runtime *runtime, const struct coap_completion *completion) {
    if ((completion->user & USER_OF_PROBE) != 0) {
        link_probe_completed(runtime, completion);
        return;
    }
    struct link *link = link_find(runtime, (uint32_t)completion->user);
    if (link == NULL || !link->in_flight) {
        return;
    }
    struct peer *peer = peer_of(runtime, link);
    link->in_flight = false;
    adapt_window(peer, completion);
    if (completion->error == ERROR_NONE) {
        link_peer_heard(peer);
    }
    note_answer(runtime, link, completion);
    pump_peer(runtime, peer);
    link_pump(runtime, link);
    if (runtime->blocked_count > 0) {
        task_unblock(runtime);
    }
}

// --- events and commands -----------------------------------------------------------------------------------------------------

struct message *link_make(struct runtime *runtime, struct link *link, struct bytes value, uint64_t trace) {
    struct message *message = link_message(runtime, link, value, trace, runtime->building_ms);
    if (message != NULL) {
        link_number(runtime, link, message);
    }
    return message;
}

// The newest command replaces those that have not left yet.
static void supersede(struct runtime *runtime, struct link *link) {
    struct message *first = link->in_flight ? message_queue_pop(&link->pending) : NULL;
    uint32_t count = message_queue_clear(&link->pending, &runtime->pool);
    if (first != NULL) {
        message_queue_push(&link->pending, first);
    }
    COUNT_MANY(runtime, link, superseded, count);
    for (uint32_t i = 0; i < count; i++) {
        link_outcome(runtime, link, "superseded");
    }
}

void link_send(struct runtime *runtime, struct link *link, struct message *message) {
    link->sent_ms = runtime->building_ms;
    COUNT(runtime, link, sent);
    if (link->plan->destination.kind == END_TASK) {
        COUNT(runtime, link, received);
        link_mark_fresh(runtime, link, message->born_ms);
        message->input = (uint16_t)link->plan->destination.port;
        (void)task_enqueue(runtime, link->plan->destination.index, message);
        return;
    }
    if (link->plan->newest_only && link->pending.count > 0) {
        supersede(runtime, link);
    }
    message_queue_push(&link->pending, message);
    link_pump(runtime, link);
}

// --- time --------------------------------------------------------------------------------------------------------------------

void link_mark_fresh(struct runtime *runtime, struct link *link, uint64_t born_ms) {
    if (link->plan->stale_after_ms == 0) {
        return;
    }
    link->fresh_until_ms = born_ms + link->plan->stale_after_ms;
    if (link->stale && link->fresh_until_ms > runtime->building_ms) {
        link->stale = false;
        event_tell(runtime, EVENT_INPUT_FRESH, link_destination_name(runtime, link), ERROR_NONE,
                   link_source_name(runtime, link));
    }
    link_due_by(runtime, link, link->fresh_until_ms);
}

// The task is given the fallback. False when there was no room for it.
static bool fall_back(struct runtime *runtime, struct link *link) {
    static const uint8_t null_item[1] = {0xf6};
    struct bytes fallback = link->plan->fallback.size > 0 ? link->plan->fallback : (struct bytes){null_item, 1};
    struct message *message = link_make_measurement(runtime, link, fallback, runtime_trace(runtime), runtime->building_ms);
    if (message == NULL) {
        return false;
    }
    message->delivery = DELIVERY_MEASUREMENT; // also on a link of events: it has no number, and the newest matters
    message->input = (uint16_t)link->plan->destination.port;
    return task_enqueue(runtime, link->plan->destination.index, message);
}

static void go_stale(struct runtime *runtime, struct link *link) {
    // A resource falls back to its safe value when the command expires.
    if (link->plan->destination.kind == END_TASK && !fall_back(runtime, link)) {
        link->fresh_until_ms = runtime->building_ms + FALLBACK_RETRY_MS; // it is owed, however full the node is
        return;
    }
    link->stale = true;
    COUNT(runtime, link, fallbacks);
    event_tell(runtime, EVENT_INPUT_STALE, link_destination_name(runtime, link), ERROR_TIMEOUT,
               link_source_name(runtime, link));
}

void link_due_by(struct runtime *runtime, const struct link *link, uint64_t building_ms) {
    struct runtime_tables *tables = tables_now(runtime);
    deadlines_by(&tables->building, (uint32_t)(link - tables->links), building_ms);
}

static bool awaits_freshness(const struct link *link) {
    return link->plan->stale_after_ms > 0 && link->plan->destination.kind != END_REMOTE && !link->stale;
}

void link_schedule(struct runtime *runtime, struct link *link) {
    const struct message *head = link->pending.head;
    if (link->held != NULL) {
        link_due_by(runtime, link, link_held_due_ms(link));
    }
    if (awaits_freshness(link)) {
        link_due_by(runtime, link, link->fresh_until_ms);
    }
    struct runtime_tables *tables = tables_now(runtime);
    if (head != NULL && link->retry_ms > runtime->network_ms) {
        deadlines_by(&tables->network, (uint32_t)(link - tables->links), link->retry_ms);
    }
    if (link->later.used) {
        deadlines_by(&tables->network, (uint32_t)(link - tables->links), link->later_ms);
    }
}

static void advance(struct runtime *runtime, struct link *link) {
    if (link->held != NULL && link_held_due_ms(link) <= runtime->building_ms) {
        link_send_held(runtime, link);
    }
    if (awaits_freshness(link) && link->fresh_until_ms <= runtime->building_ms) {
        go_stale(runtime, link);
    }
    if (link->pending.head != NULL) {
        link_pump(runtime, link);
    }
    link_put_off(runtime, link);
    link_schedule(runtime, link);
}

void link_advance(struct runtime *runtime) {
    struct runtime_tables *tables = tables_now(runtime);
    uint32_t index = 0;
    bool any = false;
    // What is put in again is due later than now, so both loops end.
    while (deadlines_take(&tables->building, runtime->building_ms, &index)) {
        advance(runtime, &tables->links[index]);
        any = true;
    }
    while (deadlines_take(&tables->network, runtime->network_ms, &index)) {
        advance(runtime, &tables->links[index]);
        any = true;
    }
    if (any && runtime->blocked_count > 0) {
        task_unblock(runtime); // what ended made room
    }
}
