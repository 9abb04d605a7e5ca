#include "core/wire.h"

#include <math.h>

#include "core/assert.h"

static void fail(struct wire_reader *reader, enum error error) {
    if (reader->error == ERROR_NONE) {
        reader->error = error;
    }
}

// What zcbor reports when the payload ends early is told apart from an item of another kind.
static void fail_from_state(struct wire_reader *reader) {
    bool ended = zcbor_peek_error(reader->states) == ZCBOR_ERR_NO_PAYLOAD;
    fail(reader, ended ? ERROR_TRUNCATED : ERROR_MALFORMED);
}

void wire_reader_start(struct wire_reader *reader, struct bytes input) {
    reader->error = ERROR_NONE;
    zcbor_new_decode_state(reader->states, ZCBOR_ARRAY_SIZE(reader->states), input.data, input.size, 1, NULL, 0);
    if (input.size == 0) {
        fail(reader, ERROR_TRUNCATED);
    }
}

void wire_read_list(struct wire_reader *reader) {
    if (reader->error == ERROR_NONE && !zcbor_list_start_decode(reader->states)) {
        fail_from_state(reader);
    }
}

void wire_read_list_end(struct wire_reader *reader) {
    if (reader->error == ERROR_NONE && !zcbor_list_end_decode(reader->states)) {
        fail(reader, ERROR_MALFORMED);
    }
}

void wire_read_map(struct wire_reader *reader) {
    if (reader->error == ERROR_NONE && !zcbor_map_start_decode(reader->states)) {
        fail_from_state(reader);
    }
}

void wire_read_map_end(struct wire_reader *reader) {
    if (reader->error == ERROR_NONE && !zcbor_map_end_decode(reader->states)) {
        fail(reader, ERROR_MALFORMED);
    }
}

bool wire_more(struct wire_reader *reader) {
    return reader->error == ERROR_NONE && !zcbor_array_at_end(reader->states);
}

uint64_t wire_read_uint(struct wire_reader *reader, uint64_t maximum) {
    uint64_t value = 0;
    if (reader->error != ERROR_NONE) {
        return 0;
    }
    if (!zcbor_uint64_decode(reader->states, &value)) {
        fail_from_state(reader);
        return 0;
    }
    if (value > maximum) {
        fail(reader, ERROR_TOO_LARGE);
        return 0;
    }
    return value;
}

void wire_expect_uint(struct wire_reader *reader, uint64_t expected, enum error otherwise) {
    if (reader->error == ERROR_NONE && wire_read_uint(reader, UINT64_MAX) != expected) {
        fail(reader, otherwise);
    }
}

double wire_read_float(struct wire_reader *reader) {
    double value = 0;
    if (reader->error != ERROR_NONE) {
        return 0;
    }
    if (!zcbor_float64_decode(reader->states, &value)) {
        fail_from_state(reader);
        return 0;
    }
    if (!isfinite(value)) {
        fail(reader, ERROR_MALFORMED);
        return 0;
    }
    return value;
}

bool wire_read_bool(struct wire_reader *reader) {
    bool value = false;
    if (reader->error == ERROR_NONE && !zcbor_bool_decode(reader->states, &value)) {
        fail_from_state(reader);
    }
    return value;
}

bool wire_read_null(struct wire_reader *reader) {
    if (reader->error != ERROR_NONE || reader->states[0].payload >= reader->states[0].payload_end ||
        *reader->states[0].payload != 0xf6) {
        return false;
    }
    if (!zcbor_nil_expect(reader->states, NULL)) {
        fail_from_state(reader);
        return false;
    }
    return true;
}

void wire_read_text(struct wire_reader *reader, size_t minimum, char *out, size_t out_size) {
    struct zcbor_string text = {NULL, 0};
    out[0] = '\0';
    if (reader->error != ERROR_NONE) {
        return;
    }
    if (!zcbor_tstr_decode(reader->states, &text)) {
        fail_from_state(reader);
    } else if (text.len >= out_size) {
        fail(reader, ERROR_TOO_LARGE);
    } else if (text.len < minimum || memchr(text.value, '\0', text.len) != NULL) {
        fail(reader, ERROR_MALFORMED);
    } else {
        memcpy(out, text.value, text.len);
        out[text.len] = '\0';
    }
}

