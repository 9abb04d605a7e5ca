#include "cli/channels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"

#define PATIENCE_MS 1000 // what a dead node may cost
#define PARTS_MAX 100000 // of one node's answer; a bound, not an expectation

const char *const channel_counter_names[COUNTER_COUNT] = {"sent",       "received",  "dropped",     "superseded",
                                                          "duplicates", "refused",   "expired",     "retried",
                                                          "lost",       "fallbacks", "quarantined", "pending"};

// --- reading -------------------------------------------------------------------------------------------------------------

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void read_counters(const json_t *object, uint64_t out[COUNTER_COUNT]) {
    for (int i = 0; i < COUNTER_COUNT; i++) {
        out[i] = (uint64_t)json_integer_value(json_object_get(object, channel_counter_names[i]));
    }
}

static int compare_rows(const void *a, const void *b) {
    uint32_t left = ((const struct channel_row *)a)->id;
    uint32_t right = ((const struct channel_row *)b)->id;
    return left < right ? -1 : (left > right ? 1 : 0);
}

static bool read_plan(struct channels *channels) {
    const json_t *rows = json_object_get(channels->answer, "channels");
    const json_t *nodes = json_object_get(channels->answer, "nodes");
    channels->rows = calloc(json_array_size(rows) + 1, sizeof *channels->rows);
    channels->nodes = calloc(json_array_size(nodes) + 1, sizeof *channels->nodes);
    size_t index = 0;
    json_t *item = NULL;
    if (channels->rows == NULL || channels->nodes == NULL) {
        return false;
    }
    json_array_foreach(rows, index, item) {
        channels->rows[channels->row_count++] = (struct channel_row){
            .id = (uint32_t)json_integer_value(json_object_get(item, "id")),
            .source = text_of(item, "source"),
            .destination = text_of(item, "destination"),
            .delivery = text_of(item, "class"),
            .source_node = text_of(item, "source_node"),
            .destination_node = text_of(item, "destination_node"),
        };
    }
    json_array_foreach(nodes, index, item) {
        channels->nodes[channels->node_count++] = (struct channel_node){.name = text_of(item, "name"),
                                                                        .address = text_of(item, "address"),
                                                                        .alive = json_is_true(json_object_get(item, "alive"))};
    }
    qsort(channels->rows, channels->row_count, sizeof *channels->rows, compare_rows);
    return true;
}

// One row of a node's answer, into the link's end or ends that are there.
static void read_row(struct channels *channels, const struct channel_node *node, const json_t *item) {
    struct channel_row key = {.id = (uint32_t)json_integer_value(json_object_get(item, "id"))};
    struct channel_row *row = bsearch(&key, channels->rows, channels->row_count, sizeof key, compare_rows);
    struct channel_end end = {.known = true, .stale = json_is_true(json_object_get(item, "stale"))};
    if (row == NULL) {
        return; // the node has not got the newest plan yet
    }
    read_counters(item, end.counters);
    if (strcmp(row->source_node, node->name) == 0) {
        row->ends[0] = end;
    }
    if (strcmp(row->destination_node, node->name) == 0) {
        row->ends[1] = end;
    }
}

static json_t *ask_part(const char *command, const struct channel_node *node, uint32_t after) {
    char query[32];
    struct client_reply reply;
    snprintf(query, sizeof query, "after=%u", after);
    struct question question = {.command = command,
                                .address = node->address,
                                .code = COAP_GET,
                                .path = "channels",
                                .query = query,
                                .content_format = COAP_FORMAT_NONE,
                                .patience_ms = PATIENCE_MS,
                                .quiet = true};
    if (!ask(&question, &reply)) {
        return NULL;
    }
    json_t *part = json_loads((const char *)reply.body.data, 0, NULL);
    client_reply_free(&reply);
    return part;
}

static void ask_node(const char *command, struct channels *channels, struct channel_node *node) {
    uint32_t after = 0;
    bool more = node->alive;
    for (int i = 0; i < PARTS_MAX && more; i++) {
        json_t *part = ask_part(command, node, after);
        size_t index = 0;
        json_t *item = NULL;
        json_array_foreach(json_object_get(part, "channels"), index, item) {
            read_row(channels, node, item);
            after = (uint32_t)json_integer_value(json_object_get(item, "id"));
        }
        node->answered = part != NULL;
        more = json_is_true(json_object_get(part, "more")) && json_array_size(json_object_get(part, "channels")) > 0;
        read_counters(json_object_get(part, "totals"), node->totals);
        json_decref(part);
    }
}

bool channels_collect(const char *command, const char *orchestrator, struct channels *out) {
    *out = (struct channels){.answer = ask_json(command, orchestrator, "channels")};
    if (out->answer == NULL) {
        return false;
    }
    if (!read_plan(out)) {
        fprintf(stderr, "%s: no memory for the channels; free some and try again\n", command);
        channels_free(out);
        return false;
    }
    for (size_t i = 0; i < out->node_count; i++) {
        ask_node(command, out, &out->nodes[i]);
    }
    return true;
}

