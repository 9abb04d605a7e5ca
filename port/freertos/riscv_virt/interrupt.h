// What the start of this board and its network driver know of each other.
#ifndef TENON_PORT_FREERTOS_RISCV_VIRT_INTERRUPT_H
#define TENON_PORT_FREERTOS_RISCV_VIRT_INTERRUPT_H

#include <stdint.h>

// Lets the one interrupt through to board_ethernet_interrupt.
void board_interrupt_enable(uint32_t interrupt);
void board_ethernet_interrupt(void);

#endif
