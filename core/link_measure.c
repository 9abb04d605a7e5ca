// Measurements: newest wins, loss is tolerated and counted.
//
//   link_measure: threshold --> interval_min (the newest waits) --> deliver --> kept for interval_max
//   deliver: to a task here: its queue; elsewhere: CoAP NON PUT, and forgotten
//
// NON messages ask for no answer, so a sender would never learn that nobody is there. RFC 7252 §4.7 limits what may be sent to
// such a peer (PROBING_RATE, 1 byte/s). So after PROBE_AFTER pushes without a sign of life one goes as CON; when that gets no
// answer, the peer is silent, and pushes to it are dropped and counted but for one probe after 1 s, 2 s, 4 s ... 32 s, until
// it is heard again:
//
//   HEARD --PROBE_AFTER pushes--> one CON push --answer--> HEARD
//                                     +--time-out--> SILENT --a probe from time to time; anything heard--> HEARD
#include <math.h>

#include "core/runtime_private.h"
#include "core/wire.h"

#define PROBE_AFTER 32
#define PROBE_RETRANSMIT_MAX 2
#define PROBE_FIRST_MS 1000
#define PROBE_SHIFT_MAX 5 // 32 s: a push of 32 bytes is then 1 byte/s

void link_peer_heard(struct peer *peer) {
    peer->unheard = 0;
    peer->silences = 0;
}

void link_probe_completed(struct runtime *runtime, const struct coap_completion *completion) {
    struct link *link = link_find(runtime, (uint32_t)completion->user);
    if (link == NULL || link->plan->destination.kind != END_REMOTE) {
        return;
    }
    struct peer *peer = &tables_now(runtime)->peers[link->plan->destination.index];
    peer->probing = false;
    if (completion->error == ERROR_NONE) {
        link_peer_heard(peer);
        return;
    }
    if (peer->silences == 0) {
        event_tell(runtime, EVENT_PEER_SILENT, link_destination_name(runtime, link), ERROR_TIMEOUT,
                   "measurements to it are held back until it answers");
    }
    peer->probe_ms = runtime->network_ms +
                     ((uint64_t)PROBE_FIRST_MS << (peer->silences < PROBE_SHIFT_MAX ? peer->silences : PROBE_SHIFT_MAX));
    peer->silences++;
}

static void push(struct runtime *runtime, struct link *link, struct message *message) {
    struct peer *peer = &tables_now(runtime)->peers[link->plan->destination.index];
    bool silent = peer->silences > 0;
    if (silent && (peer->probing || peer->probe_ms > runtime->network_ms)) {
        COUNT(runtime, link, dropped);
        return;
    }
    bool probe = !peer->probing && (silent || peer->unheard >= PROBE_AFTER);
    link_number(runtime, link, message);
    if (link_post(runtime, link, message, probe ? PROBE_RETRANSMIT_MAX : 0) != ERROR_NONE) {
        COUNT(runtime, link, dropped);
    } else if (probe) {
        peer->probing = true;
    } else {
        peer->unheard++;
    }
}

uint64_t link_held_due_ms(const struct link *link) {
    return link->sent_ms + (link->held_is_due ? link->plan->interval_min_ms : link->plan->interval_max_ms);
}

static void deliver_measurement(struct runtime *runtime, struct link *link, struct message *message) {
    link->sent_ms = runtime->building_ms;
    COUNT(runtime, link, sent);
    if (link->plan->destination.kind == END_TASK) {
        COUNT(runtime, link, received);
        uint64_t born_ms = message->born_ms;
        message->input = (uint16_t)link->plan->destination.port;
        if (task_enqueue(runtime, link->plan->destination.index, message)) {
            link_mark_fresh(runtime, link, born_ms);
        }
        return;
    }
    if (link->plan->destination.kind == END_REMOTE) {
        push(runtime, link, message);
    } else {
        COUNT(runtime, link, refused); // an actuator takes commands only
    }
    message_release(&runtime->pool, message);
}

