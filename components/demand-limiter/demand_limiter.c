// Demand limiting by trim and respond: every `interval` the mean power since the last step is compared with `limit_power`.
//
// Above the limit the setback rises by 0.25 to 1 K, in proportion to the excess over `band`; under limit - band it falls by
// 0.25 K; between it stays. So it rises fast and is given back slowly, in small steps that do not make a new peak. The setback
// is kept within 0 and `setback_max` itself, so nothing winds up behind the limit. limit_power 0, its default, means no limit.
//
// Not valid: power - the setback is given back step by step; clock - nothing moves. setback goes out with each clock message,
// `event` when shedding starts and ends.
#include "../control.h"
#include "ports.h"

enum { INPUTS = PARAMETER_LIMIT_POWER, SIGNALS = PARAMETER_SETBACK_MAX + 1 };

static const double respond_k = 1.0;
static const double trim_k = 0.25;

static struct {
    double signal[SIGNALS];
    double sum_w; // of the powers since the last step
    double count;
    double since_s; // clock of the last step
    double setback;
} state = {
    .signal =
        {
            [INPUT_POWER] = TENON_NONE,
            [INPUT_CLOCK] = TENON_NONE,
            [PARAMETER_BAND] = 2000.0,
            [PARAMETER_INTERVAL] = 5.0,
            [PARAMETER_SETBACK_MAX] = 2.0,
        },
    .since_s = TENON_NONE,
};
TENON_STATE(state, 1);
TENON_INBOX(16);

static void announce(const char *text, uint32_t size_with_nul) {
    tenon_send_text(OUTPUT_EVENT, text, size_with_nul - 1);
}

// One step of trim and respond.
static void step(void) {
    const double limit = state.signal[PARAMETER_LIMIT_POWER];
    const double mean = state.count > 0.0 ? state.sum_w / state.count : state.signal[INPUT_POWER];
    const double excess = (mean - limit) / state.signal[PARAMETER_BAND];
    const bool shed_before = state.setback > 0.0;
    double move_k = 0.0;
    if (limit <= 0.0 || !tenon_is_valid(excess) || excess < -1.0) {
        move_k = -trim_k;
    } else if (excess > 0.0) {
        move_k = respond_k * control_clamp(excess, 0.25, 1.0);
    }
    state.setback = control_clamp(state.setback + move_k, 0.0, state.signal[PARAMETER_SETBACK_MAX]);
    state.sum_w = 0.0;
    state.count = 0.0;
    if (state.setback > 0.0 && !shed_before) {
        static const char text[] = "shedding started";
        announce(text, sizeof text);
    } else if (shed_before && !(state.setback > 0.0)) {
        static const char text[] = "shedding ended";
        announce(text, sizeof text);
    }
}

int32_t tenon_receive(uint32_t input, uint32_t length) {
    if (!control_take(state.signal, SIGNALS, INPUTS, input, length)) {
        return TENON_REFUSED;
    }
    if (input == INPUT_POWER && tenon_is_valid(state.signal[INPUT_POWER])) {
        state.sum_w += state.signal[INPUT_POWER];
        state.count += 1.0;
    }
    if (input != INPUT_CLOCK) {
        return TENON_HANDLED;
    }
    const double now_s = state.signal[INPUT_CLOCK];
    if (tenon_is_valid(now_s) && control_elapsed_s(&state.since_s, now_s) >= state.signal[PARAMETER_INTERVAL] * 60.0) {
        state.since_s = now_s;
        step();
    }
    return tenon_send_number(OUTPUT_SETBACK, state.setback);
}
