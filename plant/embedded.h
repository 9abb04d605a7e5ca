// The building in lock-step: EnergyPlus advances exactly one zone time step when it is told to, for a simulator that owns the
// time.
//
//     config_load(path, &config, failure);
//     plant_embedded_start(&config, &plant, &step, failure);            the readings at the beginning of the first step
//     while (!step->finished) {
//         writes for config.points ...;
//         plant_embedded_step(plant, writes, count, &step, failure);    the readings at its end, and the building's time then
//     }
//     plant_embedded_stop(plant);
//
// EnergyPlus calls back instead of being called, so it has a thread of its own; of the two threads exactly one runs at any
// moment, each waiting in the kernel while the other runs, and what a run does depends on its config and its writes alone (the
// test compares readings bit for bit). Its warm-up and sizing happen within start and are not seen. All calls come from one
// thread, which keeps to the CPU that it is on from start to stop: that makes the hand-over ten times as fast.
//
// Many years are one run: a RunPeriod of twenty years reads the weather file anew each year and carries the building's state
// across New Year without a second warm-up, which runs of one year each could not. For leap years the weather needs a 29th of
// February (plant_model.py --leap-days makes one); a clock that leaps a day is refused as a failure.
//
// One at a time in a process, any number one after the other. Memory: start allocates, stop frees; a step belongs to the plant
// and holds until the next call. The config must outlive the plant.
#ifndef TENON_PLANT_EMBEDDED_H
#define TENON_PLANT_EMBEDDED_H

#include "plant/building.h"

struct plant_embedded;

// A value for the point of this index in config->points, which must be one with actuators. NaN: back to the building's own
// control. It holds from step to step until it is written again.
struct plant_write {
    uint32_t point;
    double value;
};

// Starts EnergyPlus and runs it up to the beginning of the first step. False with a sentence in `failure`; nothing is left
// then.
bool plant_embedded_start(const struct config *config, struct plant_embedded **out, const struct building_step **step,
                          char failure[BUILDING_FAILURE_SIZE]);
// Simulates one zone time step with these writes in force from its beginning. False with a sentence in `failure` when
// EnergyPlus gave up: then only stop may follow, as after a finished step.
bool plant_embedded_step(struct plant_embedded *plant, const struct plant_write *writes, uint32_t count,
                         const struct building_step **step, char failure[BUILDING_FAILURE_SIZE]);
// Ends the run, wherever it is, and frees the plant.
void plant_embedded_stop(struct plant_embedded *plant);

#endif
