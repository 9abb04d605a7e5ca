#include "drivers/plant_frame.h"

#include "core/crc32c.h"

#define CHECK_SIZE 4u
#define DISTANCE_MAX 255u

enum error plant_frame_encode(struct bytes packet, struct buffer out, size_t *size) {
    uint32_t check = crc32c(0, packet);
    size_t distance_at = 0;
    size_t at = 1;
    if (PLANT_FRAME_SIZE(packet.size) > out.size) {
        return ERROR_TOO_LARGE;
    }
    for (size_t i = 0; i < packet.size + CHECK_SIZE; i++) {
        uint8_t byte = i < packet.size ? packet.data[i] : (uint8_t)(check >> (8 * (packet.size + CHECK_SIZE - 1 - i)));
        if (byte != 0) {
            out.data[at++] = byte;
        }
        if (byte == 0 || at - distance_at == DISTANCE_MAX) {
            out.data[distance_at] = (uint8_t)(at - distance_at);
            distance_at = at++;
        }
    }
    out.data[distance_at] = (uint8_t)(at - distance_at);
    out.data[at++] = PLANT_FRAME_END;
    *size = at;
    return ERROR_NONE;
}

// Takes the stuffing out. False when a distance leads beyond the end.
static bool unstuff(uint8_t *frame, size_t frame_size, size_t *size) {
    size_t from = 0;
    size_t to = 0;
    while (from < frame_size) {
        size_t distance = frame[from++];
        if (distance == 0 || distance - 1 > frame_size - from) {
            return false;
        }
        memmove(frame + to, frame + from, distance - 1);
        to += distance - 1;
        from += distance - 1;
        if (distance < DISTANCE_MAX && from < frame_size) {
            frame[to++] = 0;
        }
    }
    *size = to;
    return true;
}

enum error plant_frame_decode(uint8_t *frame, size_t frame_size, size_t *packet_size) {
    size_t size = 0;
    if (frame_size == 0) {
        return ERROR_NOT_FOUND;
    }
    if (!unstuff(frame, frame_size, &size) || size < CHECK_SIZE) {
        return ERROR_MALFORMED;
    }
    const uint8_t *check = frame + size - CHECK_SIZE;
    uint32_t wanted = (uint32_t)check[0] << 24 | (uint32_t)check[1] << 16 | (uint32_t)check[2] << 8 | check[3];
    *packet_size = size - CHECK_SIZE;
    return crc32c(0, (struct bytes){frame, *packet_size}) == wanted ? ERROR_NONE : ERROR_MALFORMED;
}
