// The components that are at hand: .wasm files from folders, or uploads, each with its manifest and the digest that names it.
//
// Memory: the store owns the bytes of every component until component_store_free. Zeroed memory is an empty store.
// Two components may share a name: a reference "thermostat@1.2.0" means that version, "thermostat" the newest version; of
// equal versions the one that was added last is meant.
#ifndef TENON_ORCHESTRATOR_COMPONENT_STORE_H
#define TENON_ORCHESTRATOR_COMPONENT_STORE_H

#include "core/manifest.h"
#include "core/plan.h"
#include "orchestrator/problems.h"

struct component {
    uint8_t digest[DIGEST_SIZE];
    uint64_t order;    // of adding; the highest was added last
    struct bytes wasm; // from malloc, owned by the store; size 0 when only the manifest is known
    struct manifest manifest;
    uint32_t footprint; // about what a node's engine takes for one task of it
};

struct component_store {
    uint32_t count;
    uint32_t room;
    uint64_t order;
    struct component *items;
};

// Reads the module's manifest and adds it; adding the same bytes again only makes them the last. `wasm` is copied.
// On any error `refusal` (160 bytes) says what is wrong with the module.
MUST_CHECK enum error component_store_add(struct component_store *store, struct bytes wasm, const struct component **out,
                                          char refusal[160]);

// Adds a component of which only manifest and digest are known.
MUST_CHECK enum error component_store_add_manifest(struct component_store *store, const struct manifest *manifest,
                                                   const uint8_t digest[DIGEST_SIZE]);

// Adds every .wasm file of a folder in the order of their names. A file that is no component, and a folder that is not there or
// empty, become problems.
void component_store_load(struct component_store *store, const char *folder, uint32_t line, struct problems *problems);

// Where a folder of a policy's `components` lies: as written when that begins with a slash, else from the policy's own folder.
void component_folder(const char *policy_path, const char *folder, char *out, size_t size);

// What a reference means, NULL when there is none.
const struct component *component_store_find(const struct component_store *store, const char *reference);
const struct component *component_store_by_digest(const struct component_store *store, const uint8_t digest[DIGEST_SIZE]);

// The known name closest to the reference, or NULL.
const char *component_store_closest(const struct component_store *store, const char *reference);

void component_store_free(struct component_store *store);

#endif
