// Flash as the files and the journal see it: readable in place, erased in whole blocks to 0xff, and programming only clears
// bits.
#ifndef TENON_PORT_FREERTOS_FLASH_H
#define TENON_PORT_FREERTOS_FLASH_H

#include "core/bytes.h"

// A board with another flash says so in its board.cmake (add_compile_definitions).
#ifndef FLASH_BLOCK_COUNT
#define FLASH_BLOCK_SIZE 4096u
#define FLASH_BLOCK_COUNT 128u
// One for what the installer wrote (firmware/configuration.c), two journals in turn, files in between. The journal wears its
// blocks (docs/decisions/0009-wear-of-flash.md), so it has all that files do not need: 63 blocks are ten of the largest
// components twice, and what a start writes.
#define FLASH_CONFIGURATION_BLOCK 0u
#define FLASH_FILES_FIRST 1u
#define FLASH_FILES_COUNT 63u
#define FLASH_JOURNAL_FIRST 64u
#define FLASH_JOURNAL_COUNT 32u // each
#endif

// The bytes of a block, to be read in place.
const uint8_t *flash_block(uint32_t block);
// All bits to 1. A block that is erased already is left alone, which spares it.
void flash_erase(uint32_t block);
// Clears bits. False when a bit that is 0 already ought to be 1: the place was not erased.
bool flash_program(uint32_t block, uint32_t offset, struct bytes content);

#endif
