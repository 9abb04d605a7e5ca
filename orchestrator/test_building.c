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

static struct registration *add_node(struct building *building, const char *name) {
    struct registration *node = &building->registrations[building->node_count];
    building->nodes[building->node_count++] = (struct placement_node){node, true};
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

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: assertion failed: %s\n", function, expression);
    abort();
}
