// What happens when: a binary heap of occasions, ordered by time and then by the order in which they were planned.
#ifndef TENON_SIM_SCHEDULER_H
#define TENON_SIM_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

enum occasion_kind {
    OCCASION_WAKE = 0, // a host's turn; stale when the host planned another one since
    OCCASION_DATAGRAM, // pointer: struct flight
    OCCASION_PLANT,    // a step of the building
    OCCASION_START,    // a host starts or starts again; value: its life number, stale when it lives another life
    OCCASION_FAULT,    // the next fault of one kind; value: enum fault_kind
    OCCASION_SCRIPT,   // the next line of the script
    OCCASION_UNDO,     // the end of a fault; pointer: struct undo
    OCCASION_CHECK,    // checkers look at everything
};

struct occasion {
    uint64_t time_us;
    uint64_t order;
    enum occasion_kind kind;
    uint32_t host;
    uint64_t value;
    void *pointer;
};

struct scheduler {
    struct occasion *heap;
    uint32_t count;
    uint32_t room;
    uint64_t order;
};

// Plans an occasion; its `order` is set here. Ends the program when there is no memory.
void scheduler_plan(struct scheduler *scheduler, struct occasion occasion);
// Takes the next one. False when nothing is planned.
bool scheduler_next(struct scheduler *scheduler, struct occasion *out);
// Visits what is still planned, for freeing what pointers point at, and frees the heap.
void scheduler_free(struct scheduler *scheduler, void (*visit)(void *context, const struct occasion *occasion), void *context);

#endif
