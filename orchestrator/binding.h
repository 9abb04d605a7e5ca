// A policy bound to the components and nodes that there are: every name resolved, every rule of meaning checked.
//
// Checked here: unknown components, tasks, ports, resources, nodes and parameters (with the closest name that exists); types,
// units, quantities, ranges; one writer per actuator and priority; commands go to actuators and only commands do; safe values;
// inputs for `confirm`; durability that nothing uses; placement constraints that no node could meet. Memory: the binding owns
// its arrays until binding_free; it points into the policy, the component store and the registrations, which must outlive it.
#ifndef TENON_ORCHESTRATOR_BINDING_H
#define TENON_ORCHESTRATOR_BINDING_H

#include "orchestrator/component_store.h"
#include "orchestrator/placement.h"
#include "orchestrator/policy.h"

enum bound_kind {
    BOUND_NONE,     // could not be resolved; a problem says why
    BOUND_TASK,     // index: task; port: output or input number
    BOUND_RESOURCE, // index: node that offers it
    BOUND_LOCAL,    // a resource of the node that runs the task at the other end
};

struct bound_end {
    enum bound_kind kind;
    uint32_t index;
    uint32_t port;
    const char *resource;
};

struct bound_link {
    struct bound_end source;
    struct bound_end destination;
    uint32_t confirm; // 1 + the input of the source task that is told the outcome, 0 for none
};

struct binding {
    const struct policy *policy;
    const struct placement_node *nodes;
    uint32_t node_count;
    const struct component **components; // by task, NULL when unknown
    struct bound_link *links;            // by link
    struct placement_task *tasks;        // by task, for placement_make; `current` is left PLACEMENT_NONE
    struct names resources;              // name -> index into `offers`
    struct resource_offer *offers;
    struct names node_names;
    struct arena arena; // behind the lists of `tasks`
};

// Finds the component of a task's reference. `context` as given to binding_make.
typedef const struct component *(*binding_find)(void *context, const char *reference);

// Binds and checks. `store` serves to suggest names; `find` (NULL: component_store_find) resolves references, so that the
// orchestrator can keep each policy on the components with which it was accepted. Nodes that are dead count as known: their
// resources have not gone from the building. With `nodes_known` false nothing is said about resources, capabilities and places
// (a check without an orchestrator). Problems are added; `*out` is given also when there are errors, unless there is no memory
// (ERROR_MEMORY).
MUST_CHECK enum error binding_make(const struct policy *policy, const struct component_store *store, binding_find find,
                                   void *context, const struct placement_node *nodes, uint32_t node_count, bool nodes_known,
                                   struct problems *problems, struct binding *out);

// The node whose resource of that name is used, PLACEMENT_NONE when no node offers it.
uint32_t binding_resource_node(const struct binding *binding, const char *name);

void binding_free(struct binding *binding);

// Reports every task that no node could run even if all nodes were alive. Separate, because it places all tasks.
void binding_check_placement(const struct binding *binding, struct problems *problems);

#endif
