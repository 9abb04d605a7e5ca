// From the YAML tree to a policy: every `$name` is written out here, and nothing is known yet of components and nodes.
//
// An entry is read once for each combination of the variables that it names. A reader that finds a mistake reports it and goes
// on with what it has, so that one run shows all mistakes.
#include "orchestrator/document.h"
#include "orchestrator/policy.h"
#include "orchestrator/value.h"

#include <stdio.h>
#include <stdlib.h>

#define EXPANDED_SIZE_MAX 1024

struct variable {
    const char *name;
    uint32_t count;
    const struct document_node *values;
};

struct reader {
    struct policy *policy;
    struct problems *problems;
    uint32_t variable_count;
    struct variable variables[POLICY_VARIABLES_MAX];
    uint32_t chosen[POLICY_VARIABLES_MAX]; // index of the value in use
    struct names pairs;                    // "source -> destination" of every link
    bool full;                             // a limit was reached and reported
};

static void report(struct reader *reader, const struct document_error *error) {
    problems_error(reader->problems, error->line, error->remedy, "%s", error->what);
}

static bool no_memory(struct reader *reader) {
    if (!reader->full) {
        problems_error(reader->problems, 0, "free some memory and try again", "no memory to read the policy");
    }
    reader->full = true;
    return false;
}

// --- variables -----------------------------------------------------------------------------------------------------------

static bool is_letter(char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || letter == '_';
}

static bool is_word(char letter) {
    return is_letter(letter) || (letter >= '0' && letter <= '9');
}

// Finds the next `$name` or `${name}` at or after `text`. Returns its start, or NULL; `*length` covers all of it.
static const char *next_reference(const char *text, char name[NAME_SIZE_MAX], size_t *length) {
    for (const char *at = strchr(text, '$'); at != NULL; at = strchr(at + 1, '$')) {
        const char *start = at[1] == '{' ? at + 2 : at + 1;
        size_t size = 0;
        while (is_word(start[size])) {
            size++;
        }
        bool closed = at[1] != '{' || start[size] == '}';
        if (size > 0 && size < NAME_SIZE_MAX && is_letter(start[0]) && closed) {
            memcpy(name, start, size);
            name[size] = '\0';
            *length = (size_t)(start - at) + size + (at[1] == '{' ? 1 : 0);
            return at;
        }
    }
    return NULL;
}

static uint32_t variable_index(const struct reader *reader, const char *name) {
    uint32_t index = 0;
    while (index < reader->variable_count && strcmp(reader->variables[index].name, name) != 0) {
        index++;
    }
    return index;
}

// Bit i is set when the text names variable i. Reports names that are no variable.
static uint32_t text_mask(struct reader *reader, const struct document_node *node) {
    uint32_t mask = 0;
    char name[NAME_SIZE_MAX];
    size_t length = 0;
    for (const char *at = next_reference(node->text, name, &length); at != NULL;
         at = next_reference(at + length, name, &length)) {
        uint32_t index = variable_index(reader, name);
        if (index < reader->variable_count) {
            mask |= 1U << index;
            continue;
        }
        const char *names[POLICY_VARIABLES_MAX];
        char remedy[192];
        for (uint32_t i = 0; i < reader->variable_count; i++) {
            names[i] = reader->variables[i].name;
        }
        const char *closest = document_closest(name, names, reader->variable_count);
        snprintf(remedy, sizeof remedy, closest != NULL ? "did you mean '$%s'?" : "declare it under `each`: {%s: [...]}",
                 closest != NULL ? closest : name);
        problems_error(reader->problems, node->line, remedy, "there is no variable '$%s'", name);
    }
    return mask;
}

// The variables that an entry names anywhere. Depth is bounded by the document.
static uint32_t tree_mask(struct reader *reader, const struct document_node *root) {
    const struct document_node *stack[DOCUMENT_DEPTH_MAX + 1] = {root};
    uint32_t next[DOCUMENT_DEPTH_MAX + 1] = {0};
    int depth = 0;
    uint32_t mask = text_mask(reader, root);
    while (depth >= 0) {
        if (next[depth] == stack[depth]->count) {
            depth--;
            continue;
        }
        const struct document_node *child = stack[depth]->entries[next[depth]++].value;
        mask |= text_mask(reader, child);
        stack[++depth] = child;
        next[depth] = 0;
    }
    return mask;
}

// Sets the first combination of the masked variables.
static void choose_first(struct reader *reader) {
    memset(reader->chosen, 0, sizeof reader->chosen);
}

