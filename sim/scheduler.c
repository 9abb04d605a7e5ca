#include "sim/scheduler.h"

#include <stdlib.h>

#include "core/assert.h"
#include "sim/grow.h"

static bool before(const struct occasion *a, const struct occasion *b) {
    return a->time_us != b->time_us ? a->time_us < b->time_us : a->order < b->order;
}

void scheduler_plan(struct scheduler *scheduler, struct occasion occasion) {
    if (scheduler->count == scheduler->room) {
        scheduler->room = scheduler->room == 0 ? 256 : scheduler->room * 2;
        scheduler->heap = grow(scheduler->heap, scheduler->room, sizeof *scheduler->heap);
    }
    occasion.order = scheduler->order++;
    uint32_t at = scheduler->count++;
    while (at > 0 && before(&occasion, &scheduler->heap[(at - 1) / 2])) {
        scheduler->heap[at] = scheduler->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    scheduler->heap[at] = occasion;
}

bool scheduler_next(struct scheduler *scheduler, struct occasion *out) {
    if (scheduler->count == 0) {
        return false;
    }
    *out = scheduler->heap[0];
    struct occasion last = scheduler->heap[--scheduler->count];
    uint32_t at = 0;
    for (uint32_t child = 1; child < scheduler->count; child = 2 * at + 1) {
        if (child + 1 < scheduler->count && before(&scheduler->heap[child + 1], &scheduler->heap[child])) {
            child++;
        }
        if (before(&last, &scheduler->heap[child])) {
            break;
        }
        scheduler->heap[at] = scheduler->heap[child];
        at = child;
    }
    scheduler->heap[at] = last;
    return true;
}

void scheduler_free(struct scheduler *scheduler, void (*visit)(void *context, const struct occasion *occasion), void *context) {
    for (uint32_t i = 0; i < scheduler->count; i++) {
        visit(context, &scheduler->heap[i]);
    }
    free(scheduler->heap);
    *scheduler = (struct scheduler){0};
}
