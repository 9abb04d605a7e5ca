// A flash for tests on the host: it counts its writes and loses power at one of them, for good, with half of a byte's bits
// changed. Port and entropy are there too, so that file.c, journal.c and store.c run over it.
#ifndef TENON_TESTS_FLASH_RIG_H
#define TENON_TESTS_FLASH_RIG_H

#include "port/freertos/flash.h"

extern uint8_t rig_flash[FLASH_BLOCK_COUNT][FLASH_BLOCK_SIZE];
extern uint32_t rig_worn[FLASH_BLOCK_COUNT]; // erases of each block
extern uint64_t rig_writes;                  // so far
extern uint64_t rig_weak_write;              // the one that does not take; UINT64_MAX for none

// A flash that is new and not erased, as QEMU's file, with its files opened.
void rig_fresh_flash(void);
// Runs `life` until the power goes at the write that is `cut` writes away. False when it did.
bool rig_lives(void (*life)(void), uint64_t cut);

#endif