// Refuses an entry whose combinations alone exceed the limit of links, before any is made.
static bool combinations_fit(struct reader *reader, uint32_t mask, uint32_t line) {
    uint64_t product = 1;
    for (uint32_t i = 0; i < reader->variable_count; i++) {
        product *= (mask & (1U << i)) != 0 ? reader->variables[i].count : 1;
        if (product > POLICY_LINKS_MAX) {
            problems_error(reader->problems, line, "use fewer variables in one entry",
                           "the entry is repeated more than %d times", POLICY_LINKS_MAX);
            return false;
        }
    }
    return true;
}

// Moves on to the next combination; false after the last.
static bool choose_next(struct reader *reader, uint32_t mask) {
    for (uint32_t i = reader->variable_count; i-- > 0;) {
        if ((mask & (1U << i)) != 0) {
            if (++reader->chosen[i] < reader->variables[i].count) {
                return true;
            }
            reader->chosen[i] = 0;
        }
    }
    return false;
}

// The node's text with every variable written out; NULL after a report. Lives as long as the policy.
static const char *expand(struct reader *reader, const struct document_node *node) {
    char out[EXPANDED_SIZE_MAX];
    size_t used = 0;
    char name[NAME_SIZE_MAX];
    size_t length = 0;
    const char *from = node->text;
    const char *at = next_reference(from, name, &length);
    while (true) {
        size_t plain = at != NULL ? (size_t)(at - from) : strlen(from);
        const char *value = "";
        if (at != NULL) {
            uint32_t index = variable_index(reader, name);
            value = index < reader->variable_count ? reader->variables[index].values->entries[reader->chosen[index]].value->text
                                                   : name;
        }
        if (used + plain + strlen(value) >= sizeof out) {
            problems_error(reader->problems, node->line, "shorten it", "the text is longer than %d letters",
                           EXPANDED_SIZE_MAX - 1);
            return NULL;
        }
        memcpy(out + used, from, plain);
        memcpy(out + used + plain, value, strlen(value));
        used += plain + strlen(value);
        if (at == NULL) {
            break;
        }
        from = at + length;
        at = next_reference(from, name, &length);
    }
    out[used] = '\0';
    const char *kept = arena_keep(&reader->policy->arena, out);
    if (kept == NULL) {
        (void)no_memory(reader);
    }
    return kept;
}

static void read_variable(struct reader *reader, const struct document_entry *entry) {
    const struct document_node *values = entry->value;
    const char *name = entry->key->text;
    bool good = is_letter(name[0]) && strlen(name) < NAME_SIZE_MAX;
    for (const char *at = name; *at != '\0'; at++) {
        good = good && is_word(*at);
    }
    if (!good) {
        problems_error(reader->problems, entry->key->line, "use letters, digits and _, beginning with a letter",
                       "'%.60s' cannot be the name of a variable", name);
        return;
    }
    if (values->kind != DOCUMENT_SEQUENCE || values->count == 0) {
        problems_error(reader->problems, values->line, "write a list: [first, second]",
                       "the variable '%s' has no list of values", name);
        return;
    }
    for (uint32_t i = 0; i < values->count; i++) {
        const struct document_node *value = values->entries[i].value;
        if (value->kind != DOCUMENT_SCALAR || document_is_null(value) || strchr(value->text, '$') != NULL) {
            problems_error(reader->problems, value->line, "write a plain text", "a value of the variable '%s' is no plain text",
                           name);
            return;
        }
    }
    if (reader->variable_count == POLICY_VARIABLES_MAX) {
        problems_error(reader->problems, entry->key->line, "use at most 8", "there are too many variables under `each`");
        return;
    }
    reader->variables[reader->variable_count++] = (struct variable){name, values->count, values};
}

// --- small readers -------------------------------------------------------------------------------------------------------

static bool name_is_good(const char *text, const char *also) {
    for (const char *at = text; *at != '\0'; at++) {
        if (!is_word(*at) && *at != '-' && strchr(also, *at) == NULL) {
            return false;
        }
    }
    return text[0] != '\0' && strlen(text) < NAME_SIZE_MAX;
}

static bool check_name(struct reader *reader, uint32_t line, const char *what, const char *text, const char *also) {
    if (name_is_good(text, also)) {
        return true;
    }
    char remedy[128];
    snprintf(remedy, sizeof remedy, "use 1 to %d letters, digits, - _ %s", NAME_SIZE_MAX - 1, also);
    problems_error(reader->problems, line, remedy, "'%.80s' cannot be the name of a %s", text, what);
    return false;
}

