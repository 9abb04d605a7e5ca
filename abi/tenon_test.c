// What components read and write through tenon.h, compiled natively: every width of number, null, text, arrays, broken items.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "abi/tenon.h"

TENON_INBOX(128);

static uint8_t sent[512];
static uint32_t sent_size;

int32_t tenon_send(uint32_t output, const void *pointer, uint32_t length) {
    assert_true(length <= sizeof sent);
    memcpy(sent, pointer, length);
    sent_size = length;
    return (int32_t)output;
}

static uint32_t put(const void *octets, uint32_t size) {
    memset(tenon_inbox_data, 0xff, sizeof tenon_inbox_data);
    memcpy(tenon_inbox_data, octets, size);
    return size;
}

#define PUT(...) put((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void assert_signal(uint32_t length, double expected) {
    double value = 4711.0;
    assert_true(tenon_read_signal(length, &value));
    assert_true(value == expected || (!tenon_is_valid(value) && !tenon_is_valid(expected)));
}

static void every_width_of_number_is_read(void **context) {
    (void)context;
    assert_signal(PUT(0x17), 23.0);
    assert_signal(PUT(0x18, 0x18), 24.0);
    assert_signal(PUT(0x19, 0x01, 0x00), 256.0);
    assert_signal(PUT(0x1a, 0xff, 0xff, 0xff, 0xff), 4294967295.0);
    assert_signal(PUT(0x1b, 0, 0, 0, 1, 0, 0, 0, 0), 4294967296.0);
    assert_signal(PUT(0x20), -1.0);
    assert_signal(PUT(0x3a, 0xff, 0xff, 0xff, 0xff), -4294967296.0);
    assert_signal(PUT(0xf9, 0x3e, 0x00), 1.5);
    assert_signal(PUT(0xf9, 0x00, 0x01), 0x1p-24);
    assert_signal(PUT(0xf9, 0x83, 0xff), -1023 * 0x1p-24);
    assert_signal(PUT(0xf9, 0x7b, 0xff), 65504.0);
    assert_signal(PUT(0xfa, 0x41, 0xa4, 0x00, 0x00), 20.5);
    assert_signal(PUT(0xfb, 0x40, 0x34, 0x19, 0x99, 0x99, 0x99, 0x99, 0x9a), 20.1);
}

static void null_nan_and_infinity_are_no_valid_value(void **context) {
    (void)context;
    assert_signal(PUT(0xf6), TENON_NONE);
    assert_signal(PUT(0xf9, 0x7c, 0x00), TENON_NONE);
    assert_signal(PUT(0xf9, 0xfc, 0x00), TENON_NONE);
    assert_signal(PUT(0xf9, 0x7e, 0x00), TENON_NONE);
    assert_signal(PUT(0xfa, 0x7f, 0x80, 0x00, 0x00), TENON_NONE);
    double value = 1.0;
    assert_false(tenon_read_number(PUT(0xf6), &value));
    assert_false(tenon_read_number(PUT(0xf9, 0x7e, 0x00), &value));
    assert_true(value == 1.0);
    assert_true(tenon_read_null(PUT(0xf6)));
    assert_false(tenon_read_null(PUT(0xf5)));
}

static void booleans_are_read_alone_and_as_signals(void **context) {
    (void)context;
    bool value;
    assert_true(tenon_read_boolean(PUT(0xf5), &value) && value);
    assert_true(tenon_read_boolean(PUT(0xf4), &value) && !value);
    assert_false(tenon_read_boolean(PUT(0x01), &value));
    assert_signal(PUT(0xf5), 1.0);
    assert_signal(PUT(0xf4), 0.0);
}

