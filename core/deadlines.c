#include "core/deadlines.h"

#include "core/assert.h"

void deadlines_start(struct deadlines *deadlines) {
    deadlines->count = 0;
    memset(deadlines->places, 0, deadlines->max * sizeof deadlines->places[0]);
}

static void put(struct deadlines *deadlines, uint32_t index, struct deadline deadline) {
    deadlines->heap[index] = deadline;
    deadlines->places[deadline.member] = index + 1;
}

static void rise(struct deadlines *deadlines, uint32_t index, struct deadline deadline) {
    while (index > 0) {
        uint32_t parent = (index - 1) / 2;
        if (deadlines->heap[parent].due_ms <= deadline.due_ms) {
            break;
        }
        put(deadlines, index, deadlines->heap[parent]);
        index = parent;
    }
    put(deadlines, index, deadline);
}

static void sink(struct deadlines *deadlines, uint32_t index, struct deadline deadline) {
    for (;;) {
        uint32_t child = 2 * index + 1;
        if (child >= deadlines->count) {
            break;
        }
        if (child + 1 < deadlines->count && deadlines->heap[child + 1].due_ms < deadlines->heap[child].due_ms) {
            child++;
        }
        if (deadlines->heap[child].due_ms >= deadline.due_ms) {
            break;
        }
        put(deadlines, index, deadlines->heap[child]);
        index = child;
    }
    put(deadlines, index, deadline);
}

void deadlines_by(struct deadlines *deadlines, uint32_t member, uint64_t due_ms) {
    ASSERT(member < deadlines->max);
    const struct deadline deadline = {due_ms, member};
    uint32_t place = deadlines->places[member];
    if (due_ms == UINT64_MAX) {
        return;
    }
    if (place == 0) {
        rise(deadlines, deadlines->count++, deadline);
    } else if (due_ms < deadlines->heap[place - 1].due_ms) {
        rise(deadlines, place - 1, deadline);
    }
}

bool deadlines_take(struct deadlines *deadlines, uint64_t now_ms, uint32_t *member) {
    if (deadlines->count == 0 || deadlines->heap[0].due_ms > now_ms) {
        return false;
    }
    *member = deadlines->heap[0].member;
    deadlines->places[*member] = 0;
    const struct deadline last = deadlines->heap[--deadlines->count];
    if (deadlines->count > 0) {
        sink(deadlines, 0, last);
    }
    return true;
}
