// Resolving names and checking meaning. One pass over tasks, one over resources, one over links, one over actuators and inputs.
//
// A resource that several nodes offer is taken from a live one, and among those from the first by the order of `nodes` (a
// replaced device registers the role of the dead one, and the policy stays as it is).
#include "orchestrator/binding_private.h"

#include "orchestrator/document.h"

#include <stdio.h>
#include <stdlib.h>

const char *binder_closest(struct binder *binder, const char *name, const struct names *names, char remedy[256],
                           const char *otherwise) {
    const char *best = NULL;
    uint32_t best_distance = (uint32_t)strlen(name) / 3 + 1;
    if (binder->closest_budget > 0) {
        binder->closest_budget--;
        for (uint32_t i = 0; i < names->size; i++) {
            uint32_t distance = names->keys[i] != NULL ? document_distance(name, names->keys[i]) : UINT32_MAX;
            bool better =
                distance < best_distance || (distance == best_distance && (best == NULL || strcmp(names->keys[i], best) < 0));
            if (better) {
                best = names->keys[i];
                best_distance = distance;
            }
        }
    }
    if (best != NULL) {
        snprintf(remedy, 256, "did you mean '%s'?", best);
    } else {
        snprintf(remedy, 256, "%s", otherwise);
    }
    return remedy;
}

const char *binder_port_remedy(const char *name, const struct port *ports, uint32_t count, char remedy[256]) {
    const char *names[PORTS_MAX] = {NULL};
    for (uint32_t i = 0; i < count; i++) {
        names[i] = ports[i].name;
    }
    const char *closest = document_closest(name, names, count);
    if (closest != NULL) {
        snprintf(remedy, 256, "did you mean '%s'?", closest);
        return remedy;
    }
    size_t used = (size_t)snprintf(remedy, 256, count == 0 ? "it has none" : "use one of");
    for (uint32_t i = 0; i < count && used < 256; i++) {
        used += (size_t)snprintf(remedy + used, 256 - used, "%s %s", i == 0 ? "" : ",", names[i]);
    }
    return remedy;
}

// --- resources of the nodes ----------------------------------------------------------------------------------------------

static bool add_offer(struct binding *binding, uint32_t node, const struct registration_resource *resource, uint32_t *count) {
    uint32_t index = names_find(&binding->resources, resource->name);
    uint32_t live = binding->nodes[node].alive && !binding->nodes[node].doubtful ? 1 : 0;
    if (index == NAMES_NONE) {
        binding->offers[*count] = (struct resource_offer){node, resource, live};
        return names_add(&binding->resources, resource->name, (*count)++);
    }
    struct resource_offer *offer = &binding->offers[index];
    if (binding->nodes[node].alive && !binding->nodes[offer->node].alive) {
        offer->node = node;
        offer->resource = resource;
    }
    offer->live_count += live;
    return true;
}

static bool collect_offers(struct binding *binding) {
    uint32_t total = 0;
    for (uint32_t node = 0; node < binding->node_count; node++) {
        total += binding->nodes[node].registration->resource_count;
    }
    binding->offers = calloc(total + 1, sizeof *binding->offers);
    uint32_t count = 0;
    bool good = binding->offers != NULL;
    for (uint32_t node = 0; node < binding->node_count && good; node++) {
        const struct registration *registration = binding->nodes[node].registration;
        good = names_add(&binding->node_names, registration->node, node);
        for (uint32_t i = 0; i < registration->resource_count && good; i++) {
            good = add_offer(binding, node, &registration->resources[i], &count);
        }
    }
    return good;
}

const struct resource_offer *binder_offer(const struct binding *binding, const char *name) {
    uint32_t index = names_find(&binding->resources, name);
    return index != NAMES_NONE ? &binding->offers[index] : NULL;
}

// --- tasks ---------------------------------------------------------------------------------------------------------------

static bool value_fits(const struct policy_value *value, enum value_type type) {
    return type == TYPE_ANY || value->type == type;
}

