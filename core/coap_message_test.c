// Golden bytes from RFC 7252 (Appendix A and §3.1), and every way in which a datagram can be broken.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/assert.h"
#include "core/coap_message.h"
#include "core/coap_private.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

static uint8_t storage[2048];
static const struct bytes no_token = {NULL, 0};

static struct bytes finish(const struct coap_builder *builder) {
    size_t size = 0;
    assert_int_equal(coap_builder_finish(builder, &size), ERROR_NONE);
    return (struct bytes){storage, size};
}

static void start(struct coap_builder *builder) {
    coap_builder_start(builder, (struct buffer){storage, sizeof storage}, COAP_CONFIRMABLE, COAP_GET, 1, no_token);
}

static void expect_bytes(struct bytes actual, struct bytes expected) {
    assert_int_equal(actual.size, expected.size);
    assert_memory_equal(actual.data, expected.data, expected.size);
}

static void the_request_of_figure_16_is_built_byte_for_byte(void **state) {
    (void)state;
    struct coap_builder builder;
    coap_builder_start(&builder, (struct buffer){storage, sizeof storage}, COAP_CONFIRMABLE, COAP_GET, 0x7d34, no_token);
    coap_builder_path(&builder, "temperature");
    expect_bytes(finish(&builder), BYTES("\x40\x01\x7d\x34\xbbtemperature"));
}

static void the_response_of_figure_16_is_built_byte_for_byte(void **state) {
    (void)state;
    struct coap_builder builder;
    coap_builder_start(&builder, (struct buffer){storage, sizeof storage}, COAP_ACKNOWLEDGEMENT, COAP_CONTENT, 0x7d34,
                       no_token);
    coap_builder_payload(&builder, bytes_of_text("22.3 C"));
    expect_bytes(finish(&builder), BYTES("\x60\x45\x7d\x34\xff"
                                         "22.3 C"));
}

static void the_messages_of_figure_17_with_their_token_are_read(void **state) {
    (void)state;
    struct coap_message message;
    assert_int_equal(coap_message_parse(BYTES("\x41\x01\x7d\x35\x20\xbbtemperature"), &message), ERROR_NONE);
    assert_int_equal(message.type, COAP_CONFIRMABLE);
    assert_int_equal(message.code, COAP_GET);
    assert_int_equal(message.id, 0x7d35);
    expect_bytes(message.token, BYTES("\x20"));
    assert_int_equal(message.option_count, 1);
    assert_int_equal(message.options[0].number, COAP_OPTION_URI_PATH);
    assert_int_equal(message.payload.size, 0);
    assert_int_equal(coap_message_parse(BYTES("\x61\x45\x7d\x35\x20\xff"
                                              "22.3 C"),
                                        &message),
                     ERROR_NONE);
    assert_int_equal(message.type, COAP_ACKNOWLEDGEMENT);
    assert_int_equal(message.code, COAP_CONTENT);
    expect_bytes(message.token, BYTES("\x20"));
    assert_int_equal(message.option_count, 0);
    expect_bytes(message.payload, bytes_of_text("22.3 C"));
}

static void the_non_confirmable_messages_of_figure_21_are_read(void **state) {
    (void)state;
    struct coap_message message;
    assert_int_equal(coap_message_parse(BYTES("\x51\x01\x7d\x40\x75\xbbtemperature"), &message), ERROR_NONE);
    assert_int_equal(message.type, COAP_NON_CONFIRMABLE);
    assert_int_equal(coap_message_parse(BYTES("\x51\x45\xad\x7c\x75\xff"
                                              "22.3 C"),
                                        &message),
                     ERROR_NONE);
    assert_int_equal(message.id, 0xad7c);
}

static void empty_messages_are_four_bytes(void **state) {
    (void)state;
    struct coap_message message;
    assert_int_equal(coap_message_parse(BYTES("\x70\x00\x12\x34"), &message), ERROR_NONE);
    assert_int_equal(message.type, COAP_RESET);
    assert_int_equal(message.code, COAP_EMPTY);
    assert_int_equal(message.id, 0x1234);
}

