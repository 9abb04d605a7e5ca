// What the files of the orchestrator machine share: the fleet, the tasks' records, moves. Nobody else includes this.
#ifndef TENON_ORCHESTRATOR_ORCHESTRATOR_PRIVATE_H
#define TENON_ORCHESTRATOR_ORCHESTRATOR_PRIVATE_H

#include "core/registration.h"
#include "orchestrator/binding.h"
#include "orchestrator/orchestrator.h"
#include "orchestrator/planner.h"

#define MISSING_MAX 64    // as many as a node names at once
#define SEND_ROUNDS_MAX 8 // of plan, missing components, plan again
#define RETRY_FIRST_MS 1000
#define RETRY_LAST_MS 30000
#define RECORD_NAME_SIZE PLANNER_RESOURCE_KEY_SIZE // the longest name of a record
#define REASON_SIZE (NAME_SIZE_MAX + 16)
#define SETTLE_MS 50           // after an event, so that ten nodes that register together cost one plan
#define SEEN_INTERVAL_MS 60000 // between two notes of the signs of life in the store
#define MOVES_MAX 256          // kept for status
#define ANSWERS_KEPT 4         // answers under block-wise download

enum sending { SENDING_IDLE, SENDING_PLAN, SENDING_CODE, SENDING_WAIT };

struct fleet_node {
    struct registration registration;
    struct coap_address address;
    bool alive;
    bool confirmed; // a sign of life since this process started
    bool unstored;  // its registration could not be written; the next plan writes it, for it rests on it
    uint64_t seen_ms;
    uint64_t seen_unix_ms;
    bool doubled;        // another device asked for this name
    uint64_t doubled_ms; // the last time
    struct coap_address doubled_by;
    uint64_t held_revision; // of the plan that the node is known to hold
    uint64_t held_since_ms;
    uint64_t wanted_revision; // of `slice`, 0 for none
    struct bytes slice;       // from malloc
    enum sending sending;
    uint32_t rounds;
    uint32_t failures;
    uint64_t retry_ms;
    struct bytes body; // the slice under way, from malloc
    uint64_t body_revision;
    uint32_t missing_count;
    uint32_t missing_next;
    uint8_t missing[MISSING_MAX][DIGEST_SIZE];
    char trouble[192]; // why the last attempt failed, "" when it did not
};

// Who has, or had last, the role of a task or a resource, whether the policy names it now or did once.
struct record {
    char name[RECORD_NAME_SIZE];
    char node[NAME_SIZE_MAX]; // "" for none
    uint64_t identity;        // of the device that had the node's name then; 0 when the store does not know it
    uint32_t epoch;           // never goes back
};

struct record_table {
    const char *prefix; // of its keys in the store
    struct record **items;
    uint32_t count;
    uint32_t room;
    struct names names;
};

struct task_state {
    uint32_t node; // in the fleet, or PLACEMENT_NONE
    uint32_t epoch;
    bool waiting; // its node is dead or does not fit, and no other does
    char reason[PLACEMENT_REASON_SIZE];
};

// A link of the policy in the plan that stands.
struct link_state {
    uint32_t id;
    uint32_t source; // node in the fleet, or PLACEMENT_NONE
    uint32_t destination;
};

struct move {
    uint64_t number; // key in the store
    char task[NAME_SIZE_MAX];
    char from[NAME_SIZE_MAX];
    char to[NAME_SIZE_MAX];
    char reason[REASON_SIZE];
    uint64_t time_unix_ms;
    uint64_t seen_unix_ms; // last sign of life of `from`
    uint64_t revision;     // of the plan of `to` that holds the task
    int64_t gap_ms;        // -1: not yet acknowledged
};

struct pin {
    char reference[2 * NAME_SIZE_MAX];
    uint8_t digest[DIGEST_SIZE];
};

struct answer {
    bool used;
    uint64_t order;
    struct coap_address peer;
    char path[32];
    struct bytes body; // from malloc
};