void binder_check_value(struct binder *binder, const struct policy_value *value, const struct side *side, const char *what) {
    if (value->cbor.size == 0 || !side->known) {
        return;
    }
    if (!value_fits(value, side->type)) {
        char remedy[128];
        snprintf(remedy, sizeof remedy, side->type == TYPE_TEXT ? "put it in quotes" : "write a value of the type %s",
                 value_type_text(side->type));
        problems_error(binder->problems, value->line, remedy, "%s is %s, but '%.40s' is %s", what, value_type_text(side->type),
                       value->text, value_type_text(value->type));
        return;
    }
    bool counted = value->type == TYPE_NUMBER || value->type == TYPE_ARRAY;
    if (counted && side->has_range && (value->minimum < side->minimum || value->maximum > side->maximum)) {
        char remedy[128];
        snprintf(remedy, sizeof remedy, "use %g to %g%s%s", side->minimum, side->maximum, side->unit[0] != '\0' ? " " : "",
                 side->unit);
        problems_error(binder->problems, value->line, remedy, "%s: %.40s is out of range", what, value->text);
    }
}

static struct side side_of_port(const struct port *port) {
    return (struct side){true, port->type, port->quantity, port->unit, port->has_range, port->minimum, port->maximum};
}

struct side binder_side_of_resource(const struct registration_resource *resource) {
    return (struct side){
        true, resource->type, resource->quantity, resource->unit, resource->has_range, resource->minimum, resource->maximum};
}

static void check_settings(struct binder *binder, const struct policy_task *task, const struct manifest *manifest) {
    for (uint32_t i = 0; i < task->setting_count; i++) {
        const struct policy_setting *setting = &task->settings[i];
        int input = manifest_input(manifest, setting->name.text);
        char remedy[256];
        char what[160];
        if (input >= 0 && manifest->inputs[input].parameter) {
            struct side side = side_of_port(&manifest->inputs[input]);
            snprintf(what, sizeof what, "the parameter '%s' of '%s'", setting->name.text, manifest->name);
            binder_check_value(binder, &setting->value, &side, what);
        } else if (input >= 0) {
            problems_error(binder->problems, setting->name.line, "connect a channel to it, or use `fallback` of the channel",
                           "'%s' of the component '%s' is an input, no parameter", setting->name.text, manifest->name);
        } else {
            struct port parameters[PORTS_MAX];
            uint32_t count = 0;
            for (uint32_t j = 0; j < manifest->input_count; j++) {
                if (manifest->inputs[j].parameter) {
                    parameters[count++] = manifest->inputs[j];
                }
            }
            problems_error(binder->problems, setting->name.line,
                           binder_port_remedy(setting->name.text, parameters, count, remedy),
                           "the component '%s' has no parameter '%.60s'", manifest->name, setting->name.text);
        }
    }
}

static void bind_component(struct binder *binder, uint32_t index, binding_find find, void *context) {
    const struct policy_task *task = &binder->policy->tasks[index];
    if (task->component.text == NULL) {
        return;
    }
    const struct component *component =
        find != NULL ? find(context, task->component.text) : component_store_find(binder->store, task->component.text);
    binder->binding->components[index] = component;
    if (component != NULL) {
        binder->binding->tasks[index].memory_bytes = component->footprint;
        binder->binding->tasks[index].module_bytes = (uint32_t)component->wasm.size;
        check_settings(binder, task, &component->manifest);
        return;
    }
    char remedy[192];
    const char *closest = component_store_closest(binder->store, task->component.text);
    if (closest != NULL && strncmp(closest, task->component.text, strcspn(task->component.text, "@")) == 0) {
        snprintf(remedy, sizeof remedy, "there is '%s', but not in this version", closest);
    } else if (closest != NULL) {
        snprintf(remedy, sizeof remedy, "did you mean '%s'?", closest);
    } else {
        snprintf(remedy, sizeof remedy, "check the folders under `components`");
    }
    problems_error(binder->problems, task->component.line, remedy, "there is no component '%.60s'", task->component.text);
}

