// What goes wrong, when: by rates, from the seed, and by a script.
//
// A script has one line for each fault, `TIME ACTION [TARGET [ARGUMENT]]`, in order of time; `#` begins a comment:
//
//     10min   crash gateway            # its power fails now; it starts again 5 to 25 s later
//     10min   crash gateway after 3    # it dies before its third effect on the world from now
//     12min   kill orchestrator        # stays down until `start`
//     14min   start orchestrator
//     15min   freeze space1            # stands still, until `thaw`
//     16min   thaw space1
//     17min   cut space1 gateway       # datagrams from space1 to gateway are lost; the other direction works
//     18min   isolate space2           # both directions with everybody
//     19min   heal                     # all cuts
//     20min   slow space3 20ms         # each turn takes so long; 0ms: as before
//     21min   drift space1 500         # its clock runs so many ppm fast
//     22min   step space1 -3s          # its wall clock jumps
//     23min   disk-full space1 / disk-ok space1
//     24min   replace space1           # taken out; another device with an empty disk takes its role 1 minute later
//     25min   leave space1 / join space1
//     26min   loss 200000              # ppm; also duplicate, reorder; delay 20ms
#ifndef TENON_SIM_FAULTS_H
#define TENON_SIM_FAULTS_H

#include "core/bytes.h"
#include "core/error.h"
#include "sim/random.h"

struct sim;
struct host;

enum fault_kind {
    FAULT_CRASH = 0,
    FAULT_CRASH_WITHIN, // in the middle of a turn, between two effects
    FAULT_FREEZE,
    FAULT_SLOW,
    FAULT_CUT,
    FAULT_ISOLATE,
    FAULT_CLOCK_STEP,
    FAULT_DISK_FULL,
    FAULT_ORCHESTRATOR,
    FAULT_REPLACE,
    FAULT_KIND_COUNT,
};
const char *fault_kind_text(enum fault_kind kind);

struct faults {
    struct random random;
    const char *name;
    uint64_t mean_us[FAULT_KIND_COUNT]; // between two of a kind, 0 for never
    uint64_t done[FAULT_KIND_COUNT];
    uint64_t set_back_us; // wall clocks, all together
    uint32_t fail_ppm;
    int32_t drift_ppm_max;
    struct bytes script; // from malloc
    const char *next;    // line of the script
};

// Rates by name; ERROR_NOT_FOUND for a name that there is not.
MUST_CHECK enum error faults_choose(struct sim *sim, const char *name);
// Reads a script; ERROR_MALFORMED with the line in `refusal`.
MUST_CHECK enum error faults_script(struct sim *sim, const char *path, char refusal[512]);
// Plans the first of each kind.
void faults_begin(struct sim *sim);
void faults_happen(struct sim *sim, enum fault_kind kind);
void faults_script_step(struct sim *sim);
// The end of a fault that lasts.
struct undo {
    enum fault_kind kind;
    uint32_t host;
    uint32_t other;
    uint64_t life;
};
void faults_undo(struct sim *sim, struct undo *undo);
// Sets the host's wall clock.
void faults_step(struct host *host, int64_t step_ms);
void faults_thaw(struct host *host);
// Takes the device out; another one with an empty disk takes its role a minute later.
void faults_replace(struct sim *sim, struct host *host);
// All that lasts ends: the quiet at the end of a run.
void faults_end(struct sim *sim);
void faults_free(struct faults *faults);

#endif
