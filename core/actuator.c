#include "core/actuator.h"

#include "core/assert.h"
#include "core/wire.h"

enum error actuator_safe(struct actuator *actuator, struct bytes value) {
    if (value.size > ACTUATOR_VALUE_SIZE_MAX) {
        return ERROR_TOO_LARGE;
    }
    actuator->safe_size = (uint8_t)value.size;
    if (value.size > 0) {
        memcpy(actuator->safe, value.data, value.size);
    }
    return ERROR_NONE;
}

enum error actuator_command(struct actuator *actuator, uint64_t now_ms, uint32_t priority, struct bytes value,
                            uint64_t expires_ms, uint32_t link, uint64_t trace) {
    ASSERT(priority >= 1 && priority <= PRIORITY_COUNT);
    if (value.size > ACTUATOR_VALUE_SIZE_MAX) {
        return ERROR_TOO_LARGE;
    }
    if (expires_ms <= now_ms) {
        return ERROR_EXPIRED;
    }
    struct actuator_slot *slot = &actuator->slots[priority - 1];
    if (wire_is_null(value)) {
        slot->live = false;
        return ERROR_NONE;
    }
    *slot = (struct actuator_slot){
        .live = true, .size = (uint8_t)value.size, .expires_ms = expires_ms, .trace = trace, .link = link};
    memcpy(slot->value, value.data, value.size);
    return ERROR_NONE;
}

uint32_t actuator_expire(struct actuator *actuator, uint64_t now_ms) {
    uint32_t ended = 0;
    for (uint32_t i = 0; i < PRIORITY_COUNT; i++) {
        struct actuator_slot *slot = &actuator->slots[i];
        if (slot->live && slot->expires_ms <= now_ms) {
            slot->live = false;
            ended++;
        }
    }
    return ended;
}

struct bytes actuator_value(const struct actuator *actuator, uint32_t *priority) {
    for (uint32_t i = 0; i < PRIORITY_COUNT; i++) {
        if (actuator->slots[i].live) {
            *priority = i + 1;
            return (struct bytes){actuator->slots[i].value, actuator->slots[i].size};
        }
    }
    *priority = 0;
    return (struct bytes){actuator->safe, actuator->safe_size};
}

uint64_t actuator_deadline(const struct actuator *actuator) {
    uint64_t earliest = UINT64_MAX;
    for (uint32_t i = 0; i < PRIORITY_COUNT; i++) {
        if (actuator->slots[i].live && actuator->slots[i].expires_ms < earliest) {
            earliest = actuator->slots[i].expires_ms;
        }
    }
    return earliest;
}
