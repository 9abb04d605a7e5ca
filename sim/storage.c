#include "sim/storage.h"

#include <stdlib.h>

#include "core/assert.h"
#include "sim/grow.h"

void batches_add(struct batches *batches, struct bytes batch) {
    if (batches->size + batch.size > batches->room) {
        batches->room = (batches->size + batch.size) * 2 + 4096;
        batches->data = grow(batches->data, batches->room, 1);
    }
    if (batches->count == batches->count_room) {
        batches->count_room = batches->count_room * 2 + 64;
        batches->sizes = grow(batches->sizes, batches->count_room, sizeof *batches->sizes);
    }
    memcpy(batches->data + batches->size, batch.data, batch.size);
    batches->size += batch.size;
    batches->sizes[batches->count++] = (uint32_t)batch.size;
}

void batches_cut(struct batches *batches, uint32_t count) {
    while (batches->count > count) {
        batches->size -= batches->sizes[--batches->count];
    }
}

void batches_free(struct batches *batches) {
    free(batches->data);
    free(batches->sizes);
    *batches = (struct batches){0};
}

static char *copy_text(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    ASSERT(copy != NULL);
    memcpy(copy, text, size);
    return copy;
}

struct storage_file *storage_find(struct storage *storage, const char *path) {
    for (uint32_t i = 0; i < storage->file_count; i++) {
        if (strcmp(storage->files[i].path, path) == 0) {
            return &storage->files[i];
        }
    }
    return NULL;
}

void storage_put(struct storage *storage, const char *path, struct bytes content) {
    struct storage_file *file = storage_find(storage, path);
    uint8_t *copy = malloc(content.size + 1);
    ASSERT(copy != NULL);
    if (content.size > 0) {
        memcpy(copy, content.data, content.size);
    }
    if (file == NULL) {
        if (storage->file_count == storage->file_room) {
            storage->file_room = storage->file_room * 2 + 16;
            storage->files = grow(storage->files, storage->file_room, sizeof *storage->files);
        }
        file = &storage->files[storage->file_count++];
        *file = (struct storage_file){copy_text(path), {NULL, 0}};
    }
    free((void *)(uintptr_t)file->content.data);
    file->content = (struct bytes){copy, content.size};
    storage->writes++;
}

void storage_delete(struct storage *storage, const char *path) {
    struct storage_file *file = storage_find(storage, path);
    if (file != NULL) {
        free(file->path);
        free((void *)(uintptr_t)file->content.data);
        *file = storage->files[--storage->file_count];
    }
}

void storage_cut(struct storage *storage, const char *path, struct bytes content) {
    uint8_t *copy = content.data == NULL ? NULL : malloc(content.size + 1);
    ASSERT(copy != NULL || content.data == NULL);
    if (content.size > 0) {
        memcpy(copy, content.data, content.size);
    }
    storage_uncut(storage);
    storage->cut = (struct storage_file){copy_text(path), {copy, content.size}};
}

void storage_uncut(struct storage *storage) {
    free(storage->cut.path);
    free((void *)(uintptr_t)storage->cut.content.data);
    storage->cut = (struct storage_file){NULL, {NULL, 0}};
}

struct storage_journal *storage_journal(struct storage *storage, const char *directory) {
    for (uint32_t i = 0; i < storage->journal_count; i++) {
        if (strcmp(storage->journals[i].directory, directory) == 0) {
            return &storage->journals[i];
        }
    }
    storage->journals = grow(storage->journals, storage->journal_count + 1, sizeof *storage->journals);
    struct storage_journal *journal = &storage->journals[storage->journal_count++];
    *journal = (struct storage_journal){.directory = copy_text(directory)};
    return journal;
}

void storage_crash(struct storage *storage, struct random *random, uint64_t *survived) {
    *survived = 0;
    for (uint32_t i = 0; i < storage->journal_count; i++) {
        struct storage_journal *journal = &storage->journals[i];
        uint32_t unflushed = journal->kept.count - journal->durable;
        uint32_t kept = journal->durable + (uint32_t)random_below(random, unflushed + 1u);
        bool torn = kept < journal->kept.count && random_chance(random, 500000);
        journal->torn = torn ? 1 + (uint32_t)random_below(random, journal->kept.sizes[kept]) : 0;
        journal->last -= journal->kept.count - kept;
        journal->appended = journal->last;
        batches_cut(&journal->kept, kept);
        journal->durable = kept;
        batches_free(&journal->fresh);
        journal->rewriting = journal->broken = false;
        if (i == 0) {
            *survived = journal->last;
        }
    }
}

void storage_free(struct storage *storage) {
    for (uint32_t i = 0; i < storage->file_count; i++) {
        free(storage->files[i].path);
        free((void *)(uintptr_t)storage->files[i].content.data);
    }
    for (uint32_t i = 0; i < storage->journal_count; i++) {
        free(storage->journals[i].directory);
        batches_free(&storage->journals[i].kept);
        batches_free(&storage->journals[i].fresh);
    }
    free(storage->files);
    free(storage->journals);
    storage_uncut(storage);
    *storage = (struct storage){.fail_ppm = storage->fail_ppm};
}
