#include "node/override.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/wire.h"

#define TEXT_SIZE_MAX 64 // of a value as text, with its NUL

__attribute__((format(printf, 3, 4))) static uint8_t refuse(char why[OVERRIDE_WHY_SIZE], uint8_t code, const char *format,
                                                            ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, OVERRIDE_WHY_SIZE, format, arguments);
    va_end(arguments);
    return code;
}

// --- queries -------------------------------------------------------------------------------------------------------------

enum { QUERY_PRIORITY, QUERY_FOR, QUERY_COUNT };
static const char *const query_names[QUERY_COUNT] = {"priority", "for"};

static bool read_digits(struct bytes digits, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return false;
        }
        *out = *out * 10 + (uint64_t)(digits.data[i] - '0');
    }
    return digits.size > 0 && digits.size <= 12; // no overflow, and far beyond what is allowed
}

// Sorts one Uri-Query option into `found`.
static uint8_t sort_query(struct bytes option, struct bytes found[QUERY_COUNT], char why[OVERRIDE_WHY_SIZE]) {
    size_t name_size = 0;
    while (name_size < option.size && option.data[name_size] != '=') {
        name_size++;
    }
    for (int i = 0; i < QUERY_COUNT; i++) {
        if (bytes_equal((struct bytes){option.data, name_size}, bytes_of_text(query_names[i])) && name_size < option.size) {
            if (found[i].data != NULL) {
                return refuse(why, COAP_BAD_REQUEST, "`%s` is there twice; write it once", query_names[i]);
            }
            found[i] = (struct bytes){option.data + name_size + 1, option.size - name_size - 1};
            return 0;
        }
    }
    return refuse(why, COAP_BAD_REQUEST, "the query '%.*s' has no meaning here; use priority=1..16 and for=MILLISECONDS",
                  (int)(option.size < 40 ? option.size : 40), (const char *)option.data);
}

static uint8_t read_queries(const struct coap_request *request, struct override *out, char why[OVERRIDE_WHY_SIZE]) {
    struct bytes found[QUERY_COUNT] = {{NULL, 0}, {NULL, 0}};
    bool release = request->code == COAP_DELETE;
    uint8_t code = 0;
    uint64_t number = OVERRIDE_PRIORITY_DEFAULT;
    for (uint32_t i = 0; i < request->message->option_count && code == 0; i++) {
        if (request->message->options[i].number == COAP_OPTION_URI_QUERY) {
            code = sort_query(request->message->options[i].value, found, why);
        }
    }
    if (code != 0) {
        return code;
    }
    if (found[QUERY_PRIORITY].data != NULL && (!read_digits(found[QUERY_PRIORITY], &number) || number < 1 || number > 16)) {
        return refuse(why, COAP_BAD_REQUEST, "the priority is no number from 1 (life safety) to 16");
    }
    out->priority = (uint32_t)number;
    out->lifetime_ms = 0;
    if (release) {
        return found[QUERY_FOR].data == NULL ? 0
                                             : refuse(why, COAP_BAD_REQUEST, "`for` has no meaning in a release; leave it out");
    }
    if (found[QUERY_FOR].data == NULL) {
        return refuse(why, COAP_BAD_REQUEST, "say how long the override holds, in milliseconds, as in ?for=7200000");
    }
    if (!read_digits(found[QUERY_FOR], &out->lifetime_ms) || out->lifetime_ms == 0 ||
        out->lifetime_ms > OVERRIDE_LIFETIME_MS_MAX) {
        return refuse(why, COAP_BAD_REQUEST, "`for` is no number of milliseconds from 1 to %llu (30 days)",
                      (unsigned long long)OVERRIDE_LIFETIME_MS_MAX);
    }
    return 0;
}

// --- value ---------------------------------------------------------------------------------------------------------------

static const char *skip_digits(const char *text) {
    while (*text >= '0' && *text <= '9') {
        text++;
    }
    return text;
}

