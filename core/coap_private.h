// What the files of the endpoint share. Not for other rooms.
#ifndef TENON_CORE_COAP_PRIVATE_H
#define TENON_CORE_COAP_PRIVATE_H

#include "core/coap_endpoint.h"

// A Block1 or Block2 option (RFC 7959 §2.2): number, more flag, size exponent; a block has 2^(exponent + 4) bytes.
struct coap_block {
    uint32_t number;
    bool more;
    uint32_t exponent;
};
#define COAP_BLOCK_EXPONENT_MAX 6 // 1,024 bytes: what others may send
_Static_assert(COAP_BLOCK_EXPONENT <= COAP_BLOCK_EXPONENT_MAX, "RFC 7959 §2.2 knows no larger block");
static inline size_t coap_block_size(struct coap_block block) {
    return (size_t)16 << block.exponent;
}
// False when the option is absent. A reserved exponent (7) or a value over 3 bytes gives exponent 7.
static inline bool coap_block_read(const struct coap_message *message, uint16_t option, struct coap_block *out) {
    const struct coap_option *found = coap_message_option(message, option);
    if (found == NULL) {
        return false;
    }
    uint32_t value = found->value.size > 3 ? 7 : coap_message_option_uint(message, option, 7);
    *out = (struct coap_block){value >> 4, (value & 8) != 0, value & 7};
    return true;
}
// The same place in a body in blocks that this device sends: who asks for larger ones gets smaller ones (RFC 7959 §2.3, §2.4).
static inline struct coap_block coap_block_of_ours(struct coap_block block) {
    if (block.exponent > COAP_BLOCK_EXPONENT) {
        block.number <<= block.exponent - COAP_BLOCK_EXPONENT;
        block.exponent = COAP_BLOCK_EXPONENT;
    }
    return block;
}
static inline uint32_t coap_block_value(struct coap_block block) {
    return block.number << 4 | (block.more ? 8u : 0u) | block.exponent;
}

// coap_endpoint.c
uint64_t coap_random(struct coap_endpoint *endpoint);
void coap_transmit(struct coap_endpoint *endpoint, const struct coap_address *peer, struct bytes datagram);
void coap_send_empty(struct coap_endpoint *endpoint, const struct coap_address *peer, enum coap_type type, uint16_t id);
struct buffer coap_transfer_body(const struct coap_endpoint *endpoint, const struct coap_transfer *transfer);
// A free body, or one whose upload was given up; NULL when all are busy.
struct coap_transfer *coap_transfer_claim(struct coap_endpoint *endpoint, uint64_t now_ms);

// coap_server.c: answers one new request and keeps the reply of a confirmable one in `entry`.
void coap_server_request(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                         const struct coap_message *message, struct coap_memory_of_id *entry);

// The entry that remembers this message, or NULL.
struct coap_memory_of_id *coap_recall(struct coap_endpoint *endpoint, const struct coap_address *peer, uint16_t id);

// Answers a request by multicast, or is silent.
void coap_server_multicast(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                           const struct coap_message *message);
// Keeps a body that is larger than one block of `size` bytes for the peer that will fetch the rest.
void coap_server_keep(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer, const char *path,
                      const struct coap_response *response, size_t size);
void coap_put_etag(struct coap_builder *builder, struct bytes body);

// coap_observe.c: registers or ends an observation as the GET asks. True when the answer is to carry Observe with `*sequence`
// and Max-Age with `*max_age_s`.
bool coap_observe_request(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                          const struct coap_message *message, const struct coap_response *response, uint32_t *sequence,
                          uint32_t *max_age_s);
void coap_observe_acknowledged(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer, uint16_t id);
void coap_observe_reset(struct coap_endpoint *endpoint, const struct coap_address *peer, uint16_t id);
// Notifies, retransmits and gives up; lowers the next deadline.
void coap_observe_advance(struct coap_endpoint *endpoint, uint64_t now_ms);

// coap_multicast.c: answers what has waited long enough; lowers the next deadline.
void coap_multicast_advance(struct coap_endpoint *endpoint, uint64_t now_ms);

// Remembers an incoming message. NULL when it is a duplicate, which has been answered as before.
struct coap_memory_of_id *coap_first_sight(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                                           const struct coap_message *message);

// True when a critical option is none of those that the endpoint or its handlers understand (RFC 7252 §5.4.1).
bool coap_has_unknown_critical(const struct coap_message *message);

// coap_client.c
void coap_client_acknowledged(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer, uint16_t id);
void coap_client_reset(struct coap_endpoint *endpoint, const struct coap_address *peer, uint16_t id);
bool coap_client_expects(const struct coap_endpoint *endpoint, const struct coap_address *peer,
                         const struct coap_message *message);
void coap_client_response(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                          const struct coap_message *message);
// Retransmits or gives up one exchange when it is due; lowers the next deadline.
void coap_client_advance(struct coap_endpoint *endpoint, uint64_t now_ms, uint32_t index);

#endif
