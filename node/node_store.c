// What a node keeps on disk: its identity, its start counter, its plan, and components by digest.
#include <stdio.h>
#include <stdlib.h>

#include "core/sha256.h"
#include "node/node_private.h"

#define BOOT_SIZE 21 // 20 digits and the end of the line

static void path_of(const struct node *node, const char *name, char out[NODE_PATH_SIZE_MAX + 96]) {
    snprintf(out, NODE_PATH_SIZE_MAX + 96, "%s/%s", node->config->data, name);
}

static void path_of_code(const struct node *node, const uint8_t digest[DIGEST_SIZE], char out[NODE_PATH_SIZE_MAX + 96]) {
    char hex[65];
    digest_text(digest, hex);
    snprintf(out, NODE_PATH_SIZE_MAX + 96, "%s/code/%s.wasm", node->config->data, hex);
}

// The identity tells this storage from any other under the node's name. It is made where the start counter begins: with that
// gone, numbers begin anew, and only another identity makes the orchestrator raise the epochs that keep them apart. Like the
// counter, a node that cannot write it must not start.
static enum error read_identity(struct node *node, bool counted) {
    char path[NODE_PATH_SIZE_MAX + 96];
    char digits[24];
    struct bytes before = {NULL, 0};
    path_of(node, "identity", path);
    enum error error = port_file_read(path, sizeof digits, &before);
    if (error == ERROR_NONE) {
        int size = (int)before.size;
        snprintf(digits, sizeof digits, "%.*s", size, (const char *)before.data);
        node->identity = counted ? strtoull(digits, NULL, 16) : 0;
        port_file_release(before);
    } else if (error != ERROR_NOT_FOUND && error != ERROR_TOO_LARGE) {
        return error;
    }
    if (node->identity != 0) {
        return ERROR_NONE;
    }
    while (node->identity == 0) {
        node->identity = port_entropy64();
    }
    int size = snprintf(digits, sizeof digits, "%016llx\n", (unsigned long long)node->identity);
    return port_file_write(path, (struct bytes){(const uint8_t *)digits, (size_t)size});
}

// The counter as it was written, or 0: with one digit broken it might be lower than it was, numbers would begin below those
// that receivers have seen, and all that the node sends would be taken for duplicates.
static uint64_t boot_of(struct bytes written) {
    uint64_t boot = 0;
    size_t size = written.size > 0 && written.data[written.size - 1] == '\n' ? written.size - 1 : written.size;
    for (size_t i = 0; i < size; i++) {
        unsigned digit = (unsigned)written.data[i] - '0';
        if (digit > 9 || boot > (UINT64_MAX >> 8)) {
            return 0;
        }
        boot = boot * 10 + digit;
    }
    return boot;
}

// The start counter makes sequence numbers rise over restarts, so a node that cannot write it must not start. But a disk that
// somebody else filled must not keep a building dark after a power cut: the counter always has BOOT_SIZE bytes, which can be
// overwritten where they are.
static enum error count_boot(struct node *node) {
    char path[NODE_PATH_SIZE_MAX + 96];
    char digits[BOOT_SIZE + 1];
    struct bytes before = {NULL, 0};
    path_of(node, "boot", path);
    enum error error = port_file_read(path, BOOT_SIZE, &before);
    if (error == ERROR_NONE) {
        node->boot = boot_of(before);
        port_file_release(before);
    } else if (error != ERROR_NOT_FOUND && error != ERROR_TOO_LARGE) {
        return error;
    }
    if (node->boot == 0 && error != ERROR_NOT_FOUND) {
        node_log(node, "disk", "the start counter cannot be read: this node takes a new identity");
    }
    error = read_identity(node, node->boot > 0);
    if (error != ERROR_NONE) {
        return error;
    }
    node->boot++;
    snprintf(digits, sizeof digits, "%020llu\n", (unsigned long long)node->boot);
    const struct bytes content = {(const uint8_t *)digits, BOOT_SIZE};
    error = port_file_write(path, content);
    if (error != ERROR_NONE && port_file_overwrite(path, content) == ERROR_NONE) {
        node_log(node, "disk", "no new file can be written in %.160s: free some space; until then no plan is taken",
                 node->config->data);
        error = ERROR_NONE;
    }
    return error;
}

