// What the orchestrator keeps in its store, and how it is read back at start.
//
//   node/NAME      18 bytes of address, then the registration as CBOR      task/NAME    "epoch node identity"
//   resource/KEY   "epoch node identity", KEY is a name with a slash, or "name node" for a resource that each node has for
//   itself slice/NAME     8 bytes of revision, then the encoded slice             link/KEY     id, KEY is "source ->
//   destination" code/HEX       a component's bytes                                     move/NUMBER  fields between tabs policy
//   the YAML text          pins      "reference digest" lines: the components with which the policy was accepted revision of
//   the newest plan     seen      "node unix_ms alive" lines, noted at deaths and about once a minute
// An entry that cannot be read is reported and left out; the nodes and the next policy make it good.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sha256.h"
#include "orchestrator/orchestrator_private.h"

#define REVISION_SIZE 8

static enum error put(struct orchestrator *orchestrator, const char *key, struct bytes value) {
    return store_put(orchestrator->store, key, value, STORE_ANY, NULL);
}

enum error store_number(struct orchestrator *orchestrator, const char *key, uint64_t number) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return put(orchestrator, key, bytes_of_text(text));
}

enum error store_node(struct orchestrator *orchestrator, const struct fleet_node *node) {
    char key[NAME_SIZE_MAX + 8];
    static uint8_t encoded[COAP_ADDRESS_SIZE + 32768];
    size_t size = 0;
    snprintf(key, sizeof key, "node/%s", node->registration.node);
    memcpy(encoded, node->address.octets, COAP_ADDRESS_SIZE);
    struct buffer rest = {encoded + COAP_ADDRESS_SIZE, sizeof encoded - COAP_ADDRESS_SIZE};
    enum error error = registration_encode(&node->registration, rest, &size);
    return error == ERROR_NONE ? put(orchestrator, key, (struct bytes){encoded, COAP_ADDRESS_SIZE + size}) : error;
}

enum error store_record(struct orchestrator *orchestrator, const struct record_table *table, const struct record *record) {
    char key[RECORD_NAME_SIZE + 16];
    char text[NAME_SIZE_MAX + 48];
    snprintf(key, sizeof key, "%s%s", table->prefix, record->name);
    snprintf(text, sizeof text, "%u %s %016" PRIx64, record->epoch, record->node, record->identity);
    return put(orchestrator, key, bytes_of_text(text));
}

enum error store_move(struct orchestrator *orchestrator, const struct move *move) {
    char key[32];
    char text[512];
    snprintf(key, sizeof key, "move/%016" PRIx64, move->number);
    snprintf(text, sizeof text, "%s\t%s\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRId64, move->task, move->from,
             move->to, move->reason, move->time_unix_ms, move->seen_unix_ms, move->revision, move->gap_ms);
    enum error error = put(orchestrator, key, bytes_of_text(text));
    if (error == ERROR_NONE && move->number > MOVES_MAX) {
        snprintf(key, sizeof key, "move/%016" PRIx64, move->number - MOVES_MAX);
        error = store_delete(orchestrator->store, key, STORE_ANY);
    }
    return error;
}

enum error store_slice(struct orchestrator *orchestrator, const char *node, uint64_t revision, struct bytes slice) {
    char key[NAME_SIZE_MAX + 8];
    uint8_t *value = malloc(REVISION_SIZE + slice.size);
    if (value == NULL) {
        return ERROR_MEMORY;
    }
    snprintf(key, sizeof key, "slice/%s", node);
    for (int i = 0; i < REVISION_SIZE; i++) {
        value[i] = (uint8_t)(revision >> (8 * (REVISION_SIZE - 1 - i)));
    }
    memcpy(value + REVISION_SIZE, slice.data, slice.size);
    enum error error = put(orchestrator, key, (struct bytes){value, REVISION_SIZE + slice.size});
    free(value);
    return error;
}