// A key's value as one expanded name. Absent leaves text NULL.
static void read_name(struct reader *reader, const struct document_node *node, struct policy_name *out) {
    *out = (struct policy_name){0};
    if (node == NULL) {
        return;
    }
    struct document_error error;
    const char *text = NULL;
    if (!document_text(node, &text, &error)) {
        report(reader, &error);
        return;
    }
    out->text = expand(reader, node);
    out->line = node->line;
}

static void read_list(struct reader *reader, const struct document_node *node, struct policy_list *out) {
    *out = (struct policy_list){0};
    uint32_t count = document_list_count(node);
    if (count == 0) {
        return;
    }
    struct policy_name *items = arena_allocate(&reader->policy->arena, count * sizeof *items);
    if (items == NULL) {
        (void)no_memory(reader);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        read_name(reader, document_list_item(node, i), &items[out->count]);
        out->count += items[out->count].text != NULL ? 1 : 0;
    }
    out->items = items;
}

static void read_duration(struct reader *reader, const struct document_node *channel, const char *key, uint32_t *out_ms) {
    const struct document_node *node = document_get(channel, key);
    uint64_t value = 0;
    struct document_error error;
    if (node == NULL) {
        return;
    }
    if (!document_duration(node, &value, &error)) {
        report(reader, &error);
    } else if (value > UINT32_MAX || value == 0) {
        problems_error(reader->problems, node->line, "use more than 0 and at most 49d", "`%s` is out of range", key);
    } else {
        *out_ms = (uint32_t)value;
    }
}

static bool read_value(struct reader *reader, const struct document_node *node, struct policy_value *out) {
    struct document_error error;
    const char *written = node->kind == DOCUMENT_SCALAR ? expand(reader, node) : "";
    if (written == NULL) {
        return false;
    }
    if (!value_read(reader->policy, node, written, out, &error)) {
        report(reader, &error);
        *out = (struct policy_value){0};
        return false;
    }
    return true;
}

// Room for one more element in a growing array.
static void *grown(struct reader *reader, void *array, uint32_t count, uint32_t *room, size_t size, uint32_t limit,
                   const char *what) {
    if (count == limit) {
        if (!reader->full) {
            problems_error(reader->problems, 0, "split the policy", "there are more than %u %s", limit, what);
        }
        reader->full = true;
        return NULL;
    }
    if (count < *room) {
        return array;
    }
    uint32_t wanted = *room == 0 ? 64 : *room * 2;
    void *bigger = realloc(array, wanted * size);
    if (bigger == NULL) {
        (void)no_memory(reader);
        return NULL;
    }
    *room = wanted;
    return bigger;
}

// --- tasks ---------------------------------------------------------------------------------------------------------------

static void read_settings(struct reader *reader, const struct document_node *node, struct policy_task *task) {
    if (document_is_null(node)) {
        return;
    }
    if (node->kind != DOCUMENT_MAPPING) {
        problems_error(reader->problems, node->line, "write `set: {parameter: value}`", "`set` is no mapping");
        return;
    }
    struct policy_setting *settings = arena_allocate(&reader->policy->arena, (node->count + 1) * sizeof *settings);
    if (settings == NULL) {
        (void)no_memory(reader);
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        struct policy_setting *setting = &settings[task->setting_count];
        setting->name =
            (struct policy_name){node->entries[i].key->line, arena_keep(&reader->policy->arena, node->entries[i].key->text)};
        if (setting->name.text != NULL && read_value(reader, node->entries[i].value, &setting->value)) {
            task->setting_count++;
        }
    }
    task->settings = settings;
}

static void read_task(struct reader *reader, const struct document_entry *entry) {
    const struct document_node *body = entry->value;
    struct policy_task task = {.name = expand(reader, entry->key), .line = entry->key->line};
    if (task.name == NULL || !check_name(reader, task.line, "task", task.name, "")) {
        return;
    }
    read_name(reader, document_get(body, "component"), &task.component);
    if (task.component.text == NULL) {
        problems_error(reader->problems, task.line, "write `component: NAME`", "the task '%s' names no component", task.name);
        task.component = (struct policy_name){task.line, NULL};
    }
    read_name(reader, document_get(body, "on"), &task.on);
    read_list(reader, document_get(body, "near"), &task.near);
    read_list(reader, document_get(body, "requires"), &task.requires);
    read_list(reader, document_get(body, "apart"), &task.apart);
    read_settings(reader, document_get(body, "set"), &task);
    struct policy *policy = reader->policy;
    uint32_t first = names_find(&policy->task_names, task.name);
    if (first != NAMES_NONE) {
        problems_error(reader->problems, task.line, "give one of them another name",
                       "there are two tasks '%s', the first at line %u", task.name, policy->tasks[first].line);
        return;
    }
    struct policy_task *tasks =
        grown(reader, policy->tasks, policy->task_count, &policy->task_room, sizeof task, POLICY_TASKS_MAX, "tasks");
    if (tasks == NULL) {
        return;
    }
    policy->tasks = tasks;
    policy->tasks[policy->task_count] = task;
    if (!names_add(&policy->task_names, task.name, policy->task_count++)) {
        (void)no_memory(reader);
    }
}

