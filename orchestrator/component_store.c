// The table of components. Small (tens of entries), so it is searched from end to end.
#include "orchestrator/component_store.h"

#include "core/assert.h"
#include "core/module.h"
#include "core/sha256.h"
#include "orchestrator/document.h"
#include "orchestrator/placement.h"
#include "port/port.h"

#include <stdio.h>
#include <stdlib.h>

#define NAMES_COMPARED 256
#define FILES_MAX 1024
#define PATH_SIZE 1024

static enum error append(struct component_store *store, const struct component *component) {
    if (store->count == store->room) {
        uint32_t room = store->room == 0 ? 16 : store->room * 2;
        struct component *items = realloc(store->items, room * sizeof *items);
        if (items == NULL) {
            return ERROR_MEMORY;
        }
        store->items = items;
        store->room = room;
    }
    store->items[store->count] = *component;
    store->items[store->count++].order = ++store->order;
    return ERROR_NONE;
}

static struct component *by_digest(const struct component_store *store, const uint8_t digest[DIGEST_SIZE]) {
    for (uint32_t i = 0; i < store->count; i++) {
        if (memcmp(store->items[i].digest, digest, DIGEST_SIZE) == 0) {
            return &store->items[i];
        }
    }
    return NULL;
}

const struct component *component_store_by_digest(const struct component_store *store, const uint8_t digest[DIGEST_SIZE]) {
    return by_digest(store, digest);
}

enum error component_store_add(struct component_store *store, struct bytes wasm, const struct component **out,
                               char refusal[160]) {
    struct component component = {0};
    struct module_info info;
    struct module_refusal reason = {0};
    enum error error = module_inspect(wasm, &info, &reason);
    if (error != ERROR_NONE) {
        snprintf(refusal, 160, "%s", reason.text[0] != '\0' ? reason.text : error_text(error));
        return error;
    }
    sha256(wasm, component.digest);
    struct component *known = by_digest(store, component.digest);
    if (known != NULL) {
        known->order = ++store->order;
        *out = known;
        return ERROR_NONE;
    }
    uint8_t *copy = malloc(wasm.size);
    if (copy == NULL) {
        snprintf(refusal, 160, "no memory to keep the module");
        return ERROR_MEMORY;
    }
    memcpy(copy, wasm.data, wasm.size);
    component.wasm = (struct bytes){copy, wasm.size};
    component.footprint = module_footprint(&info, wasm.size);
    error = manifest_decode(info.manifest.encoded, &component.manifest);
    ASSERT(error == ERROR_NONE); // module_inspect has looked at it
    error = append(store, &component);
    if (error != ERROR_NONE) {
        free(copy);
        snprintf(refusal, 160, "no memory to keep the module");
        return error;
    }
    *out = &store->items[store->count - 1];
    return ERROR_NONE;
}

enum error component_store_add_manifest(struct component_store *store, const struct manifest *manifest,
                                        const uint8_t digest[DIGEST_SIZE]) {
    struct component component = {.manifest = *manifest, .footprint = manifest->memory_bytes + PLACEMENT_TASK_OVERHEAD};
    memcpy(component.digest, digest, DIGEST_SIZE);
    return append(store, &component);
}

struct listing {
    uint32_t count;
    char *names[FILES_MAX];
};

static void list_file(void *context, const char *name) {
    struct listing *listing = context;
    size_t length = strlen(name);
    if (length > 5 && strcmp(name + length - 5, ".wasm") == 0 && listing->count < FILES_MAX) {
        char *copy = malloc(length + 1);
        if (copy != NULL) {
            memcpy(copy, name, length + 1);
            listing->names[listing->count++] = copy;
        }
    }
}

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void load_file(struct component_store *store, const char *path, uint32_t line, struct problems *problems) {
    struct bytes wasm = {NULL, 0};
    char refusal[160] = "";
    const struct component *component = NULL;
    enum error error = port_file_read(path, MODULE_SIZE_MAX, &wasm);
    if (error == ERROR_NONE) {
        error = component_store_add(store, wasm, &component, refusal);
        free((void *)(uintptr_t)wasm.data);
    } else {
        snprintf(refusal, sizeof refusal, "%s", error_text(error));
    }
    if (error != ERROR_NONE) {
        problems_error(problems, line, "build it again with `tenon build`, or remove it from the folder",
                       "%.120s is no component: %s", path, refusal);
    }
}

