// From policy and fleet to slices: a draft is made beside what stands, stored in one batch, and only then adopted.
//
// A slice gets a new revision only when its content changed, so that a node is left in peace by what does not concern it. The
// epoch of a task rises when its node changes. A task that fits nowhere else keeps its dead node in the plan, because that may
// come back, and is reported as waiting.
#include <stdio.h>
#include <stdlib.h>

#include "orchestrator/orchestrator_private.h"
#include "orchestrator/planner.h"

struct draft {
    struct orchestrator *orchestrator;
    const char *reason;
    struct placement_node *nodes;
    struct coap_address *addresses;
    struct binding binding;
    bool bound;
    struct placement_result *results;
    struct task_state *states;
    uint32_t *places;
    uint32_t *epochs;
    uint32_t *link_ids;
    uint32_t link_last;
    struct names new_links;
    struct arena link_texts;
    uint64_t revision;
    struct bytes *slices; // by node; size 0: as before
    struct move *moves;
    uint32_t move_count;
    struct problems *problems;
};

static enum error draft_allocate(struct draft *draft) {
    struct orchestrator *orchestrator = draft->orchestrator;
    uint32_t tasks = orchestrator->policy->task_count;
    draft->nodes = calloc(orchestrator->node_count + 1, sizeof *draft->nodes);
    draft->addresses = calloc(orchestrator->node_count + 1, sizeof *draft->addresses);
    draft->slices = calloc(orchestrator->node_count + 1, sizeof *draft->slices);
    draft->results = calloc(tasks + 1, sizeof *draft->results);
    draft->states = calloc(tasks + 1, sizeof *draft->states);
    draft->places = calloc(tasks + 1, sizeof *draft->places);
    draft->epochs = calloc(tasks + 1, sizeof *draft->epochs);
    draft->moves = calloc(tasks + 1, sizeof *draft->moves);
    draft->link_ids = calloc(orchestrator->policy->link_count + 1, sizeof *draft->link_ids);
    draft->problems = calloc(1, sizeof *draft->problems);
    bool good = draft->nodes != NULL && draft->addresses != NULL && draft->slices != NULL && draft->results != NULL &&
                draft->states != NULL && draft->places != NULL && draft->epochs != NULL && draft->moves != NULL &&
                draft->link_ids != NULL && draft->problems != NULL;
    for (uint32_t i = 0; i < orchestrator->node_count && good; i++) {
        draft->nodes[i] = fleet_placement(orchestrator->nodes[i]);
        draft->addresses[i] = orchestrator->nodes[i]->address;
    }
    return good ? ERROR_NONE : ERROR_MEMORY;
}

static void draft_free(struct draft *draft) {
    for (uint32_t i = 0; draft->slices != NULL && i < draft->orchestrator->node_count; i++) {
        free((void *)(uintptr_t)draft->slices[i].data);
    }
    if (draft->bound) {
        binding_free(&draft->binding);
    }
    names_free(&draft->new_links);
    arena_free(&draft->link_texts);
    free(draft->nodes);
    free(draft->addresses);
    free(draft->slices);
    free(draft->results);
    free(draft->states);
    free(draft->places);
    free(draft->epochs);
    free(draft->moves);
    free(draft->link_ids);
    free(draft->problems);
}

static void note_move(struct draft *draft, uint32_t task, const struct task_record *record) {
    struct orchestrator *orchestrator = draft->orchestrator;
    uint32_t from = PLACEMENT_NONE;
    const struct fleet_node *node = fleet_find(orchestrator, record->node, &from);
    struct move *move = &draft->moves[draft->move_count++];
    move->number = orchestrator->move_last + draft->move_count;
    memcpy(move->task, record->name, sizeof move->task);
    memcpy(move->from, record->node, sizeof move->from);
    memcpy(move->to, orchestrator->nodes[draft->places[task]]->registration.node, sizeof move->to);
    snprintf(move->reason, sizeof move->reason, "%s", draft->reason);
    move->time_unix_ms = orchestrator->moment.unix_ms;
    move->seen_unix_ms = node != NULL ? node->seen_unix_ms : orchestrator->moment.unix_ms;
    move->gap_ms = -1;
}

