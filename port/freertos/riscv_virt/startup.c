// Reset, faults and the devices of QEMU's riscv32 `virt` that need no driver: the goldfish clock, SiFive's test device, and the
// interrupt controller (PLIC), which carries the lines of the UART (uart.c) and the network.
#include <stdio.h>

#include "port/freertos/board.h"
#include "port/freertos/riscv_virt/interrupt.h"
#include "port/port.h"

#define CLOCK_LOW (*(volatile uint32_t *)0x00101000u) // nanoseconds since 1970; reading it keeps the upper half
#define CLOCK_HIGH (*(volatile uint32_t *)0x00101004u)
#define TEST_DEVICE (*(volatile uint32_t *)0x00100000u)
#define TEST_DEVICE_RESET 0x7777u
// For interrupts of hart 0 in machine mode.
#define PLIC_PRIORITY(interrupt) (*(volatile uint32_t *)(0x0C000000u + 4 * (interrupt)))
#define PLIC_ENABLE (*(volatile uint32_t *)0x0C002000u)
#define PLIC_THRESHOLD (*(volatile uint32_t *)0x0C200000u)
#define PLIC_CLAIM (*(volatile uint32_t *)0x0C200004u)

extern uint32_t link_data_source, link_data_begin, link_data_end, link_bss_begin, link_bss_end;

int main(void);
void board_start(void);
void board_begin(void);
void board_fault(void);
void freertos_risc_v_trap_handler(void);
// FreeRTOS calls these by their names.
void freertos_risc_v_application_interrupt_handler(uint32_t cause);
void freertos_risc_v_application_exception_handler(uint32_t cause);
void vApplicationIdleHook(void);

uint32_t board_cycles(void) {
    uint32_t cycles;
    __asm volatile("csrr %0, mcycle" : "=r"(cycles));
    return cycles;
}

uint32_t board_unix_s(void) {
    uint64_t low = CLOCK_LOW;
    return (uint32_t)(((uint64_t)CLOCK_HIGH << 32 | low) / 1000000000u);
}

// It has none.
volatile uint32_t *board_leds(void) {
    static volatile uint32_t leds;
    return &leds;
}

void board_reset(void) {
    TEST_DEVICE = TEST_DEVICE_RESET;
    for (;;) {
    }
}

void board_interrupt_enable(uint32_t interrupt) {
    PLIC_PRIORITY(interrupt) = 1;
    PLIC_THRESHOLD = 0;
    PLIC_ENABLE |= 1u << interrupt;
}

void freertos_risc_v_application_interrupt_handler(uint32_t cause) {
    (void)cause; // the timer's is FreeRTOS's, and no other is enabled
    uint32_t interrupt = PLIC_CLAIM;
    if (interrupt == INTERRUPT_SERIAL) {
        board_serial_interrupt();
    } else if (interrupt != 0) {
        board_ethernet_interrupt();
    }
    if (interrupt != 0) {
        PLIC_CLAIM = interrupt;
    }
}

void freertos_risc_v_application_exception_handler(uint32_t cause) {
    char text[48];
    uint32_t at;
    uint32_t address;
    __asm volatile("csrr %0, mepc" : "=r"(at));
    __asm volatile("csrr %0, mtval" : "=r"(address));
    snprintf(text, sizeof text, "fault %u at %x, address %x", (unsigned)cause, (unsigned)at, (unsigned)address);
    port_halt(text, "processor");
}

// When the node sleeps, so does the processor; FreeRTOS calls this again and again.
void vApplicationIdleHook(void) {
    __asm volatile("wfi");
}

// Of what comes before main; then FreeRTOS takes the traps.
__attribute__((aligned(4))) void board_fault(void) {
    port_halt("fault before the start", "processor");
}

__attribute__((used)) void board_begin(void) {
    const uint32_t *from = &link_data_source;
    for (uint32_t *to = &link_data_begin; to < &link_data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = &link_bss_begin; to < &link_bss_end; to++) {
        *to = 0;
    }
    __asm volatile("csrw mtvec, %0" ::"r"(freertos_risc_v_trap_handler));
    (void)main();
    board_reset();
}

__attribute__((naked, used, section(".start"))) void board_start(void) {
    __asm volatile(".option push\n"
                   ".option norelax\n"
                   "la gp, __global_pointer$\n"
                   ".option pop\n"
                   "la sp, link_stack_end\n"
                   "csrw mie, zero\n"
                   "la t0, board_fault\n"
                   "csrw mtvec, t0\n"
                   "j board_begin\n");
}
