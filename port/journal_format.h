// The bytes of a journal, for every port: how a segment and its records look, and how they are read back. Version 1 of the
// format is told in docs/formats/journal.md; abi/vectors/journal-*.bin are its golden vectors.
//
//     write: journal_header_encode(&key, bytes); for each batch journal_record_encode(&key, index++, batch, bytes);
//     read:  journal_scan(file, number, visit, context, &report)
//
// No I/O, no allocation, no state. What is read comes from a disk: anything may stand there.
#ifndef TENON_PORT_JOURNAL_FORMAT_H
#define TENON_PORT_JOURNAL_FORMAT_H

#include "port/port.h"

#define JOURNAL_FORMAT_VERSION 1
// Two copies, so that one wrong bit in the first 64 bytes does not cost the rest.
#define JOURNAL_HEADER_SIZE 64
#define JOURNAL_RECORD_HEAD_SIZE 16

// What every checksum of a segment covers besides the bytes themselves, so that bytes of another segment, or of another
// building's journal with the same number, never pass.
struct journal_key {
    uint64_t segment; // counts from 1; the number in the file's name
    uint64_t salt;    // drawn at random when the segment is made
};

void journal_header_encode(const struct journal_key *key, uint8_t out[JOURNAL_HEADER_SIZE]);
// Reads either copy. ERROR_NOT_FOUND (neither is whole), ERROR_UNSUPPORTED (a later version wrote it).
MUST_CHECK enum error journal_header_decode(struct bytes file, struct journal_key *out);
// Writes JOURNAL_RECORD_HEAD_SIZE + batch.size bytes. `batch` has 1 to PORT_JOURNAL_BATCH_MAX bytes, `index` counts from 0.
void journal_record_encode(const struct journal_key *key, uint32_t index, struct bytes batch, uint8_t *out);
// The same without the batch, which is to follow.
void journal_record_head_encode(const struct journal_key *key, uint32_t index, struct bytes batch,
                                uint8_t out[JOURNAL_RECORD_HEAD_SIZE]);

// Reads a segment of this number: `visit` (may be NULL) gets the longest unbroken run of batches from the first on; what
// follows is counted in `report` and never handed out. ERROR_UNSUPPORTED: a later version wrote it; nothing was visited.
MUST_CHECK enum error journal_scan(struct bytes file, uint64_t segment, void (*visit)(void *context, struct bytes batch),
                                   void *context, struct port_journal_report *report);

#endif
