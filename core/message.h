// Messages at rest: a fixed pool, and first-in-first-out queues of its members.
//
// The pool's memory is the caller's. A message is in exactly one place: the free list, one queue, or one owner's hands.
#ifndef TENON_CORE_MESSAGE_H
#define TENON_CORE_MESSAGE_H

#include "core/bytes.h"
#include "core/error.h"
#include "core/limits.h"

struct message {
    struct message *next;
    uint32_t link;    // id of the link that it came over, 0 for the runtime's own (an outcome told to its sender)
    uint32_t epoch;   // of its source
    uint16_t input;   // of the task that it is for
    uint16_t size;    // bytes of data
    uint8_t delivery; // enum delivery_class
    uint8_t priority; // command: 1-16
    bool tried;       // the component failed on it once
    uint64_t trace;
    uint64_t sequence;
    uint64_t position;   // of the journal's batch that holds it; it may leave this node when that is durable. 0 for none
    uint64_t born_ms;    // building time at which the value was true
    uint64_t expires_ms; // command: building time after which it must not be obeyed
    uint8_t data[MESSAGE_SIZE_MAX];
};

struct message_pool {
    struct message *storage;
    uint32_t count;
    uint32_t untouched; // members from here on were never used; keeps their pages out of memory
    uint32_t used;
    struct message *free;
};

// Lays a pool over `storage`, `count` messages of the caller's that live as long as the pool; all are free.
void message_pool_start(struct message_pool *pool, struct message *storage, uint32_t count);
// A message holding a copy of `data`, or NULL when the pool is empty or `data` is over MESSAGE_SIZE_MAX.
struct message *message_take(struct message_pool *pool, struct bytes data);
void message_release(struct message_pool *pool, struct message *message);

static inline struct bytes message_bytes(const struct message *message) {
    return (struct bytes){message->data, message->size};
}

struct message_queue {
    struct message *head;
    struct message *tail;
    uint32_t count;
};

// The queue owns the message until it is popped. A message is in one queue at most.
void message_queue_push(struct message_queue *queue, struct message *message);
void message_queue_push_front(struct message_queue *queue, struct message *message);
struct message *message_queue_pop(struct message_queue *queue); // NULL when empty
// Empties the queue into the pool and returns how many there were.
uint32_t message_queue_clear(struct message_queue *queue, struct message_pool *pool);

#endif
