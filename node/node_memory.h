// The memory that a runtime wants at its start, for a number of tasks: one mapping whose untouched pages cost nothing.
#ifndef TENON_NODE_NODE_MEMORY_H
#define TENON_NODE_NODE_MEMORY_H

#include "core/runtime.h"

// Fills `*memory` with tables for up to `task_max` tasks. `*block` is given to node_memory_close. ERROR_MEMORY.
MUST_CHECK enum error node_memory_open(uint32_t task_max, struct runtime_memory *memory, void **block);
// `task_max` as it was at the opening. NULL is allowed.
void node_memory_close(uint32_t task_max, void *block);

#endif
