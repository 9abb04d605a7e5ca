// The simulator: a whole building in one process on virtual time, everything from one seed.
//
//   sim_open --> sim_run --> sim_report --> sim_close
//
// The real node, orchestrator, core and engine run unmodified; port/ and drivers/plant are this room's (port_*.c,
// plant_driver.c), so that sockets, clocks, disks and the building's wires are simulated. One thread; one simulation in a
// process, because ports and engines are global; seeds are searched with several processes (dev sim).
//
// A run: warm-up without faults until the policy is applied, faults, then quiet, in which everything must come to rest: what
// was sent and is still owed to somebody at the end counts as lost.
#ifndef TENON_SIM_SIM_H
#define TENON_SIM_SIM_H

#include "sim/building.h"
#include "sim/checker.h"
#include "sim/comfort.h"
#include "sim/faults.h"
#include "sim/host.h"
#include "sim/network.h"
#include "sim/plant.h"
#include "sim/scheduler.h"
#include "sim/trace.h"

#define SECOND_US UINT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
// Faults begin this long after the start, and end this long before the end of a run.
#define WARM_UP_US (2 * MINUTE_US)
#define QUIET_US (10 * MINUTE_US)
// The simulation begins on a Monday in January 2019 at midnight, as the building's weather does.
#define BEGIN_UNIX_MS UINT64_C(1547424000000)

struct native_component;

struct sim_options {
    uint64_t seed;
    const char *policy; // path of the policy, or name of a scenario
    const char *components;
    const char *script; // NULL for none
    const char *plant;  // configuration of EnergyPlus; NULL for the synthetic plant
    const char *faults; // "none", "light", "lifetime", "standard", "heavy"
    const char *folder; // for the orchestrator's store, "" for one under /dev/shm
    const char *boards; // nodes whose names begin so are microcontrollers
    uint64_t duration_us;
    uint64_t keepalive_ms;
    uint64_t dead_after_ms;
    uint64_t plant_step_ms;
    bool plant_clock;
    bool native;
    bool amnesia;
    bool trace;
    bool logs;
    bool progress;          // a line for each simulated month
    const char *series;     // file that gets a line for each simulated week (report.h), NULL for none
    enum sabotage sabotage; // of the simulator's own taps, to see that checkers see
};

void sim_options_default(struct sim_options *options);

struct sim_totals {
    uint64_t turns;
    uint64_t occasions;
    uint64_t received;   // messages that components took
    uint64_t emitted;    // messages that components sent
    uint64_t actuations; // values that reached the plant
    uint64_t remote;     // reliable messages and measurements that crossed the network
    uint64_t crashes;
    uint64_t starts;
};

struct sim {
    struct sim_options options;
    uint64_t begin_unix_ms; // the wall clock at time 0
    uint64_t now_us;
    uint64_t end_us;
    uint64_t faults_end_us;
    bool applied; // the policy stands
    bool failed;
    char failure[512]; // the first breach
    uint64_t breaches;
    struct scheduler scheduler;
    struct network network;
    struct building building;
    struct faults faults;
    struct checkers checkers;
    struct sim_plant plant;
    struct comfort comfort;
    struct trace trace;
    struct sim_totals totals;
    struct engine *engine;
    struct native_component *native; // the list behind the native engine, from malloc
    struct host *hosts[HOSTS_MAX];
    uint32_t host_count;
    char folder[256];
};

// ERROR_MALFORMED, ERROR_NOT_FOUND, ERROR_STORAGE, with a sentence in `refusal`.
MUST_CHECK enum error sim_open(const struct sim_options *options, struct sim **out, char refusal[512]);
// Runs to the end, or to the first breach. True when no law was broken.
bool sim_run(struct sim *sim);
void sim_close(struct sim *sim);
struct host *sim_add_host(struct sim *sim, const char *name, enum host_kind kind);
struct host *sim_find_host(const struct sim *sim, const char *name);
struct host *sim_host_of_address(const struct sim *sim, const struct coap_address *address);
// A law is broken: notes it, prints it, ends the run.
void sim_breach(struct sim *sim, const char *law, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
