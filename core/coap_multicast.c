// Requests that came by multicast (RFC 7252 §8): kept for a random part of the leisure, then answered or not at all.
#include "core/coap_private.h"

static void schedule(struct coap_endpoint *endpoint, uint64_t due_ms) {
    endpoint->next_deadline_ms = due_ms < endpoint->next_deadline_ms ? due_ms : endpoint->next_deadline_ms;
}

static bool is_discovery(const struct coap_message *message) {
    char path[sizeof ".well-known/core"];
    return message->type == COAP_NON_CONFIRMABLE && message->code == COAP_GET && !coap_has_unknown_critical(message) &&
           coap_message_path(message, path, sizeof path) == ERROR_NONE && strcmp(path, ".well-known/core") == 0;
}

static struct coap_delayed *claim(struct coap_endpoint *endpoint) {
    for (uint32_t i = 0; i < endpoint->memory.delayed_count; i++) {
        if (!endpoint->memory.delayed[i].used) {
            return &endpoint->memory.delayed[i];
        }
    }
    return NULL;
}

void coap_endpoint_multicast(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                             struct bytes datagram) {
    struct coap_message message;
    struct coap_delayed *delayed = claim(endpoint);
    endpoint->counters.received++;
    if (coap_message_parse(datagram, &message) != ERROR_NONE) {
        endpoint->counters.malformed++;
        return;
    }
    if (delayed == NULL || datagram.size > sizeof delayed->datagram || !is_discovery(&message)) {
        endpoint->counters.multicast_dropped++;
        return;
    }
    if (coap_first_sight(endpoint, now_ms, peer, &message) == NULL) {
        return;
    }
    *delayed = (struct coap_delayed){.used = true, .peer = *peer, .size = (uint16_t)datagram.size};
    delayed->due_ms = now_ms + coap_random(endpoint) % ((uint64_t)endpoint->parameters.leisure_ms + 1);
    memcpy(delayed->datagram, datagram.data, datagram.size);
    endpoint->delayed_used++;
    schedule(endpoint, delayed->due_ms);
}

void coap_multicast_advance(struct coap_endpoint *endpoint, uint64_t now_ms) {
    for (uint32_t i = 0; i < endpoint->memory.delayed_count && endpoint->delayed_used > 0; i++) {
        struct coap_delayed *delayed = &endpoint->memory.delayed[i];
        struct coap_message message;
        if (!delayed->used) {
            continue;
        }
        if (delayed->due_ms > now_ms) {
            schedule(endpoint, delayed->due_ms);
            continue;
        }
        delayed->used = false;
        endpoint->delayed_used--;
        if (coap_message_parse((struct bytes){delayed->datagram, delayed->size}, &message) == ERROR_NONE) {
            coap_server_multicast(endpoint, now_ms, &delayed->peer, &message);
        }
    }
}