struct bytes wire_read_bytes(struct wire_reader *reader, size_t minimum, size_t maximum) {
    struct zcbor_string value = {NULL, 0};
    struct bytes none = {NULL, 0};
    if (reader->error != ERROR_NONE) {
        return none;
    }
    if (!zcbor_bstr_decode(reader->states, &value)) {
        fail_from_state(reader);
        return none;
    }
    if (value.len < minimum || value.len > maximum) {
        fail(reader, value.len > maximum ? ERROR_TOO_LARGE : ERROR_MALFORMED);
        return none;
    }
    return (struct bytes){value.value, value.len};
}

uint64_t wire_read_trace(struct wire_reader *reader) {
    struct bytes octets = wire_read_bytes(reader, 8, 8);
    uint64_t trace = 0;
    for (size_t i = 0; i < octets.size; i++) {
        trace = trace << 8 | octets.data[i];
    }
    return trace;
}

size_t wire_left(const struct wire_reader *reader) {
    return (size_t)(reader->states[0].payload_end - reader->states[0].payload);
}

enum error wire_reader_finish(struct wire_reader *reader) {
    if (reader->error == ERROR_NONE && reader->states[0].payload != reader->states[0].payload_end) {
        fail(reader, ERROR_MALFORMED);
    }
    return reader->error;
}

void wire_writer_start(struct wire_writer *writer, struct buffer output) {
    writer->begin = output.data;
    writer->failed = false;
    zcbor_new_encode_state(writer->states, ZCBOR_ARRAY_SIZE(writer->states), output.data, output.size, 1);
}

static void wrote(struct wire_writer *writer, bool good) {
    writer->failed = writer->failed || !good;
}

void wire_write_list(struct wire_writer *writer, size_t count) {
    wrote(writer, !writer->failed && zcbor_list_start_encode(writer->states, count));
}

void wire_write_list_end(struct wire_writer *writer, size_t count) {
    wrote(writer, !writer->failed && zcbor_list_end_encode(writer->states, count));
}

void wire_write_map(struct wire_writer *writer, size_t count) {
    wrote(writer, !writer->failed && zcbor_map_start_encode(writer->states, count));
}

void wire_write_map_end(struct wire_writer *writer, size_t count) {
    wrote(writer, !writer->failed && zcbor_map_end_encode(writer->states, count));
}

void wire_write_uint(struct wire_writer *writer, uint64_t value) {
    wrote(writer, !writer->failed && zcbor_uint64_put(writer->states, value));
}

void wire_write_float(struct wire_writer *writer, double value) {
    wrote(writer, !writer->failed && zcbor_float64_put(writer->states, value));
}

void wire_write_bool(struct wire_writer *writer, bool value) {
    wrote(writer, !writer->failed && zcbor_bool_put(writer->states, value));
}

void wire_write_null(struct wire_writer *writer) {
    wrote(writer, !writer->failed && zcbor_nil_put(writer->states, NULL));
}

void wire_write_text(struct wire_writer *writer, const char *text) {
    wrote(writer, !writer->failed && zcbor_tstr_encode_ptr(writer->states, text, strlen(text)));
}

void wire_write_bytes(struct wire_writer *writer, struct bytes value) {
    struct zcbor_string string = {value.data, value.size};
    wrote(writer, !writer->failed && zcbor_bstr_encode(writer->states, &string));
}

void wire_write_trace(struct wire_writer *writer, uint64_t trace) {
    uint8_t octets[8];
    for (unsigned i = 0; i < 8; i++) {
        octets[i] = (uint8_t)(trace >> (8 * (7 - i)));
    }
    wire_write_bytes(writer, (struct bytes){octets, sizeof octets});
}

