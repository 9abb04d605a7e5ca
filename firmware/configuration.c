#include "firmware/configuration.h"

#include <stdlib.h>

#include "firmware/board_driver.h"

#define INTERVAL_MS 500

static bool is_text(uint8_t letter) {
    return letter == '\n' || (letter >= ' ' && letter < 0x7f);
}

static const char *set(struct bytes value, char *out, size_t size) {
    if (value.size == 0 || value.size >= size) {
        return value.size == 0 ? "a value is missing" : "a value is too long";
    }
    memset(out, 0, size);
    memcpy(out, value.data, value.size);
    return NULL;
}

static const char *set_number(struct bytes value, double *out) {
    char text[24];
    char *end = text;
    const char *why = set(value, text, sizeof text);
    if (why == NULL) {
        *out = strtod(text, &end);
    }
    return why != NULL ? why : *end != '\0' || end == text ? "write a number, as in max=40" : NULL;
}

static const char *set_ms(struct bytes value, uint32_t *out) {
    double number = 0;
    const char *why = set_number(value, &number);
    if (why == NULL && !(number >= 10 && number <= 86400000)) {
        why = "write milliseconds from 10 to 86400000";
    }
    *out = why == NULL ? (uint32_t)number : 0;
    return why;
}

// What stands before the first `mark`, which is taken off `rest` with it.
static struct bytes take_until(struct bytes *rest, char mark) {
    struct bytes word = {rest->data, 0};
    while (word.size < rest->size && rest->data[word.size] != mark) {
        word.size++;
    }
    size_t taken = word.size < rest->size ? word.size + 1 : word.size;
    *rest = (struct bytes){rest->data + taken, rest->size - taken};
    return word;
}

static bool is(struct bytes word, const char *text) {
    return bytes_equal(word, bytes_of_text(text));
}

// --- resources -----------------------------------------------------------------------------------------------------------

static const char *set_word(struct bytes key, struct bytes value, struct bytes *point, bool *driven,
                            struct node_resource *out) {
    struct registration_resource *facts = &out->facts;
    if (is(key, "driver")) {
        *driven = true;
        out->polled = is(value, "board") ? &board_driver : NULL;
        return is(value, "board") || is(value, "plant") ? NULL : "there is no such driver: write driver=board or driver=plant";
    }
    if (is(key, "point")) {
        *point = value;
        return NULL;
    }
    if (is(key, "actuator") && value.size == 0) {
        facts->actuator = true;
        return NULL;
    }
    if (is(key, "type")) {
        facts->type = is(value, "boolean") ? TYPE_BOOLEAN : TYPE_NUMBER;
        return is(value, "boolean") || is(value, "number") ? NULL : "write type=number or type=boolean";
    }
    if (is(key, "quantity")) {
        return set(value, facts->quantity, sizeof facts->quantity);
    }
    if (is(key, "unit")) {
        return set(value, facts->unit, sizeof facts->unit);
    }
    if (is(key, "min") || is(key, "max")) {
        facts->has_range = true;
        return set_number(value, is(key, "min") ? &facts->minimum : &facts->maximum);
    }
    if (is(key, "resolution")) {
        return set_number(value, &facts->resolution);
    }
    return is(key, "interval_ms") ? set_ms(value, &out->interval_ms)
                                  : "a resource has driver, point, actuator, type, quantity, unit, min, max, resolution, "
                                    "interval_ms, and no other word";
}

const char *configuration_resource(struct bytes words, struct node_config *config) {
    struct node_resource *out = &config->resources[config->resource_count];
    struct bytes name = take_until(&words, ' ');
    struct bytes point = {NULL, 0};
    bool driven = false;
    if (config->resource_count == RESOURCES_PER_NODE_MAX - 1) { // the clock takes one
        return "these are more resources than a board offers";
    }
    *out = (struct node_resource){.scale = 1, .interval_ms = INTERVAL_MS};
    if (memchr(name.data, '/', name.size) == NULL || memchr(name.data, '.', name.size) != NULL) {
        return "a resource's name has a slash and no dot, as in space1/temperature";
    }
    const char *why = set(name, out->facts.name, sizeof out->facts.name);
    while (words.size > 0 && why == NULL) {
        struct bytes value = take_until(&words, ' ');
        struct bytes key = take_until(&value, '=');
        why = key.size == 0 ? NULL : set_word(key, value, &point, &driven, out);
    }
    if (why == NULL && !driven) {
        why = "the resource has no driver: write driver=board or driver=plant";
    }
    if (why == NULL && out->facts.has_range && !(out->facts.minimum < out->facts.maximum)) {
        why = "min must be below max";
    }
    if (why == NULL && out->polled == NULL) {
        why = set(point.size > 0 ? point : name, out->point, sizeof out->point);
        memcpy(config->plant_socket, "serial", sizeof "serial");
    } else if (why == NULL) {
        why = point.size > 0 ? set(point, out->path, sizeof out->path) : "a resource of the board needs a point=";
    }
    config->resource_count += why == NULL ? 1 : 0;
    return why;
}

// --- lines ---------------------------------------------------------------------------------------------------------------

static const char *set_key(struct bytes key, struct bytes value, struct configuration *out) {
    struct node_config *node = &out->node;
    struct {
        const char *key;
        char *out;
        size_t size;
    } const places[] = {
        {"name", node->node, sizeof node->node},
        {"orchestrator", node->orchestrator, sizeof node->orchestrator},
        {"address", out->address, sizeof out->address},
        {"mask", out->mask, sizeof out->mask},
        {"gateway", out->gateway, sizeof out->gateway},
        {"seed", out->seed, sizeof out->seed},
        {"alias_here", out->alias_here, sizeof out->alias_here},
        {"alias_in_plan", out->alias_in_plan, sizeof out->alias_in_plan},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (is(key, places[i].key)) {
            return set(value, places[i].out, places[i].size);
        }
    }
    if (is(key, "capability")) {
        return node->capability_count == CAPABILITIES_MAX
                   ? "these are more capabilities than a board has"
                   : set(value, node->capabilities[node->capability_count++], NAME_SIZE_MAX);
    }
    if (is(key, "keepalive_ms")) {
        return set_ms(value, &node->keepalive_ms);
    }
    if (is(key, "clock")) {
        node->plant_clock = is(value, "plant");
        return node->plant_clock ? NULL : "there is no such clock: write `clock plant`, or nothing for the board's own";
    }
    return is(key, "resource") ? configuration_resource(value, node) : "there is no such key; see firmware/configuration.h";
}

const char *configuration_read(struct bytes block, struct configuration *out, uint32_t *line) {
    *line = 0;
    size_t size = 0;
    while (size < block.size && is_text(block.data[size])) {
        size++;
    }
    for (struct bytes rest = {block.data, size}; rest.size > 0;) {
        struct bytes value = take_until(&rest, '\n');
        struct bytes key = take_until(&value, ' ');
        ++*line;
        const char *why = set_key(key, value, out);
        if (why != NULL) {
            return why;
        }
    }
    *line = 0;
    if (out->node.plant_clock && out->node.plant_socket[0] == '\0') {
        return "the plant's clock needs a resource with driver=plant";
    }
    return out->node.node[0] == '\0' ? "it has no name: write the block anew" : NULL;
}
