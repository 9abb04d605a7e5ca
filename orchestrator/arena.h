// Memory that is given out piece by piece and released all at once. Zeroed memory is an empty arena.
#ifndef TENON_ORCHESTRATOR_ARENA_H
#define TENON_ORCHESTRATOR_ARENA_H

#include "core/bytes.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;
};

// Zeroed memory, aligned for any type, that lives until arena_free; NULL when there is none.
void *arena_allocate(struct arena *arena, size_t size);
// A copy of the text, or NULL.
const char *arena_keep(struct arena *arena, const char *text);
void arena_free(struct arena *arena);

#endif
