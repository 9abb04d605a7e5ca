// Reads component.yaml and writes ports.h. See component_file.h.
#include "cli/component_file.h"

#include <stdlib.h>

// --- names ---------------------------------------------------------------------------------------------------------------

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(const char *text) {
    bool good = is_letter(text[0]);
    for (size_t i = 1; good && text[i] != '\0'; i++) {
        good = is_letter(text[i]) || (text[i] >= '0' && text[i] <= '9') || text[i] == '_' || text[i] == '-';
    }
    return good;
}

static char constant_letter(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c == '-' ? '_' : c;
}

// True when two names give the same enumerator.
static bool same_constant(const char *a, const char *b) {
    size_t i = 0;
    while (a[i] != '\0' && constant_letter(a[i]) == constant_letter(b[i])) {
        i++;
    }
    return a[i] == b[i];
}

static bool read_name(const struct document_node *node, const char *what, char out[NAME_SIZE_MAX],
                      struct document_error *error) {
    char sentence[160];
    if (is_name(node->text) && strlen(node->text) < NAME_SIZE_MAX) {
        memcpy(out, node->text, strlen(node->text) + 1);
        return true;
    }
    snprintf(sentence, sizeof sentence, "`%.60s` cannot be the name of %s", node->text, what);
    return document_refuse(node, error, sentence, "a name is a letter and up to 46 more letters, digits, `_` and `-`");
}

