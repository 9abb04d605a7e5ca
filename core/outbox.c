// The outbox is a packed array: entries in the order of sending, their bytes one after the other. See outbox.h.
#include "core/outbox.h"

#include "core/assert.h"

void outbox_reset(struct outbox *outbox, uint32_t output_count, uint32_t entries_max) {
    outbox->output_count = output_count;
    outbox->entries_max = entries_max < OUTPUTS_PER_MESSAGE_MAX ? entries_max : OUTPUTS_PER_MESSAGE_MAX;
    outbox->entry_count = 0;
    outbox->used = 0;
    outbox->violation = ERROR_NONE;
}

enum error outbox_violate(struct outbox *outbox, enum error violation) {
    ASSERT(violation != ERROR_NONE);
    if (outbox->violation == ERROR_NONE) {
        outbox->violation = violation;
    }
    return outbox->violation;
}

enum error outbox_append(struct outbox *outbox, uint32_t output, struct bytes message) {
    ASSERT(outbox->entry_count <= outbox->entries_max && outbox->used <= OUTBOX_SIZE_MAX);
    if (outbox->violation != ERROR_NONE) {
        return outbox->violation;
    }
    if (output >= outbox->output_count) {
        return outbox_violate(outbox, ERROR_BAD_PORT);
    }
    if (message.size > MESSAGE_SIZE_MAX) {
        return outbox_violate(outbox, ERROR_TOO_LARGE);
    }
    if (outbox->entry_count == outbox->entries_max || message.size > OUTBOX_SIZE_MAX - outbox->used) {
        return outbox_violate(outbox, ERROR_FLOOD);
    }
    outbox->entries[outbox->entry_count] =
        (struct outbox_entry){.output = (uint16_t)output, .size = (uint16_t)message.size, .offset = outbox->used};
    if (message.size > 0) {
        memcpy(outbox->data + outbox->used, message.data, message.size);
    }
    outbox->used += (uint32_t)message.size;
    outbox->entry_count++;
    return ERROR_NONE;
}