// --- channels ------------------------------------------------------------------------------------------------------------

static void read_class(struct reader *reader, const struct document_node *channel, struct policy_link *link) {
    static const char *const classes[] = {"measurement", "event", "command"};
    struct policy_name name;
    read_name(reader, document_get(channel, "class"), &name);
    if (name.text == NULL) {
        problems_error(reader->problems, channel->line, "write `class: measurement`, `class: event` or `class: command`",
                       "the channel has no class");
        return;
    }
    for (uint32_t i = 0; i < DELIVERY_CLASS_COUNT; i++) {
        if (strcmp(name.text, classes[i]) == 0) {
            link->delivery = (enum delivery_class)i;
            return;
        }
    }
    const char *closest = document_closest(name.text, classes, DELIVERY_CLASS_COUNT);
    char remedy[96];
    snprintf(remedy, sizeof remedy, "%s%s%s", closest != NULL ? "did you mean '" : "use measurement, event or command",
             closest != NULL ? closest : "", closest != NULL ? "'?" : "");
    problems_error(reader->problems, name.line, remedy, "there is no class '%.60s'", name.text);
}

static void refuse_key(struct reader *reader, const struct document_node *channel, const char *key, const char *classes) {
    const struct document_node *node = document_get(channel, key);
    if (node != NULL) {
        char remedy[96];
        snprintf(remedy, sizeof remedy, "remove it, or change the class to %s", classes);
        problems_error(reader->problems, node->line, remedy, "`%s` has no meaning in this class", key);
    }
}

// Which keys go with which class: DESIGN.md §6.
static void check_class_keys(struct reader *reader, const struct document_node *channel, struct policy_link *link) {
    if (link->delivery != DELIVERY_MEASUREMENT) {
        refuse_key(reader, channel, "min_interval", "measurement");
        refuse_key(reader, channel, "max_interval", "measurement");
        refuse_key(reader, channel, "threshold", "measurement");
    }
    if (link->delivery == DELIVERY_COMMAND) {
        refuse_key(reader, channel, "stale_after", "measurement or event");
        refuse_key(reader, channel, "fallback", "measurement or event");
        if (document_get(channel, "expiry") == NULL) {
            problems_error(reader->problems, channel->line, "write how long a command holds, as in `expiry: 2h`",
                           "the command channel has no expiry");
        }
        if (link->priority == 0) {
            link->priority = POLICY_PRIORITY_DEFAULT;
        }
    } else {
        refuse_key(reader, channel, "priority", "command");
        refuse_key(reader, channel, "expiry", "command");
    }
    const struct document_node *fallback = document_get(channel, "fallback");
    if (fallback != NULL && document_get(channel, "stale_after") == NULL && link->delivery != DELIVERY_COMMAND) {
        problems_error(reader->problems, fallback->line, "write when the value is too old, as in `stale_after: 10min`",
                       "a fallback without `stale_after` is never used");
    }
    if (link->interval_max_ms != 0 && link->interval_max_ms < link->interval_min_ms) {
        problems_error(reader->problems, document_get(channel, "max_interval")->line, "make max_interval the longer one",
                       "max_interval is shorter than min_interval");
    }
}

static void read_timing(struct reader *reader, const struct document_node *channel, struct policy_link *link) {
    struct document_error error;
    read_duration(reader, channel, "min_interval", &link->interval_min_ms);
    read_duration(reader, channel, "max_interval", &link->interval_max_ms);
    read_duration(reader, channel, "stale_after", &link->stale_after_ms);
    read_duration(reader, channel, "expiry", &link->expiry_ms);
    const struct document_node *node = document_get(channel, "priority");
    uint64_t priority = 0;
    if (node != NULL && !document_whole(node, 1, 16, &priority, &error)) {
        report(reader, &error);
        priority = 16;
    }
    link->priority = (uint32_t)priority;
    node = document_get(channel, "threshold");
    if (node != NULL && !document_number(node, &link->threshold, &error)) {
        report(reader, &error);
    } else if (link->threshold < 0) {
        problems_error(reader->problems, node->line, "write how far a value must move to be sent", "the threshold is negative");
    }
    node = document_get(channel, "fallback");
    if (node != NULL) {
        (void)read_value(reader, node, &link->fallback);
    }
}

