// The CoAP message layer and request/response layer as a pure machine: NON, CON with retransmission (RFC 7252 §4.2) and
// deduplication (§4.5), matching by token (§5.3.2), block-wise transfer both ways (RFC 7959: Block1 upload, Block2 download).
//
//   caller                     coap_endpoint                        caller's callbacks
//   receive(now, datagram) --> parse, dedup, match ---------------> serve(request) -> response   (server)
//   request(now, ...)      --> exchange with timer ---------------> completed(error, response)   (client)
//   advance(now)           --> retransmit, give up                  transmit(peer, datagram)
//   deadline()             --> when to call advance next
//
// No I/O, no clock, no allocation: all tables are in `struct coap_endpoint_memory`, given at start and sized by the port. Times
// are milliseconds of any monotonic clock. Not re-entrant, except that serve and completed may call coap_endpoint_request.
#ifndef TENON_CORE_COAP_ENDPOINT_H
#define TENON_CORE_COAP_ENDPOINT_H

#include "core/coap_message.h"

// A transport address, opaque to core/: the port writes IPv6 (or v4-mapped) address and UDP port, network order.
#define COAP_ADDRESS_SIZE 18
struct coap_address {
    uint8_t octets[COAP_ADDRESS_SIZE];
};

// Transmission parameters (RFC 7252 §4.8). Defaults by coap_parameters_default(): 2000, 1.5 (150), 4, nstart 1.
// A node uses shorter times inside a building's LAN; see node/.
struct coap_parameters {
    uint32_t ack_timeout_ms;
    uint32_t ack_random_percent; // ACK_RANDOM_FACTOR x 100
    uint32_t retransmit_max;
    uint32_t exchange_lifetime_ms; // how long message ids are remembered for deduplication
    uint32_t request_timeout_ms;   // wait for a separate response after the empty ACK, or for the response to a NON request
};
struct coap_parameters coap_parameters_default(void);

// What the server's handler sees. All views live until it returns.
struct coap_request {
    struct coap_address peer;
    bool confirmable;
    uint8_t code;
    const char *path;                   // "c/17", no leading slash
    const struct coap_message *message; // options (queries, delivery)
    struct bytes payload;               // the whole body, reassembled
    uint16_t content_format;            // COAP_FORMAT_NONE when absent
};
// What the handler fills. `body` must stay valid until the handler is called next; it is sent in blocks when it is large and
// the request was a GET; the answer to any other method is cut to one block.
struct coap_response {
    uint8_t code; // 0: send nothing (NON requests only; a CON gets an empty ACK)
    uint16_t content_format;
    struct bytes body;
    struct bytes echo; // value of an Echo option (RFC 9175 §2.2), copied; size 0 for none, at most COAP_ECHO_SIZE_MAX
    // The answer comes later, by coap_endpoint_answer with what coap_later_of gave; everything else here is ignored. Until then
    // duplicates of the request are dropped in silence: its sender goes on retransmitting, which is what bounds its wait.
    bool deferred;
};

// RFC 9175 §2.2.1 allows 40; a node's own are 8.
#define COAP_ECHO_SIZE_MAX 8

// What is kept of a request that is answered later.
struct coap_later {
    bool used;
    bool confirmable;
    struct coap_address peer;
    uint16_t id;
    uint8_t token_size;
    uint8_t token[COAP_TOKEN_SIZE_MAX];
};

struct coap_outgoing {
    struct coap_address peer;
    bool confirmable;
    bool expect_response; // false: a NON push whose response is not waited for; completed() is not called
    uint8_t code;
    const char *path;      // copied
    const char *query;     // "a=b&c=d", copied; NULL for none
    struct bytes delivery; // value of COAP_OPTION_TENON_DELIVERY, copied; size 0 for none
    struct bytes echo;     // as in a response
    uint16_t content_format;
    struct bytes
        payload; // up to COAP_PAYLOAD_SIZE_MAX it is copied; larger it is sent by Block1 and must live until completed()
    uint32_t retransmit_max; // UINT32_MAX: the parameter's value
    uint64_t user;           // handed back
};

struct coap_completion {
    uint64_t user;
    enum error error; // ERROR_NONE with a response of any code; ERROR_TIMEOUT, ERROR_RESET, ERROR_TOO_LARGE, ERROR_MALFORMED
    uint8_t code;
    uint16_t content_format;
    struct bytes body; // whole, reassembled from Block2; valid during the call
    struct bytes echo; // of the response; valid during the call
    uint32_t attempts; // retransmissions that it took
};

struct coap_callbacks {
    void *context;
    void (*transmit)(void *context, const struct coap_address *peer, struct bytes datagram);
    void (*serve)(void *context, const struct coap_request *request, struct coap_response *response);
    void (*completed)(void *context, const struct coap_completion *completion);
};

