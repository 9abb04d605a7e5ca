// What a person may ask of an actuator, and the sentence that answers what is wrong.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "node/override.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: assertion failed: %s\n", function, expression);
    abort();
}

static struct registration_resource resource_of(enum value_type type) {
    return (struct registration_resource){.name = "a/valve",
                                          .unit = "%",
                                          .type = type,
                                          .actuator = true,
                                          .has_range = type == TYPE_NUMBER,
                                          .minimum = 0,
                                          .maximum = 100};
}

// A request with the queries "a&b" and a payload, as the endpoint would hand it over.
struct asked {
    struct coap_message message;
    struct coap_request request;
    uint8_t bytes[64];
};

static struct coap_request *ask(struct asked *asked, uint8_t code, const char *queries, uint16_t format, const void *payload,
                                size_t size) {
    *asked = (struct asked){.request = {.code = code, .path = "r/a/valve", .content_format = format}};
    for (const char *at = queries; *at != '\0';) {
        size_t length = strcspn(at, "&");
        asked->message.options[asked->message.option_count++] =
            (struct coap_option){COAP_OPTION_URI_QUERY, {(const uint8_t *)at, length}};
        at += length + (at[length] == '&' ? 1 : 0);
    }
    memcpy(asked->bytes, payload, size);
    asked->request.message = &asked->message;
    asked->request.payload = (struct bytes){asked->bytes, size};
    return &asked->request;
}

static void good_queries_are_read_and_the_priority_is_eight_when_it_is_not_said(void **state) {
    (void)state;
    struct asked asked;
    struct override out;
    char why[OVERRIDE_WHY_SIZE];
    struct registration_resource facts = resource_of(TYPE_NUMBER);
    assert_int_equal(
        override_read(ask(&asked, COAP_PUT, "for=7200000&priority=3", COAP_FORMAT_CBOR, "\x18\x1e", 2), &facts, &out, why), 0);
    assert_int_equal(out.priority, 3);
    assert_int_equal(out.lifetime_ms, 7200000);
    assert_int_equal(out.size, 2);
    assert_int_equal(override_read(ask(&asked, COAP_PUT, "for=2592000000", COAP_FORMAT_TEXT, "30", 2), &facts, &out, why), 0);
    assert_int_equal(out.priority, 8);
    assert_int_equal(override_read(ask(&asked, COAP_DELETE, "", COAP_FORMAT_NONE, "", 0), &facts, &out, why), 0);
    assert_int_equal(out.priority, 8);
    assert_int_equal(out.size, 0);
    assert_int_equal(override_read(ask(&asked, COAP_DELETE, "priority=16", COAP_FORMAT_NONE, "", 0), &facts, &out, why), 0);
    assert_int_equal(out.priority, 16);
}

