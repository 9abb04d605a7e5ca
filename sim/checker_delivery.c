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

static bool is_same(const struct sent *sent, const struct message *message) {
    return sent->sequence == message->sequence && sent->epoch == message->epoch;
}

// The next message that this can be, skipping only what may be lost. NULL when it is none that is owed.
static const struct sent *take(struct checkers *checkers, struct channel *channel, const struct message *message,
                               uint64_t *missed) {
    *missed = 0;
    for (uint64_t at = channel->read; at < channel->written; at++) {
        const struct sent *sent = &channel->ring[at % SENT_KEPT];
        if (is_same(sent, message) && *missed > 0 && sent->epoch < channel->source_epoch) {
            *missed = 0; // from a holder that was replaced and does not know: what its successor sent comes later
            return sent;
        }
        if (is_same(sent, message)) {
            checkers->forgiven += *missed == 0 ? at - channel->read : 0;
            channel->read = *missed == 0 ? at + 1 : channel->read;
            return sent;
        }
        *missed += sent->optional ? 0 : 1;
    }
    return NULL;
}

// A receiver without durability may see again what it had before it crashed.
static bool is_replay(const struct channel *channel, const struct message *message, bool *known) {
    *known = false;
    for (uint64_t at = first_kept(channel); at < channel->read; at++) {
        if (is_same(&channel->ring[at % SENT_KEPT], message)) {
            *known = true;
            return at < channel->replay_until;
        }
    }
    return false;
}

static void judge(struct checkers *checkers, const struct host *host, const struct task *task, struct channel *channel,
                  const struct message *message) {
    struct sim *sim = checkers->sim;
    uint64_t missed = 0;
    bool known = false;
    const struct sent *sent = take(checkers, channel, message, &missed);
    if (sent != NULL && missed > 0) {
        sim_breach(sim, "delivery", "%s -> %s: %llu messages before this one never took effect (task %s on %s)",
                   channel->source, channel->destination, (unsigned long long)missed, task->plan->name, host->name);
    } else if (sent != NULL && sent->hash != trace_hash_bytes(message_bytes(message))) {
        sim_breach(sim, "delivery", "%s -> %s: message %llu arrived with another content", channel->source,
                   channel->destination, (unsigned long long)message->sequence);
    } else if (sent == NULL && is_replay(channel, message, &known)) {
        checkers->forgiven++;
    } else if (sent == NULL) {
        sim_breach(sim, "delivery", "%s -> %s: %s (task %s on %s)", channel->source, channel->destination,
                   known ? "a message took effect twice" : "a message arrived that was not sent", task->plan->name, host->name);
    }
}

// An instance that was taken over and does not know it: the receiver may obey it until it has seen the new one, and never
// after.
static bool is_outdated(struct checkers *checkers, const struct host *host, struct channel *channel,
                        const struct message *message) {
    bool same_life = channel->taken_host == host->index && channel->taken_life == host->life;
    if (same_life && message->epoch < channel->taken_epoch) {
        sim_breach(checkers->sim, "delivery", "%s -> %s: epoch %u took effect after epoch %u", channel->source,
                   channel->destination, message->epoch, channel->taken_epoch);
    }
    channel->taken_epoch = message->epoch;
    channel->taken_host = host->index;
    channel->taken_life = host->life;
    return message->epoch < channel->source_epoch;
}

void delivery_received(struct checkers *checkers, const struct host *host, const struct task *task, struct channel *channel,
                       const struct message *message) {
    if (is_outdated(checkers, host, channel, message)) {
        checkers->forgiven++;
        return;
    }
    if (checkers->sim->options.sabotage == SABOTAGE_SWAP && message->delivery == DELIVERY_EVENT) {
        checkers->cheats++;
        if (checkers->cheats % 50 == 49) {
            checkers->held = *message;
            return;
        }
        if (checkers->held.sequence != 0 && checkers->held.link == message->link) {
            judge(checkers, host, task, channel, message);
            judge(checkers, host, task, channel, &checkers->held);
            checkers->held.sequence = 0;
            return;
        }
    }
    judge(checkers, host, task, channel, message);
}

// Numbers of one boot begin at boot << 40 and have no hole (core/link.c); at a new boot, or on another device with a new epoch,
// they begin with 1 again. A receiver without durability begins anew with each of its lives.
void delivery_from_sensor(struct checkers *checkers, const struct host *host, const struct task *task, struct channel *channel,
                          const struct message *message) {
    const uint64_t in_boot = (UINT64_C(1) << 40) - 1;
    bool same_epoch = message->epoch == channel->last_epoch;
    bool same_boot = message->sequence >> 40 == channel->read >> 40;
    bool first = channel->last_life == 0 || ((channel->last_host != host->index || channel->last_life != host->life) &&
                                             task->plan->durability == DURABILITY_NONE);
    bool older = message->epoch < channel->last_epoch || (same_epoch && message->sequence <= channel->read);
    bool next = (same_boot && message->sequence == channel->read + 1) ||
                ((!same_boot || !same_epoch) && (message->sequence & in_boot) == 1);
    if (!first && older) {
        sim_breach(checkers->sim, "delivery", "%s -> %s: event %llu of a sensor took effect twice (task %s on %s)",
                   channel->source, channel->destination, (unsigned long long)message->sequence, task->plan->name, host->name);
    } else if (!first && !next) {
        sim_breach(checkers->sim, "delivery",
                   "%s -> %s: events of a sensor were lost between number %llu and %llu (task %s on %s)", channel->source,
                   channel->destination, (unsigned long long)(channel->read & in_boot),
                   (unsigned long long)(message->sequence & in_boot), task->plan->name, host->name);
    }
    channel->read = message->sequence;
    channel->last_epoch = message->epoch;
    channel->last_host = host->index;
    channel->last_life = host->life;
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
