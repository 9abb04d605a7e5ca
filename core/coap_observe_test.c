// Observation as a server (RFC 7641), and requests by multicast (RFC 7252 §8). The client is written by hand: nothing is
// delivered to it, what the server sends is looked at.
#include "tests/coap_rig.h"

static uint8_t value[1] = {20};

static void send_get(uint16_t id, const char *token, int observe, const char *query) {
    uint8_t storage[256];
    struct coap_builder builder;
    size_t size = 0;
    coap_builder_start(&builder, (struct buffer){storage, sizeof storage}, COAP_CONFIRMABLE, COAP_GET, id,
                       bytes_of_text(token));
    if (observe >= 0) {
        coap_builder_option_uint(&builder, COAP_OPTION_OBSERVE, (uint32_t)observe);
    }
    coap_builder_path(&builder, "r/a/temperature");
    if (query != NULL) {
        coap_builder_option(&builder, COAP_OPTION_URI_QUERY, bytes_of_text(query));
    }
    assert_int_equal(coap_builder_finish(&builder, &size), ERROR_NONE);
    receive(&server, &client, (struct bytes){storage, size});
}

static void send_empty(enum coap_type type, uint16_t id) {
    const uint8_t empty[4] = {(uint8_t)(0x40 | (unsigned)type << 4), 0, (uint8_t)(id >> 8), (uint8_t)id};
    receive(&server, &client, (struct bytes){empty, sizeof empty});
}

static int begin_observable(void **state) {
    begin(state);
    value[0] = 20;
    server.answer = (struct coap_response){
        .code = COAP_CONTENT, .content_format = COAP_FORMAT_CBOR, .body = {value, 1}, .subject = 7, .observed = {value, 1}};
    return 0;
}

static void change(uint8_t to) {
    value[0] = to;
    coap_endpoint_changed(&server.endpoint, now, 7, (struct bytes){value, 1});
}

// Lets time pass up to a moment, waking the server whenever it wants.
static void wait_until(uint64_t end_ms) {
    while (coap_endpoint_deadline(&server.endpoint) <= end_ms) {
        uint64_t due = coap_endpoint_deadline(&server.endpoint);
        now = due > now ? due : now;
        coap_endpoint_advance(&server.endpoint, now);
        assert_true(coap_endpoint_deadline(&server.endpoint) > now);
    }
    now = end_ms;
}

static uint32_t sequence_of(uint32_t index) {
    struct coap_message message = parsed(index);
    return coap_message_option_uint(&message, COAP_OPTION_OBSERVE, UINT32_MAX);
}

// Registers with token "t", and acknowledges the first notification, so that the round trip is known.
static void observe_and_confirm(void) {
    send_get(1, "t", 0, NULL);
    now += 10;
    change(21);
    wait_until(now);
    now += 5;
    send_empty(COAP_ACKNOWLEDGEMENT, parsed(sent_count - 1).id);
    assert_int_equal(server.observations[0].round_trip_ms, 5);
}

static void a_change_is_told_in_the_shape_of_the_answer(void **state) {
    (void)state;
    send_get(1, "tok", 0, NULL);
    assert_int_equal(sent_count, 1);
    struct coap_message answer = parsed(0);
    assert_int_equal(answer.type, COAP_ACKNOWLEDGEMENT);
    assert_int_equal(coap_message_option_uint(&answer, COAP_OPTION_MAX_AGE, 0), 86402);
    now += 10;
    change(21);
    wait_until(now);
    assert_int_equal(sent_count, 2);
    struct coap_message notification = parsed(1);
    assert_int_equal(notification.type, COAP_CONFIRMABLE); // the round trip is not known yet
    assert_int_equal(notification.code, COAP_CONTENT);
    assert_int_equal(notification.token.size, 3);
    assert_memory_equal(notification.token.data, "tok", 3);
    assert_int_equal(coap_message_option_uint(&notification, COAP_OPTION_CONTENT_FORMAT, 0), COAP_FORMAT_CBOR);
    assert_int_equal(notification.payload.data[0], 21);
    assert_true(sequence_of(1) > sequence_of(0) && sequence_of(1) < UINT32_MAX);
}