struct orchestrator {
    struct orchestrator_options options;
    struct store *store;
    struct moment moment;
    struct moment started;
    struct coap_endpoint endpoint;
    struct coap_endpoint_memory memory;
    struct component_store components;
    struct fleet_node **nodes;
    uint32_t node_count;
    uint32_t node_room;
    struct record_table task_records;
    struct record_table resource_records; // by planner_resource_key
    struct arena link_texts;
    struct names links; // "source -> destination" -> id
    uint32_t link_last;
    uint64_t revision;
    struct policy *policy;
    struct bytes policy_text; // from malloc
    struct pin *pins;
    uint32_t pin_count;
    struct task_state *states;        // by task of the policy; NULL before the first plan of it
    struct link_state *links_planned; // by link of the policy; NULL likewise
    struct problems problems;         // of the last reconciliation
    struct move moves[MOVES_MAX];
    uint32_t move_count;
    uint64_t move_last;
    bool dirty;
    uint64_t dirty_since_ms;
    uint64_t seen_noted_ms;
    bool store_failed; // the last write failed; tried again
    char why_dirty[REASON_SIZE];
    struct answer answers[ANSWERS_KEPT];
    uint64_t answer_order;
    char text[16384]; // short answers
};

// orchestrator.c
__attribute__((format(printf, 2, 3))) void orchestrator_log(struct orchestrator *orchestrator, const char *format, ...);
struct fleet_node *fleet_find(const struct orchestrator *orchestrator, const char *name, uint32_t *index);
MUST_CHECK enum error fleet_add(struct orchestrator *orchestrator, const struct registration *registration,
                                const struct coap_address *address, struct fleet_node **out);
// The node as placement sees it.
struct placement_node fleet_placement(const struct fleet_node *node);
// Notes that a plan must be made anew, soon.
void orchestrator_mark(struct orchestrator *orchestrator, const char *why);
const struct component *component_pinned(const struct orchestrator *orchestrator, const char *reference);
struct record *record_find(const struct record_table *table, const char *name);
// The record, made when there is none; NULL without memory.
struct record *record_add(struct record_table *table, const char *name);
// True when the record tells of this node, and another device has the node's name now.
bool record_is_replaced(const struct record *record, const struct fleet_node *node);

// reconcile.c: places all tasks, makes all slices, stores and adopts them. ERROR_MEMORY, ERROR_STORAGE: nothing has changed.
MUST_CHECK enum error orchestrator_reconcile(struct orchestrator *orchestrator, const char *reason);

// recall.c: reads the store at start, and the forms in which it is written.
MUST_CHECK enum error orchestrator_recall(struct orchestrator *orchestrator);
MUST_CHECK enum error store_node(struct orchestrator *orchestrator, const struct fleet_node *node);
MUST_CHECK enum error store_record(struct orchestrator *orchestrator, const struct record_table *table,
                                   const struct record *record);
MUST_CHECK enum error store_move(struct orchestrator *orchestrator, const struct move *move);
MUST_CHECK enum error store_number(struct orchestrator *orchestrator, const char *key, uint64_t number);
MUST_CHECK enum error store_slice(struct orchestrator *orchestrator, const char *node, uint64_t revision, struct bytes slice);
MUST_CHECK enum error store_policy(struct orchestrator *orchestrator, struct bytes text, const struct pin *pins,
                                   uint32_t count);
MUST_CHECK enum error store_seen(struct orchestrator *orchestrator);

// delivery of plans and components: send.c
void send_advance(struct orchestrator *orchestrator);
uint64_t send_deadline(const struct orchestrator *orchestrator);
void send_completed(struct orchestrator *orchestrator, const struct coap_completion *completion);
// Another device has the node's name. It must not get the plan of the one before, nor what of it is under way: it would run
// tasks and resources with epochs that receivers know, and with numbers that they have seen. The next plan makes another slice.
void send_forget(struct orchestrator *orchestrator, uint32_t index);
// The node's slice is another one now: an older one that is under way to it is called back.
void send_replaced(struct orchestrator *orchestrator, uint32_t index);
// The node was seen to hold this revision.
void send_held(struct orchestrator *orchestrator, struct fleet_node *node, uint64_t revision);

// serve.c, status.c
void orchestrator_serve(struct orchestrator *orchestrator, const struct coap_request *request, struct coap_response *response);
// GET /channels: the links of the plan by name, and the nodes to ask what they counted; as below.
char *channels_text(const struct orchestrator *orchestrator);
// JSON text from malloc, NULL without memory.
char *status_text(const struct orchestrator *orchestrator);

#endif
