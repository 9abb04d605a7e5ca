// GET /status: what a node runs and what went by, as JSON.
#include "core/sha256.h"
#include "node/node_private.h"
#include "port/port.h"

typedef unsigned long long printed;

static void write_task(const struct node *node, const struct task *task, struct text *out) {
    const struct manifest_view *manifest = runtime_manifest(&node->runtime, task);
    char hex[65], component[NAME_SIZE_MAX] = "";
    if (manifest != NULL) {
        manifest_name(manifest, component);
    }
    digest_text(task->plan->digest, hex);
    text_add(out, "{\"name\":");
    text_add_json(out, task->plan->name);
    text_add(out, ",\"component\":");
    text_add_json(out, component);
    text_add(out, ",\"digest\":\"%s\",\"epoch\":%u,\"state\":\"%s\",\"messages\":%llu,\"failures\":%u", hex, task->plan->epoch,
             task_state_text(task->state), (printed)task->messages, task->failures);
    text_add(out, ",\"discarded\":%llu,\"restarts\":%llu,\"queued\":%u,\"blocked\":%s", (printed)task->discarded,
             (printed)task->restarts, task->queue.count, task->blocked ? "true" : "false");
    if (task->last_error != ERROR_NONE) {
        text_add(out, ",\"last_error\":\"%s\"", error_name(task->last_error));
    }
    text_add(out, ",\"memory_bytes\":%u}", task->instance == NULL ? 0 : node->engine->memory_bytes(task->instance));
}

const char *node_status_source(const struct resource *resource) {
    if (resource->priority > 0) {
        return "command";
    }
    return resource->driven && resource->value_size > 0 ? "safe" : "device";
}

static void write_resource(const struct resource *resource, struct text *out) {
    text_add(out, "{\"name\":");
    text_add_json(out, resource->facts->name);
    text_add(out, ",\"unit\":");
    text_add_json(out, resource->facts->unit);
    text_add(out, ",\"type\":\"%s\",\"actuator\":%s,\"value\":", value_type_text(resource->facts->type),
             resource->facts->actuator ? "true" : "false");
    text_add_item(out, (struct bytes){resource->value, resource->value_size});
    if (resource->facts->actuator) {
        text_add(out, ",\"priority\":%u,\"source\":\"%s\"", resource->priority, node_status_source(resource));
    }
    text_add(out, ",\"updated_ms\":%llu}", (printed)resource->updated_ms);
}

static void write_traffic(const struct node *node, struct text *out) {
    text_add(out, "\"messages\":{");
    for (uint32_t i = 0; i < DELIVERY_CLASS_COUNT; i++) {
        const struct link_counters *counters = &node->runtime.traffic[i].counters;
        text_add(out,
                 "%s\"%s\":{\"sent\":%llu,\"received\":%llu,\"dropped\":%llu,\"superseded\":%llu,\"duplicates\":%llu,"
                 "\"refused\":%llu,",
                 i == 0 ? "" : ",", delivery_class_text((enum delivery_class)i), (printed)counters->sent,
                 (printed)counters->received, (printed)counters->dropped, (printed)counters->superseded,
                 (printed)counters->duplicates, (printed)counters->refused);
        text_add(out,
                 "\"expired\":%llu,\"retried\":%llu,\"lost\":%llu,\"fallbacks\":%llu,\"quarantined\":%llu,\"remote\":%llu}",
                 (printed)counters->expired, (printed)counters->retried, (printed)counters->lost, (printed)counters->fallbacks,
                 (printed)counters->quarantined, (printed)node->runtime.traffic[i].remote);
    }
    const struct coap_counters *coap = &node->runtime.coap.counters;
    text_add(
        out,
        "},\"coap\":{\"received\":%llu,\"transmitted\":%llu,\"malformed\":%llu,\"duplicates\":%llu,\"retransmissions\":%llu,"
        "\"timeouts\":%llu,\"unmatched\":%llu,\"refused\":%llu,\"forgotten\":%llu,\"multicast_dropped\":%llu,",
        (printed)coap->received, (printed)coap->transmitted, (printed)coap->malformed, (printed)coap->duplicates,
        (printed)coap->retransmissions, (printed)coap->timeouts, (printed)coap->unmatched, (printed)coap->refused,
        (printed)coap->forgotten, (printed)coap->multicast_dropped);
    text_add(out,
             "\"observers\":%u,\"observers_accepted\":%llu,\"observers_refused\":%llu,\"observers_lost\":%llu,"
             "\"notifications\":%llu}",
             node->runtime.coap.observations_used, (printed)coap->observers_accepted, (printed)coap->observers_refused,
             (printed)coap->observers_lost, (printed)coap->notifications);
}

static void write_memory(const struct node *node, struct text *out) {
    uint32_t size, most;
    struct engine_pool pool;
    text_add(out, ",\"memory\":{\"total\":%llu,\"used\":%llu", (printed)node->config->memory_bytes,
             (printed)runtime_memory_used(&node->runtime));
    if (node->engine->pool != NULL) {
        node->engine->pool(node->engine, &pool);
        text_add(out, ",\"pool\":{\"total\":%u,\"used\":%u,\"most\":%u}", pool.total, pool.used, pool.most);
    }
    if (port_stack(&size, &most)) {
        text_add(out, ",\"stack\":{\"total\":%u,\"most\":%u}", size, most);
    }
    text_add(out, "}");
    struct port_wear wear;
    if (port_storage_wear(&wear)) {
        text_add(out, ",\"flash\":{\"erases_max\":%u,\"erases_mean\":%u}", wear.erases_max, wear.erases_mean);
    }
}

void node_status_write(const struct node *node, struct text *out) {
    const struct runtime_tables *tables = runtime_tables(&node->runtime);
    text_add(out, "{\"node\":");
    text_add_json(out, node->config->node);
    text_add(out, ",\"boot\":%llu,\"engine\":\"%s\",\"policy\":", (printed)node->boot, node->engine->name);
    text_add_json(out, tables->plan.policy);
    text_add(out, ",\"plan_revision\":%llu,\"orchestrator\":\"%s\",\"building_ms\":%llu", (printed)tables->plan.revision,
             node->membership == MEMBERSHIP_REGISTERED && !node->member_told ? "registered" : "out of sight",
             (printed)node->runtime.building_ms);
    write_memory(node, out);
    text_add(out, ",\"foreign\":%llu,\"journal\":{\"batches\":%llu,\"waiting\":%llu},\"tasks\":[",
             (printed)node->runtime.foreign, (printed)(node->runtime.journaled - POSITION_OF_THE_PAST),
             (printed)(node->runtime.journaled - node->runtime.durable));
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        text_add(out, i == 0 ? "" : ",");
        write_task(node, &tables->tasks[i], out);
    }
    text_add(out, "],\"resources\":[");
    for (uint32_t i = 0; i < node->runtime.resource_count; i++) {
        text_add(out, i == 0 ? "" : ",");
        write_resource(&node->runtime.memory.resources[i], out);
    }
    text_add(out, "],");
    write_traffic(node, out);
    text_add(out, "}\n");
}
