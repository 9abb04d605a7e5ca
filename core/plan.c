// The plan's CBOR (abi/plan.cddl): read straight through with a sticky error, then checked as a whole.
#include "core/plan.h"

#include "core/wire.h"

#define PLAN_FORMAT 1

static const char *const delivery_texts[DELIVERY_CLASS_COUNT] = {"measurement", "event", "command"};

const char *delivery_class_text(enum delivery_class delivery) {
    return (unsigned)delivery < DELIVERY_CLASS_COUNT ? delivery_texts[delivery] : "unknown";
}

const char *durability_text(enum durability durability) {
    return durability == DURABILITY_LOCAL ? "local" : "none";
}

static struct bytes read_item(struct wire_reader *reader, bool optional) {
    if (optional && wire_read_null(reader)) {
        return (struct bytes){NULL, 0};
    }
    struct bytes item = wire_read_bytes(reader, 1, MESSAGE_SIZE_MAX);
    if (reader->error == ERROR_NONE && !wire_is_item(item)) {
        reader->error = ERROR_MALFORMED;
    }
    return item;
}

static void *claim(struct wire_reader *reader, void *array, size_t element_size, uint32_t *count, uint32_t max) {
    if (*count >= max) {
        reader->error = ERROR_FULL;
        return NULL;
    }
    return (uint8_t *)array + element_size * (*count)++;
}

static void read_tasks(struct wire_reader *reader, struct plan *plan) {
    wire_read_list(reader);
    while (wire_more(reader)) {
        struct plan_task *task = claim(reader, plan->tasks, sizeof *task, &plan->task_count, plan->task_max);
        if (task == NULL) {
            return;
        }
        wire_read_list(reader);
        wire_read_text(reader, 1, task->name, sizeof task->name);
        struct bytes digest = wire_read_bytes(reader, DIGEST_SIZE, DIGEST_SIZE);
        if (digest.size == DIGEST_SIZE) {
            memcpy(task->digest, digest.data, DIGEST_SIZE);
        }
        task->epoch = (uint32_t)wire_read_uint(reader, UINT32_MAX);
        task->durability = (enum durability)wire_read_uint(reader, DURABILITY_COUNT - 1);
        task->parameter_first = plan->parameter_count;
        wire_read_list(reader);
        while (wire_more(reader)) {
            struct plan_parameter *parameter =
                claim(reader, plan->parameters, sizeof *parameter, &plan->parameter_count, plan->parameter_max);
            if (parameter == NULL) {
                return;
            }
            wire_read_list(reader);
            parameter->input = (uint32_t)wire_read_uint(reader, PORTS_MAX - 1);
            parameter->value = read_item(reader, false);
            wire_read_list_end(reader);
        }
        wire_read_list_end(reader);
        task->parameter_count = plan->parameter_count - task->parameter_first;
        wire_read_list_end(reader);
    }
    wire_read_list_end(reader);
}

static void read_resources(struct wire_reader *reader, struct plan *plan) {
    wire_read_list(reader);
    while (wire_more(reader)) {
        struct plan_resource *resource =
            claim(reader, plan->resources, sizeof *resource, &plan->resource_count, plan->resource_max);
        if (resource == NULL) {
            return;
        }
        wire_read_list(reader);
        wire_read_text(reader, 1, resource->name, sizeof resource->name);
        resource->safe = read_item(reader, true);
        resource->epoch = (uint32_t)wire_read_uint(reader, UINT32_MAX);
        resource->durability = (enum durability)wire_read_uint(reader, DURABILITY_COUNT - 1);
        wire_read_list_end(reader);
    }
    wire_read_list_end(reader);
}

static void read_peers(struct wire_reader *reader, struct plan *plan) {
    wire_read_list(reader);
    while (wire_more(reader)) {
        struct plan_peer *peer = claim(reader, plan->peers, sizeof *peer, &plan->peer_count, plan->peer_max);
        if (peer == NULL) {
            return;
        }
        wire_read_list(reader);
        wire_read_text(reader, 1, peer->name, sizeof peer->name);
        struct bytes address = wire_read_bytes(reader, COAP_ADDRESS_SIZE, COAP_ADDRESS_SIZE);
        if (address.size == COAP_ADDRESS_SIZE) {
            memcpy(peer->address.octets, address.data, COAP_ADDRESS_SIZE);
        }
        wire_read_list_end(reader);
    }
    wire_read_list_end(reader);
}

static struct plan_end read_end(struct wire_reader *reader) {
    struct plan_end end;
    wire_read_list(reader);
    end.kind = (enum end_kind)wire_read_uint(reader, END_REMOTE);
    end.index = (plan_index)wire_read_uint(reader, (plan_index)UINT32_MAX);
    end.port = (uint16_t)wire_read_uint(reader, PORTS_MAX - 1);
    wire_read_list_end(reader);
    return end;
}

