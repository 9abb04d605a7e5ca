// The outputs of the message in hand. `send` only appends here; nothing leaves before the handler has returned well.
//
// Fixed memory, given by the caller; reset before each message. The first violation sticks: later appends fail too, and the
// whole message's work is discarded by the task.
#ifndef TENON_CORE_OUTBOX_H
#define TENON_CORE_OUTBOX_H

#include "core/bytes.h"
#include "core/error.h"
#include "core/limits.h"

struct outbox_entry {
    uint16_t output;
    uint16_t size;
    uint32_t offset; // into data
};

struct outbox {
    uint32_t output_count; // outputs that the component has
    uint32_t entries_max;  // from its manifest
    uint32_t entry_count;
    uint32_t used;
    enum error violation; // ERROR_NONE, ERROR_FLOOD, ERROR_BAD_PORT, ERROR_BAD_POINTER, ERROR_TOO_LARGE
    struct outbox_entry entries[OUTPUTS_PER_MESSAGE_MAX];
    uint8_t data[OUTBOX_SIZE_MAX];
};

// Empties the outbox and sets what the next component may do. `entries_max` is cut to OUTPUTS_PER_MESSAGE_MAX.
void outbox_reset(struct outbox *outbox, uint32_t output_count, uint32_t entries_max);

// Appends a copy of `message`. ERROR_BAD_PORT, ERROR_FLOOD, ERROR_TOO_LARGE (over MESSAGE_SIZE_MAX), or the sticky violation.
MUST_CHECK enum error outbox_append(struct outbox *outbox, uint32_t output, struct bytes message);

// Records a violation found by the engine (a wild pointer) and returns it.
enum error outbox_violate(struct outbox *outbox, enum error violation);

static inline struct bytes outbox_message(const struct outbox *outbox, uint32_t index) {
    const struct outbox_entry *entry = &outbox->entries[index];
    return (struct bytes){outbox->data + entry->offset, entry->size};
}

#endif
