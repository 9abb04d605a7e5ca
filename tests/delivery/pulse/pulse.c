// The numbers 1, 2, 3 ... without end: a receiver that sees each once and in order has lost and doubled nothing. `burst`
// numbers go out for each valid tick; `sent` tells the last one.
#include "ports.h"
#include "tenon.h"

static struct {
    double last;
    double burst;
} state = {.burst = 1};
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
    if (!tenon_is_valid(value)) {
        return TENON_HANDLED;
    }
    for (double i = 0; i < state.burst && i < 16; i += 1) {
        state.last += 1;
        tenon_send_number(OUTPUT_NUMBER, state.last);
    }
    return tenon_send_number(OUTPUT_SENT, state.last);
}
