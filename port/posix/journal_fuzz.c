// A segment's bytes, of two sorts. Any bytes: the scan stays inside them and its report adds up. A good segment, damaged as the
// input says: what is handed back is a prefix of what was put in.
//
// Input: 0 then the bytes of a segment of number 3; or the number of batches, their sizes, then changes {kind, place (2 bytes),
// value}.
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "port/journal_format.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: %s\n", function, expression);
    abort();
}

#define BATCHES_MAX 32

static uint8_t segment[JOURNAL_HEADER_SIZE + BATCHES_MAX * (JOURNAL_RECORD_HEAD_SIZE + 256)];
static const struct journal_key key = {3, 0x0123456789abcdef};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_size(void *context, struct bytes batch) {
    ASSERT(batch.size > 0 && batch.size <= PORT_JOURNAL_BATCH_MAX);
    *(size_t *)context += JOURNAL_RECORD_HEAD_SIZE + batch.size;
}

static void scan_anything(struct bytes file) {
    struct port_journal_report report;
    size_t handed_back = 0;
    if (journal_scan(file, 3, add_size, &handed_back, &report) == ERROR_NONE) {
        size_t smallest = JOURNAL_RECORD_HEAD_SIZE + 1;
        ASSERT(handed_back >= report.batches * smallest && handed_back + report.torn_bytes <= file.size);
        ASSERT(report.lost_batches <= 1 || report.lost_batches * smallest <= file.size - handed_back - report.torn_bytes);
    }
}

static struct bytes batch_of(uint32_t number, size_t size) {
    static uint8_t batch[256];
    memset(batch, (int)number, sizeof batch);
    return (struct bytes){batch, size};
}

struct expectation {
    const uint8_t *sizes;
    uint32_t count;
    uint32_t seen;
};

static void expect_next(void *context, struct bytes batch) {
    struct expectation *expectation = context;
    ASSERT(expectation->seen < expectation->count);
    uint32_t number = expectation->seen++;
    ASSERT(bytes_equal(batch, batch_of(number, (size_t)expectation->sizes[number] + 1)));
}

static size_t damage(const uint8_t change[4], size_t size) {
    size_t at = size == 0 ? 0 : ((size_t)change[1] << 8 | change[2]) % size;
    switch (change[0] % 5) {
    case 0:
        segment[at] ^= change[3];
        return size;
    case 1:
        segment[at] = change[3];
        return size;
    case 2:
        return at;
    case 3: // a hole of zeros
        memset(segment + at, 0, change[3] > size - at ? size - at : change[3]);
        return size;
    default: // a piece missing
        if (change[3] < size - at) {
            memmove(segment + at, segment + at + change[3], size - at - change[3]);
            return size - change[3];
        }
        return size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    struct expectation expectation = {.sizes = data + 1, .count = data[0] % BATCHES_MAX};
    if (expectation.count == 0 || size < 1 + (size_t)expectation.count) {
        scan_anything((struct bytes){data + 1, size - 1});
        return 0;
    }
    size_t end = JOURNAL_HEADER_SIZE;
    journal_header_encode(&key, segment);
    for (uint32_t i = 0; i < expectation.count; i++) {
        struct bytes batch = batch_of(i, (size_t)expectation.sizes[i] + 1);
        journal_record_encode(&key, i, batch, segment + end);
        end += JOURNAL_RECORD_HEAD_SIZE + batch.size;
    }
    for (size_t at = 1 + (size_t)expectation.count; at + 4 <= size; at += 4) {
        end = damage(data + at, end);
    }
    struct port_journal_report report;
    if (journal_scan((struct bytes){segment, end}, key.segment, expect_next, &expectation, &report) == ERROR_NONE) {
        ASSERT(report.batches == expectation.seen);
        ASSERT(report.batches + report.lost_batches <= (uint64_t)expectation.count + 1);
    }
    return 0;
}
