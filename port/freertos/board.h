// The board as the files of this port see it: Arm's mps2-an385 (Cortex-M3) as QEMU has it. Another board is another copy of
// startup.c, link.ld and this header, and a driver for its network controller beside lan9118.c.
#ifndef TENON_PORT_FREERTOS_BOARD_H
#define TENON_PORT_FREERTOS_BOARD_H

#include "core/bytes.h"

// --- flash ---------------------------------------------------------------------------------------------------------------
// The emulated board has no flash that a program can write, so a part of its PSRAM is treated as one: readable in place,
// erased in whole blocks to 0xff, and programming only clears bits. QEMU keeps it in a file of the host (-object
// memory-backend-file), so that it outlives a power cut, which is what killing QEMU is.

#define FLASH_BASE 0x21000000u
#define FLASH_BLOCK_SIZE 4096u
#define FLASH_BLOCK_COUNT 128u
// One for what the installer wrote (firmware/configuration.c), two journals in turn, files in between.
#define FLASH_CONFIGURATION_BLOCK 0u
#define FLASH_FILES_FIRST 1u
#define FLASH_FILES_COUNT 95u
#define FLASH_JOURNAL_FIRST 96u
#define FLASH_JOURNAL_COUNT 16u // each

// The bytes of a block, to be read in place.
const uint8_t *flash_block(uint32_t block);
// All bits to 1. A block that is erased already is left alone, which spares it.
void flash_erase(uint32_t block);
// Clears bits. False when a bit that is 0 already ought to be 1: the place was not erased.
bool flash_program(uint32_t block, uint32_t offset, struct bytes content);

// --- network -------------------------------------------------------------------------------------------------------------

// Brings the interface up with the address, mask and gateway ("10.0.2.15", "255.255.255.0", "10.0.2.2"). False for text that
// is no address, or without the controller. Once, from the node's task, before the first socket.
bool board_network_open(const char *address, const char *mask, const char *gateway);
// Datagrams from and to the host `here` carry the address `in_plan` above the port. For QEMU's user network, which shows the
// loopback addresses of its host, where the other nodes of a test are, as 10.0.2.2.
bool board_network_alias(const char *here, const char *in_plan);
// Hands lwIP what has arrived.
void board_network_poll(void);
// Sleeps until a frame arrives or so many milliseconds have passed.
void board_network_sleep(uint32_t timeout_ms);

// --- the rest ------------------------------------------------------------------------------------------------------------

// Seconds since 1970 of whatever real-time clock there is; 0 for none. QEMU gives its host's (semihosting SYS_TIME).
uint32_t board_unix_s(void);
// A counter of processor cycles, or of anything as fast.
uint32_t board_cycles(void);
// One character of the log.
void board_put(char letter);
_Noreturn void board_reset(void);

// Says what cannot be and starts the board anew.
_Noreturn void port_halt(const char *what, const char *where);

#endif
