// Block-wise transfer both ways (RFC 7959), both ends.
#include "tests/coap_rig.h"

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
        server.answer =
            (struct coap_response){.code = COAP_CONTENT, .content_format = COAP_FORMAT_JSON, .body = {large, sizes[i]}};
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
            server.answer =
                (struct coap_response){.code = COAP_CONTENT, .content_format = COAP_FORMAT_JSON, .body = {large, BODY_SIZE}};
            get(true, "status");
            run_until(now + 20000);
            expect_download(BODY_SIZE);
        }
    }
}

static void a_non_confirmable_download_is_not_confused_by_doubled_answers(void **state) {
    (void)state;
    fates[1] = fates[3] = DOUBLED;
    server.answer =
        (struct coap_response){.code = COAP_CONTENT, .content_format = COAP_FORMAT_JSON, .body = {large, BODY_SIZE}};
    get(false, "status");
    pump();
    expect_download(BODY_SIZE);
}

static void a_body_that_changes_between_two_blocks_is_read_as_it_was(void **state) {
    (void)state;
    server.answer =
        (struct coap_response){.code = COAP_CONTENT, .content_format = COAP_FORMAT_JSON, .body = {large, BODY_SIZE}};
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
    server.answer =
        (struct coap_response){.code = COAP_CONTENT, .content_format = COAP_FORMAT_JSON, .body = {large, BODY_SIZE}};
    server.change_after = 3;
    get(true, "status");
    pump();
    expect_completion(ERROR_BUSY, 0);
}

static void a_snapshot_that_a_client_left_behind_gives_its_place_to_the_next(void **state) {
    (void)state;
    for (uint32_t i = 0; i < TRANSFERS; i++) {
        server.transfers[i] = (struct coap_transfer){
            .used = true, .code = COAP_GET, .path = "left", .expires_ms = now + server.endpoint.parameters.request_timeout_ms};
    }
    server.answer =
        (struct coap_response){.code = COAP_CONTENT, .content_format = COAP_FORMAT_JSON, .body = {large, BODY_SIZE}};
    server.change_after = 3;
    now += 999;
    get(true, "status");
    pump();
    expect_completion(ERROR_BUSY, 0); // somebody may be in the middle of it
    begin(state);
    for (uint32_t i = 0; i < TRANSFERS; i++) {
        server.transfers[i] = (struct coap_transfer){
            .used = true, .code = COAP_GET, .path = "left", .expires_ms = now + server.endpoint.parameters.request_timeout_ms};
    }
    server.answer =
        (struct coap_response){.code = COAP_CONTENT, .content_format = COAP_FORMAT_JSON, .body = {large, BODY_SIZE}};
    server.change_after = 3;
    now += 1000;
    get(true, "status");
    pump();
    expect_download(BODY_SIZE);
}

static void a_download_over_the_place_for_bodies_is_too_large(void **state) {
    (void)state;
    server.answer =
        (struct coap_response){.code = COAP_CONTENT, .content_format = COAP_FORMAT_JSON, .body = {large, BODY_SIZE + 1}};
    get(true, "status");
    pump();
    expect_completion(ERROR_TOO_LARGE, 0);
}

static void a_download_that_times_out_gives_its_place_back(void **state) {
    (void)state;
    for (uint32_t i = 3; i < LOG_MAX; i++) {
        fates[i] = DROPPED;
    }
    server.answer =
        (struct coap_response){.code = COAP_CONTENT, .content_format = COAP_FORMAT_JSON, .body = {large, BODY_SIZE}};
    get(true, "status");
    run_until(now + 100000);
    expect_completion(ERROR_TIMEOUT, 0);
}

static void a_block_may_be_asked_for_in_a_smaller_size(void **state) {
    (void)state;
    static const uint8_t datagram[] = {0x40, COAP_GET, 0, 1, 0xb1, 's', 0xc1, 0x32}; // number 3, 64 bytes
    static const uint8_t beyond[] = {0x40, COAP_GET, 0, 2, 0xb1, 's', 0xc2, 0x04, 0x02};
    server.answer = (struct coap_response){.code = COAP_CONTENT, .content_format = COAP_FORMAT_NONE, .body = {large, 2000}};
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
    server.answer = (struct coap_response){.code = COAP_NOT_FOUND, .content_format = COAP_FORMAT_NONE, .body = {NULL, 0}};
    receive(&server, &client, (struct bytes){datagram, sizeof datagram});
    assert_int_equal(parsed(0).code, COAP_NOT_FOUND);
}

