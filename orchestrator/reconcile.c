// From policy and fleet to slices: a draft is made beside what stands, stored in one batch, and only then adopted.
//
// A slice gets a new revision only when its content changed, so that a node is left in peace by what does not concern it. The
// epoch of a task or a resource rises when its node changes, and when another device (another identity) has taken the node's
// name: a fresh device counts its messages from the beginning, and receivers would take them for ones that they had. Both are
// found by comparing the records in the store with the fleet, so that a crash between a registration and its plan loses
// nothing. A task that fits nowhere else keeps its dead node in the plan, because that may
// come back, and is reported as waiting.
#include <stdio.h>
#include <stdlib.h>

#include "orchestrator/orchestrator_private.h"

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
    struct link_state *links;
    uint32_t link_last;
    struct names new_links;
    struct names resource_epochs; // by planner_resource_key
    struct record *resources;     // the ones whose record changes
    uint32_t resource_count;
    uint32_t resource_room;
    struct arena texts; // behind the keys of both
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
    draft->links = calloc(orchestrator->policy->link_count + 1, sizeof *draft->links);
    draft->problems = calloc(1, sizeof *draft->problems);
    bool good = draft->nodes != NULL && draft->addresses != NULL && draft->slices != NULL && draft->results != NULL &&
                draft->states != NULL && draft->places != NULL && draft->epochs != NULL && draft->moves != NULL &&
                draft->link_ids != NULL && draft->links != NULL && draft->problems != NULL;
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
    names_free(&draft->resource_epochs);
    arena_free(&draft->texts);
    free(draft->resources);
    free(draft->nodes);
    free(draft->addresses);
    free(draft->slices);
    free(draft->results);
    free(draft->states);
    free(draft->places);
    free(draft->epochs);
    free(draft->moves);
    free(draft->link_ids);
    free(draft->links);
    free(draft->problems);
}

static void note_move(struct draft *draft, uint32_t task, const struct record *record) {
    struct orchestrator *orchestrator = draft->orchestrator;
    uint32_t from = PLACEMENT_NONE;
    const struct fleet_node *node = fleet_find(orchestrator, record->node, &from);
    struct move *move = &draft->moves[draft->move_count++];
    move->number = orchestrator->move_last + draft->move_count;
    snprintf(move->task, sizeof move->task, "%.*s", NAME_SIZE_MAX - 1, record->name);
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
        const struct record *record = record_find(&orchestrator->task_records, policy->tasks[i].name);
        if (record != NULL && record->node[0] != '\0') {
            (void)fleet_find(orchestrator, record->node, &draft->binding.tasks[i].current);
        }
    }
    enum error error =
        placement_make(draft->binding.tasks, policy->task_count, draft->nodes, orchestrator->node_count, draft->results);
    for (uint32_t i = 0; i < policy->task_count && error == ERROR_NONE; i++) {
        const struct record *record = record_find(&orchestrator->task_records, policy->tasks[i].name);
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
        } else if (state->node != PLACEMENT_NONE && record_is_replaced(record, orchestrator->nodes[current])) {
            state->epoch++;
        }
        draft->epochs[i] = state->epoch;
    }
    return error;
}

static struct planner_input planner_input_of(const struct draft *draft, uint64_t revision) {
    return (struct planner_input){&draft->binding,         revision,        draft->places,   draft->epochs,
                                  &draft->resource_epochs, draft->link_ids, draft->addresses};
}

static struct record *new_resource(struct draft *draft) {
    if (draft->resource_count == draft->resource_room) {
        uint32_t room = draft->resource_room == 0 ? 64 : draft->resource_room * 2;
        struct record *resources = realloc(draft->resources, room * sizeof *resources);
        if (resources == NULL) {
            return NULL;
        }
        draft->resources = resources;
        draft->resource_room = room;
    }
    struct record *record = &draft->resources[draft->resource_count++];
    *record = (struct record){.epoch = 0};
    return record;
}

// One resource of the plan: its epoch, and its record when that changes. False without memory.
static bool draft_resource(void *context, const char *name, uint32_t index) {
    struct draft *draft = context;
    const struct fleet_node *node = draft->orchestrator->nodes[index];
    char buffer[PLANNER_RESOURCE_KEY_SIZE];
    const char *key = planner_resource_key(name, node->registration.node, buffer);
    if (names_find(&draft->resource_epochs, key) != NAMES_NONE) {
        return true;
    }
    const struct record *known = record_find(&draft->orchestrator->resource_records, key);
    bool elsewhere = known == NULL || strcmp(known->node, node->registration.node) != 0;
    uint32_t epoch = known != NULL ? known->epoch : 0;
    epoch += elsewhere || record_is_replaced(known, node) ? 1 : 0;
    if (elsewhere || known->epoch != epoch || known->identity != node->registration.identity) {
        struct record *record = new_resource(draft);
        if (record == NULL) {
            return false;
        }
        snprintf(record->name, sizeof record->name, "%s", key);
        memcpy(record->node, node->registration.node, sizeof record->node);
        record->identity = node->registration.identity;
        record->epoch = epoch;
    }
    const char *kept = key == buffer ? arena_keep(&draft->texts, key) : key;
    return kept != NULL && names_add(&draft->resource_epochs, kept, epoch);
}

static enum error draft_resources(struct draft *draft) {
    struct planner_input input = planner_input_of(draft, 0);
    return planner_each_resource(&input, draft_resource, draft) ? ERROR_NONE : ERROR_MEMORY;
}

