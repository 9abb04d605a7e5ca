// The manifest's CBOR (abi/manifest.cddl).
#include "core/manifest.h"

#include "core/wire.h"

#define MANIFEST_FORMAT 1
// Keys 0 to 10.
#define MANIFEST_KEYS 11

static const char *const type_texts[] = {"number", "boolean", "text", "array", "any"};

const char *value_type_text(enum value_type type) {
    return (unsigned)type <= TYPE_ANY ? type_texts[type] : "unknown";
}

bool quantity_accepts(const char *destination, const char *source) {
    size_t wanted = strlen(destination);
    size_t have = strlen(source);
    if (wanted == 0) {
        return true;
    }
    if (have < wanted || strcmp(source + have - wanted, destination) != 0) {
        return false;
    }
    return have == wanted || source[have - wanted - 1] == '_';
}

static void read_port(struct wire_reader *reader, struct port *out) {
    wire_read_list(reader);
    wire_read_text(reader, 1, out->name, sizeof out->name);
    wire_read_text(reader, 0, out->quantity, sizeof out->quantity);
    wire_read_text(reader, 0, out->unit, sizeof out->unit);
    out->type = (enum value_type)wire_read_uint(reader, TYPE_ANY);
    out->parameter = wire_read_bool(reader);
    out->has_range = !wire_read_null(reader);
    out->minimum = out->maximum = 0;
    if (out->has_range) {
        wire_read_list(reader);
        out->minimum = wire_read_float(reader);
        out->maximum = wire_read_float(reader);
        wire_read_list_end(reader);
    }
    out->resolution = wire_read_float(reader);
    wire_read_list_end(reader);
    if (reader->error == ERROR_NONE && (out->minimum > out->maximum || out->resolution < 0)) {
        reader->error = ERROR_MALFORMED;
    }
}

static bool name_is_taken(const struct port *ports, uint32_t count) {
    for (uint32_t i = 0; i + 1 < count; i++) {
        if (strcmp(ports[i].name, ports[count - 1].name) == 0) {
            return true;
        }
    }
    return false;
}

static uint32_t read_ports(struct wire_reader *reader, struct port *ports, bool inputs) {
    uint32_t count = 0;
    wire_read_list(reader);
    while (wire_more(reader)) {
        if (count == PORTS_MAX) {
            reader->error = ERROR_TOO_LARGE;
            return count;
        }
        read_port(reader, &ports[count++]);
        bool bad = reader->error == ERROR_NONE && (name_is_taken(ports, count) || (!inputs && ports[count - 1].parameter));
        if (bad) {
            reader->error = ERROR_MALFORMED;
        }
    }
    wire_read_list_end(reader);
    return count;
}

enum error manifest_decode(struct bytes encoded, struct manifest *out) {
    struct wire_reader reader;
    if (encoded.size > MANIFEST_SIZE_MAX) {
        return ERROR_TOO_LARGE;
    }
    wire_reader_start(&reader, encoded);
    wire_read_map(&reader);
    wire_expect_uint(&reader, 0, ERROR_MALFORMED);
    wire_expect_uint(&reader, MANIFEST_FORMAT, ERROR_UNSUPPORTED);
    wire_expect_uint(&reader, 1, ERROR_MALFORMED);
    wire_read_text(&reader, 1, out->name, sizeof out->name);
    wire_expect_uint(&reader, 2, ERROR_MALFORMED);
    wire_read_text(&reader, 1, out->version, sizeof out->version);
    const struct {
        uint32_t *value;
        uint64_t maximum;
    } numbers[] = {
        {&out->memory_bytes, COMPONENT_MEMORY_MAX}, {&out->instructions, INSTRUCTIONS_MAX}, {&out->outputs_per_message, OUTPUTS_PER_MESSAGE_MAX},
        {&out->state_bytes, STATE_SIZE_MAX},        {&out->state_version, UINT32_MAX},      {&out->inbox_bytes, MESSAGE_SIZE_MAX},
    };
    for (uint64_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        wire_expect_uint(&reader, 3 + i, ERROR_MALFORMED);
        *numbers[i].value = (uint32_t)wire_read_uint(&reader, numbers[i].maximum);
    }
    wire_expect_uint(&reader, 9, ERROR_MALFORMED);
    out->input_count = read_ports(&reader, out->inputs, true);
    wire_expect_uint(&reader, 10, ERROR_MALFORMED);
    out->output_count = read_ports(&reader, out->outputs, false);
    wire_read_map_end(&reader);
    return wire_reader_finish(&reader);
}

static void write_ports(struct wire_writer *writer, const struct port *ports, uint32_t count) {
    wire_write_list(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        wire_write_list(writer, 7);
        wire_write_text(writer, ports[i].name);
        wire_write_text(writer, ports[i].quantity);
        wire_write_text(writer, ports[i].unit);
        wire_write_uint(writer, (uint64_t)ports[i].type);
        wire_write_bool(writer, ports[i].parameter);
        if (ports[i].has_range) {
            wire_write_list(writer, 2);
            wire_write_float(writer, ports[i].minimum);
            wire_write_float(writer, ports[i].maximum);
            wire_write_list_end(writer, 2);
        } else {
            wire_write_null(writer);
        }
        wire_write_float(writer, ports[i].resolution);
        wire_write_list_end(writer, 7);
    }
    wire_write_list_end(writer, count);
}

enum error manifest_encode(const struct manifest *manifest, struct buffer buffer, size_t *size) {
    struct wire_writer writer;
    wire_writer_start(&writer, buffer);
    wire_write_map(&writer, 2 * MANIFEST_KEYS);
    wire_write_uint(&writer, 0);
    wire_write_uint(&writer, MANIFEST_FORMAT);
    wire_write_uint(&writer, 1);
    wire_write_text(&writer, manifest->name);
    wire_write_uint(&writer, 2);
    wire_write_text(&writer, manifest->version);
    const uint32_t numbers[] = {manifest->memory_bytes, manifest->instructions,  manifest->outputs_per_message,
                                manifest->state_bytes,  manifest->state_version, manifest->inbox_bytes};
    for (uint64_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        wire_write_uint(&writer, 3 + i);
        wire_write_uint(&writer, numbers[i]);
    }
    wire_write_uint(&writer, 9);
    write_ports(&writer, manifest->inputs, manifest->input_count);
    wire_write_uint(&writer, 10);
    write_ports(&writer, manifest->outputs, manifest->output_count);
    wire_write_map_end(&writer, 2 * MANIFEST_KEYS);
    return wire_writer_finish(&writer, size);
}

static int find(const struct port *ports, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(ports[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int manifest_input(const struct manifest *manifest, const char *name) {
    return find(manifest->inputs, manifest->input_count, name);
}

int manifest_output(const struct manifest *manifest, const char *name) {
    return find(manifest->outputs, manifest->output_count, name);
}