static void bad_queries_are_named(void **state) {
    (void)state;
    static const struct {
        uint8_t code;
        const char *queries;
        const char *why;
    } rows[] = {
        {COAP_PUT, "", "say how long the override holds, in milliseconds, as in ?for=7200000"},
        {COAP_PUT, "for", "the query 'for' has no meaning here; use priority=1..16 and for=MILLISECONDS"},
        {COAP_PUT, "for=", "`for` is no number of milliseconds from 1 to 2592000000 (30 days)"},
        {COAP_PUT, "for=0", "`for` is no number"},
        {COAP_PUT, "for=2h", "`for` is no number"},
        {COAP_PUT, "for=-1", "`for` is no number"},
        {COAP_PUT, "for=2592000001", "`for` is no number"},
        {COAP_PUT, "for=18446744073709551617", "`for` is no number"},
        {COAP_PUT, "for=1&for=2", "`for` is there twice"},
        {COAP_PUT, "for=1&priority=0", "the priority is no number from 1 (life safety) to 16"},
        {COAP_PUT, "for=1&priority=17", "the priority is no number"},
        {COAP_PUT, "for=1&priority=", "the priority is no number"},
        {COAP_PUT, "for=1&priority=8&priority=8", "`priority` is there twice"},
        {COAP_PUT, "for=1&prio=8", "the query 'prio=8' has no meaning here"},
        {COAP_PUT, "for=1&", "the query '' has no meaning"},
        {COAP_DELETE, "priority=8&for=1", "`for` has no meaning in a release; leave it out"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct asked asked;
        struct override out;
        char why[OVERRIDE_WHY_SIZE] = "";
        struct registration_resource facts = resource_of(TYPE_NUMBER);
        struct coap_request *request = ask(&asked, rows[i].code, rows[i].queries, COAP_FORMAT_TEXT, "30", 2);
        if (strcmp(rows[i].queries, "for=1&") == 0) {
            asked.message.options[asked.message.option_count++] =
                (struct coap_option){COAP_OPTION_URI_QUERY, {(const uint8_t *)"", 0}};
        }
        if (override_read(request, &facts, &out, why) != COAP_BAD_REQUEST || strstr(why, rows[i].why) != why) {
            fail_msg("row %zu\nwanted: %s\ngot: %s", i, rows[i].why, why);
        }
    }
}

struct value_row {
    enum value_type type;
    uint16_t format;
    const char *payload;
    size_t size; // of the payload
    uint8_t code;
    const char *expected; // the item, or the beginning of the refusal
    size_t expected_size;
};
#define GOOD(type, format, payload, item)                                                                                      \
    { type, format, payload, sizeof(payload) - 1, 0, item, sizeof(item) - 1 }
#define BAD(type, format, payload, code, why)                                                                                  \
    { type, format, payload, sizeof(payload) - 1, code, why, 0 }
#define CBOR COAP_FORMAT_CBOR
#define TEXT COAP_FORMAT_TEXT
#define JSON COAP_FORMAT_JSON

static const struct value_row value_rows[] = {
    GOOD(TYPE_NUMBER, CBOR, "\x18\x1e", "\x18\x1e"),
    GOOD(TYPE_NUMBER, CBOR, "\xf9\x3c\x00", "\x01"), // a half-precision 1.0 becomes the shortest form
    GOOD(TYPE_NUMBER, TEXT, "30", "\x18\x1e"),
    GOOD(TYPE_NUMBER, JSON, "3e1", "\x18\x1e"),
    GOOD(TYPE_NUMBER, JSON, "0.5", "\xfa\x3f\x00\x00\x00"),
    GOOD(TYPE_BOOLEAN, CBOR, "\xf5", "\xf5"),
    GOOD(TYPE_BOOLEAN, TEXT, "false", "\xf4"),
    GOOD(TYPE_BOOLEAN, JSON, "true", "\xf5"),
    GOOD(TYPE_TEXT, TEXT, "auto",
         "\x64"
         "auto"),
    GOOD(TYPE_TEXT, TEXT, "30",
         "\x62"
         "30"),
    GOOD(TYPE_TEXT, TEXT, "gr\xc3\xbcn",
         "\x65"
         "gr\xc3\xbcn"),
    GOOD(TYPE_TEXT, CBOR, "\x61x", "\x61x"),
    GOOD(TYPE_ARRAY, CBOR, "\x82\x01\x02", "\x82\x01\x02"),
    GOOD(TYPE_ANY, TEXT, "true", "\xf5"),
    GOOD(TYPE_ANY, TEXT, "x", "\x61x"),
    BAD(TYPE_NUMBER, CBOR, "\x19\x01\x00", COAP_BAD_REQUEST, "256 is out of range; use 0 to 100 %"),
    BAD(TYPE_NUMBER, TEXT, "-1", COAP_BAD_REQUEST, "-1 is out of range"),
    BAD(TYPE_NUMBER, TEXT, "1e999", COAP_BAD_REQUEST, "'1e999' is no number; write one"),
    BAD(TYPE_NUMBER, CBOR, "\xf9\x7e\x00", COAP_BAD_REQUEST, ""), // NaN
    BAD(TYPE_NUMBER, TEXT, "nan", COAP_BAD_REQUEST, "'nan' is no number"),
    BAD(TYPE_NUMBER, TEXT, "0x10", COAP_BAD_REQUEST, "'0x10' is no number"),
    BAD(TYPE_NUMBER, TEXT, " 30", COAP_BAD_REQUEST, "' 30' is no number"),
    BAD(TYPE_NUMBER, JSON, "030", COAP_BAD_REQUEST, "'030' is no number"),
    BAD(TYPE_NUMBER, JSON, "1.", COAP_BAD_REQUEST, "'1.' is no number"),
    BAD(TYPE_NUMBER, JSON, "1e", COAP_BAD_REQUEST, "'1e' is no number"),
    BAD(TYPE_NUMBER, JSON, "[30]", COAP_BAD_REQUEST, "'[30]' is no number"),
    BAD(TYPE_NUMBER, TEXT, "", COAP_BAD_REQUEST, "the value is empty; send one, or DELETE to release"),
    BAD(TYPE_NUMBER, TEXT, "3\0000", COAP_BAD_REQUEST, "the value is no number"),
    BAD(TYPE_NUMBER, TEXT, "true", COAP_BAD_REQUEST, "a/valve takes number, and the value is boolean"),
    BAD(TYPE_NUMBER, CBOR,
        "\x62"
        "30",
        COAP_BAD_REQUEST, "a/valve takes number, and the value is text"),
    BAD(TYPE_NUMBER, CBOR, "\xa0", COAP_BAD_REQUEST, "a/valve takes number, and the value is of no type that a resource has"),
    BAD(TYPE_NUMBER, CBOR, "\xf6", COAP_BAD_REQUEST, "null is no value; DELETE releases the override"),
    BAD(TYPE_NUMBER, CBOR, "", COAP_BAD_REQUEST, "the payload is not exactly one CBOR item"),
    BAD(TYPE_NUMBER, CBOR, "\x01\x02", COAP_BAD_REQUEST, "the payload is not exactly one CBOR item"),
    BAD(TYPE_NUMBER, CBOR, "\x19\x01", COAP_BAD_REQUEST, "the payload is not exactly one CBOR item"),
    BAD(TYPE_BOOLEAN, TEXT, "yes", COAP_BAD_REQUEST, "'yes' is no boolean; write one"),
    BAD(TYPE_BOOLEAN, TEXT, "1", COAP_BAD_REQUEST, "a/valve takes boolean, and the value is number"),
    BAD(TYPE_TEXT, JSON, "\"auto\"", COAP_BAD_REQUEST, "the value is no number and no boolean; send a text as text/plain"),
    BAD(TYPE_TEXT, TEXT, "a\nb", COAP_BAD_REQUEST, "the text is not UTF-8, or has control characters"),
    BAD(TYPE_TEXT, TEXT, "\xc3", COAP_BAD_REQUEST, "the text is not UTF-8"),
    BAD(TYPE_TEXT, TEXT, "\xc0\x80", COAP_BAD_REQUEST, "the text is not UTF-8"),
    BAD(TYPE_TEXT, TEXT, "\xed\xa0\x80", COAP_BAD_REQUEST, "the text is not UTF-8"),
    BAD(TYPE_TEXT, TEXT, "\xf5\x80\x80\x80", COAP_BAD_REQUEST, "the text is not UTF-8"),
    BAD(TYPE_TEXT, TEXT, "0123456789012345678901234567890123", COAP_REQUEST_ENTITY_TOO_LARGE, "the text is too long"),
    BAD(TYPE_TEXT, CBOR,
        "\x78\x20"
        "01234567890123456789012345678901",
        COAP_REQUEST_ENTITY_TOO_LARGE, "the value is too long"),
    BAD(TYPE_TEXT, CBOR, "\x61\xff", COAP_BAD_REQUEST, "the text is not UTF-8"),
    BAD(TYPE_TEXT, CBOR, "\x61\x00", COAP_BAD_REQUEST, "the text is not UTF-8"),
    BAD(TYPE_ARRAY, TEXT, "x", COAP_BAD_REQUEST, "'x' is no array; write one as CBOR"),
    BAD(TYPE_NUMBER, COAP_FORMAT_NONE, "7", COAP_UNSUPPORTED_CONTENT_FORMAT, "say in Content-Format what the value is"),
    BAD(TYPE_NUMBER, COAP_FORMAT_OCTETS, "7", COAP_UNSUPPORTED_CONTENT_FORMAT, "say in Content-Format what the value is"),
};

static void values_are_taken_as_cbor_text_and_json_and_nothing_else_passes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof value_rows / sizeof *value_rows; i++) {
        const struct value_row *row = &value_rows[i];
        struct asked asked;
        struct override out;
        char why[OVERRIDE_WHY_SIZE] = "";
        struct registration_resource facts = resource_of(row->type);
        uint8_t code = override_read(ask(&asked, COAP_PUT, "for=1", row->format, row->payload, row->size), &facts, &out, why);
        bool same = code != 0 ? strstr(why, row->expected) == why
                              : bytes_equal((struct bytes){out.item, out.size},
                                            (struct bytes){(const uint8_t *)row->expected, row->expected_size});
        if (code != row->code || !same) {
            fail_msg("row %zu: code %u, %s", i, code, code != 0 ? why : "another item");
        }
    }
}

static void a_sensor_is_not_overridden(void **state) {
    (void)state;
    struct asked asked;
    struct override out;
    char why[OVERRIDE_WHY_SIZE];
    struct registration_resource facts = resource_of(TYPE_NUMBER);
    facts.actuator = false;
    assert_int_equal(override_read(ask(&asked, COAP_PUT, "for=1", TEXT, "1", 1), &facts, &out, why), COAP_METHOD_NOT_ALLOWED);
    assert_string_equal(why, "a/valve is a sensor; only an actuator can be overridden");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_queries_are_read_and_the_priority_is_eight_when_it_is_not_said),
        cmocka_unit_test(bad_queries_are_named),
        cmocka_unit_test(values_are_taken_as_cbor_text_and_json_and_nothing_else_passes),
        cmocka_unit_test(a_sensor_is_not_overridden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
