// An endpoint under any order of datagrams, requests, cancellations and time keeps its tables consistent and completes each
// request once.
//
// The input is a list of steps: one octet of kind, one of argument, and two octets, which for a datagram are its size. A
// datagram of the kinds 2 and 3 gets id and token of the exchange that the argument names, so that responses find one.
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/coap_endpoint.h"

#define EXCHANGES 3
#define REMEMBERED 8
#define TRANSFERS 2
#define OBSERVATIONS 2
#define DELAYED 2
#define BODY_SIZE 2500

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: %s\n", function, expression);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct coap_endpoint endpoint;
static struct coap_exchange exchanges[EXCHANGES];
static struct coap_observation observations[OBSERVATIONS];
static struct coap_delayed delayed[DELAYED];
static uint8_t large[3000];
static uint32_t outstanding;

static void transmit(void *context, const struct coap_address *peer, struct bytes datagram) {
    struct coap_message message;
    (void)context;
    (void)peer;
    ASSERT(datagram.size <= DATAGRAM_SIZE_MAX && coap_message_parse(datagram, &message) == ERROR_NONE);
}

static void serve(void *context, const struct coap_request *request, struct coap_response *response) {
    (void)context;
    ASSERT(request->payload.size <= BODY_SIZE);
    uint8_t sum = 0;
    for (size_t i = 0; i < request->payload.size; i++) {
        sum ^= request->payload.data[i];
    }
    static const uint8_t codes[] = {0, COAP_CONTENT, COAP_CHANGED, COAP_NOT_FOUND};
    *response = (struct coap_response){.code = codes[(sum ^ (uint8_t)request->path[0]) & 3],
                                       .content_format = COAP_FORMAT_OCTETS,
                                       .body = {large, sizeof large},
                                       .subject = 1 + ((uint8_t)request->path[0] & 1u),
                                       .observed = {large, 1}};
    if (sum == 0 && request->path[0] == 's') {
        response->body.size = 10;
    }
    if (request->code == COAP_GET) {
        const char *refusal = NULL;
        if (conditional_parse(request->message, TYPE_ANY, &response->conditional, &refusal) != ERROR_NONE) {
            *response = (struct coap_response){COAP_BAD_REQUEST, .body = bytes_of_text(refusal)};
        }
    }
}

static void completed(void *context, const struct coap_completion *completion) {
    (void)context;
    ASSERT(outstanding > 0 && (completion->error == ERROR_NONE || completion->body.size == 0));
    outstanding--;
    for (size_t i = 0; i < completion->body.size; i++) {
        large[0] = (uint8_t)(large[0] ^ completion->body.data[i]); // every byte of it can be read
    }
}

static void ask(uint8_t argument, const struct coap_address *peer, uint64_t now) {
    static const uint8_t codes[] = {COAP_GET, COAP_PUT};
    struct coap_outgoing outgoing = {
        .peer = *peer,
        .confirmable = (argument & 1) != 0,
        .expect_response = true,
        .code = codes[argument >> 1 & 1],
        .path = "code/ab",
        .content_format = COAP_FORMAT_OCTETS,
        .payload = {large, (argument & 2) == 0   ? 0
                           : (argument & 4) == 0 ? 10
                                                 : sizeof large},
        .retransmit_max = UINT32_MAX,
        .user = argument >> 3 & 3,
    };
    if (coap_endpoint_request(&endpoint, now, &outgoing) == ERROR_NONE) {
        outstanding++;
    }
}

static void receive(uint8_t kind, uint8_t argument, const struct coap_address *peer, uint64_t now, struct bytes bytes) {
    uint8_t datagram[DATAGRAM_SIZE_MAX];
    size_t size = bytes.size < sizeof datagram ? bytes.size : sizeof datagram;
    memcpy(datagram, bytes.data, size);
    const struct coap_exchange *exchange = &exchanges[argument % EXCHANGES];
    if (kind >= 2 && size >= 10 && exchange->used) {
        datagram[0] = (uint8_t)((datagram[0] & 0x30) | 0x40 | exchange->token_size);
        if (kind == 3) {
            datagram[2] = (uint8_t)(exchange->id >> 8);
            datagram[3] = (uint8_t)exchange->id;
        }
        memcpy(datagram + 4, exchange->token, exchange->token_size);
    }
    coap_endpoint_receive(&endpoint, now, peer, (struct bytes){datagram, size});
}

