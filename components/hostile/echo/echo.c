// Well-behaved neighbour of the hostile components: gives back each number, and how many there were.
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
    return tenon_send_number(OUTPUT_COUNT, state.count);
}
