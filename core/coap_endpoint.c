// The frame of the endpoint: what arrives, deduplication, timers. coap_server.c answers requests, coap_client.c makes them.
#include "core/assert.h"
#include "core/coap_private.h"

// Places looked at for one (peer, id): bounds the work per datagram when the table is full of fresh entries.
#define PROBE_MAX 8

struct coap_parameters coap_parameters_default(void) {
    return (struct coap_parameters){
        .ack_timeout_ms = 2000,
        .ack_random_percent = 150,
        .retransmit_max = 4,
        .exchange_lifetime_ms = 247000, // RFC 7252 §4.8.2
        .non_lifetime_ms = 145000,
        .leisure_ms = 5000, // §4.8
        .request_timeout_ms = 30000,
    };
}

void coap_endpoint_start(struct coap_endpoint *endpoint, const struct coap_parameters *parameters,
                         const struct coap_callbacks *callbacks, const struct coap_endpoint_memory *memory, uint64_t seed) {
    ASSERT(memory->remembered_count > 0 && (memory->remembered_count & (memory->remembered_count - 1)) == 0);
    ASSERT(memory->exchange_count > 0 && memory->exchange_count <= UINT16_MAX && memory->transfer_count > 0);
    *endpoint = (struct coap_endpoint){
        .parameters = *parameters, .callbacks = *callbacks, .memory = *memory, .random = seed, .next_deadline_ms = UINT64_MAX};
    endpoint->next_id = (uint16_t)coap_random(endpoint);
}

