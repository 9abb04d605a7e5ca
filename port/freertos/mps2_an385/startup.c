// Reset, faults and the few devices of the mps2-an385 that need no driver: UART 0, the cycle counter, semihosting.
#include "port/freertos/board.h"

#define UART_DATA (*(volatile uint32_t *)0x40004000u)
#define UART_STATE (*(volatile uint32_t *)0x40004004u)
#define UART_CONTROL (*(volatile uint32_t *)0x40004008u)
#define UART_DIVISOR (*(volatile uint32_t *)0x40004010u)
#define UART_TRANSMIT_FULL 1u
#define UART_TRANSMIT_ENABLE 1u
#define FPGAIO_LEDS ((volatile uint32_t *)0x40028000u)
#define FPGAIO_COUNTER (*(volatile uint32_t *)0x40028018u) // counts at 25 MHz
#define FPGAIO_PRESCALE (*(volatile uint32_t *)0x4002801Cu)
#define SCB_VECTORS (*(volatile uint32_t *)0xE000ED08u)
#define SCB_RESET (*(volatile uint32_t *)0xE000ED0Cu)
#define SCB_RESET_KEY_AND_REQUEST 0x05FA0004u
#define SEMIHOSTING_TIME 0x11u
#define INTERRUPT_COUNT 32
#define INTERRUPT_SERIAL 2
#define INTERRUPT_NETWORK 13

extern uint32_t link_stack_end, link_data_source, link_data_begin, link_data_end, link_bss_begin, link_bss_end;

int main(void);
void Reset_Handler(void);
void Fault_Handler(void);
void Unexpected_Handler(void);
void SVC_Handler(void);
void PendSV_Handler(void);
void SysTick_Handler(void);
void Serial_Handler(void);
void Network_Handler(void);

void board_put(char letter) {
    while ((UART_STATE & UART_TRANSMIT_FULL) != 0) {
    }
    UART_DATA = (uint8_t)letter;
}

uint32_t board_cycles(void) {
    return FPGAIO_COUNTER;
}

volatile uint32_t *board_leds(void) {
    return FPGAIO_LEDS;
}

// The host's clock, by semihosting.
uint32_t board_unix_s(void) {
    register uint32_t operation __asm("r0") = SEMIHOSTING_TIME;
    register uint32_t nothing __asm("r1") = 0;
    __asm volatile("bkpt 0xAB" : "+r"(operation) : "r"(nothing) : "memory");
    return operation;
}

void board_reset(void) {
    SCB_RESET = SCB_RESET_KEY_AND_REQUEST;
    for (;;) {
    }
}

void Reset_Handler(void) {
    const uint32_t *from = &link_data_source;
    for (uint32_t *to = &link_data_begin; to < &link_data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = &link_bss_begin; to < &link_bss_end; to++) {
        *to = 0;
    }
    UART_DIVISOR = 16;
    UART_CONTROL = UART_TRANSMIT_ENABLE;
    FPGAIO_PRESCALE = 0;
    (void)main();
    board_reset();
}

// When the node sleeps, so does the processor; FreeRTOS calls this again and again.
void vApplicationIdleHook(void);
void vApplicationIdleHook(void) {
    __asm volatile("wfi");
}

void Fault_Handler(void) {
    port_halt("fault", "processor");
}

void Unexpected_Handler(void) {
    port_halt("unexpected interrupt", "processor");
}

typedef void (*handler)(void);

__attribute__((section(".vectors"), used)) static const handler vectors[16 + INTERRUPT_COUNT] = {
    (handler)&link_stack_end,
    Reset_Handler,
    Unexpected_Handler, // NMI
    Fault_Handler,
    Fault_Handler,
    Fault_Handler,
    Fault_Handler,
    0,
    0,
    0,
    0,
    SVC_Handler,
    Unexpected_Handler, // debug monitor
    0,
    PendSV_Handler,
    SysTick_Handler,
    [16 ... 15 + INTERRUPT_SERIAL] = Unexpected_Handler,
    [16 + INTERRUPT_SERIAL] = Serial_Handler,
    [17 + INTERRUPT_SERIAL... 15 + INTERRUPT_NETWORK] = Unexpected_Handler,
    [16 + INTERRUPT_NETWORK] = Network_Handler,
    [17 + INTERRUPT_NETWORK... 15 + INTERRUPT_COUNT] = Unexpected_Handler,
};