enum error wire_writer_finish(const struct wire_writer *writer, size_t *size) {
    if (writer->failed) {
        return ERROR_TOO_LARGE;
    }
    *size = (size_t)(writer->states[0].payload - writer->begin);
    return ERROR_NONE;
}

static double half_to_double(uint16_t half) {
    int exponent = (half >> 10) & 0x1f;
    double mantissa = half & 0x3ff;
    double value = exponent == 0    ? ldexp(mantissa, -24)
                   : exponent != 31 ? ldexp(mantissa + 1024, exponent - 25)
                                    : (mantissa == 0 ? (double)INFINITY : (double)NAN);
    return (half & 0x8000) != 0 ? -value : value;
}

static uint64_t big_endian(const uint8_t *data, unsigned size) {
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value = value << 8 | data[i];
    }
    return value;
}

bool wire_number(struct bytes message, double *out) {
    if (message.size == 0) {
        return false;
    }
    unsigned major = message.data[0] >> 5;
    unsigned additional = message.data[0] & 0x1f;
    unsigned size = additional < 24 ? 0 : additional < 28 ? 1u << (additional - 24) : 99;
    if (message.size != size + 1u || (major != 0 && major != 1 && major != 7)) {
        return false;
    }
    uint64_t value = size == 0 ? additional : big_endian(message.data + 1, size);
    if (major == 0) {
        *out = (double)value;
        return true;
    }
    if (major == 1) {
        *out = -1.0 - (double)value;
        return true;
    }
    if (size == 2) {
        *out = half_to_double((uint16_t)value);
    } else if (size == 4) {
        uint32_t bits = (uint32_t)value;
        float narrow;
        memcpy(&narrow, &bits, sizeof narrow);
        *out = (double)narrow;
    } else if (size == 8) {
        memcpy(out, &value, sizeof *out);
    } else {
        return false;
    }
    return true;
}

bool wire_is_null(struct bytes message) {
    return message.size == 1 && message.data[0] == 0xf6;
}

bool wire_is_item(struct bytes message) {
    double number;
    if (message.size == 1 && message.data[0] >= 0xf4 && message.data[0] <= 0xf6) {
        return true;
    }
    if (wire_number(message, &number)) {
        return true;
    }
    ZCBOR_STATE_D(state, 0, message.data, message.size, 1, 0);
    return message.size > 0 && zcbor_any_skip(state, NULL) && state->payload == message.data + message.size;
}

static size_t put_head(uint8_t major, uint64_t value, uint8_t out[9]) {
    unsigned size = value < 24 ? 0 : value <= 0xff ? 1 : value <= 0xffff ? 2 : value <= 0xffffffff ? 4 : 8;
    uint8_t additional = (uint8_t)(size == 0 ? value : size == 1 ? 24 : size == 2 ? 25 : size == 4 ? 26 : 27);
    out[0] = (uint8_t)(major << 5 | additional);
    for (unsigned i = 0; i < size; i++) {
        out[1 + i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
    return 1 + size;
}

size_t wire_put_number(double value, uint8_t out[9]) {
    if (value >= -9007199254740992.0 && value <= 9007199254740992.0 && trunc(value) == value &&
        !(value == 0 && signbit(value))) {
        return value >= 0 ? put_head(0, (uint64_t)value, out) : put_head(1, (uint64_t)(-1.0 - value), out);
    }
    float narrow = (float)value;
    uint64_t bits = 0;
    if (isnan(value) || (double)narrow == value) {
        uint32_t narrow_bits;
        memcpy(&narrow_bits, &narrow, sizeof narrow_bits);
        bits = narrow_bits;
        out[0] = 0xfa;
        for (unsigned i = 0; i < 4; i++) {
            out[1 + i] = (uint8_t)(bits >> (8 * (3 - i)));
        }
        return 5;
    }
    memcpy(&bits, &value, sizeof bits);
    out[0] = 0xfb;
    for (unsigned i = 0; i < 8; i++) {
        out[1 + i] = (uint8_t)(bits >> (8 * (7 - i)));
    }
    return 9;
}