static void codes_are_the_octets_of_the_registry(void **state) {
    (void)state;
    assert_int_equal(COAP_PUT, 0x03);
    assert_int_equal(COAP_CHANGED, 0x44);
    assert_int_equal(COAP_CONTENT, 0x45);
    assert_int_equal(COAP_CONTINUE, 0x5f);
    assert_int_equal(COAP_NOT_FOUND, 0x84);
    assert_int_equal(COAP_REQUEST_ENTITY_INCOMPLETE, 0x88);
    assert_int_equal(COAP_REQUEST_ENTITY_TOO_LARGE, 0x8d);
    assert_int_equal(COAP_SERVICE_UNAVAILABLE, 0xa3);
}

static void an_extended_token_is_read_and_written(void **state) {
    (void)state;
    static const struct {
        size_t size;
        uint8_t first; // octet of the header
    } cases[] = {{8, 0x58}, {9, 0x59}, {12, 0x5c}, {13, 0x5d}, {32, 0x5d}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t octets[64];
        uint8_t token[32];
        struct coap_builder builder;
        struct coap_message message;
        size_t size = 0;
        memset(token, 't', sizeof token);
        coap_builder_start(&builder, (struct buffer){octets, sizeof octets}, COAP_NON_CONFIRMABLE, COAP_CONTENT, 1,
                           (struct bytes){token, cases[i].size});
        assert_int_equal(coap_builder_finish(&builder, &size), ERROR_NONE);
        assert_int_equal(octets[0], cases[i].first);
        assert_int_equal(size, 4 + cases[i].size + (cases[i].size > 12 ? 1 : 0));
        assert_int_equal(coap_message_parse((struct bytes){octets, size}, &message), ERROR_NONE);
        expect_bytes(message.token, (struct bytes){token, cases[i].size});
    }
}

static void broken_datagrams_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct bytes datagram;
        enum error error;
    } cases[] = {
        {"nothing", {NULL, 0}, ERROR_TRUNCATED},
        {"half a header", BYTES("\x40\x01\x7d"), ERROR_TRUNCATED},
        {"version 0", BYTES("\x00\x01\x7d\x34"), ERROR_MALFORMED},
        {"version 2", BYTES("\x80\x01\x7d\x34"), ERROR_MALFORMED},
        {"version 3", BYTES("\xc0\x01\x7d\x34"), ERROR_MALFORMED},
        {"token length 33",
         BYTES("\x4d\x01\x7d\x34\x14"
               "123456789012345678901234567890123"),
         ERROR_MALFORMED},
        {"token length reserved",
         BYTES("\x4f\x01\x7d\x34"
               "123456789012345"),
         ERROR_MALFORMED},
        {"token length cut", BYTES("\x4e\x01\x7d\x34\x00"), ERROR_TRUNCATED},
        {"token cut",
         BYTES("\x44\x01\x7d\x34"
               "123"),
         ERROR_TRUNCATED},
        {"marker without payload", BYTES("\x40\x01\x7d\x34\xff"), ERROR_MALFORMED},
        {"marker without payload after an option",
         BYTES("\x40\x01\x7d\x34\xb1"
               "a\xff"),
         ERROR_MALFORMED},
        {"delta nibble 15", BYTES("\x40\x01\x7d\x34\xf0"), ERROR_MALFORMED},
        {"length nibble 15", BYTES("\x40\x01\x7d\x34\x0f"), ERROR_MALFORMED},
        {"delta extension of one cut", BYTES("\x40\x01\x7d\x34\xd0"), ERROR_TRUNCATED},
        {"delta extension of two cut", BYTES("\x40\x01\x7d\x34\xe0\x00"), ERROR_TRUNCATED},
        {"length extension of one cut", BYTES("\x40\x01\x7d\x34\x1d"), ERROR_TRUNCATED},
        {"length extension of two cut", BYTES("\x40\x01\x7d\x34\x1e\x00"), ERROR_TRUNCATED},
        {"value cut",
         BYTES("\x40\x01\x7d\x34\xb3"
               "ab"),
         ERROR_TRUNCATED},
        {"value with extended length cut",
         BYTES("\x40\x01\x7d\x34\xbd\x00"
               "abcdefghijkl"),
         ERROR_TRUNCATED},
        {"number over 65535 by one delta", BYTES("\x40\x01\x7d\x34\xe0\xff\xff"), ERROR_MALFORMED},
        {"number over 65535 by two deltas", BYTES("\x40\x01\x7d\x34\xe0\xfe\xf2\x10"), ERROR_MALFORMED},
        {"empty with a token", BYTES("\x41\x00\x7d\x34\x20"), ERROR_MALFORMED},
        {"empty with an option", BYTES("\x40\x00\x7d\x34\x10"), ERROR_MALFORMED},
        {"empty with a payload",
         BYTES("\x40\x00\x7d\x34\xff"
               "a"),
         ERROR_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct coap_message message;
        enum error error = coap_message_parse(cases[i].datagram, &message);
        if (error != cases[i].error) {
            fail_msg("%s: %s instead of %s", cases[i].name, error_name(error), error_name(cases[i].error));
        }
    }
}

