#include "node/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/wire.h"

void text_start(struct text *text, char *data, size_t capacity) {
    *text = (struct text){data, capacity, 0, false};
}

void text_add(struct text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t room = text->capacity - text->size;
    int count = vsnprintf(text->data + text->size, room, format, arguments);
    va_end(arguments);
    if (count < 0 || (size_t)count >= room) {
        text->overflow = true;
        return;
    }
    text->size += (size_t)count;
}

void text_add_json(struct text *text, const char *value) {
    text_add(text, "\"");
    for (const char *at = value; *at != '\0'; at++) {
        unsigned char letter = (unsigned char)*at;
        if (letter == '"' || letter == '\\') {
            text_add(text, "\\%c", letter);
        } else if (letter < 0x20) {
            text_add(text, "\\u%04x", letter);
        } else {
            text_add(text, "%c", letter);
        }
    }
    text_add(text, "\"");
}

static bool item_text(struct bytes item, char *out, size_t size) {
    struct wire_reader reader;
    wire_reader_start(&reader, item);
    wire_read_text(&reader, 0, out, size);
    return wire_reader_finish(&reader) == ERROR_NONE;
}

void text_add_item(struct text *text, struct bytes item) {
    double number = 0;
    char words[64];
    if (item.size == 0 || wire_is_null(item)) {
        text_add(text, "null");
    } else if (wire_number(item, &number)) {
        if (isfinite(number)) {
            text_add(text, "%.10g", number);
        } else {
            text_add(text, "null");
        }
    } else if (item.size == 1 && (item.data[0] == 0xf4 || item.data[0] == 0xf5)) {
        text_add(text, item.data[0] == 0xf5 ? "true" : "false");
    } else if (item_text(item, words, sizeof words)) {
        text_add_json(text, words);
    } else {
        text_add(text, "\"");
        for (size_t i = 0; i < item.size; i++) {
            text_add(text, "%02x", item.data[i]);
        }
        text_add(text, "\"");
    }
}
