// A weekly schedule: one period a day, for weekdays, Saturday and Sunday, in hours of local time (7.5 is half past seven).
//
// A period may run past midnight (start 22, end 30); one whose end is not after its start means closed all day. `clock` is
// local time, in seconds since 1970-01-01 00:00 local. Both outputs go out at each clock message. minutes_to_occupancy is 0
// while occupied and null when no period comes within a week. Without a valid clock both are null: the consumer decides what is
// safe.
#include "../control.h"
#include "ports.h"

enum { INPUTS = PARAMETER_WEEKDAY_START, SIGNALS = PARAMETER_SUNDAY_END + 1 };

static struct {
    double signal[SIGNALS];
} state = {
    .signal =
        {
            [INPUT_CLOCK] = TENON_NONE,
            [PARAMETER_WEEKDAY_START] = 8.0,
            [PARAMETER_WEEKDAY_END] = 18.0,
        },
};
TENON_STATE(state, 1);
TENON_INBOX(16);

// Parameter with the start of the period of a day, counted from 1970-01-01, a Thursday; its end is the next parameter.
static uint32_t period_of_day(int32_t day) {
    const int32_t weekday = (day % 7 + 11) % 7; // 0 is Sunday
    return weekday == 0 ? PARAMETER_SUNDAY_START : weekday == 6 ? PARAMETER_SATURDAY_START : PARAMETER_WEEKDAY_START;
}

// Minutes from `now_s` to the next occupied moment: 0 when that is now, TENON_NONE when there is none within a week.
static double minutes_to_occupancy(double now_s) {
    const int32_t today = (int32_t)(now_s / 86400.0);
    for (int32_t day = today - 1; day <= today + 7; day++) {
        const uint32_t period = period_of_day(day);
        const double start_s = day * 86400.0 + state.signal[period] * 3600.0;
        const double end_s = day * 86400.0 + state.signal[period + 1] * 3600.0;
        if (now_s < end_s && start_s < end_s) {
            return now_s < start_s ? (start_s - now_s) / 60.0 : 0.0;
        }
    }
    return TENON_NONE;
}

int32_t tenon_receive(uint32_t input, uint32_t length) {
    if (!control_take(state.signal, SIGNALS, INPUTS, input, length)) {
        return TENON_REFUSED;
    }
    if (input >= INPUTS) {
        return TENON_HANDLED;
    }
    const double now_s = state.signal[INPUT_CLOCK];
    if (!(now_s >= 0.0 && now_s < 1e13)) {
        tenon_send_null(OUTPUT_OCCUPIED);
        return tenon_send_null(OUTPUT_MINUTES_TO_OCCUPANCY);
    }
    const double minutes = minutes_to_occupancy(now_s);
    tenon_send_boolean(OUTPUT_OCCUPIED, minutes == 0.0);
    return tenon_send_number(OUTPUT_MINUTES_TO_OCCUPANCY, minutes);
}
