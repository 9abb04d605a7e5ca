// port/freertos/flash.h for the simulator: the flash of the current host.
#include "sim/flash.h"

#include <stdlib.h>

#include "core/assert.h"
#include "sim/sim.h"

#define FLASH_SIZE ((size_t)FLASH_BLOCK_COUNT * FLASH_BLOCK_SIZE)
// What the power cut finds under way at one time: a word, or a page of a chip that programs it together.
#define WORD_SIZE 4u
#define PAGE_SIZE 256u
#define ROW_SIZE 64u
// Erasing takes a hundred times as long as programming and draws the most current: power that fails by chance fails in it so
// many times more often than a program does.
#define ERASE_HAZARD 25u

struct sim_flash *sim_flash_make(uint64_t seed, uint64_t purpose) {
    struct sim_flash *flash = calloc(1, sizeof *flash);
    ASSERT(flash != NULL);
    flash->bytes = malloc(FLASH_SIZE);
    flash->before = malloc(FLASH_SIZE);
    ASSERT(flash->bytes != NULL && flash->before != NULL);
    memset(flash->bytes, 0xff, FLASH_SIZE);
    flash->random = random_start(seed, purpose);
    return flash;
}

void sim_flash_replace(struct sim_flash *flash) {
    memset(flash->bytes, 0xff, FLASH_SIZE);
    memset(flash->worn, 0, sizeof flash->worn);
    flash->before_size = 0;
}

void sim_flash_lose_last(struct sim_flash *flash) {
    memcpy(flash->bytes + flash->before_at, flash->before, flash->before_size);
    flash->before_size = 0;
}

void sim_flash_free(struct sim_flash *flash) {
    if (flash != NULL) {
        free(flash->bytes);
        free(flash->before);
        free(flash);
    }
}

static struct sim_flash *current(void) {
    struct sim_flash *flash = host_current()->flash;
    ASSERT(flash != NULL);
    return flash;
}

const uint8_t *flash_block(uint32_t block) {
    ASSERT(block < FLASH_BLOCK_COUNT);
    return current()->bytes + (size_t)block * FLASH_BLOCK_SIZE;
}

// --- cut in the midst ----------------------------------------------------------------------------------------------------

static uint8_t some_bits(struct sim_flash *flash) {
    return (uint8_t)random_next(&flash->random);
}

// At least one bit that was to be cleared is not: otherwise it would not have been cut.
static void program_torn(struct sim_flash *flash, uint8_t *at, struct bytes content) {
    size_t unit = random_chance(&flash->random, 500000) ? WORD_SIZE : PAGE_SIZE;
    size_t cut = random_below(&flash->random, content.size / unit + 1) * unit;
    flash->torn_programs++;
    size_t last = 0;
    uint8_t open = 0; // bits of byte `last` that it was to clear
    for (size_t i = 0; i < content.size && i < cut + unit; i++) {
        uint8_t clears = (uint8_t)(at[i] & ~content.data[i]);
        last = clears != 0 ? i : last;
        open = clears != 0 ? clears : open;
        at[i] = (uint8_t)(at[i] & ~(i < cut ? clears : clears & some_bits(flash)));
    }
    bool whole = open != 0;
    for (size_t i = 0; i < content.size && whole; i++) {
        whole = (at[i] & ~content.data[i]) == 0;
    }
    if (whole) {
        at[last] = (uint8_t)(at[last] | open);
    }
}

static void erase_torn(struct sim_flash *flash, uint8_t *block) {
    uint32_t manner = (uint32_t)random_below(&flash->random, 3);
    size_t end = random_below(&flash->random, FLASH_BLOCK_SIZE);
    bool row = false;
    flash->torn_erases++;
    for (size_t i = 0; i < FLASH_BLOCK_SIZE; i++) {
        row = i % ROW_SIZE == 0 ? random_chance(&flash->random, 500000) : row;
        uint8_t sets = manner == 0 ? some_bits(flash) : (manner == 1 ? i < end : row) ? 0xff : 0;
        block[i] = (uint8_t)(block[i] | sets);
    }
}

// --- as the port sees it -------------------------------------------------------------------------------------------------

void flash_erase(uint32_t block) {
    struct host *host = host_current();
    struct sim_flash *flash = current();
    ASSERT(block < FLASH_BLOCK_COUNT);
    uint8_t *at = flash->bytes + (size_t)block * FLASH_BLOCK_SIZE;
    bool erased = true;
    for (size_t i = 0; i < FLASH_BLOCK_SIZE && erased; i++) {
        erased = at[i] == 0xff;
    }
    if (erased || host->dead) {
        return;
    }
    if (random_chance(&flash->random, ERASE_HAZARD * host->storage.fail_ppm)) {
        host->countdown = 1;
    }
    if (!host_effect(host, "erase a block")) {
        erase_torn(flash, at);
        flash->worn[block]++;
    } else if (!host->storage.full) {
        memset(at, 0xff, FLASH_BLOCK_SIZE);
        flash->worn[block]++;
    }
}

static void remember(struct sim_flash *flash, size_t at, size_t size) {
    flash->before_at = at;
    flash->before_size = size;
    memcpy(flash->before, flash->bytes + at, size);
}

bool flash_program(uint32_t block, uint32_t offset, struct bytes content) {
    struct host *host = host_current();
    struct sim_flash *flash = current();
    size_t place = (size_t)block * FLASH_BLOCK_SIZE + offset;
    ASSERT(place + content.size <= FLASH_SIZE);
    uint8_t *at = flash->bytes + place;
    if (host->dead) {
        return true; // nobody is left to hear it
    }
    if (!host_effect(host, "program its flash")) {
        program_torn(flash, at, content);
        return true;
    }
    if (host->storage.full) {
        return false;
    }
    if (random_chance(&host->sim->faults.random, host->storage.fail_ppm)) {
        program_torn(flash, at, content);
        return false;
    }
    if (host->sim->options.sabotage == SABOTAGE_CACHE) {
        remember(flash, place, content.size);
    }
    bool good = true;
    for (size_t i = 0; i < content.size; i++) {
        at[i] = at[i] & content.data[i];
        good = good && at[i] == content.data[i];
    }
    return good;
}