// Copies the text under `key`, if there. `size` is the capacity.
static bool read_text(const struct document_node *node, const char *key, char *out, size_t size, struct document_error *error) {
    const struct document_node *value = document_get(node, key);
    const char *text = "";
    if (value != NULL && !document_text(value, &text, error)) {
        return false;
    }
    if (strlen(text) >= size) {
        char sentence[160];
        snprintf(sentence, sizeof sentence, "%s `%.40s...` is longer than %zu letters", key, text, size - 1);
        return document_refuse(value, error, sentence, "shorten it");
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

// --- ports ---------------------------------------------------------------------------------------------------------------

static bool read_type(const struct document_node *node, enum value_type *out, struct document_error *error) {
    const struct document_node *value = document_get(node, "type");
    const char *text;
    *out = TYPE_NUMBER;
    if (value == NULL) {
        return true;
    }
    if (!document_text(value, &text, error)) {
        return false;
    }
    for (int type = TYPE_NUMBER; type <= TYPE_ANY; type++) {
        if (strcmp(text, value_type_text((enum value_type)type)) == 0) {
            *out = (enum value_type)type;
            return true;
        }
    }
    char sentence[120];
    snprintf(sentence, sizeof sentence, "there is no type `%.40s`", text);
    return document_refuse(value, error, sentence, "types are number, boolean, text, array and any");
}

static bool read_range(const struct document_node *node, struct port *port, struct document_error *error) {
    const struct document_node *range = document_get(node, "range");
    const struct document_node *resolution = document_get(node, "resolution");
    if (range != NULL) {
        if (range->kind != DOCUMENT_SEQUENCE || range->count != 2) {
            return document_refuse(range, error, "a range is two numbers", "write range: [lowest, highest]");
        }
        if (!document_number(range->entries[0].value, &port->minimum, error) ||
            !document_number(range->entries[1].value, &port->maximum, error)) {
            return false;
        }
        if (port->minimum > port->maximum) {
            return document_refuse(range, error, "the range ends before it begins", "write range: [lowest, highest]");
        }
        port->has_range = true;
    }
    if (resolution != NULL && !document_number(resolution, &port->resolution, error)) {
        return false;
    }
    return port->resolution >= 0 ||
           document_refuse(resolution, error, "the resolution is negative", "write the smallest step that matters");
}

static bool read_port(const struct document_entry *entry, bool parameter, struct port *port, struct document_error *error) {
    static const char *const keys[] = {"type", "quantity", "unit", "range", "resolution", "description"};
    const struct document_node *node = entry->value;
    *port = (struct port){.parameter = parameter};
    return read_name(entry->key, "a port", port->name, error) &&
           document_check_keys(node, "a port", keys, sizeof keys / sizeof keys[0], error) &&
           read_type(node, &port->type, error) && read_text(node, "quantity", port->quantity, sizeof port->quantity, error) &&
           read_text(node, "unit", port->unit, sizeof port->unit, error) && read_range(node, port, error);
}

// Reads one of the mappings inputs, parameters and outputs behind the ports that are there already.
static bool read_ports(const struct document_node *root, const char *key, struct port ports[PORTS_MAX], uint32_t *count,
                       struct document_error *error) {
    const struct document_node *node = document_get(root, key);
    if (document_is_null(node)) {
        return true;
    }
    if (node->kind != DOCUMENT_MAPPING) {
        return document_refuse(node, error, "ports are a mapping from name to description",
                               "write inputs: {temperature: {unit: Cel}}");
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct document_entry *entry = &node->entries[i];
        if (*count == PORTS_MAX) {
            return document_refuse(entry->key, error, "this is port 33 in its direction, and 32 are the most",
                                   "send arrays, or make two components of it");
        }
        if (!read_port(entry, strcmp(key, "parameters") == 0, &ports[*count], error)) {
            return false;
        }
        for (uint32_t other = 0; other < *count; other++) {
            if (same_constant(ports[other].name, ports[*count].name)) {
                return document_refuse(entry->key, error,
                                       "another port has this name, or one that differs only in case, `-` and `_`",
                                       "inputs and parameters share their names; rename one");
            }
        }
        (*count)++;
    }
    return true;
}

// --- the rest ------------------------------------------------------------------------------------------------------------

static bool read_limit(const struct document_node *limits, const char *key, uint64_t minimum, uint64_t maximum, uint32_t *limit,
                       struct document_error *error) {
    const struct document_node *value = document_get(limits, key);
    uint64_t number = *limit;
    bool is_size = strcmp(key, "memory") == 0 || strcmp(key, "stack") == 0;
    if (value == NULL) {
        return true;
    }
    if (is_size ? !document_size(value, &number, error) : !document_whole(value, minimum, maximum, &number, error)) {
        return false;
    }
    if (number < minimum || number > maximum) {
        char sentence[120];
        snprintf(sentence, sizeof sentence, "limits.%s is from %llu to %llu", key, (unsigned long long)minimum,
                 (unsigned long long)maximum);
        return document_refuse(value, error, sentence, "choose a value in that range");
    }
    *limit = (uint32_t)number;
    return true;
}

static bool read_limits(const struct document_node *root, struct component_file *out, struct document_error *error) {
    static const char *const keys[] = {"memory", "instructions", "outputs", "stack"};
    const struct document_node *limits = document_get(root, "limits");
    struct manifest *manifest = &out->manifest;
    manifest->memory_bytes = COMPONENT_MEMORY_DEFAULT;
    manifest->instructions = COMPONENT_INSTRUCTIONS_DEFAULT;
    manifest->outputs_per_message = manifest->output_count > 0 ? manifest->output_count : 1;
    out->stack_bytes = COMPONENT_STACK_DEFAULT;
    if (document_is_null(limits)) {
        return true;
    }
    return document_check_keys(limits, "limits", keys, sizeof keys / sizeof keys[0], error) &&
           read_limit(limits, "memory", 64, COMPONENT_MEMORY_MAX, &manifest->memory_bytes, error) &&
           read_limit(limits, "instructions", 1, INSTRUCTIONS_MAX, &manifest->instructions, error) &&
           read_limit(limits, "outputs", 0, OUTPUTS_PER_MESSAGE_MAX, &manifest->outputs_per_message, error) &&
           read_limit(limits, "stack", 64, COMPONENT_MEMORY_MAX, &out->stack_bytes, error);
}

static bool read_state(const struct document_node *root, struct component_file *out, struct document_error *error) {
    static const char *const keys[] = {"version"};
    const struct document_node *state = document_get(root, "state");
    uint64_t version = 1;
    if (state == NULL) {
        return true;
    }
    const struct document_node *value = document_get(state, "version");
    if (!document_check_keys(state, "state", keys, 1, error) ||
        (value != NULL && !document_whole(value, 1, UINT32_MAX, &version, error))) {
        return false;
    }
    out->declares_state = true;
    out->manifest.state_version = (uint32_t)version;
    return true;
}

static bool read_source(const struct document_node *root, struct component_file *out, struct document_error *error) {
    const struct document_node *node = document_get(root, "source");
    const char *text;
    if (!document_text(node, &text, error)) {
        return false;
    }
    const char *dot = strrchr(text, '.');
    if (dot == NULL || (strcmp(dot, ".c") != 0 && strcmp(dot, ".rs") != 0)) {
        return document_refuse(node, error, "the source is neither C nor Rust", "name a file that ends in .c or .rs");
    }
    const char *slash = strrchr(out->path, '/');
    int folder = slash == NULL || text[0] == '/' ? 0 : (int)(slash - out->path) + 1;
    int length = snprintf(out->source, sizeof out->source, "%.*s%s", folder, out->path, text);
    return length < (int)sizeof out->source ||
           document_refuse(node, error, "the path is over 1,023 letters long", "shorten it");
}

static bool read_identity(const struct document_node *root, struct component_file *out, struct document_error *error) {
    static const char *const keys[] = {"component",  "version", "source", "description", "inputs",
                                       "parameters", "outputs", "limits", "state"};
    if (!document_check_keys(root, "a component", keys, sizeof keys / sizeof keys[0], error)) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        if (document_is_null(document_get(root, keys[i]))) {
            char sentence[80];
            snprintf(sentence, sizeof sentence, "the key `%s` is missing", keys[i]);
            return document_refuse(root, error, sentence, "a component has `component` (its name), `version` and `source`");
        }
    }
    const char *name;
    return document_text(document_get(root, "component"), &name, error) &&
           read_name(document_get(root, "component"), "a component", out->manifest.name, error) &&
           read_text(root, "version", out->manifest.version, sizeof out->manifest.version, error) &&
           read_source(root, out, error);
}

bool component_file_read(const char *path, struct component_file *out, struct document_error *error) {
    struct document *document;
    memset(out, 0, sizeof *out);
    if (strlen(path) >= sizeof out->path) {
        *error = (struct document_error){.what = "the path is over 1,023 letters long", .remedy = "go nearer to the file"};
        return false;
    }
    memcpy(out->path, path, strlen(path) + 1);
    if (document_read(path, &document, error) != ERROR_NONE) {
        return false;
    }
    const struct document_node *root = document_root(document);
    struct manifest *manifest = &out->manifest;
    bool good = read_identity(root, out, error) &&
                read_ports(root, "inputs", manifest->inputs, &manifest->input_count, error) &&
                read_ports(root, "parameters", manifest->inputs, &manifest->input_count, error) &&
                read_ports(root, "outputs", manifest->outputs, &manifest->output_count, error) &&
                read_limits(root, out, error) && read_state(root, out, error);
    document_free(document);
    return good;
}

static void write_enumerator(const char *prefix, const char *name, uint32_t number, FILE *out) {
    fprintf(out, "    %s_", prefix);
    for (size_t i = 0; name[i] != '\0'; i++) {
        fputc(constant_letter(name[i]), out);
    }
    fprintf(out, " = %u,\n", number);
}

void component_file_write_ports(const struct component_file *file, FILE *out) {
    const struct manifest *manifest = &file->manifest;
    fprintf(out, "// Ports of the component %s. Made from component.yaml by `tenon build`.\n", manifest->name);
    fprintf(out, "#ifndef TENON_PORTS_H\n#define TENON_PORTS_H\n");
    if (manifest->input_count > 0) {
        fprintf(out, "\nenum {\n");
        for (uint32_t i = 0; i < manifest->input_count; i++) {
            write_enumerator(manifest->inputs[i].parameter ? "PARAMETER" : "INPUT", manifest->inputs[i].name, i, out);
        }
        fprintf(out, "};\n");
    }
    if (manifest->output_count > 0) {
        fprintf(out, "\nenum {\n");
        for (uint32_t i = 0; i < manifest->output_count; i++) {
            write_enumerator("OUTPUT", manifest->outputs[i].name, i, out);
        }
        fprintf(out, "};\n");
    }
    fprintf(out, "\n#endif\n");
}
