// `tenon inspect`: what a .wasm file declares, after the same checks that a node makes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/commands.h"
#include "core/module.h"
#include "core/sha256.h"
#include "engine/wamr.h"
#include "port/port.h"

struct facts {
    struct module_info info;
    struct manifest manifest;
    size_t module_size;
    uint32_t memory_bytes;
    char digest[65];
};

// Starts the module once for its memory. `refusal` gets the reason when it does not start.
static bool measure_memory(struct bytes wasm, uint32_t *memory_bytes, char refusal[160]) {
    struct engine *engine;
    struct engine_module *module;
    struct engine_instance *instance;
    if (wamr_engine_create(NULL, &engine) != ERROR_NONE) {
        snprintf(refusal, 160, "the WebAssembly engine did not start: no memory");
        return false;
    }
    bool good = engine->load(engine, wasm, &module, refusal) == ERROR_NONE;
    if (good) {
        enum error error = engine->start(engine, module, (struct bytes){NULL, 0}, &instance);
        good = error == ERROR_NONE;
        if (good) {
            *memory_bytes = engine->memory_bytes(instance);
            engine->stop(engine, instance);
        } else {
            snprintf(refusal, 160, "%s", error_text(error));
        }
        engine->unload(engine, module);
    }
    wamr_engine_destroy(engine);
    return good;
}

static bool read_facts(const char *path, struct facts *facts) {
    struct bytes wasm = {NULL, 0};
    struct module_refusal reason;
    uint8_t digest[32];
    char refusal[160] = "";
    enum error error = port_file_read(path, MODULE_SIZE_MAX, &wasm);
    if (error != ERROR_NONE) {
        fprintf(stderr, "tenon inspect: %s: %s\n", path,
                error == ERROR_NOT_FOUND   ? "there is no such file"
                : error == ERROR_TOO_LARGE ? "the file is larger than any component may be (262144 bytes)"
                                           : "the file cannot be read");
        return false;
    }
    bool good = module_inspect(wasm, &facts->info, &reason) == ERROR_NONE;
    if (!good) {
        fprintf(stderr, "tenon inspect: %s: %s\n", path, reason.text);
    } else if (!measure_memory(wasm, &facts->memory_bytes, refusal)) {
        fprintf(stderr, "tenon inspect: %s: %s\n", path, refusal);
        good = false;
    }
    good = good && manifest_decode(facts->info.manifest.encoded, &facts->manifest) == ERROR_NONE;
    facts->module_size = wasm.size;
    sha256(wasm, digest);
    digest_text(digest, facts->digest);
    free((void *)(uintptr_t)wasm.data);
    return good;
}

// --- for people ----------------------------------------------------------------------------------------------------------

// Texts in a manifest come from a stranger: nothing that a terminal would act on gets through.
static const char *plain(const char *text, char out[QUANTITY_SIZE_MAX]) {
    size_t i = 0;
    for (; text[i] != '\0' && i + 1 < QUANTITY_SIZE_MAX; i++) {
        unsigned char letter = (unsigned char)text[i];
        out[i] = letter < 0x20 || letter == 0x7f ? '?' : text[i];
    }
    out[i] = '\0';
    return out;
}

static void print_port(uint32_t number, const struct port *port, const char *direction) {
    char name[QUANTITY_SIZE_MAX];
    char quantity[QUANTITY_SIZE_MAX];
    char unit[QUANTITY_SIZE_MAX];
    char range[64] = "-";
    if (port->has_range) {
        snprintf(range, sizeof range, "%g..%g", port->minimum, port->maximum);
    }
    printf("  %-9s %2u  %-24s %-8s %-6s %-12s %s\n", direction, number, plain(port->name, name), value_type_text(port->type),
           port->unit[0] == '\0' ? "-" : plain(port->unit, unit), range,
           port->quantity[0] == '\0' ? "-" : plain(port->quantity, quantity));
}

