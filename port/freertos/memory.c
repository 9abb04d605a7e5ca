// One fixed block, given out from its beginning; nothing comes back, for a node that closes on a board starts the board anew.
#include <FreeRTOS.h>
#include <task.h>

#include "port/port.h"

#define MEMORY_ALIGNMENT 8u

static _Alignas(MEMORY_ALIGNMENT) uint8_t memory_block[PORT_MEMORY_BYTES];
static size_t memory_used;

void *port_memory_take(size_t size) {
    size_t rounded = (size + MEMORY_ALIGNMENT - 1) & ~(size_t)(MEMORY_ALIGNMENT - 1);
    if (rounded < size || rounded > sizeof memory_block - memory_used) {
        return NULL;
    }
    memory_used += rounded;
    return memory_block + memory_used - rounded; // never used before, so it is zero
}

void port_memory_give(void *memory, size_t size) {
    (void)memory;
    (void)size;
}

bool port_stack(uint32_t *size, uint32_t *most) {
    *size = FIRMWARE_STACK_BYTES;
    *most = FIRMWARE_STACK_BYTES - (uint32_t)(uxTaskGetStackHighWaterMark(NULL) * sizeof(StackType_t));
    return true;
}
