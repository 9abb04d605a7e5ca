// The plant that is EnergyPlus in lock-step (plant/embedded.h), behind the points of sim/plant.h.
//
// The config is the one of tenon-plant (examples/office/plant_model.py writes it). At each step the values that stand at the
// actuators are in force from the step's beginning, as with the demo's plant; the readings are those at its end. Points that
// the config does not have stay invalid. The simulation's wall clock begins where the weather does.
#ifndef TENON_SIM_PLANT_ENERGYPLUS_H
#define TENON_SIM_PLANT_ENERGYPLUS_H

#include "sim/plant.h"

// Starts EnergyPlus; its warm-up takes some seconds of real time. False with a sentence in `refusal`.
bool plant_energyplus(struct sim_plant *plant, const char *config_path, uint64_t *begin_unix_ms, char refusal[512]);

#endif
