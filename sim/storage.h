// The disk of one host, in memory: files that are replaced in one step, and journals whose unflushed end is lost or torn at a
// crash. It survives the host's process, and is emptied when the device is replaced.
#ifndef TENON_SIM_STORAGE_H
#define TENON_SIM_STORAGE_H

#include "core/bytes.h"
#include "core/error.h"
#include "sim/random.h"

struct storage_file {
    char *path;
    struct bytes content; // from malloc
};

// Batches one behind the other.
struct batches {
    uint8_t *data;
    size_t size, room;
    uint32_t *sizes;
    uint32_t count, count_room;
};

struct storage_journal {
    char *directory;
    struct batches kept;  // on the disk, the unflushed end included
    uint32_t durable;     // batches of `kept` that are flushed
    struct batches fresh; // the rewrite under way
    bool rewriting;
    bool broken;       // a flush or commit failed; only a rewrite makes it good
    uint32_t torn;     // bytes behind the last whole batch, for the report of the next opening
    uint64_t appended; // numbers batches for ever, over rewrites
    uint64_t last;     // number of the newest batch in `kept`
    uint64_t segment;  // in flash: of the one in force
};

struct storage {
    struct storage_file *files;
    uint32_t file_count, file_room;
    struct storage_journal *journals;
    uint32_t journal_count;
    // In flash: power failed while this file was written, or without data: deleted. No path when there is none.
    struct storage_file cut;
    bool full;         // every write fails
    uint32_t fail_ppm; // writes that fail by chance
    uint64_t writes;   // for the report
    uint64_t flushes;
};

struct storage_file *storage_find(struct storage *storage, const char *path);
void storage_put(struct storage *storage, const char *path, struct bytes content);
void storage_delete(struct storage *storage, const char *path);
void storage_cut(struct storage *storage, const char *path, struct bytes content);
void storage_uncut(struct storage *storage);
// The journal of the directory, made when it is not there. Valid until another one is made.
struct storage_journal *storage_journal(struct storage *storage, const char *directory);
// Power is gone: of what was appended and not flushed a prefix survives. `survived` gets the number of the newest batch of the
// first journal that is there after it.
void storage_crash(struct storage *storage, struct random *random, uint64_t *survived);
void storage_free(struct storage *storage);

void batches_add(struct batches *batches, struct bytes batch);
void batches_cut(struct batches *batches, uint32_t count); // keeps the first `count`
void batches_free(struct batches *batches);

#endif
