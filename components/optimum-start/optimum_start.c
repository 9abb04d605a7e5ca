// Optimum start of heating: preheat begins when the time that the zone needs to reach `target` is the time left to occupancy.
//
// Model: the zone warms by rate * reserve(outdoor) kelvin an hour, where `reserve` is the share of the plant's capacity that
// the heat loss leaves. `rate` is learned: after each warm-up of at least 10 minutes a quarter of the difference to what was
// observed is taken over. minutes_to_occupancy is also the clock: the component works at each of its messages. Once begun,
// preheat holds until occupancy.
//
// Not valid: minutes - no preheat, and the warm-up under way is not learned from; temperature - the fixed lead of 60 minutes;
// outdoor - as at 0 Cel. preheat goes out with each minutes_to_occupancy, warmup_rate when it was learned anew.
#include "../control.h"
#include "ports.h"

enum { INPUTS = PARAMETER_TARGET, SIGNALS = PARAMETER_LONGEST_START + 1 };

static const double rate_min = 0.25;  // K/h, a heavy building with weak heating
static const double rate_max = 8.0;   // K/h, fan coils in a light one
static const double reached_k = 0.25; // below the target counts as reached
static const double blind_lead_min = 60.0;

static struct {
    double signal[SIGNALS];
    double rate;          // K/h at full reserve
    double start_minutes; // minutes to occupancy when preheat began, TENON_NONE when there is nothing to learn
    double start_temperature;
    bool preheat;
} state = {
    .signal =
        {
            [INPUT_TEMPERATURE] = TENON_NONE,
            [INPUT_OUTDOOR] = TENON_NONE,
            [INPUT_MINUTES_TO_OCCUPANCY] = TENON_NONE,
            [PARAMETER_TARGET] = 21.0,
            [PARAMETER_LONGEST_START] = 180.0,
        },
    .rate = 1.5,
    .start_minutes = TENON_NONE,
};
TENON_STATE(state, 1);
TENON_INBOX(16);

static double reserve(void) {
    const double outdoor = tenon_is_valid(state.signal[INPUT_OUTDOOR]) ? state.signal[INPUT_OUTDOOR] : 0.0;
    return control_clamp(1.0 - (20.0 - outdoor) / 60.0, 0.3, 1.0);
}

static double minutes_needed(void) {
    const double missing_k = state.signal[PARAMETER_TARGET] - state.signal[INPUT_TEMPERATURE];
    if (!tenon_is_valid(missing_k)) {
        return blind_lead_min;
    }
    return missing_k <= reached_k ? 0.0 : missing_k / (state.rate * reserve()) * 60.0;
}

// Learns from the warm-up under way once it has reached the target or its time is over.
static void learn(double minutes) {
    const double temperature = state.signal[INPUT_TEMPERATURE];
    const double spent_minutes = state.start_minutes - minutes;
    const bool over = minutes <= 0.0 || temperature >= state.signal[PARAMETER_TARGET] - reached_k;
    if (!over || !tenon_is_valid(spent_minutes)) {
        return;
    }
    state.start_minutes = TENON_NONE;
    const double gained_k = temperature - state.start_temperature;
    if (spent_minutes >= 10.0 && tenon_is_valid(gained_k)) {
        const double observed = gained_k / spent_minutes * 60.0 / reserve();
        state.rate = control_clamp(state.rate + 0.25 * (observed - state.rate), rate_min, rate_max);
        tenon_send_number(OUTPUT_WARMUP_RATE, state.rate);
    }
}

int32_t tenon_receive(uint32_t input, uint32_t length) {
    if (!control_take(state.signal, SIGNALS, INPUTS, input, length)) {
        return TENON_REFUSED;
    }
    if (input != INPUT_MINUTES_TO_OCCUPANCY) {
        return TENON_HANDLED;
    }
    const double minutes = state.signal[INPUT_MINUTES_TO_OCCUPANCY];
    if (minutes > state.start_minutes) {
        state.start_minutes = TENON_NONE; // the schedule was moved: nothing to learn
    }
    learn(minutes);
    if (!(minutes > 0.0 && minutes <= state.signal[PARAMETER_LONGEST_START])) {
        state.preheat = false;
        state.start_minutes = TENON_NONE;
    } else if (!state.preheat && minutes <= minutes_needed()) {
        state.preheat = true;
        state.start_minutes = minutes;
        state.start_temperature = state.signal[INPUT_TEMPERATURE];
    }
    return tenon_send_boolean(OUTPUT_PREHEAT, state.preheat);
}
