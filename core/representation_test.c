#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/assert.h"
#include "core/coap_message.h"
#include "core/representation.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

#define ITEM(...)                                                                                                              \
    { (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}) }

static const struct representation temperature = {"room", "a/temperature", "Cel",
                                                  ITEM(0xfb, 0x40, 0x35, 0x4c, 0xcc, 0xcc, 0xcc, 0xcc, 0xcd), 0};

static void expect(struct representation from, uint16_t format, struct bytes expected) {
    uint8_t out[REPRESENTATION_SIZE_MAX];
    size_t size = 0;
    assert_int_equal(representation_encode(&from, format, (struct buffer){out, sizeof out}, &size), ERROR_NONE);
    assert_int_equal(size, expected.size);
    assert_memory_equal(out, expected.data, size);
}

static void expect_text(struct representation from, uint16_t format, const char *text) {
    expect(from, format, bytes_of_text(text));
}

static struct representation with(struct bytes item) {
    struct representation from = temperature;
    from.unit = "";
    from.item = item;
    return from;
}

static void a_number_is_written_in_each_format(void **state) {
    (void)state;
    struct representation from = temperature;
    expect(from, COAP_FORMAT_CBOR, from.item);
    expect_text(from, COAP_FORMAT_TEXT, "21.3");
    expect_text(from, COAP_FORMAT_SENML_JSON, "[{\"bn\":\"room/a/temperature\",\"u\":\"Cel\",\"v\":21.3}]");
    from.age_ms = 1500;
    expect_text(from, COAP_FORMAT_SENML_JSON, "[{\"bn\":\"room/a/temperature\",\"u\":\"Cel\",\"v\":21.3,\"t\":-1.5}]");
    from.item = (struct bytes)ITEM(0x15);
    expect(from, COAP_FORMAT_SENML_CBOR,
           (struct bytes)ITEM(0x81, 0xa4, 0x21, 0x72, 'r', 'o', 'o', 'm', '/', 'a', '/', 't', 'e', 'm', 'p', 'e', 'r', 'a', 't',
                              'u', 'r', 'e', 0x01, 0x63, 'C', 'e', 'l', 0x02, 0x15, 0x06, 0xfa, 0xbf, 0xc0, 0, 0));
}

static void other_kinds_have_their_labels(void **state) {
    (void)state;
    expect_text(with((struct bytes)ITEM(0xf5)), COAP_FORMAT_SENML_JSON, "[{\"bn\":\"room/a/temperature\",\"vb\":true}]");
    expect_text(with((struct bytes)ITEM(0xf4)), COAP_FORMAT_TEXT, "false");
    struct bytes text = ITEM(0x66, 'a', '"', 0xc3, 0xa9, 0x01, 0xff);
    expect_text(with(text), COAP_FORMAT_SENML_JSON, "[{\"bn\":\"room/a/temperature\",\"vs\":\"a\\\"\xc3\xa9\\u0001\\ufffd\"}]");
    expect_text(with(text), COAP_FORMAT_TEXT, "a\"\xc3\xa9\x01\xff");
    struct bytes map = ITEM(0xa1, 0x01, 0x02);
    expect_text(with(map), COAP_FORMAT_SENML_JSON, "[{\"bn\":\"room/a/temperature\",\"vd\":\"oQEC\"}]");
    expect_text(with(map), COAP_FORMAT_TEXT, "h'a10102'");
    struct bytes octets = ITEM(0x41, 0xff);
    expect_text(with(octets), COAP_FORMAT_SENML_JSON, "[{\"bn\":\"room/a/temperature\",\"vd\":\"Qf8\"}]");
}

