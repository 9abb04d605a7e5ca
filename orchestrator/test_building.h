// A small building for the tests of this room: three components, two zone nodes, a gateway.
#ifndef TENON_ORCHESTRATOR_TEST_BUILDING_H
#define TENON_ORCHESTRATOR_TEST_BUILDING_H

#include "orchestrator/binding.h"

struct building {
    struct component_store components;
    struct registration registrations[4];
    struct placement_node nodes[4];
    uint32_t node_count;
};

// thermostat 1.0.0 and 1.1.0 (inputs temperature, occupied; parameters setpoint, label; outputs heating, alarm), limiter
// (input power; output limit), switcher (inputs request, outcome, a text; output setpoint). Nodes zone1 and zone2
// (zoneN/temperature, zoneN/heating, clock), gateway (clock, capability supervisory).
void building_make(struct building *building);
void building_free(struct building *building);

// Writes a module that module_inspect accepts, with this manifest (inbox_bytes must be 16), into `out` of at least 8 KiB.
// Returns its size.
size_t building_module(const struct manifest *manifest, uint8_t *out);

#endif
