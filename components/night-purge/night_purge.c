// Night purge: while nobody is there, fans bring in outdoor air as long as the warmest zone is above what the morning needs.
//
// Begins when the warmest zone is above `start_above` and outdoor air at least 3 K colder; ends when the warmest zone is below
// `stop_below`, outdoor air is less than 1 K colder, or outdoor air falls 1 K below `outdoor_low`, under which there is no
// purge (cold surfaces, and a season that needs heat in the morning). Zones that were never heard of or are not valid do not
// count.
//
// Not valid: occupied counts as true, and without outdoor or any zone temperature there is no purge. purge and warmest go out
// with each outdoor temperature, purge also at once on a change.
#include "../control.h"
#include "ports.h"

enum { INPUTS = PARAMETER_START_ABOVE, SIGNALS = PARAMETER_OUTDOOR_LOW + 1 };

static struct {
    double signal[SIGNALS];
    bool purge;
} state = {
    .signal =
        {
            [INPUT_OUTDOOR] = TENON_NONE,
            [INPUT_OCCUPIED] = TENON_NONE,
            [INPUT_ZONE1] = TENON_NONE,
            [INPUT_ZONE2] = TENON_NONE,
            [INPUT_ZONE3] = TENON_NONE,
            [INPUT_ZONE4] = TENON_NONE,
            [INPUT_ZONE5] = TENON_NONE,
            [INPUT_ZONE6] = TENON_NONE,
            [PARAMETER_START_ABOVE] = 24.0,
            [PARAMETER_STOP_BELOW] = 21.5,
            [PARAMETER_OUTDOOR_LOW] = 10.0,
        },
};
TENON_STATE(state, 1);
TENON_INBOX(16);

static double warmest_zone(void) {
    double warmest = TENON_NONE;
    for (uint32_t zone = INPUT_ZONE1; zone <= INPUT_ZONE6; zone++) {
        if (!(state.signal[zone] <= warmest) && tenon_is_valid(state.signal[zone])) {
            warmest = state.signal[zone];
        }
    }
    return warmest;
}

static bool purge_wanted(double warmest) {
    const double outdoor = state.signal[INPUT_OUTDOOR];
    const double lift_k = warmest - outdoor;
    const double low = state.signal[PARAMETER_OUTDOOR_LOW];
    if (!(state.signal[INPUT_OCCUPIED] < 0.5) || !tenon_is_valid(lift_k)) {
        return false;
    }
    return state.purge ? warmest >= state.signal[PARAMETER_STOP_BELOW] && lift_k >= 1.0 && outdoor >= low - 1.0
                       : warmest > state.signal[PARAMETER_START_ABOVE] && lift_k >= 3.0 && outdoor >= low;
}

int32_t tenon_receive(uint32_t input, uint32_t length) {
    if (!control_take(state.signal, SIGNALS, INPUTS, input, length)) {
        return TENON_REFUSED;
    }
    if (input >= INPUTS) {
        return TENON_HANDLED;
    }
    const double warmest = warmest_zone();
    const bool purge = purge_wanted(warmest);
    const bool changed = purge != state.purge;
    state.purge = purge;
    if (input == INPUT_OUTDOOR) {
        tenon_send_number(OUTPUT_WARMEST, warmest);
    }
    return input == INPUT_OUTDOOR || changed ? tenon_send_boolean(OUTPUT_PURGE, purge) : TENON_HANDLED;
}
