// The plant's packets on a serial line, where bytes come one by one and may be lost (plant/protocol.cddl).
//
//     on the line:  packet and its CRC-32C (4 bytes, the highest first), stuffed so that no byte of it is 0; then a 0
//
// The stuffing is COBS (Cheshire and Baker, 1999): each 0 gives way to the distance to the next one, so a frame grows by a byte
// in 254, and whoever joins in the middle is in step after the next 0. A sender begins with a 0 after its start, which ends
// whatever it had begun before. Pure: no memory but the caller's.
#ifndef TENON_DRIVERS_PLANT_FRAME_H
#define TENON_DRIVERS_PLANT_FRAME_H

#include "drivers/plant_protocol.h"

#define PLANT_FRAME_END 0
// A packet with all that is added.
#define PLANT_FRAME_SIZE(packet_size) ((packet_size) + 4 + ((packet_size) + 4) / 254 + 2)

// Writes the frame with its end. ERROR_TOO_LARGE when PLANT_FRAME_SIZE(packet.size) does not fit.
MUST_CHECK enum error plant_frame_encode(struct bytes packet, struct buffer out, size_t *size);
// Turns a frame without its end into the packet, in place. ERROR_NOT_FOUND (nothing is in it), ERROR_MALFORMED (damaged).
MUST_CHECK enum error plant_frame_decode(uint8_t *frame, size_t frame_size, size_t *packet_size);

#endif
