// The building that a run is about: the policy, the components that it names, and the nodes that its resources and capabilities
// ask for.
//
// Nodes come from the policy: one for each zone (the part of a resource's name before the slash, when it ends in a digit), one
// for each `on: NAME`; `plantroom` has all other resources; `gateway` and `plantroom` have every capability that a task
// requires. Those whose names begin with "board", or as --boards says, are microcontrollers: they keep what they keep in flash.
#ifndef TENON_SIM_BUILDING_H
#define TENON_SIM_BUILDING_H

#include "orchestrator/component_store.h"
#include "orchestrator/policy.h"

struct sim;

struct building {
    char path[512];
    struct bytes text; // from malloc
    struct policy *policy;
    struct component_store components;
};

// Reads policy and components from the real disk: those in `components`, and in the folders that the policy names. `refusal`
// names what is wrong.
MUST_CHECK enum error building_read(struct building *building, const char *policy, const char *components, char refusal[512]);
// Makes the nodes' hosts and the plant's points.
MUST_CHECK enum error building_make(struct sim *sim, char refusal[512]);
void building_free(struct building *building);
// A whole file of the real disk, from malloc.
MUST_CHECK enum error building_read_file(const char *path, struct bytes *out);

#endif
