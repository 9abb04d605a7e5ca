// From the YAML tree to a policy: every `$name` is written out here, and nothing is known yet of components and nodes.
//
// An entry is read once for each combination of the variables that it names. A reader that finds a mistake reports it and goes
// on with what it has, so that one run shows all mistakes.
#include "orchestrator/policy_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "orchestrator/value.h"

void reader_report(struct reader *reader, const struct document_error *error) {
    problems_error(reader->problems, error->line, error->remedy, "%s", error->what);
}

bool reader_no_memory(struct reader *reader) {
    if (!reader->full) {
        problems_error(reader->problems, 0, "free some memory and try again", "no memory to read the policy");
    }
    reader->full = true;
    return false;
}

// --- small readers -------------------------------------------------------------------------------------------------------

static bool name_is_good(const char *text, const char *also) {
    for (const char *at = text; *at != '\0'; at++) {
        if (!reader_is_word(*at) && *at != '-' && strchr(also, *at) == NULL) {
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
void reader_name(struct reader *reader, const struct document_node *node, struct policy_name *out) {
    *out = (struct policy_name){0};
    if (node == NULL) {
        return;
    }
    struct document_error error;
    const char *text = NULL;
    if (!document_text(node, &text, &error)) {
        reader_report(reader, &error);
        return;
    }
    out->text = reader_expand(reader, node);
    out->line = node->line;
}

void reader_list(struct reader *reader, const struct document_node *node, struct policy_list *out) {
    *out = (struct policy_list){0};
    uint32_t count = document_list_count(node);
    if (count == 0) {
        return;
    }
    struct policy_name *items = arena_allocate(&reader->policy->arena, count * sizeof *items);
    if (items == NULL) {
        (void)reader_no_memory(reader);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        reader_name(reader, document_list_item(node, i), &items[out->count]);
        out->count += items[out->count].text != NULL ? 1 : 0;
    }
    out->items = items;
}

bool reader_value(struct reader *reader, const struct document_node *node, struct policy_value *out) {
    struct document_error error;
    const char *written = node->kind == DOCUMENT_SCALAR ? reader_expand(reader, node) : "";
    if (written == NULL) {
        return false;
    }
    if (!value_read(reader->policy, node, written, out, &error)) {
        reader_report(reader, &error);
        *out = (struct policy_value){0};
        return false;
    }
    return true;
}

uint32_t reader_word(struct reader *reader, const struct document_node *node, const char *what, const char *const *words,
                     uint32_t count, uint32_t absent) {
    struct policy_name name;
    reader_name(reader, node, &name);
    if (name.text == NULL) {
        return node == NULL ? absent : count; // a list or a mapping was reported
    }
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(name.text, words[i]) == 0) {
            return i;
        }
    }
    const char *closest = document_closest(name.text, words, count);
    char remedy[96];
    if (closest != NULL) {
        snprintf(remedy, sizeof remedy, "did you mean '%s'?", closest);
    } else {
        size_t used = (size_t)snprintf(remedy, sizeof remedy, "use");
        for (uint32_t i = 0; i < count && used < sizeof remedy; i++) {
            const char *joint = i == 0 ? "" : (i + 1 < count ? "," : " or");
            used += (size_t)snprintf(remedy + used, sizeof remedy - used, "%s %s", joint, words[i]);
        }
    }
    problems_error(reader->problems, name.line, remedy, "there is no %s '%.60s'", what, name.text);
    return count;
}

// Room for one more element in a growing array.
void *reader_grown(struct reader *reader, void *array, uint32_t count, uint32_t *room, size_t size, uint32_t limit,
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
        (void)reader_no_memory(reader);
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
        (void)reader_no_memory(reader);
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        struct policy_setting *setting = &settings[task->setting_count];
        setting->name =
            (struct policy_name){node->entries[i].key->line, arena_keep(&reader->policy->arena, node->entries[i].key->text)};
        if (setting->name.text != NULL && reader_value(reader, node->entries[i].value, &setting->value)) {
            task->setting_count++;
        }
    }
    task->settings = settings;
}

// `durability` of a task or a resource.
static enum policy_durability read_durability(struct reader *reader, const struct document_node *node) {
    static const char *const words[] = {"none", "local"};
    static const enum policy_durability meanings[] = {POLICY_DURABILITY_NONE, POLICY_DURABILITY_LOCAL,
                                                      POLICY_DURABILITY_DEFAULT};
    return node == NULL ? POLICY_DURABILITY_DEFAULT : meanings[reader_word(reader, node, "durability", words, 2, 2)];
}