void channels_free(struct channels *channels) {
    free(channels->rows);
    free(channels->nodes);
    json_decref(channels->answer);
    *channels = (struct channels){0};
}

// --- joining -------------------------------------------------------------------------------------------------------------

static bool is_within_one_node(const struct channel_row *row) {
    return strcmp(row->source_node, row->destination_node) == 0;
}

// The source of an event or a command is told what became of it; nobody tells the source of a measurement.
static const struct channel_end *refused_end(const struct channel_row *row) {
    return &row->ends[strcmp(row->delivery, "measurement") == 0 ? 1 : 0];
}

bool channel_count(const struct channel_row *row, enum channel_counter counter, uint64_t *out) {
    const struct channel_end *source = &row->ends[0];
    const struct channel_end *destination = &row->ends[1];
    const struct channel_end *one = NULL;
    switch (counter) {
    case COUNTER_SENT:
    case COUNTER_RETRIED:
    case COUNTER_PENDING:
        one = source;
        break;
    case COUNTER_RECEIVED:
    case COUNTER_DUPLICATES:
    case COUNTER_LOST:
    case COUNTER_FALLBACKS:
    case COUNTER_QUARANTINED:
        one = destination;
        break;
    case COUNTER_REFUSED:
        one = refused_end(row);
        break;
    case COUNTER_DROPPED:
    case COUNTER_SUPERSEDED:
    case COUNTER_EXPIRED:
    case COUNTER_COUNT:
    default:
        *out = source->counters[counter] + (is_within_one_node(row) ? 0 : destination->counters[counter]);
        return source->known && destination->known;
    }
    *out = one->counters[counter];
    return one->known;
}

bool channel_end_is_of(const char *end, const char *name) {
    size_t size = strlen(name);
    bool begins = strncmp(end, name, size) == 0;
    return begins && (end[size] == '\0' || (end[size] == '.' && strchr(end, '/') == NULL));
}

void channels_totals(const struct channels *channels, uint64_t out[COUNTER_COUNT]) {
    memset(out, 0, COUNTER_COUNT * sizeof *out);
    for (size_t i = 0; i < channels->row_count; i++) {
        for (int k = 0; k < COUNTER_COUNT; k++) {
            uint64_t count = 0;
            (void)channel_count(&channels->rows[i], (enum channel_counter)k, &count);
            out[k] += count;
        }
    }
}

void channels_missing(const struct channels *channels, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < channels->node_count && used < size; i++) {
        if (!channels->nodes[i].answered) {
            used += (size_t)snprintf(out + used, size - used, "%s%s", used == 0 ? " (without " : ", ", channels->nodes[i].name);
        }
    }
    if (used > 0 && used + 1 < size) {
        snprintf(out + used, size - used, ")");
    }
}

// --- JSON ----------------------------------------------------------------------------------------------------------------

static json_t *counters_json(const uint64_t counters[COUNTER_COUNT], int count) {
    json_t *object = json_object();
    for (int i = 0; i < count; i++) {
        json_object_set_new(object, channel_counter_names[i], json_integer((json_int_t)counters[i]));
    }
    return object;
}

static json_t *end_json(const struct channel_end *end) {
    return end->known ? counters_json(end->counters, COUNTER_COUNT) : json_null();
}

static json_t *name_or_null(const char *name) {
    return name[0] != '\0' ? json_string(name) : json_null();
}

json_t *channel_json(const struct channel_row *row) {
    json_t *object = json_pack("{s:i, s:s, s:s, s:s, s:o, s:o}", "id", (int)row->id, "source", row->source, "destination",
                               row->destination, "class", row->delivery, "source_node", name_or_null(row->source_node),
                               "destination_node", name_or_null(row->destination_node));
    for (int i = 0; i < COUNTER_COUNT; i++) {
        uint64_t count = 0;
        bool known = channel_count(row, (enum channel_counter)i, &count);
        json_object_set_new(object, channel_counter_names[i], known ? json_integer((json_int_t)count) : json_null());
    }
    json_object_set_new(object, "stale", row->ends[1].known ? json_boolean(row->ends[1].stale) : json_null());
    json_object_set_new(object, "complete", json_boolean(row->ends[0].known && row->ends[1].known));
    json_object_set_new(object, "at_source", end_json(&row->ends[0]));
    json_object_set_new(object, "at_destination", end_json(&row->ends[1]));
    return object;
}

json_t *channel_node_json(const struct channel_node *node) {
    return node->answered ? counters_json(node->totals, COUNTER_PENDING) : json_null();
}
