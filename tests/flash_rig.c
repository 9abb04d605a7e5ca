#include "tests/flash_rig.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "port/freertos/file.h"
#include "port/port.h"

uint8_t rig_flash[FLASH_BLOCK_COUNT][FLASH_BLOCK_SIZE];
uint32_t rig_worn[FLASH_BLOCK_COUNT];
uint64_t rig_writes;
static uint64_t power_cut_at = UINT64_MAX; // never
uint64_t rig_weak_write = UINT64_MAX;
static jmp_buf out_of_power;

void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: %s\n", function, expression);
    abort();
}

const uint8_t *flash_block(uint32_t block) {
    return rig_flash[block];
}

// One byte of the flash changes, or the power goes in the midst of it.
static void change(uint8_t *at, uint8_t to) {
    if (rig_writes++ == power_cut_at) {
        *at = (uint8_t)((*at & 0x0f) | (to & 0xf0));
        longjmp(out_of_power, 1);
    }
    *at = to;
}

void flash_erase(uint32_t block) {
    bool erased = true;
    for (uint32_t i = 0; i < FLASH_BLOCK_SIZE && erased; i++) {
        erased = rig_flash[block][i] == 0xff;
    }
    rig_worn[block] += !erased;
    for (uint32_t i = 0; i < FLASH_BLOCK_SIZE && !erased; i += 64) { // in larger steps, or the test would take minutes
        change(&rig_flash[block][i], 0xff);
        memset(rig_flash[block] + i, 0xff, 64);
    }
}

bool flash_program(uint32_t block, uint32_t offset, struct bytes content) {
    bool good = true;
    uint8_t *at = rig_flash[block] + offset;
    for (size_t i = 0; i < content.size; i++) {
        bool weak = rig_writes == rig_weak_write;
        change(at + i, weak ? at[i] : at[i] & content.data[i]);
        good = good && at[i] == content.data[i];
    }
    return good;
}

uint64_t port_entropy64(void) {
    return UINT64_C(0x9e3779b97f4a7c15) * (rig_writes + 1);
}

void rig_fresh_flash(void) {
    memset(rig_flash, 0, sizeof rig_flash); // as QEMU's file: not erased
    memset(rig_worn, 0, sizeof rig_worn);
    rig_writes = 0;
    power_cut_at = rig_weak_write = UINT64_MAX;
    port_files_open();
}

// Runs until the power goes at the write that is `cut` rig_writes away. False when it did.
bool rig_lives(void (*life)(void), uint64_t cut) {
    power_cut_at = rig_writes + cut;
    bool whole = setjmp(out_of_power) == 0;
    if (whole) {
        life();
    }
    power_cut_at = UINT64_MAX;
    return whole;
}
