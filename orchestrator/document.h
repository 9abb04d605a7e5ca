// A YAML file as a tree in which every node knows its place, so that whatever is wrong with it can be said with file and line.
//
//   struct document *document;
//   struct document_error error;
//   if (document_read("policy.yaml", &document, &error) != ERROR_NONE) { document_error_text("policy.yaml", &error, text,
//   sizeof text); ... } const struct document_node *tasks = document_get(document_root(document), "tasks"); for (uint32_t i =
//   0; tasks != NULL && i < tasks->count; i++) { tasks->entries[i].key->text ... tasks->entries[i].value ... }
//   document_free(document);
//
// Reading is libyaml's; what YAML allows and no file of ours needs is refused: aliases, keys that are not plain text, equal
// keys in one mapping, a second document in the file, the NUL character in a text. Memory: the tree belongs to the document
// until document_free; on failure nothing is allocated. The helpers below read one node and, on failure, fill the error with
// its place. Used by the policy reader, the node's configuration and `tenon build`: depends on core/ and port/ only.
#ifndef TENON_ORCHESTRATOR_DOCUMENT_H
#define TENON_ORCHESTRATOR_DOCUMENT_H

#include "core/bytes.h"
#include "core/error.h"

// A policy for a campus of 100,000 tasks with `each` stays well under this; it bounds what a careless upload can cost.
#define DOCUMENT_SIZE_MAX (4 * 1024 * 1024)
// Our deepest file nests 6 levels.
#define DOCUMENT_DEPTH_MAX 32

enum document_kind { DOCUMENT_SCALAR, DOCUMENT_MAPPING, DOCUMENT_SEQUENCE };

struct document_node;

struct document_entry {
    const struct document_node *key; // NULL in a sequence
    const struct document_node *value;
};

struct document_node {
    enum document_kind kind;
    uint32_t line;    // from 1
    uint32_t column;  // from 1
    bool quoted;      // a scalar in quotes: text, whatever it looks like
    const char *text; // of a scalar; "" otherwise
    uint32_t count;   // entries of a mapping or sequence, in the order of the file
    const struct document_entry *entries;
};

// What is wrong, where, and what to do about it. `line` is 0 when no line can be named (the file cannot be opened).
struct document_error {
    uint32_t line;
    uint32_t column;
    char what[224];
    char remedy[160];
};

struct document;

// Parses a text. ERROR_MALFORMED with place and remedy; ERROR_TOO_LARGE (over DOCUMENT_SIZE_MAX or DOCUMENT_DEPTH_MAX);
// ERROR_MEMORY. An empty text gives an empty mapping. `text` need not outlive the call.
MUST_CHECK enum error document_parse(struct bytes text, struct document **out, struct document_error *error);

// Reads and parses a file. Beyond the errors of document_parse: ERROR_NOT_FOUND, ERROR_STORAGE.
MUST_CHECK enum error document_read(const char *path, struct document **out, struct document_error *error);

void document_free(struct document *document);

const struct document_node *document_root(const struct document *document);

// The value under a key, or NULL; NULL also when `node` is NULL or no mapping, so that calls can be chained.
const struct document_node *document_get(const struct document_node *node, const char *key);

// True for an absent value, and for a scalar that is empty, `null` or `~` without quotes.
bool document_is_null(const struct document_node *node);

// A value that may be one scalar or a sequence: how many, and which. A null value counts 0.
uint32_t document_list_count(const struct document_node *node);
const struct document_node *document_list_item(const struct document_node *node, uint32_t index);

// Readers of one value. They return false and fill `error` when the node is something else. `node` must not be NULL.
MUST_CHECK bool document_text(const struct document_node *node, const char **out, struct document_error *error);
MUST_CHECK bool document_number(const struct document_node *node, double *out, struct document_error *error);
MUST_CHECK bool document_boolean(const struct document_node *node, bool *out, struct document_error *error);
// A whole number in the range, ends included.
MUST_CHECK bool document_whole(const struct document_node *node, uint64_t minimum, uint64_t maximum, uint64_t *out,
                               struct document_error *error);
// "200ms", "5s", "10min", "2h", "1d", fractions allowed ("1.5h"), at most 10,000 days; in milliseconds.
MUST_CHECK bool document_duration(const struct document_node *node, uint64_t *out_ms, struct document_error *error);
// "4096", "4KiB", "1.5MiB", "2GiB", in bytes; at most 2^50.
MUST_CHECK bool document_size(const struct document_node *node, uint64_t *out_bytes, struct document_error *error);

// The same on a plain text, for the command line.
MUST_CHECK bool document_duration_parse(const char *text, uint64_t *out_ms);
// Strict decimal: optional sign, digits, optional fraction and exponent; neither hexadecimal nor "nan" nor "inf".
MUST_CHECK bool document_number_parse(const char *text, double *out);

// Demands that `node` is a mapping (or null) whose keys are all among `keys`. The error names the first that is not, and the
// closest one that would be. `what` says what the mapping describes, as in "a channel".
MUST_CHECK bool document_check_keys(const struct document_node *node, const char *what, const char *const *keys,
                                    size_t key_count, struct document_error *error);

// Fills the error with the node's place. Always returns false, so that a reader can end with it.
bool document_refuse(const struct document_node *node, struct document_error *error, const char *what, const char *remedy);

// Writes "file:line: what; remedy" with a NUL, cut to `size`.
void document_error_text(const char *file, const struct document_error *error, char *out, size_t size);

// Of the candidates, the one that `name` most likely was meant to be, or NULL when none is close (edit distance over a third of
// its length).
const char *document_closest(const char *name, const char *const *candidates, size_t count);

// The number of single-letter changes that turn one text into the other, at most 64 letters compared.
uint32_t document_distance(const char *a, const char *b);

#endif
