// The trivial building: zones as first-order systems, a sine for the weather, buttons that somebody presses.
#include <math.h>
#include <string.h>

#include "sim/plant.h"

// A zone forgets its temperature within about this long, and full heating gives so much in an hour.
#define ZONE_HOURS 6.0
#define HEATING_K_PER_HOUR 6.0

static double weather(uint64_t seconds) {
    const double turn = 6.283185307179586;
    double days = (double)seconds / 86400.0;
    return 10.0 - 10.0 * cos(turn * days / 365.0) - 4.0 * cos(turn * (days - 0.1));
}

// The point "zone/name", or NULL.
static const struct sim_point *sibling(const struct sim_plant *plant, const struct sim_point *point, const char *name) {
    size_t zone = strcspn(point->name, "/");
    for (uint32_t i = 0; i < plant->count; i++) {
        const char *other = plant->points[i].name;
        if (strncmp(other, point->name, zone) == 0 && other[zone] == '/' && strcmp(other + zone + 1, name) == 0) {
            return &plant->points[i];
        }
    }
    return NULL;
}

static double zone_step(const struct sim_plant *plant, const struct sim_point *point, double outdoor, double hours) {
    const struct sim_point *setpoint = sibling(plant, point, "heating_setpoint");
    const struct sim_point *valve = sibling(plant, point, "valve");
    double value = isnan(point->value) ? 18.0 : point->value;
    double heat = 0;
    if (valve != NULL && valve->has_write) {
        heat = valve->write / 100.0;
    } else if (setpoint != NULL) {
        heat = value < (setpoint->has_write ? setpoint->write : 21.0) ? 1.0 : 0.0;
    }
    value += (outdoor - value) * (hours > ZONE_HOURS ? 1.0 : hours / ZONE_HOURS) + heat * HEATING_K_PER_HOUR * hours;
    return value > 60 ? 60 : value < -30 ? -30 : value;
}

static bool step(struct sim_plant *plant, uint64_t seconds) {
    double outdoor = weather(seconds);
    double hours = (double)plant->step_ms / 3600000.0;
    for (uint32_t i = 0; i < plant->count; i++) {
        struct sim_point *point = &plant->points[i];
        const char *slash = strchr(point->name, '/');
        const char *kind = slash == NULL ? point->name : slash + 1;
        if (point->is_written) {
            continue;
        }
        point->valid = true;
        if (strncmp(point->name, "outdoor/", 8) == 0) {
            point->value = outdoor;
        } else if (strcmp(kind, "temperature") == 0) {
            point->value = zone_step(plant, point, outdoor, hours);
        } else if (strcmp(kind, "button") == 0) {
            point->value = random_chance(&plant->random, 100000) ? 1 : 0;
        } else {
            double drift = ((double)random_below(&plant->random, 2001) - 1000.0) / 1000.0;
            point->value = isnan(point->value) ? 20.0 : point->value * 0.99 + 0.2 + drift;
        }
    }
    return true;
}

void plant_synthetic(struct sim_plant *plant, uint64_t seed) {
    plant->random = random_start(seed, 0x706c616e74);
    plant->step = step;
}