static void broken_items_are_refused_and_change_nothing(void **context) {
    (void)context;
    double value = 1.0;
    assert_false(tenon_read_signal(0, &value));
    assert_false(tenon_read_signal(sizeof tenon_inbox_data + 1, &value));
    assert_false(tenon_read_signal(PUT(0x18), &value));
    assert_false(tenon_read_signal(PUT(0xfb, 0, 0, 0, 0, 0, 0, 0), &value));
    assert_false(tenon_read_signal(PUT(0x01, 0x01), &value));
    assert_false(tenon_read_signal(PUT(0x1c), &value));
    assert_false(tenon_read_signal(PUT(0x1f), &value));
    assert_false(tenon_read_signal(PUT(0xf7), &value));
    assert_false(tenon_read_signal(PUT(0x61, 'a'), &value));
    assert_true(value == 1.0);
    struct tenon_text text;
    assert_false(tenon_read_text(PUT(0x62, 'a'), &text));
    assert_false(tenon_read_text(PUT(0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), &text));
    struct tenon_cursor cursor;
    uint32_t count;
    assert_false(tenon_read_array(PUT(0x82, 0x01), &cursor, &count));
}

static void texts_and_arrays_are_read(void **context) {
    (void)context;
    struct tenon_text text;
    assert_true(tenon_read_text(PUT(0x63, 'o', 'f', 'f'), &text));
    assert_int_equal(text.length, 3);
    assert_memory_equal(text.data, "off", 3);
    struct tenon_cursor cursor;
    uint32_t count;
    double value;
    assert_true(tenon_read_array(PUT(0x82, 0x01, 0xf9, 0x3e, 0x00), &cursor, &count));
    assert_int_equal(count, 2);
    assert_true(tenon_read_any_number(&cursor, &value) && value == 1.0);
    assert_true(tenon_read_any_number(&cursor, &value) && value == 1.5);
    assert_false(tenon_read_any_number(&cursor, &value));
}

static void numbers_are_sent_in_the_shortest_exact_form(void **context) {
    (void)context;
    static const struct {
        double value;
        uint32_t size;
    } cases[] = {{0.0, 1},           {-0.0, 1},       {23.0, 1},  {24.0, 2},       {255.0, 2},          {256.0, 3},
                 {65536.0, 5},       {0x1p32 - 1, 5}, {-24.0, 1}, {-25.0, 2},      {-0x1p32, 5},        {0x1p32, 5},
                 {-0x1p32 - 1.0, 9}, {20.5, 5},       {20.1, 9},  {1e300, 9},      {-0.5, 5},           {0x1p-1074, 9},
                 {0x1.8p-1, 5},      {-1e10, 5},      {1e9, 5},   {TENON_NONE, 1}, {__builtin_inf(), 1}};
    for (uint32_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        assert_int_equal(tenon_send_number(3, cases[index].value), 3);
        assert_int_equal(sent_size, cases[index].size);
        assert_signal(put(sent, sent_size), cases[index].value);
    }
}

static void texts_and_arrays_are_sent_and_cut_to_their_limits(void **context) {
    (void)context;
    char text[TENON_TEXT_LENGTH_MAX + 10];
    memset(text, 'x', sizeof text);
    tenon_send_text(0, text, sizeof text);
    struct tenon_text read;
    assert_true(tenon_read_text(put(sent, sent_size), &read));
    assert_int_equal(read.length, TENON_TEXT_LENGTH_MAX);
    double values[TENON_NUMBERS_COUNT_MAX + 3] = {0};
    tenon_send_numbers(0, values, TENON_NUMBERS_COUNT_MAX + 3);
    struct tenon_cursor cursor;
    uint32_t count;
    assert_true(tenon_read_array(put(sent, sent_size), &cursor, &count));
    assert_int_equal(count, TENON_NUMBERS_COUNT_MAX);
    tenon_send_boolean(0, true);
    assert_int_equal(sent[0], 0xf5);
    tenon_send_null(0);
    assert_int_equal(sent[0], 0xf6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_width_of_number_is_read),
        cmocka_unit_test(null_nan_and_infinity_are_no_valid_value),
        cmocka_unit_test(booleans_are_read_alone_and_as_signals),
        cmocka_unit_test(broken_items_are_refused_and_change_nothing),
        cmocka_unit_test(texts_and_arrays_are_read),
        cmocka_unit_test(numbers_are_sent_in_the_shortest_exact_form),
        cmocka_unit_test(texts_and_arrays_are_sent_and_cut_to_their_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
