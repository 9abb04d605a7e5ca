// Hostile: a negative number makes it write as many bytes into a variable on its stack as memory may have, far over what it
// declared. The stack lies at the beginning of memory, so the writes begin below address 0, at the far end of what 32 bits
// address, and the engine's bounds must end them; any other number is given back.
#include "ports.h"
#include "tenon.h"

TENON_INBOX(16);

static __attribute__((noinline)) double fill(double value) {
    volatile uint8_t frame[32768];
    for (uint32_t i = 0; i < sizeof frame; i++) {
        frame[i] = (uint8_t)i;
    }
    return value + frame[0];
}

int32_t tenon_receive(uint32_t input, uint32_t length) {
    double value;
    if (input != INPUT_VALUE || !tenon_read_number(length, &value)) {
        return TENON_REFUSED;
    }
    return tenon_send_number(OUTPUT_VALUE, value < 0.0 ? fill(value) : value);
}
