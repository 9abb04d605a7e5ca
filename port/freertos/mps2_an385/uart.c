// UART 1 of the mps2-an385, beside the one of the log.
#include "port/freertos/board.h"

#define REGISTER(offset) (*(volatile uint32_t *)(0x40005000u + (offset)))
#define UART_DATA REGISTER(0x0)
#define UART_STATE REGISTER(0x4)
#define UART_CONTROL REGISTER(0x8)
#define UART_INTERRUPT REGISTER(0xC)
#define UART_DIVISOR REGISTER(0x10)
#define STATE_TRANSMIT_FULL 1u
#define STATE_RECEIVE_FULL 2u
#define CONTROL_ON 0xBu // transmitter, receiver, its interrupt
#define INTERRUPT 2u
#define NVIC_ENABLE (*(volatile uint32_t *)0xE000E100u)
#define NVIC_DISABLE (*(volatile uint32_t *)0xE000E180u)
#define NVIC_PENDING (*(volatile uint32_t *)0xE000E200u)
#define NVIC_PRIORITY (*(volatile uint8_t *)(0xE000E400u + INTERRUPT))

void Serial_Handler(void);
void Serial_Handler(void) {
    UART_INTERRUPT = 2;
    board_serial_interrupt();
}

void board_uart_listen(bool on) {
    if (on) {
        NVIC_PENDING = 1u << INTERRUPT; // a byte that waits has had its interrupt
        NVIC_ENABLE = 1u << INTERRUPT;
    } else {
        NVIC_DISABLE = 1u << INTERRUPT;
        (void)NVIC_DISABLE; // it holds from the next instruction on
    }
}

bool board_uart_open(void) {
    UART_DIVISOR = 217; // 115,200 baud at 25 MHz
    UART_CONTROL = CONTROL_ON;
    NVIC_PRIORITY = 6 << 5;
    board_uart_listen(true);
    return true;
}

bool board_uart_receive(uint8_t *byte) {
    if ((UART_STATE & STATE_RECEIVE_FULL) == 0) {
        return false;
    }
    *byte = (uint8_t)UART_DATA;
    return true;
}

bool board_uart_send(uint8_t byte) {
    if ((UART_STATE & STATE_TRANSMIT_FULL) != 0) {
        return false;
    }
    UART_DATA = byte;
    return true;
}
