// From a bound policy and a placement to what each node is told: its slice of the plan (core/plan.h), encoded.
//
// Pure: no store, no clock. A link with one end on another node appears in both slices under one id. A link whose task has no
// place is left out. A bare resource name means the resource of the node that runs the task at the other end.
#ifndef TENON_ORCHESTRATOR_PLANNER_H
#define TENON_ORCHESTRATOR_PLANNER_H

#include "orchestrator/binding.h"

struct planner_input {
    const struct binding *binding;
    uint64_t revision;
    const uint32_t *places;               // by task: node, or PLACEMENT_NONE
    const uint32_t *epochs;               // by task
    const uint32_t *link_ids;             // by link
    const struct coap_address *addresses; // by node
};

// Encodes the node's slice into `buffer`. ERROR_TOO_LARGE when it does not fit; ERROR_MEMORY.
MUST_CHECK enum error planner_slice(const struct planner_input *input, uint32_t node, struct buffer buffer, size_t *size);

// The name under which a link keeps its id across revisions: "source -> destination".
void planner_link_key(const struct policy_link *link, char *out, size_t out_size);

#endif
