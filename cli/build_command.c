// `tenon build`: component.yaml and its source become one .wasm file with the manifest inside.
//
//   component.yaml --> ports.h --> compiler --> sizes of inbox and state read off the module --> manifest appended --> checked
//   and started once --> written
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/compiler.h"
#include "cli/component_file.h"
#include "core/module.h"
#include "engine/wamr.h"
#include "port/port.h"

#define TEXT_SIZE_MAX 512
#define MANIFEST_SECTION "tenon.manifest"

struct build {
    const char *declaration; // component.yaml
    const char *out;
    const char *abi;
    bool ports_only;
    struct component_file file;
    char folder[PATH_SIZE_MAX]; // OUT/NAME: ports.h and the compiler's output
    struct bytes compiled;      // owned
    uint8_t *module;            // owned: compiled with the manifest behind it
    size_t module_size;
    uint32_t memory_bytes;
};

static bool complain(const struct build *build, const char *text) {
    fprintf(stderr, "tenon build: %s: %s\n", build->declaration, text);
    return false;
}

static bool path_of(char out[PATH_SIZE_MAX], const char *folder, const char *name, const char *ending) {
    return snprintf(out, PATH_SIZE_MAX, "%s/%s%s", folder, name, ending) < PATH_SIZE_MAX;
}

static bool has_header(const char *folder) {
    char path[PATH_SIZE_MAX];
    return path_of(path, folder, "tenon.h", "") && access(path, R_OK) == 0;
}

// The folder of tenon.h: beside an installed `tenon`, else in the tree that it was built from.
static const char *find_abi(char out[PATH_SIZE_MAX]) {
    char self[PATH_SIZE_MAX];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    self[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL) {
        *slash = '\0';
        if (path_of(out, self, "../share/tenon/abi", "") && has_header(out)) {
            return out;
        }
        if (path_of(out, self, "../../abi", "") && has_header(out)) {
            return out;
        }
    }
    return TENON_ABI_FOLDER;
}

static bool read_options(int argument_count, char **arguments, struct build *build) {
    for (int i = 1; i < argument_count; i++) {
        const char *argument = arguments[i];
        bool takes_value = strcmp(argument, "-o") == 0 || strcmp(argument, "--abi") == 0;
        if (takes_value && i + 1 < argument_count) {
            *(argument[1] == 'o' ? &build->out : &build->abi) = arguments[++i];
        } else if (strcmp(argument, "--ports-only") == 0) {
            build->ports_only = true;
        } else if (argument[0] == '-' || build->declaration != NULL) {
            fprintf(stderr, "tenon build: %s `%s`; see `tenon build --help`\n",
                    takes_value ? "a folder is missing behind" : "unexpected", argument);
            return false;
        } else {
            build->declaration = argument;
        }
    }
    if (build->declaration == NULL || build->out == NULL) {
        fprintf(stderr, "usage: tenon build COMPONENT.yaml -o FOLDER [--ports-only] [--abi FOLDER]\n");
        return false;
    }
    return true;
}

// Writes ports.h, unless it is there with the same content, so that nothing is compiled again in vain.
static bool write_ports(struct build *build) {
    char path[PATH_SIZE_MAX];
    char *text = NULL;
    size_t size = 0;
    struct bytes before = {NULL, 0};
    if (!path_of(build->folder, build->out, build->file.manifest.name, "") || !path_of(path, build->folder, "ports.h", "")) {
        return complain(build, "the output folder's path is over 1,023 letters long; choose another");
    }
    if (port_directory_make(build->folder) != ERROR_NONE) {
        fprintf(stderr, "tenon build: %s cannot be made; choose another folder with -o\n", build->folder);
        return false;
    }
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL) {
        return complain(build, "no memory");
    }
    component_file_write_ports(&build->file, stream);
    fclose(stream);
    struct bytes content = {(const uint8_t *)text, size};
    bool same = port_file_read(path, 1 << 20, &before) == ERROR_NONE && bytes_equal(before, content);
    bool good = same || port_file_write(path, content) == ERROR_NONE;
    free((void *)(uintptr_t)before.data);
    free(text);
    if (!good) {
        fprintf(stderr, "tenon build: %s cannot be written; is the disk full?\n", path);
    }
    return good;
}

static bool compile(struct build *build) {
    char path[PATH_SIZE_MAX];
    char found[PATH_SIZE_MAX];
    char refusal[COMPILER_REFUSAL_SIZE];
    const char *abi = build->abi != NULL ? build->abi : find_abi(found);
    if (!has_header(abi)) {
        fprintf(stderr, "tenon build: there is no tenon.h in %s; say where it is with --abi FOLDER\n", abi);
        return false;
    }
    if (!path_of(path, build->folder, "compiled.wasm", "")) {
        return complain(build, "the output folder's path is over 1,023 letters long; choose another");
    }
    struct compiler_job job = {.source = build->file.source,
                               .output = path,
                               .abi_folder = abi,
                               .ports_folder = build->folder,
                               .stack_bytes = build->file.stack_bytes};
    if (compiler_run(&job, refusal) != ERROR_NONE) {
        return complain(build, refusal);
    }
    enum error error = port_file_read(path, 16 * MODULE_SIZE_MAX, &build->compiled);
    port_file_delete(path);
    return error == ERROR_NONE || complain(build, "the compiler's output cannot be read; is the disk full?");
}

