// The flash of one simulated microcontroller: blocks that are erased to 0xff, programming that only clears bits, a counter of
// erases for each block, and power that fails in the midst of either. What runs over it is the firmware's own code
// (port/freertos/file.c and journal.c), which reaches it by port/freertos/flash.h as the current host.
//
// A cut program leaves its first bytes, then a word or a page with some of its bits, then nothing. A cut erase leaves the block
// with random bits, erased up to some place, or erased in some of its rows. A flash that refuses (`full`, or by chance) changes
// nothing, or stops in a program as at a power cut, and says so.
#ifndef TENON_SIM_FLASH_H
#define TENON_SIM_FLASH_H

#include "port/freertos/flash.h"
#include "port/freertos/flash_store.h"
#include "sim/random.h"

struct host;

struct sim_flash {
    uint8_t *bytes; // from malloc, FLASH_BLOCK_COUNT blocks
    uint32_t worn[FLASH_BLOCK_COUNT];
    uint64_t torn_programs, torn_erases; // for the report
    struct random random;
    // of the program that runs: gone with it
    struct flash_files files;
    struct flash_journal journal;
    // SABOTAGE_CACHE: what the last program wrote over
    uint8_t *before; // from malloc
    size_t before_at, before_size;
};

// A flash as it leaves its factory.
struct sim_flash *sim_flash_make(uint64_t seed, uint64_t purpose);
// Another device takes this one's place.
void sim_flash_replace(struct sim_flash *flash);
// Takes back the last program, as a write cache would lose it.
void sim_flash_lose_last(struct sim_flash *flash);
void sim_flash_free(struct sim_flash *flash);

#endif
