// Slices. The arrays of one slice are sized by counting upper bounds, filled, encoded and released again.
#include "orchestrator/planner.h"

#include <stdio.h>
#include <stdlib.h>

struct slicer {
    const struct planner_input *input;
    uint32_t node;
    struct plan plan;
    uint32_t *task_index;   // by task of the policy: index in the slice, or PLACEMENT_NONE
    uint32_t *peer_index;   // by node
    struct names resources; // name -> index in the slice
};

void planner_link_key(const struct policy_link *link, char *out, size_t out_size) {
    snprintf(out, out_size, "%s -> %s", link->source.text, link->destination.text);
}

static uint32_t end_node(const struct planner_input *input, const struct bound_end *end, const struct bound_end *other) {
    switch (end->kind) {
    case BOUND_TASK:
        return input->places[end->index];
    case BOUND_RESOURCE:
        return end->index;
    case BOUND_LOCAL:
        return other->kind == BOUND_LOCAL ? PLACEMENT_NONE : end_node(input, other, end);
    case BOUND_NONE:
    default:
        return PLACEMENT_NONE;
    }
}

void planner_link_nodes(const struct planner_input *input, uint32_t link, uint32_t *source, uint32_t *destination) {
    const struct bound_link *bound = &input->binding->links[link];
    *source = end_node(input, &bound->source, &bound->destination);
    *destination = end_node(input, &bound->destination, &bound->source);
}

const char *planner_resource_key(const char *name, const char *node, char out[PLANNER_RESOURCE_KEY_SIZE]) {
    if (strchr(name, '/') != NULL) {
        return name;
    }
    snprintf(out, PLANNER_RESOURCE_KEY_SIZE, "%s %s", name, node);
    return out;
}

bool planner_each_resource(const struct planner_input *input, bool (*visit)(void *context, const char *name, uint32_t node),
                           void *context) {
    const struct binding *binding = input->binding;
    bool good = true;
    for (uint32_t i = 0; i < binding->policy->link_count && good; i++) {
        const struct bound_end *ends[2] = {&binding->links[i].source, &binding->links[i].destination};
        uint32_t nodes[2];
        planner_link_nodes(input, i, &nodes[0], &nodes[1]);
        for (int side = 0; side < 2 && good; side++) {
            bool planned = nodes[0] != PLACEMENT_NONE && nodes[1] != PLACEMENT_NONE;
            bool resource = ends[side]->kind == BOUND_RESOURCE || ends[side]->kind == BOUND_LOCAL;
            good = !planned || !resource || visit(context, ends[side]->resource, nodes[side]);
        }
    }
    for (uint32_t i = 0; i < binding->policy->resource_count && good; i++) {
        const struct policy_resource *resource = &binding->policy->resources[i];
        uint32_t node = binding_resource_node(binding, resource->name.text);
        good = node == PLACEMENT_NONE || resource->safe.cbor.size == 0 || visit(context, resource->name.text, node);
    }
    return good;
}

static uint32_t add_resource(struct slicer *slicer, const char *name) {
    uint32_t index = names_find(&slicer->resources, name);
    if (index != NAMES_NONE) {
        return index;
    }
    index = slicer->plan.resource_count;
    if (!names_add(&slicer->resources, name, index)) {
        return PLACEMENT_NONE;
    }
    struct plan_resource *resource = &slicer->plan.resources[slicer->plan.resource_count++];
    snprintf(resource->name, sizeof resource->name, "%s", name);
    const struct policy *policy = slicer->input->binding->policy;
    const char *node = slicer->input->binding->nodes[slicer->node].registration->node;
    char key[PLANNER_RESOURCE_KEY_SIZE];
    uint32_t epoch = names_find(slicer->input->resource_epochs, planner_resource_key(name, node, key));
    resource->epoch = epoch != NAMES_NONE ? epoch : 0;
    uint32_t declared = names_find(&policy->resource_names, name);
    resource->safe = declared != NAMES_NONE ? policy->resources[declared].safe.cbor : (struct bytes){NULL, 0};
    bool local = declared != NAMES_NONE && policy->resources[declared].durability == POLICY_DURABILITY_LOCAL;
    resource->durability = local ? DURABILITY_LOCAL : DURABILITY_NONE;
    return index;
}

static uint32_t add_peer(struct slicer *slicer, uint32_t node) {
    if (slicer->peer_index[node] == PLACEMENT_NONE) {
        slicer->peer_index[node] = slicer->plan.peer_count;
        struct plan_peer *peer = &slicer->plan.peers[slicer->plan.peer_count++];
        snprintf(peer->name, sizeof peer->name, "%s", slicer->input->binding->nodes[node].registration->node);
        peer->address = slicer->input->addresses[node];
    }
    return slicer->peer_index[node];
}

static bool make_end(struct slicer *slicer, const struct bound_end *end, uint32_t node, struct plan_end *out) {
    if (node != slicer->node) {
        *out = (struct plan_end){END_REMOTE, add_peer(slicer, node), 0};
    } else if (end->kind == BOUND_TASK) {
        *out = (struct plan_end){END_TASK, slicer->task_index[end->index], (uint16_t)end->port};
    } else {
        *out = (struct plan_end){END_RESOURCE, add_resource(slicer, end->resource), 0};
    }
    return out->index != PLACEMENT_NONE;
}