// Takes the sizes of inbox and state from the compiled module into the manifest.
static bool measure(struct build *build) {
    struct module_info info;
    struct module_refusal refusal;
    struct manifest *manifest = &build->file.manifest;
    char text[TEXT_SIZE_MAX];
    if (module_survey(build->compiled, &info, &refusal) != ERROR_NONE) {
        return complain(build, refusal.text);
    }
    if (manifest->input_count > 0 && info.inbox.size == 0) {
        return complain(build, "it has inputs, but the source has no inbox; write TENON_INBOX(16); into it");
    }
    if (build->file.declares_state != info.exports_state) {
        return complain(build, info.exports_state
                                   ? "the source has TENON_STATE; write state: {version: 1} into the component file"
                                   : "`state` is declared, but the source has no TENON_STATE");
    }
    if (info.exports_state && info.state.version != manifest->state_version) {
        snprintf(text, sizeof text, "state.version is %u, but TENON_STATE in the source says %u; make them equal",
                 manifest->state_version, info.state.version);
        return complain(build, text);
    }
    manifest->inbox_bytes = info.inbox.size;
    manifest->state_bytes = info.state.size;
    return true;
}

static size_t put_leb128(uint8_t *out, size_t value) {
    size_t size = 0;
    do {
        out[size] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
        size++;
    } while (value > 0);
    return size;
}

// Puts the manifest behind the module as a custom section (WebAssembly 1.0 §5.5.3).
static bool append_manifest(struct build *build) {
    static uint8_t encoded[MANIFEST_SIZE_MAX];
    const size_t name_size = strlen(MANIFEST_SECTION);
    size_t size = 0;
    if (manifest_encode(&build->file.manifest, (struct buffer){encoded, sizeof encoded}, &size) != ERROR_NONE) {
        return complain(build, "the manifest is over 4,096 bytes; shorten names and quantities, or declare fewer ports");
    }
    build->module = malloc(build->compiled.size + size + name_size + 16);
    if (build->module == NULL) {
        return complain(build, "no memory");
    }
    memcpy(build->module, build->compiled.data, build->compiled.size);
    uint8_t *at = build->module + build->compiled.size;
    *at++ = 0;
    at += put_leb128(at, 1 + name_size + size);
    at += put_leb128(at, name_size);
    memcpy(at, MANIFEST_SECTION, name_size);
    memcpy(at + name_size, encoded, size);
    build->module_size = (size_t)(at + name_size + size - build->module);
    return true;
}

// Starts the module as a node would, and takes the memory that it then has.
static bool try_module(struct build *build) {
    char refusal[160] = "";
    struct engine *engine;
    struct engine_module *module = NULL;
    struct engine_instance *instance = NULL;
    if (wamr_engine_create(NULL, &engine) != ERROR_NONE) {
        return complain(build, "the WebAssembly engine did not start: no memory");
    }
    enum error error = engine->load(engine, (struct bytes){build->module, build->module_size}, &module, refusal);
    if (error == ERROR_NONE) {
        error = engine->start(engine, module, (struct bytes){NULL, 0}, &instance);
        snprintf(refusal, sizeof refusal, "%s", error_text(error));
    }
    if (error == ERROR_NONE) {
        build->memory_bytes = engine->memory_bytes(instance);
        engine->stop(engine, instance);
    }
    engine->unload(engine, module);
    wamr_engine_destroy(engine);
    return error == ERROR_NONE || complain(build, refusal);
}

static bool write_module(const struct build *build) {
    const struct manifest *manifest = &build->file.manifest;
    char path[PATH_SIZE_MAX];
    if (!path_of(path, build->out, manifest->name, ".wasm")) {
        return complain(build, "the output folder's path is over 1,023 letters long; choose another");
    }
    if (port_file_write(path, (struct bytes){build->module, build->module_size}) != ERROR_NONE) {
        fprintf(stderr, "tenon build: %s cannot be written; is the disk full?\n", path);
        return false;
    }
    printf("%s %s: module %zu bytes, memory %u bytes, ", manifest->name, manifest->version, build->module_size,
           build->memory_bytes);
    if (manifest->state_bytes > 0) {
        printf("state %u bytes (version %u)\n", manifest->state_bytes, manifest->state_version);
    } else {
        printf("no state\n");
    }
    return true;
}

int command_build(int argument_count, char **arguments) {
    static struct build build;
    struct document_error error;
    if (!read_options(argument_count, arguments, &build)) {
        return EXIT_USAGE;
    }
    if (!component_file_read(build.declaration, &build.file, &error)) {
        char text[TEXT_SIZE_MAX];
        document_error_text(build.declaration, &error, text, sizeof text);
        fprintf(stderr, "tenon build: %s\n", text);
        return EXIT_REFUSED;
    }
    bool good = write_ports(&build);
    if (good && !build.ports_only) {
        good = compile(&build) && measure(&build) && append_manifest(&build) && try_module(&build) && write_module(&build);
    }
    free((void *)(uintptr_t)build.compiled.data);
    free(build.module);
    return good ? 0 : EXIT_REFUSED;
}
