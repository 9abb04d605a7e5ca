// CBOR of abi/node.cddl.
#include "core/registration.h"

#include "core/wire.h"

#define NODE_FORMAT 1

static void read_resource(struct wire_reader *reader, struct registration_resource *out) {
    wire_read_list(reader);
    wire_read_text(reader, 1, out->name, sizeof out->name);
    wire_read_text(reader, 0, out->quantity, sizeof out->quantity);
    wire_read_text(reader, 0, out->unit, sizeof out->unit);
    out->type = (enum value_type)wire_read_uint(reader, TYPE_ANY);
    out->actuator = wire_read_bool(reader);
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
}

static void read_capabilities_and_resources(struct wire_reader *reader, struct registration *out) {
    out->capability_count = out->resource_count = 0;
    wire_expect_uint(reader, 9, ERROR_MALFORMED);
    wire_read_list(reader);
    while (wire_more(reader)) {
        if (out->capability_count == CAPABILITIES_MAX) {
            reader->error = ERROR_FULL;
            return;
        }
        wire_read_text(reader, 1, out->capabilities[out->capability_count++], NAME_SIZE_MAX);
    }
    wire_read_list_end(reader);
    wire_expect_uint(reader, 10, ERROR_MALFORMED);
    wire_read_list(reader);
    while (wire_more(reader)) {
        if (out->resource_count == RESOURCES_PER_NODE_MAX) {
            reader->error = ERROR_FULL;
            return;
        }
        read_resource(reader, &out->resources[out->resource_count++]);
    }
    wire_read_list_end(reader);
}

enum error registration_decode(struct bytes encoded, struct registration *out) {
    struct wire_reader reader;
    wire_reader_start(&reader, encoded);
    wire_read_map(&reader);
    wire_expect_uint(&reader, 0, ERROR_MALFORMED);
    wire_expect_uint(&reader, NODE_FORMAT, ERROR_UNSUPPORTED);
    wire_expect_uint(&reader, 1, ERROR_MALFORMED);
    wire_read_text(&reader, 1, out->node, sizeof out->node);
    wire_expect_uint(&reader, 2, ERROR_MALFORMED);
    wire_read_text(&reader, 1, out->kind, sizeof out->kind);
    wire_expect_uint(&reader, 3, ERROR_MALFORMED);
    wire_read_text(&reader, 1, out->engine, sizeof out->engine);
    wire_expect_uint(&reader, 4, ERROR_MALFORMED);
    out->boot = wire_read_uint(&reader, UINT64_MAX);
    wire_expect_uint(&reader, 5, ERROR_MALFORMED);
    out->memory_total_bytes = wire_read_uint(&reader, UINT64_MAX);
    wire_expect_uint(&reader, 6, ERROR_MALFORMED);
    out->memory_free_bytes = wire_read_uint(&reader, UINT64_MAX);
    wire_expect_uint(&reader, 7, ERROR_MALFORMED);
    out->task_max = (uint32_t)wire_read_uint(&reader, UINT32_MAX);
    wire_expect_uint(&reader, 8, ERROR_MALFORMED);
    out->plan_revision = wire_read_uint(&reader, UINT64_MAX);
    read_capabilities_and_resources(&reader, out);
    wire_expect_uint(&reader, 11, ERROR_MALFORMED);
    out->identity = wire_read_uint(&reader, UINT64_MAX);
    out->module_bytes_max = 0;
    if (wire_more(&reader)) {
        wire_expect_uint(&reader, 12, ERROR_MALFORMED);
        out->module_bytes_max = (uint32_t)wire_read_uint(&reader, UINT32_MAX);
    }
    wire_read_map_end(&reader);
    return wire_reader_finish(&reader);
}

