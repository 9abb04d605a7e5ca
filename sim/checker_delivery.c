// Exactly once and in order: for each link the messages that its source sent, and how far its destination has come.
//
// The unit is the effect: the component was given the message. What dies with a host before it was durable is undone in the
// record (checker.c), so a repetition after a crash is only seen as one when the first effect survived.
#include <stdlib.h>

#include "sim/sim.h"

// Messages younger than this may still be under way at the end of a run.
#define UNDER_WAY_US (QUIET_US / 2)

static uint64_t first_kept(const struct channel *channel) {
    return channel->written > SENT_KEPT ? channel->written - SENT_KEPT : 0;
}

// An instance that starts afresh after a crash may send the same again; which of the two arrived nobody can tell, so neither is
// owed any more.
static void forgive_twin(struct channel *channel, uint64_t from, uint64_t hash) {
    for (uint64_t at = from; at < channel->written; at++) {
        struct sent *sent = &channel->ring[at % SENT_KEPT];
        sent->optional = sent->optional || sent->hash == hash;
    }
}

// The next message that this can be, skipping only what may be lost. True when it was found.
static bool take(struct checkers *checkers, struct channel *channel, uint64_t hash, uint64_t *missed) {
    *missed = 0;
    for (uint64_t at = channel->read; at < channel->written; at++) {
        const struct sent *sent = &channel->ring[at % SENT_KEPT];
        if (sent->hash == hash) {
            if (*missed == 0) {
                checkers->forgiven += at - channel->read;
                channel->read = at + 1;
                if (sent->optional && channel->delivery == DELIVERY_EVENT) {
                    forgive_twin(channel, at + 1, hash);
                }
            }
            return true;
        }
        *missed += sent->optional ? 0 : 1;
    }
    return false;
}

// A receiver without durability may see again what it had before it crashed.
static bool is_replay(struct channel *channel, uint64_t hash, bool *known) {
    *known = false;
    for (uint64_t at = first_kept(channel); at < channel->read; at++) {
        if (channel->ring[at % SENT_KEPT].hash == hash) {
            *known = true;
            if (at < channel->replay_until) {
                return true;
            }
        }
    }
    return false;
}

static bool is_fallback(const struct host *host, const struct message *message) {
    const struct runtime_tables *tables = runtime_tables(node_runtime(host->node));
    for (uint32_t i = 0; i < tables->plan.link_count; i++) {
        const struct plan_link *link = &tables->plan.links[i];
        if (link->id == message->link && link->stale_after_ms > 0) {
            static const uint8_t null_item[1] = {0xf6};
            struct bytes fallback = link->fallback.size > 0 ? link->fallback : (struct bytes){null_item, 1};
            return bytes_equal(fallback, message_bytes(message));
        }
    }
    return false;
}

static void judge(struct checkers *checkers, const struct host *host, const struct task *task, struct channel *channel,
                  uint64_t hash, const struct message *message) {
    struct sim *sim = checkers->sim;
    uint64_t missed = 0;
    bool known = false;
    if (take(checkers, channel, hash, &missed)) {
        if (missed > 0) {
            sim_breach(sim, "delivery", "%s -> %s: %llu messages before this one never took effect (task %s on %s)",
                       channel->source, channel->destination, (unsigned long long)missed, task->plan->name, host->name);
        }
    } else if (is_replay(channel, hash, &known)) {
        checkers->forgiven++;
    } else if (!is_fallback(host, message)) {
        sim_breach(sim, "delivery", "%s -> %s: %s (task %s on %s)", channel->source, channel->destination,
                   known ? "a message took effect twice" : "a message arrived that was not sent", task->plan->name, host->name);
    }
}

void delivery_received(struct checkers *checkers, const struct host *host, const struct task *task, struct channel *channel,
                       const struct message *message) {
    uint64_t hash = trace_hash_bytes(message_bytes(message));
    if (checkers->sim->options.sabotage == SABOTAGE_SWAP && message->delivery == DELIVERY_EVENT) {
        checkers->cheats++;
        if (checkers->cheats % 50 == 49) {
            checkers->held_hash = hash;
            checkers->held_link = message->link;
            return;
        }
        if (checkers->held_hash != 0 && checkers->held_link == message->link) {
            uint64_t held = checkers->held_hash;
            checkers->held_hash = 0;
            judge(checkers, host, task, channel, hash, message);
            judge(checkers, host, task, channel, held, message);
            return;
        }
    }
    judge(checkers, host, task, channel, hash, message);
}

void delivery_finish(struct checkers *checkers) {
    struct sim *sim = checkers->sim;
    for (uint32_t i = 0; i < checkers->count; i++) {
        const struct channel *channel = &checkers->channels[i];
        bool checked = channel->seen && channel->delivery == DELIVERY_EVENT && strchr(channel->destination, '.') != NULL;
        for (uint64_t at = channel->read; checked && at < channel->written; at++) {
            const struct sent *sent = &channel->ring[at % SENT_KEPT];
            if (!sent->optional && sent->sent_us + UNDER_WAY_US < sim->now_us) {
                sim_breach(sim, "delivery", "%s -> %s: message %llu of %llu was lost: it was sent and never took effect",
                           channel->source, channel->destination, (unsigned long long)at, (unsigned long long)channel->written);
                break;
            }
        }
    }
}
