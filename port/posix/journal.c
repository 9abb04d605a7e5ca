// The journal over POSIX files: segments `journal-<number>` in the data directory, of which the highest number counts.
//
// A segment is made beside its predecessor and takes its place in one step:
//
//     write journal-<n+1>.new -> fsync -> rename to journal-<n+1> -> fsync the directory -> delete all others
//
// so a name without `.new` always stands for a segment that was complete once. Appends go to its end: pwrite, then fdatasync.
//
// Opening always makes a new segment of what it handed back, rather than going on behind the last whole batch. The bytes of the
// old one may stand in the page cache only (after kill -9), or may even be marked clean there though they never reached the
// disk (after a failed fsync of the process before); a torn tail may hold whole batches that nobody acknowledged, which would
// come back to life behind a new batch of the right size; and a medium with a wrong byte is better not written to again. A copy
// is out of all of it, with one path instead of four, and costs milliseconds for the few MiB that compaction leaves. When the
// disk does not take the copy, the old segment stays and the journal is `broken`.
//
//              flush or commit fails                   rewrite
//     GOOD ------------------------> BROKEN (no flush) -------> REWRITING -- commit succeeds --> GOOD
//       \----------------------------- rewrite ----------------->  | commit fails --> BROKEN
#include "port/port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/assert.h"
#include "port/journal_format.h"
#include "port/posix/journal_private.h"

// What may wait for one flush: 64 of the largest batches, far more than one group commit of a node.
#define BUFFER_SIZE_MAX (4u * 1024 * 1024)
#define BUFFER_SIZE_FIRST 16384
// A journal is compacted long before; what is larger is not read into memory, so it is not written either.
#define SEGMENT_SIZE_MAX (1024u * 1024 * 1024)
// "journal-", 20 digits, ".new" and the NUL.
#define NAME_SIZE 40
#define SEGMENT_NUMBER_MAX (UINT64_MAX / 2)

struct segment {
    int descriptor; // -1: none
    struct journal_key key;
    uint32_t batches; // appended, those in the buffer included
    uint64_t size;    // bytes written, those in the buffer not included
};

struct port_journal {
    const struct journal_disk *disk;
    int folder;
    uint64_t number_max; // of all segments that were seen or made
    struct segment current;
    struct segment next; // while rewriting
    bool rewriting;
    bool next_failed; // a write to `next` failed: commit will say so
    bool broken;      // nothing is flushed before a rewrite commits
    uint8_t *buffer;
    size_t buffered;
    size_t buffer_size;
};

// --- the disk ------------------------------------------------------------------------------------------------------------