enum error store_policy(struct orchestrator *orchestrator, struct bytes text, const struct pin *pins, uint32_t count) {
    const size_t line_size = sizeof pins->reference + 2 * DIGEST_SIZE + 2;
    char *lines = calloc(count + 1, line_size);
    if (lines == NULL) {
        return ERROR_MEMORY;
    }
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        char hex[2 * DIGEST_SIZE + 1];
        digest_text(pins[i].digest, hex);
        used += (size_t)snprintf(lines + used, line_size, "%s %s\n", pins[i].reference, hex);
    }
    enum error error = store_begin(orchestrator->store);
    if (error == ERROR_NONE) {
        error = put(orchestrator, "policy", text);
        error = error == ERROR_NONE ? put(orchestrator, "pins", (struct bytes){(const uint8_t *)lines, used}) : error;
        if (error == ERROR_NONE) {
            error = store_commit(orchestrator->store);
        } else {
            store_rollback(orchestrator->store);
        }
    }
    free(lines);
    return error;
}

enum error store_seen(struct orchestrator *orchestrator) {
    const size_t line_size = NAME_SIZE_MAX + 32;
    char *lines = calloc(orchestrator->node_count + 1, line_size);
    if (lines == NULL) {
        return ERROR_MEMORY;
    }
    size_t used = 0;
    for (uint32_t i = 0; i < orchestrator->node_count; i++) {
        used += (size_t)snprintf(lines + used, line_size, "%s %" PRIu64 " %s\n", orchestrator->nodes[i]->registration.node,
                                 orchestrator->nodes[i]->seen_unix_ms, orchestrator->nodes[i]->alive ? "alive" : "dead");
    }
    enum error error = put(orchestrator, "seen", (struct bytes){(const uint8_t *)lines, used});
    free(lines);
    return error;
}

// --- reading back --------------------------------------------------------------------------------------------------------

// A small value as text; false when it is too long.
static bool text_of(struct bytes value, char *out, size_t size) {
    if (value.size >= size) {
        return false;
    }
    if (value.size > 0) {
        memcpy(out, value.data, value.size);
    }
    out[value.size] = '\0';
    return true;
}

static bool skip(struct orchestrator *orchestrator, const char *key) {
    orchestrator_log(orchestrator, "the entry '%s' of the store cannot be read and is left out", key);
    return true;
}

static bool recall_node(void *context, const char *key, struct bytes value, uint64_t revision) {
    struct orchestrator *orchestrator = context;
    struct registration registration;
    struct coap_address address;
    struct fleet_node *node = NULL;
    (void)revision;
    if (value.size < COAP_ADDRESS_SIZE) {
        return skip(orchestrator, key);
    }
    memcpy(address.octets, value.data, COAP_ADDRESS_SIZE);
    struct bytes encoded = {value.data + COAP_ADDRESS_SIZE, value.size - COAP_ADDRESS_SIZE};
    if (registration_decode(encoded, &registration) != ERROR_NONE ||
        fleet_add(orchestrator, &registration, &address, &node) != ERROR_NONE) {
        return skip(orchestrator, key);
    }
    node->alive = true;
    node->seen_ms = orchestrator->moment.now_ms;
    node->seen_unix_ms = orchestrator->moment.unix_ms;
    return true;
}

// Names hold no spaces. The identity is not there in a store of the version before.
static bool recall_record(struct orchestrator *orchestrator, struct record_table *table, const char *key, struct bytes value) {
    char text[NAME_SIZE_MAX + 48];
    char *node = NULL;
    if (!text_of(value, text, sizeof text)) {
        return skip(orchestrator, key);
    }
    unsigned long epoch = strtoul(text, &node, 10);
    struct record *record = *node == ' ' ? record_add(table, key + strlen(table->prefix)) : NULL;
    if (record == NULL) {
        return skip(orchestrator, key);
    }
    size_t length = strcspn(++node, " ");
    record->epoch = (uint32_t)epoch;
    record->identity = node[length] == ' ' ? strtoull(node + length, NULL, 16) : 0;
    snprintf(record->node, sizeof record->node, "%.*s", (int)length, node);
    return true;
}

