// A command is obeyed before its expiry or not at all, on true time; and one writer at a time is obeyed.
//
// Expiry travels as remaining lifetime, so true time may be passed by what the nodes cannot know: the bound is below.
#include "sim/sim.h"

// The bound: the longest delay that a datagram to this host had (the network's share), the span of CON retransmission of one
// request (ACK_TIMEOUT x 1.5, once, and twice as long late at most: core/link.c, core/coap_client.c), two turns, and the drift
// of two clocks over the command's life. When the building's time is the plant's, its step on top. And, where wall clocks were
// set back, that much, but no more than a whole lifetime at the sender and one at the receiver: a journal's lifetimes are on
// the wall clock, and a node that starts again cuts them to what the policy gives.
static uint64_t late_allowed_us(const struct host *host, uint32_t expiry_ms) {
    const struct sim *sim = host->sim;
    uint64_t drift_us = (uint64_t)expiry_ms * 1000 / 1000000 * 2 * (uint64_t)sim->faults.drift_ppm_max;
    uint64_t step_us = host->config.plant_clock ? sim->plant.step_ms * 1000 : 0;
    uint64_t lives_us = 2 * (uint64_t)expiry_ms * 1000;
    uint64_t back_us = sim->faults.set_back_us < lives_us ? sim->faults.set_back_us : lives_us;
    return host->longest_delay_us + (uint64_t)host->config.ack_timeout_ms * 4500 + 2 * SECOND_US + drift_us + step_us + back_us;
}

// The newest message of this value on the link; NULL when none is known.
static const struct sent *command_of(const struct channel *channel, struct bytes value) {
    uint64_t hash = trace_hash_bytes(value);
    uint64_t first = channel->written > SENT_KEPT ? channel->written - SENT_KEPT : 0;
    for (uint64_t at = channel->written; at > first; at--) {
        if (channel->ring[(at - 1) % SENT_KEPT].hash == hash) {
            return &channel->ring[(at - 1) % SENT_KEPT];
        }
    }
    return NULL;
}

// The live command that the resource obeys, NULL for the safe value.
static const struct actuator_slot *obeyed(const struct resource *resource) {
    return resource->priority > 0 ? actuator_find(&resource->actuator, resource->priority) : NULL;
}

static void check_expiry(struct checkers *checkers, const struct host *host, const struct resource *resource, bool now_obeyed) {
    struct sim *sim = checkers->sim;
    const struct actuator_slot *slot = obeyed(resource);
    if (slot == NULL) {
        return;
    }
    struct channel *channel = checker_channel(checkers, slot->link);
    const struct sent *sent = channel->seen && channel->delivery == DELIVERY_COMMAND
                                  ? command_of(channel, (struct bytes){slot->value, slot->size})
                                  : NULL;
    if (sent == NULL) {
        if (channel->seen && strchr(channel->source, '.') != NULL) {
            sim_breach(sim, "command", "%s on %s obeys what link %u never sent", resource->facts->name, host->name, slot->link);
        }
        return;
    }
    uint64_t expiry_us = sent->sent_us + (uint64_t)channel->expiry_ms * 1000;
    uint64_t late_us = sim->now_us > expiry_us ? sim->now_us - expiry_us : 0;
    checkers->worst_late_us = late_us > checkers->worst_late_us ? late_us : checkers->worst_late_us;
    if (late_us > late_allowed_us(host, channel->expiry_ms)) {
        sim_breach(sim, "command", "%s on %s %s %.3f s after its expiry (link %u from %s)", resource->facts->name, host->name,
                   now_obeyed ? "obeys a command" : "still obeys a command", (double)late_us / 1e6, slot->link,
                   channel->source);
    }
}

// The epoch of what the link obeyed last never falls while its node lives: who was taken over is fenced off. (A node that
// starts again and whose resource is not durable has forgotten; that is what durability is for.)
static void check_epoch(struct checkers *checkers, const struct host *host, const struct resource *resource) {
    const struct actuator_slot *slot = obeyed(resource);
    const struct link *link = slot == NULL ? NULL : runtime_link_find(runtime_tables(node_runtime(host->node)), slot->link);
    if (link == NULL || !link->has_seen) {
        return;
    }
    struct channel *channel = checker_channel(checkers, slot->link);
    if (link->seen_epoch < channel->obeyed_epoch) {
        sim_breach(checkers->sim, "writer", "%s on %s obeys epoch %u of %s after epoch %u", resource->facts->name, host->name,
                   link->seen_epoch, channel->source, channel->obeyed_epoch);
    }
    channel->obeyed_epoch = link->seen_epoch;
}

void checker_actuated(struct checkers *checkers, const struct host *host, const struct sim_point *point, bool has_value) {
    struct sim *sim = checkers->sim;
    if (has_value && point->writer != NULL && point->writer != host) {
        sim_breach(sim, "writer", "%s is driven by %s and by %s", point->name, point->writer->name, host->name);
    }
    int index = host->node == NULL ? -1 : runtime_resource_find(node_runtime(host->node), point->name);
    if (index < 0) {
        if (host->node != NULL) {
            sim_breach(sim, "writer", "%s drives %s, which is not its resource", host->name, point->name);
        }
        return;
    }
    checkers->commands_obeyed++;
    check_expiry(checkers, host, &node_runtime(host->node)->memory.resources[index], true);
}

void command_look(struct checkers *checkers, const struct host *host) {
    const struct runtime *runtime = node_runtime(host->node);
    for (uint32_t i = 0; i < runtime->resource_count; i++) {
        if (runtime->memory.resources[i].facts->actuator) {
            check_expiry(checkers, host, &runtime->memory.resources[i], false);
            check_epoch(checkers, host, &runtime->memory.resources[i]);
        }
    }
}
