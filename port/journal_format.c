#include "port/journal_format.h"

#include "core/assert.h"
#include "core/crc32c.h"

#define HEADER_COPY_SIZE 32
// How many times its own size a search behind damage may cost in checksums. An honest segment needs less than 2; the limit is
// against one that is full of record marks.
#define SEARCH_EFFORT_MAX 16

static const uint8_t header_mark[8] = {'T', 'E', 'N', 'O', 'N', 'j', 'n', 'l'};
static const uint8_t record_mark[4] = {0xb7, 'r', 'e', 'c'};

static void put(uint8_t *out, uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t get(const uint8_t *in, unsigned size) {
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)in[i] << (8 * i);
    }
    return value;
}

void journal_header_encode(const struct journal_key *key, uint8_t out[JOURNAL_HEADER_SIZE]) {
    memcpy(out, header_mark, sizeof header_mark);
    put(out + 8, JOURNAL_FORMAT_VERSION, 4);
    put(out + 12, key->segment, 8);
    put(out + 20, key->salt, 8);
    put(out + 28, crc32c(0, (struct bytes){out, 28}), 4);
    memcpy(out + HEADER_COPY_SIZE, out, HEADER_COPY_SIZE);
}

// Covers the key, the record's index and size, and the batch.
static uint32_t record_checksum(const struct journal_key *key, const uint8_t head[JOURNAL_RECORD_HEAD_SIZE],
                                struct bytes batch) {
    uint8_t covered[24];
    put(covered, key->segment, 8);
    put(covered + 8, key->salt, 8);
    memcpy(covered + 16, head + 4, 8);
    return crc32c(crc32c(0, (struct bytes){covered, sizeof covered}), batch);
}

void journal_record_head_encode(const struct journal_key *key, uint32_t index, struct bytes batch,
                                uint8_t out[JOURNAL_RECORD_HEAD_SIZE]) {
    ASSERT(batch.size > 0 && batch.size <= PORT_JOURNAL_BATCH_MAX);
    memcpy(out, record_mark, sizeof record_mark);
    put(out + 4, index, 4);
    put(out + 8, batch.size, 4);
    put(out + 12, record_checksum(key, out, batch), 4);
}

void journal_record_encode(const struct journal_key *key, uint32_t index, struct bytes batch, uint8_t *out) {
    journal_record_head_encode(key, index, batch, out);
    memcpy(out + JOURNAL_RECORD_HEAD_SIZE, batch.data, batch.size);
}

// --- reading -------------------------------------------------------------------------------------------------------------

enum error journal_header_decode(struct bytes file, struct journal_key *out) {
    for (size_t at = 0; at < JOURNAL_HEADER_SIZE && file.size >= at + HEADER_COPY_SIZE; at += HEADER_COPY_SIZE) {
        const uint8_t *copy = file.data + at;
        if (memcmp(copy, header_mark, sizeof header_mark) != 0 || crc32c(0, (struct bytes){copy, 28}) != get(copy + 28, 4)) {
            continue;
        }
        *out = (struct journal_key){get(copy + 12, 8), get(copy + 20, 8)};
        return get(copy + 8, 4) == JOURNAL_FORMAT_VERSION ? ERROR_NONE : ERROR_UNSUPPORTED;
    }
    return ERROR_NOT_FOUND;
}

// What looks like a record at this place: the mark, and a size that fits. The checksum is not looked at.
static bool record_seen(struct bytes file, size_t at, uint32_t *index, struct bytes *batch) {
    if (file.size - at < JOURNAL_RECORD_HEAD_SIZE || memcmp(file.data + at, record_mark, sizeof record_mark) != 0) {
        return false;
    }
    uint64_t size = get(file.data + at + 8, 4);
    if (size == 0 || size > PORT_JOURNAL_BATCH_MAX || size > file.size - at - JOURNAL_RECORD_HEAD_SIZE) {
        return false;
    }
    *index = (uint32_t)get(file.data + at + 4, 4);
    *batch = (struct bytes){file.data + at + JOURNAL_RECORD_HEAD_SIZE, (size_t)size};
    return true;
}

static bool record_whole(const struct journal_key *key, struct bytes file, size_t at, struct bytes batch) {
    return record_checksum(key, file.data + at, batch) == get(file.data + at + 12, 4);
}

// Searches behind damage for whole records, at every place, for their beginnings are no longer known. Without a key
// everything that looks like a record counts. Returns how many; `end` is where the last of them ends.
static uint64_t count_behind(const struct journal_key *key, struct bytes file, size_t at, size_t *end) {
    uint64_t count = 0;
    uint64_t effort = 0;
    *end = at;
    while (at < file.size && effort <= SEARCH_EFFORT_MAX * (uint64_t)file.size) {
        const uint8_t *next = memchr(file.data + at, record_mark[0], file.size - at);
        if (next == NULL) {
            break;
        }
        at = (size_t)(next - file.data);
        uint32_t index;
        struct bytes batch;
        bool seen = record_seen(file, at, &index, &batch);
        effort += seen ? batch.size : 0;
        if (seen && (key == NULL || record_whole(key, file, at, batch))) {
            count++;
            at += JOURNAL_RECORD_HEAD_SIZE + batch.size;
            *end = at;
        } else {
            at++;
        }
    }
    return count;
}

enum error journal_scan(struct bytes file, uint64_t segment, void (*visit)(void *context, struct bytes batch), void *context,
                        struct port_journal_report *report) {
    struct journal_key key;
    *report = (struct port_journal_report){0};
    enum error error = journal_header_decode(file, &key);
    if (error == ERROR_UNSUPPORTED) {
        return error;
    }
    size_t at = file.size < JOURNAL_HEADER_SIZE ? 0 : JOURNAL_HEADER_SIZE;
    // A header that names another segment belongs to another file: nothing here is to be trusted.
    bool trusted = error == ERROR_NONE && key.segment == segment && at > 0;
    uint32_t index;
    struct bytes batch;
    while (trusted && record_seen(file, at, &index, &batch) && index == report->batches &&
           record_whole(&key, file, at, batch)) {
        if (visit != NULL) {
            visit(context, batch);
        }
        report->batches++;
        at += JOURNAL_RECORD_HEAD_SIZE + batch.size;
    }
    size_t end;
    report->lost_batches = count_behind(error == ERROR_NONE ? &key : NULL, file, at, &end);
    report->torn_bytes = file.size - end;
    if (!trusted && report->lost_batches == 0) {
        report->lost_batches = 1; // a segment gets its name after its header is durable, so this is no crash
    }
    return ERROR_NONE;
}
