// The node's resources: the plant's points, files, and the clock. Values in are published, values obeyed are written.
#include <math.h>
#include <stdio.h>

#include "core/wire.h"
#include "node/node_private.h"

#define PLANT_RETRY_MS 1000
#define CLOCK_INTERVAL_MS 1000
#define FIRST_STEP_MS 300

void node_time(struct node *node) {
    uint64_t now_ms = port_clock_ms();
    uint64_t building_ms = node->config->plant_clock ? node->plant_ms : node->building_base_ms + (now_ms - node->started_ms);
    runtime_at(&node->runtime, now_ms, building_ms);
}

static void publish(struct node *node, uint32_t resource, struct bytes item) {
    if (runtime_publish(&node->runtime, resource, item) == ERROR_TOO_LARGE) {
        node_log(node, node->runtime.memory.resources[resource].facts->name,
                 "a value of %zu bytes is too large and was dropped", item.size);
    }
}

static void publish_number(struct node *node, uint32_t resource, double value) {
    uint8_t item[9];
    publish(node, resource, (struct bytes){item, wire_put_number(value, item)});
}

static void publish_clock(struct node *node) {
    uint64_t local_ms = node->config->plant_clock ? node->plant_ms : port_unix_local_ms();
    publish_number(node, node->clock_resource, floor((double)local_ms / 1000.0));
}

// --- plant -----------------------------------------------------------------------------------------------------------------

static const struct node_resource *config_of(const struct node *node, uint32_t resource) {
    return &node->config->resources[node->config_of_resource[resource]];
}

static void plant_close(struct node *node) {
    plant_driver_close(node->plant);
    node->plant = NULL;
    node->plant_retry_ms = port_clock_ms() + PLANT_RETRY_MS;
}

static bool plant_write(struct node *node, uint32_t resource, struct bytes value) {
    double number = 0;
    bool has_value = value.size > 0;
    if (value.size == 1 && (value.data[0] == 0xf4 || value.data[0] == 0xf5)) {
        number = value.data[0] == 0xf5 ? 1 : 0;
    } else if (has_value && !wire_number(value, &number)) {
        node_log(node, config_of(node, resource)->facts.name, "the plant takes numbers and booleans only");
        return true;
    }
    for (uint32_t i = 0; i < node->plant_write_count; i++) {
        if (node->plant_writes[i] == resource) {
            enum error error = plant_driver_write(node->plant, i, has_value, number);
            if (error != ERROR_NONE) {
                node_log(node, config_of(node, resource)->facts.name, "the plant did not take a value: %s", error_text(error));
            }
            return error == ERROR_NONE;
        }
    }
    return true;
}

// After a connection all actuators are written again, for the plant has let go of them.
static void plant_connect(struct node *node) {
    const char *reads[RESOURCES_PER_NODE_MAX];
    const char *writes[RESOURCES_PER_NODE_MAX];
    char refusal[PLANT_REFUSAL_SIZE];
    for (uint32_t i = 0; i < node->plant_read_count; i++) {
        reads[i] = config_of(node, node->plant_reads[i])->point;
    }
    for (uint32_t i = 0; i < node->plant_write_count; i++) {
        writes[i] = config_of(node, node->plant_writes[i])->point;
    }
    enum error error = plant_driver_open(node->config->plant_socket, reads, node->plant_read_count, writes,
                                         node->plant_write_count, &node->plant, refusal);
    if (error != ERROR_NONE) {
        node->plant = NULL;
        node->plant_retry_ms = port_clock_ms() + PLANT_RETRY_MS;
        if (!node->plant_told) {
            node_log(node, "plant", "%s; trying again every second", refusal);
            node->plant_told = true;
        }
        return;
    }
    node->plant_told = false;
    node_log(node, "plant", "connected to %s", node->config->plant_socket);
    for (uint32_t i = 0; i < node->plant_write_count; i++) {
        const struct resource *resource = &node->runtime.memory.resources[node->plant_writes[i]];
        if (resource->driven && resource->value_size > 0) {
            (void)plant_write(node, node->plant_writes[i], (struct bytes){resource->value, resource->value_size});
        }
    }
}

static void plant_step(struct node *node, const struct plant_step *step) {
    if (step->ended) {
        node_log(node, "plant", "the plant ended its run");
        return;
    }
    node->plant_ms = step->unix_local_s * 1000u;
    node_time(node);
    for (uint32_t i = 0; i < node->plant_read_count && i < step->value_count; i++) {
        if (step->values[i].valid) {
            publish_number(node, node->plant_reads[i], step->values[i].value);
        }
    }
    if (node->config->plant_clock) {
        publish_clock(node);
    }
}

static void plant_receive(struct node *node) {
    struct plant_step step;
    while (node->plant != NULL) {
        enum error error = plant_driver_receive(node->plant, &step);
        if (error == ERROR_NONE) {
            plant_step(node, &step);
        } else if (error == ERROR_NETWORK) {
            node_log(node, "plant", "the connection is gone; trying again every second");
            node->plant_told = true;
            plant_close(node);
        } else {
            return;
        }
    }
}

