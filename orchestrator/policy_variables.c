// The variables of a policy: which ones an entry names, every combination of their values, and texts with `$name` written out.
#include "orchestrator/policy_private.h"

#include <stdio.h>

static bool is_letter(char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || letter == '_';
}

bool reader_is_word(char letter) {
    return is_letter(letter) || (letter >= '0' && letter <= '9');
}

// Finds the next `$name` or `${name}` at or after `text`. Returns its start, or NULL; `*length` covers all of it.
static const char *next_reference(const char *text, char name[NAME_SIZE_MAX], size_t *length) {
    for (const char *at = strchr(text, '$'); at != NULL; at = strchr(at + 1, '$')) {
        const char *start = at[1] == '{' ? at + 2 : at + 1;
        size_t size = 0;
        while (reader_is_word(start[size])) {
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
uint32_t reader_text_mask(struct reader *reader, const struct document_node *node) {
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
uint32_t reader_tree_mask(struct reader *reader, const struct document_node *root) {
    const struct document_node *stack[DOCUMENT_DEPTH_MAX + 1] = {root};
    uint32_t next[DOCUMENT_DEPTH_MAX + 1] = {0};
    int depth = 0;
    uint32_t mask = reader_text_mask(reader, root);
    while (depth >= 0) {
        if (next[depth] == stack[depth]->count) {
            depth--;
            continue;
        }
        const struct document_node *child = stack[depth]->entries[next[depth]++].value;
        mask |= reader_text_mask(reader, child);
        stack[++depth] = child;
        next[depth] = 0;
    }
    return mask;
}

// Sets the first combination of the masked variables.
void reader_choose_first(struct reader *reader) {
    memset(reader->chosen, 0, sizeof reader->chosen);
}

// Refuses an entry whose combinations alone exceed the limit of links, before any is made.
bool reader_combinations_fit(struct reader *reader, uint32_t mask, uint32_t line) {
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
bool reader_choose_next(struct reader *reader, uint32_t mask) {
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
const char *reader_expand(struct reader *reader, const struct document_node *node) {
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
        (void)reader_no_memory(reader);
    }
    return kept;
}

void reader_variable(struct reader *reader, const struct document_entry *entry) {
    const struct document_node *values = entry->value;
    const char *name = entry->key->text;
    bool good = is_letter(name[0]) && strlen(name) < NAME_SIZE_MAX;
    for (const char *at = name; *at != '\0'; at++) {
        good = good && reader_is_word(*at);
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