static void add_task(struct slicer *slicer, uint32_t index) {
    const struct binding *binding = slicer->input->binding;
    const struct policy_task *from = &binding->policy->tasks[index];
    const struct component *component = binding->components[index];
    slicer->task_index[index] = slicer->plan.task_count;
    struct plan_task *task = &slicer->plan.tasks[slicer->plan.task_count++];
    snprintf(task->name, sizeof task->name, "%s", from->name);
    memcpy(task->digest, component->digest, DIGEST_SIZE);
    task->epoch = slicer->input->epochs[index];
    task->durability = from->durability == POLICY_DURABILITY_LOCAL ? DURABILITY_LOCAL : DURABILITY_NONE;
    task->parameter_first = slicer->plan.parameter_count;
    for (uint32_t i = 0; i < from->setting_count; i++) {
        int input = manifest_input(&component->manifest, from->settings[i].name.text);
        if (input >= 0 && component->manifest.inputs[input].parameter) {
            slicer->plan.parameters[slicer->plan.parameter_count++] =
                (struct plan_parameter){(uint32_t)input, from->settings[i].value.cbor};
            task->parameter_count++;
        }
    }
}

// Where the policy leaves it open: a sensor that events start from keeps them, and an actuator keeps what a durable task told
// it.
static void raise_durability(struct slicer *slicer, const struct plan_link *link, const struct bound_link *bound) {
    const struct policy *policy = slicer->input->binding->policy;
    bool by_durable_task =
        bound->source.kind == BOUND_TASK && policy->tasks[bound->source.index].durability == POLICY_DURABILITY_LOCAL;
    const struct plan_end *end = NULL;
    if (link->source.kind == END_RESOURCE && link->delivery == DELIVERY_EVENT) {
        end = &link->source;
    } else if (link->destination.kind == END_RESOURCE && link->delivery == DELIVERY_COMMAND && by_durable_task) {
        end = &link->destination;
    }
    struct plan_resource *resource = end != NULL ? &slicer->plan.resources[end->index] : NULL;
    uint32_t declared = resource != NULL ? names_find(&policy->resource_names, resource->name) : NAMES_NONE;
    bool open = declared == NAMES_NONE || policy->resources[declared].durability == POLICY_DURABILITY_DEFAULT;
    if (resource != NULL && open) {
        resource->durability = DURABILITY_LOCAL;
    }
}

static bool newest_only(const struct policy_link *link, const struct bound_link *bound) {
    bool by_default = link->queue == POLICY_QUEUE_DEFAULT && bound->destination.kind != BOUND_TASK;
    return link->delivery == DELIVERY_COMMAND && (by_default || link->queue == POLICY_QUEUE_NEWEST);
}

static bool add_links(struct slicer *slicer) {
    const struct binding *binding = slicer->input->binding;
    for (uint32_t i = 0; i < binding->policy->link_count; i++) {
        const struct policy_link *from = &binding->policy->links[i];
        const struct bound_link *bound = &binding->links[i];
        uint32_t source = PLACEMENT_NONE;
        uint32_t destination = PLACEMENT_NONE;
        planner_link_nodes(slicer->input, i, &source, &destination);
        bool ours = source == slicer->node || destination == slicer->node;
        if (!ours || source == PLACEMENT_NONE || destination == PLACEMENT_NONE) {
            continue;
        }
        struct plan_link *link = &slicer->plan.links[slicer->plan.link_count++];
        *link = (struct plan_link){
            .id = slicer->input->link_ids[i],
            .delivery = from->delivery,
            .interval_min_ms = from->interval_min_ms,
            .interval_max_ms = from->interval_max_ms,
            .threshold = from->threshold,
            .expiry_ms = from->expiry_ms,
            .priority = (uint8_t)from->priority,
            .newest_only = newest_only(from, bound),
            .confirm = (uint8_t)bound->confirm,
            .stale_after_ms = from->stale_after_ms,
            .fallback = from->fallback.cbor,
        };
        if (!make_end(slicer, &bound->source, source, &link->source) ||
            !make_end(slicer, &bound->destination, destination, &link->destination)) {
            return false;
        }
        raise_durability(slicer, link, bound);
    }
    return true;
}

// Safe values hold also while no link leads to the actuator, for instance when the task that commands it has no place.
static bool add_safe_values(struct slicer *slicer) {
    const struct binding *binding = slicer->input->binding;
    for (uint32_t i = 0; i < binding->policy->resource_count; i++) {
        const struct policy_resource *resource = &binding->policy->resources[i];
        bool here = binding_resource_node(binding, resource->name.text) == slicer->node;
        if (here && resource->safe.cbor.size > 0 && add_resource(slicer, resource->name.text) == PLACEMENT_NONE) {
            return false;
        }
    }
    return true;
}

static int compare_tasks(const void *a, const void *b) {
    const struct policy_task *left = *(const struct policy_task *const *)a;
    const struct policy_task *right = *(const struct policy_task *const *)b;
    return strcmp(left->name, right->name);
}

