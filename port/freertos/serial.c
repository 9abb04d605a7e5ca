// The serial line to what stands at a board's wires, the same on every board: bytes come by interrupt into a ring. A full ring
// leaves them to the controller: QEMU then holds them back; on a real line they are lost, and the frame that they are of is
// passed over.
#include <FreeRTOS.h>
#include <task.h>

#include "port/freertos/board.h"

#define RING_SIZE 256u // a power of two; some ten steps of a plant
#define SEND_MS_MAX 20 // for one byte

static uint8_t ring[RING_SIZE];
static volatile uint32_t put_count, taken_count, line_count;
static uint8_t line_end;
static TaskHandle_t waiting;

void board_serial_interrupt(void) {
    BaseType_t woken = pdFALSE;
    uint8_t byte;
    for (;;) {
        bool full = put_count - taken_count == RING_SIZE;
        if (full && line_count > 0) {
            board_uart_listen(false); // until a line is taken
            break;
        }
        if (!board_uart_receive(&byte)) {
            break;
        }
        taken_count = full ? put_count : taken_count; // all that without an end is no line
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
    return board_uart_open();
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
    board_uart_listen(true);
    taskEXIT_CRITICAL();
    return true;
}

bool board_serial_send(struct bytes bytes) {
    for (size_t i = 0; i < bytes.size; i++) {
        TickType_t begun = xTaskGetTickCount();
        while (!board_uart_send(bytes.data[i])) {
            if (xTaskGetTickCount() - begun > SEND_MS_MAX) {
                return false;
            }
        }
    }
    return true;
}
