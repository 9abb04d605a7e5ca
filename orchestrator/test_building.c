// The small building. Also the program's assert_failed, which the room asks of whoever links it.
#include "orchestrator/test_building.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"

static struct port port(const char *name, const char *quantity, const char *unit, enum value_type type) {
    struct port port = {.type = type};
    snprintf(port.name, sizeof port.name, "%s", name);
    snprintf(port.quantity, sizeof port.quantity, "%s", quantity);
    snprintf(port.unit, sizeof port.unit, "%s", unit);
    return port;
}

static void add_thermostat(struct building *building, const char *version, uint8_t mark) {
    static struct manifest manifest;
    uint8_t digest[DIGEST_SIZE] = {mark};
    manifest = (struct manifest){.name = "thermostat", .memory_bytes = 4096, .instructions = 1000, .outputs_per_message = 2};
    snprintf(manifest.version, sizeof manifest.version, "%s", version);
    manifest.inputs[0] = port("temperature", "Temperature_Sensor", "Cel", TYPE_NUMBER);
    manifest.inputs[1] = port("occupied", "", "", TYPE_BOOLEAN);
    manifest.inputs[2] = port("setpoint", "", "Cel", TYPE_NUMBER);
    manifest.inputs[2].parameter = manifest.inputs[2].has_range = true;
    manifest.inputs[2].minimum = 5;
    manifest.inputs[2].maximum = 30;
    manifest.inputs[3] = port("label", "", "", TYPE_TEXT);
    manifest.inputs[3].parameter = true;
    manifest.input_count = 4;
    manifest.outputs[0] = port("heating", "Heating_Temperature_Setpoint", "Cel", TYPE_NUMBER);
    manifest.outputs[1] = port("alarm", "", "", TYPE_BOOLEAN);
    manifest.output_count = 2;
    if (component_store_add_manifest(&building->components, &manifest, digest) != ERROR_NONE) {
        abort();
    }
}

static void add_limiter(struct building *building) {
    static struct manifest manifest;
    uint8_t digest[DIGEST_SIZE] = {3};
    manifest = (struct manifest){.name = "limiter", .version = "1.0.0", .memory_bytes = 8192};
    manifest.inputs[0] = port("power", "", "W", TYPE_NUMBER);
    manifest.input_count = 1;
    manifest.outputs[0] = port("limit", "", "", TYPE_BOOLEAN);
    manifest.output_count = 1;
    if (component_store_add_manifest(&building->components, &manifest, digest) != ERROR_NONE) {
        abort();
    }
}

static void add_switcher(struct building *building) {
    static struct manifest manifest;
    uint8_t digest[DIGEST_SIZE] = {4};
    manifest = (struct manifest){.name = "switcher", .version = "1.0.0", .memory_bytes = 4096};
    manifest.inputs[0] = port("request", "", "", TYPE_NUMBER);
    manifest.inputs[1] = port("outcome", "", "", TYPE_TEXT);
    manifest.input_count = 2;
    manifest.outputs[0] = port("setpoint", "Heating_Temperature_Setpoint", "Cel", TYPE_NUMBER);
    manifest.output_count = 1;
    if (component_store_add_manifest(&building->components, &manifest, digest) != ERROR_NONE) {
        abort();
    }
}

static struct registration *add_node(struct building *building, const char *name) {
    struct registration *node = &building->registrations[building->node_count];
    building->nodes[building->node_count++] = (struct placement_node){node, true, false};
    *node = (struct registration){.kind = "linux", .engine = "wamr", .boot = 1, .memory_total_bytes = 65536, .task_max = 8};
    snprintf(node->node, sizeof node->node, "%s", name);
    return node;
}

static void add_resource(struct registration *node, const char *name, const char *quantity, const char *unit, bool actuator) {
    struct registration_resource *resource = &node->resources[node->resource_count++];
    snprintf(resource->name, sizeof resource->name, "%s", name);
    snprintf(resource->quantity, sizeof resource->quantity, "%s", quantity);
    snprintf(resource->unit, sizeof resource->unit, "%s", unit);
    resource->type = TYPE_NUMBER;
    resource->actuator = actuator;
    resource->has_range = actuator;
    resource->minimum = 5;
    resource->maximum = 35;
}

void building_make(struct building *building) {
    *building = (struct building){0};
    add_thermostat(building, "1.0.0", 1);
    add_thermostat(building, "1.1.0", 2);
    add_limiter(building);
    add_switcher(building);
    struct registration *gateway = add_node(building, "gateway");
    gateway->capability_count = 1;
    snprintf(gateway->capabilities[0], NAME_SIZE_MAX, "supervisory");
    add_resource(gateway, "clock", "", "s", false);
    for (int i = 1; i <= 2; i++) {
        char name[NAME_SIZE_MAX];
        snprintf(name, sizeof name, "zone%d", i);
        struct registration *node = add_node(building, name);
        snprintf(name, sizeof name, "zone%d/temperature", i);
        add_resource(node, name, "Zone_Air_Temperature_Sensor", "Cel", false);
        snprintf(name, sizeof name, "zone%d/heating", i);
        add_resource(node, name, "Heating_Temperature_Setpoint", "Cel", true);
        add_resource(node, "clock", "", "s", false);
    }
}

void building_free(struct building *building) {
    component_store_free(&building->components);
}

static size_t put(uint8_t *out, size_t at, const char *bytes, size_t size) {
    memcpy(out + at, bytes, size);
    return at + size;
}
#define PUT(at, bytes) put(out, at, bytes, sizeof(bytes) - 1)

size_t building_module(const struct manifest *manifest, uint8_t *out) {
    static uint8_t encoded[MANIFEST_SIZE_MAX];
    size_t size = 0;
    size_t at = PUT(0, "\0asm\1\0\0\0");
    at = PUT(at, "\x01\x07\x01\x60\x02\x7f\x7f\x01\x7f");                         // (i32, i32) -> i32
    at = PUT(at, "\x03\x02\x01\x00");                                             // one function of it
    at = PUT(at, "\x05\x03\x01\x00\x01");                                         // one page of memory
    at = PUT(at, "\x06\x07\x01\x7f\x00\x41\x80\x08\x0b");                         // a constant, 1024
    at = PUT(at, "\x07\x1f\x02\x0dtenon_receive\x00\x00\x0btenon_inbox\x03\x00"); // two exports
    at = PUT(at, "\x0a\x06\x01\x04\x00\x41\x00\x0b");                             // return 0
    at = PUT(at,
             "\x0b\x13\x01\x00\x41\x80\x08\x0b\x0c\x18\x04\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00"); // inbox: 1048, 16 bytes
    if (manifest_encode(manifest, (struct buffer){encoded, sizeof encoded}, &size) != ERROR_NONE) {
        abort();
    }
    size_t section = size + 15;
    uint8_t head[3] = {0, (uint8_t)(0x80 | (section & 0x7f)), (uint8_t)(section >> 7)};
    at = put(out, at, (const char *)head, sizeof head);
    at = PUT(at, "\x0etenon.manifest");
    return put(out, at, (const char *)encoded, size);
}

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: assertion failed: %s\n", function, expression);
    abort();
}
