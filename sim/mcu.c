#include "sim/mcu.h"

#include <stdlib.h>

#include "core/assert.h"
#include "sim/flash.h"
#include "sim/sim.h"

// --- files ---------------------------------------------------------------------------------------------------------------

static bool is(const struct host *host, const char *path, const struct storage_file *wanted) {
    struct bytes found;
    enum error error = flash_file_read(path, SIZE_MAX, &found);
    (void)host;
    return wanted == NULL ? error == ERROR_NOT_FOUND : error == ERROR_NONE && bytes_equal(found, wanted->content);
}

static void expect(struct host *host, const char *path, const char *when) {
    if (!host->dead && !is(host, path, storage_find(&host->storage, path))) {
        sim_breach(host->sim, "storage", "%s: %s is not what was written %s", host->name, path, when);
    }
}

// A power cut left the file as it was, or as it was to be.
static void settle_cut(struct host *host) {
    struct storage *storage = &host->storage;
    struct storage_file *cut = &storage->cut;
    if (cut->path == NULL) {
        return;
    }
    if (!is(host, cut->path, storage_find(storage, cut->path))) {
        if (!is(host, cut->path, cut->content.data == NULL ? NULL : cut)) {
            sim_breach(host->sim, "storage", "%s: %s is neither as it was nor as it was to be when power failed", host->name,
                       cut->path);
        } else if (cut->content.data == NULL) {
            storage_delete(storage, cut->path);
        } else {
            storage_put(storage, cut->path, cut->content);
        }
    }
    storage_uncut(storage);
}

void mcu_start(struct host *host) {
    flash_files_open(&host->flash->files);
    if (host->dead) {
        return; // power failed again; what was cut before is still to be settled
    }
    settle_cut(host);
    for (uint32_t i = 0; i < host->storage.file_count; i++) {
        expect(host, host->storage.files[i].path, "when the device starts");
    }
}

enum error mcu_file_write(struct host *host, const char *path, struct bytes content, bool over) {
    bool was_dead = host->dead;
    enum error error =
        over ? flash_file_overwrite(&host->flash->files, path, content) : flash_file_write(&host->flash->files, path, content);
    if (was_dead) {
        return ERROR_NONE;
    }
    if (host->dead) {
        storage_cut(&host->storage, path, content);
        return ERROR_NONE;
    }
    TRACE(host->sim, TRACE_FILE, host, content.size, "%s %s in flash, %zu bytes",
          error != ERROR_NONE ? "cannot write" : "write", path, content.size);
    if (error == ERROR_NONE) {
        storage_put(&host->storage, path, content);
    }
    expect(host, path, error == ERROR_NONE ? "just now" : "before a write that failed");
    return error;
}

enum error mcu_file_read(struct host *host, const char *path, size_t size_max, struct bytes *out) {
    expect(host, path, "before it is read");
    return flash_file_read(path, size_max, out);
}

void mcu_file_delete(struct host *host, const char *path) {
    bool was_dead = host->dead;
    flash_file_delete(path);
    if (!was_dead && host->dead) {
        storage_cut(&host->storage, path, (struct bytes){NULL, 0});
    } else if (!host->dead && is(host, path, NULL)) {
        storage_delete(&host->storage, path);
    } // else the flash refused, and the file stands
}

// --- journal -------------------------------------------------------------------------------------------------------------

struct replay {
    struct host *host;
    const struct batches *wanted;
    uint32_t count;
    size_t at;
    bool differs;
    void (*replay)(void *context, struct bytes batch);
    void *context;
};

static void compare(void *context, struct bytes batch) {
    struct replay *replay = context;
    const struct batches *wanted = replay->wanted;
    bool same = replay->count < wanted->count && wanted->sizes[replay->count] == batch.size &&
                memcmp(wanted->data + replay->at, batch.data, batch.size) == 0;
    replay->differs = replay->differs || !same;
    replay->at += same ? batch.size : 0;
    replay->count++;
    if (replay->replay != NULL) {
        replay->replay(replay->context, batch);
    }
}

enum error mcu_journal_open(struct host *host, struct storage_journal *shadow,
                            void (*replay)(void *context, struct bytes batch), void *context,
                            struct port_journal_report *report, char refusal[PORT_REFUSAL_SIZE]) {
    struct replay comparison = {.host = host, .wanted = &shadow->kept, .replay = replay, .context = context};
    enum error error = flash_journal_open(&host->flash->journal, compare, &comparison, report, refusal);
    if (error != ERROR_NONE || comparison.differs || comparison.count != shadow->kept.count || report->lost_batches > 0) {
        sim_breach(host->sim, "storage", "%s: the journal hands back %u batches of %u%s, %llu lost", host->name,
                   comparison.count, shadow->kept.count, comparison.differs ? ", others than were written" : "",
                   (unsigned long long)report->lost_batches);
    }
    shadow->segment = host->flash->journal.key.segment;
    return error;
}

