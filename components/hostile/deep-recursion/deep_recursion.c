// Hostile: calls itself as many times as the number says, with a frame in linear memory each time; 1e9 uses up any stack. Sends
// the depth that it came to.
#include "ports.h"
#include "tenon.h"

TENON_INBOX(16);

static uint32_t descend(uint32_t depth, uint32_t depth_max) {
    volatile uint8_t frame[16];
    frame[0] = (uint8_t)depth;
    if (depth >= depth_max) {
        return depth;
    }
    return descend(depth + 1, depth_max) + (frame[0] ^ (depth & 0xff));
}

int32_t tenon_receive(uint32_t input, uint32_t length) {
    double value;
    if (input != INPUT_VALUE || !tenon_read_number(length, &value) || value < 0.0 || value >= 0x1p32) {
        return TENON_REFUSED;
    }
    return tenon_send_number(OUTPUT_VALUE, (double)descend(0, (uint32_t)value));
}
