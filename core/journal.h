// What a runtime writes down so that it survives a restart of its node: batches of entries, each batch one unit of work.
//
// A batch is a CBOR sequence (RFC 8742) of entries, abi/journal.cddl. The storage below keeps whole batches or none, in order;
// what a unit of work consumed, changed and sent is in one batch, so that no crash can part them. Entries tell what is, not
// what to do: replaying a prefix of the journal gives the state at that moment, and replaying an entry twice changes nothing.
//
// Pure: encodes into and decodes from the caller's memory. Views of a decoded entry point into the batch.
#ifndef TENON_CORE_JOURNAL_H
#define TENON_CORE_JOURNAL_H

#include "core/plan.h"

enum journal_kind {
    JOURNAL_STATE = 0,    // a task's state region as of now
    JOURNAL_OUTPUT = 1,   // a reliable message that was sent into a link and has not taken effect at its end
    JOURNAL_POSITION = 2, // of a link: all up to here has taken effect, or was refused for good
    JOURNAL_COMMAND = 3,  // what an actuator is told at one priority; an empty value: relinquished
    JOURNAL_TIME = 4,     // what the building's clock showed
    JOURNAL_KIND_COUNT,
};

struct journal_entry {
    enum journal_kind kind;
    char name[NAME_SIZE_MAX]; // STATE: the task; COMMAND: the resource
    uint32_t link;            // OUTPUT, POSITION: its id; COMMAND: the link that it came over, UINT32_MAX for a person's
    uint32_t epoch;           // OUTPUT, POSITION: of the source
    uint64_t sequence;        // OUTPUT, POSITION
    uint32_t version;         // STATE: of the region's layout
    uint32_t priority;        // OUTPUT of a command, COMMAND: 1-16
    uint64_t trace;           // OUTPUT, COMMAND
    uint64_t born_ms;         // OUTPUT, TIME: building time
    uint64_t expires_ms;      // OUTPUT of a command, COMMAND: building time
    struct bytes value;       // STATE: the region; OUTPUT, COMMAND: one CBOR item
};

// Adds one entry behind `*used` bytes of `batch` and moves `*used`. ERROR_TOO_LARGE when it does not fit; nothing is changed.
MUST_CHECK enum error journal_put(struct buffer batch, size_t *used, const struct journal_entry *entry);

// Takes the first entry off `*batch`. ERROR_TRUNCATED, ERROR_MALFORMED, ERROR_TOO_LARGE, ERROR_UNSUPPORTED (a kind of a later
// version). Size 0 is no entry: the caller asks before.
MUST_CHECK enum error journal_take(struct bytes *batch, struct journal_entry *out);

#endif
