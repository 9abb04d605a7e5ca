#include "sim/building.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/assert.h"
#include "sim/sim.h"

#ifndef TENON_SCENARIOS
#define TENON_SCENARIOS "sim/scenarios"
#endif

enum error building_read_file(const char *path, struct bytes *out) {
    FILE *file = fopen(path, "rb");
    long size = -1;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
        size = ftell(file);
        rewind(file);
    }
    uint8_t *data = size >= 0 && size < 64L * 1024 * 1024 ? malloc((size_t)size + 1) : NULL;
    bool good = data != NULL && fread(data, 1, (size_t)size, file) == (size_t)size;
    if (file != NULL) {
        fclose(file);
    }
    if (!good) {
        free(data);
        return ERROR_NOT_FOUND;
    }
    data[size] = 0;
    *out = (struct bytes){data, (size_t)size};
    return ERROR_NONE;
}

static int is_module(const struct dirent *entry) {
    size_t size = strlen(entry->d_name);
    return size > 5 && strcmp(entry->d_name + size - 5, ".wasm") == 0;
}

// Every module of a real folder, in the order of names.
static void load_folder(struct component_store *store, const char *folder) {
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_module, alphasort);
    for (int i = 0; i < count; i++) {
        char path[1024];
        char refusal[160];
        struct bytes wasm;
        const struct component *component = NULL;
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (building_read_file(path, &wasm) == ERROR_NONE) {
            (void)!component_store_add(store, wasm, &component, refusal);
            free((void *)(uintptr_t)wasm.data);
        }
        free(entries[i]);
    }
    free(entries);
}