static void read_task(struct reader *reader, const struct document_entry *entry) {
    const struct document_node *body = entry->value;
    struct policy_task task = {.name = reader_expand(reader, entry->key), .line = entry->key->line};
    if (task.name == NULL || !check_name(reader, task.line, "task", task.name, "")) {
        return;
    }
    reader_name(reader, document_get(body, "component"), &task.component);
    if (task.component.text == NULL) {
        problems_error(reader->problems, task.line, "write `component: NAME`", "the task '%s' names no component", task.name);
        task.component = (struct policy_name){task.line, NULL};
    }
    reader_name(reader, document_get(body, "on"), &task.on);
    reader_list(reader, document_get(body, "near"), &task.near);
    reader_list(reader, document_get(body, "requires"), &task.requires);
    reader_list(reader, document_get(body, "apart"), &task.apart);
    task.durability = read_durability(reader, document_get(body, "durability"));
    read_settings(reader, document_get(body, "set"), &task);
    struct policy *policy = reader->policy;
    uint32_t first = names_find(&policy->task_names, task.name);
    if (first != NAMES_NONE) {
        problems_error(reader->problems, task.line, "give one of them another name",
                       "there are two tasks '%s', the first at line %u", task.name, policy->tasks[first].line);
        return;
    }
    struct policy_task *tasks =
        reader_grown(reader, policy->tasks, policy->task_count, &policy->task_room, sizeof task, POLICY_TASKS_MAX, "tasks");
    if (tasks == NULL) {
        return;
    }
    policy->tasks = tasks;
    policy->tasks[policy->task_count] = task;
    if (!names_add(&policy->task_names, task.name, policy->task_count++)) {
        (void)reader_no_memory(reader);
    }
}

// --- resources -----------------------------------------------------------------------------------------------------------

static void read_resource(struct reader *reader, const struct document_entry *entry) {
    struct policy *policy = reader->policy;
    struct policy_resource resource = {.name = {entry->key->line, reader_expand(reader, entry->key)}};
    if (resource.name.text == NULL || !check_name(reader, resource.name.line, "resource", resource.name.text, "/.:")) {
        return;
    }
    const struct document_node *safe = document_get(entry->value, "safe");
    if (safe != NULL) {
        (void)reader_value(reader, safe, &resource.safe);
    }
    const struct document_node *durability = document_get(entry->value, "durability");
    resource.durability = read_durability(reader, durability);
    resource.durability_line = durability != NULL ? durability->line : 0;
    uint32_t first = names_find(&policy->resource_names, resource.name.text);
    if (first != NAMES_NONE) {
        problems_error(reader->problems, resource.name.line, "keep one of them",
                       "the resource '%s' is described twice, first at line %u", resource.name.text,
                       policy->resources[first].name.line);
        return;
    }
    struct policy_resource *resources = reader_grown(reader, policy->resources, policy->resource_count, &policy->resource_room,
                                                     sizeof resource, POLICY_LINKS_MAX, "resources");
    if (resources == NULL) {
        return;
    }
    policy->resources = resources;
    policy->resources[policy->resource_count] = resource;
    if (!names_add(&policy->resource_names, resource.name.text, policy->resource_count++)) {
        (void)reader_no_memory(reader);
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
            reader_report(reader, &error);
        }
        uint32_t mask = reader_text_mask(reader, entry->key);
        if ((reader_tree_mask(reader, entry->value) & ~mask) != 0) {
            problems_error(reader->problems, entry->key->line,
                           "put the variable into the name too, so that each gets a name of its own",
                           "'%.80s' uses a variable that its name does not have", entry->key->text);
            continue;
        }
        if (!reader_combinations_fit(reader, mask, entry->key->line)) {
            continue;
        }
        reader_choose_first(reader);
        do {
            read(reader, entry);
        } while (reader_choose_next(reader, mask) && !reader->full);
    }
}

static void read_root(struct reader *reader, const struct document_node *root) {
    static const char *const root_keys[] = {"policy", "each", "components", "tasks", "channels", "resources"};
    static const char *const task_keys[] = {"component", "set", "on", "near", "requires", "apart", "durability"};
    static const char *const resource_keys[] = {"safe", "durability"};
    struct document_error error;
    struct policy_name name;
    if (!document_check_keys(root, "a policy", root_keys, sizeof root_keys / sizeof *root_keys, &error)) {
        reader_report(reader, &error);
    }
    reader_name(reader, document_get(root, "policy"), &name);
    if (name.text == NULL) {
        problems_error(reader->problems, 1, "write `policy: NAME` at the top", "the policy has no name");
    } else if (check_name(reader, name.line, "policy", name.text, ".")) {
        snprintf(reader->policy->name, sizeof reader->policy->name, "%s", name.text);
    }
    const struct document_node *each = document_get(root, "each");
    for (uint32_t i = 0; each != NULL && each->kind == DOCUMENT_MAPPING && i < each->count; i++) {
        reader_variable(reader, &each->entries[i]);
    }
    if (!document_is_null(each) && each->kind != DOCUMENT_MAPPING) {
        problems_error(reader->problems, each->line, "write `each: {zone: [first, second]}`", "`each` is no mapping");
    }
    reader_list(reader, document_get(root, "components"), &reader->policy->components);
    read_named(reader, document_get(root, "tasks"), "a task", task_keys, sizeof task_keys / sizeof *task_keys, read_task);
    read_named(reader, document_get(root, "resources"), "a resource", resource_keys,
               sizeof resource_keys / sizeof *resource_keys, read_resource);
    reader_channels(reader, document_get(root, "channels"));
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
            (void)reader_no_memory(&reader);
        } else {
            read_root(&reader, root);
        }
        names_free(&reader.pairs);
    }
    document_free(document);
    return policy;
}