// The grammar of JSON (RFC 8259 §6): strtod alone would take "nan", "0x10" and blanks.
static bool read_number(const char *text, double *out) {
    const char *digits = text + (*text == '-' ? 1 : 0);
    const char *at = skip_digits(digits);
    bool good = at > digits && (digits[0] != '0' || at == digits + 1);
    if (*at == '.') {
        const char *fraction = at + 1;
        at = skip_digits(fraction);
        good = good && at > fraction;
    }
    if (*at == 'e' || *at == 'E') {
        const char *exponent = at + 1 + (at[1] == '-' || at[1] == '+' ? 1 : 0);
        at = skip_digits(exponent);
        good = good && at > exponent;
    }
    if (good && *at == '\0') {
        *out = strtod(text, NULL);
    }
    return good && *at == '\0' && isfinite(*out);
}

// Well-formed UTF-8 (RFC 3629) without control characters. Overlong forms and surrogates are refused.
static bool is_plain_text(const char *text) {
    const uint8_t *at = (const uint8_t *)text;
    while (*at != 0) {
        uint32_t rest = *at < 0x80                    ? 0
                        : (*at >= 0xc2 && *at < 0xe0) ? 1
                        : (*at & 0xf0) == 0xe0        ? 2
                        : (*at & 0xf8) == 0xf0        ? 3
                                                      : 4;
        uint32_t point = rest == 0 ? *at : *at & (0x3fU >> rest);
        at++;
        for (uint32_t i = 0; i < rest; i++, at++) {
            if (rest == 4 || (*at & 0xc0) != 0x80) {
                return false;
            }
            point = point << 6 | (*at & 0x3f);
        }
        bool short_form = (rest == 2 && point < 0x800) || (rest == 3 && point < 0x10000);
        if (short_form || point < 0x20 || point == 0x7f || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
            return false;
        }
    }
    return true;
}

static void put_boolean(struct override *out, bool value) {
    out->item[0] = value ? 0xf5 : 0xf4;
    out->size = 1;
}

static void put_number(struct override *out, double number) {
    uint8_t item[9];
    out->size = wire_put_number(number, item);
    memcpy(out->item, item, out->size);
}

static bool put_text(struct override *out, const char *text) {
    struct wire_writer writer;
    wire_writer_start(&writer, (struct buffer){out->item, sizeof out->item});
    wire_write_text(&writer, text);
    return wire_writer_finish(&writer, &out->size) == ERROR_NONE;
}

// A value written as text, by the type of the resource. JSON has no texts here, and any resource that is not text takes the
// same words from both.
static uint8_t read_text(const struct coap_request *request, const struct registration_resource *facts, struct override *out,
                         char why[OVERRIDE_WHY_SIZE]) {
    char text[TEXT_SIZE_MAX];
    double number = 0;
    size_t size = request->payload.size;
    if (size >= sizeof text) {
        return refuse(why, COAP_REQUEST_ENTITY_TOO_LARGE, "the value is longer than %d letters", TEXT_SIZE_MAX - 1);
    }
    if (size > 0) {
        memcpy(text, request->payload.data, size);
    }
    text[size] = '\0';
    bool json = request->content_format == COAP_FORMAT_JSON;
    bool is_boolean = strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    bool wants_text = facts->type == TYPE_TEXT || (facts->type == TYPE_ANY && !is_boolean && !read_number(text, &number));
    if (size == 0 || strlen(text) != size || (json && wants_text)) {
        return refuse(why, COAP_BAD_REQUEST, "the value is %s; send %s", size == 0 ? "empty" : "no number and no boolean",
                      json && wants_text ? "a text as text/plain" : "one, or DELETE to release");
    }
    if (wants_text) {
        if (!is_plain_text(text)) {
            return refuse(why, COAP_BAD_REQUEST, "the text is not UTF-8, or has control characters; send plain text");
        }
        return put_text(out, text) ? 0
                                   : refuse(why, COAP_REQUEST_ENTITY_TOO_LARGE,
                                            "the text is too long; an actuator's value has %d bytes", ACTUATOR_VALUE_SIZE_MAX);
    }
    if (is_boolean) {
        put_boolean(out, text[0] == 't');
    } else if (read_number(text, &number)) {
        put_number(out, number);
    } else {
        return refuse(why, COAP_BAD_REQUEST, "'%s' is no %s; write one%s", text, value_type_text(facts->type),
                      facts->type == TYPE_ARRAY ? " as CBOR" : "");
    }
    return 0;
}

