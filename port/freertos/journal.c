// The journal in two areas of flash that take turns. The one whose header has the higher segment number is in force.
//
//     open:    scan the area in force and go on behind its last record, or, when anything but erased flash follows, copy what
//              is whole into the other area
//     append:  programs the record; flash has no cache, so what is programmed is durable and flush has nothing to do. With each
//              block that it fills it erases one of the other area, so that a rewrite need not stand still for all of them
//     rewrite: erases what is left of the other area; records go there; commit programs its header, which is the moment, and
//     then clears the
//              header of the old one, so that a damaged segment is never followed by an older one in silence
#include <stdio.h>

#include "port/freertos/flash.h"
#include "port/freertos/flash_store.h"

#define AREA_SIZE (FLASH_JOURNAL_COUNT * FLASH_BLOCK_SIZE)

static uint32_t first_block(uint32_t area) {
    return FLASH_JOURNAL_FIRST + area * FLASH_JOURNAL_COUNT;
}

static struct bytes area_bytes(uint32_t area) {
    return (struct bytes){flash_block(first_block(area)), AREA_SIZE};
}

static bool put(struct flash_journal *journal, struct bytes bytes) {
    bool good =
        flash_program(first_block(journal->area) + journal->used / FLASH_BLOCK_SIZE, journal->used % FLASH_BLOCK_SIZE, bytes);
    journal->used += (uint32_t)bytes.size;
    return good;
}

enum error flash_journal_append(struct flash_journal *journal, struct bytes batch) {
    uint8_t head[JOURNAL_RECORD_HEAD_SIZE];
    if (journal->failed && !journal->rewriting) {
        return ERROR_STORAGE;
    }
    if (batch.size > PORT_JOURNAL_BATCH_MAX || batch.size + sizeof head > AREA_SIZE - journal->used) {
        journal->failed = true;
        return ERROR_TOO_LARGE;
    }
    uint32_t end = journal->used + (uint32_t)(sizeof head + batch.size);
    for (uint32_t i = journal->used / FLASH_BLOCK_SIZE; i < end / FLASH_BLOCK_SIZE && !journal->rewriting; i++) {
        flash_erase(first_block(1 - journal->area) + i);
    }
    journal_record_head_encode(&journal->key, journal->index++, batch, head);
    if (!put(journal, (struct bytes){head, sizeof head}) || !put(journal, batch)) {
        journal->failed = true;
        return ERROR_STORAGE;
    }
    return ERROR_NONE;
}

enum error flash_journal_flush(struct flash_journal *journal) {
    return journal->failed ? ERROR_STORAGE : ERROR_NONE;
}

uint64_t flash_journal_size(const struct flash_journal *journal) {
    return journal->used;
}

enum error flash_journal_rewrite(struct flash_journal *journal) {
    journal->area = 1 - journal->force_area;
    journal->key = (struct journal_key){journal->key.segment + 1, port_entropy64()};
    journal->index = 0;
    journal->used = JOURNAL_HEADER_SIZE;
    journal->rewriting = true;
    journal->failed = false;
    for (uint32_t i = 0; i < FLASH_JOURNAL_COUNT; i++) {
        flash_erase(first_block(journal->area) + i);
    }
    return ERROR_NONE;
}

enum error flash_journal_commit(struct flash_journal *journal) {
    uint8_t header[JOURNAL_HEADER_SIZE];
    struct journal_key found;
    static const uint8_t cleared[JOURNAL_HEADER_SIZE];
    bool good = !journal->failed && journal->rewriting;
    if (good) {
        journal_header_encode(&journal->key, header);
        (void)flash_program(first_block(journal->area), 0, (struct bytes){header, sizeof header});
        // What the next opening will find decides, not what the flash said: a header with one whole copy is in force.
        good = journal_header_decode(area_bytes(journal->area), &found) == ERROR_NONE && found.segment == journal->key.segment;
    }
    journal->rewriting = false;
    journal->failed = !good;
    if (!good) {
        return ERROR_STORAGE;
    }
    (void)flash_program(first_block(journal->force_area), 0, (struct bytes){cleared, sizeof cleared});
    journal->force_area = journal->area;
    return ERROR_NONE;
}

struct found {
    void (*replay)(void *context, struct bytes batch);
    void *context;
    uint32_t end; // of the last whole record
};

static void visit(void *context, struct bytes batch) {
    struct found *found = context;
    found->end += JOURNAL_RECORD_HEAD_SIZE + (uint32_t)batch.size;
    if (found->replay != NULL) {
        found->replay(found->context, batch);
    }
}

static void copy(void *context, struct bytes batch) {
    enum error error = flash_journal_append(context, batch);
    (void)error; // it sticks until commit
}

// Bytes behind `from` that are not erased.
static uint32_t written_behind(uint32_t area, uint32_t from) {
    struct bytes bytes = area_bytes(area);
    uint32_t end = (uint32_t)bytes.size;
    while (end > from && bytes.data[end - 1] == 0xff) {
        end--;
    }
    return end - from;
}

// False when neither area has a header.
static bool find_force(struct flash_journal *journal, enum error *error) {
    bool found = false;
    *error = ERROR_NONE;
    for (uint32_t area = 0; area < 2; area++) {
        struct journal_key key;
        enum error read = journal_header_decode(area_bytes(area), &key);
        if (read == ERROR_UNSUPPORTED) {
            *error = read;
        } else if (read == ERROR_NONE && (!found || key.segment > journal->key.segment)) {
            journal->key = key;
            journal->force_area = area;
            found = true;
        }
    }
    return found;
}

enum error flash_journal_open(struct flash_journal *journal, void (*replay)(void *context, struct bytes batch), void *context,
                              struct port_journal_report *report, char refusal[PORT_REFUSAL_SIZE]) {
    struct found found = {replay, context, JOURNAL_HEADER_SIZE};
    enum error error;
    *journal = (struct flash_journal){0};
    *report = (struct port_journal_report){0};
    bool exists = find_force(journal, &error);
    if (error == ERROR_NONE && exists) {
        error = journal_scan(area_bytes(journal->force_area), journal->key.segment, visit, &found, report);
    }
    if (error != ERROR_NONE) {
        snprintf(refusal, PORT_REFUSAL_SIZE, "the journal in flash was written by a later version: load that firmware");
        return error;
    }
    report->torn_bytes = exists ? written_behind(journal->force_area, found.end) : 0;
    journal->area = journal->force_area;
    journal->index = (uint32_t)report->batches;
    journal->used = found.end;
    if (!exists || report->torn_bytes > 0) {
        struct port_journal_report again;
        struct bytes before = area_bytes(journal->force_area);
        uint64_t segment = journal->key.segment;
        error = flash_journal_rewrite(journal);
        error = error == ERROR_NONE && exists ? journal_scan(before, segment, copy, journal, &again) : error;
        if (error != ERROR_NONE || flash_journal_commit(journal) != ERROR_NONE) {
            journal->failed = true; // what was found is handed back all the same
        }
    }
    return ERROR_NONE;
}
