// Hostile: executes `unreachable` on the number 666, after it has changed its state and sent; counts and gives back any other
// number. Neither the change nor what it sent may be seen afterwards.
#include "ports.h"
#include "tenon.h"

static struct {
    double count;
} state;
TENON_STATE(state, 1);
TENON_INBOX(16);

int32_t tenon_receive(uint32_t input, uint32_t length) {
    double value;
    if (input != INPUT_VALUE || !tenon_read_number(length, &value)) {
        return TENON_REFUSED;
    }
    state.count += 1.0;
    tenon_send_number(OUTPUT_VALUE, value);
    tenon_send_number(OUTPUT_COUNT, state.count);
    if (value == 666.0) {
        __builtin_trap();
    }
    return TENON_HANDLED;
}
