// The building behind the drivers, in virtual time: named points that hosts read and write at each step.
//
// A plant is this struct and a step function. plant_synthetic.c is the one for tests: zones as first-order systems. An
// EnergyPlus plant fills the same struct: `step` hands over `written`, lets it simulate one step and sets the values.
#ifndef TENON_SIM_PLANT_H
#define TENON_SIM_PLANT_H

#include "core/limits.h"
#include "sim/random.h"

struct sim;
struct host;

struct sim_point {
    char name[NAME_SIZE_MAX];
    bool is_written; // an actuator's
    bool valid;
    double value;   // read by sensors
    bool has_write; // otherwise the building's own control
    double write;
    struct host *writer;
};

struct sim_plant {
    struct sim_point *points;
    uint32_t count, room;
    uint64_t step_ms;
    uint64_t number; // of the last step
    double *history; // the last PLANT_QUEUE_MAX steps, `count` values each; NaN: not valid
    uint64_t *times_s;
    struct random random;
    // Computes the values at `seconds` since the beginning from what is written. Returns false when the run is over.
    bool (*step)(struct sim_plant *plant, uint64_t seconds);
    void *context;
    void (*close)(struct sim_plant *plant);
};

// The point's index, added when it is new.
uint32_t plant_point(struct sim_plant *plant, const char *name, bool is_written);
// One step: computes, keeps the values, wakes every host with a driver.
void plant_advance(struct sim *sim);
void plant_close(struct sim_plant *plant);
// Zones "X/temperature" that follow the weather and what is written to "X/heating_setpoint" or "X/valve"; "outdoor/temperature"
// with a day and a year; "X/button" that somebody presses now and then; anything else wanders about 20.
void plant_synthetic(struct sim_plant *plant, uint64_t seed);

#endif