static void add_link(struct reader *reader, const struct policy_link *link) {
    struct policy *policy = reader->policy;
    char pair[2 * EXPANDED_SIZE_MAX + 8];
    snprintf(pair, sizeof pair, "%s -> %s", link->source.text, link->destination.text);
    uint32_t first = names_find(&reader->pairs, pair);
    if (first != NAMES_NONE) {
        if (policy->links[first].line != link->line) {
            problems_error(reader->problems, link->destination.line, "remove one of them",
                           "%s is connected twice, first at line %u", pair, policy->links[first].line);
        }
        return;
    }
    struct policy_link *links =
        grown(reader, policy->links, policy->link_count, &policy->link_room, sizeof *link, POLICY_LINKS_MAX, "links");
    const char *kept = arena_keep(&policy->arena, pair);
    if (links == NULL || kept == NULL) {
        return;
    }
    policy->links = links;
    policy->links[policy->link_count] = *link;
    if (!names_add(&reader->pairs, kept, policy->link_count++)) {
        (void)no_memory(reader);
    }
}

static void read_channel(struct reader *reader, const struct document_node *channel) {
    struct policy_link link = {.line = channel->line};
    struct policy_list destinations;
    read_name(reader, document_get(channel, "from"), &link.source);
    read_list(reader, document_get(channel, "to"), &destinations);
    read_class(reader, channel, &link);
    read_timing(reader, channel, &link);
    check_class_keys(reader, channel, &link);
    if (document_get(channel, "from") == NULL) {
        problems_error(reader->problems, channel->line, "write `from: TASK.OUTPUT` or `from: RESOURCE`",
                       "the channel has no source");
    }
    if (document_list_count(document_get(channel, "to")) == 0) {
        problems_error(reader->problems, channel->line, "write `to: [TASK.INPUT, ...]` or `to: RESOURCE`",
                       "the channel has no destination");
    }
    for (uint32_t i = 0; i < destinations.count && link.source.text != NULL; i++) {
        link.destination = destinations.items[i];
        add_link(reader, &link);
    }
}

// --- resources -----------------------------------------------------------------------------------------------------------

static void read_resource(struct reader *reader, const struct document_entry *entry) {
    struct policy *policy = reader->policy;
    struct policy_resource resource = {.name = {entry->key->line, expand(reader, entry->key)}};
    if (resource.name.text == NULL || !check_name(reader, resource.name.line, "resource", resource.name.text, "/.:")) {
        return;
    }
    const struct document_node *safe = document_get(entry->value, "safe");
    if (safe != NULL) {
        (void)read_value(reader, safe, &resource.safe);
    }
    uint32_t first = names_find(&policy->resource_names, resource.name.text);
    if (first != NAMES_NONE) {
        problems_error(reader->problems, resource.name.line, "keep one of them",
                       "the resource '%s' is described twice, first at line %u", resource.name.text,
                       policy->resources[first].name.line);
        return;
    }
    struct policy_resource *resources = grown(reader, policy->resources, policy->resource_count, &policy->resource_room,
                                              sizeof resource, POLICY_LINKS_MAX, "resources");
    if (resources == NULL) {
        return;
    }
    policy->resources = resources;
    policy->resources[policy->resource_count] = resource;
    if (!names_add(&policy->resource_names, resource.name.text, policy->resource_count++)) {
        (void)no_memory(reader);
    }
}

// --- the file ------------------------------------------------------------------------------------------------------------

