// port/port.h for the simulator: the files of the current host. A write replaces the file in one step or fails and changes
// nothing.
#include <stdlib.h>

#include "core/assert.h"
#include "sim/mcu.h"
#include "sim/sim.h"

enum error port_directory_make(const char *path) {
    return path[0] == '\0' ? ERROR_STORAGE : ERROR_NONE;
}

enum error port_file_write(const char *path, struct bytes content) {
    struct host *host = host_current();
    if (host->flash != NULL) {
        return mcu_file_write(host, path, content, false);
    }
    if (!host_effect(host, "write a file")) {
        return ERROR_NONE;
    }
    bool fails = host->storage.full || random_chance(&host->sim->faults.random, host->storage.fail_ppm);
    TRACE(host->sim, TRACE_FILE, host, content.size, "%s %s, %zu bytes", fails ? "cannot write" : "write", path, content.size);
    if (fails) {
        return ERROR_STORAGE;
    }
    storage_put(&host->storage, path, content);
    return ERROR_NONE;
}

enum error port_file_overwrite(const char *path, struct bytes content) {
    struct host *host = host_current();
    if (host->flash != NULL) {
        return mcu_file_write(host, path, content, true);
    }
    struct storage_file *file = storage_find(&host->storage, path);
    bool was_dead = host->dead;
    if (file == NULL || file->content.size != content.size) {
        return ERROR_STORAGE;
    }
    uint8_t *old = (uint8_t *)(uintptr_t)file->content.data;
    if (!host_effect(host, "overwrite a file")) {
        if (!was_dead) {
            memcpy(old, content.data, content.size / 2); // power was cut in the midst of it
        }
        return ERROR_NONE;
    }
    TRACE(host->sim, TRACE_FILE, host, content.size, "overwrite %s, %zu bytes", path, content.size);
    memcpy(old, content.data, content.size);
    return ERROR_NONE;
}

// One process on a host at a time, by construction.
enum error port_directory_lock(const char *path, int *lock) {
    (void)path;
    *lock = 0;
    return ERROR_NONE;
}

void port_directory_unlock(int lock) {
    (void)lock;
}

enum error port_file_read(const char *path, size_t size_max, struct bytes *out) {
    struct host *host = host_current();
    if (host->flash != NULL) {
        return mcu_file_read(host, path, size_max, out);
    }
    const struct storage_file *file = storage_find(&host->storage, path);
    if (file == NULL) {
        return ERROR_NOT_FOUND;
    }
    if (file->content.size > size_max) {
        return ERROR_TOO_LARGE;
    }
    uint8_t *copy = malloc(file->content.size + 1);
    if (copy == NULL) {
        return ERROR_MEMORY;
    }
    memcpy(copy, file->content.data, file->content.size);
    copy[file->content.size] = 0;
    *out = (struct bytes){copy, file->content.size};
    return ERROR_NONE;
}

void port_file_release(struct bytes content) {
    if (host_current()->flash == NULL) { // flash is read in place
        free((void *)(uintptr_t)content.data);
    }
}

void port_file_delete(const char *path) {
    struct host *host = host_current();
    if (host->flash != NULL) {
        mcu_file_delete(host, path);
    } else if (host_effect(host, "delete a file")) {
        storage_delete(&host->storage, path);
    }
}

void port_directory_each(const char *path, void (*visit)(void *context, const char *name), void *context) {
    const struct storage *storage = &host_current()->storage;
    size_t length = strlen(path);
    if (host_current()->flash != NULL) {
        flash_file_each(path, visit, context);
        return;
    }
    for (uint32_t i = storage->file_count; i > 0; i--) { // deleting one puts the last in its place
        const char *name = storage->files[i - 1].path;
        if (strncmp(name, path, length) == 0 && name[length] == '/' && strchr(name + length + 1, '/') == NULL) {
            visit(context, name + length + 1);
        }
    }
}

bool port_storage_wear(struct port_wear *out) {
    const struct host *host = host_current();
    if (host->flash != NULL) {
        flash_wear(&host->flash->files, &host->flash->journal, out);
    }
    return host->flash != NULL;
}