enum error mcu_journal_append(struct host *host, struct storage_journal *shadow, struct bytes batch) {
    bool was_dead = host->dead;
    enum error error = flash_journal_append(&host->flash->journal, batch);
    if (was_dead || host->dead) {
        return ERROR_NONE;
    }
    TRACE(host->sim, TRACE_JOURNAL, host, trace_hash_bytes(batch), "journal batch of %zu bytes%s", batch.size,
          error == ERROR_NONE ? "" : " is not taken");
    if (error == ERROR_NONE) {
        shadow->appended++;
        shadow->last = shadow->rewriting ? shadow->last : shadow->appended;
        batches_add(shadow->rewriting ? &shadow->fresh : &shadow->kept, batch);
    }
    return error;
}

enum error mcu_journal_flush(struct host *host, struct storage_journal *shadow) {
    if (!host_effect(host, "flush the journal")) {
        return ERROR_NONE;
    }
    enum error error = flash_journal_flush(&host->flash->journal);
    TRACE(host->sim, TRACE_JOURNAL, host, shadow->appended, "journal flush%s", error == ERROR_NONE ? "" : " fails");
    if (error == ERROR_NONE) {
        checker_durable(&host->sim->checkers, host, shadow->last);
    }
    return error;
}

enum error mcu_journal_rewrite(struct host *host, struct storage_journal *shadow) {
    if (host->dead) {
        return ERROR_NONE;
    }
    TRACE(host->sim, TRACE_JOURNAL, host, shadow->kept.size, "journal rewrite begins at %zu bytes", shadow->kept.size);
    batches_free(&shadow->fresh);
    shadow->rewriting = true;
    return flash_journal_rewrite(&host->flash->journal);
}

static void take_fresh(struct storage_journal *shadow, uint64_t segment) {
    batches_free(&shadow->kept);
    shadow->kept = shadow->fresh;
    shadow->fresh = (struct batches){0};
    shadow->last = shadow->appended;
    shadow->segment = segment;
}

enum error mcu_journal_commit(struct host *host, struct storage_journal *shadow) {
    bool was_dead = host->dead;
    enum error error = flash_journal_commit(&host->flash->journal);
    if (was_dead || host->dead) {
        return ERROR_NONE;
    }
    TRACE(host->sim, TRACE_JOURNAL, host, shadow->fresh.size, "journal %s at %zu bytes",
          error == ERROR_NONE ? "commits" : "cannot commit", shadow->fresh.size);
    if (error == ERROR_NONE) {
        take_fresh(shadow, host->flash->journal.key.segment);
        shadow->rewriting = false;
        checker_durable(&host->sim->checkers, host, shadow->last);
    }
    return error;
}

// The segment that is in force in the flash, 0 for none.
static uint64_t segment_in_force(const struct sim_flash *flash) {
    uint64_t segment = 0;
    for (uint32_t area = 0; area < 2; area++) {
        size_t at = (size_t)(FLASH_JOURNAL_FIRST + area * FLASH_JOURNAL_COUNT) * FLASH_BLOCK_SIZE;
        struct journal_key key;
        enum error error = journal_header_decode((struct bytes){flash->bytes + at, JOURNAL_HEADER_SIZE}, &key);
        segment = error == ERROR_NONE && key.segment > segment ? key.segment : segment;
    }
    return segment;
}

void mcu_crash(struct host *host, uint64_t *survived) {
    struct storage *storage = &host->storage;
    *survived = 0;
    if (host->sim->options.sabotage == SABOTAGE_CACHE) {
        sim_flash_lose_last(host->flash);
    }
    if (storage->journal_count > 0) {
        struct storage_journal *shadow = &storage->journals[0];
        uint64_t segment = segment_in_force(host->flash);
        if (shadow->rewriting && segment > shadow->segment) {
            take_fresh(shadow, segment); // its header got there before power failed, or though the flash said no
        }
        batches_free(&shadow->fresh);
        shadow->rewriting = false;
        shadow->appended = *survived = shadow->last;
    }
    // What a program had in memory is gone.
    host->flash->files = (struct flash_files){0};
    host->flash->journal = (struct flash_journal){0};
    TRACE(host->sim, TRACE_CRASH, host,
          trace_hash_bytes((struct bytes){host->flash->bytes, (size_t)FLASH_BLOCK_COUNT * FLASH_BLOCK_SIZE}),
          "its flash had %llu torn programs and %llu torn erases so far", (unsigned long long)host->flash->torn_programs,
          (unsigned long long)host->flash->torn_erases);
}
