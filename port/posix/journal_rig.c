#include "port/posix/journal_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/assert.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    mock_assert(0, expression, function, 0);
    abort();
}

// --- folders and batches -------------------------------------------------------------------------------------------------

void rig_folder_make(char path[RIG_PATH_SIZE]) {
    snprintf(path, RIG_PATH_SIZE, "%s/tenon-journal-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(path));
}

static void delete_file(void *context, const char *name) {
    char path[2 * RIG_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", (const char *)context, name);
    assert_int_equal(unlink(path), 0);
}

void rig_folder_clear(const char *path) {
    char copy[RIG_PATH_SIZE];
    memcpy(copy, path, strlen(path) + 1);
    port_directory_each(path, delete_file, copy);
}

void rig_folder_remove(const char *path) {
    rig_folder_clear(path);
    assert_int_equal(rmdir(path), 0);
}

static void find_segment(void *context, const char *name) {
    char *found = context;
    if (strncmp(name, "journal-", 8) == 0 && strchr(name, '.') == NULL) {
        assert_string_equal(found, "");
        memcpy(found, name, strlen(name) + 1);
    }
}

size_t rig_segment_read(const char *folder, char name[RIG_PATH_SIZE], struct buffer out) {
    char path[2 * RIG_PATH_SIZE];
    struct bytes content;
    name[0] = '\0';
    port_directory_each(folder, find_segment, name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(port_file_read(path, out.size, &content), ERROR_NONE);
    memcpy(out.data, content.data, content.size);
    free((uint8_t *)(uintptr_t)content.data);
    return content.size;
}

void rig_file_write(const char *folder, const char *name, struct bytes content) {
    char path[2 * RIG_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(port_file_write(path, content), ERROR_NONE);
}

bool rig_file_exists(const char *folder, const char *name) {
    char path[2 * RIG_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

struct bytes rig_batch(uint32_t number, uint8_t out[RIG_BATCH_SIZE_MAX]) {
    size_t size = 1 + (number * 37 + 5) % RIG_BATCH_SIZE_MAX;
    uint32_t value = number * 2654435761u + 1;
    for (size_t i = 0; i < size; i++) {
        value = value * 1664525 + 1013904223;
        out[i] = (uint8_t)(value >> 24);
    }
    return (struct bytes){out, size};
}

enum error rig_append(struct port_journal *journal, uint32_t number) {
    uint8_t bytes[RIG_BATCH_SIZE_MAX];
    return port_journal_append(journal, rig_batch(number, bytes));
}

void rig_expect_next(void *count, struct bytes batch) {
    uint8_t bytes[RIG_BATCH_SIZE_MAX];
    uint32_t *number = count;
    struct bytes expected = rig_batch(*number, bytes);
    assert_int_equal(batch.size, expected.size);
    assert_memory_equal(batch.data, expected.data, expected.size);
    ++*number;
}

// --- a disk that breaks --------------------------------------------------------------------------------------------------

static uint64_t draw(struct rig_disk *disk) {
    disk->random ^= disk->random << 13;
    disk->random ^= disk->random >> 7;
    disk->random ^= disk->random << 17;
    return disk->random;
}

// True when this call is to fail.
static bool strike(struct rig_disk *disk, bool writes) {
    if (disk->countdown == 0) {
        disk->countdown = UINT32_MAX;
        disk->broken = true;
        errno = EIO;
        return true;
    }
    disk->countdown -= disk->countdown != UINT32_MAX;
    errno = disk->fault == RIG_FAIL_SPACE ? ENOSPC : EIO;
    return disk->broken && (disk->fault >= RIG_CRASH || (disk->fault == RIG_FAIL_SPACE && writes));
}

static int undurable(struct rig_disk *disk, unsigned kind, const char *from, const char *name) {
    assert_true(disk->undurable_count < sizeof disk->undurable / sizeof disk->undurable[0]);
    uint32_t index = disk->undurable_count++;
    disk->undurable[index].kind = kind;
    disk->undurable[index].lost = false;
    snprintf(disk->undurable[index].from, RIG_PATH_SIZE, "%s", from);
    snprintf(disk->undurable[index].name, RIG_PATH_SIZE, "%s", name);
    return (int)index;
}

static int disk_create(void *context, int folder, const char *name) {
    return strike(context, true) ? -1 : journal_disk_posix.create(NULL, folder, name);
}

static ssize_t disk_write(void *context, int descriptor, const uint8_t *data, size_t size, off_t at) {
    struct rig_disk *disk = context;
    bool first = !disk->broken;
    if (strike(disk, true)) {
        size_t part = first && disk->fault != RIG_FAIL_ONCE ? draw(disk) % (size + 1) : 0;
        if (part == 0) {
            return -1;
        }
        size = part;
    }
    int index = undurable(disk, UNDURABLE_WRITE, "", "");
    disk->undurable[index].descriptor = dup(descriptor);
    disk->undurable[index].at = at;
    disk->undurable[index].size = size;
    return journal_disk_posix.write(NULL, descriptor, data, size, at);
}

static bool same_file(int a, int b) {
    struct stat of_a;
    struct stat of_b;
    return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 && of_a.st_ino == of_b.st_ino;
}

static void forget(struct rig_disk *disk, uint32_t index) {
    if (disk->undurable[index].kind == UNDURABLE_WRITE) {
        close(disk->undurable[index].descriptor);
    }
    disk->undurable_count--;
    memmove(&disk->undurable[index], &disk->undurable[index + 1], (disk->undurable_count - index) * sizeof disk->undurable[0]);
}

static int disk_sync(void *context, int descriptor, bool data_only) {
    struct rig_disk *disk = context;
    struct stat facts;
    if (strike(disk, true)) {
        for (uint32_t i = 0; i < disk->undurable_count && disk->fault == RIG_SYNC_LOSES; i++) {
            bool concerned = disk->undurable[i].kind == UNDURABLE_WRITE && same_file(descriptor, disk->undurable[i].descriptor);
            disk->undurable[i].lost = disk->undurable[i].lost || concerned;
        }
        errno = EIO;
        return -1;
    }
    bool folder = fstat(descriptor, &facts) == 0 && S_ISDIR(facts.st_mode);
    for (uint32_t i = disk->undurable_count; i-- > 0;) {
        bool concerned = disk->undurable[i].kind == UNDURABLE_WRITE
                             ? same_file(descriptor, disk->undurable[i].descriptor) && !disk->undurable[i].lost
                             : folder;
        if (concerned) {
            if (disk->undurable[i].kind == UNDURABLE_UNLINK) {
                delete_file(disk->folder, disk->undurable[i].from);
            }
            forget(disk, i);
        }
    }
    return journal_disk_posix.sync(NULL, descriptor, data_only);
}

static int disk_rename(void *context, int folder, const char *from, const char *to) {
    struct rig_disk *disk = context;
    if (strike(disk, false)) {
        return -1;
    }
    (void)undurable(disk, UNDURABLE_RENAME, from, to);
    return journal_disk_posix.rename(NULL, folder, from, to);
}

// Moved out of sight, so that a power cut can bring it back.
static int disk_unlink(void *context, int folder, const char *name) {
    struct rig_disk *disk = context;
    char hidden[RIG_PATH_SIZE];
    if (strike(disk, false)) {
        return -1;
    }
    snprintf(hidden, sizeof hidden, "gone-%s", name);
    if (journal_disk_posix.rename(NULL, folder, name, hidden) != 0) {
        return -1;
    }
    (void)undurable(disk, UNDURABLE_UNLINK, hidden, name);
    return 0;
}

void rig_disk_begin(struct rig_disk *disk, const char *folder, enum rig_fault fault, uint32_t countdown, uint64_t seed) {
    *disk = (struct rig_disk){.fault = fault, .countdown = countdown, .random = seed * 0x9e3779b97f4a7c15u + 1};
    disk->calls = (struct journal_disk){disk, disk_create, disk_write, disk_sync, disk_rename, disk_unlink};
    snprintf(disk->folder, sizeof disk->folder, "%s", folder);
}

void rig_disk_free(struct rig_disk *disk) {
    disk->broken = false;
}

// Pieces of 32 bytes of what was written and not flushed turn to zeros, and its end may be missing.
static void lose_write(struct rig_disk *disk, uint32_t index) {
    static const uint8_t zeros[32];
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", disk->undurable[index].descriptor);
    int descriptor = open(self, O_WRONLY | O_CLOEXEC);
    off_t at = disk->undurable[index].at;
    off_t end = at + (off_t)disk->undurable[index].size;
    if (draw(disk) % 3 == 0) {
        assert_int_equal(ftruncate(descriptor, at + (off_t)(draw(disk) % disk->undurable[index].size)), 0);
    }
    struct stat facts;
    assert_int_equal(fstat(descriptor, &facts), 0);
    end = facts.st_size < end ? facts.st_size : end;
    for (; at < end; at += (off_t)sizeof zeros) {
        size_t size = end - at < (off_t)sizeof zeros ? (size_t)(end - at) : sizeof zeros;
        if (disk->undurable[index].lost || draw(disk) % 2 == 0) {
            assert_int_equal(pwrite(descriptor, zeros, size, at), size);
        }
    }
    close(descriptor);
}

void rig_disk_settle(struct rig_disk *disk) {
    int folder = open(disk->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    // The latest first, so that a file that was renamed and then deleted finds its way back.
    while (disk->undurable_count > 0) {
        uint32_t index = disk->undurable_count - 1;
        bool cut = disk->fault == RIG_POWER_CUT || disk->fault == RIG_SYNC_LOSES;
        bool lost = cut && (disk->undurable[index].lost || draw(disk) % 2 == 0);
        if (disk->undurable[index].kind == UNDURABLE_WRITE && lost) {
            lose_write(disk, index);
        } else if (disk->undurable[index].kind == UNDURABLE_RENAME && lost) {
            (void)renameat(folder, disk->undurable[index].name, folder, disk->undurable[index].from);
        } else if (disk->undurable[index].kind == UNDURABLE_UNLINK) {
            if (lost) {
                assert_int_equal(renameat(folder, disk->undurable[index].from, folder, disk->undurable[index].name), 0);
            } else {
                delete_file(disk->folder, disk->undurable[index].from);
            }
        }
        forget(disk, index);
    }
    close(folder);
}
