#include "core/outbox.h"

void outbox_reset(struct outbox *outbox, uint32_t output_count, uint32_t entries_max) {
    outbox->output_count = output_count;
    outbox->entries_max = entries_max < OUTPUTS_PER_MESSAGE_MAX ? entries_max : OUTPUTS_PER_MESSAGE_MAX;
    outbox->entry_count = 0;
    outbox->used = 0;
    outbox->violation = ERROR_NONE;
}

enum error outbox_violate(struct outbox *outbox, enum error violation) {
    if (outbox->violation == ERROR_NONE) {
        outbox->violation = violation;
    }
    return outbox->violation;
}

enum error outbox_append(struct outbox *outbox, uint32_t output, struct bytes message) {
    if (outbox->violation != ERROR_NONE) {
        return outbox->violation;
    }
    if (output >= outbox->output_count) {
        return outbox_violate(outbox, ERROR_BAD_PORT);
    }
    if (message.size == 0 || message.size > MESSAGE_SIZE_MAX) {
        return outbox_violate(outbox, ERROR_TOO_LARGE);
    }
    if (outbox->entry_count >= outbox->entries_max || message.size > OUTBOX_SIZE_MAX - outbox->used) {
        return outbox_violate(outbox, ERROR_FLOOD);
    }
    outbox->entries[outbox->entry_count++] = (struct outbox_entry){(uint16_t)output, (uint16_t)message.size, outbox->used};
    memcpy(outbox->data + outbox->used, message.data, message.size);
    outbox->used += (uint32_t)message.size;
    return ERROR_NONE;
}