static bool recall_task(void *context, const char *key, struct bytes value, uint64_t revision) {
    struct orchestrator *orchestrator = context;
    (void)revision;
    return recall_record(orchestrator, &orchestrator->task_records, key, value);
}

static bool recall_resource(void *context, const char *key, struct bytes value, uint64_t revision) {
    struct orchestrator *orchestrator = context;
    (void)revision;
    return recall_record(orchestrator, &orchestrator->resource_records, key, value);
}

// Cuts the next field off at the tab; "" at the end.
static char *next_field(char **rest) {
    char *field = *rest;
    size_t length = strcspn(field, "\t");
    *rest = field[length] == '\t' ? field + length + 1 : field + length;
    field[length] = '\0';
    return field;
}

static bool recall_move(void *context, const char *key, struct bytes value, uint64_t revision) {
    struct orchestrator *orchestrator = context;
    char text[512];
    char *rest = text;
    (void)revision;
    if (!text_of(value, text, sizeof text) || orchestrator->move_count == MOVES_MAX) {
        return skip(orchestrator, key);
    }
    struct move *move = &orchestrator->moves[orchestrator->move_count++];
    move->number = strtoull(key + strlen("move/"), NULL, 16);
    snprintf(move->task, sizeof move->task, "%.47s", next_field(&rest));
    snprintf(move->from, sizeof move->from, "%.47s", next_field(&rest));
    snprintf(move->to, sizeof move->to, "%.47s", next_field(&rest));
    snprintf(move->reason, sizeof move->reason, "%.63s", next_field(&rest));
    move->time_unix_ms = strtoull(next_field(&rest), NULL, 10);
    move->seen_unix_ms = strtoull(next_field(&rest), NULL, 10);
    move->revision = strtoull(next_field(&rest), NULL, 10);
    move->gap_ms = strtoll(next_field(&rest), NULL, 10);
    orchestrator->move_last = move->number > orchestrator->move_last ? move->number : orchestrator->move_last;
    return true;
}

static bool recall_link(void *context, const char *key, struct bytes value, uint64_t revision) {
    struct orchestrator *orchestrator = context;
    char text[32];
    (void)revision;
    const char *kept = arena_keep(&orchestrator->link_texts, key + strlen("link/"));
    uint32_t id = text_of(value, text, sizeof text) ? (uint32_t)strtoul(text, NULL, 10) : 0;
    if (kept == NULL || id == 0 || !names_add(&orchestrator->links, kept, id)) {
        return skip(orchestrator, key);
    }
    orchestrator->link_last = id > orchestrator->link_last ? id : orchestrator->link_last;
    return true;
}

static bool recall_slice(void *context, const char *key, struct bytes value, uint64_t revision) {
    struct orchestrator *orchestrator = context;
    uint32_t index = PLACEMENT_NONE;
    (void)revision;
    struct fleet_node *node = fleet_find(orchestrator, key + strlen("slice/"), &index);
    uint8_t *copy = value.size > REVISION_SIZE && node != NULL ? malloc(value.size - REVISION_SIZE) : NULL;
    if (copy == NULL) {
        return skip(orchestrator, key);
    }
    for (int i = 0; i < REVISION_SIZE; i++) {
        node->wanted_revision = node->wanted_revision << 8 | value.data[i];
    }
    memcpy(copy, value.data + REVISION_SIZE, value.size - REVISION_SIZE);
    node->slice = (struct bytes){copy, value.size - REVISION_SIZE};
    return true;
}

static bool recall_code(void *context, const char *key, struct bytes value, uint64_t revision) {
    struct orchestrator *orchestrator = context;
    const struct component *component = NULL;
    char refusal[160];
    if (component_store_add(&orchestrator->components, value, &component, refusal) != ERROR_NONE) {
        return skip(orchestrator, key);
    }
    // The order of adding is the order of writing, which the keys (digests) do not show.
    orchestrator->components.items[component - orchestrator->components.items].order = revision;
    orchestrator->components.order = orchestrator->components.order > revision ? orchestrator->components.order : revision;
    return true;
}

