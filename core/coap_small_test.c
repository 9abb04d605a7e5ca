// The endpoint with the limits of a microcontroller (firmware/limits.h): it sends blocks of 256 bytes and keeps datagrams of
// COAP_SENT_SIZE_MAX, and takes what others send at full size.
#include "tests/coap_rig.h"

#define BLOCK 256
#define EXPONENT 4

static void expect_small_datagrams(void) {
    for (uint32_t i = 0; i < sent_count; i++) {
        assert_true(sent[i].size <= COAP_SENT_SIZE_MAX);
    }
}

static void large_bodies_go_up_and_come_down_in_small_blocks(void **state) {
    static const size_t sizes[] = {256, 257, 512, 1000, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        begin(state);
        server.answer =
            (struct coap_response){.code = COAP_CONTENT, .content_format = COAP_FORMAT_JSON, .body = {large, sizes[i]}};
        put(true, "code/ab", (struct bytes){large, sizes[i]});
        pump();
        expect_completion(ERROR_NONE, COAP_CONTENT);
        assert_int_equal(sent_count, 2 * ((sizes[i] + BLOCK - 1) / BLOCK));
        assert_int_equal(server.payload_size, sizes[i]);
        assert_memory_equal(server.payload, large, sizes[i]);
        client.completed = 0;
        get(true, "status");
        pump();
        expect_completion(ERROR_NONE, COAP_CONTENT);
        assert_int_equal(client.completions[0].body.size, sizes[i]);
        assert_memory_equal(client.body, large, sizes[i]);
        expect_small_datagrams();
    }
}

static void the_longest_request_fits_the_datagram_that_is_kept(void **state) {
    (void)state;
    struct coap_outgoing longest = outgoing(true, COAP_PUT, "0123456789abcde");
    longest.query = "a=b";
    longest.delivery = (struct bytes){large, COAP_DELIVERY_SIZE_MAX};
    longest.echo = (struct bytes){large, COAP_ECHO_SIZE_MAX};
    longest.content_format = COAP_FORMAT_CBOR;
    longest.payload = (struct bytes){large, BODY_SIZE};
    request(longest);
    pump();
    expect_small_datagrams();
    assert_int_equal(server.payload_size, BODY_SIZE);
}

static void send(uint16_t id, const char *token, uint8_t code, uint16_t option, uint32_t value, size_t size) {
    uint8_t storage[DATAGRAM_SIZE_MAX];
    struct coap_builder builder;
    size_t datagram_size = 0;
    coap_builder_start(&builder, (struct buffer){storage, sizeof storage}, COAP_CONFIRMABLE, code, id, bytes_of_text(token));
    if (option == COAP_OPTION_OBSERVE) {
        coap_builder_option_uint(&builder, option, value);
    }
    coap_builder_path(&builder, "plan");
    if (option != COAP_OPTION_OBSERVE) {
        coap_builder_option_uint(&builder, option, value);
    }
    coap_builder_payload(&builder, (struct bytes){large, size});
    assert_int_equal(coap_builder_finish(&builder, &datagram_size), ERROR_NONE);
    receive(&server, &client, (struct bytes){storage, datagram_size});
}

static void an_upload_in_large_blocks_is_taken(void **state) {
    (void)state;
    send(1, "t", COAP_PUT, COAP_OPTION_BLOCK1, 8 | 6, 1024);
    assert_int_equal(parsed(0).code, COAP_CONTINUE);
    send(2, "t", COAP_PUT, COAP_OPTION_BLOCK1, 1 << 4 | 6, 100);
    assert_int_equal(parsed(1).code, COAP_CHANGED);
    assert_int_equal(server.payload_size, 1124);
}

static void who_asks_for_large_blocks_gets_small_ones_from_the_same_place(void **state) {
    (void)state;
    server.answer = (struct coap_response){.code = COAP_CONTENT, .content_format = COAP_FORMAT_NONE, .body = {large, 2000}};
    send(1, "t", COAP_GET, COAP_OPTION_BLOCK2, 6, 0);
    struct coap_message first = parsed(0);
    assert_int_equal(coap_message_option_uint(&first, COAP_OPTION_BLOCK2, 0), 8 | EXPONENT);
    assert_int_equal(first.payload.size, BLOCK);
    send(2, "t", COAP_GET, COAP_OPTION_BLOCK2, 1 << 4 | 6, 0); // byte 1,024 is where the fifth block of 256 begins
    struct coap_message second = parsed(1);
    assert_int_equal(coap_message_option_uint(&second, COAP_OPTION_BLOCK2, 0), 4 << 4 | 8 | EXPONENT);
    assert_memory_equal(second.payload.data, large + 1024, BLOCK);
    send(3, "t", COAP_GET, COAP_OPTION_BLOCK2, 0xfffff << 4 | 6, 0);
    assert_int_equal(parsed(2).code, COAP_BAD_REQUEST);
    assert_int_equal(server.served, 1); // all from the snapshot
}