static void an_array_is_a_record_for_each_element(void **state) {
    (void)state;
    struct representation from = with((struct bytes)ITEM(0x83, 0x01, 0xf9, 0x3e, 0x00, 0x20));
    from.unit = "W";
    from.age_ms = 2000;
    expect_text(from, COAP_FORMAT_SENML_JSON,
                "[{\"bn\":\"room/a/temperature/\",\"bu\":\"W\",\"n\":\"0\",\"v\":1,\"t\":-2},{\"n\":\"1\",\"v\":1.5,\"t\":-2},"
                "{\"n\":\"2\",\"v\":-1,\"t\":-2}]");
    expect_text(from, COAP_FORMAT_TEXT, "[1, 1.5, -1]");
    struct bytes nested = ITEM(0x82, 0x01, 0x81, 0x01);
    expect_text(with(nested), COAP_FORMAT_TEXT, "h'82018101'");
    struct bytes broken = ITEM(0x83, 0x01, 0x02);
    expect_text(with(broken), COAP_FORMAT_TEXT, "h'830102'");
}

static void what_is_not_there_is_null_or_a_record_without_a_value(void **state) {
    (void)state;
    struct bytes nothing = {NULL, 0};
    expect(with(nothing), COAP_FORMAT_CBOR, (struct bytes)ITEM(0xf6));
    expect_text(with(nothing), COAP_FORMAT_TEXT, "null");
    expect_text(with((struct bytes)ITEM(0xf6)), COAP_FORMAT_SENML_JSON, "[{\"bn\":\"room/a/temperature\"}]");
    expect_text(with((struct bytes)ITEM(0xf9, 0x7e, 0x00)), COAP_FORMAT_SENML_JSON, "[{\"bn\":\"room/a/temperature\"}]");
    expect_text(with((struct bytes)ITEM(0xf9, 0x7c, 0x00)), COAP_FORMAT_TEXT, "Infinity");
}

static void what_does_not_fit_and_what_is_not_offered_are_errors(void **state) {
    (void)state;
    uint8_t out[16];
    size_t size = 0;
    struct buffer paper = {out, sizeof out};
    assert_int_equal(representation_encode(&temperature, COAP_FORMAT_SENML_JSON, paper, &size), ERROR_TOO_LARGE);
    assert_int_equal(representation_encode(&temperature, COAP_FORMAT_JSON, paper, &size), ERROR_UNSUPPORTED);
    assert_false(representation_offers(COAP_FORMAT_JSON));
    assert_true(representation_offers(COAP_FORMAT_SENML_JSON));
}

// The worst that a message can become: control characters as text, one-byte numbers as an array.
static void the_largest_text_fits_in_every_format_and_the_largest_array_in_two(void **state) {
    (void)state;
    static const uint16_t formats[] = {COAP_FORMAT_CBOR, COAP_FORMAT_SENML_CBOR, COAP_FORMAT_SENML_JSON, COAP_FORMAT_TEXT};
    uint8_t item[MESSAGE_SIZE_MAX];
    static uint8_t out[REPRESENTATION_SIZE_MAX];
    char name[2 * NAME_SIZE_MAX];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int round = 0; round < 2; round++) {
        memset(item, round == 0 ? 0x01 : 0x20, sizeof item);
        item[0] = round == 0 ? 0x79 : 0x99;
        item[1] = (sizeof item - 3) >> 8;
        item[2] = (sizeof item - 3) & 0xff;
        struct representation from = {name, name, "unit", {item, sizeof item}, 123456789};
        for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
            size_t size = 0;
            bool senml = formats[i] == COAP_FORMAT_SENML_CBOR || formats[i] == COAP_FORMAT_SENML_JSON;
            assert_int_equal(representation_encode(&from, formats[i], (struct buffer){out, sizeof out}, &size),
                             round == 1 && senml ? ERROR_TOO_LARGE : ERROR_NONE);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_written_in_each_format),
        cmocka_unit_test(other_kinds_have_their_labels),
        cmocka_unit_test(an_array_is_a_record_for_each_element),
        cmocka_unit_test(what_is_not_there_is_null_or_a_record_without_a_value),
        cmocka_unit_test(what_does_not_fit_and_what_is_not_offered_are_errors),
        cmocka_unit_test(the_largest_text_fits_in_every_format_and_the_largest_array_in_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