static void write_resource(struct wire_writer *writer, const struct registration_resource *resource) {
    wire_write_list(writer, 7);
    wire_write_text(writer, resource->name);
    wire_write_text(writer, resource->quantity);
    wire_write_text(writer, resource->unit);
    wire_write_uint(writer, (uint64_t)resource->type);
    wire_write_bool(writer, resource->actuator);
    if (resource->has_range) {
        wire_write_list(writer, 2);
        wire_write_float(writer, resource->minimum);
        wire_write_float(writer, resource->maximum);
        wire_write_list_end(writer, 2);
    } else {
        wire_write_null(writer);
    }
    wire_write_float(writer, resource->resolution);
    wire_write_list_end(writer, 7);
}

enum error registration_encode(const struct registration *registration, struct buffer buffer, size_t *size) {
    struct wire_writer writer;
    const bool tells_module = registration->module_bytes_max > 0;
    wire_writer_start(&writer, buffer);
    wire_write_map(&writer, tells_module ? 26 : 24);
    wire_write_uint(&writer, 0);
    wire_write_uint(&writer, NODE_FORMAT);
    wire_write_uint(&writer, 1);
    wire_write_text(&writer, registration->node);
    wire_write_uint(&writer, 2);
    wire_write_text(&writer, registration->kind);
    wire_write_uint(&writer, 3);
    wire_write_text(&writer, registration->engine);
    const uint64_t numbers[] = {registration->boot, registration->memory_total_bytes, registration->memory_free_bytes,
                                registration->task_max, registration->plan_revision};
    for (uint64_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        wire_write_uint(&writer, 4 + i);
        wire_write_uint(&writer, numbers[i]);
    }
    wire_write_uint(&writer, 9);
    wire_write_list(&writer, registration->capability_count);
    for (uint32_t i = 0; i < registration->capability_count; i++) {
        wire_write_text(&writer, registration->capabilities[i]);
    }
    wire_write_list_end(&writer, registration->capability_count);
    wire_write_uint(&writer, 10);
    wire_write_list(&writer, registration->resource_count);
    for (uint32_t i = 0; i < registration->resource_count; i++) {
        write_resource(&writer, &registration->resources[i]);
    }
    wire_write_list_end(&writer, registration->resource_count);
    wire_write_uint(&writer, 11);
    wire_write_uint(&writer, registration->identity);
    if (tells_module) {
        wire_write_uint(&writer, 12);
        wire_write_uint(&writer, registration->module_bytes_max);
    }
    wire_write_map_end(&writer, tells_module ? 26 : 24);
    return wire_writer_finish(&writer, size);
}

enum error alive_decode(struct bytes encoded, struct alive *out) {
    struct wire_reader reader;
    wire_reader_start(&reader, encoded);
    wire_read_map(&reader);
    wire_expect_uint(&reader, 0, ERROR_MALFORMED);
    wire_expect_uint(&reader, NODE_FORMAT, ERROR_UNSUPPORTED);
    wire_expect_uint(&reader, 1, ERROR_MALFORMED);
    wire_read_text(&reader, 1, out->node, sizeof out->node);
    uint64_t *const numbers[] = {&out->boot, &out->plan_revision, &out->memory_free_bytes};
    for (uint64_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        wire_expect_uint(&reader, 2 + i, ERROR_MALFORMED);
        *numbers[i] = wire_read_uint(&reader, UINT64_MAX);
    }
    wire_read_map_end(&reader);
    return wire_reader_finish(&reader);
}

enum error alive_encode(const struct alive *alive, struct buffer buffer, size_t *size) {
    struct wire_writer writer;
    wire_writer_start(&writer, buffer);
    wire_write_map(&writer, 10);
    wire_write_uint(&writer, 0);
    wire_write_uint(&writer, NODE_FORMAT);
    wire_write_uint(&writer, 1);
    wire_write_text(&writer, alive->node);
    const uint64_t numbers[] = {alive->boot, alive->plan_revision, alive->memory_free_bytes};
    for (uint64_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        wire_write_uint(&writer, 2 + i);
        wire_write_uint(&writer, numbers[i]);
    }
    wire_write_map_end(&writer, 10);
    return wire_writer_finish(&writer, size);
}
