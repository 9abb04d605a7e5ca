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
    const struct names *resource_epochs;  // by planner_resource_key; one that is not there has epoch 0
    const uint32_t *link_ids;             // by link
    const struct coap_address *addresses; // by node
};

// Encodes the node's slice into `buffer`. ERROR_TOO_LARGE when it does not fit; ERROR_MEMORY.
MUST_CHECK enum error planner_slice(const struct planner_input *input, uint32_t node, struct buffer buffer, size_t *size);

// The nodes of a link's two ends; PLACEMENT_NONE for one that has none. Reads binding and places only.
void planner_link_nodes(const struct planner_input *input, uint32_t link, uint32_t *source, uint32_t *destination);

// The name under which a resource keeps its epoch. One whose name has a slash is one role in the building, whichever node has
// it; a bare one is another on each node: "clock gateway". Returns `name`, or `out` filled.
#define PLANNER_RESOURCE_KEY_SIZE (2 * NAME_SIZE_MAX)
const char *planner_resource_key(const char *name, const char *node, char out[PLANNER_RESOURCE_KEY_SIZE]);

// Visits every resource that a slice names, with its node, some more than once. Reads binding and places only. A visit that
// returns false ends it. False when one did.
bool planner_each_resource(const struct planner_input *input, bool (*visit)(void *context, const char *name, uint32_t node),
                           void *context);

// The name under which a link keeps its id across revisions: "source -> destination".
void planner_link_key(const struct policy_link *link, char *out, size_t out_size);

#endif
