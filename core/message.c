#include "core/message.h"

#include "core/assert.h"

void message_pool_start(struct message_pool *pool, struct message *storage, uint32_t count) {
    *pool = (struct message_pool){.storage = storage, .count = count};
}

struct message *message_take(struct message_pool *pool, struct bytes data) {
    if (data.size > MESSAGE_SIZE_MAX) {
        return NULL;
    }
    struct message *message = pool->free;
    if (message != NULL) {
        pool->free = message->next;
    } else if (pool->untouched < pool->count) {
        message = &pool->storage[pool->untouched++];
    } else {
        return NULL;
    }
    pool->used++;
    memset(message, 0, offsetof(struct message, data));
    message->size = (uint16_t)data.size;
    if (data.size > 0) {
        memcpy(message->data, data.data, data.size);
    }
    return message;
}

void message_release(struct message_pool *pool, struct message *message) {
    ASSERT(pool->used > 0);
    pool->used--;
    message->next = pool->free;
    pool->free = message;
}

void message_queue_push(struct message_queue *queue, struct message *message) {
    message->next = NULL;
    if (queue->tail == NULL) {
        queue->head = message;
    } else {
        queue->tail->next = message;
    }
    queue->tail = message;
    queue->count++;
}

void message_queue_push_front(struct message_queue *queue, struct message *message) {
    message->next = queue->head;
    queue->head = message;
    if (queue->tail == NULL) {
        queue->tail = message;
    }
    queue->count++;
}

struct message *message_queue_pop(struct message_queue *queue) {
    struct message *message = queue->head;
    if (message != NULL) {
        queue->head = message->next;
        if (queue->head == NULL) {
            queue->tail = NULL;
        }
        queue->count--;
    }
    return message;
}

uint32_t message_queue_clear(struct message_queue *queue, struct message_pool *pool) {
    uint32_t count = 0;
    for (struct message *message = message_queue_pop(queue); message != NULL; message = message_queue_pop(queue)) {
        message_release(pool, message);
        count++;
    }
    return count;
}
