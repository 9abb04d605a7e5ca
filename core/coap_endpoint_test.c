// Two endpoints joined by a wire in memory that drops, doubles and holds back the nth datagram; time is made by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/assert.h"
#include "core/coap_endpoint.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

#define EXCHANGES 3
#define REMEMBERED 16
#define TRANSFERS 2
#define BODY_SIZE 4096
#define LOG_MAX 128
#define COMPLETIONS_MAX 8

struct party {
    struct coap_endpoint endpoint;
    struct coap_address address;
    struct coap_exchange exchanges[EXCHANGES];
    struct coap_memory_of_id remembered[REMEMBERED];
    struct coap_transfer transfers[TRANSFERS];
    uint8_t bodies[TRANSFERS * BODY_SIZE];
    // What its handler answers, and what it saw last.
    struct coap_response answer;
    uint32_t served;
    uint32_t change_after; // the body changes its first byte at this serving; 0 for never
    char path[96];
    uint8_t code;
    uint16_t content_format;
    size_t payload_size;
    uint8_t payload[BODY_SIZE];
    uint8_t delivery_size;
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

static struct party client;
static struct party server;
static struct datagram sent[LOG_MAX];
static enum fate fates[LOG_MAX];
static uint32_t sent_count;
static uint32_t next_datagram;
static uint64_t now;
static uint8_t large[BODY_SIZE + 1];

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
    *response = party->answer;
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
    party->answer = (struct coap_response){COAP_CHANGED, COAP_FORMAT_NONE, {NULL, 0}};
    struct coap_parameters parameters = coap_parameters_default();
    parameters.ack_random_percent = 100;
    struct coap_callbacks callbacks = {party, transmit, serve, completed};
    struct coap_endpoint_memory memory = {party->exchanges,
                                          EXCHANGES,
                                          party->remembered,
                                          REMEMBERED,
                                          party->transfers,
                                          TRANSFERS,
                                          {party->bodies, sizeof party->bodies}};
    coap_endpoint_start(&party->endpoint, &parameters, &callbacks, &memory, number);
}

