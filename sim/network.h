// The network between hosts: each datagram may be lost, doubled, delayed and overtaken, and each direction between two hosts
// may be cut.
#ifndef TENON_SIM_NETWORK_H
#define TENON_SIM_NETWORK_H

#include "sim/host.h"

struct network_rates {
    uint32_t loss_ppm;
    uint32_t duplicate_ppm;
    uint32_t reorder_ppm; // takes reorder_us longer, so that later ones overtake it
    uint32_t delay_us;    // least
    uint32_t jitter_us;   // mean of what comes on top, exponentially distributed
    uint32_t reorder_us;
};

struct network {
    struct network_rates rates;
    struct random random;
    uint8_t *cut; // bit (from x HOSTS_MAX + to), made at the first cut
    uint32_t cuts;
    struct flight *free;
    // for the report
    uint64_t sent, lost, doubled, arrived, overflowed;
};

// Takes a datagram from a host; it arrives later, once, twice or never.
void network_send(struct sim *sim, struct host *from, const struct coap_address *to, struct bytes datagram);
// A datagram reaches its host: into the inbox, or dropped when nobody listens.
void network_arrive(struct sim *sim, struct flight *flight);
void network_cut(struct sim *sim, uint32_t from, uint32_t to, bool cut);
void network_heal(struct sim *sim);
void network_release(struct network *network, struct flight *flight);
void network_free(struct network *network);

#endif
