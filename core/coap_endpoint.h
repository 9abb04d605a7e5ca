// The CoAP message layer and request/response layer as a pure machine: NON, CON with retransmission (RFC 7252 §4.2) and
// deduplication (§4.5), matching by token (§5.3.2), block-wise transfer both ways (RFC 7959: Block1 upload, Block2 download),
// observation as a server (RFC 7641), requests that came by multicast (RFC 7252 §8).
//
//   caller                     coap_endpoint                        caller's callbacks
//   receive(now, datagram) --> parse, dedup, match ---------------> serve(request) -> response   (server)
//   request(now, ...)      --> exchange with timer ---------------> completed(error, response)   (client)
//   changed(now, subject)  --> conditions of each observer -------> serve(the observer's GET again), when it is due
//   multicast(now, ...)    --> leisure ---------------------------> serve(request.multicast)
//   advance(now)           --> retransmit, give up, notify          transmit(peer, datagram)
//   deadline()             --> when to call advance next
//
// No I/O, no clock, no allocation: all tables are in `struct coap_endpoint_memory`, given at start and sized by the port. Times
// are milliseconds of any monotonic clock. Not re-entrant, except that serve and completed may call coap_endpoint_request.
#ifndef TENON_CORE_COAP_ENDPOINT_H
#define TENON_CORE_COAP_ENDPOINT_H

#include "core/coap_message.h"
#include "core/conditional.h"

// A transport address, opaque to core/: the port writes IPv6 (or v4-mapped) address and UDP port, network order.
#define COAP_ADDRESS_SIZE 18
struct coap_address {
    uint8_t octets[COAP_ADDRESS_SIZE];
};

// Transmission parameters (RFC 7252 §4.8). Defaults by coap_parameters_default(): 2000, 1.5 (150), 4, nstart 1, and the times
// of §4.8.2. Of the table of remembered ids: each takes its place for its lifetime; when all places for its hash are taken, the
// one that expires first makes room (counters.forgotten), NON before CON by their shorter lifetime. A duplicate of what was
// forgotten is served again: what must take effect once has a sequence of its own (core/delivery.h).
// A node uses shorter times inside a building's LAN; see node/.
struct coap_parameters {
    uint32_t ack_timeout_ms;
    uint32_t ack_random_percent; // ACK_RANDOM_FACTOR x 100
    uint32_t retransmit_max;
    uint32_t exchange_lifetime_ms; // how long the id of a CON is remembered for deduplication
    uint32_t non_lifetime_ms;      // and of a NON
    uint32_t leisure_ms;           // DEFAULT_LEISURE: answers to multicast are spread over this (RFC 7252 §8.2)
    uint32_t request_timeout_ms;   // wait for a separate response after the empty ACK, or for the response to a NON request
};
struct coap_parameters coap_parameters_default(void);

// What the server's handler sees. All views live until it returns.
struct coap_request {
    struct coap_address peer;
    bool confirmable;
    bool multicast; // answer only when there is something to say; errors are not sent
    uint8_t code;
    const char *path;                   // "c/17", no leading slash
    const struct coap_message *message; // options (queries, delivery)
    struct bytes payload;               // the whole body, reassembled
    uint16_t content_format;            // COAP_FORMAT_NONE when absent
};
// What the handler fills. An error without a body gets a sentence for people (RFC 7252 §5.5.2). `body` must stay valid until
// the handler is called next; it is sent in blocks when it is large and the request was a GET; the answer to any other method
// is cut to one block. A long one is best written where coap_endpoint_body says: then it need not be copied to be kept.
struct coap_response {
    uint8_t code; // 0: send nothing (NON requests only; a CON gets an empty ACK)
    uint16_t content_format;
    struct bytes body;
    struct bytes echo;  // value of an Echo option (RFC 9175 §2.2), copied; size 0 for none, at most COAP_ECHO_SIZE_MAX
    uint32_t max_age_s; // of an error: when to try again (RFC 7252 §5.9.3.4); 0 for no Max-Age
    // The answer comes later, by coap_endpoint_answer with what coap_later_of gave; everything else here is ignored. Until then
    // duplicates of the request are dropped in silence: its sender goes on retransmitting, which is what bounds its wait.
    bool deferred;
    // Of an answer to GET that may be observed: any number but 0 that names the resource to coap_endpoint_changed, the value on
    // which conditions are evaluated (copied), and the conditions that the request asks for.
    uint64_t subject;
    struct bytes observed;
    struct conditional conditional;
};

// RFC 9175 §2.2.1 allows 40; a node's own are 8.
#define COAP_ECHO_SIZE_MAX 8
// Of the option Tenon-Delivery that goes out; core/delivery.h makes none longer.
#define COAP_DELIVERY_SIZE_MAX 48

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
    uint64_t timeouts;           // exchanges given up
    uint64_t unmatched;          // responses that belong to no request
    uint64_t refused;            // requests answered 4.xx or 5.xx by the endpoint itself
    uint64_t forgotten;          // message ids that made room for others before their lifetime was over
    uint64_t multicast_dropped;  // requests by multicast that are no discovery, or found every place taken
    uint64_t observers_accepted; // observations begun
    uint64_t observers_refused;  // answered without Observe because the table was full or the request too long to keep
    uint64_t observers_lost;     // given up: no acknowledgement came
    uint64_t notifications;      // sent, without retransmissions
};

struct coap_exchange;     // an outgoing request in progress
struct coap_memory_of_id; // a remembered incoming message with its reply
struct coap_transfer;     // a body under reassembly
struct coap_observation;  // a peer that wants to hear of changes
struct coap_delayed;      // a request by multicast that waits for its moment

