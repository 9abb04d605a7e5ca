// The building behind the points: EnergyPlus, which owns its loop, on a thread of its own, met once in each time step.
//
//     building_start(&config, &building, failure);
//     poll building_descriptor() for input, then building_step(): the values at the beginning of the step
//     ... and when the step is to be simulated: fill step->written, building_continue()
//     when step->finished: building_join()
//
// Threads: between building_step() returning true and building_continue() the EnergyPlus thread stands still and the exchange
// belongs to the caller; at other times it belongs to EnergyPlus. One building per process, for EnergyPlus hands its callbacks
// no context. Memory: building_start allocates, building_join frees.
#ifndef TENON_PLANT_BUILDING_H
#define TENON_PLANT_BUILDING_H

#include "plant/config.h"

#define BUILDING_FAILURE_SIZE 256

struct building;

// What the two sides hand each other. Arrays have one place for each point of the config.
struct building_step {
    uint64_t number;       // counts from 0
    uint64_t unix_local_s; // beginning of the step in the building's standard time
    uint32_t step_s;       // length of a step
    double *values;        // of read points; NaN: no valid value
    double *written;       // for actuators, kept from step to step; NaN: the building's own control
    bool finished;         // the simulation is over: these are the last values, and the time is its end
};

// Starts the simulation, at first its sizing and warm-up, during which nothing is to be seen. False with a sentence in
// `failure`.
bool building_start(const struct config *config, struct building **out, char failure[BUILDING_FAILURE_SIZE]);
// Readable when a step waits or the simulation is over.
int building_descriptor(const struct building *building);
// Takes the waiting step. False when none waits.
bool building_step(struct building *building, struct building_step **out);
// Waits for the next step, at most until EnergyPlus ends: then it is the finished one.
struct building_step *building_wait(struct building *building);
// Simulates the step; writes count from now.
void building_continue(struct building *building);
// Makes the simulation end early, in the next step or within the warm-up.
void building_stop(struct building *building);
// Waits for the thread. True when the simulation ended as it should, else a sentence in `failure`. Frees the building.
bool building_join(struct building *building, char failure[BUILDING_FAILURE_SIZE]);

#endif