// Lists of task numbers and neighbours, kept in the binding's arena.
static bool bind_apart(struct binder *binder, uint32_t index) {
    const struct policy_task *task = &binder->policy->tasks[index];
    struct placement_task *placed = &binder->binding->tasks[index];
    uint32_t *apart = arena_allocate(&binder->binding->arena, (task->apart.count + 1) * sizeof *apart);
    for (uint32_t i = 0; apart != NULL && i < task->apart.count; i++) {
        uint32_t other = names_find(&binder->policy->task_names, task->apart.items[i].text);
        char remedy[256];
        if (other == NAMES_NONE) {
            problems_error(binder->problems, task->apart.items[i].line,
                           binder_closest(binder, task->apart.items[i].text, &binder->policy->task_names, remedy,
                                          "name a task of this policy"),
                           "`apart` names the task '%.60s', which is not there", task->apart.items[i].text);
        } else if (other == index) {
            problems_error(binder->problems, task->apart.items[i].line, "name another task", "'%s' cannot be apart from itself",
                           task->name);
        } else {
            apart[placed->apart_count++] = other;
        }
    }
    placed->apart = apart;
    return apart != NULL;
}

static bool bind_near(struct binder *binder, uint32_t index) {
    const struct policy_task *task = &binder->policy->tasks[index];
    struct placement_task *placed = &binder->binding->tasks[index];
    struct placement_neighbour *near = arena_allocate(&binder->binding->arena, (task->near.count + 1) * sizeof *near);
    for (uint32_t i = 0; near != NULL && i < task->near.count; i++) {
        const struct policy_name *name = &task->near.items[i];
        uint32_t other = names_find(&binder->policy->task_names, name->text);
        const struct resource_offer *offer = binder_offer(binder->binding, name->text);
        char remedy[256];
        if (offer != NULL) {
            near[placed->near_count++] = (struct placement_neighbour){false, offer->node};
        } else if (other != NAMES_NONE) {
            near[placed->near_count++] = (struct placement_neighbour){true, other};
        } else if (binder->nodes_known) {
            problems_error(binder->problems, name->line,
                           binder_closest(binder, name->text, &binder->binding->resources, remedy, "name a resource or a task"),
                           "`near` names '%.60s', which is neither a resource nor a task", name->text);
        }
    }
    placed->near = near;
    return near != NULL;
}

static void check_on(struct binder *binder, const struct policy_task *task) {
    char remedy[256];
    if (binder->nodes_known && task->on.text != NULL && names_find(&binder->binding->node_names, task->on.text) == NAMES_NONE) {
        problems_error(binder->problems, task->on.line,
                       binder_closest(binder, task->on.text, &binder->binding->node_names, remedy,
                                      "start the node, or name one that is there"),
                       "`on` names the node '%.60s', which has not registered", task->on.text);
    }
}

static bool bind_tasks(struct binder *binder, binding_find find, void *context) {
    bool good = true;
    for (uint32_t i = 0; i < binder->policy->task_count && good; i++) {
        const struct policy_task *task = &binder->policy->tasks[i];
        struct placement_task *placed = &binder->binding->tasks[i];
        placed->name = task->name;
        placed->memory_bytes = PLACEMENT_TASK_OVERHEAD;
        placed->on = task->on.text;
        placed->
            requires
        = &task->
               requires;
        placed->current = PLACEMENT_NONE;
        bind_component(binder, i, find, context);
        check_on(binder, task);
        good = bind_apart(binder, i) && bind_near(binder, i);
    }
    return good;
}

// --- links ---------------------------------------------------------------------------------------------------------------

