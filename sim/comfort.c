#include "sim/comfort.h"

#include <string.h>

static bool is_occupied(uint64_t unix_s) {
    uint64_t weekday = (unix_s / 86400 + 4) % 7; // 1970-01-01 was a Thursday; 0 is Sunday
    uint64_t hour = unix_s / 3600 % 24;
    return weekday >= 1 && weekday <= 5 && hour >= 8 && hour < 18;
}

static bool is_zone(const char *name) {
    const char *slash = strchr(name, '/');
    return slash != NULL && strcmp(slash, "/temperature") == 0 && strncmp(name, "outdoor/", 8) != 0;
}

void comfort_add(struct comfort *comfort, const struct sim_plant *plant, uint64_t unix_s) {
    double hours = (double)plant->step_ms / 3600000.0;
    bool occupied = is_occupied(unix_s);
    for (uint32_t i = 0; i < plant->count; i++) {
        const struct sim_point *point = &plant->points[i];
        if (!point->valid) {
            continue;
        }
        if (strcmp(point->name, "energy/electricity") == 0) {
            comfort->electricity_kwh += point->value * hours / 1000.0;
        } else if (strcmp(point->name, "energy/gas") == 0) {
            comfort->gas_kwh += point->value * hours / 1000.0;
        } else if (occupied && is_zone(point->name)) {
            double outside = point->value < COMFORT_LOW    ? COMFORT_LOW - point->value
                             : point->value > COMFORT_HIGH ? point->value - COMFORT_HIGH
                                                           : 0;
            comfort->zone_hours += hours;
            comfort->zone_hours_good += outside > 0 ? 0 : hours;
            comfort->kelvin_hours += outside * hours;
        }
    }
}
