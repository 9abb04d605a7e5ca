// What the start of this board and its drivers know of each other.
#ifndef TENON_PORT_FREERTOS_RISCV_VIRT_INTERRUPT_H
#define TENON_PORT_FREERTOS_RISCV_VIRT_INTERRUPT_H

#include <stdint.h>

// Of the UART; any other is the network's.
#define INTERRUPT_SERIAL 10u

// Lets the interrupt through to board_serial_interrupt or board_ethernet_interrupt.
void board_interrupt_enable(uint32_t interrupt);
void board_ethernet_interrupt(void);

#endif
