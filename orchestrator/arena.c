// The arena: a list of blocks from calloc, each given out from its start.
#include "orchestrator/arena.h"

#include <stdlib.h>

#define BLOCK_SIZE 65536

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    max_align_t memory[];
};

void *arena_allocate(struct arena *arena, size_t size) {
    size_t rounded = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < rounded) {
        size_t room = rounded > BLOCK_SIZE ? rounded : BLOCK_SIZE;
        block = calloc(1, sizeof *block + room);
        if (block == NULL) {
            return NULL;
        }
        block->size = room;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *memory = (uint8_t *)block->memory + block->used;
    block->used += rounded;
    return memory;
}

const char *arena_keep(struct arena *arena, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = arena_allocate(arena, size);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

void arena_free(struct arena *arena) {
    while (arena->blocks != NULL) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}
