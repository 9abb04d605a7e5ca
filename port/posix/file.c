// Files over POSIX: whole-file replace in one step, so that a power cut or a full disk leaves the old content or the new, never
// half.
#include "port/port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE_MAX 1024

enum error port_directory_make(const char *path) {
    char partial[PATH_SIZE_MAX];
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof partial) {
        return ERROR_STORAGE;
    }
    memcpy(partial, path, size + 1);
    for (size_t i = 1; i <= size; i++) {
        if (partial[i] == '/' || partial[i] == '\0') {
            char kept = partial[i];
            partial[i] = '\0';
            if (mkdir(partial, 0755) != 0 && errno != EEXIST) {
                return ERROR_STORAGE;
            }
            partial[i] = kept;
        }
    }
    return ERROR_NONE;
}

enum error port_directory_lock(const char *path, int *lock) {
    *lock = -1;
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return ERROR_STORAGE;
    }
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        enum error error = errno == EWOULDBLOCK ? ERROR_EXISTS : ERROR_STORAGE;
        close(descriptor);
        return error;
    }
    *lock = descriptor;
    return ERROR_NONE;
}

void port_directory_unlock(int lock) {
    if (lock >= 0) {
        close(lock);
    }
}

static bool write_all(int descriptor, struct bytes content) {
    size_t done = 0;
    while (done < content.size) {
        ssize_t wrote = write(descriptor, content.data + done, content.size - done);
        if (wrote > 0) {
            done += (size_t)wrote;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static void flush_directory_of(const char *path) {
    char directory[PATH_SIZE_MAX];
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - path);
    memcpy(directory, path, size);
    directory[size] = '\0';
    int descriptor = open(size == 0 ? (slash == NULL ? "." : "/") : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        (void)fsync(descriptor);
        close(descriptor);
    }
}

enum error port_file_write(const char *path, struct bytes content) {
    char beside[PATH_SIZE_MAX];
    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside) {
        return ERROR_STORAGE;
    }
    int descriptor = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0) {
        return ERROR_STORAGE;
    }
    bool good = write_all(descriptor, content) && fsync(descriptor) == 0;
    good = close(descriptor) == 0 && good;
    if (!good || rename(beside, path) != 0) {
        (void)unlink(beside);
        return ERROR_STORAGE;
    }
    flush_directory_of(path);
    return ERROR_NONE;
}

enum error port_file_overwrite(const char *path, struct bytes content) {
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    struct stat facts;
    if (descriptor < 0) {
        return ERROR_STORAGE;
    }
    bool good = fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode) && (size_t)facts.st_size == content.size;
    good = good && write_all(descriptor, content) && fsync(descriptor) == 0;
    good = close(descriptor) == 0 && good;
    return good ? ERROR_NONE : ERROR_STORAGE;
}

enum error port_file_read(const char *path, size_t size_max, struct bytes *out) {
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return errno == ENOENT ? ERROR_NOT_FOUND : ERROR_STORAGE;
    }
    struct stat facts;
    if (fstat(fileno(file), &facts) != 0 || !S_ISREG(facts.st_mode)) {
        fclose(file);
        return ERROR_STORAGE;
    }
    size_t size = (size_t)facts.st_size;
    if (size > size_max) {
        fclose(file);
        return ERROR_TOO_LARGE;
    }
    uint8_t *data = malloc(size + 1); // one more, so that text can be ended by its reader
    size_t got = data == NULL ? 0 : fread(data, 1, size, file);
    fclose(file);
    if (data == NULL || got != size) {
        free(data);
        return data == NULL ? ERROR_MEMORY : ERROR_STORAGE;
    }
    data[size] = 0;
    *out = (struct bytes){data, size};
    return ERROR_NONE;
}

void port_file_release(struct bytes content) {
    free((void *)(uintptr_t)content.data);
}

void port_file_delete(const char *path) {
    (void)unlink(path);
}

void port_directory_each(const char *path, void (*visit)(void *context, const char *name), void *context) {
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (entry->d_name[0] != '.') {
            visit(context, entry->d_name);
        }
    }
    closedir(directory);
}

bool port_storage_wear(struct port_wear *out) {
    (void)out;
    return false;
}