static void bind_port(struct binder *binder, const struct policy_name *name, bool source, struct bound_end *end,
                      struct side *side) {
    const char *dot = strrchr(name->text, '.');
    char task_name[NAME_SIZE_MAX];
    char remedy[256];
    snprintf(task_name, sizeof task_name, "%.*s", (int)(dot - name->text), name->text);
    uint32_t task = names_find(&binder->policy->task_names, task_name);
    if (task == NAMES_NONE) {
        problems_error(binder->problems, name->line,
                       binder_closest(binder, task_name, &binder->policy->task_names, remedy,
                                      "add the task, or write a resource with a slash"),
                       "there is no task '%s'", task_name);
        return;
    }
    const struct component *component = binder->binding->components[task];
    if (component == NULL) {
        return;
    }
    const struct manifest *manifest = &component->manifest;
    int port = source ? manifest_output(manifest, dot + 1) : manifest_input(manifest, dot + 1);
    const struct port *ports = source ? manifest->outputs : manifest->inputs;
    if (port < 0) {
        bool other_way = source ? manifest_input(manifest, dot + 1) >= 0 : manifest_output(manifest, dot + 1) >= 0;
        binder_port_remedy(dot + 1, ports, source ? manifest->output_count : manifest->input_count, remedy);
        problems_error(binder->problems, name->line, other_way ? "swap `from` and `to`, or name the other port" : remedy,
                       "the component '%s' of the task '%s' has no %s '%.60s'", manifest->name, task_name,
                       source ? "output" : "input", dot + 1);
        return;
    }
    if (!source && ports[port].parameter) {
        problems_error(binder->problems, name->line, "give it a value under `set` of the task",
                       "'%s' is a parameter, which takes no channel", name->text);
        return;
    }
    *end = (struct bound_end){BOUND_TASK, task, (uint32_t)port, NULL};
    *side = side_of_port(&ports[port]);
}

static void bind_resource(struct binder *binder, const struct policy_name *name, bool source, enum delivery_class delivery,
                          struct bound_end *end, struct side *side) {
    const struct resource_offer *offer = binder_offer(binder->binding, name->text);
    char remedy[256];
    if (offer == NULL) {
        if (binder->nodes_known) {
            problems_error(binder->problems, name->line,
                           binder_closest(binder, name->text, &binder->binding->resources, remedy,
                                          "start the node that offers it, or write TASK.PORT for a task's port"),
                           "no node offers the resource '%.60s'", name->text);
        }
        return;
    }
    if (source && offer->resource->actuator) {
        problems_error(binder->problems, name->line, "take the value from a sensor or from the task that commands it",
                       "'%s' is an actuator and gives no values", name->text);
        return;
    }
    if (!source && !offer->resource->actuator) {
        problems_error(binder->problems, name->line, "name an actuator, or swap `from` and `to`",
                       "'%s' is a sensor and cannot be a destination", name->text);
        return;
    }
    if (!source && delivery != DELIVERY_COMMAND) {
        problems_error(binder->problems, name->line, "write `class: command` with `priority` and `expiry`",
                       "the actuator '%s' takes commands only", name->text);
        return;
    }
    bool local = strchr(name->text, '/') == NULL;
    *end = (struct bound_end){local ? BOUND_LOCAL : BOUND_RESOURCE, offer->node, 0, name->text};
    *side = binder_side_of_resource(offer->resource);
}

static void bind_end(struct binder *binder, const struct policy_link *link, bool source, struct bound_end *end,
                     struct side *side) {
    const struct policy_name *name = source ? &link->source : &link->destination;
    *end = (struct bound_end){.kind = BOUND_NONE};
    *side = (struct side){.quantity = "", .unit = ""};
    if (strlen(name->text) >= 2 * NAME_SIZE_MAX) {
        problems_error(binder->problems, name->line, "names have at most 47 letters", "'%.60s...' is too long", name->text);
    } else if (strchr(name->text, '/') == NULL && strchr(name->text, '.') != NULL) {
        bind_port(binder, name, source, end, side);
        if (!source && link->delivery == DELIVERY_COMMAND && end->kind == BOUND_TASK) {
            problems_error(binder->problems, name->line, "use `class: event` towards a task",
                           "a command goes to an actuator; '%s' is none", name->text);
        }
    } else {
        bind_resource(binder, name, source, link->delivery, end, side);
    }
}