enum error node_store_open(struct node *node, char refusal[PORT_REFUSAL_SIZE]) {
    char path[NODE_PATH_SIZE_MAX + 96];
    path_of(node, "code", path);
    enum error error = port_directory_make(path);
    error = error == ERROR_NONE ? port_directory_lock(node->config->data, &node->data_lock) : error;
    if (error == ERROR_EXISTS) {
        // Two daemons on one directory would overwrite each other's plan.
        snprintf(refusal, PORT_REFUSAL_SIZE, "another node runs in %.160s: give each node a directory `data` of its own",
                 node->config->data);
        return error;
    }
    if (error != ERROR_NONE || count_boot(node) != ERROR_NONE) {
        snprintf(refusal, PORT_REFUSAL_SIZE,
                 "cannot write in %.160s: check that the directory may be written and that the disk is not full",
                 node->config->data);
        return ERROR_STORAGE;
    }
    return ERROR_NONE;
}

// --- plan and code -----------------------------------------------------------------------------------------------------------

struct sweep {
    struct node *node;
    uint32_t deleted;
};

static void sweep_one(void *context, const char *name) {
    struct sweep *sweep = context;
    uint8_t digest[DIGEST_SIZE];
    char hex[2 * DIGEST_SIZE + 1];
    char path[NODE_PATH_SIZE_MAX + 96];
    snprintf(hex, sizeof hex, "%s", name); // ".wasm" follows
    if (digest_parse(hex, digest) && !runtime_wants_code(&sweep->node->runtime, digest)) {
        path_of_code(sweep->node, digest, path);
        port_file_delete(path);
        sweep->deleted++;
    }
}

// Components stay after the plan that named them, so that going back to it costs no transfer, until their room is needed. Then
// all go that neither the plan in force nor the one on its way names.
static enum error write_or_make_room(struct node *node, const char *path, struct bytes content) {
    char folder[NODE_PATH_SIZE_MAX + 96];
    struct sweep sweep = {node, 0};
    enum error error = port_file_write(path, content);
    if (error == ERROR_STORAGE) {
        path_of(node, "code", folder);
        port_directory_each(folder, sweep_one, &sweep);
    }
    if (sweep.deleted > 0) {
        node_log(node, "code", "made room: %u deleted that no plan names", sweep.deleted);
        error = port_file_write(path, content);
    }
    return error;
}

enum error node_store_plan(struct node *node, struct bytes encoded) {
    char path[NODE_PATH_SIZE_MAX + 96];
    path_of(node, "plan.cbor", path);
    return write_or_make_room(node, path, encoded);
}

enum error node_store_plan_read(struct node *node, struct bytes *out) {
    char path[NODE_PATH_SIZE_MAX + 96];
    path_of(node, "plan.cbor", path);
    return port_file_read(path, BODY_SIZE_MAX, out);
}

enum error node_store_code(struct node *node, const uint8_t digest[DIGEST_SIZE], struct bytes wasm) {
    char path[NODE_PATH_SIZE_MAX + 96];
    struct bytes there;
    if (node_store_code_find(node, digest, &there) == ERROR_NONE) {
        return ERROR_NONE; // sent once more; writing it wears a flash
    }
    path_of_code(node, digest, path);
    return write_or_make_room(node, path, wasm);
}

enum error node_store_code_find(struct node *node, const uint8_t digest[DIGEST_SIZE], struct bytes *out) {
    char path[NODE_PATH_SIZE_MAX + 96];
    uint8_t found[DIGEST_SIZE];
    struct bytes wasm;
    path_of_code(node, digest, path);
    enum error error = port_file_read(path, MODULE_SIZE_MAX, &wasm);
    if (error != ERROR_NONE) {
        return ERROR_NOT_FOUND;
    }
    sha256(wasm, found);
    if (memcmp(found, digest, DIGEST_SIZE) != 0) {
        // A file that does not hold what its name says is as good as absent: the orchestrator sends it again.
        node_log(node, "code", "%s does not match its digest and is not used", path);
        port_file_delete(path);
        port_file_release(wasm);
        return ERROR_NOT_FOUND;
    }
    port_file_release(node->code_read_before);
    node->code_read_before = node->code_read;
    node->code_read = wasm;
    *out = wasm;
    return ERROR_NONE;
}

void node_store_close(struct node *node) {
    port_directory_unlock(node->data_lock);
    port_file_release(node->code_read_before);
    port_file_release(node->code_read);
}
