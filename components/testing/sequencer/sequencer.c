// Sequencer: for each tick as many events as `burst` says, numbered from 1 without a gap; and the last number as a level.
#include "ports.h"
#include "tenon.h"

static struct {
    double next;
    double burst;
} state = {.next = 1, .burst = 1};
TENON_STATE(state, 1);
TENON_INBOX(16);

int32_t tenon_receive(uint32_t input, uint32_t length) {
    double value;
    if (!tenon_read_signal(length, &value)) {
        return TENON_REFUSED;
    }
    if (input == PARAMETER_BURST) {
        state.burst = value;
        return TENON_HANDLED;
    }
    TENON_SHORT_LOOP
    for (double sent = 0; sent < state.burst && sent < 16; sent += 1) {
        tenon_send_number(OUTPUT_EVENT, state.next);
        state.next += 1;
    }
    return tenon_send_number(OUTPUT_LEVEL, state.next - 1);
}
