#include "sim/network.h"

#include <stdlib.h>

#include "core/assert.h"
#include "sim/sim.h"

static uint64_t bit_of(uint32_t from, uint32_t to) {
    return (uint64_t)from * HOSTS_MAX + to;
}

void network_cut(struct sim *sim, uint32_t from, uint32_t to, bool cut) {
    struct network *network = &sim->network;
    if (network->cut == NULL) {
        network->cut = calloc(HOSTS_MAX / 8, HOSTS_MAX);
        ASSERT(network->cut != NULL);
    }
    uint64_t bit = bit_of(from, to);
    bool was = (network->cut[bit / 8] >> (bit % 8) & 1) != 0;
    network->cuts += cut && !was ? 1u : 0u;
    network->cuts -= !cut && was ? 1u : 0u;
    network->cut[bit / 8] = (uint8_t)((network->cut[bit / 8] & ~(1u << (bit % 8))) | (cut ? 1u : 0u) << (bit % 8));
}

void network_heal(struct sim *sim) {
    for (uint32_t from = 0; from < sim->host_count && sim->network.cuts > 0; from++) {
        for (uint32_t to = 0; to < sim->host_count; to++) {
            network_cut(sim, from, to, false);
        }
    }
}

static bool is_cut(const struct network *network, uint32_t from, uint32_t to) {
    uint64_t bit = bit_of(from, to);
    return network->cuts > 0 && (network->cut[bit / 8] >> (bit % 8) & 1) != 0;
}

static struct flight *claim(struct network *network) {
    struct flight *flight = network->free;
    if (flight == NULL) {
        flight = malloc(sizeof *flight);
        ASSERT(flight != NULL);
        return flight;
    }
    network->free = flight->next;
    return flight;
}

void network_release(struct network *network, struct flight *flight) {
    flight->next = network->free;
    network->free = flight;
}

void network_free(struct network *network) {
    while (network->free != NULL) {
        struct flight *next = network->free->next;
        free(network->free);
        network->free = next;
    }
    free(network->cut);
}

static void launch(struct sim *sim, struct host *from, struct host *to, struct bytes datagram) {
    struct network *network = &sim->network;
    const struct network_rates *rates = &network->rates;
    uint64_t delay_us = rates->delay_us + (rates->jitter_us == 0 ? 0 : random_exponential(&network->random, rates->jitter_us));
    if (random_chance(&network->random, rates->reorder_ppm)) {
        delay_us += random_below(&network->random, rates->reorder_us + 1u);
    }
    struct flight *flight = claim(network);
    flight->next = NULL;
    flight->from = from->address;
    flight->to = to->index;
    flight->sent_us = sim->now_us;
    flight->size = (uint32_t)datagram.size;
    memcpy(flight->data, datagram.data, datagram.size);
    scheduler_plan(
        &sim->scheduler,
        (struct occasion){.time_us = sim->now_us + delay_us, .kind = OCCASION_DATAGRAM, .host = to->index, .pointer = flight});
}

void network_send(struct sim *sim, struct host *from, const struct coap_address *to, struct bytes datagram) {
    struct network *network = &sim->network;
    struct host *target = sim_host_of_address(sim, to);
    network->sent++;
    bool lost = target == NULL || datagram.size > DATAGRAM_SIZE_MAX || is_cut(network, from->index, target->index) ||
                random_chance(&network->random, network->rates.loss_ppm);
    if (lost) {
        network->lost++;
        TRACE(sim, TRACE_LOSE, from, datagram.size, "lose to %s, %zu bytes", target == NULL ? "nobody" : target->name,
              datagram.size);
        return;
    }
    TRACE(sim, TRACE_SEND, from, trace_hash_bytes(datagram), "send to %s, %zu bytes", target->name, datagram.size);
    launch(sim, from, target, datagram);
    if (random_chance(&network->random, network->rates.duplicate_ppm)) {
        network->doubled++;
        launch(sim, from, target, datagram);
    }
}

void network_arrive(struct sim *sim, struct flight *flight) {
    struct host *host = sim->hosts[flight->to];
    bool listens = host->bound && (host->state == HOST_UP || host->state == HOST_FROZEN);
    if (!listens || host->inbox_count >= INBOX_MAX) {
        sim->network.overflowed += listens ? 1u : 0u;
        sim->network.lost++;
        network_release(&sim->network, flight);
        return;
    }
    sim->network.arrived++;
    uint64_t delay_us = sim->now_us - flight->sent_us;
    host->longest_delay_us = delay_us > host->longest_delay_us ? delay_us : host->longest_delay_us;
    TRACE(sim, TRACE_ARRIVE, host, flight->size, "arrive %u bytes", flight->size);
    flight->arrived_us = sim->now_us;
    flight->next = NULL;
    if (host->inbox_tail == NULL) {
        host->inbox_head = flight;
    } else {
        host->inbox_tail->next = flight;
    }
    host->inbox_tail = flight;
    host->inbox_count++;
    if (host->state == HOST_UP && host->busy_until_us <= sim->now_us) {
        host_turn(host);
    } else {
        host_wake(host, sim->now_us);
    }
}
