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

// Its own place, a free one, or that of the lowest-ranking command when that is outranked; else NULL.
static struct actuator_slot *place_for(struct actuator *actuator, uint32_t priority) {
    struct actuator_slot *best = &actuator->slots[0];
    for (uint32_t i = 0; i < ACTUATOR_SLOTS_MAX; i++) {
        struct actuator_slot *slot = &actuator->slots[i];
        if (slot->priority == priority) {
            return slot;
        }
        if (best->priority != 0 && (slot->priority == 0 || slot->priority > best->priority)) {
            best = slot;
        }
    }
    return best->priority == 0 || best->priority > priority ? best : NULL;
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
    if (wire_is_null(value)) {
        (void)actuator_end(actuator, priority);
        return ERROR_NONE;
    }
    struct actuator_slot *slot = place_for(actuator, priority);
    if (slot == NULL) {
        return ERROR_FULL;
    }
    *slot = (struct actuator_slot){
        .priority = (uint8_t)priority, .size = (uint8_t)value.size, .expires_ms = expires_ms, .trace = trace, .link = link};
    memcpy(slot->value, value.data, value.size);
    return ERROR_NONE;
}

uint32_t actuator_gives_way(const struct actuator *actuator, uint32_t priority) {
    uint32_t lowest = 0;
    for (uint32_t i = 0; i < ACTUATOR_SLOTS_MAX; i++) {
        uint32_t held = actuator->slots[i].priority;
        if (held == 0 || held == priority) {
            return 0;
        }
        lowest = held > lowest ? held : lowest;
    }
    return lowest > priority ? lowest : 0;
}

const struct actuator_slot *actuator_find(const struct actuator *actuator, uint32_t priority) {
    for (uint32_t i = 0; i < ACTUATOR_SLOTS_MAX; i++) {
        if (actuator->slots[i].priority == priority) {
            return &actuator->slots[i];
        }
    }
    return NULL;
}

bool actuator_end(struct actuator *actuator, uint32_t priority) {
    for (uint32_t i = 0; i < ACTUATOR_SLOTS_MAX; i++) {
        if (actuator->slots[i].priority == priority) {
            actuator->slots[i].priority = 0;
            return true;
        }
    }
    return false;
}

uint32_t actuator_expire(struct actuator *actuator, uint64_t now_ms) {
    uint32_t ended = 0;
    for (uint32_t i = 0; i < ACTUATOR_SLOTS_MAX; i++) {
        struct actuator_slot *slot = &actuator->slots[i];
        if (slot->priority != 0 && slot->expires_ms <= now_ms) {
            slot->priority = 0;
            ended++;
        }
    }
    return ended;
}

struct bytes actuator_value(const struct actuator *actuator, uint32_t *priority) {
    const struct actuator_slot *first = NULL;
    for (uint32_t i = 0; i < ACTUATOR_SLOTS_MAX; i++) {
        const struct actuator_slot *slot = &actuator->slots[i];
        if (slot->priority != 0 && (first == NULL || slot->priority < first->priority)) {
            first = slot;
        }
    }
    *priority = first == NULL ? 0 : first->priority;
    return first == NULL ? (struct bytes){actuator->safe, actuator->safe_size} : (struct bytes){first->value, first->size};
}

uint64_t actuator_deadline(const struct actuator *actuator) {
    uint64_t earliest = UINT64_MAX;
    for (uint32_t i = 0; i < ACTUATOR_SLOTS_MAX; i++) {
        if (actuator->slots[i].priority != 0 && actuator->slots[i].expires_ms < earliest) {
            earliest = actuator->slots[i].expires_ms;
        }
    }
    return earliest;
}
