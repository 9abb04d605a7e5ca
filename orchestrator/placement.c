// Greedy placement with costs; see placement.h for the method and its limits.
#include "orchestrator/placement.h"

#include <stdio.h>
#include <stdlib.h>

// Weights, each larger than everything below it together: a missed `near`, a move, up to 49 links to other nodes, memory in use
// (0 to 999 thousandths).
#define COST_NEAR 100000000ULL
#define COST_MOVE 100000ULL
#define COST_LINK 1000ULL
#define LINKS_COUNTED 49U
// A chain of `near` longer than this is followed in part.
#define LEVELS_MAX 16

struct usage {
    uint64_t memory_bytes;
    uint32_t tasks;
};

struct work {
    const struct placement_task *tasks;
    uint32_t task_count;
    const struct placement_node *nodes;
    uint32_t node_count;
    struct placement_result *results;
    struct usage *usage; // by node
    uint32_t *suitable;  // by task: how many nodes meet its own constraints
    uint32_t *order;
    uint32_t *levels; // by task: 0, or one more than the highest task that it wants to be near
    bool apart_used;  // any task has `apart`
};

static bool has_capability(const struct registration *registration, const char *name) {
    for (uint32_t i = 0; i < registration->capability_count; i++) {
        if (strcmp(registration->capabilities[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_resource(const struct registration *registration, const char *name) {
    for (uint32_t i = 0; i < registration->resource_count; i++) {
        if (strcmp(registration->resources[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

// The first hard constraint of the task itself that the node does not meet, in words; false when it meets them all.
static bool unsuited(const struct placement_task *task, const struct placement_node *node, char *why, size_t size) {
    const struct registration *registration = node->registration;
    if (task->on != NULL && strcmp(task->on, registration->node) != 0) {
        snprintf(why, size, "is not '%s'", task->on);
        return true;
    }
    if (registration->engine[0] == '\0' || registration->task_max == 0) {
        snprintf(why, size, "runs no components");
        return true;
    }
    for (uint32_t i = 0; task->requires != NULL && i < task->requires->count; i++) {
        if (!has_capability(registration, task->requires->items[i].text)) {
            snprintf(why, size, "lacks the capability '%s'", task->requires->items[i].text);
            return true;
        }
    }
    for (uint32_t i = 0; i < task->local_count; i++) {
        if (!has_resource(registration, task->local[i])) {
            snprintf(why, size, "lacks the resource '%s'", task->local[i]);
            return true;
        }
    }
    if (task->memory_bytes > registration->memory_total_bytes) {
        snprintf(why, size, "has %llu bytes of memory, %llu are needed", (unsigned long long)registration->memory_total_bytes,
                 (unsigned long long)task->memory_bytes);
        return true;
    }
    if (registration->module_bytes_max > 0 && task->module_bytes > registration->module_bytes_max) {
        snprintf(why, size, "takes modules of up to %u bytes, this one has %u", registration->module_bytes_max,
                 task->module_bytes);
        return true;
    }
    return false;
}

bool placement_suits(const struct placement_task *task, const struct placement_node *node) {
    char why[96];
    return !unsuited(task, node, why, sizeof why);
}

static bool lists_apart(const struct placement_task *task, uint32_t other) {
    for (uint32_t i = 0; i < task->apart_count; i++) {
        if (task->apart[i] == other) {
            return true;
        }
    }
    return false;
}

// A task on the node that must be apart from this one, or PLACEMENT_NONE.
static uint32_t apart_conflict(const struct work *work, uint32_t task, uint32_t node) {
    for (uint32_t i = 0; i < work->tasks[task].apart_count; i++) {
        uint32_t other = work->tasks[task].apart[i];
        if (other != task && work->results[other].node == node) {
            return other;
        }
    }
    for (uint32_t other = 0; work->apart_used && other < work->task_count; other++) {
        if (work->tasks[other].apart_count > 0 && work->results[other].node == node && other != task &&
            lists_apart(&work->tasks[other], task)) {
            return other;
        }
    }
    return PLACEMENT_NONE;
}

static bool has_room(const struct work *work, uint32_t task, uint32_t node) {
    const struct registration *registration = work->nodes[node].registration;
    return work->usage[node].tasks < registration->task_max &&
           work->usage[node].memory_bytes + work->tasks[task].memory_bytes <= registration->memory_total_bytes;
}

static bool fits(const struct work *work, uint32_t task, uint32_t node) {
    bool open = work->nodes[node].alive && (!work->nodes[node].doubtful || work->tasks[task].current == node);
    return open && has_room(work, task, node) && placement_suits(&work->tasks[task], &work->nodes[node]) &&
           apart_conflict(work, task, node) == PLACEMENT_NONE;
}

// How many of the neighbours whose place is known are on another node.
static uint32_t elsewhere(const struct work *work, const struct placement_neighbour *neighbours, uint32_t count,
                          uint32_t node) {
    uint32_t missed = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = neighbours[i].task ? work->results[neighbours[i].index].node : neighbours[i].index;
        missed += place != PLACEMENT_NONE && place != node ? 1 : 0;
    }
    return missed;
}

static uint64_t cost(const struct work *work, uint32_t task, uint32_t node) {
    const struct placement_task *subject = &work->tasks[task];
    uint32_t links = elsewhere(work, subject->neighbours, subject->neighbour_count, node);
    uint64_t total = work->nodes[node].registration->memory_total_bytes;
    uint64_t used = work->usage[node].memory_bytes + subject->memory_bytes;
    uint64_t value = COST_NEAR * elsewhere(work, subject->near, subject->near_count, node);
    value += subject->current != PLACEMENT_NONE && subject->current != node ? COST_MOVE : 0;
    value += COST_LINK * (links < LINKS_COUNTED ? links : LINKS_COUNTED);
    return value + (total > 0 ? used * 999 / total : 999);
}

static void put(struct work *work, uint32_t task, uint32_t node) {
    work->results[task].node = node;
    work->results[task].reason[0] = '\0';
    work->usage[node].memory_bytes += work->tasks[task].memory_bytes;
    work->usage[node].tasks++;
}

static void take(struct work *work, uint32_t task) {
    uint32_t node = work->results[task].node;
    work->usage[node].memory_bytes -= work->tasks[task].memory_bytes;
    work->usage[node].tasks--;
    work->results[task].node = PLACEMENT_NONE;
}

static uint32_t cheapest(const struct work *work, uint32_t task, uint32_t except) {
    uint32_t best = PLACEMENT_NONE;
    uint64_t best_cost = UINT64_MAX;
    for (uint32_t node = 0; node < work->node_count; node++) {
        if (node != except && fits(work, task, node)) {
            uint64_t value = cost(work, task, node);
            if (value < best_cost) {
                best = node;
                best_cost = value;
            }
        }
    }
    return best;
}

// The task's nodes are full: lets one task that fits elsewhere make room.
static bool push_aside(struct work *work, uint32_t task) {
    for (uint32_t node = 0; node < work->node_count; node++) {
        bool wanted =
            work->nodes[node].alive && !work->nodes[node].doubtful && placement_suits(&work->tasks[task], &work->nodes[node]);
        for (uint32_t other = 0; wanted && other < work->task_count; other++) {
            if (work->results[other].node != node) {
                continue;
            }
            take(work, other);
            uint32_t refuge = fits(work, task, node) ? cheapest(work, other, node) : PLACEMENT_NONE;
            if (refuge != PLACEMENT_NONE) {
                put(work, other, refuge);
                put(work, task, node);
                return true;
            }
            put(work, other, node);
        }
    }
    return false;
}

// What does not fit, and by how much.
static void explain_full(const struct work *work, uint32_t task, uint32_t node, char *why, size_t size) {
    const struct registration *registration = work->nodes[node].registration;
    uint64_t used = work->usage[node].memory_bytes;
    uint64_t left = used < registration->memory_total_bytes ? registration->memory_total_bytes - used : 0;
    if (work->usage[node].tasks >= registration->task_max) {
        snprintf(why, size, "is full: it runs %u tasks at most", registration->task_max);
    } else if (left >= work->tasks[task].memory_bytes) {
        snprintf(why, size, "is full");
    } else {
        snprintf(why, size, "is full: %llu bytes of memory are needed, %llu too many",
                 (unsigned long long)work->tasks[task].memory_bytes,
                 (unsigned long long)(work->tasks[task].memory_bytes - left));
    }
}

static void explain(const struct work *work, uint32_t task, char *out) {
    size_t used = (size_t)snprintf(out, PLACEMENT_REASON_SIZE, "no node fits:");
    for (uint32_t node = 0; node < work->node_count && used < PLACEMENT_REASON_SIZE - 1; node++) {
        char why[128];
        if (!unsuited(&work->tasks[task], &work->nodes[node], why, sizeof why)) {
            uint32_t other = apart_conflict(work, task, node);
            if (!work->nodes[node].alive) {
                snprintf(why, sizeof why, "is dead");
            } else if (work->nodes[node].doubtful) {
                snprintf(why, sizeof why, "was not heard of yet");
            } else if (other != PLACEMENT_NONE) {
                snprintf(why, sizeof why, "runs '%s', from which it must be apart", work->tasks[other].name);
            } else {
                explain_full(work, task, node, why, sizeof why);
            }
        }
        int written = snprintf(out + used, PLACEMENT_REASON_SIZE - used, "%s %s %s", node == 0 ? "" : ",",
                               work->nodes[node].registration->node, why);
        used += written > 0 ? (size_t)written : 0;
    }
    if (work->node_count == 0) {
        snprintf(out, PLACEMENT_REASON_SIZE, "no node has registered");
    }
}

static bool keeps_place(const struct work *work, uint32_t task) {
    uint32_t current = work->tasks[task].current;
    return current != PLACEMENT_NONE && work->nodes[current].alive &&
           placement_suits(&work->tasks[task], &work->nodes[current]);
}

// Who is named by a `near` must be placed before the one that names it, or the next run would move the follower. Circles end at
// LEVELS_MAX.
static void find_levels(struct work *work) {
    bool changed = true;
    for (uint32_t round = 0; round < LEVELS_MAX && changed; round++) {
        changed = false;
        for (uint32_t task = 0; task < work->task_count; task++) {
            for (uint32_t i = 0; i < work->tasks[task].near_count; i++) {
                const struct placement_neighbour *near = &work->tasks[task].near[i];
                if (near->task && near->index != task && work->levels[task] <= work->levels[near->index]) {
                    work->levels[task] = work->levels[near->index] + 1;
                    changed = true;
                }
            }
        }
    }
}

// Order of placing: who is followed, then who keeps a place, then who has the fewest nodes to choose from, then the largest,
// then by number.
static bool goes_before(const struct work *work, uint32_t a, uint32_t b) {
    if (work->levels[a] != work->levels[b]) {
        return work->levels[a] < work->levels[b];
    }
    bool a_keeps = keeps_place(work, a);
    bool b_keeps = keeps_place(work, b);
    if (a_keeps != b_keeps) {
        return a_keeps;
    }
    if (work->suitable[a] != work->suitable[b]) {
        return work->suitable[a] < work->suitable[b];
    }
    if (work->tasks[a].memory_bytes != work->tasks[b].memory_bytes) {
        return work->tasks[a].memory_bytes > work->tasks[b].memory_bytes;
    }
    return a < b;
}

// Heap sort: qsort has no argument for the context.
static void sift(const struct work *work, uint32_t root, uint32_t count) {
    while (2 * root + 1 < count) {
        uint32_t child = 2 * root + 1;
        if (child + 1 < count && goes_before(work, work->order[child], work->order[child + 1])) {
            child++;
        }
        if (!goes_before(work, work->order[root], work->order[child])) {
            return;
        }
        uint32_t swap = work->order[root];
        work->order[root] = work->order[child];
        work->order[child] = swap;
        root = child;
    }
}

static void sort(struct work *work) {
    for (uint32_t i = 0; i < work->task_count; i++) {
        work->order[i] = i;
    }
    for (uint32_t i = work->task_count / 2; i-- > 0;) {
        sift(work, i, work->task_count);
    }
    for (uint32_t end = work->task_count; end-- > 1;) {
        uint32_t swap = work->order[0];
        work->order[0] = work->order[end];
        work->order[end] = swap;
        sift(work, 0, end);
    }
}

static void place_all(struct work *work) {
    for (uint32_t task = 0; task < work->task_count; task++) {
        work->results[task].node = PLACEMENT_NONE;
        work->apart_used = work->apart_used || work->tasks[task].apart_count > 0;
        for (uint32_t node = 0; node < work->node_count; node++) {
            work->suitable[task] += placement_suits(&work->tasks[task], &work->nodes[node]) ? 1 : 0;
        }
    }
    find_levels(work);
    sort(work);
    for (uint32_t i = 0; i < work->task_count; i++) {
        uint32_t task = work->order[i];
        uint32_t node = cheapest(work, task, PLACEMENT_NONE);
        if (node != PLACEMENT_NONE) {
            put(work, task, node);
        } else if (!push_aside(work, task)) {
            explain(work, task, work->results[task].reason);
        }
    }
}

enum error placement_make(const struct placement_task *tasks, uint32_t task_count, const struct placement_node *nodes,
                          uint32_t node_count, struct placement_result *results) {
    struct work work = {.tasks = tasks, .task_count = task_count, .nodes = nodes, .node_count = node_count, .results = results};
    work.usage = calloc(node_count + 1, sizeof *work.usage);
    work.suitable = calloc(task_count + 1, sizeof *work.suitable);
    work.order = calloc(task_count + 1, sizeof *work.order);
    work.levels = calloc(task_count + 1, sizeof *work.levels);
    enum error error = ERROR_MEMORY;
    if (work.usage != NULL && work.suitable != NULL && work.order != NULL && work.levels != NULL) {
        place_all(&work);
        error = ERROR_NONE;
    }
    free(work.usage);
    free(work.suitable);
    free(work.order);
    free(work.levels);
    return error;
}
