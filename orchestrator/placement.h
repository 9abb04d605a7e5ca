// Which node runs which task: a pure function of tasks, nodes and where the tasks are now. The same input gives the same
// answer.
//
// Hard: `on`, capabilities, resources that the task needs on its own node, apart, a node that is alive and runs components,
// memory, number of tasks. Soft, the heavier first: `near`; staying in place; few links to other nodes; even use of memory. A
// task that fits nowhere gets PLACEMENT_NONE and a reason that names each node. Method: tasks that others want to be near
// first, then tasks that may keep their place, then the ones with the fewest possible nodes, each to the cheapest node; a task
// that finds its nodes full may push one other task aside that fits elsewhere. Not optimal (bin packing is hard), but quick and
// steady.
#ifndef TENON_ORCHESTRATOR_PLACEMENT_H
#define TENON_ORCHESTRATOR_PLACEMENT_H

#include "core/registration.h"
#include "orchestrator/policy.h"

#define PLACEMENT_NONE UINT32_MAX
// What a task is taken to cost beyond its linear memory while its module is not known.
#define PLACEMENT_TASK_OVERHEAD 4096
#define PLACEMENT_REASON_SIZE 256

struct placement_node {
    const struct registration *registration;
    bool alive;
    bool doubtful; // not heard of since the orchestrator started: keeps its tasks, gets no others
};

// The other end of a link: a node that is fixed, or another task.
struct placement_neighbour {
    bool task;
    uint32_t index;
};

struct placement_task {
    const char *name;
    uint64_t memory_bytes; // its footprint (core/module.h)
    uint32_t module_bytes;
    const char *on; // NULL for any
    const struct policy_list *
        requires; // capabilities
    uint32_t apart_count;
    const uint32_t *apart; // tasks; means the same in both directions
    uint32_t local_count;
    const char *const *local; // resources that its node must have
    uint32_t near_count;
    const struct placement_neighbour *near;
    uint32_t neighbour_count;
    const struct placement_neighbour *neighbours;
    uint32_t current; // node, or PLACEMENT_NONE
};

struct placement_result {
    uint32_t node;
    char reason[PLACEMENT_REASON_SIZE]; // why there is none; "" otherwise
};

// Fills `results`, one for each task. ERROR_MEMORY.
MUST_CHECK enum error placement_make(const struct placement_task *tasks, uint32_t task_count,
                                     const struct placement_node *nodes, uint32_t node_count, struct placement_result *results);

// True when the node meets all of the task's hard constraints that depend neither on other tasks nor on being alive.
bool placement_suits(const struct placement_task *task, const struct placement_node *node);

#endif