static void read_links(struct wire_reader *reader, struct plan *plan) {
    wire_read_list(reader);
    while (wire_more(reader)) {
        struct plan_link *link = claim(reader, plan->links, sizeof *link, &plan->link_count, plan->link_max);
        if (link == NULL) {
            return;
        }
        wire_read_list(reader);
        link->id = (uint32_t)wire_read_uint(reader, UINT32_MAX);
        link->delivery = (enum delivery_class)wire_read_uint(reader, DELIVERY_CLASS_COUNT - 1);
        link->source = read_end(reader);
        link->destination = read_end(reader);
        link->interval_min_ms = (uint32_t)wire_read_uint(reader, UINT32_MAX);
        link->interval_max_ms = (uint32_t)wire_read_uint(reader, UINT32_MAX);
        link->threshold = wire_read_float(reader);
        link->expiry_ms = (uint32_t)wire_read_uint(reader, UINT32_MAX);
        link->priority = (uint8_t)wire_read_uint(reader, 16);
        link->newest_only = wire_read_bool(reader);
        link->confirm = (uint8_t)wire_read_uint(reader, PORTS_MAX);
        link->stale_after_ms = (uint32_t)wire_read_uint(reader, UINT32_MAX);
        link->fallback = read_item(reader, true);
        wire_read_list_end(reader);
    }
    wire_read_list_end(reader);
}

static bool end_is_valid(const struct plan *plan, const struct plan_end *end) {
    switch (end->kind) {
    case END_TASK:
        return end->index < plan->task_count;
    case END_RESOURCE:
        return end->index < plan->resource_count && end->port == 0;
    case END_REMOTE:
        return end->index < plan->peer_count && end->port == 0;
    }
    return false;
}

static bool link_is_valid(const struct plan *plan, const struct plan_link *link) {
    bool one_here = link->source.kind != END_REMOTE || link->destination.kind != END_REMOTE;
    bool command_is_bounded = link->delivery != DELIVERY_COMMAND || (link->priority >= 1 && link->expiry_ms > 0);
    bool confirm_is_known = link->confirm == 0 || (link->delivery != DELIVERY_MEASUREMENT && link->source.kind != END_RESOURCE);
    return one_here && command_is_bounded && confirm_is_known && link->threshold >= 0 && end_is_valid(plan, &link->source) &&
           end_is_valid(plan, &link->destination);
}

// Names are compared each with each: a slice has few rows, and this runs once for each plan, not for each message.
static enum error check(const struct plan *plan) {
    for (uint32_t i = 0; i < plan->link_count; i++) {
        if (!link_is_valid(plan, &plan->links[i])) {
            return ERROR_MALFORMED;
        }
        if (i > 0 && plan->links[i].id <= plan->links[i - 1].id) {
            return ERROR_MALFORMED; // ascending ids: unique, and found by bisection
        }
    }
    for (uint32_t i = 1; i < plan->task_count; i++) {
        if (strcmp(plan->tasks[i - 1].name, plan->tasks[i].name) >= 0) {
            return ERROR_MALFORMED; // ascending names: unique
        }
    }
    for (uint32_t i = 1; i < plan->resource_count; i++) {
        if (strcmp(plan->resources[i - 1].name, plan->resources[i].name) >= 0) {
            return ERROR_MALFORMED;
        }
    }
    return ERROR_NONE;
}

enum error plan_decode(struct bytes encoded, struct plan *plan) {
    struct wire_reader reader;
    plan->task_count = plan->parameter_count = plan->resource_count = plan->peer_count = plan->link_count = 0;
    wire_reader_start(&reader, encoded);
    wire_read_map(&reader);
    wire_expect_uint(&reader, 0, ERROR_MALFORMED);
    wire_expect_uint(&reader, PLAN_FORMAT, ERROR_UNSUPPORTED);
    wire_expect_uint(&reader, 1, ERROR_MALFORMED);
    plan->revision = wire_read_uint(&reader, UINT64_MAX);
    wire_expect_uint(&reader, 2, ERROR_MALFORMED);
    wire_read_text(&reader, 1, plan->policy, sizeof plan->policy);
    wire_expect_uint(&reader, 3, ERROR_MALFORMED);
    wire_read_text(&reader, 1, plan->node, sizeof plan->node);
    wire_expect_uint(&reader, 4, ERROR_MALFORMED);
    read_tasks(&reader, plan);
    wire_expect_uint(&reader, 5, ERROR_MALFORMED);
    read_resources(&reader, plan);
    wire_expect_uint(&reader, 6, ERROR_MALFORMED);
    read_peers(&reader, plan);
    wire_expect_uint(&reader, 7, ERROR_MALFORMED);
    read_links(&reader, plan);
    wire_read_map_end(&reader);
    enum error error = wire_reader_finish(&reader);
    return error != ERROR_NONE ? error : check(plan);
}

