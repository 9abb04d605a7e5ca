// What the files that bind a policy share: binding.c (names and links), binding_check.c (rules over the whole policy). Nobody
// else includes this.
#ifndef TENON_ORCHESTRATOR_BINDING_PRIVATE_H
#define TENON_ORCHESTRATOR_BINDING_PRIVATE_H

#include "orchestrator/binding.h"

struct resource_offer {
    uint32_t node; // that is taken
    const struct registration_resource *resource;
    uint32_t live_count; // how many live nodes offer it
};

struct binder {
    const struct policy *policy;
    const struct component_store *store;
    struct binding *binding;
    struct problems *problems;
    bool nodes_known;
    uint32_t closest_budget; // closest-name searches left, so that a large policy full of mistakes is still checked quickly
};

// Side of a link as the checks see it: a port or a resource in the same words.
struct side {
    bool known;
    enum value_type type;
    const char *quantity;
    const char *unit;
    bool has_range;
    double minimum;
    double maximum;
};

// --- binding.c -----------------------------------------------------------------------------------------------------------

const struct resource_offer *binder_offer(const struct binding *binding, const char *name);
// A remedy that names what was most likely meant, or `otherwise`. Returns `remedy`.
const char *binder_closest(struct binder *binder, const char *name, const struct names *names, char remedy[256],
                           const char *otherwise);
// The same among ports; lists them when none is close.
const char *binder_port_remedy(const char *name, const struct port *ports, uint32_t count, char remedy[256]);
// Type and range of a written value; `what` begins the sentence.
void binder_check_value(struct binder *binder, const struct policy_value *value, const struct side *side, const char *what);
struct side binder_side_of_resource(const struct registration_resource *resource);

// --- binding_check.c -----------------------------------------------------------------------------------------------------

// Finds the input that `confirm` names; 0 after a report. `bound->source` is resolved.
void binder_bind_confirm(struct binder *binder, const struct policy_link *link, struct bound_link *bound);
// `resources` of the policy: safe values, durability.
void binder_check_resources(struct binder *binder);
// One writer per actuator and priority; safe values.
void binder_check_writers(struct binder *binder);
// Inputs that nothing feeds, and inputs that cannot tell apart what feeds them.
void binder_check_inputs(struct binder *binder);

#endif
