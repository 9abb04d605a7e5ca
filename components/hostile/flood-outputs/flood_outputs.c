// Hostile: sends as many messages as the number that it gets says, whatever its manifest allows, and one to a port that does
// not exist when the number is negative. Ignores what the host answers.
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
    if (value < 0.0) {
        tenon_send_number(4711, value);
    }
    for (double sent = 0.0; sent < value; sent += 1.0) {
        tenon_send_number(OUTPUT_VALUE, sent);
    }
    return TENON_HANDLED;
}