// Tasks and resources: the name says which variables repeat the entry.
static void read_named(struct reader *reader, const struct document_node *section, const char *what, const char *const *keys,
                       size_t key_count, void (*read)(struct reader *, const struct document_entry *)) {
    struct document_error error;
    if (document_is_null(section)) {
        return;
    }
    if (section->kind != DOCUMENT_MAPPING) {
        problems_error(reader->problems, section->line, "write `name: {...}` lines", "expected a mapping of names here");
        return;
    }
    for (uint32_t i = 0; i < section->count && !reader->full; i++) {
        const struct document_entry *entry = &section->entries[i];
        if (!document_check_keys(entry->value, what, keys, key_count, &error)) {
            report(reader, &error);
        }
        uint32_t mask = text_mask(reader, entry->key);
        if ((tree_mask(reader, entry->value) & ~mask) != 0) {
            problems_error(reader->problems, entry->key->line,
                           "put the variable into the name too, so that each gets a name of its own",
                           "'%.80s' uses a variable that its name does not have", entry->key->text);
            continue;
        }
        if (!combinations_fit(reader, mask, entry->key->line)) {
            continue;
        }
        choose_first(reader);
        do {
            read(reader, entry);
        } while (choose_next(reader, mask) && !reader->full);
    }
}

static void read_channels(struct reader *reader, const struct document_node *section) {
    static const char *const keys[] = {"from",      "to",     "class",    "min_interval", "max_interval",
                                       "threshold", "expiry", "priority", "stale_after",  "fallback"};
    struct document_error error;
    if (document_is_null(section)) {
        return;
    }
    if (section->kind != DOCUMENT_SEQUENCE) {
        problems_error(reader->problems, section->line, "begin each channel with `- from: ...`", "`channels` is no list");
        return;
    }
    for (uint32_t i = 0; i < section->count && !reader->full; i++) {
        const struct document_node *channel = section->entries[i].value;
        if (!document_check_keys(channel, "a channel", keys, sizeof keys / sizeof *keys, &error)) {
            report(reader, &error);
        }
        if (channel->kind != DOCUMENT_MAPPING) {
            continue;
        }
        uint32_t mask = tree_mask(reader, channel);
        if (!combinations_fit(reader, mask, channel->line)) {
            continue;
        }
        choose_first(reader);
        do {
            read_channel(reader, channel);
        } while (choose_next(reader, mask) && !reader->full);
    }
}

static void read_root(struct reader *reader, const struct document_node *root) {
    static const char *const root_keys[] = {"policy", "each", "components", "tasks", "channels", "resources"};
    static const char *const task_keys[] = {"component", "set", "on", "near", "requires", "apart"};
    static const char *const resource_keys[] = {"safe"};
    struct document_error error;
    struct policy_name name;
    if (!document_check_keys(root, "a policy", root_keys, sizeof root_keys / sizeof *root_keys, &error)) {
        report(reader, &error);
    }
    read_name(reader, document_get(root, "policy"), &name);
    if (name.text == NULL) {
        problems_error(reader->problems, 1, "write `policy: NAME` at the top", "the policy has no name");
    } else if (check_name(reader, name.line, "policy", name.text, ".")) {
        snprintf(reader->policy->name, sizeof reader->policy->name, "%s", name.text);
    }
    const struct document_node *each = document_get(root, "each");
    for (uint32_t i = 0; each != NULL && each->kind == DOCUMENT_MAPPING && i < each->count; i++) {
        read_variable(reader, &each->entries[i]);
    }
    if (!document_is_null(each) && each->kind != DOCUMENT_MAPPING) {
        problems_error(reader->problems, each->line, "write `each: {zone: [first, second]}`", "`each` is no mapping");
    }
    read_list(reader, document_get(root, "components"), &reader->policy->components);
    read_named(reader, document_get(root, "tasks"), "a task", task_keys, sizeof task_keys / sizeof *task_keys, read_task);
    read_named(reader, document_get(root, "resources"), "a resource", resource_keys, 1, read_resource);
    read_channels(reader, document_get(root, "channels"));
    if (document_is_null(document_get(root, "tasks")) && document_is_null(document_get(root, "channels"))) {
        problems_warning(reader->problems, 1, "add `tasks` and `channels`", "the policy does nothing");
    }
}

struct policy *policy_parse(struct bytes text, struct problems *problems) {
    struct document *document = NULL;
    struct document_error error;
    if (document_parse(text, &document, &error) != ERROR_NONE) {
        problems_error(problems, error.line, error.remedy, "%s", error.what);
        return NULL;
    }
    const struct document_node *root = document_root(document);
    struct policy *policy = NULL;
    if (root->kind != DOCUMENT_MAPPING) {
        problems_error(problems, root->line, "begin with `policy: NAME`", "a policy is a mapping of keys and values");
    } else {
        policy = calloc(1, sizeof *policy);
        struct reader reader = {.policy = policy, .problems = problems};
        if (policy == NULL) {
            (void)no_memory(&reader);
        } else {
            read_root(&reader, root);
        }
        names_free(&reader.pairs);
    }
    document_free(document);
    return policy;
}
