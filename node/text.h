// Text and JSON into a fixed buffer, with a sticky overflow.
#ifndef TENON_NODE_TEXT_H
#define TENON_NODE_TEXT_H

#include "core/bytes.h"

struct text {
    char *data;
    size_t capacity;
    size_t size;
    bool overflow;
};

void text_start(struct text *text, char *data, size_t capacity);
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
// A JSON string with quotes and escapes (RFC 8259 §7).
void text_add_json(struct text *text, const char *value);
// A CBOR item as JSON: number, boolean, text or null; anything else as a hexadecimal string.
void text_add_item(struct text *text, struct bytes item);

#endif
