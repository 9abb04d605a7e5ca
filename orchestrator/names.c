// The map of names: FNV-1a, linear probing, at most half full.
#include "orchestrator/names.h"

#include <stdlib.h>

static uint32_t hash(const char *key) {
    uint32_t value = 2166136261U;
    for (const char *at = key; *at != '\0'; at++) {
        value = (value ^ (uint8_t)*at) * 16777619U;
    }
    return value;
}

static uint32_t slot_of(const struct names *names, const char *key) {
    uint32_t slot = hash(key) & (names->size - 1);
    while (names->keys[slot] != NULL && strcmp(names->keys[slot], key) != 0) {
        slot = (slot + 1) & (names->size - 1);
    }
    return slot;
}

static bool grow(struct names *names) {
    struct names bigger = {.count = names->count, .size = names->size == 0 ? 64 : names->size * 2};
    bigger.keys = calloc(bigger.size, sizeof *bigger.keys);
    bigger.values = calloc(bigger.size, sizeof *bigger.values);
    if (bigger.keys == NULL || bigger.values == NULL) {
        names_free(&bigger);
        return false;
    }
    for (uint32_t i = 0; i < names->size; i++) {
        if (names->keys[i] != NULL) {
            uint32_t slot = slot_of(&bigger, names->keys[i]);
            bigger.keys[slot] = names->keys[i];
            bigger.values[slot] = names->values[i];
        }
    }
    names_free(names);
    *names = bigger;
    return true;
}

bool names_add(struct names *names, const char *key, uint32_t value) {
    if (names->count * 2 >= names->size && !grow(names)) {
        return false;
    }
    uint32_t slot = slot_of(names, key);
    if (names->keys[slot] == NULL) {
        names->keys[slot] = key;
        names->values[slot] = value;
        names->count++;
    }
    return true;
}

uint32_t names_find(const struct names *names, const char *key) {
    if (names->size == 0) {
        return NAMES_NONE;
    }
    uint32_t slot = slot_of(names, key);
    return names->keys[slot] != NULL ? names->values[slot] : NAMES_NONE;
}

void names_free(struct names *names) {
    free((void *)names->keys);
    free(names->values);
    *names = (struct names){0};
}
