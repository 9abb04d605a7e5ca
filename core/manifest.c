// Reads and writes abi/manifest.cddl. Memory: the caller's. Every number and name is bounded while it is read, so a decoded
// manifest is valid by construction; see manifest.h for the errors.
#include "core/manifest.h"

#include "core/assert.h"
#include "core/wire.h"

#define MANIFEST_FORMAT_VERSION 1
#define MANIFEST_FIELD_COUNT 11
#define PORT_FIELD_COUNT 7

static uint32_t read_field(struct wire_reader *reader, uint64_t key, uint64_t maximum) {
    wire_expect_uint(reader, key, ERROR_MALFORMED);
    return (uint32_t)wire_read_uint(reader, maximum);
}

static void read_range(struct wire_reader *reader, struct port *port) {
    if (wire_read_null(reader)) {
        return;
    }
    wire_read_list(reader);
    port->has_range = true;
    port->minimum = wire_read_float(reader);
    port->maximum = wire_read_float(reader);
    wire_read_list_end(reader);
}

static void read_port(struct wire_reader *reader, struct port *port) {
    memset(port, 0, sizeof *port);
    wire_read_list(reader);
    wire_read_text(reader, 1, port->name, sizeof port->name);
    wire_read_text(reader, 0, port->quantity, sizeof port->quantity);
    wire_read_text(reader, 0, port->unit, sizeof port->unit);
    port->type = (enum value_type)wire_read_uint(reader, TYPE_ANY);
    port->parameter = wire_read_bool(reader);
    read_range(reader, port);
    port->resolution = wire_read_float(reader);
    wire_read_list_end(reader);
}

