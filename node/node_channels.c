// GET /channels: every link of the node's plan with what was counted at this end of it, as JSON.
//
// A long list comes in parts: `?after=ID` goes on behind the link ID, and "more" tells that there is more. The totals are those
// of all links and come with every part.
#include <stdlib.h>

#include "node/node_private.h"

// Rows of one answer; a row has 300 to 500 bytes. What does not fit the answer comes with the next one, too.
#define CHANNELS_PER_ANSWER 1500
// What stands behind the last row: twelve numbers of up to 20 digits and their names.
#define TAIL_SIZE_MAX 448
#define AFTER_DIGITS_MAX 10

typedef unsigned long long printed;

static void write_counters(const struct link_counters *counters, struct text *out) {
    text_add(out, "\"sent\":%llu,\"received\":%llu,\"dropped\":%llu,\"superseded\":%llu,\"duplicates\":%llu",
             (printed)counters->sent, (printed)counters->received, (printed)counters->dropped, (printed)counters->superseded,
             (printed)counters->duplicates);
    text_add(out, ",\"refused\":%llu,\"expired\":%llu,\"retried\":%llu,\"lost\":%llu,\"fallbacks\":%llu,\"quarantined\":%llu",
             (printed)counters->refused, (printed)counters->expired, (printed)counters->retried, (printed)counters->lost,
             (printed)counters->fallbacks, (printed)counters->quarantined);
}

static void add_counters(struct link_counters *sum, const struct link_counters *counters) {
    sum->sent += counters->sent;
    sum->received += counters->received;
    sum->dropped += counters->dropped;
    sum->superseded += counters->superseded;
    sum->duplicates += counters->duplicates;
    sum->refused += counters->refused;
    sum->expired += counters->expired;
    sum->retried += counters->retried;
    sum->lost += counters->lost;
    sum->fallbacks += counters->fallbacks;
    sum->quarantined += counters->quarantined;
}

// "task.port", the name of a resource, or "node NAME" for an end elsewhere.
static void write_end(const struct node *node, const struct plan_end *end, bool source, struct text *out) {
    const struct runtime_tables *tables = runtime_tables(&node->runtime);
    char name[2 * NAME_SIZE_MAX + 8];
    struct text text;
    text_start(&text, name, sizeof name);
    switch (end->kind) {
    case END_TASK: {
        const struct manifest_view *manifest = runtime_manifest(&node->runtime, &tables->tasks[end->index]);
        text_add(&text, "%s.", tables->plan.tasks[end->index].name);
        if (manifest != NULL) {
            struct port port;
            manifest_port(manifest, source, end->port, &port);
            text_add(&text, "%s", port.name);
        } else {
            text_add(&text, "%u", end->port); // its code is not here yet
        }
        break;
    }
    case END_RESOURCE:
        text_add(&text, "%s", tables->plan.resources[end->index].name);
        break;
    case END_REMOTE:
        text_add(&text, "node %s", tables->plan.peers[end->index].name);
        break;
    }
    text_add_json(out, name);
}

static void write_channel(const struct node *node, const struct link *link, struct text *out) {
    text_add(out, "{\"id\":%u,\"source\":", link->plan->id);
    write_end(node, &link->plan->source, true, out);
    text_add(out, ",\"destination\":");
    write_end(node, &link->plan->destination, false, out);
    text_add(out, ",\"class\":\"%s\",", delivery_class_text(link->plan->delivery));
    write_counters(&link->counters, out);
    text_add(out, ",\"pending\":%u,\"stale\":%s}", link->pending.count, link->stale ? "true" : "false");
}

// The id after which the list goes on; 0 for all of it.
static uint32_t after_of(struct bytes query) {
    char digits[AFTER_DIGITS_MAX + 1] = "";
    if (query.size > 0 && query.size < sizeof digits) {
        memcpy(digits, query.data, query.size);
    }
    return (uint32_t)strtoul(digits, NULL, 10);
}

void node_channels_write(const struct node *node, struct bytes after, struct text *out) {
    const struct runtime_tables *tables = runtime_tables(&node->runtime);
    struct link_counters totals = {0};
    uint32_t first = after_of(after);
    uint32_t written = 0;
    bool more = false;
    bool full = false;
    text_add(out, "{\"node\":");
    text_add_json(out, node->config->node);
    text_add(out, ",\"boot\":%llu,\"plan_revision\":%llu,\"channels\":[", (printed)node->boot, (printed)tables->plan.revision);
    for (uint32_t i = 0; i < tables->plan.link_count; i++) {
        const struct link *link = &tables->links[i];
        add_counters(&totals, &link->counters);
        if (link->plan->id <= first || full || written == CHANNELS_PER_ANSWER) {
            more = more || link->plan->id > first;
            continue;
        }
        const struct text before = *out;
        text_add(out, written == 0 ? "" : ",");
        write_channel(node, link, out);
        if (written > 0 && (out->overflow || out->capacity - out->size < TAIL_SIZE_MAX)) {
            *out = before;
            full = more = true;
        }
        written += full ? 0 : 1;
    }
    text_add(out, "],\"more\":%s,\"totals\":{", more ? "true" : "false");
    write_counters(&totals, out);
    text_add(out, "},\"foreign\":%llu}\n", (printed)node->runtime.foreign);
}
