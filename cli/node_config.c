#include "cli/node_config.h"

#include <stdio.h>
#include <stdlib.h>

#include "drivers/file.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const top_keys[] = {"node",      "listen",      "orchestrator", "data",  "capabilities", "memory",   "tasks",
                                       "keepalive", "ack_timeout", "clock",        "plant", "resources",    "multicast"};
static const char *const plant_keys[] = {"socket"};
static const char *const resource_keys[] = {"driver", "point",    "path", "scale", "interval",  "actuator",
                                            "type",   "quantity", "unit", "range", "resolution"};
static const char *const type_names[] = {"number", "boolean", "text", "array", "any"};

static bool copy_text(const struct document_node *node, char *out, size_t size, struct document_error *error) {
    const char *text = NULL;
    if (!document_text(node, &text, error)) {
        return false;
    }
    if (text[0] == '\0' || strlen(text) >= size) {
        char remedy[64];
        snprintf(remedy, sizeof remedy, "write 1 to %zu letters", size - 1);
        return document_refuse(node, error, "the text is empty or too long", remedy);
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool read_text(const struct document_node *root, const char *key, char *out, size_t size, struct document_error *error) {
    const struct document_node *node = document_get(root, key);
    return document_is_null(node) || copy_text(node, out, size, error);
}

static bool read_duration(const struct document_node *root, const char *key, uint32_t *out, struct document_error *error) {
    const struct document_node *node = document_get(root, key);
    uint64_t value = 0;
    if (document_is_null(node)) {
        return true;
    }
    if (!document_duration(node, &value, error)) {
        return false;
    }
    if (value == 0 || value > UINT32_MAX) {
        return document_refuse(node, error, "the duration is out of range", "write 1ms to 49d");
    }
    *out = (uint32_t)value;
    return true;
}

static bool read_type(const struct document_node *node, enum value_type *out, struct document_error *error) {
    const char *text = NULL;
    *out = TYPE_NUMBER;
    if (document_is_null(node)) {
        return true;
    }
    if (!document_text(node, &text, error)) {
        return false;
    }
    for (size_t i = 0; i < COUNT(type_names); i++) {
        if (strcmp(type_names[i], text) == 0) {
            *out = (enum value_type)i;
            return true;
        }
    }
    return document_refuse(node, error, "there is no such type", "write number, boolean, text, array or any");
}

static bool read_range(const struct document_node *node, struct registration_resource *facts, struct document_error *error) {
    if (document_is_null(node)) {
        return true;
    }
    if (node->kind != DOCUMENT_SEQUENCE || node->count != 2 ||
        !document_number(node->entries[0].value, &facts->minimum, error) ||
        !document_number(node->entries[1].value, &facts->maximum, error) || facts->minimum > facts->maximum) {
        return document_refuse(node, error, "a range is two numbers, the smaller first", "write range: [5, 40]");
    }
    facts->has_range = true;
    return true;
}

static bool read_driver(const struct document_node *node, struct node_resource *out, bool has_plant,
                        struct document_error *error) {
    const struct document_node *driver = document_get(node, "driver");
    const char *name = NULL;
    if (document_is_null(driver)) {
        return document_refuse(node, error, "the resource has no driver", "write driver: file, or driver: plant");
    }
    if (!document_text(driver, &name, error)) {
        return false;
    }
    if (strcmp(name, "plant") == 0) {
        out->polled = NULL;
        if (!has_plant) {
            return document_refuse(driver, error, "the configuration has no plant", "add plant: {socket: PATH} at the top");
        }
        memcpy(out->point, out->facts.name, sizeof out->point);
        return read_text(node, "point", out->point, sizeof out->point, error);
    }
    if (strcmp(name, "file") != 0) {
        return document_refuse(driver, error, "there is no such driver", "write file or plant");
    }
    out->polled = &file_driver;
    if (document_is_null(document_get(node, "path"))) {
        return document_refuse(node, error, "a file resource needs a path", "add path: /sys/class/... or any file");
    }
    const struct document_node *scale = document_get(node, "scale");
    if (!document_is_null(scale) && (!document_number(scale, &out->scale, error) || !(out->scale > 0 || out->scale < 0))) {
        return document_refuse(scale, error, "the scale must be a number other than 0", "write scale: 0.001");
    }
    return read_text(node, "path", out->path, sizeof out->path, error) &&
           read_duration(node, "interval", &out->interval_ms, error);
}

static bool read_resource(const struct document_entry *entry, struct node_resource *out, bool has_plant,
                          struct document_error *error) {
    const struct document_node *node = entry->value;
    memset(out, 0, sizeof *out);
    out->scale = 1;
    out->interval_ms = 1000;
    struct registration_resource *facts = &out->facts;
    if (!document_check_keys(node, "a resource", resource_keys, COUNT(resource_keys), error) ||
        !copy_text(entry->key, facts->name, sizeof facts->name, error)) {
        return false;
    }
    if (strchr(facts->name, '/') == NULL || strchr(facts->name, '.') != NULL) {
        return document_refuse(entry->key, error, "a resource's name has a slash and no dot",
                               "write place/what, as in space1/temperature");
    }
    const struct document_node *actuator = document_get(node, "actuator");
    if (!document_is_null(actuator) && !document_boolean(actuator, &facts->actuator, error)) {
        return false;
    }
    const struct document_node *resolution = document_get(node, "resolution");
    if (!document_is_null(resolution) && !document_number(resolution, &facts->resolution, error)) {
        return false;
    }
    return read_type(document_get(node, "type"), &facts->type, error) &&
           read_text(node, "quantity", facts->quantity, sizeof facts->quantity, error) &&
           read_text(node, "unit", facts->unit, sizeof facts->unit, error) &&
           read_range(document_get(node, "range"), facts, error) && read_driver(node, out, has_plant, error);
}

static bool read_resources(const struct document_node *root, struct node_config *out, struct document_error *error) {
    const struct document_node *resources = document_get(root, "resources");
    if (document_is_null(resources)) {
        return true;
    }
    if (resources->kind != DOCUMENT_MAPPING) {
        return document_refuse(resources, error, "resources must be a mapping", "write each as NAME: {driver: ..., ...}");
    }
    if (resources->count > RESOURCES_PER_NODE_MAX - 1) {
        return document_refuse(resources, error, "a node offers at most 63 resources", "split it into two nodes");
    }
    for (uint32_t i = 0; i < resources->count; i++) {
        if (!read_resource(&resources->entries[i], &out->resources[i], out->plant_socket[0] != '\0', error)) {
            return false;
        }
        out->resource_count++;
    }
    return true;
}

static bool read_capabilities(const struct document_node *node, struct node_config *out, struct document_error *error) {
    if (document_list_count(node) > CAPABILITIES_MAX) {
        return document_refuse(node, error, "a node has at most 16 capabilities", "remove some");
    }
    for (uint32_t i = 0; i < document_list_count(node); i++) {
        if (!copy_text(document_list_item(node, i), out->capabilities[i], NAME_SIZE_MAX, error)) {
            return false;
        }
        out->capability_count++;
    }
    return true;
}

static bool read_multicast(const struct document_node *node, struct node_config *out, struct document_error *error) {
    if (document_list_count(node) > NODE_INTERFACES_MAX) {
        return document_refuse(node, error, "a node listens for multicast on at most 4 interfaces", "remove some");
    }
    for (uint32_t i = 0; i < document_list_count(node); i++) {
        if (!copy_text(document_list_item(node, i), out->multicast[i], NODE_INTERFACE_SIZE_MAX, error)) {
            return false;
        }
        out->multicast_count++;
    }
    return true;
}

static bool read_clock_and_plant(const struct document_node *root, struct node_config *out, struct document_error *error) {
    const struct document_node *plant = document_get(root, "plant");
    const struct document_node *clock = document_get(root, "clock");
    const char *source = "system";
    if (!document_is_null(plant) && (!document_check_keys(plant, "plant", plant_keys, COUNT(plant_keys), error) ||
                                     !read_text(plant, "socket", out->plant_socket, sizeof out->plant_socket, error))) {
        return false;
    }
    if (!document_is_null(clock) && !document_text(clock, &source, error)) {
        return false;
    }
    out->plant_clock = strcmp(source, "plant") == 0;
    if (!out->plant_clock && strcmp(source, "system") != 0) {
        return document_refuse(clock, error, "there is no such clock", "write system or plant");
    }
    if (out->plant_clock && out->plant_socket[0] == '\0') {
        return document_refuse(clock, error, "the plant's clock needs a plant", "add plant: {socket: PATH}");
    }
    return true;
}

static bool read_numbers(const struct document_node *root, struct node_config *out, struct document_error *error) {
    const struct document_node *memory = document_get(root, "memory");
    const struct document_node *tasks = document_get(root, "tasks");
    uint64_t task_max = out->task_max;
    if (!document_is_null(memory) && !document_size(memory, &out->memory_bytes, error)) {
        return false;
    }
    if (!document_is_null(tasks) && !document_whole(tasks, 1, 100000, &task_max, error)) {
        return false;
    }
    out->task_max = (uint32_t)task_max;
    return read_duration(root, "keepalive", &out->keepalive_ms, error) &&
           read_duration(root, "ack_timeout", &out->ack_timeout_ms, error);
}

static bool read_all(const struct document_node *root, struct node_config *out, struct document_error *error) {
    if (!document_check_keys(root, "a node's configuration", top_keys, COUNT(top_keys), error)) {
        return false;
    }
    static const char *const required[] = {"node", "listen", "data"};
    for (size_t i = 0; i < COUNT(required); i++) {
        if (document_is_null(document_get(root, required[i]))) {
            char what[64];
            snprintf(what, sizeof what, "`%s` is missing", required[i]);
            return document_refuse(root, error, what,
                                   "a node needs at least node: NAME, listen: ADDRESS:PORT and data: DIRECTORY");
        }
    }
    return read_text(root, "node", out->node, sizeof out->node, error) &&
           read_text(root, "listen", out->listen, sizeof out->listen, error) &&
           read_text(root, "orchestrator", out->orchestrator, sizeof out->orchestrator, error) &&
           read_text(root, "data", out->data, sizeof out->data, error) && read_numbers(root, out, error) &&
           read_capabilities(document_get(root, "capabilities"), out, error) &&
           read_multicast(document_get(root, "multicast"), out, error) && read_clock_and_plant(root, out, error) &&
           read_resources(root, out, error);
}

enum error node_config_read(const char *path, struct node_config *out, struct document_error *error) {
    struct document *document = NULL;
    enum error result = document_read(path, &document, error);
    if (result != ERROR_NONE) {
        return result;
    }
    node_config_default(out);
    bool good = read_all(document_root(document), out, error);
    document_free(document);
    return good ? ERROR_NONE : ERROR_MALFORMED;
}
