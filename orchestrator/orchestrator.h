// The orchestrator as a machine: desired policy in, plans out, reconciled whenever policy or nodes change.
//
//   orchestrator_open --> receive(datagram) / advance(now) ... until deadline() --> orchestrator_close
//
//   node:   NEW --register--> ALIVE --silent for dead_after_ms--> DEAD --alive or register--> ALIVE
//           after a restart of the orchestrator every known node counts as ALIVE until it was silent for dead_after_ms
//   plan:   IDLE --slice differs from what the node holds--> PUT /plan --2.04--> IDLE
//                                    ^-- all uploaded -- PUT /code/... <--4.12 (missing digests)--+
//           any other answer or silence: back-off from 1 s, doubling to 30 s
//
// It is told the time and hands its datagrams to `transmit`; the store is the only thing that it touches by itself. Whatever a
// plan rests on is durable in the store before the plan is sent. It never carries a message between ports: nodes talk to each
// other.
//
// CoAP: POST /register, PUT /alive (core/registration.h); PUT /code/<sha256 hex>; PUT /policy?name=FILE (YAML), GET /policy;
// GET /status (JSON); GET /channels (JSON: the links of the plan by name, and where to ask for their counters); GET /nodes
// (CBOR: a list of [address, alive, registration], each as the registration room encodes it). Memory: from malloc, grows with
// nodes and tasks; bounded by FLEET_NODES_MAX and the limits of the policy.
#ifndef TENON_ORCHESTRATOR_ORCHESTRATOR_H
#define TENON_ORCHESTRATOR_ORCHESTRATOR_H

#include "core/coap_endpoint.h"
#include "orchestrator/store.h"

// DESIGN.md §13 plans for 10,000 nodes.
#define FLEET_NODES_MAX 10000

struct orchestrator_options {
    uint64_t dead_after_ms; // a node that was silent for so long is dead
    void *context;
    void (*transmit)(void *context, const struct coap_address *peer, struct bytes datagram);
    void (*log)(void *context, uint64_t unix_ms, const char *text); // one event, one sentence; NULL for none
    uint64_t seed;                                                  // differs between starts
};

// Now, by a clock that never goes back, and by the wall clock, for people.
struct moment {
    uint64_t now_ms;
    uint64_t unix_ms;
};

struct orchestrator;

// Reads everything from the store, which must outlive the machine. ERROR_MEMORY, ERROR_STORAGE, with a refusal.
MUST_CHECK enum error orchestrator_open(const struct orchestrator_options *options, struct store *store, struct moment moment,
                                        struct orchestrator **out, char refusal[256]);
void orchestrator_receive(struct orchestrator *orchestrator, struct moment moment, const struct coap_address *peer,
                          struct bytes datagram);
// Does what is due: retransmissions, deaths, plans.
void orchestrator_advance(struct orchestrator *orchestrator, struct moment moment);
// When to call advance next, by the first clock.
uint64_t orchestrator_deadline(const struct orchestrator *orchestrator);
void orchestrator_close(struct orchestrator *orchestrator);

#endif
