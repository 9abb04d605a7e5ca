// An engine around the real engine, one for each host: shows every message that a component gets and sends to the checkers, and
// can take away everything but the declared state between two messages (amnesia).
//
// Product code is not changed for it: core/engine.h is all it needs. Modules are loaded once for all hosts, as the same bytes
// are on all of them.
#ifndef TENON_SIM_ENGINE_TAP_H
#define TENON_SIM_ENGINE_TAP_H

#include "core/engine.h"

struct host;

struct engine_tap {
    struct engine engine; // first, so that a pointer to it is a pointer to the tap
    struct host *host;
    uint64_t instances; // live ones
    uint64_t modules;   // loaded ones
};

struct engine_instance {
    struct engine_tap *tap;
    struct engine_module *module;
    struct engine_instance *real;
    uint32_t task; // where the runtime keeps it, as last seen
};

// `host` owns the tap; `real` outlives it.
void engine_tap_start(struct engine_tap *tap, struct host *host, struct engine *real);
// Unloads what is kept for all hosts. Call before the real engine is destroyed.
void engine_tap_forget(void);

#endif
