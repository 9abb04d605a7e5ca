// Light by presence and daylight: on when somebody comes and it is darker than `dark_below`; off when nobody was seen for
// `hold` minutes, or daylight alone suffices, which is to say the room, lamp included, is brighter than `bright_above`.
//
// Not valid: illuminance counts as dark; presence - the light stays as it is and the hold does not run (better a lamp too long
// than a person in the dark); clock - the light does not go off by itself. The command goes out with each clock message and at
// once when it changes.
#include "../control.h"
#include "ports.h"

enum { INPUTS = PARAMETER_HOLD, SIGNALS = PARAMETER_BRIGHT_ABOVE + 1 };

static struct {
    double signal[SIGNALS];
    double absent_since_s;
    bool light;
} state = {
    .signal =
        {
            [INPUT_PRESENCE] = TENON_NONE,
            [INPUT_ILLUMINANCE] = TENON_NONE,
            [INPUT_CLOCK] = TENON_NONE,
            [PARAMETER_HOLD] = 10.0,
            [PARAMETER_DARK_BELOW] = 300.0,
            [PARAMETER_BRIGHT_ABOVE] = 900.0,
        },
    .absent_since_s = TENON_NONE,
};
TENON_STATE(state, 1);
TENON_INBOX(16);

static bool light_wanted(void) {
    const double presence = state.signal[INPUT_PRESENCE];
    const double illuminance = state.signal[INPUT_ILLUMINANCE];
    const double now_s = state.signal[INPUT_CLOCK];
    if (illuminance > state.signal[PARAMETER_BRIGHT_ABOVE]) {
        return false;
    }
    if (!(presence < 0.5)) {
        state.absent_since_s = TENON_NONE;
        return state.light || (presence > 0.5 && !(illuminance >= state.signal[PARAMETER_DARK_BELOW]));
    }
    const bool held =
        !tenon_is_valid(now_s) || control_elapsed_s(&state.absent_since_s, now_s) < state.signal[PARAMETER_HOLD] * 60.0;
    return state.light && held;
}

int32_t tenon_receive(uint32_t input, uint32_t length) {
    if (!control_take(state.signal, SIGNALS, INPUTS, input, length)) {
        return TENON_REFUSED;
    }
    if (input >= INPUTS) {
        return TENON_HANDLED;
    }
    const bool light = light_wanted();
    const bool changed = light != state.light;
    state.light = light;
    return input == INPUT_CLOCK || changed ? tenon_send_boolean(OUTPUT_LIGHT, light) : TENON_HANDLED;
}
