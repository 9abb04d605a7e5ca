// A file system for SQLite that hands everything to the real one, but for writes of a host that is dead or whose disk is full.
//
// What SQLite believes written and the dead host never wrote is what a power cut takes; its write-ahead log must cope. Shared
// memory is not offered (methods of version 1): the store locks its file for itself, so the log's index is in its own memory.
#include "sim/store_vfs.h"

#include <sqlite3.h>
#include <string.h>

#include "core/assert.h"
#include "sim/sim.h"

struct store_file {
    sqlite3_file base;
    sqlite3_file *real; // behind this struct
};

static sqlite3_vfs *real_vfs;

static sqlite3_file *real_of(sqlite3_file *file) {
    return ((struct store_file *)file)->real;
}

// SQLITE_OK: go on. SQLITE_DONE: the host is dead, pretend. Another: the disk refuses.
static int ask(const char *what) {
    struct host *host = host_current();
    if (host == NULL) {
        return SQLITE_OK;
    }
    if (!host_effect(host, what)) {
        return SQLITE_DONE;
    }
    return host->storage.full || random_chance(&host->sim->faults.random, host->storage.fail_ppm) ? SQLITE_FULL : SQLITE_OK;
}

static int file_close(sqlite3_file *file) {
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset) {
    return real_of(file)->pMethods->xRead(real_of(file), data, size, offset);
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset) {
    int asked = ask("write the store");
    return asked == SQLITE_OK     ? real_of(file)->pMethods->xWrite(real_of(file), data, size, offset)
           : asked == SQLITE_DONE ? SQLITE_OK
                                  : asked;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size) {
    int asked = ask("cut the store");
    return asked == SQLITE_OK     ? real_of(file)->pMethods->xTruncate(real_of(file), size)
           : asked == SQLITE_DONE ? SQLITE_OK
                                  : asked;
}

// Nothing to do: what was written here is kept by memory, not by a disk.
static int file_sync(sqlite3_file *file, int flags) {
    (void)file;
    (void)flags;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size) {
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int level) {
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level) {
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_is_reserved(sqlite3_file *file, int *out) {
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int file_control(sqlite3_file *file, int operation, void *argument) {
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int file_sector_size(sqlite3_file *file) {
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file) {
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_is_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *flags_out) {
    struct store_file *mine = (struct store_file *)file;
    (void)vfs;
    mine->real = (sqlite3_file *)(void *)(mine + 1);
    int code = real_vfs->xOpen(real_vfs, name, mine->real, flags, flags_out);
    mine->base.pMethods = mine->real->pMethods == NULL ? NULL : &methods;
    return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int flush) {
    (void)vfs;
    return ask("delete a file of the store") == SQLITE_OK ? real_vfs->xDelete(real_vfs, name, flush) : SQLITE_OK;
}

void store_vfs_start(void) {
    static sqlite3_vfs mine;
    ASSERT(real_vfs == NULL);
    real_vfs = sqlite3_vfs_find(NULL);
    ASSERT(real_vfs != NULL);
    mine = *real_vfs;
    mine.zName = "simulated";
    mine.szOsFile = (int)sizeof(struct store_file) + real_vfs->szOsFile;
    mine.pNext = NULL;
    mine.xOpen = vfs_open;
    mine.xDelete = vfs_delete;
    int code = sqlite3_vfs_register(&mine, 1);
    ASSERT(code == SQLITE_OK);
}
