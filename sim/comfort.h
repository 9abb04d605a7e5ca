// How the building fared: comfort while people are there, and energy, for the comparison with a run without faults.
#ifndef TENON_SIM_COMFORT_H
#define TENON_SIM_COMFORT_H

#include "sim/plant.h"

// People are in on weekdays from 8 to 18; comfortable is 20 to 25 degrees. As the alarms of examples/office have it.
#define COMFORT_LOW 20.0
#define COMFORT_HIGH 25.0

struct comfort {
    double zone_hours;      // occupied hours of all zones
    double zone_hours_good; // of these, comfortable
    double kelvin_hours;    // outside the band, occupied
    double electricity_kwh; // of "energy/electricity"
    double gas_kwh;         // of "energy/gas"
};

// Adds one step of the plant; `unix_s` is its end on the building's wall.
void comfort_add(struct comfort *comfort, const struct sim_plant *plant, uint64_t unix_s);

#endif