static void check(const struct coap_transfer *transfers) {
    uint32_t used = 0;
    uint32_t downloads = 0;
    for (uint32_t i = 0; i < EXCHANGES; i++) {
        used += exchanges[i].used;
        downloads += exchanges[i].used && exchanges[i].transfer >= 0;
        ASSERT(!exchanges[i].used || exchanges[i].deadline_ms >= coap_endpoint_deadline(&endpoint));
    }
    for (uint32_t i = 0; i < TRANSFERS; i++) {
        downloads -= transfers[i].used && transfers[i].download;
        ASSERT(!transfers[i].used || transfers[i].size <= BODY_SIZE);
    }
    uint32_t observed = 0;
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < OBSERVATIONS; i++) {
        observed += observations[i].used;
        ASSERT(!observations[i].used || observations[i].datagram_size <= COAP_SENT_SIZE_MAX);
    }
    for (uint32_t i = 0; i < DELAYED; i++) {
        waiting += delayed[i].used;
        ASSERT(!delayed[i].used || delayed[i].due_ms >= coap_endpoint_deadline(&endpoint));
    }
    ASSERT(observed == endpoint.observations_used && waiting == endpoint.delayed_used);
    ASSERT(used == endpoint.exchanges_used && used == outstanding && downloads == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct coap_memory_of_id remembered[REMEMBERED];
    static struct coap_transfer transfers[TRANSFERS];
    static uint8_t bodies[TRANSFERS * BODY_SIZE];
    memset(exchanges, 0, sizeof exchanges);
    memset(remembered, 0, sizeof remembered);
    memset(transfers, 0, sizeof transfers);
    memset(observations, 0, sizeof observations);
    memset(delayed, 0, sizeof delayed);
    memset(large, 0, sizeof large);
    outstanding = 0;
    struct coap_parameters parameters = coap_parameters_default();
    struct coap_callbacks callbacks = {NULL, transmit, serve, completed};
    struct coap_endpoint_memory memory = {.exchanges = exchanges,
                                          .exchange_count = EXCHANGES,
                                          .remembered = remembered,
                                          .remembered_count = REMEMBERED,
                                          .transfers = transfers,
                                          .transfer_count = TRANSFERS,
                                          .bodies = {bodies, sizeof bodies},
                                          .observations = observations,
                                          .observation_count = OBSERVATIONS,
                                          .delayed = delayed,
                                          .delayed_count = DELAYED};
    coap_endpoint_start(&endpoint, &parameters, &callbacks, &memory, 1);
    uint64_t now = 1;
    for (size_t at = 0; size - at >= 4;) {
        uint8_t kind = data[at] & 7;
        uint8_t argument = data[at + 1];
        struct coap_address peer = {{(uint8_t)(data[at] >> 7)}};
        size_t length = (size_t)data[at + 2] << 8 | data[at + 3];
        at += 4;
        if (kind <= 3) {
            length = length < size - at ? length : size - at;
            receive(kind, argument, &peer, now, (struct bytes){data + at, length});
            at += length;
        } else if (kind == 4) {
            ask(argument, &peer, now);
        } else if (kind == 5) {
            coap_endpoint_cancel(&endpoint, argument & 3);
            outstanding = endpoint.exchanges_used;
        } else if (kind == 7 && (argument & 3) == 1) {
            large[0] = argument;
            coap_endpoint_changed(&endpoint, now, 1 + (argument >> 7), (struct bytes){large, 1});
        } else if (kind == 7 && (argument & 3) == 2) {
            coap_endpoint_recheck(&endpoint, now);
        } else if (kind == 7 && (argument & 3) == 3) {
            length = length < size - at ? length : size - at;
            coap_endpoint_multicast(&endpoint, now, &peer, (struct bytes){data + at, length});
            at += length;
        } else {
            now += length;
            coap_endpoint_advance(&endpoint, now);
        }
        check(transfers);
    }
    return 0;
}