void component_store_load(struct component_store *store, const char *folder, uint32_t line, struct problems *problems) {
    struct listing *listing = calloc(1, sizeof *listing);
    if (listing == NULL) {
        problems_error(problems, line, "free some memory and try again", "no memory to list the folder");
        return;
    }
    port_directory_each(folder, list_file, listing);
    qsort(listing->names, listing->count, sizeof *listing->names, compare_texts);
    for (uint32_t i = 0; i < listing->count; i++) {
        char path[PATH_SIZE];
        if (snprintf(path, sizeof path, "%s/%s", folder, listing->names[i]) < (int)sizeof path) {
            load_file(store, path, line, problems);
        }
        free(listing->names[i]);
    }
    if (listing->count == 0) {
        problems_error(problems, line, "the path counts from the policy's folder; build the components first (`tenon build`)",
                       "there are no .wasm files in the folder '%.160s'", folder);
    }
    free(listing);
}

void component_folder(const char *policy_path, const char *folder, char *out, size_t size) {
    const char *slash = strrchr(policy_path, '/');
    if (folder[0] == '/' || slash == NULL) {
        snprintf(out, size, "%s", folder);
    } else {
        snprintf(out, size, "%.*s%s", (int)(slash - policy_path + 1), policy_path, folder);
    }
}

static int compare_versions(const char *a, const char *b) {
    while (true) {
        char *a_rest = NULL;
        char *b_rest = NULL;
        unsigned long a_part = strtoul(a, &a_rest, 10);
        unsigned long b_part = strtoul(b, &b_rest, 10);
        if (a_part != b_part) {
            return a_part < b_part ? -1 : 1;
        }
        if (*a_rest != '.' || *b_rest != '.') {
            return strcmp(a_rest, b_rest);
        }
        a = a_rest + 1;
        b = b_rest + 1;
    }
}

static bool newer(const struct component *a, const struct component *b) {
    int order = compare_versions(a->manifest.version, b->manifest.version);
    return order != 0 ? order > 0 : a->order > b->order;
}

const struct component *component_store_find(const struct component_store *store, const char *reference) {
    const char *at = strchr(reference, '@');
    size_t length = at != NULL ? (size_t)(at - reference) : strlen(reference);
    const struct component *best = NULL;
    for (uint32_t i = 0; i < store->count; i++) {
        const struct component *item = &store->items[i];
        bool same_name = strlen(item->manifest.name) == length && memcmp(item->manifest.name, reference, length) == 0;
        bool same_version = at == NULL || strcmp(item->manifest.version, at + 1) == 0;
        if (same_name && same_version && (best == NULL || newer(item, best))) {
            best = item;
        }
    }
    return best;
}

const char *component_store_closest(const struct component_store *store, const char *reference) {
    const char *names[NAMES_COMPARED];
    char name[NAME_SIZE_MAX];
    uint32_t count = store->count < NAMES_COMPARED ? store->count : NAMES_COMPARED;
    for (uint32_t i = 0; i < count; i++) {
        names[i] = store->items[i].manifest.name;
    }
    snprintf(name, sizeof name, "%.*s", (int)strcspn(reference, "@"), reference);
    return document_closest(name, names, count);
}

void component_store_free(struct component_store *store) {
    for (uint32_t i = 0; i < store->count; i++) {
        free((void *)(uintptr_t)store->items[i].wasm.data);
    }
    free(store->items);
    *store = (struct component_store){0};
}
