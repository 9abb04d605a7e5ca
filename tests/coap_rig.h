// Two endpoints joined by a wire in memory that drops, doubles and holds back the nth datagram; time is made by hand.
//
// Call sequence in a test: begin (as its setup), fates[n] for what shall befall datagram n, request, pump or run_until, then
// look at `client`, `server` and `sent`.
#ifndef TENON_TESTS_COAP_RIG_H
#define TENON_TESTS_COAP_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/coap_endpoint.h"

#define EXCHANGES 3
#define REMEMBERED 16
#define TRANSFERS 2
#define OBSERVATIONS 2
#define DELAYED 2
#define BODY_SIZE 4096
#define LOG_MAX 128
#define COMPLETIONS_MAX 8

struct party {
    struct coap_endpoint endpoint;
    struct coap_address address;
    struct coap_exchange exchanges[EXCHANGES];
    struct coap_memory_of_id remembered[REMEMBERED];
    struct coap_transfer transfers[TRANSFERS];
    struct coap_observation observations[OBSERVATIONS];
    struct coap_delayed delayed[DELAYED];
    uint8_t bodies[TRANSFERS * BODY_SIZE];
    // What its handler answers, and what it saw last.
    struct coap_response answer;
    uint32_t served;
    bool in_place;         // the answer's body is written into a body of the endpoint, 5.03 when there is none
    uint32_t change_after; // the body changes its first byte at this serving; 0 for never
    char path[96];
    uint8_t code;
    uint16_t content_format;
    size_t payload_size;
    uint8_t payload[BODY_SIZE];
    uint8_t delivery_size;
    struct coap_later later; // of the last request, when the answer is deferred
    // What was completed.
    uint32_t completed;
    struct coap_completion completions[COMPLETIONS_MAX];
    uint8_t body[BODY_SIZE]; // of the last completion
};

enum fate { DELIVERED, DROPPED, DOUBLED, HELD_BACK };
struct datagram {
    struct party *from;
    uint64_t at_ms;
    size_t size;
    uint8_t octets[DATAGRAM_SIZE_MAX];
};

// A response written by hand, from the server's address, to the request that is datagram `index`.
struct by_hand {
    enum coap_type type;
    uint8_t code;
    uint16_t id;
    uint16_t option; // 0 for none
    uint32_t value;
    struct bytes payload;
};

extern struct party client;
extern struct party server;
extern struct datagram sent[LOG_MAX];
extern enum fate fates[LOG_MAX];
extern uint32_t sent_count;
extern uint64_t now;
extern uint8_t large[BODY_SIZE + 1];

int begin(void **state);
void receive(struct party *to, const struct party *from, struct bytes datagram);
void deliver(uint32_t index);
void pump(void);
void run_until(uint64_t end_ms);
struct coap_outgoing outgoing(bool confirmable, uint8_t code, const char *path);
void request(struct coap_outgoing request);
void get(bool confirmable, const char *path);
void put(bool confirmable, const char *path, struct bytes payload);
void expect_completion(enum error error, uint8_t code);
void expect_empty(uint32_t index, enum coap_type type, uint16_t id);
struct coap_message parsed(uint32_t index);
void respond(uint32_t index, struct by_hand hand);

#endif