// Where each task goes, with its epoch.
static enum error draft_places(struct draft *draft) {
    struct orchestrator *orchestrator = draft->orchestrator;
    const struct policy *policy = orchestrator->policy;
    for (uint32_t i = 0; i < policy->task_count; i++) {
        const struct task_record *record = record_find(orchestrator, policy->tasks[i].name);
        if (record != NULL && record->node[0] != '\0') {
            (void)fleet_find(orchestrator, record->node, &draft->binding.tasks[i].current);
        }
    }
    enum error error =
        placement_make(draft->binding.tasks, policy->task_count, draft->nodes, orchestrator->node_count, draft->results);
    for (uint32_t i = 0; i < policy->task_count && error == ERROR_NONE; i++) {
        const struct task_record *record = record_find(orchestrator, policy->tasks[i].name);
        struct task_state *state = &draft->states[i];
        uint32_t current = draft->binding.tasks[i].current;
        bool returns = current != PLACEMENT_NONE && !draft->nodes[current].alive &&
                       placement_suits(&draft->binding.tasks[i], &draft->nodes[current]);
        state->node = draft->results[i].node != PLACEMENT_NONE ? draft->results[i].node : (returns ? current : PLACEMENT_NONE);
        state->waiting = draft->results[i].node == PLACEMENT_NONE;
        memcpy(state->reason, draft->results[i].reason, sizeof state->reason);
        if (draft->binding.components[i] == NULL) {
            state->node = PLACEMENT_NONE;
            state->waiting = true;
            snprintf(state->reason, sizeof state->reason, "its component is not here; apply the policy again");
        }
        state->epoch = record != NULL ? record->epoch : 0;
        draft->places[i] = state->node;
        if (state->node != PLACEMENT_NONE && state->node != current) {
            state->epoch++;
            if (record != NULL && record->node[0] != '\0') {
                note_move(draft, i, record);
            }
        }
        draft->epochs[i] = state->epoch;
    }
    return error;
}

static enum error draft_links(struct draft *draft) {
    struct orchestrator *orchestrator = draft->orchestrator;
    draft->link_last = orchestrator->link_last;
    for (uint32_t i = 0; i < orchestrator->policy->link_count; i++) {
        char key[2200];
        planner_link_key(&orchestrator->policy->links[i], key, sizeof key);
        uint32_t id = names_find(&orchestrator->links, key);
        if (id == NAMES_NONE) {
            id = ++draft->link_last;
            const char *kept = arena_keep(&draft->link_texts, key);
            if (kept == NULL || !names_add(&draft->new_links, kept, id)) {
                return ERROR_MEMORY;
            }
        }
        draft->link_ids[i] = id;
    }
    return ERROR_NONE;
}

static enum error encode(struct draft *draft, uint32_t node, uint64_t revision, struct buffer buffer, size_t *size) {
    struct planner_input input = {&draft->binding, revision, draft->places, draft->epochs, draft->link_ids, draft->addresses};
    enum error error = planner_slice(&input, node, buffer, size);
    if (error == ERROR_TOO_LARGE) {
        problems_error(draft->problems, 0, "spread its tasks over more nodes",
                       "the plan of the node '%s' is larger than %d bytes", draft->orchestrator->nodes[node]->registration.node,
                       BODY_SIZE_MAX);
        *size = 0;
        return ERROR_NONE;
    }
    return error;
}

// A node that holds a higher revision than we ever gave (the store was lost) must get a still higher one.
static uint64_t revision_floor(const struct orchestrator *orchestrator) {
    uint64_t floor = orchestrator->revision;
    for (uint32_t i = 0; i < orchestrator->node_count; i++) {
        const struct fleet_node *node = orchestrator->nodes[i];
        floor = node->held_revision > floor ? node->held_revision : floor;
    }
    return floor;
}

static enum error draft_slice(struct draft *draft, uint32_t index, uint8_t *memory) {
    const struct fleet_node *node = draft->orchestrator->nodes[index];
    size_t size = 0;
    struct buffer buffer = {memory, BODY_SIZE_MAX};
    enum error error = encode(draft, index, node->wanted_revision, buffer, &size);
    bool ahead = node->held_revision > node->wanted_revision;
    bool same = !ahead && bytes_equal((struct bytes){memory, size}, node->slice);
    if (error != ERROR_NONE || size == 0 || same) {
        return error;
    }
    error = encode(draft, index, draft->revision + 1, buffer, &size);
    uint8_t *copy = error == ERROR_NONE ? malloc(size) : NULL;
    if (copy == NULL) {
        return error != ERROR_NONE ? error : ERROR_MEMORY;
    }
    memcpy(copy, memory, size);
    draft->slices[index] = (struct bytes){copy, size};
    return ERROR_NONE;
}

