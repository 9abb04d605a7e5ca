// A map from names to numbers: open addressing, grown by doubling, so that a policy of 100,000 tasks is read in linear time.
//
// Keys are not copied: they must outlive the map. Zeroed memory is an empty map; names_free releases its table.
#ifndef TENON_ORCHESTRATOR_NAMES_H
#define TENON_ORCHESTRATOR_NAMES_H

#include "core/bytes.h"

#define NAMES_NONE UINT32_MAX

struct names {
    uint32_t count;
    uint32_t size; // power of two, 0 when empty
    const char **keys;
    uint32_t *values;
};

// Adds a name. Returns false when there is no memory. A name that is there keeps its number.
bool names_add(struct names *names, const char *key, uint32_t value);

// The number of the name, or NAMES_NONE.
uint32_t names_find(const struct names *names, const char *key);

void names_free(struct names *names);

#endif