// --- answers that the handler writes into a body of the endpoint

static void answer_in_place(size_t size) {
    server.in_place = true;
    server.answer = (struct coap_response){.code = COAP_CONTENT, .content_format = COAP_FORMAT_JSON, .body = {large, size}};
}

static uint32_t bodies_in_use(void) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < TRANSFERS; i++) {
        count += server.transfers[i].used;
    }
    return count;
}

static void an_answer_written_in_place_comes_down_whole_and_its_place_is_free_again(void **state) {
    static const size_t sizes[] = {1, 1024, 1025, 3000, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        begin(state);
        answer_in_place(sizes[i]);
        get(true, "status");
        pump();
        expect_download(sizes[i]);
        assert_int_equal(server.served, 1);
        assert_int_equal(bodies_in_use(), 0);
    }
}

static void a_short_answer_written_in_place_takes_no_place(void **state) {
    (void)state;
    answer_in_place(1024);
    for (uint32_t i = 0; i < 2 * TRANSFERS; i++) {
        get(true, "status");
        deliver(2 * i);
        assert_int_equal(parsed(2 * i + 1).code, COAP_CONTENT);
        assert_int_equal(bodies_in_use(), 0);
        deliver(2 * i + 1);
    }
}

static void who_asks_again_for_what_it_did_not_finish_gets_the_same_place(void **state) {
    (void)state;
    static const uint8_t datagram[] = {0x40, COAP_GET, 0, 1, 0xb1, 's'};
    static const uint8_t again[] = {0x40, COAP_GET, 0, 2, 0xb1, 's'};
    answer_in_place(4096);
    receive(&server, &client, (struct bytes){datagram, sizeof datagram});
    receive(&server, &client, (struct bytes){again, sizeof again});
    assert_int_equal(parsed(1).code, COAP_CONTENT);
    assert_int_equal(bodies_in_use(), 1);
}

static void without_a_free_place_one_is_told_when_to_try_again(void **state) {
    (void)state;
    answer_in_place(4096);
    for (uint32_t i = 0; i < TRANSFERS; i++) {
        server.transfers[i] = (struct coap_transfer){.used = true, .path = "another", .expires_ms = now + 30000};
    }
    get(true, "status");
    deliver(0);
    assert_int_equal(parsed(1).code, COAP_SERVICE_UNAVAILABLE);
    struct coap_message busy = parsed(1);
    assert_int_equal(coap_message_option_uint(&busy, COAP_OPTION_MAX_AGE, 0), 3);
    deliver(1);
    expect_completion(ERROR_NONE, COAP_SERVICE_UNAVAILABLE);
    now += 30000; // they were abandoned
    client.completed = 0;
    get(true, "status");
    pump();
    expect_download(4096);
}

int main(void) {
    const struct CMUnitTest tests[] = {
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
        cmocka_unit_test_setup(a_snapshot_that_a_client_left_behind_gives_its_place_to_the_next, begin),
        cmocka_unit_test_setup(a_download_over_the_place_for_bodies_is_too_large, begin),
        cmocka_unit_test_setup(a_download_that_times_out_gives_its_place_back, begin),
        cmocka_unit_test_setup(a_block_may_be_asked_for_in_a_smaller_size, begin),
        cmocka_unit_test_setup(an_error_is_told_whatever_block_was_asked_for, begin),
        cmocka_unit_test_setup(an_answer_written_in_place_comes_down_whole_and_its_place_is_free_again, begin),
        cmocka_unit_test_setup(a_short_answer_written_in_place_takes_no_place, begin),
        cmocka_unit_test_setup(who_asks_again_for_what_it_did_not_finish_gets_the_same_place, begin),
        cmocka_unit_test_setup(without_a_free_place_one_is_told_when_to_try_again, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
