// The few lines that control components share: taking signals in, limits, timers. No state of its own.
#ifndef TENON_COMPONENTS_CONTROL_H
#define TENON_COMPONENTS_CONTROL_H

#include "tenon.h"

// Stores the message in signals[input]. Inputs may be null (TENON_NONE), parameters, which are numbered from `parameter_first`,
// may not.
static inline bool control_take(double *signals, uint32_t count, uint32_t parameter_first, uint32_t input, uint32_t length) {
    double value;
    if (input >= count || !tenon_read_signal(length, &value) || (input >= parameter_first && !tenon_is_valid(value))) {
        return false;
    }
    signals[input] = value;
    return true;
}

static inline double control_clamp(double value, double minimum, double maximum) {
    return value < minimum ? minimum : value > maximum ? maximum : value;
}

// Seconds from *since to `now`. Counting starts at `now` when it has not started (TENON_NONE) or the clock went back, as local
// time does at the end of summer time; at its beginning a count may end an hour early.
static inline double control_elapsed_s(double *since, double now) {
    if (!(now >= *since)) {
        *since = now;
    }
    return now - *since;
}

// A switch with hysteresis: on above `on_above`, off below `off_below`, unchanged between and for "no valid value".
static inline bool control_switch(bool was_on, double value, double on_above, double off_below) {
    return was_on ? !(value < off_below) : value > on_above;
}

#endif