// SplitMix64: spreads ids, tokens and jitter; secrecy is OSCORE's matter.
uint64_t coap_random(struct coap_endpoint *endpoint) {
    uint64_t value = endpoint->random += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

void coap_transmit(struct coap_endpoint *endpoint, const struct coap_address *peer, struct bytes datagram) {
    endpoint->counters.transmitted++;
    endpoint->callbacks.transmit(endpoint->callbacks.context, peer, datagram);
}

void coap_send_empty(struct coap_endpoint *endpoint, const struct coap_address *peer, enum coap_type type, uint16_t id) {
    const uint8_t message[4] = {(uint8_t)(1u << 6 | (unsigned)type << 4), COAP_EMPTY, (uint8_t)(id >> 8), (uint8_t)id};
    coap_transmit(endpoint, peer, (struct bytes){message, sizeof message});
}

// --- bodies
// --------------------------------------------------------------------------------------------------------------------

struct buffer coap_transfer_body(const struct coap_endpoint *endpoint, const struct coap_transfer *transfer) {
    size_t part = endpoint->memory.bodies.size / endpoint->memory.transfer_count;
    size_t index = (size_t)(transfer - endpoint->memory.transfers);
    return (struct buffer){endpoint->memory.bodies.data + index * part, part};
}

// A snapshot that nobody asked a block of for so long gives its place, so that a client that went away halfway does not keep
// it. One that comes back all the same is served afresh, and sees by the ETag that it must begin again.
#define SNAPSHOT_IDLE_MS 1000

static bool gives_way(const struct coap_endpoint *endpoint, const struct coap_transfer *transfer, uint64_t now_ms) {
    if (!transfer->used || transfer->download) {
        return !transfer->used;
    }
    uint32_t timeout_ms = endpoint->parameters.request_timeout_ms;
    uint32_t early_ms = transfer->code == COAP_GET && timeout_ms > SNAPSHOT_IDLE_MS ? timeout_ms - SNAPSHOT_IDLE_MS : 0;
    return transfer->expires_ms <= now_ms + early_ms;
}

struct coap_transfer *coap_transfer_claim(struct coap_endpoint *endpoint, uint64_t now_ms) {
    for (uint32_t i = 0; i < endpoint->memory.transfer_count; i++) {
        struct coap_transfer *transfer = &endpoint->memory.transfers[i];
        if (gives_way(endpoint, transfer, now_ms)) {
            *transfer = (struct coap_transfer){.used = true, .expires_ms = now_ms + endpoint->parameters.request_timeout_ms};
            return transfer;
        }
    }
    return NULL;
}

// --- deduplication (RFC 7252 §4.5)
// -----------------------------------------------------------------------------------------------

static uint32_t slot_of(const struct coap_endpoint *endpoint, const struct coap_address *peer, uint16_t id) {
    uint32_t hash = 2166136261u;
    for (size_t i = 12; i < COAP_ADDRESS_SIZE; i++) {
        hash = (hash ^ peer->octets[i]) * 16777619u;
    }
    return (hash * 31u + id) & (endpoint->memory.remembered_count - 1);
}

// The entry of this message, or NULL with `*free` the place where it is to be remembered (the one that expires first when all
// are taken).
static struct coap_memory_of_id *recall(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                                        uint16_t id, struct coap_memory_of_id **place) {
    uint32_t first = slot_of(endpoint, peer, id);
    uint32_t probes = endpoint->memory.remembered_count < PROBE_MAX ? endpoint->memory.remembered_count : PROBE_MAX;
    *place = NULL;
    for (uint32_t i = 0; i < probes; i++) {
        struct coap_memory_of_id *entry = &endpoint->memory.remembered[(first + i) & (endpoint->memory.remembered_count - 1)];
        bool live = entry->used && entry->expires_ms > now_ms;
        if (live && entry->id == id && memcmp(&entry->peer, peer, sizeof *peer) == 0) {
            return entry;
        }
        bool better = *place == NULL || (!live && (*place)->used && (*place)->expires_ms > now_ms) ||
                      (live && (*place)->used && entry->expires_ms < (*place)->expires_ms && (*place)->expires_ms > now_ms);
        if (better) {
            *place = entry;
        }
    }
    return NULL;
}

struct coap_memory_of_id *coap_recall(struct coap_endpoint *endpoint, const struct coap_address *peer, uint16_t id) {
    uint32_t first = slot_of(endpoint, peer, id);
    uint32_t probes = endpoint->memory.remembered_count < PROBE_MAX ? endpoint->memory.remembered_count : PROBE_MAX;
    for (uint32_t i = 0; i < probes; i++) {
        struct coap_memory_of_id *entry = &endpoint->memory.remembered[(first + i) & (endpoint->memory.remembered_count - 1)];
        if (entry->used && entry->id == id && memcmp(&entry->peer, peer, sizeof *peer) == 0) {
            return entry;
        }
    }
    return NULL;
}

struct coap_memory_of_id *coap_first_sight(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                                           const struct coap_message *message) {
    struct coap_memory_of_id *place = NULL;
    struct coap_memory_of_id *entry = recall(endpoint, now_ms, peer, message->id, &place);
    bool confirmable = message->type == COAP_CONFIRMABLE;
    if (entry != NULL) {
        endpoint->counters.duplicates++;
        if (entry->reply_size > 0) { // none while it is deferred, or when a NON of the peer had this id
            coap_transmit(endpoint, peer, (struct bytes){entry->reply, entry->reply_size});
        }
        return NULL;
    }
    endpoint->counters.forgotten += place->used && place->expires_ms > now_ms;
    place->used = true;
    place->peer = *peer;
    place->id = message->id;
    place->expires_ms =
        now_ms + (confirmable ? endpoint->parameters.exchange_lifetime_ms : endpoint->parameters.non_lifetime_ms);
    place->reply_size = 0;
    return place;
}

// --- receiving
// -------------------------------------------------------------------------------------------------------------------

static void reject(struct coap_endpoint *endpoint, const struct coap_address *peer, struct bytes datagram) {
    endpoint->counters.malformed++;
    bool confirmable = datagram.size >= 4 && datagram.data[0] >> 6 == 1 && (datagram.data[0] >> 4 & 3) == COAP_CONFIRMABLE;
    if (confirmable) {
        coap_send_empty(endpoint, peer, COAP_RESET, (uint16_t)(datagram.data[2] << 8 | datagram.data[3]));
    }
}

static void receive_empty(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                          const struct coap_message *message) {
    switch (message->type) {
    case COAP_CONFIRMABLE:
        coap_send_empty(endpoint, peer, COAP_RESET, message->id); // a ping (RFC 7252 §4.3)
        return;
    case COAP_ACKNOWLEDGEMENT:
        coap_observe_acknowledged(endpoint, now_ms, peer, message->id);
        coap_client_acknowledged(endpoint, now_ms, peer, message->id);
        return;
    case COAP_RESET:
        coap_observe_reset(endpoint, peer, message->id);
        coap_client_reset(endpoint, peer, message->id);
        return;
    case COAP_NON_CONFIRMABLE:
        endpoint->counters.malformed++;
        return;
    }
}

static void receive_request(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                            const struct coap_message *message) {
    struct coap_memory_of_id *entry = coap_first_sight(endpoint, now_ms, peer, message);
    if (entry != NULL) {
        coap_server_request(endpoint, now_ms, peer, message, entry);
    }
}

static void receive_response(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                             const struct coap_message *message) {
    if (message->type == COAP_CONFIRMABLE) {
        struct coap_memory_of_id *entry = coap_first_sight(endpoint, now_ms, peer, message);
        if (entry == NULL) {
            return;
        }
        bool known = !coap_has_unknown_critical(message) && coap_client_expects(endpoint, peer, message);
        const uint8_t reply[4] = {(uint8_t)(1u << 6 | (unsigned)(known ? COAP_ACKNOWLEDGEMENT : COAP_RESET) << 4), COAP_EMPTY,
                                  (uint8_t)(message->id >> 8), (uint8_t)message->id};
        memcpy(entry->reply, reply, sizeof reply);
        entry->reply_size = sizeof reply;
        coap_transmit(endpoint, peer, (struct bytes){entry->reply, entry->reply_size});
    }
    if (coap_has_unknown_critical(message)) {
        endpoint->counters.malformed++; // rejected (RFC 7252 §5.4.1)
        return;
    }
    coap_client_response(endpoint, now_ms, peer, message);
}

void coap_endpoint_receive(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                           struct bytes datagram) {
    struct coap_message message;
    endpoint->counters.received++;
    if (coap_message_parse(datagram, &message) != ERROR_NONE) {
        reject(endpoint, peer, datagram);
        return;
    }
    unsigned class = message.code >> 5;
    bool request_type = message.type == COAP_CONFIRMABLE || message.type == COAP_NON_CONFIRMABLE;
    if (message.code == COAP_EMPTY) {
        receive_empty(endpoint, now_ms, peer, &message);
    } else if (class == 0 && request_type) {
        receive_request(endpoint, now_ms, peer, &message);
    } else if ((class == 2 || class == 4 || class == 5) && message.type != COAP_RESET) {
        receive_response(endpoint, now_ms, peer, &message);
    } else {
        reject(endpoint, peer, datagram); // reserved classes (RFC 7252 §3), requests in ACK or RST
    }
}

void coap_endpoint_advance(struct coap_endpoint *endpoint, uint64_t now_ms) {
    endpoint->next_deadline_ms = UINT64_MAX;
    for (uint32_t i = 0; i < endpoint->memory.exchange_count && endpoint->exchanges_used > 0; i++) {
        coap_client_advance(endpoint, now_ms, i);
    }
    coap_observe_advance(endpoint, now_ms);
    coap_multicast_advance(endpoint, now_ms);
}

uint64_t coap_endpoint_deadline(const struct coap_endpoint *endpoint) {
    return endpoint->next_deadline_ms;
}
