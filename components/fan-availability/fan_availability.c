// Availability of an air handler's fan, 1 or 0: the modes of its zones joined by "or" (ASHRAE Guideline 36, 5.4: the zone
// group's mode).
//
// Not valid: occupied counts as true (air before energy), a preheat or purge as false. The value goes out with each `occupied`,
// which keeps the command alive, and at once when it changes.
#include "../control.h"
#include "ports.h"

enum { SIGNALS = INPUT_PREHEAT6 + 1 };

static struct {
    double signal[SIGNALS];
    bool fan;
} state = {.signal = {[INPUT_OCCUPIED] = TENON_NONE}};
TENON_STATE(state, 1);
TENON_INBOX(16);

int32_t tenon_receive(uint32_t input, uint32_t length) {
    if (!control_take(state.signal, SIGNALS, SIGNALS, input, length)) {
        return TENON_REFUSED;
    }
    bool fan = !(state.signal[INPUT_OCCUPIED] < 0.5);
    for (uint32_t request = INPUT_PURGE; request <= INPUT_PREHEAT6; request++) {
        fan = fan || state.signal[request] > 0.5;
    }
    const bool changed = fan != state.fan;
    state.fan = fan;
    return input == INPUT_OCCUPIED || changed ? tenon_send_number(OUTPUT_FAN, fan ? 1.0 : 0.0) : TENON_HANDLED;
}