static void once_the_peer_has_answered_notifications_need_no_confirmation_for_a_while(void **state) {
    (void)state;
    observe_and_confirm();
    uint32_t confirmable = 0;
    for (uint8_t i = 0; i < COAP_OBSERVE_NON_MAX + 1; i++) {
        now += 100;
        change(i);
        wait_until(now);
        confirmable += parsed(sent_count - 1).type == COAP_CONFIRMABLE;
        assert_int_equal(confirmable, i == COAP_OBSERVE_NON_MAX ? 1 : 0);
        assert_true(sequence_of(sent_count - 1) > sequence_of(sent_count - 2));
    }
    assert_int_equal(server.endpoint.counters.notifications, COAP_OBSERVE_NON_MAX + 2);
}

static void changes_faster_than_the_round_trip_become_one(void **state) {
    (void)state;
    observe_and_confirm();
    uint32_t before = sent_count;
    now += 100;
    change(1);
    wait_until(now);
    for (uint8_t i = 2; i < 5; i++) {
        now += 1;
        change(i);
        wait_until(now);
    }
    assert_int_equal(sent_count, before + 1);
    wait_until(now + 10);
    assert_int_equal(sent_count, before + 2);
    assert_int_equal(parsed(sent_count - 1).payload.data[0], 4);
}

static void a_block_of_a_reserved_size_is_refused_and_begins_nothing(void **state) {
    (void)state;
    uint8_t storage[64];
    struct coap_builder builder;
    size_t size = 0;
    coap_builder_start(&builder, (struct buffer){storage, sizeof storage}, COAP_CONFIRMABLE, COAP_GET, 5, bytes_of_text("x"));
    coap_builder_option_uint(&builder, COAP_OPTION_OBSERVE, 0);
    coap_builder_path(&builder, "r/a/temperature");
    coap_builder_option_uint(&builder, COAP_OPTION_BLOCK2, 7);
    assert_int_equal(coap_builder_finish(&builder, &size), ERROR_NONE);
    receive(&server, &client, (struct bytes){storage, size});
    assert_int_equal(parsed(0).code, COAP_BAD_REQUEST);
    assert_int_equal(sequence_of(0), UINT32_MAX);
    assert_int_equal(server.endpoint.observations_used, 0);
}

static void nothing_is_told_when_nothing_changed_and_no_one_else_hears_it(void **state) {
    (void)state;
    observe_and_confirm();
    uint32_t before = sent_count;
    change(value[0]);
    coap_endpoint_changed(&server.endpoint, now, 8, (struct bytes){value, 1});
    wait_until(now + 1000);
    assert_int_equal(sent_count, before);
}

static void a_quiet_resource_is_confirmed_once_a_day(void **state) {
    (void)state;
    observe_and_confirm();
    uint32_t before = sent_count;
    wait_until(now + 86400000 - 1);
    assert_int_equal(sent_count, before);
    wait_until(now + 1);
    assert_int_equal(sent_count, before + 1);
    assert_int_equal(parsed(before).type, COAP_CONFIRMABLE);
}

static void reset_and_deregistration_end_it(void **state) {
    (void)state;
    observe_and_confirm();
    now += 100;
    change(1);
    wait_until(now);
    assert_int_equal(parsed(sent_count - 1).type, COAP_NON_CONFIRMABLE);
    send_empty(COAP_RESET, parsed(sent_count - 1).id);
    assert_int_equal(server.endpoint.observations_used, 0);

    send_get(20, "u", 0, NULL);
    assert_int_equal(server.endpoint.observations_used, 1);
    send_get(21, "v", 1, NULL); // another token: no effect
    assert_int_equal(server.endpoint.observations_used, 1);
    send_get(22, "u", 1, NULL);
    assert_int_equal(server.endpoint.observations_used, 0);
    assert_int_equal(sequence_of(sent_count - 1), UINT32_MAX);
    assert_int_equal(parsed(sent_count - 1).code, COAP_CONTENT);
    uint32_t before = sent_count;
    change(3);
    wait_until(now + 100000);
    assert_int_equal(sent_count, before);
}

