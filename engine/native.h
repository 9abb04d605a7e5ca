// The engine that runs components compiled for this machine: the baseline of the benchmarks, tests, and drivers in the shape of
// components.
//
// The same .wasm files are given to load(); their manifest's name is looked up in the list of native components, and the code
// found there runs instead. So plans, digests and manifests are the same for both engines.
//
// Memory: each instance owns its state, from malloc; a component's code and other variables exist once. Before a call the
// task's state is copied into the component's state region, and out of it after the call, so that tasks do not see each other
// (law 3). Errors: load() beyond those of module_inspect gives ERROR_NOT_FOUND (no native component of that name) and
// ERROR_MISMATCH (regions of other sizes). Limits: native code is trusted. Neither instructions nor memory are bounded,
// ERROR_TRAP and ERROR_BUDGET never come; a wild pointer is this process's end. One such engine in a process, all calls from
// one thread, for tenon_send() finds the message in hand in a static variable.
#ifndef TENON_ENGINE_NATIVE_H
#define TENON_ENGINE_NATIVE_H

#include "core/engine.h"

struct tenon_region; // abi/tenon.h

// What one source file gives when it is compiled with -Dtenon_receive=NAME_tenon_receive and so on.
struct native_component {
    const char *name; // as in the manifest
    int32_t (*receive)(uint32_t input, uint32_t length);
    const struct tenon_region *inbox;
    const struct tenon_region *state; // NULL when the component declares none
};

// Makes the engine over a list that must outlive it. ERROR_EXISTS when there is one already; ERROR_MEMORY.
MUST_CHECK enum error native_engine_create(const struct native_component *list, size_t count, struct engine **out);

// Ends the engine. All modules must have been unloaded. NULL is allowed.
void native_engine_destroy(struct engine *engine);

#endif
