// port/port.h for the simulator: journals of the current host. Each append, flush, rewrite and commit is a point at which the
// host may die or the disk may fail.
#include <stdlib.h>

#include "core/assert.h"
#include "sim/mcu.h"
#include "sim/sim.h"

struct port_journal {
    struct host *host;
    struct storage_journal *on_disk;
};

enum error port_journal_open(const char *directory, void (*replay)(void *context, struct bytes batch), void *context,
                             struct port_journal **out, struct port_journal_report *report, char refusal[PORT_REFUSAL_SIZE]) {
    struct host *host = host_current();
    struct port_journal *journal = malloc(sizeof *journal);
    if (journal == NULL) {
        memcpy(refusal, "no memory for the journal", sizeof "no memory for the journal");
        return ERROR_MEMORY;
    }
    struct storage_journal *on_disk = storage_journal(&host->storage, directory);
    *journal = (struct port_journal){host, on_disk};
    *out = journal;
    if (host->flash != NULL) {
        return mcu_journal_open(host, on_disk, replay, context, report, refusal);
    }
    *report = (struct port_journal_report){.batches = on_disk->kept.count, .torn_bytes = on_disk->torn};
    on_disk->torn = 0;
    const uint8_t *at = on_disk->kept.data;
    for (uint32_t i = 0; i < on_disk->kept.count; i++) {
        if (replay != NULL) {
            replay(context, (struct bytes){at, on_disk->kept.sizes[i]});
        }
        at += on_disk->kept.sizes[i];
    }
    return ERROR_NONE;
}

enum error port_journal_append(struct port_journal *journal, struct bytes batch) {
    struct storage_journal *on_disk = journal->on_disk;
    if (batch.size == 0 || batch.size > PORT_JOURNAL_BATCH_MAX) {
        return ERROR_TOO_LARGE;
    }
    if (journal->host->flash != NULL) {
        return mcu_journal_append(journal->host, on_disk, batch);
    }
    if (!host_effect(journal->host, "append to the journal")) {
        return ERROR_NONE;
    }
    TRACE(journal->host->sim, TRACE_JOURNAL, journal->host, trace_hash_bytes(batch), "journal batch of %zu bytes", batch.size);
    on_disk->appended++;
    if (on_disk->rewriting) {
        batches_add(&on_disk->fresh, batch);
    } else {
        on_disk->last = on_disk->appended;
        batches_add(&on_disk->kept, batch);
    }
    return ERROR_NONE;
}

static bool disk_fails(struct host *host) {
    return host->storage.full || random_chance(&host->sim->faults.random, host->storage.fail_ppm);
}

enum error port_journal_flush(struct port_journal *journal) {
    struct host *host = journal->host;
    struct storage_journal *on_disk = journal->on_disk;
    if (host->flash != NULL) {
        return mcu_journal_flush(host, on_disk);
    }
    if (on_disk->broken) {
        return ERROR_STORAGE;
    }
    if (!host_effect(host, "flush the journal")) {
        return ERROR_NONE;
    }
    bool fails = disk_fails(host);
    TRACE(host->sim, TRACE_JOURNAL, host, on_disk->appended, "journal flush%s", fails ? " fails" : "");
    if (fails) {
        on_disk->broken = true;
        return ERROR_STORAGE;
    }
    host->storage.flushes++;
    if (!on_disk->rewriting) {
        bool lies = host->sim->options.sabotage == SABOTAGE_FLUSH;
        on_disk->durable = lies ? on_disk->durable : on_disk->kept.count;
        checker_durable(&host->sim->checkers, host, on_disk->last);
    }
    return ERROR_NONE;
}

uint64_t port_journal_size(const struct port_journal *journal) {
    if (journal->host->flash != NULL) {
        return flash_journal_size(&journal->host->flash->journal);
    }
    return journal->on_disk->rewriting ? journal->on_disk->fresh.size : journal->on_disk->kept.size;
}

enum error port_journal_rewrite(struct port_journal *journal) {
    struct host *host = journal->host;
    if (host->flash != NULL) {
        return mcu_journal_rewrite(host, journal->on_disk);
    }
    if (!host_effect(host, "begin a new journal")) {
        return ERROR_NONE;
    }
    if (disk_fails(host)) {
        journal->on_disk->broken = true;
        return ERROR_STORAGE;
    }
    TRACE(host->sim, TRACE_JOURNAL, host, journal->on_disk->kept.size, "journal rewrite begins at %zu bytes",
          journal->on_disk->kept.size);
    batches_free(&journal->on_disk->fresh);
    journal->on_disk->rewriting = true;
    return ERROR_NONE;
}

enum error port_journal_commit(struct port_journal *journal) {
    struct host *host = journal->host;
    struct storage_journal *on_disk = journal->on_disk;
    if (host->flash != NULL) {
        return mcu_journal_commit(host, on_disk);
    }
    ASSERT(on_disk->rewriting || host->dead);
    if (!host_effect(host, "commit the new journal")) {
        return ERROR_NONE;
    }
    on_disk->rewriting = false;
    if (disk_fails(host)) {
        batches_free(&on_disk->fresh);
        on_disk->broken = true;
        return ERROR_STORAGE;
    }
    TRACE(host->sim, TRACE_JOURNAL, host, on_disk->fresh.size, "journal commits at %zu bytes", on_disk->fresh.size);
    batches_free(&on_disk->kept);
    on_disk->kept = on_disk->fresh;
    on_disk->fresh = (struct batches){0};
    on_disk->durable = on_disk->kept.count;
    on_disk->last = on_disk->appended;
    on_disk->broken = false;
    checker_durable(&host->sim->checkers, host, on_disk->last);
    return ERROR_NONE;
}

void port_journal_close(struct port_journal *journal) {
    free(journal);
}
