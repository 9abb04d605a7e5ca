// For boards without a second serial line; a board that has one brings its own.
#include "port/freertos/board.h"

__attribute__((weak)) bool board_serial_open(uint8_t end) {
    (void)end;
    return false;
}

__attribute__((weak)) bool board_serial_waits(void) {
    return false;
}

__attribute__((weak)) bool board_serial_take(struct buffer out, size_t *size) {
    (void)out;
    (void)size;
    return false;
}

__attribute__((weak)) bool board_serial_send(struct bytes bytes) {
    (void)bytes;
    return false;
}