// Counters, never reset.
struct coap_counters {
    uint64_t received;    // datagrams
    uint64_t transmitted; // datagrams, with retransmissions
    uint64_t malformed;   // not CoAP, or broken
    uint64_t duplicates;  // suppressed by message id
    uint64_t retransmissions;
    uint64_t timeouts;  // exchanges given up
    uint64_t unmatched; // responses that belong to no request
    uint64_t refused;   // requests answered 4.xx or 5.xx by the endpoint itself
};

struct coap_exchange;     // an outgoing request in progress
struct coap_memory_of_id; // a remembered incoming message with its reply
struct coap_transfer;     // a body under reassembly

struct coap_endpoint_memory {
    struct coap_exchange *exchanges;
    uint32_t exchange_count;
    struct coap_memory_of_id *remembered; // power of two
    uint32_t remembered_count;
    struct coap_transfer *transfers;
    uint32_t transfer_count;
    struct buffer bodies; // transfer_count equal parts
};

// One outgoing request.
struct coap_exchange {
    bool used;
    bool confirmable;
    bool acknowledged; // an empty ACK came; a separate response is awaited
    uint16_t id;
    uint8_t token[COAP_TOKEN_SIZE_MAX];
    uint8_t token_size;
    uint8_t code;
    uint16_t content_format;
    struct coap_address peer;
    uint32_t attempts;
    uint32_t retransmit_max;
    uint32_t timeout_ms;
    uint64_t deadline_ms;
    uint64_t user;
    char path[96];
    char query[64];
    struct bytes upload; // the caller's body when it goes by Block1; size 0 otherwise
    size_t upload_offset;
    uint8_t delivery[64];
    uint8_t delivery_size;
    uint8_t echo[COAP_ECHO_SIZE_MAX];
    uint8_t echo_size;
    int32_t transfer; // index of the body under reassembly (Block2), -1 for none
    uint16_t datagram_size;
    uint8_t datagram[DATAGRAM_SIZE_MAX];
};

// One incoming message id with the reply that it got (RFC 7252 §4.5).
struct coap_memory_of_id {
    bool used;
    struct coap_address peer;
    uint16_t id;
    uint64_t expires_ms;
    uint16_t reply_size; // 0: no reply yet, or none
    uint8_t reply[DATAGRAM_SIZE_MAX];
};

// One body: under reassembly, of a Block1 upload (by peer and path) or a Block2 download (by exchange); or the snapshot of an
// answer that a peer is fetching in blocks (code GET, by peer and path), so that an answer which changes all the time can be
// read at all.
struct coap_transfer {
    bool used;
    bool download;
    struct coap_address peer;
    char path[96];
    uint8_t code;
    size_t size; // bytes so far
    uint64_t expires_ms;
    uint16_t content_format; // snapshot
    uint8_t etag_size;       // download: the body must not change between two blocks
    uint8_t etag[8];
};

struct coap_endpoint {
    struct coap_parameters parameters;
    struct coap_callbacks callbacks;
    struct coap_endpoint_memory memory;
    struct coap_counters counters;
    uint64_t random; // state of a small generator, seeded by the port: ids, tokens, retransmission jitter
    uint16_t next_id;
    uint64_t next_token;
    uint64_t next_deadline_ms; // UINT64_MAX for none
    uint32_t exchanges_used;
    struct bytes echo_seen; // Echo option of the response in hand
};

// Starts an endpoint on zeroed memory. `seed` must differ between boots (RFC 7252 §4.4, §5.3.1).
void coap_endpoint_start(struct coap_endpoint *endpoint, const struct coap_parameters *parameters,
                         const struct coap_callbacks *callbacks, const struct coap_endpoint_memory *memory, uint64_t seed);

// Takes one datagram. What is not CoAP is counted and ignored (a broken CON is answered with Reset, RFC 7252 §4.2); never
// fails.
void coap_endpoint_receive(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                           struct bytes datagram);

// Starts a request. ERROR_FULL when every exchange is in use, ERROR_TOO_LARGE when path, query or delivery do not fit. With
// expect_response false nothing is kept. On an error completed() is not called.
MUST_CHECK enum error coap_endpoint_request(struct coap_endpoint *endpoint, uint64_t now_ms,
                                            const struct coap_outgoing *outgoing);

// What a handler keeps when it answers later. The request's token must be of at most COAP_TOKEN_SIZE_MAX bytes, as parsed.
struct coap_later coap_later_of(const struct coap_request *request);

// Answers a deferred request, once: a confirmable one in its acknowledgement, kept for duplicates like any reply. Bodies of at
// most COAP_PAYLOAD_SIZE_MAX; no blocks. `later->used` becomes false.
void coap_endpoint_answer(struct coap_endpoint *endpoint, struct coap_later *later, const struct coap_response *response);

// Forgets the requests with this user value; completed() is not called for them.
void coap_endpoint_cancel(struct coap_endpoint *endpoint, uint64_t user);

// Retransmits and gives up what is due at `now_ms`.
void coap_endpoint_advance(struct coap_endpoint *endpoint, uint64_t now_ms);

// When coap_endpoint_advance must be called next, UINT64_MAX for never.
uint64_t coap_endpoint_deadline(const struct coap_endpoint *endpoint);

#endif