static void write_item(struct wire_writer *writer, struct bytes item) {
    if (item.size == 0) {
        wire_write_null(writer);
    } else {
        wire_write_bytes(writer, item);
    }
}

static void write_tasks(struct wire_writer *writer, const struct plan *plan) {
    wire_write_list(writer, plan->task_count);
    for (uint32_t i = 0; i < plan->task_count; i++) {
        const struct plan_task *task = &plan->tasks[i];
        wire_write_list(writer, 5);
        wire_write_text(writer, task->name);
        wire_write_bytes(writer, (struct bytes){task->digest, DIGEST_SIZE});
        wire_write_uint(writer, task->epoch);
        wire_write_uint(writer, (uint64_t)task->durability);
        wire_write_list(writer, task->parameter_count);
        for (uint32_t k = 0; k < task->parameter_count; k++) {
            const struct plan_parameter *parameter = &plan->parameters[task->parameter_first + k];
            wire_write_list(writer, 2);
            wire_write_uint(writer, parameter->input);
            wire_write_bytes(writer, parameter->value);
            wire_write_list_end(writer, 2);
        }
        wire_write_list_end(writer, task->parameter_count);
        wire_write_list_end(writer, 5);
    }
    wire_write_list_end(writer, plan->task_count);
}

static void write_resources_and_peers(struct wire_writer *writer, const struct plan *plan) {
    wire_write_uint(writer, 5);
    wire_write_list(writer, plan->resource_count);
    for (uint32_t i = 0; i < plan->resource_count; i++) {
        wire_write_list(writer, 4);
        wire_write_text(writer, plan->resources[i].name);
        write_item(writer, plan->resources[i].safe);
        wire_write_uint(writer, plan->resources[i].epoch);
        wire_write_uint(writer, (uint64_t)plan->resources[i].durability);
        wire_write_list_end(writer, 4);
    }
    wire_write_list_end(writer, plan->resource_count);
    wire_write_uint(writer, 6);
    wire_write_list(writer, plan->peer_count);
    for (uint32_t i = 0; i < plan->peer_count; i++) {
        wire_write_list(writer, 2);
        wire_write_text(writer, plan->peers[i].name);
        wire_write_bytes(writer, (struct bytes){plan->peers[i].address.octets, COAP_ADDRESS_SIZE});
        wire_write_list_end(writer, 2);
    }
    wire_write_list_end(writer, plan->peer_count);
}

static void write_end(struct wire_writer *writer, const struct plan_end *end) {
    wire_write_list(writer, 3);
    wire_write_uint(writer, (uint64_t)end->kind);
    wire_write_uint(writer, end->index);
    wire_write_uint(writer, end->port);
    wire_write_list_end(writer, 3);
}

static void write_links(struct wire_writer *writer, const struct plan *plan) {
    wire_write_list(writer, plan->link_count);
    for (uint32_t i = 0; i < plan->link_count; i++) {
        const struct plan_link *link = &plan->links[i];
        wire_write_list(writer, 13);
        wire_write_uint(writer, link->id);
        wire_write_uint(writer, (uint64_t)link->delivery);
        write_end(writer, &link->source);
        write_end(writer, &link->destination);
        wire_write_uint(writer, link->interval_min_ms);
        wire_write_uint(writer, link->interval_max_ms);
        wire_write_float(writer, link->threshold);
        wire_write_uint(writer, link->expiry_ms);
        wire_write_uint(writer, link->priority);
        wire_write_bool(writer, link->newest_only);
        wire_write_uint(writer, link->confirm);
        wire_write_uint(writer, link->stale_after_ms);
        write_item(writer, link->fallback);
        wire_write_list_end(writer, 13);
    }
    wire_write_list_end(writer, plan->link_count);
}

enum error plan_encode(const struct plan *plan, struct buffer buffer, size_t *size) {
    struct wire_writer writer;
    wire_writer_start(&writer, buffer);
    wire_write_map(&writer, 16);
    wire_write_uint(&writer, 0);
    wire_write_uint(&writer, PLAN_FORMAT);
    wire_write_uint(&writer, 1);
    wire_write_uint(&writer, plan->revision);
    wire_write_uint(&writer, 2);
    wire_write_text(&writer, plan->policy);
    wire_write_uint(&writer, 3);
    wire_write_text(&writer, plan->node);
    wire_write_uint(&writer, 4);
    write_tasks(&writer, plan);
    write_resources_and_peers(&writer, plan);
    wire_write_uint(&writer, 7);
    write_links(&writer, plan);
    wire_write_map_end(&writer, 16);
    return wire_writer_finish(&writer, size);
}
