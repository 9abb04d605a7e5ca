// The last message at each port of each task, for whoever looks from outside (GET p/<task>/<port>). No part of delivery.
//
// A hash table without chains: a key is looked for at PROBES places, and when all are taken by others, the value that is oldest
// makes room and is counted. Values over PORT_VALUE_INLINE bytes are in a few larger places, taken in turn. Memory is the
// caller's; without any (value_count 0) nothing is kept and nothing found.
#ifndef TENON_CORE_PORT_VALUES_H
#define TENON_CORE_PORT_VALUES_H

#include "core/bytes.h"
#include "core/error.h"
#include "core/limits.h"

// A number, a boolean, a short text: with the rest of the row one cache line.
#ifndef PORT_VALUE_INLINE
#define PORT_VALUE_INLINE 44
#endif

struct port_value {
    uint64_t key; // 0 for a free row
    uint64_t updated_ms;
    uint16_t size;
    uint16_t large; // 1 + index of the larger place; 0: the value is here
    uint8_t data[PORT_VALUE_INLINE];
};

struct port_value_large {
    uint64_t key;
    uint8_t data[MESSAGE_SIZE_MAX];
};

struct port_values {
    struct port_value *values;
    uint32_t value_count; // a power of two, or 0
    struct port_value_large *larges;
    uint32_t large_count; // at most UINT16_MAX - 1
    uint32_t next_large;
    uint64_t evicted;
};

// Keys: of a task by its name, then of one of its ports. Never 0.
uint64_t port_values_task(const char *task);
uint64_t port_values_key(uint64_t task, bool output, uint32_t port);

// `value` is copied. Over MESSAGE_SIZE_MAX it is not kept.
void port_values_put(struct port_values *values, uint64_t key, struct bytes value, uint64_t now_ms);

// The view lives until the next put. ERROR_NOT_FOUND: none is known; ERROR_FULL: it was long and its place went to another.
MUST_CHECK enum error port_values_get(const struct port_values *values, uint64_t key, struct bytes *value,
                                      uint64_t *updated_ms);

#endif