static uint8_t read_cbor(const struct coap_request *request, struct override *out, char why[OVERRIDE_WHY_SIZE]) {
    double number = 0;
    if (request->payload.size == 0 || !wire_is_item(request->payload)) {
        return refuse(why, COAP_BAD_REQUEST, "the payload is not exactly one CBOR item; send the value, or DELETE to release");
    }
    if (wire_is_null(request->payload)) {
        return refuse(why, COAP_BAD_REQUEST, "null is no value; DELETE releases the override");
    }
    if (request->payload.size > sizeof out->item) {
        return refuse(why, COAP_REQUEST_ENTITY_TOO_LARGE, "the value is too long; an actuator's value has %d bytes",
                      ACTUATOR_VALUE_SIZE_MAX);
    }
    if (wire_number(request->payload, &number)) {
        put_number(out, number);
        return 0;
    }
    if (request->payload.data[0] >> 5 == 3) {
        char text[ACTUATOR_VALUE_SIZE_MAX];
        struct wire_reader reader;
        wire_reader_start(&reader, request->payload);
        wire_read_text(&reader, 0, text, sizeof text);
        bool good = wire_reader_finish(&reader) == ERROR_NONE && is_plain_text(text) && put_text(out, text);
        return good ? 0 : refuse(why, COAP_BAD_REQUEST, "the text is not UTF-8, or has control characters; send plain text");
    }
    out->size = request->payload.size;
    memcpy(out->item, request->payload.data, out->size);
    return 0;
}

// The type that an item has; TYPE_ANY for one that no resource has.
static enum value_type type_of(struct bytes item) {
    double number = 0;
    if (wire_number(item, &number)) {
        return TYPE_NUMBER;
    }
    if (item.size == 1 && (item.data[0] == 0xf4 || item.data[0] == 0xf5)) {
        return TYPE_BOOLEAN;
    }
    switch (item.data[0] >> 5) {
    case 3:
        return TYPE_TEXT;
    case 4:
        return TYPE_ARRAY;
    default:
        return TYPE_ANY;
    }
}

static uint8_t check_value(const struct registration_resource *facts, const struct override *override,
                           char why[OVERRIDE_WHY_SIZE]) {
    struct bytes item = {override->item, override->size};
    double number = 0;
    enum value_type type = type_of(item);
    if (type != facts->type && facts->type != TYPE_ANY) {
        return refuse(why, COAP_BAD_REQUEST, "%s takes %s, and the value is %s", facts->name, value_type_text(facts->type),
                      type == TYPE_ANY ? "of no type that a resource has" : value_type_text(type));
    }
    if (!wire_number(item, &number)) {
        return 0;
    }
    if (!isfinite(number)) {
        return refuse(why, COAP_BAD_REQUEST, "the value is not finite; send a number");
    }
    if (facts->has_range && (number < facts->minimum || number > facts->maximum)) {
        return refuse(why, COAP_BAD_REQUEST, "%.10g is out of range; use %g to %g%s%s", number, facts->minimum, facts->maximum,
                      facts->unit[0] != '\0' ? " " : "", facts->unit);
    }
    return 0;
}

uint8_t override_read(const struct coap_request *request, const struct registration_resource *facts, struct override *out,
                      char why[OVERRIDE_WHY_SIZE]) {
    *out = (struct override){.size = 0};
    if (!facts->actuator) {
        return refuse(why, COAP_METHOD_NOT_ALLOWED, "%s is a sensor; only an actuator can be overridden", facts->name);
    }
    uint8_t code = read_queries(request, out, why);
    if (code != 0 || request->code == COAP_DELETE) {
        return code;
    }
    switch (request->content_format) {
    case COAP_FORMAT_CBOR:
        code = read_cbor(request, out, why);
        break;
    case COAP_FORMAT_TEXT:
    case COAP_FORMAT_JSON:
        code = read_text(request, facts, out, why);
        break;
    default: // also none: "7" as text and -24 as CBOR are the same byte
        return refuse(why, COAP_UNSUPPORTED_CONTENT_FORMAT,
                      "say in Content-Format what the value is: 0 (text/plain), 50 (JSON) or 60 (CBOR)");
    }
    return code != 0 ? code : check_value(facts, out, why);
}
