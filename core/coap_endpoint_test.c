// The message layer and the matching of requests and responses (RFC 7252), both ends.
#include "tests/coap_rig.h"

// --- message layer
// -----------------------------------------------------------------------------------------------------------------

static void a_confirmable_request_is_answered_in_its_acknowledgement(void **state) {
    (void)state;
    server.answer =
        (struct coap_response){.code = COAP_CONTENT, .content_format = COAP_FORMAT_TEXT, .body = bytes_of_text("22.3 C")};
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

static void who_stood_still_does_not_send_the_old_request_again(void **state) {
    (void)state;
    fates[0] = DROPPED;
    get(true, "status");
    now += 60000;
    coap_endpoint_advance(&client.endpoint, now);
    expect_completion(ERROR_TIMEOUT, 0);
    assert_int_equal(sent_count, 1);
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
    put(true, "c/17", bytes_of_text("1"));
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
    uint8_t delivery[COAP_DELIVERY_SIZE_MAX] = {1};
    push.expect_response = false;
    push.delivery = (struct bytes){delivery, sizeof delivery};
    push.payload = (struct bytes){large, COAP_PAYLOAD_SIZE_MAX};
    server.answer.code = 0;
    request(push);
    pump();
    assert_int_equal(server.served, 1);
    assert_int_equal(server.delivery_size, COAP_DELIVERY_SIZE_MAX);
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
    long_delivery.delivery = (struct bytes){large, COAP_DELIVERY_SIZE_MAX + 1};
    assert_int_equal(coap_endpoint_request(&client.endpoint, now, &long_delivery), ERROR_TOO_LARGE);
    assert_int_equal(client.endpoint.exchanges_used, 0);
    assert_int_equal(sent_count, 0);
}

static void each_argument_of_a_query_is_an_option_of_its_own(void **state) {
    (void)state;
    struct coap_outgoing two = outgoing(true, COAP_GET, "a");
    two.query = "priority=8&for=7200000";
    request(two);
    struct coap_message message = parsed(0);
    assert_true(bytes_equal(coap_message_query(&message, "priority"), bytes_of_text("8")));
    assert_true(bytes_equal(coap_message_query(&message, "for"), bytes_of_text("7200000")));
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
    longest.delivery = (struct bytes){large, COAP_DELIVERY_SIZE_MAX};
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

static void a_deferred_answer_comes_in_the_acknowledgement_and_again_for_a_duplicate(void **state) {
    (void)state;
    server.answer.deferred = true;
    get(true, "c/1");
    run_until(now + 2500); // one retransmission, which the server drops in silence
    assert_int_equal(server.served, 1);
    assert_int_equal(sent_count, 2);
    const struct coap_response late = {.code = COAP_CHANGED, .content_format = COAP_FORMAT_NONE, .body = bytes_of_text("done")};
    fates[2] = DROPPED;
    coap_endpoint_answer(&server.endpoint, &server.later, &late);
    assert_false(server.later.used);
    run_until(now + 5000);
    assert_int_equal(server.served, 1);
    expect_completion(ERROR_NONE, COAP_CHANGED);
    assert_int_equal(client.completions[0].attempts, 2);
    assert_memory_equal(client.body, "done", 4);
}

static void an_echo_goes_out_with_the_answer_and_comes_back_with_the_next_request(void **state) {
    (void)state;
    static const uint8_t value[] = {1, 2, 3, 4, 5, 6, 7, 8};
    server.answer =
        (struct coap_response){.code = COAP_UNAUTHORIZED, .content_format = COAP_FORMAT_NONE, .echo = {value, sizeof value}};
    get(true, "c/1");
    pump();
    expect_completion(ERROR_NONE, COAP_UNAUTHORIZED);
    struct coap_message answer = parsed(1);
    assert_memory_equal(coap_message_option(&answer, COAP_OPTION_ECHO)->value.data, value, sizeof value);
    struct coap_outgoing again = outgoing(true, COAP_GET, "c/1");
    again.echo = (struct bytes){value, sizeof value};
    request(again);
    struct coap_message second = parsed(2);
    assert_memory_equal(coap_message_option(&second, COAP_OPTION_ECHO)->value.data, value, sizeof value);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_confirmable_request_is_answered_in_its_acknowledgement, begin),
        cmocka_unit_test_setup(a_deferred_answer_comes_in_the_acknowledgement_and_again_for_a_duplicate, begin),
        cmocka_unit_test_setup(an_echo_goes_out_with_the_answer_and_comes_back_with_the_next_request, begin),
        cmocka_unit_test_setup(a_lost_request_is_sent_again_after_doubling_times, begin),
        cmocka_unit_test_setup(after_the_last_retransmission_the_request_times_out, begin),
        cmocka_unit_test_setup(who_stood_still_does_not_send_the_old_request_again, begin),
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
        cmocka_unit_test_setup(each_argument_of_a_query_is_an_option_of_its_own, begin),
        cmocka_unit_test_setup(the_longest_path_query_delivery_and_payload_fit_one_datagram, begin),
        cmocka_unit_test_setup(a_path_of_more_segments_than_options_is_too_large, begin),
        cmocka_unit_test_setup(an_unknown_critical_option_is_a_bad_option, begin),
        cmocka_unit_test_setup(a_response_with_an_unknown_critical_option_is_rejected, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
