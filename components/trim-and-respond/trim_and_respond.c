// Trim and respond (ASHRAE Guideline 36, 5.1.14), for any set-point: duct pressure, supply air or water temperature.
//
// While the device is off the set-point is `initial`. `delay` minutes after it was switched on, and then every `timestep`
// minutes, the set-point is trimmed by `trim`; when there are more than `ignored` requests, `respond` is added for each one
// above that, at most `respond_max` in all. trim and respond have opposite signs. The set-point stays within minimum..maximum,
// which is also what keeps it from winding up. Defaults are the duct static pressure example of the guideline, in Pa.
//
// Not valid: device counts as on once it was, requests as 0; without a clock nothing moves. The set-point goes out with each
// clock message.
#include "../control.h"
#include "ports.h"

enum { INPUTS = PARAMETER_INITIAL, SIGNALS = PARAMETER_RESPOND_MAX + 1 };

static struct {
    double signal[SIGNALS];
    double setpoint;
    double since_s; // clock at switching on, then of the last step
    bool on;
    bool waited; // the delay after switching on is over
} state = {
    .signal =
        {
            [INPUT_CLOCK] = TENON_NONE,
            [PARAMETER_INITIAL] = 120.0,
            [PARAMETER_MINIMUM] = 25.0,
            [PARAMETER_MAXIMUM] = 250.0,
            [PARAMETER_DELAY] = 10.0,
            [PARAMETER_TIMESTEP] = 2.0,
            [PARAMETER_IGNORED] = 2.0,
            [PARAMETER_TRIM] = -12.0,
            [PARAMETER_RESPOND] = 15.0,
            [PARAMETER_RESPOND_MAX] = 32.0,
        },
    .since_s = TENON_NONE,
};
TENON_STATE(state, 1);
TENON_INBOX(16);

static double requests_sum(void) {
    double sum = 0.0;
    for (uint32_t zone = INPUT_REQUESTS1; zone <= INPUT_REQUESTS6; zone++) {
        if (state.signal[zone] > 0.0) {
            sum += state.signal[zone];
        }
    }
    return sum;
}

static void step(void) {
    const double counted = requests_sum() - state.signal[PARAMETER_IGNORED];
    const double response_max = state.signal[PARAMETER_RESPOND_MAX];
    double move = state.signal[PARAMETER_TRIM];
    if (counted > 0.0) {
        const double response = counted * state.signal[PARAMETER_RESPOND];
        move += response < 0.0 ? control_clamp(response, response_max, 0.0) : control_clamp(response, 0.0, response_max);
    }
    state.setpoint = control_clamp(state.setpoint + move, state.signal[PARAMETER_MINIMUM], state.signal[PARAMETER_MAXIMUM]);
}

static void advance(double now_s) {
    const double wait_min = state.signal[state.waited ? PARAMETER_TIMESTEP : PARAMETER_DELAY];
    if (control_elapsed_s(&state.since_s, now_s) >= wait_min * 60.0) {
        state.waited = true;
        state.since_s = now_s;
        step();
    }
}

int32_t tenon_receive(uint32_t input, uint32_t length) {
    if (!control_take(state.signal, SIGNALS, INPUTS, input, length)) {
        return TENON_REFUSED;
    }
    if (tenon_is_valid(state.signal[INPUT_DEVICE])) {
        state.on = state.signal[INPUT_DEVICE] > 0.5;
    }
    if (!state.on) {
        state.setpoint = state.signal[PARAMETER_INITIAL];
        state.since_s = TENON_NONE;
        state.waited = false;
    } else if (input == INPUT_CLOCK && tenon_is_valid(state.signal[INPUT_CLOCK])) {
        advance(state.signal[INPUT_CLOCK]);
    }
    return input == INPUT_CLOCK ? tenon_send_number(OUTPUT_SETPOINT, state.setpoint) : TENON_HANDLED;
}