static int posix_create(void *context, int folder, const char *name) {
    (void)context;
    return openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static ssize_t posix_write(void *context, int descriptor, const uint8_t *data, size_t size, off_t at) {
    (void)context;
    return pwrite(descriptor, data, size, at);
}

static int posix_sync(void *context, int descriptor, bool data_only) {
    (void)context;
    return data_only ? fdatasync(descriptor) : fsync(descriptor);
}

static int posix_rename(void *context, int folder, const char *from, const char *to) {
    (void)context;
    return renameat(folder, from, folder, to);
}

static int posix_unlink(void *context, int folder, const char *name) {
    (void)context;
    return unlinkat(folder, name, 0);
}

const struct journal_disk journal_disk_posix = {NULL, posix_create, posix_write, posix_sync, posix_rename, posix_unlink};

static bool write_buffer(struct port_journal *journal, struct segment *segment) {
    const struct journal_disk *disk = journal->disk;
    size_t done = 0;
    while (done < journal->buffered) {
        ssize_t wrote = disk->write(disk->context, segment->descriptor, journal->buffer + done, journal->buffered - done,
                                    (off_t)(segment->size + done));
        if (wrote > 0) {
            done += (size_t)wrote;
        } else if (wrote == 0 || errno != EINTR) {
            return false;
        }
    }
    segment->size += done;
    journal->buffered = 0;
    return true;
}

// --- names ---------------------------------------------------------------------------------------------------------------

static void segment_name(uint64_t number, const char *ending, char out[NAME_SIZE]) {
    (void)snprintf(out, NAME_SIZE, "journal-%" PRIu64 "%s", number, ending);
}

// The number in "journal-<number>" or "journal-<number>.new", 0 when the name is none of ours.
static uint64_t number_of(const char *name, bool *complete) {
    static const char stem[] = "journal-";
    uint64_t number = 0;
    if (strncmp(name, stem, sizeof stem - 1) != 0 || name[sizeof stem - 1] == '0') {
        return 0;
    }
    const char *digit = name + sizeof stem - 1;
    while (*digit >= '0' && *digit <= '9' && number < SEGMENT_NUMBER_MAX / 10) {
        number = number * 10 + (uint64_t)(*digit - '0');
        digit++;
    }
    *complete = *digit == '\0';
    return *complete || strcmp(digit, ".new") == 0 ? number : 0;
}

// Calls `visit` with each of our files.
static bool each_segment(struct port_journal *journal, void (*visit)(struct port_journal *, uint64_t number, bool complete)) {
    int descriptor = openat(journal->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (directory == NULL) {
        if (descriptor >= 0) {
            close(descriptor);
        }
        return false;
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        bool complete;
        uint64_t number = number_of(entry->d_name, &complete);
        if (number > 0) {
            visit(journal, number, complete);
        }
    }
    closedir(directory);
    return true;
}

static void note_number(struct port_journal *journal, uint64_t number, bool complete) {
    journal->number_max = number > journal->number_max ? number : journal->number_max;
    if (complete && number > journal->current.key.segment) {
        journal->current.key.segment = number;
    }
}

static void delete_other(struct port_journal *journal, uint64_t number, bool complete) {
    if (number != journal->current.key.segment || !complete) {
        char name[NAME_SIZE];
        segment_name(number, complete ? "" : ".new", name);
        (void)journal->disk->unlink(journal->disk->context, journal->folder, name); // the next commit tries again
    }
}

// --- appending -----------------------------------------------------------------------------------------------------------

// Makes room for `size` more bytes in the buffer.
static bool buffer_grow(struct port_journal *journal, size_t size) {
    size_t wanted = journal->buffer_size == 0 ? BUFFER_SIZE_FIRST : journal->buffer_size;
    while (wanted < journal->buffered + size) {
        wanted *= 2;
    }
    if (wanted > BUFFER_SIZE_MAX) {
        return false;
    }
    if (wanted > journal->buffer_size) {
        uint8_t *grown = realloc(journal->buffer, wanted);
        if (grown == NULL) {
            return false;
        }
        journal->buffer = grown;
        journal->buffer_size = wanted;
    }
    return true;
}

enum error port_journal_append(struct port_journal *journal, struct bytes batch) {
    ASSERT(batch.size > 0 && batch.data != NULL);
    struct segment *segment = journal->rewriting ? &journal->next : &journal->current;
    size_t size = JOURNAL_RECORD_HEAD_SIZE + batch.size;
    if (batch.size > PORT_JOURNAL_BATCH_MAX || port_journal_size(journal) + size > SEGMENT_SIZE_MAX) {
        return ERROR_TOO_LARGE;
    }
    // A rewrite may be larger than the buffer: nobody waits for it batch by batch, so it may write on the way.
    if (journal->rewriting && journal->buffered + size > BUFFER_SIZE_MAX && !write_buffer(journal, segment)) {
        journal->next_failed = true;
        journal->buffered = 0;
    }
    if (!buffer_grow(journal, size)) {
        return ERROR_MEMORY;
    }
    journal_record_encode(&segment->key, segment->batches, batch, journal->buffer + journal->buffered);
    journal->buffered += size;
    segment->batches++;
    return ERROR_NONE;
}

enum error port_journal_flush(struct port_journal *journal) {
    ASSERT(!journal->rewriting);
    if (journal->broken) {
        return ERROR_STORAGE;
    }
    if (journal->buffered == 0) {
        return ERROR_NONE;
    }
    if (!write_buffer(journal, &journal->current) ||
        journal->disk->sync(journal->disk->context, journal->current.descriptor, true) != 0) {
        journal->broken = true;
        return ERROR_STORAGE;
    }
    return ERROR_NONE;
}

uint64_t port_journal_size(const struct port_journal *journal) {
    return (journal->rewriting ? journal->next.size : journal->current.size) + journal->buffered;
}

// --- rewriting -----------------------------------------------------------------------------------------------------------

static void segment_close(struct segment *segment) {
    if (segment->descriptor >= 0) {
        close(segment->descriptor);
    }
    segment->descriptor = -1;
}

enum error port_journal_rewrite(struct port_journal *journal) {
    char name[NAME_SIZE];
    segment_close(&journal->next); // of a rewrite that was given up
    journal->number_max++;
    journal->rewriting = true;
    journal->next_failed = false;
    journal->next = (struct segment){.key = {journal->number_max, port_entropy64()}};
    segment_name(journal->number_max, ".new", name);
    journal->next.descriptor = journal->disk->create(journal->disk->context, journal->folder, name);
    if (journal->next.descriptor < 0 || !buffer_grow(journal, 0)) {
        segment_close(&journal->next);
        journal->rewriting = false;
        journal->broken = true;
        return ERROR_STORAGE;
    }
    journal_header_encode(&journal->next.key, journal->buffer);
    journal->buffered = JOURNAL_HEADER_SIZE;
    return ERROR_NONE;
}

enum error port_journal_commit(struct port_journal *journal) {
    ASSERT(journal->rewriting);
    const struct journal_disk *disk = journal->disk;
    char beside[NAME_SIZE];
    char name[NAME_SIZE];
    segment_name(journal->next.key.segment, ".new", beside);
    segment_name(journal->next.key.segment, "", name);
    journal->rewriting = false;
    bool good = !journal->next_failed && write_buffer(journal, &journal->next) &&
                disk->sync(disk->context, journal->next.descriptor, false) == 0 &&
                disk->rename(disk->context, journal->folder, beside, name) == 0 &&
                disk->sync(disk->context, journal->folder, false) == 0;
    journal->buffered = 0;
    if (!good) {
        int reason = errno;
        // When only the last step failed, two complete segments stand there, and either is a good one to find.
        (void)disk->unlink(disk->context, journal->folder, beside);
        segment_close(&journal->next);
        journal->broken = true;
        errno = reason;
        return ERROR_STORAGE;
    }
    segment_close(&journal->current);
    journal->current = journal->next;
    journal->next.descriptor = -1;
    journal->broken = false;
    (void)each_segment(journal, delete_other);
    return ERROR_NONE;
}

// --- opening and closing -------------------------------------------------------------------------------------------------

void port_journal_close(struct port_journal *journal) {
    segment_close(&journal->current);
    segment_close(&journal->next);
    if (journal->folder >= 0) {
        close(journal->folder);
    }
    free(journal->buffer);
    free(journal);
}

__attribute__((format(printf, 2, 3))) static enum error refuse(char refusal[PORT_REFUSAL_SIZE], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(refusal, PORT_REFUSAL_SIZE, format, arguments);
    va_end(arguments);
    return ERROR_STORAGE;
}

// Reads the segment in force into memory from malloc, nothing when there is none.
static enum error read_current(struct port_journal *journal, struct bytes *out, char refusal[PORT_REFUSAL_SIZE]) {
    char name[NAME_SIZE];
    *out = (struct bytes){NULL, 0};
    if (journal->current.key.segment == 0) {
        return ERROR_NONE;
    }
    segment_name(journal->current.key.segment, "", name);
    int descriptor = openat(journal->folder, name, O_RDONLY | O_CLOEXEC);
    struct stat facts;
    if (descriptor < 0 || fstat(descriptor, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size > SEGMENT_SIZE_MAX) {
        enum error error = refuse(refusal, "%s cannot be read: %s", name,
                                  descriptor < 0 ? strerror(errno) : "it is no file, or larger than 1 GiB");
        if (descriptor >= 0) {
            close(descriptor);
        }
        return error;
    }
    size_t size = (size_t)facts.st_size;
    uint8_t *data = malloc(size + 1);
    size_t done = 0;
    ssize_t got = 1;
    while (data != NULL && done < size && got != 0) {
        got = pread(descriptor, data + done, size - done, (off_t)done);
        if (got < 0 && errno != EINTR) {
            (void)refuse(refusal, "%s cannot be read: %s", name, strerror(errno));
            break;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    close(descriptor);
    *out = (struct bytes){data, done};
    if (data == NULL || got < 0) {
        return data == NULL ? ERROR_MEMORY : ERROR_STORAGE;
    }
    struct port_journal_report report;
    enum error error = journal_scan(*out, journal->current.key.segment, NULL, NULL, &report);
    if (error != ERROR_NONE) {
        (void)refuse(refusal, "%s was written by a later version of Tenon: update this one", name);
    }
    return error;
}

struct copying {
    struct port_journal *journal;
    void (*replay)(void *context, struct bytes batch);
    void *context;
};

static void copy_batch(void *context, struct bytes batch) {
    struct copying *copying = context;
    if (copying->journal->rewriting && port_journal_append(copying->journal, batch) != ERROR_NONE) {
        copying->journal->next_failed = true;
    }
    if (copying->replay != NULL) {
        copying->replay(copying->context, batch);
    }
}

// Hands back what stands and makes a new segment of it.
static enum error recover(struct port_journal *journal, struct copying *copying, struct port_journal_report *report,
                          char refusal[PORT_REFUSAL_SIZE]) {
    struct bytes file;
    uint64_t number = journal->current.key.segment;
    enum error error = read_current(journal, &file, refusal);
    if (error != ERROR_NONE) {
        free((uint8_t *)(uintptr_t)file.data);
        return error;
    }
    bool good = port_journal_rewrite(journal) == ERROR_NONE;
    int reason = errno;
    if (number > 0) {
        error = journal_scan(file, number, copy_batch, copying, report);
        ASSERT(error == ERROR_NONE); // read_current had a look
    }
    free((uint8_t *)(uintptr_t)file.data);
    if (report->lost_batches > 0) {
        char name[NAME_SIZE];
        segment_name(number, "", name);
        // Kept for the person who wants to know why, one at most. The new segment does not need it.
        (void)linkat(journal->folder, name, journal->folder, "journal.damaged", 0);
    }
    if (good) {
        good = port_journal_commit(journal) == ERROR_NONE;
        reason = errno;
    }
    // An old journal that cannot be copied now was handed back all the same, and is broken until a rewrite commits.
    return good || number > 0 ? ERROR_NONE : refuse(refusal, "no journal can be made: %s", strerror(reason));
}

enum error journal_open_on(const struct journal_disk *disk, const char *directory,
                           void (*replay)(void *context, struct bytes batch), void *context, struct port_journal **out,
                           struct port_journal_report *report, char refusal[PORT_REFUSAL_SIZE]) {
    *report = (struct port_journal_report){0};
    struct port_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL) {
        return ERROR_MEMORY;
    }
    *journal = (struct port_journal){.disk = disk, .current.descriptor = -1, .next.descriptor = -1};
    journal->folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum error error = ERROR_NONE;
    if (journal->folder < 0 || !each_segment(journal, note_number)) {
        error = refuse(refusal, "the directory %.80s cannot be read: %s", directory, strerror(errno));
    } else {
        struct copying copying = {journal, replay, context};
        error = recover(journal, &copying, report, refusal);
    }
    if (error != ERROR_NONE) {
        port_journal_close(journal);
        return error;
    }
    *out = journal;
    return ERROR_NONE;
}

enum error port_journal_open(const char *directory, void (*replay)(void *context, struct bytes batch), void *context,
                             struct port_journal **out, struct port_journal_report *report, char refusal[PORT_REFUSAL_SIZE]) {
    return journal_open_on(&journal_disk_posix, directory, replay, context, out, report, refusal);
}