static enum error draft_slices(struct draft *draft) {
    uint8_t *memory = malloc(BODY_SIZE_MAX);
    enum error error = memory != NULL ? ERROR_NONE : ERROR_MEMORY;
    bool changed = false;
    draft->revision = revision_floor(draft->orchestrator);
    for (uint32_t i = 0; i < draft->orchestrator->node_count && error == ERROR_NONE; i++) {
        error = draft_slice(draft, i, memory);
        changed = changed || draft->slices[i].size > 0;
    }
    draft->revision += changed ? 1 : 0;
    for (uint32_t i = 0; i < draft->move_count; i++) {
        draft->moves[i].revision = draft->revision;
    }
    free(memory);
    return error;
}

// --- storing -------------------------------------------------------------------------------------------------------------

static enum error store_links(struct draft *draft) {
    enum error error = ERROR_NONE;
    for (uint32_t i = 0; i < draft->new_links.size && error == ERROR_NONE; i++) {
        if (draft->new_links.keys[i] != NULL) {
            char key[2208];
            snprintf(key, sizeof key, "link/%s", draft->new_links.keys[i]);
            error = store_number(draft->orchestrator, key, draft->new_links.values[i]);
        }
    }
    return error;
}

static enum error store_records(struct draft *draft) {
    struct orchestrator *orchestrator = draft->orchestrator;
    enum error error = ERROR_NONE;
    for (uint32_t i = 0; i < orchestrator->policy->task_count && error == ERROR_NONE; i++) {
        struct task_record record = {.epoch = draft->states[i].epoch};
        const struct task_record *known = record_find(orchestrator, orchestrator->policy->tasks[i].name);
        snprintf(record.name, sizeof record.name, "%s", orchestrator->policy->tasks[i].name);
        if (draft->states[i].node != PLACEMENT_NONE) {
            memcpy(record.node, orchestrator->nodes[draft->states[i].node]->registration.node, sizeof record.node);
        }
        if (known == NULL || known->epoch != record.epoch || strcmp(known->node, record.node) != 0) {
            error = store_record(orchestrator, &record);
        }
    }
    for (uint32_t i = 0; i < orchestrator->record_count && error == ERROR_NONE; i++) {
        struct task_record record = *orchestrator->records[i];
        if (record.node[0] != '\0' && names_find(&orchestrator->policy->task_names, record.name) == NAMES_NONE) {
            record.node[0] = '\0';
            error = store_record(orchestrator, &record);
        }
    }
    return error;
}

static enum error store_all(struct draft *draft) {
    struct orchestrator *orchestrator = draft->orchestrator;
    enum error error = store_records(draft);
    error = error == ERROR_NONE ? store_links(draft) : error;
    for (uint32_t i = 0; i < orchestrator->node_count && error == ERROR_NONE; i++) {
        if (draft->slices[i].size > 0) {
            error = store_slice(orchestrator, orchestrator->nodes[i]->registration.node, draft->revision, draft->slices[i]);
        }
    }
    for (uint32_t i = 0; i < draft->move_count && error == ERROR_NONE; i++) {
        error = store_move(orchestrator, &draft->moves[i]);
    }
    if (error == ERROR_NONE && draft->revision != orchestrator->revision) {
        error = store_number(orchestrator, "revision", draft->revision);
    }
    return error;
}

// --- adopting ------------------------------------------------------------------------------------------------------------

static enum error adopt_records(struct draft *draft) {
    struct orchestrator *orchestrator = draft->orchestrator;
    for (uint32_t i = 0; i < orchestrator->record_count; i++) {
        if (names_find(&orchestrator->policy->task_names, orchestrator->records[i]->name) == NAMES_NONE) {
            orchestrator->records[i]->node[0] = '\0';
        }
    }
    for (uint32_t i = 0; i < orchestrator->policy->task_count; i++) {
        const char *name = orchestrator->policy->tasks[i].name;
        struct task_record *record = record_find(orchestrator, name);
        record = record != NULL ? record : record_add(orchestrator, name);
        if (record == NULL) {
            return ERROR_MEMORY;
        }
        const char *node =
            draft->states[i].node != PLACEMENT_NONE ? orchestrator->nodes[draft->states[i].node]->registration.node : "";
        if (strcmp(node, record->node) != 0 && node[0] != '\0') {
            orchestrator_log(orchestrator, "task %s: %s%s%s (epoch %u, %s)", name, record->node,
                             record->node[0] != '\0' ? " -> " : "on ", node, draft->states[i].epoch, draft->reason);
        }
        snprintf(record->node, sizeof record->node, "%s", node);
        record->epoch = draft->states[i].epoch;
    }
    return ERROR_NONE;
}