// What flows out must be what the other end expects. An end that declares no quantity or no unit accepts and gives any.
static void check_sides(struct binder *binder, const struct policy_link *link, const struct side *from, const struct side *to) {
    if (from->type != to->type && from->type != TYPE_ANY && to->type != TYPE_ANY) {
        problems_error(binder->problems, link->destination.line, "connect ports of one type",
                       "'%s' gives %s, but '%s' takes %s", link->source.text, value_type_text(from->type),
                       link->destination.text, value_type_text(to->type));
        return;
    }
    if (from->unit[0] != '\0' && to->unit[0] != '\0' && strcmp(from->unit, to->unit) != 0) {
        problems_error(binder->problems, link->destination.line, "put a component between them that converts the unit",
                       "'%s' is in %s, but '%s' is in %s", link->source.text, from->unit, link->destination.text, to->unit);
    }
    if (from->quantity[0] != '\0' && !quantity_accepts(to->quantity, from->quantity)) {
        problems_error(binder->problems, link->destination.line, "connect what is meant, or widen the quantity in the manifest",
                       "'%s' is a %s, but '%s' takes a %s", link->source.text, from->quantity, link->destination.text,
                       to->quantity);
    }
    if (link->threshold > 0 && from->type != TYPE_NUMBER && from->type != TYPE_ANY) {
        problems_error(binder->problems, link->line, "remove the threshold", "'%s' gives %s, which has no threshold",
                       link->source.text, value_type_text(from->type));
    }
}

static void bind_links(struct binder *binder) {
    for (uint32_t i = 0; i < binder->policy->link_count; i++) {
        const struct policy_link *link = &binder->policy->links[i];
        struct bound_link *bound = &binder->binding->links[i];
        struct side from;
        struct side to;
        bind_end(binder, link, true, &bound->source, &from);
        bind_end(binder, link, false, &bound->destination, &to);
        binder_bind_confirm(binder, link, bound);
        if (from.known && to.known) {
            check_sides(binder, link, &from, &to);
        }
        char what[160];
        snprintf(what, sizeof what, "the fallback for '%.80s'", link->destination.text);
        binder_check_value(binder, &link->fallback, &to, what);
        if (bound->source.kind == BOUND_LOCAL && bound->destination.kind == BOUND_LOCAL) {
            problems_error(binder->problems, link->line, "let a task stand between them, or use names with a slash",
                           "neither end of the channel says on which node it is");
        }
    }
}

// --- placement -----------------------------------------------------------------------------------------------------------

struct room {
    uint32_t neighbours;
    uint32_t locals;
};

static void count_rooms(const struct binding *binding, struct room *rooms) {
    for (uint32_t i = 0; i < binding->policy->link_count; i++) {
        const struct bound_end *ends[2] = {&binding->links[i].source, &binding->links[i].destination};
        for (int side = 0; side < 2; side++) {
            if (ends[side]->kind == BOUND_TASK) {
                rooms[ends[side]->index].neighbours +=
                    ends[1 - side]->kind == BOUND_TASK || ends[1 - side]->kind == BOUND_RESOURCE ? 1 : 0;
                rooms[ends[side]->index].locals += ends[1 - side]->kind == BOUND_LOCAL ? 1 : 0;
            }
        }
    }
}

static void add_neighbour(struct binding *binding, const struct bound_end *end, const struct bound_end *other,
                          struct placement_neighbour **neighbours, const char ***locals) {
    if (end->kind != BOUND_TASK) {
        return;
    }
    struct placement_task *task = &binding->tasks[end->index];
    if (other->kind == BOUND_LOCAL) {
        locals[end->index][task->local_count++] = other->resource;
    } else if (other->kind == BOUND_TASK || other->kind == BOUND_RESOURCE) {
        neighbours[end->index][task->neighbour_count++] = (struct placement_neighbour){other->kind == BOUND_TASK, other->index};
    }
}

