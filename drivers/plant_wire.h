// What carries the plant's packets: a Unix socket on Linux (plant_socket.c), a serial line on a board
// (firmware/plant_serial.c). plant.c speaks over either; one of the two is linked.
//
// A packet goes whole or not at all, in order. Memory: plant_wire_take gives what one connection needs and plant_wire_give
// takes it back; a board has one block. Nothing blocks but plant_wire_wait.
#ifndef TENON_DRIVERS_PLANT_WIRE_H
#define TENON_DRIVERS_PLANT_WIRE_H

#include "drivers/plant_protocol.h"

// Zeroed; NULL when there is none.
void *plant_wire_take(size_t size);
void plant_wire_give(void *memory);

// Opens the wire to the plant at `place` (a path; a board has one line and ignores it). `wire` is what port_wait can wait for.
// On failure a sentence is in `refusal`: ERROR_NETWORK, ERROR_TOO_LARGE (the path).
MUST_CHECK enum error plant_wire_open(const char *place, int *wire, char refusal[PLANT_REFUSAL_SIZE]);
// ERROR_BUSY (the other end has not taken what was sent before), ERROR_NETWORK.
MUST_CHECK enum error plant_wire_send(int wire, struct bytes packet);
// ERROR_NOT_FOUND (none waits; a serial line passes over what is damaged or too large), ERROR_NETWORK (the other end is gone),
// ERROR_MALFORMED (too large; it is dropped).
MUST_CHECK enum error plant_wire_receive(int wire, struct buffer buffer, size_t *size);
// Waits until a packet may have come. False when none came in time.
bool plant_wire_wait(int wire, uint32_t timeout_ms);
void plant_wire_close(int wire);

#endif