static void adopt_slices(struct draft *draft) {
    struct orchestrator *orchestrator = draft->orchestrator;
    for (uint32_t i = 0; i < orchestrator->node_count; i++) {
        if (draft->slices[i].size > 0) {
            struct fleet_node *node = orchestrator->nodes[i];
            free((void *)(uintptr_t)node->slice.data);
            node->slice = draft->slices[i];
            node->wanted_revision = draft->revision;
            node->retry_ms = 0;
            draft->slices[i] = (struct bytes){NULL, 0};
        }
    }
    orchestrator->revision = draft->revision;
}

static void adopt_moves(struct draft *draft) {
    struct orchestrator *orchestrator = draft->orchestrator;
    for (uint32_t i = 0; i < draft->move_count; i++) {
        if (orchestrator->move_count == MOVES_MAX) {
            memmove(orchestrator->moves, orchestrator->moves + 1, (MOVES_MAX - 1) * sizeof *orchestrator->moves);
            orchestrator->move_count--;
        }
        orchestrator->moves[orchestrator->move_count++] = draft->moves[i];
        orchestrator->move_last = draft->moves[i].number;
    }
}

static enum error adopt(struct draft *draft) {
    struct orchestrator *orchestrator = draft->orchestrator;
    for (uint32_t i = 0; i < draft->new_links.size; i++) {
        if (draft->new_links.keys[i] != NULL) {
            const char *kept = arena_keep(&orchestrator->link_texts, draft->new_links.keys[i]);
            if (kept == NULL || !names_add(&orchestrator->links, kept, draft->new_links.values[i])) {
                return ERROR_MEMORY;
            }
        }
    }
    orchestrator->link_last = draft->link_last;
    enum error error = adopt_records(draft);
    if (error != ERROR_NONE) {
        return error;
    }
    for (uint32_t i = 0; i < orchestrator->policy->task_count; i++) {
        const struct task_state *state = &draft->states[i];
        if (state->waiting && (orchestrator->states == NULL || !orchestrator->states[i].waiting)) {
            orchestrator_log(orchestrator, "task %s waits: %s", orchestrator->policy->tasks[i].name, state->reason);
        }
    }
    free(orchestrator->states);
    orchestrator->states = draft->states;
    draft->states = NULL;
    adopt_slices(draft);
    adopt_moves(draft);
    problems_sort(draft->problems);
    orchestrator->problems = *draft->problems;
    return ERROR_NONE;
}

static const struct component *find_pinned(void *context, const char *reference) {
    return component_pinned(context, reference);
}

enum error orchestrator_reconcile(struct orchestrator *orchestrator, const char *reason) {
    if (orchestrator->policy == NULL) {
        return ERROR_NONE;
    }
    struct draft draft = {.orchestrator = orchestrator, .reason = reason};
    enum error error = draft_allocate(&draft);
    if (error == ERROR_NONE) {
        error = binding_make(orchestrator->policy, &orchestrator->components, find_pinned, orchestrator, draft.nodes,
                             orchestrator->node_count, true, draft.problems, &draft.binding);
        draft.bound = error == ERROR_NONE;
    }
    error = error == ERROR_NONE ? draft_places(&draft) : error;
    error = error == ERROR_NONE ? draft_links(&draft) : error;
    error = error == ERROR_NONE ? draft_slices(&draft) : error;
    if (error == ERROR_NONE) {
        error = store_begin(orchestrator->store);
        if (error == ERROR_NONE) {
            error = store_all(&draft);
            if (error == ERROR_NONE) {
                error = store_commit(orchestrator->store);
            } else {
                store_rollback(orchestrator->store);
            }
        }
    }
    error = error == ERROR_NONE ? adopt(&draft) : error;
    draft_free(&draft);
    return error;
}
