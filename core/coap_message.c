#include "core/coap_message.h"

#include "core/assert.h"

#define COAP_VERSION 1
#define PAYLOAD_MARKER 0xff

static const struct bytes nothing = {NULL, 0};

// --- parsing (RFC 7252 §3)
// -----------------------------------------------------------------------------------------------------

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

// A delta or length nibble with its extension (RFC 7252 §3.1; of a token RFC 8974 §2.1): 13 takes one more byte, 14 two, 15 is
// reserved.
static enum error read_extended(struct cursor *cursor, unsigned nibble, uint32_t *out) {
    size_t left = (size_t)(cursor->end - cursor->at);
    if (nibble < 13) {
        *out = nibble;
        return ERROR_NONE;
    }
    if (nibble == 15) {
        return ERROR_MALFORMED;
    }
    if (left < nibble - 12u) {
        return ERROR_TRUNCATED;
    }
    if (nibble == 13) {
        *out = 13u + cursor->at[0];
        cursor->at += 1;
    } else {
        *out = 269u + ((uint32_t)cursor->at[0] << 8 | cursor->at[1]);
        cursor->at += 2;
    }
    return ERROR_NONE;
}

static enum error read_option(struct cursor *cursor, uint32_t *number, struct coap_option *out) {
    uint32_t delta = 0;
    uint32_t size = 0;
    uint8_t head = *cursor->at++;
    enum error error = read_extended(cursor, head >> 4, &delta);
    if (error == ERROR_NONE) {
        error = read_extended(cursor, head & 15u, &size);
    }
    if (error != ERROR_NONE) {
        return error;
    }
    *number += delta;
    if (*number > UINT16_MAX) {
        return ERROR_MALFORMED;
    }
    if (size > (size_t)(cursor->end - cursor->at)) {
        return ERROR_TRUNCATED;
    }
    *out = (struct coap_option){(uint16_t)*number, {cursor->at, size}};
    cursor->at += size;
    return ERROR_NONE;
}

static enum error read_options(struct cursor *cursor, struct coap_message *out) {
    uint32_t number = 0;
    while (cursor->at < cursor->end) {
        if (*cursor->at == PAYLOAD_MARKER) {
            cursor->at++;
            if (cursor->at == cursor->end) {
                return ERROR_MALFORMED; // a marker followed by no payload (RFC 7252 §3)
            }
            out->payload = (struct bytes){cursor->at, (size_t)(cursor->end - cursor->at)};
            return ERROR_NONE;
        }
        if (out->option_count == COAP_OPTIONS_MAX) {
            return ERROR_FULL;
        }
        enum error error = read_option(cursor, &number, &out->options[out->option_count]);
        if (error != ERROR_NONE) {
            return error;
        }
        out->option_count++;
    }
    return ERROR_NONE;
}

enum error coap_message_parse(struct bytes datagram, struct coap_message *out) {
    out->option_count = 0;
    out->token = out->payload = nothing;
    if (datagram.size < 4) {
        return ERROR_TRUNCATED;
    }
    const uint8_t *data = datagram.data;
    out->type = (enum coap_type)(data[0] >> 4 & 3);
    out->code = data[1];
    out->id = (uint16_t)(data[2] << 8 | data[3]);
    struct cursor cursor = {data + 4, data + datagram.size};
    uint32_t token_size = 0;
    enum error error = data[0] >> 6 != COAP_VERSION ? ERROR_MALFORMED : read_extended(&cursor, data[0] & 15u, &token_size);
    if (error != ERROR_NONE || token_size > COAP_TOKEN_SIZE_MAX) {
        return error != ERROR_NONE ? error : ERROR_MALFORMED;
    }
    if ((size_t)(cursor.end - cursor.at) < token_size) {
        return ERROR_TRUNCATED;
    }
    if (out->code == COAP_EMPTY && datagram.size != 4) {
        return ERROR_MALFORMED; // an Empty message has nothing after the id (RFC 7252 §4.1)
    }
    out->token = (struct bytes){cursor.at, token_size};
    cursor.at += token_size;
    return read_options(&cursor, out);
}

const struct coap_option *coap_message_option(const struct coap_message *message, uint16_t number) {
    for (uint32_t i = 0; i < message->option_count; i++) {
        if (message->options[i].number == number) {
            return &message->options[i];
        }
    }
    return NULL;
}

uint32_t coap_message_option_uint(const struct coap_message *message, uint16_t number, uint32_t absent) {
    const struct coap_option *option = coap_message_option(message, number);
    if (option == NULL || option->value.size > 4) {
        return absent;
    }
    uint32_t value = 0;
    for (size_t i = 0; i < option->value.size; i++) {
        value = value << 8 | option->value.data[i];
    }
    return value;
}

