// A policy as a person wrote it, with `$name` written out: tasks, links and resources, before any component or node is looked
// at.
//
//   policy_read / policy_parse  -->  struct policy  --> binding_make (orchestrator/binding.h): components, nodes, all checks of
//   meaning
//
// The language: docs/policy.md and examples/; in short a mapping with `policy` (its name), `each` (variables), `components`
// (folders), `tasks`, `channels`, `resources`. An entry that contains `$zone` is repeated for each value of `zone`; with
// several variables, for each combination. A channel with three destinations is three links here. Ends of links: a text with a
// slash is a resource, one with a dot is a task's port, any other is a resource of whichever node runs the task at the other
// end. Memory: all of it belongs to the policy until policy_free. Problems are collected, never only the first.
#ifndef TENON_ORCHESTRATOR_POLICY_H
#define TENON_ORCHESTRATOR_POLICY_H

#include "core/manifest.h"
#include "core/plan.h"
#include "orchestrator/arena.h"
#include "orchestrator/names.h"
#include "orchestrator/problems.h"

// The planner's aim is 100,000 tasks (DESIGN.md §13); a typical task has about ten links.
#define POLICY_TASKS_MAX 100000
#define POLICY_LINKS_MAX 1000000
#define POLICY_VARIABLES_MAX 8
// For a command without `priority`: below a person's override (8), above a default schedule (16), as BACnet's users do.
#define POLICY_PRIORITY_DEFAULT 10

// A value written in the policy, with its encoding as a message. type ANY stands for "no value was written".
struct policy_value {
    uint32_t line;
    enum value_type type;
    double minimum; // of a number, or of an array's numbers
    double maximum;
    const char *text;  // as written, for messages to people
    struct bytes cbor; // one item; size 0 for none
};

struct policy_name {
    uint32_t line;
    const char *text;
};

struct policy_list {
    uint32_t count;
    const struct policy_name *items;
};

struct policy_setting {
    struct policy_name name;
    struct policy_value value;
};

// What a person may write, or leave to the rules of the planner.
enum policy_durability { POLICY_DURABILITY_DEFAULT, POLICY_DURABILITY_NONE, POLICY_DURABILITY_LOCAL };
enum policy_queue { POLICY_QUEUE_DEFAULT, POLICY_QUEUE_NEWEST, POLICY_QUEUE_ALL };

struct policy_task {
    const char *name;
    uint32_t line;
    struct policy_name component; // "thermostat" or "thermostat@1.2.0"
    struct policy_name on;        // text NULL when absent
    struct policy_list near;
    struct policy_list
        requires;
    struct policy_list apart;
    enum policy_durability durability; // by default none
    uint32_t setting_count;
    const struct policy_setting *settings;
};

struct policy_link {
    struct policy_name source;
    struct policy_name destination;
    uint32_t line; // of the channel
    enum delivery_class delivery;
    uint32_t interval_min_ms;
    uint32_t interval_max_ms;
    uint32_t stale_after_ms;
    uint32_t expiry_ms;
    uint32_t priority;
    double threshold;
    struct policy_value fallback;
    enum policy_queue queue;    // command; by default newest towards a resource, all towards a task
    struct policy_name confirm; // event, command: input of the source task that is told the outcome; text NULL when absent
};

struct policy_resource {
    struct policy_name name;
    struct policy_value safe;
    // By default local for an actuator that a durable task commands and for a sensor that an event channel starts from.
    enum policy_durability durability;
    uint32_t durability_line; // 0 when it was not written
};

struct policy {
    char name[NAME_SIZE_MAX];
    struct policy_list components; // folders, as written
    uint32_t task_count;
    struct policy_task *tasks;
    uint32_t link_count;
    struct policy_link *links;
    uint32_t resource_count;
    struct policy_resource *resources;
    struct names task_names;
    struct names resource_names;
    uint32_t task_room, link_room, resource_room;
    struct arena arena; // behind texts, lists and values
};

// Reads a policy from a text. Everything that is wrong goes into `problems`, which is not emptied before. Returns the policy as
// far as it could be understood, or NULL when the text is no YAML mapping or there is no memory; with errors in `problems` it
// is only good for finding more of them.
struct policy *policy_parse(struct bytes text, struct problems *problems);

void policy_free(struct policy *policy);

#endif
