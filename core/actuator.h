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
// Commands that live at one actuator at the same time. With fewer than PRIORITY_COUNT, a command that finds no place takes that
// of the lowest-ranking one, if it outranks it.
#ifndef ACTUATOR_SLOTS_MAX
#define ACTUATOR_SLOTS_MAX PRIORITY_COUNT
#endif

struct actuator_slot {
    uint8_t priority; // 1-16; 0: free
    uint8_t size;
    uint64_t expires_ms;
    uint64_t trace;
    uint32_t link;
    uint8_t value[ACTUATOR_VALUE_SIZE_MAX];
};

struct actuator {
    struct actuator_slot slots[ACTUATOR_SLOTS_MAX]; // in no order
    uint8_t safe_size;
    uint8_t safe[ACTUATOR_VALUE_SIZE_MAX];
};

// Sets the value underneath; size 0 for none. ERROR_TOO_LARGE.
MUST_CHECK enum error actuator_safe(struct actuator *actuator, struct bytes value);

// Puts a command, or relinquishes the priority when `value` is CBOR null. ERROR_TOO_LARGE, ERROR_EXPIRED, ERROR_FULL
// (every place is taken by commands that outrank it): nothing changed.
MUST_CHECK enum error actuator_command(struct actuator *actuator, uint64_t now_ms, uint32_t priority, struct bytes value,
                                       uint64_t expires_ms, uint32_t link, uint64_t trace);

// The live command of a priority, or NULL.
const struct actuator_slot *actuator_find(const struct actuator *actuator, uint32_t priority);

// The priority whose command would give its place to one of this priority; 0 for none.
uint32_t actuator_gives_way(const struct actuator *actuator, uint32_t priority);

// Ends the command of a priority. False when none lived.
bool actuator_end(struct actuator *actuator, uint32_t priority);

// Ends commands that are over at `now_ms` and returns how many ended.
uint32_t actuator_expire(struct actuator *actuator, uint64_t now_ms);

// What is to be obeyed now: `*priority` is 1-16, or 0 for the safe value. A view into `actuator`; size 0 when there is neither.
struct bytes actuator_value(const struct actuator *actuator, uint32_t *priority);

// The earliest expiry of a live command, UINT64_MAX for none.
uint64_t actuator_deadline(const struct actuator *actuator);

#endif
