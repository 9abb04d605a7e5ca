// The YAML tree. libyaml reads the text into its own document; one pass turns that into our nodes, which live in one arena.
//
// libyaml numbers nodes from 1 in the order in which they open, so a child's number is above its parent's unless it is an
// alias. One loop in that order finds depth, aliases (a node with two parents) and cycles without recursion.
#include "orchestrator/document.h"

#include "port/port.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

struct document {
    uint32_t node_count;
    struct document_node *nodes;
    struct document_entry *entries;
    char *texts;
};

static const struct document_node empty_mapping = {.kind = DOCUMENT_MAPPING, .line = 1, .column = 1, .text = ""};

static void error_at(struct document_error *error, uint32_t line, uint32_t column, const char *what, const char *remedy) {
    error->line = line;
    error->column = column;
    snprintf(error->what, sizeof error->what, "%s", what);
    snprintf(error->remedy, sizeof error->remedy, "%s", remedy);
}

bool document_refuse(const struct document_node *node, struct document_error *error, const char *what, const char *remedy) {
    error_at(error, node->line, node->column, what, remedy);
    return false;
}

// libyaml speaks of the YAML specification's productions; the remedy names the usual causes.
static enum error refuse_syntax(const yaml_parser_t *parser, struct document_error *error) {
    const yaml_mark_t *mark = &parser->problem_mark;
    char what[224];
    const char *problem = parser->problem != NULL ? parser->problem : "unreadable text";
    if (parser->error == YAML_MEMORY_ERROR) {
        error_at(error, 0, 0, "no memory to read the YAML text", "free some memory and try again");
        return ERROR_MEMORY;
    }
    if (parser->error == YAML_READER_ERROR) {
        snprintf(what, sizeof what, "the text is not UTF-8 (%s at byte %zu)", problem, parser->problem_offset);
        error_at(error, 1, 1, what, "save the file as UTF-8 text");
        return ERROR_MALFORMED;
    }
    if (parser->context != NULL) {
        snprintf(what, sizeof what, "bad YAML: %s, %s", problem, parser->context);
    } else {
        snprintf(what, sizeof what, "bad YAML: %s", problem);
    }
    error_at(error, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1, what,
             "check indentation (spaces, no tabs), colons, quotes and brackets on this line and the one before");
    return ERROR_MALFORMED;
}

struct tally {
    size_t entries;
    size_t text_bytes;
};

