// What the files that read a policy share: policy_read.c (tasks, resources, the file), policy_channels.c, policy_variables.c.
// Nobody else includes this.
#ifndef TENON_ORCHESTRATOR_POLICY_PRIVATE_H
#define TENON_ORCHESTRATOR_POLICY_PRIVATE_H

#include "orchestrator/document.h"
#include "orchestrator/policy.h"

// A text with its variables written out: two names and what joins them fit easily.
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

// --- policy_variables.c --------------------------------------------------------------------------------------------------

// A letter that the name of a variable may have after its first one.
bool reader_is_word(char letter);
// One entry of `each`.
void reader_variable(struct reader *reader, const struct document_entry *entry);
// Bit i is set when the text names variable i. Reports names that are no variable.
uint32_t reader_text_mask(struct reader *reader, const struct document_node *node);
// The same for all texts under a node.
uint32_t reader_tree_mask(struct reader *reader, const struct document_node *root);
// Refuses an entry whose combinations alone exceed the limit of links, before any is made.
bool reader_combinations_fit(struct reader *reader, uint32_t mask, uint32_t line);
// Sets the first combination of the variables.
void reader_choose_first(struct reader *reader);
// Moves on to the next combination of the masked variables; false after the last.
bool reader_choose_next(struct reader *reader, uint32_t mask);
// The node's text with every variable written out; NULL after a report. Lives as long as the policy.
const char *reader_expand(struct reader *reader, const struct document_node *node);

// --- policy_read.c -------------------------------------------------------------------------------------------------------

void reader_report(struct reader *reader, const struct document_error *error);
// Reports it once; always false.
bool reader_no_memory(struct reader *reader);
// A key's value as one expanded name. Absent leaves text NULL.
void reader_name(struct reader *reader, const struct document_node *node, struct policy_name *out);
void reader_list(struct reader *reader, const struct document_node *node, struct policy_list *out);
bool reader_value(struct reader *reader, const struct document_node *node, struct policy_value *out);
// A key's value as one of a few words: its index, or `count` after a report; `absent` when `node` is NULL. `what` names the
// thing for a person, as in "class".
uint32_t reader_word(struct reader *reader, const struct document_node *node, const char *what, const char *const *words,
                     uint32_t count, uint32_t absent);
// Room for one more element in a growing array; NULL after a report.
void *reader_grown(struct reader *reader, void *array, uint32_t count, uint32_t *room, size_t size, uint32_t limit,
                   const char *what);

// --- policy_channels.c ---------------------------------------------------------------------------------------------------

void reader_channels(struct reader *reader, const struct document_node *section);

#endif