static bool bind_neighbours(struct binder *binder) {
    struct binding *binding = binder->binding;
    uint32_t count = binder->policy->task_count;
    struct room *rooms = calloc(count + 1, sizeof *rooms);
    struct placement_neighbour **neighbours = calloc(count + 1, sizeof *neighbours);
    const char ***locals = calloc(count + 1, sizeof *locals);
    bool good = rooms != NULL && neighbours != NULL && locals != NULL;
    if (good) {
        count_rooms(binding, rooms);
    }
    for (uint32_t i = 0; i < count && good; i++) {
        neighbours[i] = arena_allocate(&binder->binding->arena, (rooms[i].neighbours + 1) * sizeof **neighbours);
        locals[i] = arena_allocate(&binder->binding->arena, (rooms[i].locals + 1) * sizeof **locals);
        good = neighbours[i] != NULL && locals[i] != NULL;
        binding->tasks[i].neighbours = neighbours[i];
        binding->tasks[i].local = locals[i];
    }
    for (uint32_t i = 0; i < binder->policy->link_count && good; i++) {
        const struct bound_link *link = &binding->links[i];
        add_neighbour(binding, &link->source, &link->destination, neighbours, locals);
        add_neighbour(binding, &link->destination, &link->source, neighbours, locals);
    }
    free(rooms);
    free(neighbours);
    free((void *)locals);
    return good;
}

uint32_t binding_resource_node(const struct binding *binding, const char *name) {
    const struct resource_offer *offer = binder_offer(binding, name);
    return offer != NULL ? offer->node : PLACEMENT_NONE;
}

enum error binding_make(const struct policy *policy, const struct component_store *store, binding_find find, void *context,
                        const struct placement_node *nodes, uint32_t node_count, bool nodes_known, struct problems *problems,
                        struct binding *out) {
    *out = (struct binding){.policy = policy, .nodes = nodes, .node_count = node_count};
    out->components = calloc(policy->task_count + 1, sizeof *out->components);
    out->links = calloc(policy->link_count + 1, sizeof *out->links);
    out->tasks = calloc(policy->task_count + 1, sizeof *out->tasks);
    struct binder binder = {policy, store, out, problems, nodes_known, 2 * PROBLEMS_MAX};
    bool good = out->components != NULL && out->links != NULL && out->tasks != NULL && collect_offers(out);
    good = good && bind_tasks(&binder, find, context);
    if (good) {
        bind_links(&binder);
        binder_check_resources(&binder);
        binder_check_writers(&binder);
        binder_check_inputs(&binder);
        good = bind_neighbours(&binder);
    }
    if (!good) {
        binding_free(out);
        return ERROR_MEMORY;
    }
    return ERROR_NONE;
}

void binding_free(struct binding *binding) {
    free((void *)binding->components);
    free(binding->links);
    free(binding->tasks);
    free(binding->offers);
    arena_free(&binding->arena);
    names_free(&binding->resources);
    names_free(&binding->node_names);
    *binding = (struct binding){0};
}

void binding_check_placement(const struct binding *binding, struct problems *problems) {
    struct placement_node *nodes = calloc(binding->node_count + 1, sizeof *nodes);
    struct placement_result *results = calloc(binding->policy->task_count + 1, sizeof *results);
    bool good = nodes != NULL && results != NULL;
    for (uint32_t i = 0; i < binding->node_count && good; i++) {
        nodes[i] = (struct placement_node){binding->nodes[i].registration, true, false};
    }
    good =
        good && placement_make(binding->tasks, binding->policy->task_count, nodes, binding->node_count, results) == ERROR_NONE;
    for (uint32_t i = 0; i < binding->policy->task_count && good; i++) {
        if (results[i].node == PLACEMENT_NONE) {
            problems_error(problems, binding->policy->tasks[i].line,
                           "relax `on`, `requires` or `apart`, or add a node that fits", "the task '%s' has no place: %s",
                           binding->policy->tasks[i].name, results[i].reason);
        }
    }
    free(nodes);
    free(results);
}
