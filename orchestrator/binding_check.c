// Rules that look at more than one line of a policy: what `resources` says, who commands an actuator, what feeds an input.
#include "orchestrator/binding_private.h"

#include <stdio.h>
#include <stdlib.h>

// --- confirm -------------------------------------------------------------------------------------------------------------

static void refuse_confirm(struct binder *binder, const struct policy_link *link, const struct manifest *manifest,
                           const char *task) {
    const char *name = link->confirm.text;
    struct port candidates[PORTS_MAX];
    uint32_t count = 0;
    char remedy[256];
    for (uint32_t i = 0; i < manifest->input_count; i++) {
        bool takes_text = manifest->inputs[i].type == TYPE_TEXT || manifest->inputs[i].type == TYPE_ANY;
        if (takes_text && !manifest->inputs[i].parameter) {
            candidates[count++] = manifest->inputs[i];
        }
    }
    if (count == 0) {
        snprintf(remedy, sizeof remedy, "give the component an input of type text");
    } else {
        binder_port_remedy(name, candidates, count, remedy);
    }
    problems_error(binder->problems, link->confirm.line, remedy, "the component '%s' of the task '%s' has no input '%.60s'",
                   manifest->name, task, name);
}

void binder_bind_confirm(struct binder *binder, const struct policy_link *link, struct bound_link *bound) {
    bound->confirm = 0;
    if (link->confirm.text == NULL || link->delivery == DELIVERY_MEASUREMENT || bound->source.kind == BOUND_NONE) {
        return; // nothing to do, or reported already
    }
    if (bound->source.kind != BOUND_TASK) {
        problems_error(binder->problems, link->confirm.line, "remove `confirm`, or let a task stand between them",
                       "'%s' is a resource and cannot be told what became of its messages", link->source.text);
        return;
    }
    const struct manifest *manifest = &binder->binding->components[bound->source.index]->manifest;
    const char *task = binder->policy->tasks[bound->source.index].name;
    int input = manifest_input(manifest, link->confirm.text);
    if (input < 0) {
        refuse_confirm(binder, link, manifest, task);
    } else if (manifest->inputs[input].parameter) {
        problems_error(binder->problems, link->confirm.line, "name an input of type text",
                       "'%s' of the component '%s' is a parameter and cannot be told an outcome", link->confirm.text,
                       manifest->name);
    } else if (manifest->inputs[input].type != TYPE_TEXT && manifest->inputs[input].type != TYPE_ANY) {
        problems_error(binder->problems, link->confirm.line, "name an input of type text",
                       "an outcome is text, but '%s.%s' takes %s", task, link->confirm.text,
                       value_type_text(manifest->inputs[input].type));
    } else {
        bound->confirm = (uint32_t)input + 1;
    }
}

// --- resources of the policy ---------------------------------------------------------------------------------------------

// How the channels use a resource.
enum { USED_BY_MEASUREMENT = 1, USED_RELIABLY = 2 };

static void note_use(const struct policy *policy, const char *name, enum delivery_class delivery, uint8_t *uses) {
    uint32_t index = names_find(&policy->resource_names, name);
    if (index != NAMES_NONE) {
        uses[index] |= delivery == DELIVERY_MEASUREMENT ? USED_BY_MEASUREMENT : USED_RELIABLY;
    }
}

// Durability that was written down and has nothing to keep.
static void check_durability(struct binder *binder) {
    const struct policy *policy = binder->policy;
    uint8_t *uses = calloc((size_t)policy->resource_count + 1, sizeof *uses);
    if (uses == NULL) {
        return;
    }
    for (uint32_t i = 0; i < policy->link_count; i++) {
        note_use(policy, policy->links[i].source.text, policy->links[i].delivery, uses);
        note_use(policy, policy->links[i].destination.text, policy->links[i].delivery, uses);
    }
    for (uint32_t i = 0; i < policy->resource_count; i++) {
        const struct policy_resource *resource = &policy->resources[i];
        if (resource->durability_line != 0 && uses[i] == 0) {
            problems_error(binder->problems, resource->durability_line, "remove it, or connect a channel to the resource",
                           "the durability of '%s' has no effect, for no channel uses it", resource->name.text);
        } else if (resource->durability == POLICY_DURABILITY_LOCAL && uses[i] == USED_BY_MEASUREMENT) {
            problems_error(binder->problems, resource->durability_line, "remove it, or give the channel the class event",
                           "'%s' feeds measurements only, of which nothing is kept over a restart", resource->name.text);
        }
    }
    free(uses);
}

void binder_check_resources(struct binder *binder) {
    check_durability(binder);
    for (uint32_t i = 0; i < binder->policy->resource_count && binder->nodes_known; i++) {
        const struct policy_resource *resource = &binder->policy->resources[i];
        const struct resource_offer *offer = binder_offer(binder->binding, resource->name.text);
        char text[256];
        if (offer == NULL) {
            problems_error(
                binder->problems, resource->name.line,
                binder_closest(binder, resource->name.text, &binder->binding->resources, text, "start the node that offers it"),
                "no node offers the resource '%s'", resource->name.text);
        } else if (!offer->resource->actuator && resource->safe.cbor.size > 0) {
            problems_error(binder->problems, resource->safe.line, "use `stale_after` and `fallback` of the channel instead",
                           "'%s' is a sensor and takes no safe value", resource->name.text);
        } else {
            struct side side = binder_side_of_resource(offer->resource);
            snprintf(text, sizeof text, "the safe value of '%s'", resource->name.text);
            binder_check_value(binder, &resource->safe, &side, text);
        }
        if (offer != NULL && offer->live_count > 1 && strchr(resource->name.text, '/') != NULL) {
            problems_warning(binder->problems, resource->name.line, "let one node offer it, or give the others another name",
                             "%u live nodes offer '%s'; '%s' is used", offer->live_count, resource->name.text,
                             binder->binding->nodes[offer->node].registration->node);
        }
    }
}

