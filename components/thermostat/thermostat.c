// Set-points of one zone, after the zone modes of ASHRAE Guideline 36 (5.3): occupied, warm-up, unoccupied, and demand
// limiting.
//
// Demand limiting moves the occupied set-points apart by `setback`. A zone that is already off by 0.5 K more than that is
// exempt, at the side where it suffers, until it is back within 0.2 K of its full set-point: a room that cannot follow is not
// pushed further.
//
// Not valid: occupied counts as true (people may be there), warm-up as false, setback as 0; without a temperature exemptions
// stay. Set-points go out with each temperature, which keeps commands alive, and at once when they change.
#include "../control.h"
#include "ports.h"

enum { INPUTS = PARAMETER_OCCUPIED_HEATING, SIGNALS = PARAMETER_SETBACK_LIMIT + 1 };

static const double margin_k = 0.5;    // beyond the set-point, before a zone is exempt
static const double recovered_k = 0.2; // short of the set-point counts as recovered
static const double deadband_k = 0.5;  // at least, between heating and cooling (Guideline 36, 5.3.2)

static struct {
    double signal[SIGNALS];
    double heating;
    double cooling;
    bool heating_exempt;
    bool cooling_exempt;
} state = {
    .signal =
        {
            [INPUT_TEMPERATURE] = TENON_NONE,
            [INPUT_OCCUPIED] = TENON_NONE,
            [INPUT_WARMUP] = TENON_NONE,
            [INPUT_SETBACK] = TENON_NONE,
            [PARAMETER_OCCUPIED_HEATING] = 21.0,
            [PARAMETER_OCCUPIED_COOLING] = 24.0,
            [PARAMETER_UNOCCUPIED_HEATING] = 15.0,
            [PARAMETER_UNOCCUPIED_COOLING] = 30.0,
            [PARAMETER_SETBACK_LIMIT] = 2.0,
        },
};
TENON_STATE(state, 1);
TENON_INBOX(16);

static void set_occupied(double setback) {
    const double temperature = state.signal[INPUT_TEMPERATURE];
    const double heating = state.signal[PARAMETER_OCCUPIED_HEATING];
    const double cooling = state.signal[PARAMETER_OCCUPIED_COOLING];
    state.heating_exempt =
        control_switch(state.heating_exempt, -temperature, setback + margin_k - heating, recovered_k - heating);
    state.cooling_exempt =
        control_switch(state.cooling_exempt, temperature, setback + margin_k + cooling, recovered_k + cooling);
    state.heating = heating - (state.heating_exempt ? 0.0 : setback);
    state.cooling = cooling + (state.cooling_exempt ? 0.0 : setback);
}

static void set_unoccupied(double setback) {
    const bool warmup = state.signal[INPUT_WARMUP] > 0.5;
    state.heating_exempt = false;
    state.cooling_exempt = false;
    state.heating = warmup ? state.signal[PARAMETER_OCCUPIED_HEATING] - setback : state.signal[PARAMETER_UNOCCUPIED_HEATING];
    state.cooling = state.signal[PARAMETER_UNOCCUPIED_COOLING];
}

int32_t tenon_receive(uint32_t input, uint32_t length) {
    if (!control_take(state.signal, SIGNALS, INPUTS, input, length)) {
        return TENON_REFUSED;
    }
    if (input >= INPUTS) {
        return TENON_HANDLED;
    }
    const double heating = state.heating;
    const double cooling = state.cooling;
    const double asked = tenon_is_valid(state.signal[INPUT_SETBACK]) ? state.signal[INPUT_SETBACK] : 0.0;
    const double setback = control_clamp(asked, 0.0, state.signal[PARAMETER_SETBACK_LIMIT]);
    if (state.signal[INPUT_OCCUPIED] < 0.5) {
        set_unoccupied(setback);
    } else {
        set_occupied(setback);
    }
    if (state.cooling < state.heating + deadband_k) {
        state.cooling = state.heating + deadband_k;
    }
    if (input == INPUT_TEMPERATURE || state.heating != heating || state.cooling != cooling) {
        tenon_send_number(OUTPUT_HEATING, state.heating);
        tenon_send_number(OUTPUT_COOLING, state.cooling);
    }
    return TENON_HANDLED;
}
