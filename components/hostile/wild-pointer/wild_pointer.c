// Hostile: asks the host to send from outside its memory, and claims that all went well. The number says how: 1 an address
// beyond the end, 2 a length beyond it, 3 address and length whose sum wraps around, 4 a negative length; any other number is
// given back.
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
    if (value == 1.0) {
        tenon_send(OUTPUT_VALUE, (const void *)0x7fff0000, 1);
    } else if (value == 2.0) {
        tenon_send(OUTPUT_VALUE, tenon_inbox_data, 0x10000000);
    } else if (value == 3.0) {
        tenon_send(OUTPUT_VALUE, (const void *)0xfffffff0, 0x20);
    } else if (value == 4.0) {
        tenon_send(OUTPUT_VALUE, tenon_inbox_data, 0xffffffff);
    } else {
        tenon_send_number(OUTPUT_VALUE, value);
        tenon_send_number(OUTPUT_COUNT, state.count);
    }
    return TENON_HANDLED;
}