static void a_silent_peer_is_sent_the_newest_value_and_then_forgotten(void **state) {
    (void)state;
    send_get(1, "t", 0, NULL);
    change(21);
    wait_until(now + 2500); // sent, and retransmitted once after 2 s
    assert_int_equal(sent_count, 3);
    assert_int_equal(parsed(2).id, parsed(1).id);
    change(22);
    wait_until(now + 4000);
    assert_int_equal(sent_count, 4);
    assert_int_not_equal(parsed(3).id, parsed(1).id);
    assert_int_equal(parsed(3).payload.data[0], 22);
    wait_until(now + 200000);
    assert_int_equal(sent_count, 6); // four retransmissions in all
    assert_int_equal(server.endpoint.observations_used, 0);
    assert_int_equal(server.endpoint.counters.observers_lost, 1);
}

static void a_full_table_answers_without_observe(void **state) {
    (void)state;
    for (uint16_t i = 0; i < OBSERVATIONS; i++) {
        send_get(i, i == 0 ? "a" : "b", 0, NULL);
        assert_true(sequence_of(sent_count - 1) < UINT32_MAX);
    }
    send_get(9, "c", 0, NULL);
    assert_int_equal(parsed(sent_count - 1).code, COAP_CONTENT);
    assert_int_equal(sequence_of(sent_count - 1), UINT32_MAX);
    assert_int_equal(server.endpoint.counters.observers_refused, 1);
    send_get(10, "a", 0, NULL); // a registration made anew takes its own place
    assert_true(sequence_of(sent_count - 1) < UINT32_MAX);
}

static void what_is_gone_is_told_with_its_error_and_forgotten(void **state) {
    (void)state;
    observe_and_confirm();
    uint32_t before = sent_count;
    now += 100;
    coap_endpoint_recheck(&server.endpoint, now);
    wait_until(now);
    assert_int_equal(sent_count, before); // still there, and nothing changed
    server.answer = (struct coap_response){.code = COAP_NOT_FOUND, .content_format = COAP_FORMAT_NONE};
    coap_endpoint_recheck(&server.endpoint, now);
    wait_until(now);
    assert_int_equal(sent_count, before + 1);
    struct coap_message last = parsed(before);
    assert_int_equal(last.code, COAP_NOT_FOUND);
    assert_int_equal(last.type, COAP_CONFIRMABLE);
    assert_int_equal(sequence_of(before), UINT32_MAX);
    send_empty(COAP_ACKNOWLEDGEMENT, last.id);
    assert_int_equal(server.endpoint.observations_used, 0);
}

static void conditions_hold_notifications_back(void **state) {
    (void)state;
    server.answer.conditional = (struct conditional){.has_gt = true, .gt = 22, .pmin_ms = 5000, .pmax_ms = 60000};
    send_get(1, "t", 0, "c.gt=22");
    struct coap_message answer = parsed(0);
    assert_int_equal(coap_message_option_uint(&answer, COAP_OPTION_MAX_AGE, 0), 62);
    change(21);
    wait_until(now + 1000);
    assert_int_equal(sent_count, 1);
    change(23); // crosses, within pmin
    wait_until(now + 3999);
    assert_int_equal(sent_count, 1);
    wait_until(now + 1);
    assert_int_equal(sent_count, 2);
    send_empty(COAP_ACKNOWLEDGEMENT, parsed(1).id);
    wait_until(now + 60000);
    assert_int_equal(sent_count, 3); // pmax
}