enum error coap_message_path(const struct coap_message *message, char *out, size_t out_size) {
    size_t size = 0;
    for (uint32_t i = 0; i < message->option_count; i++) {
        const struct coap_option *option = &message->options[i];
        if (option->number != COAP_OPTION_URI_PATH) {
            continue;
        }
        bool bad = option->value.size > 0 && (memchr(option->value.data, '/', option->value.size) != NULL ||
                                              memchr(option->value.data, '\0', option->value.size) != NULL);
        if (bad) {
            return ERROR_MALFORMED;
        }
        if (size + option->value.size + (size > 0 ? 2 : 1) > out_size) {
            return ERROR_TOO_LARGE;
        }
        if (size > 0) {
            out[size++] = '/';
        }
        if (option->value.size > 0) {
            memcpy(out + size, option->value.data, option->value.size);
            size += option->value.size;
        }
    }
    if (out_size == 0) {
        return ERROR_TOO_LARGE;
    }
    out[size] = '\0';
    return ERROR_NONE;
}

struct bytes coap_message_query(const struct coap_message *message, const char *name) {
    size_t name_size = strlen(name);
    for (uint32_t i = 0; i < message->option_count; i++) {
        const struct coap_option *option = &message->options[i];
        if (option->number == COAP_OPTION_URI_QUERY && option->value.size > name_size && option->value.data[name_size] == '=' &&
            memcmp(option->value.data, name, name_size) == 0) {
            return (struct bytes){option->value.data + name_size + 1, option->value.size - name_size - 1};
        }
    }
    return nothing;
}

// --- building
// ------------------------------------------------------------------------------------------------------------------

static void put(struct coap_builder *builder, const void *data, size_t size) {
    if (builder->error != ERROR_NONE) {
        return;
    }
    if (size > builder->buffer.size - builder->size) {
        builder->error = ERROR_TOO_LARGE;
        return;
    }
    if (size > 0) {
        memcpy(builder->buffer.data + builder->size, data, size);
    }
    builder->size += size;
}

static unsigned extend(uint32_t value, uint8_t *bytes, size_t *count) {
    if (value < 13) {
        return value;
    }
    if (value < 269) {
        bytes[(*count)++] = (uint8_t)(value - 13);
        return 13;
    }
    bytes[(*count)++] = (uint8_t)((value - 269) >> 8);
    bytes[(*count)++] = (uint8_t)(value - 269);
    return 14;
}

void coap_builder_start(struct coap_builder *builder, struct buffer buffer, enum coap_type type, uint8_t code, uint16_t id,
                        struct bytes token) {
    ASSERT(token.size <= COAP_TOKEN_SIZE_MAX);
    *builder = (struct coap_builder){.buffer = buffer};
    uint8_t head[6] = {0, code, (uint8_t)(id >> 8), (uint8_t)id};
    size_t count = 4;
    head[0] = (uint8_t)(COAP_VERSION << 6 | (unsigned)type << 4 | extend((uint32_t)token.size, head, &count));
    put(builder, head, count);
    put(builder, token.data, token.size);
}

void coap_builder_option(struct coap_builder *builder, uint16_t number, struct bytes value) {
    ASSERT(number >= builder->last_option);
    if (value.size > UINT16_MAX) {
        builder->error = ERROR_TOO_LARGE;
        return;
    }
    uint8_t head[5];
    size_t count = 1;
    unsigned delta = extend((uint32_t)(number - builder->last_option), head, &count);
    unsigned size = extend((uint32_t)value.size, head, &count);
    head[0] = (uint8_t)(delta << 4 | size);
    put(builder, head, count);
    put(builder, value.data, value.size);
    builder->last_option = number;
}

void coap_builder_option_uint(struct coap_builder *builder, uint16_t number, uint32_t value) {
    uint8_t octets[4];
    size_t count = value == 0 ? 0 : value <= 0xff ? 1 : value <= 0xffff ? 2 : value <= 0xffffff ? 3 : 4;
    for (size_t i = 0; i < count; i++) {
        octets[i] = (uint8_t)(value >> (8 * (count - 1 - i)));
    }
    coap_builder_option(builder, number, (struct bytes){octets, count});
}

void coap_builder_path(struct coap_builder *builder, const char *path) {
    const char *at = path;
    while (*at != '\0') {
        size_t size = strcspn(at, "/");
        coap_builder_option(builder, COAP_OPTION_URI_PATH, (struct bytes){(const uint8_t *)at, size});
        at += size;
        at += *at == '/';
    }
}

void coap_builder_payload(struct coap_builder *builder, struct bytes payload) {
    static const uint8_t marker[1] = {PAYLOAD_MARKER};
    if (payload.size > 0) {
        put(builder, marker, 1);
        put(builder, payload.data, payload.size);
    }
}

enum error coap_builder_finish(const struct coap_builder *builder, size_t *size) {
    *size = builder->size;
    return builder->error;
}
