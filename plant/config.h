// CONFIG.json of tenon-plant: which building, which weather, how fast, and what its points are called.
//
//     {
//       "model": "building.epJSON",      patched for this EnergyPlus (examples/office/plant_model.py writes both files)
//       "weather": "weather.epw",
//       "output": "energyplus",          folder for EnergyPlus's own files
//       "socket": "plant.sock",          where drivers connect; absent: nobody can
//       "serial": "serial.sock",         where the serial lines of boards connect (a byte stream); needs "socket"
//       "log": "plant.csv",
//       "seconds_per_day": 10.0,         real time for a day of the building; 0: as fast as possible
//       "wait_for_clients": 6,           the first step waits for so many drivers with points
//       "gate": true,                    and for a `start` message
//       "points": {
//         "space1/temperature": {"variable": ["Zone Mean Air Temperature", "SPACE1-1"]},
//         "energy/electricity": {"meter": "Electricity:Facility"},
//         "space1/heating_setpoint": {"actuators": [["Zone Temperature Control", "Heating Setpoint", "SPACE1-1"]]}
//       }
//     }
//
// Paths are relative to the working directory. A point with "variable" or "meter" is read; a meter gives the mean power of the
// last step in W. A point with "actuators" is written, to all of them at once. Memory: config_load allocates, config_free
// frees. Errors: a sentence for a person in `refusal`.
#ifndef TENON_PLANT_CONFIG_H
#define TENON_PLANT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/limits.h"

// A large office of the package has 19 zones of 5 points; ten times that.
#define CONFIG_POINTS_MAX 1024
#define CONFIG_REFUSAL_SIZE 256

enum point_kind {
    POINT_VARIABLE,
    POINT_METER,
    POINT_ACTUATORS,
};

struct actuator {
    char *component; // "Zone Temperature Control"
    char *control;   // "Heating Setpoint"
    char *key;       // "SPACE1-1"
};

struct point {
    char name[NAME_SIZE_MAX];
    enum point_kind kind;
    char *variable; // variable or meter
    char *key;      // of the variable
    struct actuator *actuators;
    uint32_t actuator_count;
};

struct config {
    char *model;
    char *weather;
    char *output;
    char *socket; // NULL: no drivers
    char *serial; // NULL: no boards
    char *log;
    double seconds_per_day;
    uint32_t wait_for_clients;
    bool gate;
    uint32_t point_count;
    struct point *points;
};

// Reads and checks the file. False with a sentence in `refusal`; nothing is left allocated then.
bool config_load(const char *path, struct config *out, char refusal[CONFIG_REFUSAL_SIZE]);
void config_free(struct config *config);
// The point of this name, or NULL.
const struct point *config_point(const struct config *config, const char *name);

#endif
