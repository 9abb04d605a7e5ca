// A pointer with its length, the one way in which Tenon hands octets around.
//
// Neither type owns what it points at. Whoever makes one says how long the memory behind it lives.
#ifndef TENON_CORE_BYTES_H
#define TENON_CORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data;
    size_t size;
};

// A region that the callee may fill. `size` is its capacity in bytes.
struct buffer {
    uint8_t *data;
    size_t size;
};

// Bytes of a NUL-terminated string, without the NUL.
static inline struct bytes bytes_of_text(const char *text) {
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

#endif
