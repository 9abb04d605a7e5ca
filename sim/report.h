// What a run comes to: for people, for machines, and the command that repeats it.
#ifndef TENON_SIM_REPORT_H
#define TENON_SIM_REPORT_H

#include <stdio.h>

#include "sim/sim.h"

// Keeps the command line, for report_replay also when the program ends by an assertion.
void report_remember(int argument_count, char **arguments, uint64_t seed);
void report_print(const struct sim *sim, double seconds, double cpu_seconds);
// False when the file cannot be written.
bool report_json(const struct sim *sim, double seconds, double cpu_seconds, const char *path);
// Adds a line of comma-separated totals so far: building's time in Unix seconds, occupied zone hours, comfortable ones, kelvin
// hours outside the band, kWh of electricity, ends of programs, devices replaced, messages delivered. False when it cannot be
// written.
bool report_series(const struct sim *sim, const char *path);
// One line: the command that repeats the run, with its trace.
void report_replay(FILE *file);

#endif