static int compare_resources(const void *a, const void *b) {
    return strcmp(((const struct plan_resource *)a)->name, ((const struct plan_resource *)b)->name);
}

static int compare_links(const void *a, const void *b) {
    uint32_t left = ((const struct plan_link *)a)->id;
    uint32_t right = ((const struct plan_link *)b)->id;
    return left < right ? -1 : (left > right ? 1 : 0);
}

static bool add_tasks(struct slicer *slicer) {
    const struct policy *policy = slicer->input->binding->policy;
    const struct policy_task **here = calloc(slicer->plan.task_max + 1, sizeof *here);
    uint32_t count = 0;
    for (uint32_t i = 0; i < policy->task_count && here != NULL; i++) {
        slicer->task_index[i] = PLACEMENT_NONE;
        if (slicer->input->places[i] == slicer->node && slicer->input->binding->components[i] != NULL) {
            here[count++] = &policy->tasks[i];
        }
    }
    if (here != NULL) {
        qsort((void *)here, count, sizeof *here, compare_tasks);
    }
    for (uint32_t i = 0; i < count; i++) {
        add_task(slicer, (uint32_t)(here[i] - policy->tasks));
    }
    bool good = here != NULL;
    free((void *)here);
    return good;
}

// Numbers the resources in the order of their names.
static bool sort_resources(struct slicer *slicer) {
    struct plan *plan = &slicer->plan;
    names_free(&slicer->resources);
    qsort(plan->resources, plan->resource_count, sizeof *plan->resources, compare_resources);
    for (uint32_t i = 0; i < plan->resource_count; i++) {
        if (!names_add(&slicer->resources, plan->resources[i].name, i)) {
            return false;
        }
    }
    return true;
}

// A slice lists tasks and resources by name and links by id. The links are gone through twice: first for the resources that
// they name, then, when those have their numbers, for themselves.
static bool fill(struct slicer *slicer) {
    for (uint32_t i = 0; i < slicer->input->binding->node_count; i++) {
        slicer->peer_index[i] = PLACEMENT_NONE;
    }
    if (!add_tasks(slicer) || !add_links(slicer) || !add_safe_values(slicer) || !sort_resources(slicer)) {
        return false;
    }
    slicer->plan.link_count = 0;
    bool good = add_links(slicer);
    qsort(slicer->plan.links, slicer->plan.link_count, sizeof *slicer->plan.links, compare_links);
    return good;
}

// Upper bounds of what this node's slice can hold.
static bool allocate(struct slicer *slicer) {
    const struct binding *binding = slicer->input->binding;
    struct plan *plan = &slicer->plan;
    for (uint32_t i = 0; i < binding->policy->task_count; i++) {
        if (slicer->input->places[i] == slicer->node) {
            plan->task_max++;
            plan->parameter_max += binding->policy->tasks[i].setting_count;
        }
    }
    for (uint32_t i = 0; i < binding->policy->link_count; i++) {
        const struct bound_link *bound = &binding->links[i];
        plan->link_max += end_node(slicer->input, &bound->source, &bound->destination) == slicer->node ||
                                  end_node(slicer->input, &bound->destination, &bound->source) == slicer->node
                              ? 1
                              : 0;
    }
    plan->resource_max = 2 * plan->link_max + binding->policy->resource_count;
    plan->peer_max = binding->node_count;
    plan->tasks = calloc(plan->task_max + 1, sizeof *plan->tasks);
    plan->parameters = calloc(plan->parameter_max + 1, sizeof *plan->parameters);
    plan->resources = calloc(plan->resource_max + 1, sizeof *plan->resources);
    plan->peers = calloc(plan->peer_max + 1, sizeof *plan->peers);
    plan->links = calloc(plan->link_max + 1, sizeof *plan->links);
    slicer->task_index = calloc(binding->policy->task_count + 1, sizeof *slicer->task_index);
    slicer->peer_index = calloc(binding->node_count + 1, sizeof *slicer->peer_index);
    return plan->tasks != NULL && plan->parameters != NULL && plan->resources != NULL && plan->peers != NULL &&
           plan->links != NULL && slicer->task_index != NULL && slicer->peer_index != NULL;
}

enum error planner_slice(const struct planner_input *input, uint32_t node, struct buffer buffer, size_t *size) {
    struct slicer slicer = {.input = input, .node = node};
    enum error error = ERROR_MEMORY;
    if (allocate(&slicer) && fill(&slicer)) {
        slicer.plan.revision = input->revision;
        snprintf(slicer.plan.policy, sizeof slicer.plan.policy, "%s", input->binding->policy->name);
        snprintf(slicer.plan.node, sizeof slicer.plan.node, "%s", input->binding->nodes[node].registration->node);
        error = plan_encode(&slicer.plan, buffer, size);
    }
    free(slicer.plan.tasks);
    free(slicer.plan.parameters);
    free(slicer.plan.resources);
    free(slicer.plan.peers);
    free(slicer.plan.links);
    free(slicer.task_index);
    free(slicer.peer_index);
    names_free(&slicer.resources);
    return error;
}