static int find(const struct port *ports, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(ports[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

// The list of one direction's ports begins `at` bytes into the manifest, which was looked at before.
static void enter_ports(struct wire_reader *reader, struct bytes encoded, size_t at) {
    wire_reader_start(reader, (struct bytes){encoded.data + at, encoded.size - at});
    wire_read_list(reader);
}

static int find_before(struct bytes encoded, size_t at, uint32_t count, const char *name) {
    struct wire_reader reader;
    struct port port;
    enter_ports(&reader, encoded, at);
    for (uint32_t i = 0; i < count; i++) {
        read_port(&reader, &port);
        if (strcmp(port.name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

// Checks one direction's ports. `parameters` says whether this direction may have any.
static enum error look_at_ports(struct wire_reader *reader, uint64_t key, bool parameters, struct bytes encoded, uint16_t *at,
                                uint16_t *count) {
    bool parameter = false;
    *count = 0;
    wire_expect_uint(reader, key, ERROR_MALFORMED);
    *at = (uint16_t)(encoded.size - wire_left(reader));
    wire_read_list(reader);
    while (wire_more(reader)) {
        struct port port;
        if (*count == PORTS_MAX) {
            return ERROR_TOO_LARGE;
        }
        read_port(reader, &port);
        if (reader->error != ERROR_NONE) {
            return reader->error;
        }
        bool ordered = !port.has_range || port.minimum <= port.maximum;
        // Within a component inputs come first and parameters after them, so that the numbers of the inputs are stable.
        bool placed = port.parameter ? parameters : !parameter;
        if (!ordered || !placed || port.resolution < 0 || find_before(encoded, *at, *count, port.name) >= 0) {
            return ERROR_MALFORMED;
        }
        parameter = port.parameter;
        (*count)++;
    }
    wire_read_list_end(reader);
    return reader->error;
}

// Reads up to name and version.
static void read_title(struct wire_reader *reader, struct bytes encoded, char name[NAME_SIZE_MAX],
                       char version[UNIT_SIZE_MAX]) {
    wire_reader_start(reader, encoded);
    wire_read_map(reader);
    wire_expect_uint(reader, 0, ERROR_MALFORMED);
    wire_expect_uint(reader, MANIFEST_FORMAT_VERSION, ERROR_UNSUPPORTED);
    wire_expect_uint(reader, 1, ERROR_MALFORMED);
    wire_read_text(reader, 1, name, NAME_SIZE_MAX);
    wire_expect_uint(reader, 2, ERROR_MALFORMED);
    wire_read_text(reader, 1, version, UNIT_SIZE_MAX);
}

enum error manifest_look(struct bytes encoded, struct manifest_view *out) {
    struct wire_reader reader;
    char name[NAME_SIZE_MAX], version[UNIT_SIZE_MAX];
    memset(out, 0, sizeof *out);
    if (encoded.size > MANIFEST_SIZE_MAX) {
        return ERROR_TOO_LARGE;
    }
    out->encoded = encoded;
    read_title(&reader, encoded, name, version);
    out->memory_bytes = read_field(&reader, 3, COMPONENT_MEMORY_MAX);
    out->instructions = read_field(&reader, 4, INSTRUCTIONS_MAX);
    out->outputs_per_message = read_field(&reader, 5, OUTPUTS_PER_MESSAGE_MAX);
    out->state_bytes = read_field(&reader, 6, STATE_SIZE_MAX);
    out->state_version = read_field(&reader, 7, UINT32_MAX);
    out->inbox_bytes = read_field(&reader, 8, MESSAGE_SIZE_MAX);
    enum error error = look_at_ports(&reader, 9, true, encoded, &out->inputs_at, &out->input_count);
    if (error == ERROR_NONE) {
        error = look_at_ports(&reader, 10, false, encoded, &out->outputs_at, &out->output_count);
    }
    if (error != ERROR_NONE) {
        return error;
    }
    wire_read_map_end(&reader);
    return wire_reader_finish(&reader);
}

void manifest_port(const struct manifest_view *view, bool output, uint32_t index, struct port *out) {
    struct wire_reader reader;
    ASSERT(index < (output ? view->output_count : view->input_count));
    enter_ports(&reader, view->encoded, output ? view->outputs_at : view->inputs_at);
    for (uint32_t i = 0; i <= index; i++) {
        read_port(&reader, out);
    }
}

int manifest_find(const struct manifest_view *view, bool output, const char *name) {
    return output ? find_before(view->encoded, view->outputs_at, view->output_count, name)
                  : find_before(view->encoded, view->inputs_at, view->input_count, name);
}

void manifest_name(const struct manifest_view *view, char out[NAME_SIZE_MAX]) {
    struct wire_reader reader;
    char version[UNIT_SIZE_MAX];
    read_title(&reader, view->encoded, out, version);
}

static void read_ports(struct bytes encoded, size_t at, struct port *ports, uint32_t count) {
    struct wire_reader reader;
    enter_ports(&reader, encoded, at);
    for (uint32_t i = 0; i < count; i++) {
        read_port(&reader, &ports[i]);
    }
}

enum error manifest_decode(struct bytes encoded, struct manifest *out) {
    struct wire_reader reader;
    struct manifest_view view;
    memset(out, 0, sizeof *out);
    enum error error = manifest_look(encoded, &view);
    if (error != ERROR_NONE) {
        return error;
    }
    read_title(&reader, encoded, out->name, out->version);
    out->memory_bytes = view.memory_bytes;
    out->instructions = view.instructions;
    out->outputs_per_message = view.outputs_per_message;
    out->state_bytes = view.state_bytes;
    out->state_version = view.state_version;
    out->inbox_bytes = view.inbox_bytes;
    out->input_count = view.input_count;
    out->output_count = view.output_count;
    read_ports(encoded, view.inputs_at, out->inputs, out->input_count);
    read_ports(encoded, view.outputs_at, out->outputs, out->output_count);
    return ERROR_NONE;
}

static void write_field(struct wire_writer *writer, uint64_t key, uint64_t value) {
    wire_write_uint(writer, key);
    wire_write_uint(writer, value);
}

static void write_ports(struct wire_writer *writer, uint64_t key, const struct port *ports, uint32_t count) {
    wire_write_uint(writer, key);
    wire_write_list(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct port *port = &ports[i];
        wire_write_list(writer, PORT_FIELD_COUNT);
        wire_write_text(writer, port->name);
        wire_write_text(writer, port->quantity);
        wire_write_text(writer, port->unit);
        wire_write_uint(writer, port->type);
        wire_write_bool(writer, port->parameter);
        if (port->has_range) {
            wire_write_list(writer, 2);
            wire_write_float(writer, port->minimum);
            wire_write_float(writer, port->maximum);
            wire_write_list_end(writer, 2);
        } else {
            wire_write_null(writer);
        }
        wire_write_float(writer, port->resolution);
        wire_write_list_end(writer, PORT_FIELD_COUNT);
    }
    wire_write_list_end(writer, count);
}

enum error manifest_encode(const struct manifest *manifest, struct buffer buffer, size_t *size) {
    struct wire_writer writer;
    buffer.size = buffer.size < MANIFEST_SIZE_MAX ? buffer.size : MANIFEST_SIZE_MAX;
    wire_writer_start(&writer, buffer);
    wire_write_map(&writer, MANIFEST_FIELD_COUNT);
    write_field(&writer, 0, MANIFEST_FORMAT_VERSION);
    wire_write_uint(&writer, 1);
    wire_write_text(&writer, manifest->name);
    wire_write_uint(&writer, 2);
    wire_write_text(&writer, manifest->version);
    write_field(&writer, 3, manifest->memory_bytes);
    write_field(&writer, 4, manifest->instructions);
    write_field(&writer, 5, manifest->outputs_per_message);
    write_field(&writer, 6, manifest->state_bytes);
    write_field(&writer, 7, manifest->state_version);
    write_field(&writer, 8, manifest->inbox_bytes);
    write_ports(&writer, 9, manifest->inputs, manifest->input_count);
    write_ports(&writer, 10, manifest->outputs, manifest->output_count);
    wire_write_map_end(&writer, MANIFEST_FIELD_COUNT);
    return wire_writer_finish(&writer, size);
}

int manifest_input(const struct manifest *manifest, const char *name) {
    return find(manifest->inputs, manifest->input_count, name);
}

int manifest_output(const struct manifest *manifest, const char *name) {
    return find(manifest->outputs, manifest->output_count, name);
}

const char *value_type_text(enum value_type type) {
    static const char *const texts[] = {"number", "boolean", "text", "array", "any"};
    return (unsigned)type < sizeof texts / sizeof texts[0] ? texts[type] : "unknown";
}

bool quantity_accepts(const char *destination, const char *source) {
    size_t general = strlen(destination);
    size_t special = strlen(source);
    if (general == 0) {
        return true;
    }
    if (general > special || strcmp(source + (special - general), destination) != 0) {
        return false;
    }
    return general == special || source[special - general - 1] == '_';
}