static void id_and_type_of_a_malformed_message_are_known(void **state) {
    (void)state;
    struct coap_message message;
    assert_int_equal(coap_message_parse(BYTES("\x50\x01\x7d\x34\xff"), &message), ERROR_MALFORMED);
    assert_int_equal(message.type, COAP_NON_CONFIRMABLE);
    assert_int_equal(message.id, 0x7d34);
}

static void one_option_more_than_the_limit_is_full(void **state) {
    (void)state;
    uint8_t datagram[4 + COAP_OPTIONS_MAX + 1] = {0x40, 0x01, 0, 1, 0xb0};
    struct coap_message message;
    assert_int_equal(coap_message_parse((struct bytes){datagram, sizeof datagram - 1}, &message), ERROR_NONE);
    assert_int_equal(message.option_count, COAP_OPTIONS_MAX);
    assert_int_equal(coap_message_parse((struct bytes){datagram, sizeof datagram}, &message), ERROR_FULL);
}

static void deltas_and_lengths_change_their_form_at_13_and_269(void **state) {
    (void)state;
    static const struct {
        uint16_t number;
        size_t size;
        struct bytes head;
    } cases[] = {
        {0, 0, BYTES("\x00")},
        {12, 12, BYTES("\xcc")},
        {13, 13, BYTES("\xdd\x00\x00")},
        {268, 268, BYTES("\xdd\xff\xff")},
        {269, 269, BYTES("\xee\x00\x00\x00\x00")},
        {12, 300, BYTES("\xce\x00\x1f")},
        {65535, 0, BYTES("\xe0\xfe\xf2")},
        {COAP_OPTION_TENON_DELIVERY, 1, BYTES("\xe1\xfd\x40")},
    };
    static const uint8_t value[300] = {1, 2, 3};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct coap_builder builder;
        struct coap_message message;
        start(&builder);
        coap_builder_option(&builder, cases[i].number, (struct bytes){value, cases[i].size});
        struct bytes datagram = finish(&builder);
        assert_int_equal(datagram.size, 4 + cases[i].head.size + cases[i].size);
        assert_memory_equal(datagram.data + 4, cases[i].head.data, cases[i].head.size);
        assert_int_equal(coap_message_parse(datagram, &message), ERROR_NONE);
        assert_int_equal(message.option_count, 1);
        assert_int_equal(message.options[0].number, cases[i].number);
        expect_bytes(message.options[0].value, (struct bytes){value, cases[i].size});
    }
}

