// Memory of the simulator: when there is none left, the program ends, for a run with holes would show nothing.
#ifndef TENON_SIM_GROW_H
#define TENON_SIM_GROW_H

#include <stdlib.h>

#include "core/assert.h"

// realloc that does not fail. The size is `count` members of `size` bytes.
static inline void *grow(void *block, size_t count, size_t size) {
    void *grown = realloc(block, count * size);
    ASSERT(grown != NULL);
    return grown;
}

#endif
