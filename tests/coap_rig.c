#include "tests/coap_rig.h"

#include <stdlib.h>

#include "core/assert.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

struct party client;
struct party server;
struct datagram sent[LOG_MAX];
enum fate fates[LOG_MAX];
uint32_t sent_count;
static uint32_t next_datagram;
uint64_t now;
uint8_t large[BODY_SIZE + 1];

static void transmit(void *context, const struct coap_address *peer, struct bytes datagram) {
    struct party *from = context;
    struct party *to = from == &client ? &server : &client;
    assert_true(sent_count < LOG_MAX && datagram.size >= 4 && datagram.size <= DATAGRAM_SIZE_MAX);
    assert_memory_equal(peer, &to->address, sizeof *peer);
    struct datagram *entry = &sent[sent_count++];
    entry->from = from;
    entry->at_ms = now;
    entry->size = datagram.size;
    memcpy(entry->octets, datagram.data, datagram.size);
}

static void serve(void *context, const struct coap_request *request, struct coap_response *response) {
    struct party *party = context;
    assert_true(request->payload.size <= sizeof party->payload && strlen(request->path) < sizeof party->path);
    party->served++;
    strcpy(party->path, request->path);
    party->code = request->code;
    party->content_format = request->content_format;
    party->payload_size = request->payload.size;
    if (request->payload.size > 0) {
        memcpy(party->payload, request->payload.data, request->payload.size);
    }
    const struct coap_option *delivery = coap_message_option(request->message, COAP_OPTION_TENON_DELIVERY);
    party->delivery_size = delivery == NULL ? 0 : (uint8_t)delivery->value.size;
    if (party->change_after != 0 && party->served == party->change_after) {
        large[0] ^= 0xff;
    }
    party->later = coap_later_of(request);
    *response = party->answer;
    if (party->in_place && request->code == COAP_GET) {
        struct buffer body = coap_endpoint_body(&party->endpoint, now, request);
        if (body.size < response->body.size) {
            *response =
                (struct coap_response){.code = COAP_SERVICE_UNAVAILABLE, .content_format = COAP_FORMAT_NONE, .max_age_s = 3};
            return;
        }
        memcpy(body.data, response->body.data, response->body.size);
        response->body.data = body.data;
    }
}

static void completed(void *context, const struct coap_completion *completion) {
    struct party *party = context;
    assert_true(party->completed < COMPLETIONS_MAX && completion->body.size <= sizeof party->body);
    party->completions[party->completed++] = *completion;
    if (completion->body.size > 0) {
        memcpy(party->body, completion->body.data, completion->body.size);
    }
}

static void start(struct party *party, uint8_t number) {
    memset(party, 0, sizeof *party);
    party->address.octets[COAP_ADDRESS_SIZE - 1] = number;
    party->answer = (struct coap_response){.code = COAP_CHANGED, .content_format = COAP_FORMAT_NONE, .body = {NULL, 0}};
    struct coap_parameters parameters = coap_parameters_default();
    parameters.ack_random_percent = 100;
    struct coap_callbacks callbacks = {party, transmit, serve, completed};
    struct coap_endpoint_memory memory = {.exchanges = party->exchanges,
                                          .exchange_count = EXCHANGES,
                                          .remembered = party->remembered,
                                          .remembered_count = REMEMBERED,
                                          .transfers = party->transfers,
                                          .transfer_count = TRANSFERS,
                                          .bodies = {party->bodies, sizeof party->bodies},
                                          .observations = party->observations,
                                          .observation_count = OBSERVATIONS,
                                          .delayed = party->delayed,
                                          .delayed_count = DELAYED};
    coap_endpoint_start(&party->endpoint, &parameters, &callbacks, &memory, number);
}

int begin(void **state) {
    (void)state;
    start(&client, 1);
    start(&server, 2);
    memset(fates, 0, sizeof fates);
    sent_count = next_datagram = 0;
    now = 1000;
    for (size_t i = 0; i < sizeof large; i++) {
        large[i] = (uint8_t)(i * 31 + (i >> 8));
    }
    return 0;
}

void receive(struct party *to, const struct party *from, struct bytes datagram) {
    coap_endpoint_receive(&to->endpoint, now, &from->address, datagram);
}

