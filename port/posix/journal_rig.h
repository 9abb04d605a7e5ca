// What the tests of the journal share: batches that can be told apart, folders, and a disk that breaks on command.
#ifndef TENON_PORT_POSIX_JOURNAL_RIG_H
#define TENON_PORT_POSIX_JOURNAL_RIG_H

#include "port/posix/journal_private.h"

#define RIG_BATCH_SIZE_MAX 100
#define RIG_PATH_SIZE 128

// A folder of its own, in memory where the system has such a place, for these tests flush thousands of times.
void rig_folder_make(char path[RIG_PATH_SIZE]);
void rig_folder_clear(const char *path);
void rig_folder_remove(const char *path);
// The one segment in the folder: its name, and its bytes in `out`. Returns their number.
size_t rig_segment_read(const char *folder, char name[RIG_PATH_SIZE], struct buffer out);
void rig_file_write(const char *folder, const char *name, struct bytes content);
bool rig_file_exists(const char *folder, const char *name);

// The batch of this number: 1 to RIG_BATCH_SIZE_MAX bytes, different for each.
struct bytes rig_batch(uint32_t number, uint8_t out[RIG_BATCH_SIZE_MAX]);
enum error rig_append(struct port_journal *journal, uint32_t number);

// For `replay`: counts, and fails the test at a batch that is not the next one.
void rig_expect_next(void *count, struct bytes batch);

// --- a disk that breaks --------------------------------------------------------------------------------------------------

enum rig_fault {
    RIG_FAIL_ONCE,  // the call of this number fails, later ones work
    RIG_FAIL_SPACE, // so do all later ones that write, until rig_disk_free
    RIG_SYNC_LOSES, // as RIG_FAIL_ONCE, and a flush that fails has lost what it had to flush, which nobody sees before power
                    // does
    RIG_CRASH,      // the process ends here, perhaps in the middle of a write; what was written stays
    RIG_POWER_CUT,  // and what was not yet flushed stays or not, piece by piece, as the seed says
};

struct rig_disk {
    struct journal_disk calls;
    char folder[RIG_PATH_SIZE];
    enum rig_fault fault;
    uint32_t countdown; // calls before the fault, UINT32_MAX: never
    bool broken;        // the fault has struck
    uint64_t random;
    uint32_t undurable_count;
    struct {
        enum { UNDURABLE_WRITE, UNDURABLE_RENAME, UNDURABLE_UNLINK } kind;
        char name[RIG_PATH_SIZE];
        char from[RIG_PATH_SIZE];
        int descriptor;
        off_t at;
        size_t size;
        bool lost; // a flush of it failed: the system takes it for clean and no other will write it
    } undurable[256];
};

void rig_disk_begin(struct rig_disk *disk, const char *folder, enum rig_fault fault, uint32_t countdown, uint64_t seed);
// Room on the disk again.
void rig_disk_free(struct rig_disk *disk);
// After a crash: leaves on the real disk what would be found there at the next start.
void rig_disk_settle(struct rig_disk *disk);

#endif
