// Shows what a measurement's receiver believes now.
#include "ports.h"
#include "tenon.h"

static struct {
    double seen;
} state;
TENON_STATE(state, 1);
TENON_INBOX(16);

int32_t tenon_receive(uint32_t input, uint32_t length) {
    (void)input;
    double value;
    if (!tenon_read_signal(length, &value)) {
        return TENON_REFUSED;
    }
    state.seen = tenon_is_valid(value) ? value : -2;
    return tenon_send_number(OUTPUT_SEEN, state.seen);
}