// --- actuators and inputs ------------------------------------------------------------------------------------------------

void binder_check_writers(struct binder *binder) {
    struct names seen = {0};
    for (uint32_t i = 0; i < binder->policy->link_count; i++) {
        const struct policy_link *link = &binder->policy->links[i];
        enum bound_kind kind = binder->binding->links[i].destination.kind;
        if (kind != BOUND_RESOURCE && kind != BOUND_LOCAL) {
            continue;
        }
        char key[2 * NAME_SIZE_MAX + 16];
        snprintf(key, sizeof key, "%s %u", link->destination.text, link->priority);
        uint32_t first = kind == BOUND_RESOURCE ? names_find(&seen, key) : NAMES_NONE;
        const char *kept = first == NAMES_NONE ? arena_keep(&binder->binding->arena, key) : NULL;
        if (first != NAMES_NONE) {
            problems_error(binder->problems, link->destination.line, "give one of them another priority (1 is the strongest)",
                           "two writers command '%s' with priority %u: '%s' at line %u and '%s'", link->destination.text,
                           link->priority, binder->policy->links[first].source.text, binder->policy->links[first].line,
                           link->source.text);
        } else if (kept != NULL) {
            (void)names_add(&seen, kept, i);
        }
        uint32_t resource = names_find(&binder->policy->resource_names, link->destination.text);
        if (resource == NAMES_NONE || binder->policy->resources[resource].safe.cbor.size == 0) {
            char remedy[256];
            snprintf(remedy, sizeof remedy, "add under `resources`: %.80s: {safe: VALUE}", link->destination.text);
            problems_error(binder->problems, link->destination.line, remedy,
                           "the actuator '%s' has no safe value for when no command lives", link->destination.text);
        }
    }
    names_free(&seen);
}

// Inputs that are told outcomes are fed by that, and should be fed by nothing else. `feeds`: 1 + link by task and input.
static void check_confirmed(struct binder *binder, uint32_t *feeds) {
    for (uint32_t i = 0; i < binder->policy->link_count; i++) {
        const struct policy_link *link = &binder->policy->links[i];
        const struct bound_link *bound = &binder->binding->links[i];
        if (bound->confirm == 0) {
            continue;
        }
        uint32_t *feed = &feeds[(size_t)bound->source.index * PORTS_MAX + bound->confirm - 1];
        const struct policy_link *first = *feed != 0 ? &binder->policy->links[*feed - 1] : NULL;
        if (first != NULL && first->confirm.text == NULL) {
            problems_warning(binder->problems, link->confirm.line, "use an input of its own for outcomes",
                             "'%s' also feeds the input '%s', which cannot tell it from an outcome", first->source.text,
                             link->confirm.text);
        }
        *feed = *feed != 0 ? *feed : i + 1;
    }
}

void binder_check_inputs(struct binder *binder) {
    const struct policy *policy = binder->policy;
    uint32_t *feeds = calloc((size_t)policy->task_count * PORTS_MAX + 1, sizeof *feeds);
    if (feeds == NULL) {
        return;
    }
    for (uint32_t i = 0; i < policy->link_count; i++) {
        const struct bound_end *end = &binder->binding->links[i].destination;
        const struct policy_link *link = &policy->links[i];
        if (end->kind != BOUND_TASK) {
            continue;
        }
        uint32_t *feed = &feeds[(size_t)end->index * PORTS_MAX + end->port];
        if (*feed != 0 && link->delivery == DELIVERY_MEASUREMENT && policy->links[*feed - 1].delivery == DELIVERY_MEASUREMENT) {
            problems_warning(binder->problems, link->destination.line, "use one source, or a component with an input for each",
                             "'%s' is fed by two measurements, '%s' and '%s', and cannot tell them apart",
                             link->destination.text, policy->links[*feed - 1].source.text, link->source.text);
        }
        *feed = i + 1;
    }
    check_confirmed(binder, feeds);
    for (uint32_t task = 0; task < policy->task_count; task++) {
        const struct component *component = binder->binding->components[task];
        for (uint32_t port = 0; component != NULL && port < component->manifest.input_count; port++) {
            // Tasks of one line are neighbours; what `each` repeats is said once.
            bool said = task > 0 && policy->tasks[task - 1].line == policy->tasks[task].line &&
                        feeds[(size_t)(task - 1) * PORTS_MAX + port] == 0;
            if (!said && feeds[(size_t)task * PORTS_MAX + port] == 0 && !component->manifest.inputs[port].parameter &&
                binder->nodes_known) {
                problems_warning(binder->problems, policy->tasks[task].line, "connect a channel to it if the task needs it",
                                 "nothing feeds the input '%s.%s'", policy->tasks[task].name,
                                 component->manifest.inputs[port].name);
            }
        }
    }
    free(feeds);
}