// "delivery" is a scenario of ours, a folder has its policy in policy.yaml.
static void find_policy(const char *given, char out[512]) {
    struct stat facts;
    snprintf(out, 512, "%s", given);
    if (stat(given, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        snprintf(out, 512, "%s/policy.yaml", given);
    } else if (strchr(given, '/') == NULL && strchr(given, '.') == NULL) {
        snprintf(out, 512, "%s/%s.yaml", TENON_SCENARIOS, given);
    }
}

// What the policy names comes after the library's, so that of equal versions it wins, as in `tenon apply`.
static void load_all(struct building *building, const char *components) {
    char folder[1024];
    load_folder(&building->components, components);
    snprintf(folder, sizeof folder, "%s/testing", components);
    load_folder(&building->components, folder);
    for (uint32_t i = 0; i < building->policy->components.count; i++) {
        component_folder(building->path, building->policy->components.items[i].text, folder, sizeof folder);
        load_folder(&building->components, folder);
    }
}

enum error building_read(struct building *building, const char *policy, const char *components, char refusal[512]) {
    struct problems *problems = calloc(1, sizeof *problems);
    find_policy(policy, building->path);
    ASSERT(problems != NULL);
    if (building_read_file(building->path, &building->text) != ERROR_NONE) {
        snprintf(refusal, 512, "%.300s cannot be read: give a policy, a folder with policy.yaml or the name of a scenario",
                 building->path);
        free(problems);
        return ERROR_NOT_FOUND;
    }
    building->policy = policy_parse(building->text, problems);
    if (building->policy == NULL || problems->errors > 0) {
        problems_text(problems, building->path, refusal, 512);
        free(problems);
        return ERROR_MALFORMED;
    }
    free(problems);
    load_all(building, components);
    for (uint32_t i = 0; i < building->policy->task_count; i++) {
        const char *reference = building->policy->tasks[i].component.text;
        if (component_store_find(&building->components, reference) == NULL) {
            snprintf(refusal, 512,
                     "no component %.60s in the folders that the policy names, nor in %.200s: build it with `tenon build`, or "
                     "give another folder with --components",
                     reference, components);
            return ERROR_NOT_FOUND;
        }
    }
    return ERROR_NONE;
}

void building_free(struct building *building) {
    policy_free(building->policy);
    free((void *)(uintptr_t)building->text.data);
    component_store_free(&building->components);
}

// --- nodes from the policy -----------------------------------------------------------------------------------------------

static struct host *node_host(struct sim *sim, const char *name) {
    struct host *host = sim_find_host(sim, name);
    if (host != NULL) {
        return host;
    }
    host = sim_add_host(sim, name, HOST_NODE);
    node_config_default(&host->config);
    snprintf(host->config.node, sizeof host->config.node, "%s", name);
    port_address_text(&host->address, host->config.listen);
    port_address_text(&sim_find_host(sim, "orchestrator")->address, host->config.orchestrator);
    snprintf(host->config.data, sizeof host->config.data, "/data");
    snprintf(host->config.plant_socket, sizeof host->config.plant_socket, "plant");
    host->config.plant_clock = sim->options.plant_clock;
    host->config.keepalive_ms = (uint32_t)sim->options.keepalive_ms;
    host->config.task_max = 64;
    if (strncmp(name, sim->options.boards, strlen(sim->options.boards)) == 0) {
        host->flash = sim_flash_make(sim->options.seed, 100000 + host->index);
        snprintf(host->config.kind, sizeof host->config.kind, "mcu");
        host->config.journal_bytes = FLASH_JOURNAL_BYTES;
    }
    return host;
}

// The port of a task's end "task.port", NULL when there is none.
static const struct port *port_of(const struct building *building, const char *end) {
    char name[NAME_SIZE_MAX];
    const char *dot = strchr(end, '.');
    size_t size = dot == NULL ? 0 : (size_t)(dot - end);
    if (size == 0 || size >= sizeof name) {
        return NULL;
    }
    memcpy(name, end, size);
    name[size] = '\0';
    uint32_t task = names_find(&building->policy->task_names, name);
    const struct component *component =
        task == NAMES_NONE ? NULL : component_store_find(&building->components, building->policy->tasks[task].component.text);
    if (component == NULL) {
        return NULL;
    }
    int input = manifest_input(&component->manifest, dot + 1);
    int output = manifest_output(&component->manifest, dot + 1);
    return input >= 0 ? &component->manifest.inputs[input] : output >= 0 ? &component->manifest.outputs[output] : NULL;
}

static enum error add_resource(struct sim *sim, const char *name, const char *other, bool actuator, char refusal[512]) {
    char zone[NAME_SIZE_MAX];
    size_t size = strcspn(name, "/");
    snprintf(zone, sizeof zone, "%.*s", (int)(size < sizeof zone ? size : 0), name);
    bool is_zone = size > 0 && isdigit((unsigned char)name[size - 1]);
    struct host *host = node_host(sim, is_zone ? zone : "plantroom");
    struct node_config *config = &host->config;
    for (uint32_t i = 0; i < config->resource_count; i++) {
        if (strcmp(config->resources[i].facts.name, name) == 0) {
            return ERROR_NONE;
        }
    }
    if (config->resource_count == RESOURCES_PER_NODE_MAX || strlen(name) >= NAME_SIZE_MAX) {
        snprintf(refusal, 512, "%.100s: a node has at most %d resources", name, RESOURCES_PER_NODE_MAX);
        return ERROR_FULL;
    }
    struct node_resource *resource = &config->resources[config->resource_count++];
    const struct port *port = port_of(&sim->building, other);
    memset(resource, 0, sizeof *resource);
    resource->polled = NULL; // a point of the plant
    resource->facts.actuator = actuator;
    resource->facts.type = actuator && port != NULL                     ? port->type
                           : port != NULL && port->type == TYPE_BOOLEAN ? TYPE_BOOLEAN
                                                                        : TYPE_NUMBER;
    resource->facts.resolution = 0.001;
    snprintf(resource->facts.name, sizeof resource->facts.name, "%s", name);
    snprintf(resource->point, sizeof resource->point, "%s", name);
    (void)plant_point(&sim->plant, name, actuator);
    return ERROR_NONE;
}

static void add_capability(struct node_config *config, const char *name) {
    for (uint32_t i = 0; i < config->capability_count; i++) {
        if (strcmp(config->capabilities[i], name) == 0) {
            return;
        }
    }
    if (config->capability_count < CAPABILITIES_MAX) {
        snprintf(config->capabilities[config->capability_count++], NAME_SIZE_MAX, "%s", name);
    }
}

enum error building_make(struct sim *sim, char refusal[512]) {
    const struct policy *policy = sim->building.policy;
    enum error error = ERROR_NONE;
    bool anywhere = false;
    for (uint32_t i = 0; i < policy->link_count && error == ERROR_NONE; i++) {
        const char *source = policy->links[i].source.text;
        const char *destination = policy->links[i].destination.text;
        if (strchr(source, '/') != NULL) {
            error = add_resource(sim, source, destination, false, refusal);
        }
        if (error == ERROR_NONE && strchr(destination, '/') != NULL) {
            error = add_resource(sim, destination, source, true, refusal);
        }
    }
    for (uint32_t i = 0; i < policy->task_count && error == ERROR_NONE; i++) {
        const struct policy_task *task = &policy->tasks[i];
        if (task->on.text != NULL) {
            (void)node_host(sim, task->on.text);
        } else if (task->near.count == 0 || task->requires.count > 0) {
            anywhere = true;
        }
        for (uint32_t k = 0; k < task->requires.count; k++) {
            add_capability(&node_host(sim, "gateway")->config, task->requires.items[k].text);
            add_capability(&node_host(sim, "plantroom")->config, task->requires.items[k].text);
        }
    }
    if (anywhere) {
        (void)node_host(sim, "gateway");
    }
    return error;
}