void deliver(uint32_t index) {
    struct party *from = sent[index].from;
    receive(from == &client ? &server : &client, from, (struct bytes){sent[index].octets, sent[index].size});
}

// Delivers what is on the wire; a datagram that is held back comes after the next one, or when the wire falls silent.
void pump(void) {
    uint32_t held = UINT32_MAX;
    while (next_datagram < sent_count || held != UINT32_MAX) {
        if (next_datagram == sent_count) {
            deliver(held);
            held = UINT32_MAX;
            continue;
        }
        uint32_t index = next_datagram++;
        if (fates[index] == HELD_BACK) {
            held = index;
            continue;
        }
        if (fates[index] != DROPPED) {
            deliver(index);
        }
        if (fates[index] == DOUBLED) {
            deliver(index);
        }
        if (held != UINT32_MAX) {
            deliver(held);
            held = UINT32_MAX;
        }
    }
}

void run_until(uint64_t end_ms) {
    pump();
    for (;;) {
        uint64_t first = coap_endpoint_deadline(&client.endpoint);
        uint64_t second = coap_endpoint_deadline(&server.endpoint);
        uint64_t deadline = first < second ? first : second;
        if (deadline > end_ms) {
            break;
        }
        now = deadline > now ? deadline : now;
        coap_endpoint_advance(&client.endpoint, now);
        coap_endpoint_advance(&server.endpoint, now);
        pump();
    }
    now = end_ms;
}

struct coap_outgoing outgoing(bool confirmable, uint8_t code, const char *path) {
    return (struct coap_outgoing){.peer = server.address,
                                  .confirmable = confirmable,
                                  .expect_response = true,
                                  .code = code,
                                  .path = path,
                                  .content_format = COAP_FORMAT_NONE,
                                  .retransmit_max = UINT32_MAX,
                                  .user = 7};
}

void request(struct coap_outgoing request) {
    assert_int_equal(coap_endpoint_request(&client.endpoint, now, &request), ERROR_NONE);
}

void get(bool confirmable, const char *path) {
    request(outgoing(confirmable, COAP_GET, path));
}

void put(bool confirmable, const char *path, struct bytes payload) {
    struct coap_outgoing upload = outgoing(confirmable, COAP_PUT, path);
    upload.payload = payload;
    upload.content_format = COAP_FORMAT_OCTETS;
    request(upload);
}

void expect_completion(enum error error, uint8_t code) {
    assert_int_equal(client.completed, 1);
    assert_int_equal(client.completions[0].user, 7);
    assert_int_equal(client.completions[0].error, error);
    assert_int_equal(client.completions[0].code, code);
    assert_int_equal(client.endpoint.exchanges_used, 0);
    for (uint32_t i = 0; i < TRANSFERS; i++) {
        assert_false(client.transfers[i].used);
    }
}

void expect_empty(uint32_t index, enum coap_type type, uint16_t id) {
    const uint8_t expected[4] = {(uint8_t)(0x40 | (unsigned)type << 4), 0, (uint8_t)(id >> 8), (uint8_t)id};
    assert_true(index < sent_count);
    assert_int_equal(sent[index].size, 4);
    assert_memory_equal(sent[index].octets, expected, 4);
}

struct coap_message parsed(uint32_t index) {
    struct coap_message message;
    assert_true(index < sent_count);
    assert_int_equal(coap_message_parse((struct bytes){sent[index].octets, sent[index].size}, &message), ERROR_NONE);
    return message;
}

void respond(uint32_t index, struct by_hand hand) {
    uint8_t storage[DATAGRAM_SIZE_MAX];
    struct coap_builder builder;
    size_t size = 0;
    struct coap_message message = parsed(index);
    coap_builder_start(&builder, (struct buffer){storage, sizeof storage}, hand.type, hand.code, hand.id, message.token);
    if (hand.option != 0) {
        coap_builder_option_uint(&builder, hand.option, hand.value);
    }
    coap_builder_payload(&builder, hand.payload);
    assert_int_equal(coap_builder_finish(&builder, &size), ERROR_NONE);
    receive(&client, &server, (struct bytes){storage, size});
}
