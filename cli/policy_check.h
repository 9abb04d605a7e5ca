// What `tenon check` and `tenon apply` share: a policy file read, its components loaded, the building's nodes asked for, all
// checks made.
#ifndef TENON_CLI_POLICY_CHECK_H
#define TENON_CLI_POLICY_CHECK_H

#include "orchestrator/binding.h"
#include "orchestrator/client.h"

#define CHECKED_NODES_MAX 1024

struct policy_check {
    const char *path;
    struct bytes text; // from malloc
    struct policy *policy;
    struct component_store components;
    struct registration *registrations;
    struct placement_node *nodes;
    uint32_t node_count;
    bool nodes_known;
    struct binding binding;
    bool bound;
    struct problems problems;
};

// Reads the file and its components; what is wrong is in `problems`. False, after a message on stderr, when the file cannot be
// read.
bool policy_check_read(struct policy_check *check, const char *path);
// Adds the node of a configuration file. False after a message on stderr.
bool policy_check_node(struct policy_check *check, const char *path);
// Adds the nodes that the orchestrator knows. ERROR_TIMEOUT and others with a refusal.
MUST_CHECK enum error policy_check_ask(struct policy_check *check, struct client *client, char refusal[256]);
// Makes all checks and prints the problems to stderr. True when there is no error.
bool policy_check_finish(struct policy_check *check);
void policy_check_free(struct policy_check *check);

#endif
