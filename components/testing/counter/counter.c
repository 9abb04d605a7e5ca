// Counter: each event must be the number after the last one. Hands it on as `forward`; `count` and `errors` are for whoever
// looks; a level gives a valve position between 0 and 100, and what became of each position is counted in `outcomes`.
#include "ports.h"
#include "tenon.h"

static struct {
    double last;
    double count;
    double errors;
    double valve;
    double outcomes;
} state;
TENON_STATE(state, 1);
TENON_INBOX(32);

int32_t tenon_receive(uint32_t input, uint32_t length) {
    double value;
    if (input == INPUT_OUTCOME) {
        state.outcomes += 1;
        return tenon_send_number(OUTPUT_OUTCOMES, state.outcomes);
    }
    if (!tenon_read_signal(length, &value)) {
        return TENON_REFUSED;
    }
    if (input == INPUT_LEVEL) {
        state.valve = tenon_is_valid(value) ? state.valve + 1 : 0;
        state.valve = state.valve > 100 ? 0 : state.valve;
        return tenon_send_number(OUTPUT_VALVE, state.valve);
    }
    state.errors += state.last != 0 && value != state.last + 1 ? 1 : 0;
    state.last = value;
    state.count += 1;
    tenon_send_number(OUTPUT_FORWARD, value);
    tenon_send_number(OUTPUT_COUNT, state.count);
    return tenon_send_number(OUTPUT_ERRORS, state.errors);
}
