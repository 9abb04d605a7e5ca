// UART 1 as the second serial line: bytes come by interrupt into a ring. A full ring leaves them to the controller: QEMU then
// holds them back; on a real line they are lost, and the frame that they are of is passed over.
#include <FreeRTOS.h>
#include <task.h>

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
#define NVIC_PRIORITY (*(volatile uint8_t *)(0xE000E400u + INTERRUPT))

#define RING_SIZE 256u // a power of two; some ten steps of a plant
#define SEND_MS_MAX 20 // for one byte

static uint8_t ring[RING_SIZE];
static volatile uint32_t put_count, taken_count, line_count;
static uint8_t line_end;
static TaskHandle_t waiting;

void Serial_Handler(void);
void Serial_Handler(void) {
    BaseType_t woken = pdFALSE;
    UART_INTERRUPT = 2;
    while ((UART_STATE & STATE_RECEIVE_FULL) != 0) {
        if (put_count - taken_count == RING_SIZE && line_count > 0) {
            NVIC_DISABLE = 1u << INTERRUPT; // until a line is taken
            break;
        }
        if (put_count - taken_count == RING_SIZE) {
            taken_count = put_count; // all that without an end is no line
        }
        uint8_t byte = (uint8_t)UART_DATA;
        ring[put_count++ % RING_SIZE] = byte;
        if (byte == line_end) {
            line_count++;
            vTaskNotifyGiveFromISR(waiting, &woken);
        }
    }
    portYIELD_FROM_ISR(woken);
}

bool board_serial_open(uint8_t end) {
    line_end = end;
    waiting = xTaskGetCurrentTaskHandle();
    UART_DIVISOR = 217; // 115,200 baud at 25 MHz
    UART_CONTROL = CONTROL_ON;
    NVIC_PRIORITY = 6 << 5;
    NVIC_ENABLE = 1u << INTERRUPT;
    return true;
}

bool board_serial_waits(void) {
    return line_count > 0;
}

bool board_serial_take(struct buffer out, size_t *size) {
    if (line_count == 0) {
        return false;
    }
    *size = 0;
    for (;;) {
        uint8_t byte = ring[taken_count % RING_SIZE];
        taken_count++;
        if (byte == line_end) {
            break;
        }
        if (*size < out.size) {
            out.data[*size] = byte;
        }
        ++*size;
    }
    taskENTER_CRITICAL();
    line_count--;
    taskEXIT_CRITICAL();
    NVIC_ENABLE = 1u << INTERRUPT;
    return true;
}

bool board_serial_send(struct bytes bytes) {
    for (size_t i = 0; i < bytes.size; i++) {
        TickType_t begun = xTaskGetTickCount();
        while ((UART_STATE & STATE_TRANSMIT_FULL) != 0) {
            if (xTaskGetTickCount() - begun > SEND_MS_MAX) {
                return false;
            }
        }
        UART_DATA = bytes.data[i];
    }
    return true;
}