static void a_large_notification_carries_its_first_block_and_the_rest_is_fetched(void **state) {
    (void)state;
    send_get(1, "t", 0, NULL);
    server.answer.body = (struct bytes){large, 2500};
    change(21);
    wait_until(now);
    struct coap_message first = parsed(1);
    assert_int_equal(coap_message_option_uint(&first, COAP_OPTION_BLOCK2, 0), 0 << 4 | 8 | 6);
    assert_int_equal(coap_message_option_uint(&first, COAP_OPTION_SIZE2, 0), 2500);
    assert_int_equal(first.payload.size, 1024);
    large[1500] ^= 0xff; // what is fetched is what was told, though the resource has moved on
    uint8_t storage[64];
    struct coap_builder builder;
    size_t size = 0;
    coap_builder_start(&builder, (struct buffer){storage, sizeof storage}, COAP_CONFIRMABLE, COAP_GET, 5, bytes_of_text("x"));
    coap_builder_path(&builder, "r/a/temperature");
    coap_builder_option_uint(&builder, COAP_OPTION_BLOCK2, 1 << 4 | 6);
    assert_int_equal(coap_builder_finish(&builder, &size), ERROR_NONE);
    receive(&server, &client, (struct bytes){storage, size});
    struct coap_message second = parsed(2);
    assert_int_equal(second.payload.size, 1024);
    assert_int_equal(second.payload.data[1500 - 1024], large[1500] ^ 0xff);
    assert_memory_equal(coap_message_option(&second, COAP_OPTION_ETAG)->value.data,
                        coap_message_option(&first, COAP_OPTION_ETAG)->value.data, 8);
    assert_int_equal(sequence_of(2), UINT32_MAX);
}

// --- multicast ---------------------------------------------------------------------------------------------------------------

static void ask_all(uint16_t id, enum coap_type type, uint8_t code, const char *path) {
    uint8_t storage[64];
    struct coap_builder builder;
    size_t size = 0;
    coap_builder_start(&builder, (struct buffer){storage, sizeof storage}, type, code, id, bytes_of_text("m"));
    coap_builder_path(&builder, path);
    assert_int_equal(coap_builder_finish(&builder, &size), ERROR_NONE);
    coap_endpoint_multicast(&server.endpoint, now, &client.address, (struct bytes){storage, size});
}

static void discovery_by_multicast_is_answered_once_within_the_leisure(void **state) {
    (void)state;
    uint64_t begun = now;
    ask_all(1, COAP_NON_CONFIRMABLE, COAP_GET, ".well-known/core");
    ask_all(1, COAP_NON_CONFIRMABLE, COAP_GET, ".well-known/core"); // the same on another interface
    assert_int_equal(sent_count, 0);
    wait_until(begun + 5000);
    assert_int_equal(sent_count, 1);
    assert_int_equal(parsed(0).type, COAP_NON_CONFIRMABLE);
    assert_int_equal(parsed(0).code, COAP_CONTENT);
    assert_memory_equal(parsed(0).token.data, "m", 1);
    assert_true(sent[0].at_ms >= begun && sent[0].at_ms <= begun + 5000);
}

static void nothing_else_by_multicast_is_answered(void **state) {
    (void)state;
    ask_all(1, COAP_CONFIRMABLE, COAP_GET, ".well-known/core");
    ask_all(2, COAP_NON_CONFIRMABLE, COAP_PUT, ".well-known/core");
    ask_all(3, COAP_NON_CONFIRMABLE, COAP_GET, "status");
    coap_endpoint_multicast(&server.endpoint, now, &client.address, bytes_of_text("garbage"));
    assert_int_equal(server.endpoint.counters.multicast_dropped, 3);
    server.answer = (struct coap_response){.code = COAP_CONTENT, .content_format = COAP_FORMAT_LINK}; // nothing fits the filter
    ask_all(4, COAP_NON_CONFIRMABLE, COAP_GET, ".well-known/core");
    wait_until(now + 10000);
    server.answer = (struct coap_response){.code = COAP_NOT_FOUND, .content_format = COAP_FORMAT_NONE};
    ask_all(5, COAP_NON_CONFIRMABLE, COAP_GET, ".well-known/core");
    wait_until(now + 10000);
    assert_int_equal(sent_count, 0);
}

// --- diagnostics, lifetimes
// ------------------------------------------------------------------------------------------------------

