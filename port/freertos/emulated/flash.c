// Flash of an emulated board, which has none that a program can write: a part of its memory with the manners of NOR flash. QEMU
// keeps it in a file of the host (-object memory-backend-file), so that it outlives a power cut, which is what killing QEMU is.
#include "port/freertos/flash.h"

#include "core/assert.h"

extern uint8_t link_flash[]; // its place, from the board's link.ld

static uint8_t *place(uint32_t block, uint32_t offset) {
    ASSERT(block < FLASH_BLOCK_COUNT && offset <= FLASH_BLOCK_SIZE);
    return link_flash + block * FLASH_BLOCK_SIZE + offset;
}

const uint8_t *flash_block(uint32_t block) {
    return place(block, 0);
}

void flash_erase(uint32_t block) {
    volatile uint32_t *words = (volatile uint32_t *)(void *)place(block, 0);
    bool erased = true;
    for (uint32_t i = 0; i < FLASH_BLOCK_SIZE / 4 && erased; i++) {
        erased = words[i] == UINT32_MAX;
    }
    for (uint32_t i = 0; i < FLASH_BLOCK_SIZE / 4 && !erased; i++) {
        words[i] = UINT32_MAX;
    }
}

bool flash_program(uint32_t block, uint32_t offset, struct bytes content) {
    volatile uint8_t *at = place(block, offset);
    ASSERT((uint64_t)block * FLASH_BLOCK_SIZE + offset + content.size <= FLASH_BLOCK_COUNT * FLASH_BLOCK_SIZE);
    bool good = true;
    for (size_t i = 0; i < content.size; i++) {
        at[i] = at[i] & content.data[i];
        good = good && at[i] == content.data[i];
    }
    return good;
}