static int begin(void **state) {
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

static void receive(struct party *to, const struct party *from, struct bytes datagram) {
    coap_endpoint_receive(&to->endpoint, now, &from->address, datagram);
}

static void deliver(uint32_t index) {
    struct party *from = sent[index].from;
    receive(from == &client ? &server : &client, from, (struct bytes){sent[index].octets, sent[index].size});
}

// Delivers what is on the wire; a datagram that is held back comes after the next one, or when the wire falls silent.
static void pump(void) {
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

static void run_until(uint64_t end_ms) {
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

static struct coap_outgoing outgoing(bool confirmable, uint8_t code, const char *path) {
    return (struct coap_outgoing){.peer = server.address,
                                  .confirmable = confirmable,
                                  .expect_response = true,
                                  .code = code,
                                  .path = path,
                                  .content_format = COAP_FORMAT_NONE,
                                  .retransmit_max = UINT32_MAX,
                                  .user = 7};
}

static void request(struct coap_outgoing request) {
    assert_int_equal(coap_endpoint_request(&client.endpoint, now, &request), ERROR_NONE);
}

static void get(bool confirmable, const char *path) {
    request(outgoing(confirmable, COAP_GET, path));
}

static void put(bool confirmable, const char *path, struct bytes payload) {
    struct coap_outgoing upload = outgoing(confirmable, COAP_PUT, path);
    upload.payload = payload;
    upload.content_format = COAP_FORMAT_OCTETS;
    request(upload);
}

static void expect_completion(enum error error, uint8_t code) {
    assert_int_equal(client.completed, 1);
    assert_int_equal(client.completions[0].user, 7);
    assert_int_equal(client.completions[0].error, error);
    assert_int_equal(client.completions[0].code, code);
    assert_int_equal(client.endpoint.exchanges_used, 0);
    for (uint32_t i = 0; i < TRANSFERS; i++) {
        assert_false(client.transfers[i].used);
    }
}

static void expect_empty(uint32_t index, enum coap_type type, uint16_t id) {
    const uint8_t expected[4] = {(uint8_t)(0x40 | (unsigned)type << 4), 0, (uint8_t)(id >> 8), (uint8_t)id};
    assert_true(index < sent_count);
    assert_int_equal(sent[index].size, 4);
    assert_memory_equal(sent[index].octets, expected, 4);
}

static struct coap_message parsed(uint32_t index) {
    struct coap_message message;
    assert_true(index < sent_count);
    assert_int_equal(coap_message_parse((struct bytes){sent[index].octets, sent[index].size}, &message), ERROR_NONE);
    return message;
}

// A response written by hand, from the server's address, to the request that is datagram `index`.
struct by_hand {
    enum coap_type type;
    uint8_t code;
    uint16_t id;
    uint16_t option; // 0 for none
    uint32_t value;
    struct bytes payload;
};
static void respond(uint32_t index, struct by_hand hand) {
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

// --- message layer
// -----------------------------------------------------------------------------------------------------------------

static void a_confirmable_request_is_answered_in_its_acknowledgement(void **state) {
    (void)state;
    server.answer = (struct coap_response){COAP_CONTENT, COAP_FORMAT_TEXT, bytes_of_text("22.3 C")};
    get(true, "r/temperature");
    pump();
    expect_completion(ERROR_NONE, COAP_CONTENT);
    assert_int_equal(client.completions[0].content_format, COAP_FORMAT_TEXT);
    assert_int_equal(client.completions[0].body.size, 6);
    assert_memory_equal(client.body, "22.3 C", 6);
    assert_string_equal(server.path, "r/temperature");
    assert_int_equal(sent_count, 2);
    assert_int_equal(parsed(1).type, COAP_ACKNOWLEDGEMENT);
    assert_int_equal(parsed(1).id, parsed(0).id);
}

static void a_lost_request_is_sent_again_after_doubling_times(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        fates[i] = DROPPED;
    }
    get(true, "status");
    run_until(now + 100000);
    assert_int_equal(sent_count, 6);
    assert_int_equal(sent[1].at_ms, 1000 + 2000);
    assert_int_equal(sent[2].at_ms, 1000 + 6000);
    assert_int_equal(sent[3].at_ms, 1000 + 14000);
    assert_int_equal(sent[4].at_ms, 1000 + 30000);
    assert_memory_equal(sent[0].octets, sent[4].octets, sent[0].size);
    assert_int_equal(client.endpoint.counters.retransmissions, 4);
    expect_completion(ERROR_NONE, COAP_CHANGED);
}

static void after_the_last_retransmission_the_request_times_out(void **state) {
    (void)state;
    for (uint32_t i = 0; i < LOG_MAX; i++) {
        fates[i] = DROPPED;
    }
    get(true, "status");
    run_until(1000 + 61999);
    assert_int_equal(client.completed, 0);
    assert_int_equal(sent_count, 5);
    run_until(1000 + 62000);
    expect_completion(ERROR_TIMEOUT, 0);
    assert_int_equal(client.endpoint.counters.timeouts, 1);
    run_until(1000 + 200000);
    assert_int_equal(sent_count, 5);
    assert_true(coap_endpoint_deadline(&client.endpoint) == UINT64_MAX);
}

static void a_request_may_bring_its_own_number_of_retransmissions(void **state) {
    (void)state;
    struct coap_outgoing once = outgoing(true, COAP_GET, "status");
    once.retransmit_max = 0;
    fates[0] = DROPPED;
    request(once);
    run_until(1000 + 2000);
    expect_completion(ERROR_TIMEOUT, 0);
    assert_int_equal(sent_count, 1);
}

static void the_first_timeout_is_spread_by_the_random_factor(void **state) {
    (void)state;
    client.endpoint.parameters.ack_random_percent = 150;
    uint32_t different = 0;
    for (uint32_t i = 0; i < 20; i++) {
        get(true, "status");
        uint64_t wait = client.exchanges[0].timeout_ms;
        assert_in_range(wait, 2000, 3000);
        different += wait != 2000;
        coap_endpoint_cancel(&client.endpoint, 7);
    }
    assert_true(different > 10);
}

static void a_lost_acknowledgement_is_sent_again_without_serving_twice(void **state) {
    (void)state;
    fates[1] = DROPPED;
    put(true, "c/17", bytes_of_text("1"));
    run_until(now + 10000);
    expect_completion(ERROR_NONE, COAP_CHANGED);
    assert_int_equal(server.served, 1);
    assert_int_equal(server.endpoint.counters.duplicates, 1);
    assert_int_equal(sent_count, 4);
    assert_memory_equal(sent[1].octets, sent[3].octets, sent[1].size);
}

static void a_lost_empty_acknowledgement_is_sent_again_too(void **state) {
    (void)state;
    server.answer.code = 0;
    fates[1] = DROPPED;
    put(true, "c/17", bytes_of_text("1"));
    run_until(now + 3000);
    assert_int_equal(server.served, 1);
    assert_int_equal(sent_count, 4);
    expect_empty(3, COAP_ACKNOWLEDGEMENT, parsed(0).id);
    assert_true(client.exchanges[0].acknowledged);
}

static void a_doubled_non_confirmable_is_served_once(void **state) {
    (void)state;
    fates[0] = DOUBLED;
    put(false, "c/17", bytes_of_text("1"));
    pump();
    assert_int_equal(server.served, 1);
    assert_int_equal(server.endpoint.counters.duplicates, 1);
    expect_completion(ERROR_NONE, COAP_CHANGED);
    assert_int_equal(parsed(1).type, COAP_NON_CONFIRMABLE);
}

static void after_its_lifetime_a_message_id_is_new_again(void **state) {
    (void)state;
    put(false, "c/17", bytes_of_text("1"));
    pump();
    now += 246999;
    deliver(0);
    assert_int_equal(server.served, 1);
    now += 1;
    deliver(0);
    assert_int_equal(server.served, 2);
}

static void the_same_message_id_from_another_peer_is_another_message(void **state) {
    (void)state;
    static const uint8_t datagram[] = {0x50, COAP_PUT, 0, 9, 0xb1, 'c'};
    struct coap_address stranger = client.address;
    receive(&server, &client, (struct bytes){datagram, sizeof datagram});
    stranger.octets[0] = 1; // outside the part that is hashed: the same place, but not the same peer
    server.answer.code = 0;
    coap_endpoint_receive(&server.endpoint, now, &stranger, (struct bytes){datagram, sizeof datagram});
    assert_int_equal(server.served, 2);
}

static void more_messages_than_remembered_places_are_all_served(void **state) {
    (void)state;
    server.answer.code = 0;
    for (uint8_t id = 0; id < 200; id++) {
        const uint8_t datagram[] = {0x50, COAP_PUT, 0, (uint8_t)(id * 16), 0xb1, 'c'};
        uint8_t distinct[sizeof datagram];
        memcpy(distinct, datagram, sizeof datagram);
        distinct[2] = id;
        receive(&server, &client, (struct bytes){distinct, sizeof distinct});
        receive(&server, &client, (struct bytes){distinct, sizeof distinct});
    }
    assert_int_equal(server.served, 200);
    assert_int_equal(server.endpoint.counters.duplicates, 200);
}

static void a_push_is_sent_and_forgotten(void **state) {
    (void)state;
    struct coap_outgoing push = outgoing(false, COAP_POST, "c/3");
    uint8_t delivery[64] = {1};
    push.expect_response = false;
    push.delivery = (struct bytes){delivery, sizeof delivery};
    push.payload = (struct bytes){large, COAP_PAYLOAD_SIZE_MAX};
    server.answer.code = 0;
    request(push);
    pump();
    assert_int_equal(server.served, 1);
    assert_int_equal(server.delivery_size, 64);
    assert_int_equal(server.payload_size, COAP_PAYLOAD_SIZE_MAX);
    assert_int_equal(client.endpoint.exchanges_used, 0);
    assert_int_equal(sent_count, 1);
    push.payload.size++;
    assert_int_equal(coap_endpoint_request(&client.endpoint, now, &push), ERROR_TOO_LARGE);
}

static void a_ping_is_answered_with_reset(void **state) {
    (void)state;
    static const uint8_t ping[] = {0x40, 0, 0x12, 0x34};
    receive(&server, &client, (struct bytes){ping, sizeof ping});
    assert_int_equal(sent_count, 1);
    expect_empty(0, COAP_RESET, 0x1234);
}

static void a_broken_confirmable_is_reset_and_anything_else_broken_ignored(void **state) {
    (void)state;
    static const struct {
        uint8_t octets[5];
        uint8_t size;
        bool reset;
    } cases[] = {
        {{0x40, 1, 0, 1, 0xff}, 5, true}, {{0x50, 1, 0, 1, 0xff}, 5, false}, {{0x60, 0x45, 0, 1, 0xff}, 5, false},
        {{0x80, 1, 0, 1, 0}, 5, false},   {{0x40, 1, 0}, 3, false},          {{0x40, 0x21, 0, 1}, 4, true},
        {{0x40, 0xe1, 0, 1}, 4, true},    {{0x50, 0x21, 0, 1}, 4, false},    {{0x60, 0x01, 0, 1}, 4, false},
        {{0x70, 0x45, 0, 1}, 4, false},   {{0x50, 0x00, 0, 1}, 4, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t before = sent_count;
        receive(&server, &client, (struct bytes){cases[i].octets, cases[i].size});
        assert_int_equal(server.endpoint.counters.malformed, i + 1);
        assert_int_equal(sent_count - before, cases[i].reset ? 1 : 0);
        if (cases[i].reset) {
            expect_empty(before, COAP_RESET, 1);
        }
    }
    assert_int_equal(server.served, 0);
}

static void a_reset_ends_the_request(void **state) {
    (void)state;
    get(true, "status");
    const uint8_t reset[] = {0x70, 0, sent[0].octets[2], sent[0].octets[3]};
    const uint8_t other[] = {0x70, 0, sent[0].octets[2], (uint8_t)(sent[0].octets[3] + 1)};
    receive(&client, &server, (struct bytes){other, sizeof other});
    receive(&client, &client, (struct bytes){reset, sizeof reset});
    assert_int_equal(client.completed, 0);
    receive(&client, &server, (struct bytes){reset, sizeof reset});
    expect_completion(ERROR_RESET, 0);
}

// --- requests and responses
// ----------------------------------------------------------------------------------------------------------

static void a_separate_confirmable_response_is_acknowledged_and_its_duplicate_again(void **state) {
    (void)state;
    get(true, "slow");
    const uint8_t ack[] = {0x60, 0, sent[0].octets[2], sent[0].octets[3]};
    receive(&client, &server, (struct bytes){ack, sizeof ack});
    now += 20000;
    coap_endpoint_advance(&client.endpoint, now);
    assert_int_equal(sent_count, 1); // acknowledged: not sent again
    struct by_hand late = {COAP_CONFIRMABLE, COAP_CONTENT, 0x5151, 0, 0, bytes_of_text("late")};
    respond(0, late);
    expect_completion(ERROR_NONE, COAP_CONTENT);
    assert_memory_equal(client.body, "late", 4);
    expect_empty(1, COAP_ACKNOWLEDGEMENT, 0x5151);
    respond(0, late);
    assert_int_equal(client.completed, 1);
    assert_int_equal(client.endpoint.counters.duplicates, 1);
    expect_empty(2, COAP_ACKNOWLEDGEMENT, 0x5151);
}

static void a_separate_response_that_never_comes_times_out(void **state) {
    (void)state;
    server.answer.code = 0;
    get(true, "slow");
    run_until(1000 + 29999);
    assert_int_equal(client.completed, 0);
    run_until(1000 + 30000);
    expect_completion(ERROR_TIMEOUT, 0);
    assert_int_equal(sent_count, 2);
}

static void a_separate_response_may_overtake_the_lost_acknowledgement(void **state) {
    (void)state;
    get(true, "slow");
    respond(0, (struct by_hand){COAP_NON_CONFIRMABLE, COAP_CONTENT, 0x5151, 0, 0, bytes_of_text("x")});
    expect_completion(ERROR_NONE, COAP_CONTENT);
    coap_endpoint_advance(&client.endpoint, now + 100000);
    assert_int_equal(sent_count, 1);
}

static void a_confirmable_response_that_nobody_awaits_is_reset(void **state) {
    (void)state;
    static const uint8_t response[] = {0x41, COAP_CONTENT, 0x33, 0x44, 0x20};
    receive(&client, &server, (struct bytes){response, sizeof response});
    expect_empty(0, COAP_RESET, 0x3344);
    assert_int_equal(client.endpoint.counters.unmatched, 1);
}

static void a_confirmable_response_with_the_id_of_an_earlier_push_sends_no_empty_datagram(void **state) {
    (void)state;
    static const uint8_t push[] = {0x50, COAP_PUT, 0x33, 0x44, 0xb1, 'c'};
    static const uint8_t response[] = {0x41, COAP_CONTENT, 0x33, 0x44, 0x20};
    client.answer.code = 0;
    receive(&client, &server, (struct bytes){push, sizeof push});
    receive(&client, &server, (struct bytes){response, sizeof response});
    assert_int_equal(sent_count, 0);
}

static void a_response_with_another_token_id_or_peer_is_ignored(void **state) {
    (void)state;
    get(true, "status");
    uint16_t id = parsed(0).id;
    uint8_t response[] = {0x66, COAP_CONTENT, (uint8_t)(id >> 8), (uint8_t)id, 0, 0, 0, 0, 0, 0};
    memcpy(response + 4, sent[0].octets + 4, 6);
    for (size_t i = 2; i < sizeof response; i++) {
        response[i] ^= 0x40;
        receive(&client, &server, (struct bytes){response, sizeof response});
        response[i] ^= 0x40;
        assert_int_equal(client.completed, 0);
    }
    receive(&client, &client, (struct bytes){response, sizeof response});
    assert_int_equal(client.completed, 0);
    assert_int_equal(client.endpoint.counters.unmatched, 9);
    receive(&client, &server, (struct bytes){response, sizeof response});
    expect_completion(ERROR_NONE, COAP_CONTENT);
}

static void a_non_confirmable_request_without_response_times_out(void **state) {
    (void)state;
    fates[0] = DROPPED;
    get(false, "status");
    run_until(1000 + 29999);
    assert_int_equal(client.completed, 0);
    run_until(1000 + 30000);
    expect_completion(ERROR_TIMEOUT, 0);
    assert_int_equal(sent_count, 1);
}

static void a_cancelled_request_is_not_completed(void **state) {
    (void)state;
    get(true, "status");
    coap_endpoint_cancel(&client.endpoint, 8);
    assert_int_equal(client.endpoint.exchanges_used, 1);
    coap_endpoint_cancel(&client.endpoint, 7);
    run_until(now + 100000);
    assert_int_equal(client.completed, 0);
    assert_int_equal(client.endpoint.counters.unmatched, 1);
    assert_int_equal(sent_count, 2);
}

static void one_request_more_than_exchanges_is_full(void **state) {
    (void)state;
    for (uint32_t i = 0; i < EXCHANGES; i++) {
        get(true, "status");
    }
    struct coap_outgoing more = outgoing(true, COAP_GET, "status");
    assert_int_equal(coap_endpoint_request(&client.endpoint, now, &more), ERROR_FULL);
    assert_int_equal(sent_count, EXCHANGES);
    pump();
    assert_int_equal(client.completed, EXCHANGES);
    assert_int_equal(coap_endpoint_request(&client.endpoint, now, &more), ERROR_NONE);
}

static void names_that_do_not_fit_are_too_large(void **state) {
    (void)state;
    char name[97];
    memset(name, 'a', sizeof name - 1);
    name[96] = '\0';
    struct coap_outgoing long_path = outgoing(true, COAP_GET, name);
    assert_int_equal(coap_endpoint_request(&client.endpoint, now, &long_path), ERROR_TOO_LARGE);
    struct coap_outgoing long_query = outgoing(true, COAP_GET, "a");
    long_query.query = name;
    assert_int_equal(coap_endpoint_request(&client.endpoint, now, &long_query), ERROR_TOO_LARGE);
    struct coap_outgoing long_delivery = outgoing(true, COAP_GET, "a");
    long_delivery.delivery = (struct bytes){large, 65};
    assert_int_equal(coap_endpoint_request(&client.endpoint, now, &long_delivery), ERROR_TOO_LARGE);
    assert_int_equal(client.endpoint.exchanges_used, 0);
    assert_int_equal(sent_count, 0);
}

static void the_longest_path_query_delivery_and_payload_fit_one_datagram(void **state) {
    (void)state;
    char path[96];
    char query[64];
    memset(path, 'p', sizeof path - 1);
    memset(query, 'q', sizeof query - 1);
    path[95] = query[63] = '\0';
    struct coap_outgoing longest = outgoing(true, COAP_PUT, path);
    longest.query = query;
    longest.delivery = (struct bytes){large, 64};
    longest.content_format = COAP_FORMAT_CBOR;
    longest.payload = (struct bytes){large, BODY_SIZE};
    request(longest);
    pump();
    expect_completion(ERROR_NONE, COAP_CHANGED);
    assert_string_equal(server.path, path);
    assert_int_equal(server.payload_size, BODY_SIZE);
}

static void a_path_of_more_segments_than_options_is_too_large(void **state) {
    (void)state;
    struct coap_outgoing deep = outgoing(true, COAP_PUT, "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z");
    deep.payload = (struct bytes){large, BODY_SIZE};
    assert_int_equal(coap_endpoint_request(&client.endpoint, now, &deep), ERROR_TOO_LARGE);
    assert_int_equal(client.endpoint.exchanges_used, 0);
}

static void an_unknown_critical_option_is_a_bad_option(void **state) {
    (void)state;
    static const uint8_t confirmable[] = {0x40, COAP_GET, 0, 1, 0x90}; // option 9
    static const uint8_t non_confirmable[] = {0x50, COAP_GET, 0, 2, 0x90};
    static const uint8_t elective[] = {0x40, COAP_GET, 0, 3, 0xa0}; // option 10
    receive(&server, &client, (struct bytes){confirmable, sizeof confirmable});
    assert_int_equal(parsed(0).code, COAP_BAD_OPTION);
    receive(&server, &client, (struct bytes){non_confirmable, sizeof non_confirmable});
    assert_int_equal(sent_count, 1);
    assert_int_equal(server.served, 0);
    receive(&server, &client, (struct bytes){elective, sizeof elective});
    assert_int_equal(server.served, 1);
    assert_int_equal(parsed(1).code, COAP_CHANGED);
}

// RFC 7252 §5.4.1.
static void a_response_with_an_unknown_critical_option_is_rejected(void **state) {
    (void)state;
    get(true, "status");
    respond(0, (struct by_hand){COAP_ACKNOWLEDGEMENT, COAP_CONTENT, parsed(0).id, 9, 1, {NULL, 0}});
    assert_int_equal(client.completed, 0);
    respond(0, (struct by_hand){COAP_CONFIRMABLE, COAP_CONTENT, 0x5151, 9, 1, {NULL, 0}});
    assert_int_equal(client.completed, 0);
    expect_empty(1, COAP_RESET, 0x5151);
}

// --- blocks (RFC 7959)
// -----------------------------------------------------------------------------------------------------------------

static void expect_upload(size_t size) {
    expect_completion(ERROR_NONE, COAP_CHANGED);
    assert_int_equal(server.served, 1);
    assert_int_equal(server.payload_size, size);
    assert_memory_equal(server.payload, large, size);
    assert_int_equal(server.content_format, COAP_FORMAT_OCTETS);
    for (uint32_t i = 0; i < TRANSFERS; i++) {
        assert_false(server.transfers[i].used);
    }
}

static void a_large_body_goes_up_in_blocks(void **state) {
    (void)state;
    static const size_t sizes[] = {1025, 2047, 2048, 2049, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        begin(state);
        put(true, "code/ab", (struct bytes){large, sizes[i]});
        pump();
        expect_upload(sizes[i]);
        assert_int_equal(sent_count, 2 * ((sizes[i] + 1023) / 1024));
        struct coap_message first = parsed(0);
        assert_int_equal(coap_message_option_uint(&first, COAP_OPTION_SIZE1, 0), sizes[i]);
        assert_int_equal(coap_message_option_uint(&first, COAP_OPTION_BLOCK1, 99), 0x0e);
        struct coap_message answer = parsed(1);
        assert_int_equal(answer.code, COAP_CONTINUE);
        assert_int_equal(coap_message_option_uint(&answer, COAP_OPTION_BLOCK1, 99), 0x0e);
    }
}

static void an_upload_survives_any_one_datagram_lost_doubled_or_late(void **state) {
    for (uint32_t nth = 0; nth < 8; nth++) {
        for (uint32_t fate = DROPPED; fate <= HELD_BACK; fate++) {
            begin(state);
            fates[nth] = (enum fate)fate;
            put(true, "code/ab", (struct bytes){large, BODY_SIZE});
            run_until(now + 20000);
            expect_upload(BODY_SIZE);
        }
    }
}

static void a_non_confirmable_upload_is_not_confused_by_a_doubled_answer(void **state) {
    (void)state;
    fates[1] = fates[3] = DOUBLED;
    put(false, "code/ab", (struct bytes){large, BODY_SIZE});
    pump();
    expect_upload(BODY_SIZE);
}

static void an_upload_over_the_place_for_bodies_is_refused_with_its_size(void **state) {
    (void)state;
    put(true, "code/ab", (struct bytes){large, BODY_SIZE + 1});
    pump();
    expect_completion(ERROR_NONE, COAP_REQUEST_ENTITY_TOO_LARGE);
    struct coap_message answer = parsed(1);
    assert_int_equal(coap_message_option_uint(&answer, COAP_OPTION_SIZE1, 0), BODY_SIZE);
    assert_int_equal(sent_count, 2);
    assert_int_equal(server.served, 0);
    assert_false(server.transfers[0].used);
}

// One block of an upload written by hand, to the server.
static void send_block(uint16_t id, uint32_t number, bool more, size_t size) {
    uint8_t storage[DATAGRAM_SIZE_MAX];
    struct coap_builder builder;
    size_t datagram_size = 0;
    coap_builder_start(&builder, (struct buffer){storage, sizeof storage}, COAP_CONFIRMABLE, COAP_PUT, id,
                       (struct bytes){NULL, 0});
    coap_builder_path(&builder, "plan");
    coap_builder_option_uint(&builder, COAP_OPTION_BLOCK1, number << 4 | (more ? 8u : 0u) | 6);
    coap_builder_payload(&builder, (struct bytes){large, size});
    assert_int_equal(coap_builder_finish(&builder, &datagram_size), ERROR_NONE);
    receive(&server, &client, (struct bytes){storage, datagram_size});
}

static void a_gap_between_blocks_is_incomplete(void **state) {
    (void)state;
    send_block(1, 1, true, 1024);
    assert_int_equal(parsed(0).code, COAP_REQUEST_ENTITY_INCOMPLETE);
    send_block(2, 0, true, 1024);
    assert_int_equal(parsed(1).code, COAP_CONTINUE);
    send_block(3, 2, false, 10);
    assert_int_equal(parsed(2).code, COAP_REQUEST_ENTITY_INCOMPLETE);
    send_block(4, 1, false, 10);
    assert_int_equal(parsed(3).code, COAP_CHANGED);
    assert_int_equal(server.served, 1);
    assert_int_equal(server.payload_size, 1034);
}

static void blocks_over_the_place_without_announcement_are_too_large(void **state) {
    (void)state;
    for (uint16_t i = 0; i < 4; i++) {
        send_block(i, i, true, 1024);
        assert_int_equal(parsed(i).code, COAP_CONTINUE);
    }
    send_block(4, 4, false, 1);
    struct coap_message answer = parsed(4);
    assert_int_equal(answer.code, COAP_REQUEST_ENTITY_TOO_LARGE);
    assert_int_equal(coap_message_option_uint(&answer, COAP_OPTION_SIZE1, 0), BODY_SIZE);
}

static void an_upload_that_begins_again_forgets_its_first_blocks(void **state) {
    (void)state;
    send_block(1, 0, true, 1024);
    send_block(2, 1, true, 1024);
    send_block(3, 0, true, 1024);
    send_block(4, 1, false, 1);
    assert_int_equal(server.payload_size, 1025);
}

static void a_block_shorter_than_its_size_with_more_to_come_is_bad(void **state) {
    (void)state;
    send_block(1, 0, true, 1023);
    assert_int_equal(parsed(0).code, COAP_BAD_REQUEST);
    assert_false(server.transfers[0].used);
}

static void uploads_wait_for_a_place_until_an_abandoned_one_expires(void **state) {
    (void)state;
    for (uint32_t i = 0; i < TRANSFERS; i++) {
        server.transfers[i] = (struct coap_transfer){.used = true, .path = "abandoned", .expires_ms = now + 30000};
    }
    send_block(1, 0, true, 1024);
    assert_int_equal(parsed(0).code, COAP_SERVICE_UNAVAILABLE);
    now += 30000;
    send_block(2, 0, true, 1024);
    assert_int_equal(parsed(1).code, COAP_CONTINUE);
}

static void an_upload_goes_on_in_the_smaller_blocks_that_the_server_asks_for(void **state) {
    (void)state;
    put(true, "code/ab", (struct bytes){large, 1100});
    struct coap_message first = parsed(0);
    respond(0, (struct by_hand){COAP_ACKNOWLEDGEMENT, COAP_CONTINUE, first.id, COAP_OPTION_BLOCK1, 0x0a, {NULL, 0}});
    struct coap_message second = parsed(1);
    assert_int_equal(coap_message_option_uint(&second, COAP_OPTION_BLOCK1, 0),
                     16 << 4 | 8 | 2); // 1,024 bytes are 16 blocks of 64
    assert_int_equal(second.payload.size, 64);
    assert_memory_equal(second.payload.data, large + 1024, 64);
    respond(1,
            (struct by_hand){COAP_ACKNOWLEDGEMENT, COAP_CONTINUE, second.id, COAP_OPTION_BLOCK1, 16 << 4 | 8 | 2, {NULL, 0}});
    struct coap_message third = parsed(2);
    assert_int_equal(coap_message_option_uint(&third, COAP_OPTION_BLOCK1, 0), 17 << 4 | 2);
    assert_int_equal(third.payload.size, 12);
    respond(2, (struct by_hand){COAP_ACKNOWLEDGEMENT, COAP_CHANGED, third.id, COAP_OPTION_BLOCK1, 17 << 4 | 2, {NULL, 0}});
    expect_completion(ERROR_NONE, COAP_CHANGED);
}

static void a_continue_that_makes_no_sense_ends_the_upload(void **state) {
    static const uint16_t options[] = {0, COAP_OPTION_BLOCK1, COAP_OPTION_BLOCK1};
    static const uint32_t values[] = {0, 0x0f, 0x1e}; // none, a reserved size, another block
    for (size_t i = 0; i < 3; i++) {
        begin(state);
        put(true, "code/ab", (struct bytes){large, 2000});
        respond(0, (struct by_hand){COAP_ACKNOWLEDGEMENT, COAP_CONTINUE, parsed(0).id, options[i], values[i], {NULL, 0}});
        expect_completion(ERROR_MALFORMED, 0);
    }
}

static void expect_download(size_t size) {
    expect_completion(ERROR_NONE, COAP_CONTENT);
    assert_int_equal(client.completions[0].content_format, COAP_FORMAT_JSON);
    assert_int_equal(client.completions[0].body.size, size);
    assert_memory_equal(client.body, large, size);
}

static void a_large_body_comes_down_in_blocks(void **state) {
    static const size_t sizes[] = {0, 1, 1024, 1025, 2048, 3000, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        begin(state);
        server.answer = (struct coap_response){COAP_CONTENT, COAP_FORMAT_JSON, {large, sizes[i]}};
        get(true, "status");
        pump();
        expect_download(sizes[i]);
        assert_int_equal(server.served, 1); // later blocks come from the snapshot
    }
    struct coap_message first = parsed(1);
    assert_int_equal(coap_message_option_uint(&first, COAP_OPTION_SIZE2, 0), 4096);
    assert_int_equal(coap_message_option_uint(&first, COAP_OPTION_BLOCK2, 0), 0x0e);
}

static void a_download_survives_any_one_datagram_lost_doubled_or_late(void **state) {
    for (uint32_t nth = 0; nth < 8; nth++) {
        for (uint32_t fate = DROPPED; fate <= HELD_BACK; fate++) {
            begin(state);
            fates[nth] = (enum fate)fate;
            server.answer = (struct coap_response){COAP_CONTENT, COAP_FORMAT_JSON, {large, BODY_SIZE}};
            get(true, "status");
            run_until(now + 20000);
            expect_download(BODY_SIZE);
        }
    }
}

static void a_non_confirmable_download_is_not_confused_by_doubled_answers(void **state) {
    (void)state;
    fates[1] = fates[3] = DOUBLED;
    server.answer = (struct coap_response){COAP_CONTENT, COAP_FORMAT_JSON, {large, BODY_SIZE}};
    get(false, "status");
    pump();
    expect_download(BODY_SIZE);
}

static void a_body_that_changes_between_two_blocks_is_read_as_it_was(void **state) {
    (void)state;
    server.answer = (struct coap_response){COAP_CONTENT, COAP_FORMAT_JSON, {large, BODY_SIZE}};
    server.change_after = 3;
    get(true, "status");
    pump();
    expect_download(BODY_SIZE);
}

static void a_body_that_changes_is_given_up_when_there_was_no_place_for_a_snapshot(void **state) {
    (void)state;
    for (uint32_t i = 0; i < server.endpoint.memory.transfer_count; i++) {
        server.endpoint.memory.transfers[i].used = true;
        server.endpoint.memory.transfers[i].expires_ms = UINT64_MAX;
    }
    server.answer = (struct coap_response){COAP_CONTENT, COAP_FORMAT_JSON, {large, BODY_SIZE}};
    server.change_after = 3;
    get(true, "status");
    pump();
    expect_completion(ERROR_BUSY, 0);
}

static void a_download_over_the_place_for_bodies_is_too_large(void **state) {
    (void)state;
    server.answer = (struct coap_response){COAP_CONTENT, COAP_FORMAT_JSON, {large, BODY_SIZE + 1}};
    get(true, "status");
    pump();
    expect_completion(ERROR_TOO_LARGE, 0);
}

static void a_download_that_times_out_gives_its_place_back(void **state) {
    (void)state;
    for (uint32_t i = 3; i < LOG_MAX; i++) {
        fates[i] = DROPPED;
    }
    server.answer = (struct coap_response){COAP_CONTENT, COAP_FORMAT_JSON, {large, BODY_SIZE}};
    get(true, "status");
    run_until(now + 100000);
    expect_completion(ERROR_TIMEOUT, 0);
}

static void a_block_may_be_asked_for_in_a_smaller_size(void **state) {
    (void)state;
    static const uint8_t datagram[] = {0x40, COAP_GET, 0, 1, 0xb1, 's', 0xc1, 0x32}; // number 3, 64 bytes
    static const uint8_t beyond[] = {0x40, COAP_GET, 0, 2, 0xb1, 's', 0xc2, 0x04, 0x02};
    server.answer = (struct coap_response){COAP_CONTENT, COAP_FORMAT_NONE, {large, 2000}};
    receive(&server, &client, (struct bytes){datagram, sizeof datagram});
    struct coap_message answer = parsed(0);
    assert_int_equal(coap_message_option_uint(&answer, COAP_OPTION_BLOCK2, 0), 0x3a);
    assert_int_equal(answer.payload.size, 64);
    assert_memory_equal(answer.payload.data, large + 192, 64);
    receive(&server, &client, (struct bytes){beyond, sizeof beyond});
    assert_int_equal(parsed(1).code, COAP_BAD_REQUEST);
}

static void an_error_is_told_whatever_block_was_asked_for(void **state) {
    (void)state;
    static const uint8_t datagram[] = {0x40, COAP_GET, 0, 1, 0xb1, 's', 0xc1, 0x32};
    server.answer = (struct coap_response){COAP_NOT_FOUND, COAP_FORMAT_NONE, {NULL, 0}};
    receive(&server, &client, (struct bytes){datagram, sizeof datagram});
    assert_int_equal(parsed(0).code, COAP_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_confirmable_request_is_answered_in_its_acknowledgement, begin),
        cmocka_unit_test_setup(a_lost_request_is_sent_again_after_doubling_times, begin),
        cmocka_unit_test_setup(after_the_last_retransmission_the_request_times_out, begin),
        cmocka_unit_test_setup(a_request_may_bring_its_own_number_of_retransmissions, begin),
        cmocka_unit_test_setup(the_first_timeout_is_spread_by_the_random_factor, begin),
        cmocka_unit_test_setup(a_lost_acknowledgement_is_sent_again_without_serving_twice, begin),
        cmocka_unit_test_setup(a_lost_empty_acknowledgement_is_sent_again_too, begin),
        cmocka_unit_test_setup(a_doubled_non_confirmable_is_served_once, begin),
        cmocka_unit_test_setup(after_its_lifetime_a_message_id_is_new_again, begin),
        cmocka_unit_test_setup(the_same_message_id_from_another_peer_is_another_message, begin),
        cmocka_unit_test_setup(more_messages_than_remembered_places_are_all_served, begin),
        cmocka_unit_test_setup(a_push_is_sent_and_forgotten, begin),
        cmocka_unit_test_setup(a_ping_is_answered_with_reset, begin),
        cmocka_unit_test_setup(a_broken_confirmable_is_reset_and_anything_else_broken_ignored, begin),
        cmocka_unit_test_setup(a_reset_ends_the_request, begin),
        cmocka_unit_test_setup(a_separate_confirmable_response_is_acknowledged_and_its_duplicate_again, begin),
        cmocka_unit_test_setup(a_separate_response_that_never_comes_times_out, begin),
        cmocka_unit_test_setup(a_separate_response_may_overtake_the_lost_acknowledgement, begin),
        cmocka_unit_test_setup(a_confirmable_response_that_nobody_awaits_is_reset, begin),
        cmocka_unit_test_setup(a_confirmable_response_with_the_id_of_an_earlier_push_sends_no_empty_datagram, begin),
        cmocka_unit_test_setup(a_response_with_another_token_id_or_peer_is_ignored, begin),
        cmocka_unit_test_setup(a_non_confirmable_request_without_response_times_out, begin),
        cmocka_unit_test_setup(a_cancelled_request_is_not_completed, begin),
        cmocka_unit_test_setup(one_request_more_than_exchanges_is_full, begin),
        cmocka_unit_test_setup(names_that_do_not_fit_are_too_large, begin),
        cmocka_unit_test_setup(the_longest_path_query_delivery_and_payload_fit_one_datagram, begin),
        cmocka_unit_test_setup(a_path_of_more_segments_than_options_is_too_large, begin),
        cmocka_unit_test_setup(an_unknown_critical_option_is_a_bad_option, begin),
        cmocka_unit_test_setup(a_response_with_an_unknown_critical_option_is_rejected, begin),
        cmocka_unit_test_setup(a_large_body_goes_up_in_blocks, begin),
        cmocka_unit_test_setup(an_upload_survives_any_one_datagram_lost_doubled_or_late, begin),
        cmocka_unit_test_setup(a_non_confirmable_upload_is_not_confused_by_a_doubled_answer, begin),
        cmocka_unit_test_setup(an_upload_over_the_place_for_bodies_is_refused_with_its_size, begin),
        cmocka_unit_test_setup(a_gap_between_blocks_is_incomplete, begin),
        cmocka_unit_test_setup(blocks_over_the_place_without_announcement_are_too_large, begin),
        cmocka_unit_test_setup(an_upload_that_begins_again_forgets_its_first_blocks, begin),
        cmocka_unit_test_setup(a_block_shorter_than_its_size_with_more_to_come_is_bad, begin),
        cmocka_unit_test_setup(uploads_wait_for_a_place_until_an_abandoned_one_expires, begin),
        cmocka_unit_test_setup(an_upload_goes_on_in_the_smaller_blocks_that_the_server_asks_for, begin),
        cmocka_unit_test_setup(a_continue_that_makes_no_sense_ends_the_upload, begin),
        cmocka_unit_test_setup(a_large_body_comes_down_in_blocks, begin),
        cmocka_unit_test_setup(a_download_survives_any_one_datagram_lost_doubled_or_late, begin),
        cmocka_unit_test_setup(a_non_confirmable_download_is_not_confused_by_doubled_answers, begin),
        cmocka_unit_test_setup(a_body_that_changes_between_two_blocks_is_read_as_it_was, begin),
        cmocka_unit_test_setup(a_body_that_changes_is_given_up_when_there_was_no_place_for_a_snapshot, begin),
        cmocka_unit_test_setup(a_download_over_the_place_for_bodies_is_too_large, begin),
        cmocka_unit_test_setup(a_download_that_times_out_gives_its_place_back, begin),
        cmocka_unit_test_setup(a_block_may_be_asked_for_in_a_smaller_size, begin),
        cmocka_unit_test_setup(an_error_is_told_whatever_block_was_asked_for, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
