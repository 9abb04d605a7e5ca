// Comfort alarm of one zone: raised when the occupied zone has been outside low..high for `delay` minutes without a break,
// cleared when it is inside again by `hysteresis` or nobody is there any more.
//
// Not valid: occupied counts as true; without a temperature the alarm stays as it is, the count of the delay starts over and
// the deviation is null; without a clock no alarm is raised. alarm goes out when it changes (an event), deviation, in kelvin
// outside the band and 0 while unoccupied, with each temperature.
#include "../control.h"
#include "ports.h"

enum { INPUTS = PARAMETER_LOW, SIGNALS = PARAMETER_DELAY + 1 };

static struct {
    double signal[SIGNALS];
    double outside_since_s;
    bool alarm;
} state = {
    .signal =
        {
            [INPUT_TEMPERATURE] = TENON_NONE,
            [INPUT_OCCUPIED] = TENON_NONE,
            [INPUT_CLOCK] = TENON_NONE,
            [PARAMETER_LOW] = 19.5,
            [PARAMETER_HIGH] = 26.0,
            [PARAMETER_HYSTERESIS] = 0.3,
            [PARAMETER_DELAY] = 30.0,
        },
    .outside_since_s = TENON_NONE,
};
TENON_STATE(state, 1);
TENON_INBOX(16);

// Kelvin outside the band, narrowed on both sides by `inset_k`; negative inside, TENON_NONE without a temperature.
static double outside_k(double inset_k) {
    const double below = state.signal[PARAMETER_LOW] + inset_k - state.signal[INPUT_TEMPERATURE];
    const double above = state.signal[INPUT_TEMPERATURE] - state.signal[PARAMETER_HIGH] + inset_k;
    return below > above ? below : above;
}

static bool alarm_now(bool vacant) {
    const double distance_k = outside_k(state.alarm ? state.signal[PARAMETER_HYSTERESIS] : 0.0);
    const double now_s = state.signal[INPUT_CLOCK];
    if (vacant || distance_k <= 0.0) {
        state.outside_since_s = TENON_NONE;
        return false;
    }
    if (!tenon_is_valid(distance_k)) {
        state.outside_since_s = TENON_NONE;
        return state.alarm;
    }
    const bool late =
        tenon_is_valid(now_s) && control_elapsed_s(&state.outside_since_s, now_s) >= state.signal[PARAMETER_DELAY] * 60.0;
    return state.alarm || late;
}

int32_t tenon_receive(uint32_t input, uint32_t length) {
    if (!control_take(state.signal, SIGNALS, INPUTS, input, length)) {
        return TENON_REFUSED;
    }
    if (input >= INPUTS) {
        return TENON_HANDLED;
    }
    const bool vacant = state.signal[INPUT_OCCUPIED] < 0.5;
    const bool alarm = alarm_now(vacant);
    if (alarm != state.alarm) {
        state.alarm = alarm;
        tenon_send_boolean(OUTPUT_ALARM, alarm);
    }
    if (input == INPUT_TEMPERATURE) {
        const double distance_k = outside_k(0.0);
        tenon_send_number(OUTPUT_DEVIATION, vacant || distance_k < 0.0 ? 0.0 : distance_k);
    }
    return TENON_HANDLED;
}