static void hold(struct runtime *runtime, struct link *link, struct message *message, bool is_due) {
    if (link->held != NULL) {
        if (link->held_is_due && is_due) {
            COUNT(runtime, link, superseded);
        }
        message_release(&runtime->pool, link->held);
    }
    link->held = message;
    link->held_is_due = is_due;
    link_due_by(runtime, link, link_held_due_ms(link));
}

struct message *link_make_measurement(struct runtime *runtime, struct link *link, struct bytes value, uint64_t trace,
                                      uint64_t born_ms) {
    struct message *message = link_message(runtime, link, value, trace, born_ms);
    if (message == NULL) {
        COUNT(runtime, link, dropped);
        event_tell(runtime, EVENT_QUEUE_OVERFLOW, link_source_name(runtime, link), ERROR_FULL, "the node has no free message");
    }
    return message;
}

// Keeps a copy of what was sent, to be sent again after interval_max.
static void keep_for_repeat(struct runtime *runtime, struct link *link, struct bytes value, uint64_t trace, uint64_t born_ms) {
    if (link->plan->interval_max_ms == 0) {
        return;
    }
    struct message *copy = link_make_measurement(runtime, link, value, trace, born_ms);
    if (copy != NULL) {
        hold(runtime, link, copy, false);
    }
}

static void note_last(struct link *link, struct bytes value) {
    double number = 0;
    link->has_last = true;
    link->last_number = wire_number(value, &number) ? number : (double)NAN;
}

static bool is_below_threshold(struct link *link, struct bytes value) {
    double number = 0;
    bool below = wire_number(value, &number) && link->has_last && link->plan->threshold > 0 && !isnan(link->last_number) &&
                 fabs(number - link->last_number) < link->plan->threshold;
    if (!below) {
        note_last(link, value);
    }
    return below;
}

// A value too near to the last one to be sent is still the newest: it is what interval_max repeats, or else an input whose
// sensor stands still would go stale.
static void refresh(struct link *link, struct bytes value, uint64_t trace, uint64_t born_ms) {
    if (link->held != NULL && !link->held_is_due && value.size <= sizeof link->held->data) {
        memcpy(link->held->data, value.data, value.size);
        link->held->size = (uint16_t)value.size;
        link->held->trace = trace;
        link->held->born_ms = born_ms;
    }
}

void link_measure(struct runtime *runtime, struct link *link, struct bytes value, uint64_t trace, uint64_t born_ms) {
    bool is_repeated = link->plan->interval_max_ms > 0;
    if (is_below_threshold(link, value) && (link->held != NULL || !is_repeated)) {
        refresh(link, value, trace, born_ms);
        return;
    }
    struct message *message = link_make_measurement(runtime, link, value, trace, born_ms);
    if (message == NULL) {
        link->has_last = false; // the next one is sent, however near it is
        return;
    }
    bool too_soon = link->plan->interval_min_ms > 0 && link->sent_ms > 0 &&
                    runtime->building_ms < link->sent_ms + link->plan->interval_min_ms;
    if (too_soon) {
        hold(runtime, link, message, true);
        return;
    }
    if (link->held != NULL) {
        message_release(&runtime->pool, link->held);
        link->held = NULL;
    }
    deliver_measurement(runtime, link, message);
    keep_for_repeat(runtime, link, value, trace, born_ms);
}

void link_send_held(struct runtime *runtime, struct link *link) {
    struct message *held = link->held;
    link->held = NULL;
    uint8_t copy[MESSAGE_SIZE_MAX];
    struct bytes value = {copy, held->size};
    memcpy(copy, held->data, held->size);
    uint64_t trace = held->trace;
    uint64_t born_ms = held->born_ms;
    note_last(link, value);
    deliver_measurement(runtime, link, held);
    keep_for_repeat(runtime, link, value, trace, born_ms);
}
