// Must see 1, 2, 3 ... Whatever else comes, a gap or a number again, is wrong and stays wrong.
#include "ports.h"
#include "tenon.h"

static struct {
    double total;
    double last;
    double wrong;
} state;
TENON_STATE(state, 1);
TENON_INBOX(16);

int32_t tenon_receive(uint32_t input, uint32_t length) {
    (void)input;
    double number;
    if (!tenon_read_signal(length, &number) || !tenon_is_valid(number)) {
        return TENON_REFUSED;
    }
    state.wrong += number == state.last + 1 ? 0 : 1;
    state.total += 1;
    state.last = number;
    tenon_send_number(OUTPUT_ONWARD, number);
    tenon_send_number(OUTPUT_TOTAL, state.total);
    return tenon_send_number(OUTPUT_WRONG, state.wrong);
}