// What a node of libyaml needs in our arena.
static void tally_node(const yaml_node_t *node, struct tally *tally) {
    if (node->type == YAML_SCALAR_NODE) {
        tally->text_bytes += node->data.scalar.length + 1;
    } else if (node->type == YAML_SEQUENCE_NODE) {
        tally->entries += (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    } else if (node->type == YAML_MAPPING_NODE) {
        tally->entries += (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    }
}

struct conversion {
    struct document *document;
    const yaml_document_t *source;
    uint8_t *depths; // by node; 0 = no parent yet
    size_t entries_used;
    size_t text_used;
    struct document_error *error;
};

static enum error adopt(struct conversion *conversion, uint32_t parent, int child_id, const struct document_node **out) {
    uint32_t child = (uint32_t)child_id - 1;
    const yaml_mark_t *mark = &conversion->source->nodes.start[child].start_mark;
    struct document_node *node = &conversion->document->nodes[child];
    *out = node;
    if (child <= parent || conversion->depths[child] != 0) {
        char what[96];
        snprintf(what, sizeof what, "an alias (*name) refers to the value at line %u", (unsigned)mark->line + 1);
        const struct document_node *holder = &conversion->document->nodes[parent];
        error_at(conversion->error, holder->line, holder->column, what, "write the value out again, or use `each`");
        return ERROR_MALFORMED;
    }
    uint8_t depth = (uint8_t)(conversion->depths[parent] + 1);
    if (depth > DOCUMENT_DEPTH_MAX) {
        error_at(conversion->error, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1,
                 "lists and mappings are nested too deeply", "nest at most 32 levels");
        return ERROR_TOO_LARGE;
    }
    conversion->depths[child] = depth;
    return ERROR_NONE;
}

static enum error convert_scalar(struct conversion *conversion, const yaml_node_t *from, struct document_node *node) {
    node->kind = DOCUMENT_SCALAR;
    node->quoted = from->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    char *text = conversion->document->texts + conversion->text_used;
    memcpy(text, from->data.scalar.value, from->data.scalar.length);
    text[from->data.scalar.length] = '\0';
    conversion->text_used += from->data.scalar.length + 1;
    node->text = text;
    if (strlen(text) != from->data.scalar.length) {
        (void)document_refuse(node, conversion->error, "a text contains the NUL character", "remove it");
        return ERROR_MALFORMED;
    }
    return ERROR_NONE;
}

static enum error convert_sequence(struct conversion *conversion, const yaml_node_t *from, uint32_t index) {
    struct document_node *node = &conversion->document->nodes[index];
    struct document_entry *entries = conversion->document->entries + conversion->entries_used;
    node->kind = DOCUMENT_SEQUENCE;
    node->entries = entries;
    enum error error = ERROR_NONE;
    for (const yaml_node_item_t *item = from->data.sequence.items.start; item < from->data.sequence.items.top; item++) {
        error = adopt(conversion, index, *item, &entries[node->count].value);
        if (error != ERROR_NONE) {
            return error;
        }
        entries[node->count].key = NULL;
        node->count++;
    }
    conversion->entries_used += node->count;
    return ERROR_NONE;
}

static enum error convert_mapping(struct conversion *conversion, const yaml_node_t *from, uint32_t index) {
    struct document_node *node = &conversion->document->nodes[index];
    struct document_entry *entries = conversion->document->entries + conversion->entries_used;
    node->kind = DOCUMENT_MAPPING;
    node->entries = entries;
    for (const yaml_node_pair_t *pair = from->data.mapping.pairs.start; pair < from->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = &conversion->source->nodes.start[pair->key - 1];
        if (key->type != YAML_SCALAR_NODE) {
            error_at(conversion->error, (uint32_t)key->start_mark.line + 1, (uint32_t)key->start_mark.column + 1,
                     "a key is a list or a mapping", "write a plain name before the colon");
            return ERROR_MALFORMED;
        }
        enum error error = adopt(conversion, index, pair->key, &entries[node->count].key);
        if (error == ERROR_NONE) {
            error = adopt(conversion, index, pair->value, &entries[node->count].value);
        }
        if (error != ERROR_NONE) {
            return error;
        }
        node->count++;
    }
    conversion->entries_used += node->count;
    return ERROR_NONE;
}

static int compare_keys(const void *a, const void *b) {
    const struct document_node *left = *(const struct document_node *const *)a;
    const struct document_node *right = *(const struct document_node *const *)b;
    int order = strcmp(left->text, right->text);
    return order != 0 ? order : (left < right ? -1 : 1);
}

// Two equal keys in one mapping: one of them would be lost silently. Sorting keeps a hostile file from costing quadratic time.
static enum error refuse_equal_keys(const struct document_node *node, const struct document_node **keys,
                                    struct document_error *error) {
    for (uint32_t i = 0; i < node->count; i++) {
        keys[i] = node->entries[i].key;
    }
    qsort(keys, node->count, sizeof *keys, compare_keys);
    for (uint32_t i = 1; i < node->count; i++) {
        if (strcmp(keys[i - 1]->text, keys[i]->text) == 0) {
            char what[224];
            snprintf(what, sizeof what, "the key '%.100s' is there twice, first at line %u", keys[i]->text, keys[i - 1]->line);
            (void)document_refuse(keys[i], error, what, "rename or remove one of the two");
            return ERROR_MALFORMED;
        }
    }
    return ERROR_NONE;
}

static enum error convert(struct conversion *conversion) {
    struct document *document = conversion->document;
    const yaml_node_t *from = conversion->source->nodes.start;
    for (uint32_t i = 0; i < document->node_count; i++) {
        document->nodes[i].line = (uint32_t)from[i].start_mark.line + 1;
        document->nodes[i].column = (uint32_t)from[i].start_mark.column + 1;
        document->nodes[i].text = "";
    }
    conversion->depths[0] = 1;
    enum error error = ERROR_NONE;
    for (uint32_t i = 0; i < document->node_count && error == ERROR_NONE; i++) {
        if (from[i].type == YAML_SCALAR_NODE) {
            error = convert_scalar(conversion, &from[i], &document->nodes[i]);
        } else if (from[i].type == YAML_SEQUENCE_NODE) {
            error = convert_sequence(conversion, &from[i], i);
        } else {
            error = convert_mapping(conversion, &from[i], i);
        }
    }
    if (error != ERROR_NONE) {
        return error;
    }
    const struct document_node **keys = calloc(document->node_count, sizeof *keys);
    if (keys == NULL) {
        return ERROR_MEMORY;
    }
    for (uint32_t i = 0; i < document->node_count && error == ERROR_NONE; i++) {
        if (document->nodes[i].kind == DOCUMENT_MAPPING) {
            error = refuse_equal_keys(&document->nodes[i], keys, conversion->error);
        }
    }
    free((void *)keys);
    return error;
}

static enum error build_tree(const yaml_document_t *source, struct document **out, struct document_error *error) {
    size_t node_count = (size_t)(source->nodes.top - source->nodes.start);
    struct tally tally = {0};
    for (size_t i = 0; i < node_count; i++) {
        tally_node(&source->nodes.start[i], &tally);
    }
    struct document *document = calloc(1, sizeof *document);
    uint8_t *depths = calloc(node_count + 1, 1);
    if (document != NULL) {
        document->node_count = (uint32_t)node_count;
        document->nodes = calloc(node_count + 1, sizeof *document->nodes);
        document->entries = calloc(tally.entries + 1, sizeof *document->entries);
        document->texts = calloc(tally.text_bytes + 1, 1);
    }
    enum error result = ERROR_MEMORY;
    error_at(error, 0, 0, "no memory to read the YAML text", "free some memory and try again");
    if (document != NULL && depths != NULL && document->nodes != NULL && document->entries != NULL && document->texts != NULL) {
        struct conversion conversion = {.document = document, .source = source, .depths = depths, .error = error};
        result = convert(&conversion);
    }
    free(depths);
    if (result != ERROR_NONE) {
        document_free(document);
        return result;
    }
    *out = document;
    return ERROR_NONE;
}

// One text is one document: a second one would be ignored silently.
static enum error refuse_second(yaml_parser_t *parser, struct document_error *error) {
    yaml_document_t second;
    if (yaml_parser_load(parser, &second) == 0) {
        return refuse_syntax(parser, error);
    }
    const yaml_node_t *root = yaml_document_get_root_node(&second);
    enum error result = ERROR_NONE;
    if (root != NULL) {
        error_at(error, (uint32_t)root->start_mark.line + 1, 1, "a second YAML document begins here",
                 "remove the line '---', or put it in a file of its own");
        result = ERROR_MALFORMED;
    }
    yaml_document_delete(&second);
    return result;
}

enum error document_parse(struct bytes text, struct document **out, struct document_error *error) {
    *out = NULL;
    memset(error, 0, sizeof *error);
    if (text.size > DOCUMENT_SIZE_MAX) {
        error_at(error, 0, 0, "the text is larger than 4 MiB", "split it, or use `each` for what repeats");
        return ERROR_TOO_LARGE;
    }
    yaml_parser_t parser;
    yaml_document_t source;
    if (yaml_parser_initialize(&parser) == 0) {
        error_at(error, 0, 0, "no memory to read the YAML text", "free some memory and try again");
        return ERROR_MEMORY;
    }
    yaml_parser_set_input_string(&parser, text.size > 0 ? text.data : (const uint8_t *)"", text.size);
    enum error result = ERROR_NONE;
    if (yaml_parser_load(&parser, &source) == 0) {
        result = refuse_syntax(&parser, error);
    } else {
        result = build_tree(&source, out, error);
        if (result == ERROR_NONE && (*out)->node_count > 0) {
            result = refuse_second(&parser, error);
        }
        yaml_document_delete(&source);
    }
    yaml_parser_delete(&parser);
    if (result != ERROR_NONE) {
        document_free(*out);
        *out = NULL;
    }
    return result;
}

enum error document_read(const char *path, struct document **out, struct document_error *error) {
    struct bytes text = {NULL, 0};
    *out = NULL;
    memset(error, 0, sizeof *error);
    enum error result = port_file_read(path, DOCUMENT_SIZE_MAX, &text);
    if (result == ERROR_NOT_FOUND) {
        error_at(error, 0, 0, "there is no such file", "check the path");
        return result;
    }
    if (result == ERROR_TOO_LARGE) {
        error_at(error, 0, 0, "the file is larger than 4 MiB", "split it, or use `each` for what repeats");
        return result;
    }
    if (result != ERROR_NONE) {
        error_at(error, 0, 0, "the file cannot be read", "check that it is a file and that you may read it");
        return result;
    }
    result = document_parse(text, out, error);
    free((void *)(uintptr_t)text.data);
    return result;
}

void document_free(struct document *document) {
    if (document != NULL) {
        free(document->nodes);
        free(document->entries);
        free(document->texts);
        free(document);
    }
}

const struct document_node *document_root(const struct document *document) {
    return document->node_count > 0 ? &document->nodes[0] : &empty_mapping;
}

const struct document_node *document_get(const struct document_node *node, const char *key) {
    if (node == NULL || node->kind != DOCUMENT_MAPPING) {
        return NULL;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        if (strcmp(node->entries[i].key->text, key) == 0) {
            return node->entries[i].value;
        }
    }
    return NULL;
}