static void print_facts(const struct facts *facts) {
    const struct manifest *manifest = &facts->manifest;
    char name[QUANTITY_SIZE_MAX];
    char version[QUANTITY_SIZE_MAX];
    printf("%s %s\n", plain(manifest->name, name), plain(manifest->version, version));
    printf("  digest    %s\n", facts->digest);
    printf("  module    %zu bytes\n", facts->module_size);
    printf("  memory    %u bytes, at most %u\n", facts->memory_bytes, manifest->memory_bytes);
    if (manifest->state_bytes > 0) {
        printf("  state     %u bytes (version %u)%s\n", manifest->state_bytes, manifest->state_version,
               facts->info.exports_upgrade ? ", upgrades older versions" : "");
    } else {
        printf("  state     none\n");
    }
    printf("  inbox     %u bytes\n", manifest->inbox_bytes);
    printf("  limits    %u instructions and %u outputs for one message\n\n", manifest->instructions,
           manifest->outputs_per_message);
    printf("  %-9s %2s  %-24s %-8s %-6s %-12s %s\n", "port", "", "name", "type", "unit", "range", "quantity");
    for (uint32_t i = 0; i < manifest->input_count; i++) {
        print_port(i, &manifest->inputs[i], manifest->inputs[i].parameter ? "parameter" : "input");
    }
    for (uint32_t i = 0; i < manifest->output_count; i++) {
        print_port(i, &manifest->outputs[i], "output");
    }
}

// --- for machines --------------------------------------------------------------------------------------------------------

// JSON is UTF-8; a text that is not is shown without what breaks it.
static json_t *json_text(const char *text) {
    char out[QUANTITY_SIZE_MAX];
    json_t *json = json_string(text);
    if (json != NULL) {
        return json;
    }
    plain(text, out);
    for (size_t i = 0; out[i] != '\0'; i++) {
        out[i] = (unsigned char)out[i] < 0x80 ? out[i] : '?';
    }
    return json_string(out);
}

static json_t *json_ports(const struct port *ports, uint32_t count) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        const struct port *port = &ports[i];
        json_t *range = port->has_range ? json_pack("[f, f]", port->minimum, port->maximum) : json_null();
        json_array_append_new(list, json_pack("{s:i, s:o, s:s, s:b, s:o, s:o, s:o, s:f}", "number", (int)i, "name",
                                              json_text(port->name), "type", value_type_text(port->type), "parameter",
                                              (int)port->parameter, "quantity", json_text(port->quantity), "unit",
                                              json_text(port->unit), "range", range, "resolution", port->resolution));
    }
    return list;
}

static bool print_json(const struct facts *facts) {
    const struct manifest *manifest = &facts->manifest;
    json_t *json = json_pack(
        "{s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o}", "component", json_text(manifest->name),
        "version", json_text(manifest->version), "digest", facts->digest, "module_bytes", (json_int_t)facts->module_size,
        "memory_bytes", (json_int_t)facts->memory_bytes, "memory_bytes_max", (json_int_t)manifest->memory_bytes,
        "instructions_max", (json_int_t)manifest->instructions, "outputs_per_message_max",
        (json_int_t)manifest->outputs_per_message, "state_bytes", (json_int_t)manifest->state_bytes, "state_version",
        (json_int_t)manifest->state_version, "inbox_bytes", (json_int_t)manifest->inbox_bytes, "upgrades",
        (int)facts->info.exports_upgrade, "inputs", json_ports(manifest->inputs, manifest->input_count), "outputs",
        json_ports(manifest->outputs, manifest->output_count));
    char *text = json == NULL ? NULL : json_dumps(json, JSON_INDENT(2));
    json_decref(json);
    if (text == NULL) {
        fprintf(stderr, "tenon inspect: no memory\n");
        return false;
    }
    puts(text);
    free(text);
    return true;
}

int command_inspect(int argument_count, char **arguments) {
    static struct facts facts;
    const char *path = NULL;
    bool json = false;
    for (int i = 1; i < argument_count; i++) {
        if (strcmp(arguments[i], "--json") == 0) {
            json = true;
        } else if (arguments[i][0] == '-' || path != NULL) {
            fprintf(stderr, "tenon inspect: unexpected `%s`; see `tenon inspect --help`\n", arguments[i]);
            return EXIT_USAGE;
        } else {
            path = arguments[i];
        }
    }
    if (path == NULL) {
        fprintf(stderr, "usage: tenon inspect FILE.wasm [--json]\n");
        return EXIT_USAGE;
    }
    if (!read_facts(path, &facts)) {
        return EXIT_REFUSED;
    }
    if (json) {
        return print_json(&facts) ? 0 : EXIT_REFUSED;
    }
    print_facts(&facts);
    return 0;
}