static void a_server_that_asks_for_larger_blocks_does_not_get_them(void **state) {
    (void)state;
    put(true, "code/ab", (struct bytes){large, 1000});
    struct coap_message first = parsed(0);
    respond(0, (struct by_hand){COAP_ACKNOWLEDGEMENT, COAP_CONTINUE, first.id, COAP_OPTION_BLOCK1, 8 | 6, {NULL, 0}});
    struct coap_message second = parsed(1);
    assert_int_equal(coap_message_option_uint(&second, COAP_OPTION_BLOCK1, 0), 1 << 4 | 8 | EXPONENT);
    assert_memory_equal(second.payload.data, large + BLOCK, BLOCK);
}

static void a_notification_of_a_large_body_is_its_first_small_block(void **state) {
    (void)state;
    server.answer = (struct coap_response){
        .code = COAP_CONTENT, .content_format = COAP_FORMAT_NONE, .body = {large, 600}, .subject = 7, .observed = {large, 1}};
    send(1, "12345678", COAP_GET, COAP_OPTION_OBSERVE, 0, 0);
    assert_true(server.observations[0].used);
    now += 100;
    const uint8_t value[1] = {2};
    coap_endpoint_changed(&server.endpoint, now, 7, (struct bytes){value, sizeof value});
    coap_endpoint_advance(&server.endpoint, now);
    struct coap_message notification = parsed(1);
    assert_int_equal(notification.type, COAP_CONFIRMABLE);
    assert_int_equal(coap_message_option_uint(&notification, COAP_OPTION_BLOCK2, 0), 8 | EXPONENT);
    assert_int_equal(coap_message_option_uint(&notification, COAP_OPTION_SIZE2, 0), 600);
    assert_int_equal(notification.payload.size, BLOCK);
    uint32_t served = server.served;
    send(2, "t", COAP_GET, COAP_OPTION_BLOCK2, 1 << 4 | EXPONENT, 0);
    send(3, "t", COAP_GET, COAP_OPTION_BLOCK2, 2 << 4 | EXPONENT, 0);
    assert_memory_equal(parsed(3).payload.data, large + 512, 88);
    assert_int_equal(server.served, served); // from what was kept beside the notification
    expect_small_datagrams();
}

static void a_token_of_more_than_eight_bytes_is_refused(void **state) {
    (void)state;
    static const uint8_t datagram[] = {0x49, COAP_GET, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xb1, 's'};
    receive(&server, &client, (struct bytes){datagram, sizeof datagram});
    expect_empty(0, COAP_RESET, 5);
    assert_int_equal(server.served, 0);
}

static void a_request_that_is_too_long_to_keep_is_answered_without_observation(void **state) {
    (void)state;
    uint8_t storage[DATAGRAM_SIZE_MAX];
    char path[91];
    struct coap_builder builder;
    size_t size = 0;
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    server.answer = (struct coap_response){
        .code = COAP_CONTENT, .content_format = COAP_FORMAT_NONE, .body = {large, 1}, .subject = 7, .observed = {large, 1}};
    coap_builder_start(&builder, (struct buffer){storage, sizeof storage}, COAP_CONFIRMABLE, COAP_GET, 1, bytes_of_text("t"));
    coap_builder_option_uint(&builder, COAP_OPTION_OBSERVE, 0);
    coap_builder_path(&builder, path);
    coap_builder_option(&builder, COAP_OPTION_URI_QUERY, bytes_of_text("pmin=10&pmax=100&band&step=0.125"));
    assert_int_equal(coap_builder_finish(&builder, &size), ERROR_NONE);
    receive(&server, &client, (struct bytes){storage, size});
    struct coap_message answer = parsed(0);
    assert_int_equal(answer.code, COAP_CONTENT);
    assert_null(coap_message_option(&answer, COAP_OPTION_OBSERVE));
    assert_int_equal(server.endpoint.counters.observers_refused, 1);
}

static void the_demand_for_an_echo_is_kept_for_duplicates(void **state) {
    (void)state;
    static const uint8_t echo[COAP_ECHO_SIZE_MAX] = {1, 2, 3, 4, 5, 6, 7, 8};
    server.answer =
        (struct coap_response){.code = COAP_UNAUTHORIZED, .content_format = COAP_FORMAT_NONE, .echo = {echo, sizeof echo}};
    send(1, "12345678", COAP_POST, COAP_OPTION_CONTENT_FORMAT, 60, 1);
    send(1, "12345678", COAP_POST, COAP_OPTION_CONTENT_FORMAT, 60, 1);
    assert_int_equal(sent_count, 2);
    assert_int_equal(server.served, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(large_bodies_go_up_and_come_down_in_small_blocks, begin),
        cmocka_unit_test_setup(the_longest_request_fits_the_datagram_that_is_kept, begin),
        cmocka_unit_test_setup(an_upload_in_large_blocks_is_taken, begin),
        cmocka_unit_test_setup(who_asks_for_large_blocks_gets_small_ones_from_the_same_place, begin),
        cmocka_unit_test_setup(a_server_that_asks_for_larger_blocks_does_not_get_them, begin),
        cmocka_unit_test_setup(a_notification_of_a_large_body_is_its_first_small_block, begin),
        cmocka_unit_test_setup(a_token_of_more_than_eight_bytes_is_refused, begin),
        cmocka_unit_test_setup(a_request_that_is_too_long_to_keep_is_answered_without_observation, begin),
        cmocka_unit_test_setup(the_demand_for_an_echo_is_kept_for_duplicates, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