static void uint_options_have_no_leading_zeros(void **state) {
    (void)state;
    static const struct {
        uint32_t value;
        struct bytes octets;
    } cases[] = {
        {0, BYTES("\xc0")},
        {1, BYTES("\xc1\x01")},
        {255, BYTES("\xc1\xff")},
        {256, BYTES("\xc2\x01\x00")},
        {65536, BYTES("\xc3\x01\x00\x00")},
        {0xffffffff, BYTES("\xc4\xff\xff\xff\xff")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct coap_builder builder;
        struct coap_message message;
        start(&builder);
        coap_builder_option_uint(&builder, COAP_OPTION_CONTENT_FORMAT, cases[i].value);
        struct bytes datagram = finish(&builder);
        expect_bytes((struct bytes){datagram.data + 4, datagram.size - 4}, cases[i].octets);
        assert_int_equal(coap_message_parse(datagram, &message), ERROR_NONE);
        assert_int_equal(coap_message_option_uint(&message, COAP_OPTION_CONTENT_FORMAT, 7), cases[i].value);
    }
}

static void a_uint_option_that_is_absent_or_over_four_bytes_is_absent(void **state) {
    (void)state;
    struct coap_message message;
    assert_int_equal(coap_message_parse(BYTES("\x40\x01\x00\x01\xc5\x00\x00\x00\x00\x01"), &message), ERROR_NONE);
    assert_int_equal(coap_message_option_uint(&message, COAP_OPTION_CONTENT_FORMAT, 77), 77);
    assert_int_equal(coap_message_option_uint(&message, COAP_OPTION_MAX_AGE, 60), 60);
    assert_null(coap_message_option(&message, COAP_OPTION_MAX_AGE));
}

// RFC 7959 §2.2: NUM, M, SZX.
static void block_options_are_read_as_number_more_and_exponent(void **state) {
    (void)state;
    static const struct {
        struct bytes datagram;
        struct coap_block block;
    } cases[] = {
        {BYTES("\x40\x01\x00\x01\xd0\x0a"), {0, false, 0}},
        {BYTES("\x40\x01\x00\x01\xd1\x0a\x0e"), {0, true, 6}},
        {BYTES("\x40\x01\x00\x01\xd1\x0a\x32"), {3, false, 2}},
        {BYTES("\x40\x01\x00\x01\xd3\x0a\xff\xff\xfe"), {0xfffff, true, 6}},
        {BYTES("\x40\x01\x00\x01\xd1\x0a\x17"), {1, false, 7}},
        {BYTES("\x40\x01\x00\x01\xd4\x0a\x00\x00\x00\x06"), {0, false, 7}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct coap_message message;
        struct coap_block block = {0, false, 0};
        assert_int_equal(coap_message_parse(cases[i].datagram, &message), ERROR_NONE);
        assert_true(coap_block_read(&message, COAP_OPTION_BLOCK2, &block));
        assert_int_equal(block.number, cases[i].block.number);
        assert_int_equal(block.more, cases[i].block.more);
        assert_int_equal(block.exponent, cases[i].block.exponent);
        assert_false(coap_block_read(&message, COAP_OPTION_BLOCK1, &block));
    }
}

static void a_path_comes_back_as_it_was_built(void **state) {
    (void)state;
    static const char *const paths[] = {"", "status", ".well-known/core", "r/space1/temperature", "a//b"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct coap_builder builder;
        struct coap_message message;
        char path[32];
        start(&builder);
        coap_builder_path(&builder, paths[i]);
        assert_int_equal(coap_message_parse(finish(&builder), &message), ERROR_NONE);
        assert_int_equal(coap_message_path(&message, path, sizeof path), ERROR_NONE);
        assert_string_equal(path, paths[i]);
    }
}

static void a_path_fits_its_place_to_the_byte(void **state) {
    (void)state;
    struct coap_message message;
    char path[6];
    assert_int_equal(coap_message_parse(BYTES("\x40\x01\x00\x01\xb5"
                                              "abcde"),
                                        &message),
                     ERROR_NONE);
    assert_int_equal(coap_message_path(&message, path, 6), ERROR_NONE);
    assert_string_equal(path, "abcde");
    assert_int_equal(coap_message_path(&message, path, 5), ERROR_TOO_LARGE);
    assert_int_equal(coap_message_parse(BYTES("\x40\x01\x00\x01\xb2"
                                              "ab\x02"
                                              "cd"),
                                        &message),
                     ERROR_NONE);
    assert_int_equal(coap_message_path(&message, path, 6), ERROR_NONE);
    assert_string_equal(path, "ab/cd");
    assert_int_equal(coap_message_path(&message, path, 5), ERROR_TOO_LARGE);
    assert_int_equal(coap_message_parse(BYTES("\x40\x01\x00\x01"), &message), ERROR_NONE);
    assert_int_equal(coap_message_path(&message, path, 0), ERROR_TOO_LARGE);
}

static void a_segment_with_a_slash_or_a_nul_is_malformed(void **state) {
    (void)state;
    struct coap_message message;
    char path[32];
    assert_int_equal(coap_message_parse(BYTES("\x40\x01\x00\x01\xb3"
                                              "a/b"),
                                        &message),
                     ERROR_NONE);
    assert_int_equal(coap_message_path(&message, path, sizeof path), ERROR_MALFORMED);
    assert_int_equal(coap_message_parse(BYTES("\x40\x01\x00\x01\xb3"
                                              "a\0b"),
                                        &message),
                     ERROR_NONE);
    assert_int_equal(coap_message_path(&message, path, sizeof path), ERROR_MALFORMED);
}

static void a_query_is_found_by_its_whole_name(void **state) {
    (void)state;
    struct coap_message message;
    assert_int_equal(coap_message_parse(BYTES("\x40\x01\x00\x01\xd7\x02tasks=x\x06task=y\x04task\x02z="), &message),
                     ERROR_NONE);
    expect_bytes(coap_message_query(&message, "task"), bytes_of_text("y"));
    expect_bytes(coap_message_query(&message, "tasks"), bytes_of_text("x"));
    assert_int_equal(coap_message_query(&message, "z").size, 0);
    assert_non_null(coap_message_query(&message, "z").data);
    assert_null(coap_message_query(&message, "tas").data);
}

static void a_builder_that_ran_out_of_room_says_so_once_at_the_end(void **state) {
    (void)state;
    struct coap_builder builder;
    size_t size = 0;
    for (size_t room = 0; room < 16; room++) {
        storage[room] = 0x5a;
        coap_builder_start(&builder, (struct buffer){storage, room}, COAP_CONFIRMABLE, COAP_PUT, 1, BYTES("\x01\x02"));
        coap_builder_path(&builder, "c/1");
        coap_builder_payload(&builder, bytes_of_text("12345"));
        assert_int_equal(coap_builder_finish(&builder, &size), ERROR_TOO_LARGE);
        assert_int_equal(storage[room], 0x5a);
    }
    coap_builder_start(&builder, (struct buffer){storage, 16}, COAP_CONFIRMABLE, COAP_PUT, 1, BYTES("\x01\x02"));
    coap_builder_path(&builder, "c/1");
    coap_builder_payload(&builder, bytes_of_text("12345"));
    coap_builder_payload(&builder, no_token);
    assert_int_equal(coap_builder_finish(&builder, &size), ERROR_NONE);
    assert_int_equal(size, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_of_figure_16_is_built_byte_for_byte),
        cmocka_unit_test(the_response_of_figure_16_is_built_byte_for_byte),
        cmocka_unit_test(the_messages_of_figure_17_with_their_token_are_read),
        cmocka_unit_test(the_non_confirmable_messages_of_figure_21_are_read),
        cmocka_unit_test(empty_messages_are_four_bytes),
        cmocka_unit_test(codes_are_the_octets_of_the_registry),
        cmocka_unit_test(an_extended_token_is_read_and_written),
        cmocka_unit_test(broken_datagrams_are_refused),
        cmocka_unit_test(id_and_type_of_a_malformed_message_are_known),
        cmocka_unit_test(one_option_more_than_the_limit_is_full),
        cmocka_unit_test(deltas_and_lengths_change_their_form_at_13_and_269),
        cmocka_unit_test(uint_options_have_no_leading_zeros),
        cmocka_unit_test(a_uint_option_that_is_absent_or_over_four_bytes_is_absent),
        cmocka_unit_test(block_options_are_read_as_number_more_and_exponent),
        cmocka_unit_test(a_path_comes_back_as_it_was_built),
        cmocka_unit_test(a_path_fits_its_place_to_the_byte),
        cmocka_unit_test(a_segment_with_a_slash_or_a_nul_is_malformed),
        cmocka_unit_test(a_query_is_found_by_its_whole_name),
        cmocka_unit_test(a_builder_that_ran_out_of_room_says_so_once_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