static void expect_diagnostic(uint32_t index, uint8_t code, const char *begins) {
    struct coap_message message = parsed(index);
    assert_int_equal(message.code, code);
    assert_null(coap_message_option(&message, COAP_OPTION_CONTENT_FORMAT));
    assert_true(message.payload.size >= strlen(begins));
    assert_memory_equal(message.payload.data, begins, strlen(begins));
}

static void errors_say_what_was_wrong(void **state) {
    (void)state;
    uint8_t storage[64];
    struct coap_builder builder;
    size_t size = 0;
    static const struct {
        uint16_t option;
        uint8_t code;
        const char *begins;
    } cases[] = {{65, COAP_BAD_OPTION, "option 65 is critical"},
                 {35, COAP_PROXYING_NOT_SUPPORTED, "option 35: this is no proxy"}};
    for (uint16_t i = 0; i < 2; i++) {
        coap_builder_start(&builder, (struct buffer){storage, sizeof storage}, COAP_CONFIRMABLE, COAP_GET, (uint16_t)(50 + i),
                           bytes_of_text("e"));
        coap_builder_option_uint(&builder, cases[i].option, 1);
        assert_int_equal(coap_builder_finish(&builder, &size), ERROR_NONE);
        receive(&server, &client, (struct bytes){storage, size});
        expect_diagnostic(i, cases[i].code, cases[i].begins);
    }
    server.answer = (struct coap_response){.code = COAP_NOT_FOUND, .content_format = COAP_FORMAT_NONE};
    send_get(60, "f", -1, NULL);
    expect_diagnostic(2, COAP_NOT_FOUND, "not found");
}

static void ids_of_non_requests_are_remembered_for_their_own_lifetime_and_a_full_table_is_counted(void **state) {
    (void)state;
    const uint8_t request[6] = {0x50, COAP_GET, 0, 1, 0xb1, 'a'};
    receive(&server, &client, (struct bytes){request, sizeof request});
    now += 144999;
    receive(&server, &client, (struct bytes){request, sizeof request});
    assert_int_equal(server.served, 1);
    now += 1;
    receive(&server, &client, (struct bytes){request, sizeof request});
    assert_int_equal(server.served, 2);
    for (uint16_t i = 2; i < 2 + 3 * REMEMBERED; i++) {
        send_get(i, "t", -1, NULL);
    }
    assert_true(server.endpoint.counters.forgotten >= 2 * REMEMBERED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_change_is_told_in_the_shape_of_the_answer, begin_observable),
        cmocka_unit_test_setup(once_the_peer_has_answered_notifications_need_no_confirmation_for_a_while, begin_observable),
        cmocka_unit_test_setup(changes_faster_than_the_round_trip_become_one, begin_observable),
        cmocka_unit_test_setup(a_block_of_a_reserved_size_is_refused_and_begins_nothing, begin_observable),
        cmocka_unit_test_setup(nothing_is_told_when_nothing_changed_and_no_one_else_hears_it, begin_observable),
        cmocka_unit_test_setup(a_quiet_resource_is_confirmed_once_a_day, begin_observable),
        cmocka_unit_test_setup(reset_and_deregistration_end_it, begin_observable),
        cmocka_unit_test_setup(a_silent_peer_is_sent_the_newest_value_and_then_forgotten, begin_observable),
        cmocka_unit_test_setup(a_full_table_answers_without_observe, begin_observable),
        cmocka_unit_test_setup(what_is_gone_is_told_with_its_error_and_forgotten, begin_observable),
        cmocka_unit_test_setup(conditions_hold_notifications_back, begin_observable),
        cmocka_unit_test_setup(a_large_notification_carries_its_first_block_and_the_rest_is_fetched, begin_observable),
        cmocka_unit_test_setup(discovery_by_multicast_is_answered_once_within_the_leisure, begin_observable),
        cmocka_unit_test_setup(nothing_else_by_multicast_is_answered, begin_observable),
        cmocka_unit_test_setup(errors_say_what_was_wrong, begin_observable),
        cmocka_unit_test_setup(ids_of_non_requests_are_remembered_for_their_own_lifetime_and_a_full_table_is_counted,
                               begin_observable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
