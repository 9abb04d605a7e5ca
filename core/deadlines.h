// When is something due for which of many: a binary heap of numbered members, each in it at most once.
//
// A member's time may be moved earlier at once; that it became later is found out when its turn comes, by whoever takes it. So
// a value that keeps an input fresh, which happens all the time, costs nothing here, and each member comes up at most once for
// each span that it really waited. Taking and moving cost O(log n).
//
// Memory: two arrays of `max` elements, the caller's. Times are milliseconds of one clock; UINT64_MAX is never.
#ifndef TENON_CORE_DEADLINES_H
#define TENON_CORE_DEADLINES_H

#include "core/bytes.h"

struct deadline {
    uint64_t due_ms;
    uint32_t member;
};

struct deadlines {
    struct deadline *heap; // earliest first
    uint32_t *places;      // by member: its index in the heap + 1, 0 when it is not in it
    uint32_t count;
    uint32_t max;
};

// Empties it, for members 0 to max - 1.
void deadlines_start(struct deadlines *deadlines);
// The member is due by then: puts it in, or moves it earlier. A later time than it has changes nothing.
void deadlines_by(struct deadlines *deadlines, uint32_t member, uint64_t due_ms);
// The earliest time, UINT64_MAX when it is empty.
static inline uint64_t deadlines_first(const struct deadlines *deadlines) {
    return deadlines->count == 0 ? UINT64_MAX : deadlines->heap[0].due_ms;
}
// Takes out the earliest member if it is due at `now_ms`. False when none is.
bool deadlines_take(struct deadlines *deadlines, uint64_t now_ms, uint32_t *member);

#endif
