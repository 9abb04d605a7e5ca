// Arbitration of commands at one actuator, as BACnet's priority arrays do it (ASHRAE 135 §19.2): the live command with the
// highest priority (1 is highest) is obeyed; a command lives until its expiry or until it is relinquished; underneath lies the
// safe value.
//
// Pure: no memory but its own, times are building milliseconds given by the caller.
#ifndef TENON_CORE_ACTUATOR_H
#define TENON_CORE_ACTUATOR_H

#include "core/bytes.h"
#include "core/error.h"

#define PRIORITY_COUNT 16
// A command's value: a number, a boolean or a short text.
#ifndef ACTUATOR_VALUE_SIZE_MAX
#define ACTUATOR_VALUE_SIZE_MAX 32
#endif

struct actuator_slot {
    bool live;
    uint8_t size;
    uint64_t expires_ms;
    uint64_t trace;
    uint32_t link;
    uint8_t value[ACTUATOR_VALUE_SIZE_MAX];
};

struct actuator {
    struct actuator_slot slots[PRIORITY_COUNT]; // slots[p - 1] for priority p
    uint8_t safe_size;
    uint8_t safe[ACTUATOR_VALUE_SIZE_MAX];
};

// Sets the value underneath; size 0 for none. ERROR_TOO_LARGE.
MUST_CHECK enum error actuator_safe(struct actuator *actuator, struct bytes value);

// Puts a command, or relinquishes the priority when `value` is CBOR null. ERROR_TOO_LARGE, ERROR_EXPIRED (nothing changed).
MUST_CHECK enum error actuator_command(struct actuator *actuator, uint64_t now_ms, uint32_t priority, struct bytes value,
                                       uint64_t expires_ms, uint32_t link, uint64_t trace);

// Ends commands that are over at `now_ms` and returns how many ended.
uint32_t actuator_expire(struct actuator *actuator, uint64_t now_ms);

// What is to be obeyed now: `*priority` is 1-16, or 0 for the safe value. A view into `actuator`; size 0 when there is neither.
struct bytes actuator_value(const struct actuator *actuator, uint32_t *priority);

// The earliest expiry of a live command, UINT64_MAX for none.
uint64_t actuator_deadline(const struct actuator *actuator);

#endif