struct coap_endpoint_memory {
    struct coap_exchange *exchanges;
    uint32_t exchange_count;
    struct coap_memory_of_id *remembered; // power of two
    uint32_t remembered_count;
    struct coap_transfer *transfers;
    uint32_t transfer_count;
    struct buffer bodies;                  // transfer_count equal parts
    struct coap_observation *observations; // may be none: then nothing can be observed
    uint32_t observation_count;
    struct coap_delayed *delayed; // may be none: then nothing is answered that came by multicast
    uint32_t delayed_count;
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
    char path[COAP_REQUEST_PATH_SIZE_MAX];
    char query[COAP_REQUEST_QUERY_SIZE_MAX];
    struct bytes upload; // the caller's body when it goes by Block1; size 0 otherwise
    size_t upload_offset;
    uint8_t delivery[COAP_DELIVERY_SIZE_MAX];
    uint8_t delivery_size;
    uint8_t echo[COAP_ECHO_SIZE_MAX];
    uint8_t echo_size;
    int32_t transfer; // index of the body under reassembly (Block2), -1 for none
    uint16_t datagram_size;
    uint8_t datagram[COAP_SENT_SIZE_MAX];
};

// One incoming message id with the reply that it got (RFC 7252 §4.5).
struct coap_memory_of_id {
    bool used;
    struct coap_address peer;
    uint16_t id;
    uint64_t expires_ms;
    uint16_t reply_size; // 0: no reply yet, or none
    uint8_t reply[COAP_REPLY_SIZE_MAX];
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

// So many NON notifications in a row, and the next one is CON: a peer that is gone is found out (RFC 7641 §4.5).
#define COAP_OBSERVE_NON_MAX 20
// And at least one in 24 hours (RFC 7641 §4.5), changed or not: it is the Max-Age of notifications, too.
#define COAP_OBSERVE_LIVENESS_MS 86400000u
// Ids of the last notifications, by which a peer may reject one with Reset.
#define COAP_OBSERVE_IDS 8

struct coap_observation {
    bool used;
    bool due;    // the conditions are met: notify as soon as the pace allows
    bool check;  // ask the handler whether the resource is still there
    bool ending; // the last notification, an error, is on its way
    struct coap_address peer;
    uint8_t token[COAP_TOKEN_SIZE_MAX];
    uint8_t token_size;
    uint64_t subject;
    struct conditional conditional;
    struct conditional_state state;
    uint64_t sent_ms;
    uint64_t confirmed_ms;  // the peer was there
    uint32_t round_trip_ms; // 0 while unknown: then every notification is CON, one at a time (RFC 7641 §4.5.1)
    uint32_t non_in_a_row;
    uint32_t id_count;
    uint16_t ids[COAP_OBSERVE_IDS];
    bool in_flight; // a CON waits for its acknowledgement
    uint32_t attempts;
    uint32_t timeout_ms;
    uint64_t deadline_ms;
    uint16_t request_size;
    uint16_t datagram_size;
    uint8_t request[COAP_OBSERVE_REQUEST_SIZE_MAX];
    uint8_t datagram[COAP_SENT_SIZE_MAX]; // the CON in flight
};

// A query for discovery is short: this holds a path, four filters and a token.
#define COAP_DELAYED_SIZE_MAX 256
struct coap_delayed {
    bool used;
    struct coap_address peer;
    uint64_t due_ms;
    uint16_t size;
    uint8_t datagram[COAP_DELAYED_SIZE_MAX];
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
    uint32_t observations_used;
    uint32_t delayed_used;
    uint64_t observe_sequence; // of the last notification; its low 24 bits are sent
    struct bytes echo_seen;    // Echo option of the response in hand
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

// A place for the handler's long answer to the GET in hand, one of the bodies of the endpoint's memory: it stays with this peer
// while it fetches the rest, and is free again when the handler returns with something else or the answer fits one block. Size
// 0 when every body is in use; the answer is then to be 5.03.
struct buffer coap_endpoint_body(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_request *request);

// Forgets the requests with this user value; completed() is not called for them.
void coap_endpoint_cancel(struct coap_endpoint *endpoint, uint64_t user);

// Takes one datagram that was sent to All CoAP Nodes. Only a NON GET of .well-known/core is answered, at a random moment within
// leisure_ms, when the handler answers 2.05 with a body; everything else is dropped and counted, never refused (RFC 7252 §8).
void coap_endpoint_multicast(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                             struct bytes datagram);

// A resource has a new value (one CBOR item). Observers whose conditions are met are notified by coap_endpoint_advance, which
// is due at once; several changes until then become one notification with the last value (RFC 7641 §1.3). Cheap without
// observers.
void coap_endpoint_changed(struct coap_endpoint *endpoint, uint64_t now_ms, uint64_t subject, struct bytes value);

// Resources may have come or gone: the next advance asks the handler for each that is observed. An observer of what is gone is
// told so by the handler's error and then forgotten (RFC 7641 §4.2).
void coap_endpoint_recheck(struct coap_endpoint *endpoint, uint64_t now_ms);

// Retransmits, gives up, notifies and answers what is due at `now_ms`.
void coap_endpoint_advance(struct coap_endpoint *endpoint, uint64_t now_ms);

// When coap_endpoint_advance must be called next, UINT64_MAX for never.
uint64_t coap_endpoint_deadline(const struct coap_endpoint *endpoint);

#endif
