// Writes octets one after the other into the caller's buffer, with a sticky overflow, checked once at the end.
#ifndef TENON_CORE_PEN_H
#define TENON_CORE_PEN_H

#include "core/bytes.h"
#include "core/decimal.h"

struct pen {
    struct buffer paper;
    size_t size;   // written so far
    bool overflow; // something did not fit; nothing was written since
};

static inline struct pen pen_start(struct buffer paper) {
    return (struct pen){.paper = paper};
}

static inline void pen_bytes(struct pen *pen, struct bytes bytes) {
    pen->overflow = pen->overflow || bytes.size > pen->paper.size - pen->size;
    if (!pen->overflow && bytes.size > 0) {
        memcpy(pen->paper.data + pen->size, bytes.data, bytes.size);
        pen->size += bytes.size;
    }
}

static inline void pen_octet(struct pen *pen, unsigned octet) {
    const uint8_t one[1] = {(uint8_t)octet};
    pen_bytes(pen, (struct bytes){one, 1});
}

static inline void pen_text(struct pen *pen, const char *text) {
    pen_bytes(pen, bytes_of_text(text));
}

// Nothing for infinities and NaN.
static inline void pen_decimal(struct pen *pen, double value) {
    char text[DECIMAL_TEXT_SIZE_MAX];
    size_t size = decimal_put(value, text);
    pen_bytes(pen, (struct bytes){(const uint8_t *)text, size});
}

#endif