// --- polled ----------------------------------------------------------------------------------------------------------------

static void poll_all(struct node *node, uint64_t now_ms) {
    for (uint32_t i = 0; i < node->runtime.resource_count; i++) {
        if (i == node->clock_resource || config_of(node, i)->polled == NULL || config_of(node, i)->facts.actuator ||
            node->polls[i].due_ms > now_ms) {
            continue;
        }
        const struct node_resource *config = config_of(node, i);
        uint8_t item[ACTUATOR_VALUE_SIZE_MAX];
        size_t size = 0;
        node->polls[i].due_ms = now_ms + config->interval_ms;
        enum error error = config->polled->read(config->path, config->scale, (struct buffer){item, sizeof item}, &size);
        if (error == ERROR_NONE) {
            publish(node, i, (struct bytes){item, size});
        } else if (!node->polls[i].failed) {
            node_log(node, config->facts.name, "%s cannot be read: %s", config->path, error_text(error));
        }
        node->polls[i].failed = error != ERROR_NONE;
    }
}

void node_drivers_actuate(struct node *node, uint32_t resource, struct bytes value) {
    const struct node_resource *config = config_of(node, resource);
    if (config->polled != NULL) {
        enum error error = value.size == 0 ? ERROR_NONE : config->polled->write(config->path, config->scale, value);
        if (error != ERROR_NONE) {
            node_log(node, config->facts.name, "%s cannot be written: %s", config->path, error_text(error));
        }
    } else if (node->plant != NULL) {
        (void)plant_write(node, resource, value);
    }
}

// --- all -------------------------------------------------------------------------------------------------------------------

static enum error add_clock(struct node *node) {
    static const struct registration_resource clock = {
        .name = "clock", .quantity = "Time", .unit = "s", .type = TYPE_NUMBER, .resolution = 1};
    enum error error = runtime_resource_add(&node->runtime, &clock, &node->clock_resource);
    if (error == ERROR_NONE) {
        node->config_of_resource[node->clock_resource] = NO_INDEX;
    }
    return error;
}

enum error node_drivers_open(struct node *node, char refusal[PORT_REFUSAL_SIZE]) {
    for (uint32_t i = 0; i < node->config->resource_count; i++) {
        const struct node_resource *config = &node->config->resources[i];
        uint32_t index = 0;
        enum error error = runtime_resource_add(&node->runtime, &config->facts, &index);
        if (error != ERROR_NONE) {
            snprintf(refusal, PORT_REFUSAL_SIZE, "resource %s: %s", config->facts.name, error_text(error));
            return error;
        }
        node->config_of_resource[index] = i;
        if (config->polled == NULL && config->facts.actuator) {
            node->plant_writes[node->plant_write_count++] = index;
        } else if (config->polled == NULL) {
            node->plant_reads[node->plant_read_count++] = index;
        }
    }
    enum error error = add_clock(node);
    if (error != ERROR_NONE) {
        snprintf(refusal, PORT_REFUSAL_SIZE,
                 "resource clock: the name belongs to the node itself; rename the one in the configuration");
        return error;
    }
    if (node->config->plant_socket[0] != '\0') {
        plant_connect(node);
    }
    // The plant's time comes with the step that follows its welcome, and the journal is to be read with it: to a clock that
    // stands at 0 all that it holds would seem to be of the future, and commands over.
    int plant = node->plant == NULL ? -1 : plant_driver_descriptor(node->plant);
    if (node->config->plant_clock && plant >= 0 && port_wait(&plant, 1, FIRST_STEP_MS) != 0) {
        plant_receive(node);
    }
    return ERROR_NONE;
}

void node_drivers_poll(struct node *node, bool plant_is_readable) {
    uint64_t now_ms = port_clock_ms();
    if (plant_is_readable && node->plant != NULL) {
        plant_receive(node);
    }
    if (node->plant == NULL && node->config->plant_socket[0] != '\0' && node->plant_retry_ms <= now_ms) {
        plant_connect(node);
    }
    poll_all(node, now_ms);
    if (!node->config->plant_clock && node->clock_due_ms <= now_ms) {
        node->clock_due_ms = now_ms + CLOCK_INTERVAL_MS;
        publish_clock(node);
    }
}

uint64_t node_drivers_deadline(const struct node *node) {
    uint64_t deadline_ms = node->config->plant_clock ? UINT64_MAX : node->clock_due_ms;
    if (node->plant == NULL && node->config->plant_socket[0] != '\0' && node->plant_retry_ms < deadline_ms) {
        deadline_ms = node->plant_retry_ms;
    }
    for (uint32_t i = 0; i < node->runtime.resource_count; i++) {
        bool polled = i != node->clock_resource && config_of(node, i)->polled != NULL && !config_of(node, i)->facts.actuator;
        if (polled && node->polls[i].due_ms < deadline_ms) {
            deadline_ms = node->polls[i].due_ms;
        }
    }
    return deadline_ms;
}

void node_drivers_close(struct node *node) {
    plant_driver_close(node->plant);
    node->plant = NULL;
}
