// The plant's packets over the serial line at the board's wires (drivers/plant_frame.h).
#include <stdio.h>

#include "drivers/plant.h"
#include "drivers/plant_frame.h"
#include "drivers/plant_wire.h"
#include "port/freertos/board.h"
#include "port/port.h"

// One connection: there is one line.
static _Alignas(8) uint8_t block[PLANT_CONNECTION_BYTES];

void *plant_wire_take(size_t size) {
    memset(block, 0, sizeof block);
    return size <= sizeof block ? block : NULL;
}

void plant_wire_give(void *memory) {
    (void)memory;
}

// The first byte ends what the board may have begun to say before a reset.
enum error plant_wire_open(const char *place, int *wire, char refusal[PLANT_REFUSAL_SIZE]) {
    static const uint8_t end = PLANT_FRAME_END;
    *wire = BOARD_SERIAL_DESCRIPTOR;
    if (board_serial_open(end) && board_serial_send((struct bytes){&end, 1})) {
        return ERROR_NONE;
    }
    snprintf(refusal, PLANT_REFUSAL_SIZE, "%.20s: this board has no serial line for it, or nothing takes its bytes", place);
    return ERROR_NETWORK;
}

enum error plant_wire_send(int wire, struct bytes packet) {
    uint8_t frame[PLANT_FRAME_SIZE(PLANT_PACKET_SIZE_MAX)];
    size_t size;
    (void)wire;
    enum error error = plant_frame_encode(packet, (struct buffer){frame, sizeof frame}, &size);
    if (error != ERROR_NONE) {
        return error;
    }
    return board_serial_send((struct bytes){frame, size}) ? ERROR_NONE : ERROR_BUSY;
}

enum error plant_wire_receive(int wire, struct buffer buffer, size_t *size) {
    size_t frame_size;
    (void)wire;
    while (board_serial_take(buffer, &frame_size)) {
        if (frame_size <= buffer.size && plant_frame_decode(buffer.data, frame_size, size) == ERROR_NONE) {
            return ERROR_NONE;
        }
    }
    return ERROR_NOT_FOUND;
}

bool plant_wire_wait(int wire, uint32_t timeout_ms) {
    return port_wait(&wire, 1, timeout_ms) != 0;
}

void plant_wire_close(int wire) {
    (void)wire;
}
