// Leak guard: a leak shuts the valve and latches; only a reset by a person, with the leak gone, opens it again.
//
// Not valid: a leak detector that went silent raises the alarm but leaves the valve as it is; a reset counts as none, and a
// reset while the detector is silent or wet has no effect. valve_open goes out with each clock message, which keeps the command
// alive, and at once when it changes; alarm when it changes.
#include "../control.h"
#include "ports.h"

enum { SIGNALS = INPUT_CLOCK + 1 };

static struct {
    double signal[SIGNALS];
    bool shut;
    bool alarm;
} state;
TENON_STATE(state, 1);
TENON_INBOX(16);

int32_t tenon_receive(uint32_t input, uint32_t length) {
    if (!control_take(state.signal, SIGNALS, SIGNALS, input, length)) {
        return TENON_REFUSED;
    }
    const double leak = state.signal[INPUT_LEAK];
    const bool shut = leak > 0.5 || (state.shut && !(input == INPUT_RESET && state.signal[INPUT_RESET] > 0.5 && leak < 0.5));
    const bool alarm = shut || !tenon_is_valid(leak);
    if (input == INPUT_CLOCK || shut != state.shut) {
        tenon_send_boolean(OUTPUT_VALVE_OPEN, !shut);
    }
    if (alarm != state.alarm) {
        tenon_send_boolean(OUTPUT_ALARM, alarm);
    }
    state.shut = shut;
    state.alarm = alarm;
    return TENON_HANDLED;
}