static enum error recall_text(struct orchestrator *orchestrator, const char *key, struct bytes *out) {
    enum error error = store_get(orchestrator->store, key, out, NULL);
    return error == ERROR_NOT_FOUND ? ERROR_NONE : error;
}

static void read_pins(struct orchestrator *orchestrator, struct bytes lines) {
    const char *text = (const char *)lines.data;
    for (const char *line = text; line != NULL && *line != '\0';
         line = strchr(line, '\n'), line = line != NULL ? line + 1 : NULL) {
        size_t reference = strcspn(line, " \n");
        char hex[2 * DIGEST_SIZE + 1];
        struct pin pin = {0};
        snprintf(hex, sizeof hex, "%s", line + reference + (line[reference] == ' ' ? 1 : 0));
        if (reference >= sizeof pin.reference || !digest_parse(hex, pin.digest)) {
            continue;
        }
        memcpy(pin.reference, line, reference);
        struct pin *pins = realloc(orchestrator->pins, (orchestrator->pin_count + 1) * sizeof *pins);
        if (pins != NULL) {
            orchestrator->pins = pins;
            pins[orchestrator->pin_count++] = pin;
        }
    }
}

static void read_seen(struct orchestrator *orchestrator, struct bytes lines) {
    const char *text = (const char *)lines.data;
    for (const char *line = text; line != NULL && *line != '\0';
         line = strchr(line, '\n'), line = line != NULL ? line + 1 : NULL) {
        char name[NAME_SIZE_MAX];
        uint32_t index = PLACEMENT_NONE;
        size_t length = strcspn(line, " \n");
        snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : 0), line);
        struct fleet_node *node = fleet_find(orchestrator, name, &index);
        if (node != NULL) {
            char *rest = NULL;
            node->seen_unix_ms = strtoull(line + length, &rest, 10);
            node->alive = strncmp(rest, " dead", 5) != 0;
        }
    }
}

static enum error recall_texts(struct orchestrator *orchestrator) {
    struct bytes pins = {NULL, 0};
    struct bytes seen = {NULL, 0};
    struct bytes revision = {NULL, 0};
    enum error error = recall_text(orchestrator, "policy", &orchestrator->policy_text);
    error = error == ERROR_NONE ? recall_text(orchestrator, "pins", &pins) : error;
    error = error == ERROR_NONE ? recall_text(orchestrator, "seen", &seen) : error;
    error = error == ERROR_NONE ? recall_text(orchestrator, "revision", &revision) : error;
    if (error == ERROR_NONE && orchestrator->policy_text.data != NULL) {
        struct problems *problems = calloc(1, sizeof *problems);
        orchestrator->policy = problems != NULL ? policy_parse(orchestrator->policy_text, problems) : NULL;
        free(problems);
    }
    if (error == ERROR_NONE) {
        read_pins(orchestrator, pins);
        read_seen(orchestrator, seen);
        orchestrator->revision = revision.data != NULL ? strtoull((const char *)revision.data, NULL, 10) : 0;
    }
    free((void *)(uintptr_t)pins.data);
    free((void *)(uintptr_t)seen.data);
    free((void *)(uintptr_t)revision.data);
    return error;
}

enum error orchestrator_recall(struct orchestrator *orchestrator) {
    static const struct {
        const char *prefix;
        store_visit visit;
    } parts[] = {{"node/", recall_node}, {"task/", recall_task},   {"resource/", recall_resource}, {"move/", recall_move},
                 {"link/", recall_link}, {"slice/", recall_slice}, {"code/", recall_code}};
    enum error error = ERROR_NONE;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && error == ERROR_NONE; i++) {
        error = store_each(orchestrator->store, parts[i].prefix, parts[i].visit, orchestrator);
    }
    return error == ERROR_NONE ? recall_texts(orchestrator) : error;
}
