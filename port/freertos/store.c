// port/port.h on a board: its one set of files and its one journal.
#include "port/freertos/file.h"
#include "port/freertos/flash_store.h"
#include "port/port.h"

struct port_journal {
    struct flash_journal flash;
};

static struct flash_files the_files;
static struct port_journal the_journal;

void port_files_open(void) {
    flash_files_open(&the_files);
}

enum error port_file_write(const char *path, struct bytes content) {
    return flash_file_write(&the_files, path, content);
}

// Nothing can be overwritten in flash; the reserve serves the same end.
enum error port_file_overwrite(const char *path, struct bytes content) {
    return flash_file_overwrite(&the_files, path, content);
}

enum error port_file_read(const char *path, size_t size_max, struct bytes *out) {
    return flash_file_read(path, size_max, out);
}

void port_file_release(struct bytes content) {
    (void)content;
}

void port_file_delete(const char *path) {
    flash_file_delete(path);
}

void port_directory_each(const char *path, void (*visit)(void *context, const char *name), void *context) {
    flash_file_each(path, visit, context);
}

// Names hold their directories.
enum error port_directory_make(const char *path) {
    (void)path;
    return ERROR_NONE;
}

// There is one program.
enum error port_directory_lock(const char *path, int *lock) {
    (void)path;
    *lock = 0;
    return ERROR_NONE;
}

void port_directory_unlock(int lock) {
    (void)lock;
}

bool port_storage_wear(struct port_wear *out) {
    flash_wear(&the_files, &the_journal.flash, out);
    return true;
}

enum error port_journal_open(const char *directory, void (*replay)(void *context, struct bytes batch), void *context,
                             struct port_journal **out, struct port_journal_report *report, char refusal[PORT_REFUSAL_SIZE]) {
    (void)directory;
    *out = &the_journal;
    return flash_journal_open(&the_journal.flash, replay, context, report, refusal);
}

enum error port_journal_append(struct port_journal *journal, struct bytes batch) {
    return flash_journal_append(&journal->flash, batch);
}

enum error port_journal_flush(struct port_journal *journal) {
    return flash_journal_flush(&journal->flash);
}

uint64_t port_journal_size(const struct port_journal *journal) {
    return flash_journal_size(&journal->flash);
}

enum error port_journal_rewrite(struct port_journal *journal) {
    return flash_journal_rewrite(&journal->flash);
}

enum error port_journal_commit(struct port_journal *journal) {
    return flash_journal_commit(&journal->flash);
}

void port_journal_close(struct port_journal *journal) {
    (void)journal;
}
