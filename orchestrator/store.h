// Where the orchestrator keeps what must survive it: keys with values and revisions, compare-and-swap, batches that are all or
// nothing.
//
// This header is the interface for every kind of store; store_sqlite.c is the embedded one (one file, write-ahead log,
// synchronous). A revision is a number that rises with every write to the store. Values from store_get are the caller's to
// free. Errors: ERROR_STORAGE when the disk is full, read-only or broken; store_refusal gives the sentence for a person. After
// a failed write nothing of it is in the store.
#ifndef TENON_ORCHESTRATOR_STORE_H
#define TENON_ORCHESTRATOR_STORE_H

#include "core/bytes.h"
#include "core/error.h"

// For `expected`: write whatever is there. 0 means "the key must not be there".
#define STORE_ANY UINT64_MAX

struct store;

// Opens or makes the store in a folder, which is made when needed. ERROR_STORAGE with a refusal that names path and remedy.
MUST_CHECK enum error store_open(const char *folder, struct store **out, char refusal[256]);
void store_close(struct store *store);

// The value (from malloc) and its revision (NULL when not wanted). ERROR_NOT_FOUND, ERROR_STORAGE, ERROR_MEMORY.
MUST_CHECK enum error store_get(struct store *store, const char *key, struct bytes *out, uint64_t *revision);

// Writes if the key's revision is `expected`. ERROR_MISMATCH when it is not. `*revision` (may be NULL) is the new one.
MUST_CHECK enum error store_put(struct store *store, const char *key, struct bytes value, uint64_t expected,
                                uint64_t *revision);

// Deletes; no error when it is not there. ERROR_MISMATCH as above.
MUST_CHECK enum error store_delete(struct store *store, const char *key, uint64_t expected);

// Calls `visit` for each key that begins with `prefix`, in the order of keys. The store must not be written meanwhile. A visit
// that returns false ends it.
typedef bool (*store_visit)(void *context, const char *key, struct bytes value, uint64_t revision);
MUST_CHECK enum error store_each(struct store *store, const char *prefix, store_visit visit, void *context);

// Everything between begin and commit becomes durable together; commit returns when it is. rollback drops it.
MUST_CHECK enum error store_begin(struct store *store);
MUST_CHECK enum error store_commit(struct store *store);
void store_rollback(struct store *store);

// Limits the store to so many pages of 4 KiB, so that a full disk can be had on purpose.
void store_limit_pages(struct store *store, uint32_t pages);

// Why the last call failed, and what to do about it.
const char *store_refusal(const struct store *store);

#endif