static enum error draft_links(struct draft *draft) {
    struct orchestrator *orchestrator = draft->orchestrator;
    struct planner_input input = planner_input_of(draft, 0);
    draft->link_last = orchestrator->link_last;
    for (uint32_t i = 0; i < orchestrator->policy->link_count; i++) {
        char key[2200];
        planner_link_key(&orchestrator->policy->links[i], key, sizeof key);
        uint32_t id = names_find(&orchestrator->links, key);
        if (id == NAMES_NONE) {
            id = ++draft->link_last;
            const char *kept = arena_keep(&draft->texts, key);
            if (kept == NULL || !names_add(&draft->new_links, kept, id)) {
                return ERROR_MEMORY;
            }
        }
        draft->link_ids[i] = draft->links[i].id = id;
        planner_link_nodes(&input, i, &draft->links[i].source, &draft->links[i].destination);
    }
    return ERROR_NONE;
}

static enum error encode(struct draft *draft, uint32_t node, uint64_t revision, struct buffer buffer, size_t *size) {
    struct planner_input input = planner_input_of(draft, revision);
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
    const struct record_table *tasks = &orchestrator->task_records;
    enum error error = ERROR_NONE;
    for (uint32_t i = 0; i < orchestrator->policy->task_count && error == ERROR_NONE; i++) {
        struct record record = {.epoch = draft->states[i].epoch};
        const struct record *known = record_find(tasks, orchestrator->policy->tasks[i].name);
        snprintf(record.name, sizeof record.name, "%s", orchestrator->policy->tasks[i].name);
        if (draft->states[i].node != PLACEMENT_NONE) {
            const struct registration *registration = &orchestrator->nodes[draft->states[i].node]->registration;
            memcpy(record.node, registration->node, sizeof record.node);
            record.identity = registration->identity;
        }
        if (known == NULL || known->epoch != record.epoch || known->identity != record.identity ||
            strcmp(known->node, record.node) != 0) {
            error = store_record(orchestrator, tasks, &record);
        }
    }
    for (uint32_t i = 0; i < tasks->count && error == ERROR_NONE; i++) {
        struct record record = *tasks->items[i];
        if (record.node[0] != '\0' && names_find(&orchestrator->policy->task_names, record.name) == NAMES_NONE) {
            record.node[0] = '\0';
            error = store_record(orchestrator, tasks, &record);
        }
    }
    for (uint32_t i = 0; i < draft->resource_count && error == ERROR_NONE; i++) {
        error = store_record(orchestrator, &orchestrator->resource_records, &draft->resources[i]);
    }
    return error;
}

static enum error store_all(struct draft *draft) {
    struct orchestrator *orchestrator = draft->orchestrator;
    enum error error = store_records(draft);
    error = error == ERROR_NONE ? store_links(draft) : error;
    for (uint32_t i = 0; i < orchestrator->node_count && error == ERROR_NONE; i++) {
        if (orchestrator->nodes[i]->unstored) {
            error = store_node(orchestrator, orchestrator->nodes[i]);
        }
        if (error == ERROR_NONE && draft->slices[i].size > 0) {
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

static const char another_device[] = "another device took the role";

static void log_epoch(struct draft *draft, const char *what, const char *name, const struct record *before,
                      const struct record *after) {
    bool here = strcmp(before->node, after->node) == 0;
    if (here) {
        orchestrator_log(draft->orchestrator, "%s %s: epoch %u on %s, %s", what, name, after->epoch, after->node,
                         another_device);
    } else {
        orchestrator_log(draft->orchestrator, "%s %s: %s%s%s (epoch %u, %s)", what, name, before->node,
                         before->node[0] != '\0' ? " -> " : "on ", after->node, after->epoch, draft->reason);
    }
}

static enum error adopt_tasks(struct draft *draft) {
    struct orchestrator *orchestrator = draft->orchestrator;
    for (uint32_t i = 0; i < orchestrator->task_records.count; i++) {
        struct record *record = orchestrator->task_records.items[i];
        if (names_find(&orchestrator->policy->task_names, record->name) == NAMES_NONE) {
            record->node[0] = '\0';
        }
    }
    for (uint32_t i = 0; i < orchestrator->policy->task_count; i++) {
        const struct task_state *state = &draft->states[i];
        struct record *record = record_add(&orchestrator->task_records, orchestrator->policy->tasks[i].name);
        if (record == NULL) {
            return ERROR_MEMORY;
        }
        struct record before = *record;
        const struct registration *node =
            state->node != PLACEMENT_NONE ? &orchestrator->nodes[state->node]->registration : NULL;
        snprintf(record->node, sizeof record->node, "%s", node != NULL ? node->node : "");
        record->identity = node != NULL ? node->identity : 0;
        record->epoch = state->epoch;
        if (node != NULL && record->epoch != before.epoch) {
            log_epoch(draft, "task", record->name, &before, record);
        }
    }
    return ERROR_NONE;
}

static enum error adopt_resources(struct draft *draft) {
    for (uint32_t i = 0; i < draft->resource_count; i++) {
        struct record *record = record_add(&draft->orchestrator->resource_records, draft->resources[i].name);
        if (record == NULL) {
            return ERROR_MEMORY;
        }
        struct record before = *record;
        *record = draft->resources[i];
        if (before.epoch != 0 && record->epoch != before.epoch) {
            log_epoch(draft, "resource", record->name, &before, record);
        }
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
            send_replaced(orchestrator, i);
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
    for (uint32_t i = 0; i < orchestrator->node_count; i++) {
        orchestrator->nodes[i]->unstored = false;
    }
    enum error error = adopt_tasks(draft);
    error = error == ERROR_NONE ? adopt_resources(draft) : error;
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
    free(orchestrator->links_planned);
    orchestrator->links_planned = draft->links;
    draft->links = NULL;
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
    error = error == ERROR_NONE ? draft_resources(&draft) : error;
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
