// The runtime of one node as a pure machine: tasks, links, resources, and the CoAP endpoint that joins it to its peers.
//
// Call sequence:
//   runtime_start        once, on zeroed memory
//   runtime_resource_add for each sensor and actuator of the node's drivers
//   runtime_plan_put     with a plan from disk or from the orchestrator
//   then, for ever:      runtime_at (the time), then any of runtime_datagram, runtime_publish, runtime_plan_put,
//   runtime_advance;
//                        runtime_run until it returns false; runtime_deadline tells when to come back.
//
// Two clocks. `network_ms` is monotonic and drives retransmission and back-off. `building_ms` is the clock on the building's
// wall and drives freshness, expiry and intervals; in a simulated building it is the plant's. Both are arguments; the runtime
// reads none.
//
// Memory: everything is in struct runtime and in struct runtime_memory, given by the port; nothing is allocated. Two sets of
// the tables of a plan exist, so that a new plan is built beside the running one and tasks cross over between two messages.
//
// Errors: what fails is counted and told to environment.event; nothing fails silently (law 6).
#ifndef TENON_CORE_RUNTIME_H
#define TENON_CORE_RUNTIME_H

#include "core/actuator.h"
#include "core/delivery.h"
#include "core/engine.h"
#include "core/message.h"
#include "core/plan.h"
#include "core/port_values.h"
#include "core/registration.h"

// Messages that wait at one task. Measurements beyond it drop the oldest of their link; events and commands push back.
#define TASK_QUEUE_MAX 64
// Reliable messages that wait at one remote link before their source task gets no further message.
#define LINK_PENDING_MAX 8
// Back-off after a task failed: 1 s doubled at each further failure up to 5 minutes (network time).
#define TASK_BACKOFF_FIRST_MS 1000
#define TASK_BACKOFF_MAX_MS 300000
// So many good messages in a row and a task's failures are forgotten.
#define TASK_FORGIVE_AFTER 100
#define NO_INDEX UINT32_MAX

enum task_state {
    TASK_VACANT = 0, // a free row
    TASK_WAITING,    // planned, its code is not loaded yet
    TASK_RUNNING,
    TASK_BACKING_OFF, // failed twice on one message; starts again at restart_ms
    TASK_REFUSED,     // its code was refused by the engine; only another plan helps
    TASK_STATE_COUNT,
};
const char *task_state_text(enum task_state state);

struct task {
    const struct plan_task *plan; // name, digest, epoch, parameters
    enum task_state state;
    bool listed;   // in the ready list
    bool blocked;  // a reliable output is backed up
    uint32_t code; // index into codes, NO_INDEX before loading
    struct engine_instance *instance;
    struct message_queue queue;
    uint32_t first_output; // into output_links of the plan's tables
    uint32_t output_span;  // outputs with links are numbered below this
    uint32_t next_ready;   // index of the next task in the ready list
    uint32_t state_offset; // of the last good state, in the state arena
    uint32_t state_size;
    uint32_t state_version;
    uint32_t failures; // since the last forgiveness
    uint32_t good_in_a_row;
    uint64_t restart_ms; // network time
    enum error last_error;
    uint64_t messages;  // handled well
    uint64_t discarded; // quarantined after two failures
    uint64_t restarts;
    uint64_t dropped; // superseded or pushed out of the queue
};

struct link {
    const struct plan_link *plan;
    uint32_t next; // next link of the same source, NO_INDEX at the end
    // the source's side
    uint64_t sequence;
    uint64_t sent_ms; // building time of the last send
    bool has_last;
    double last_number;           // for the change threshold; NaN when the last value was no number
    struct message *held;         // the newest value that waits for interval_min to pass, or to be sent again
    bool held_is_due;             // held waits for interval_min; otherwise it is kept for interval_max
    struct message_queue pending; // reliable messages on their way to another node
    bool in_flight;
    uint64_t retry_ms; // network time
    // the destination's side
    uint32_t seen_epoch;
    uint64_t seen_sequence;
    bool has_seen;
    bool stale;
    uint64_t fresh_until_ms; // building time
};

struct resource {
    struct registration_resource facts;
    uint32_t first_link; // of the current plan, NO_INDEX for none
    uint64_t sequence;
    uint64_t updated_ms; // building time
    uint8_t value_size;
    uint8_t value[ACTUATOR_VALUE_SIZE_MAX]; // last value measured, or obeyed
    uint32_t priority;                      // that is obeyed: 1-16, 0 for the safe value
    bool driven;                            // the driver was given the value
    struct actuator actuator;
};

struct code {
    bool used;
    bool wanted; // by the plan being applied
    uint8_t digest[DIGEST_SIZE];
    struct engine_module *module;
    char refusal[160];
};

// What went by, by class.
struct traffic {
    uint64_t sent;     // messages that left a port
    uint64_t received; // messages that reached a port
    uint64_t dropped;  // superseded, out of order, out of queue
    uint64_t duplicates;
    uint64_t refused; // unknown link, foreign peer, out of range
    uint64_t expired;
    uint64_t remote;  // of sent: over the network
    uint64_t retried; // requests made anew after a time-out
};

enum runtime_event {
    EVENT_PLAN_APPLIED = 0,
    EVENT_PLAN_REFUSED,
    EVENT_TASK_STARTED,
    EVENT_TASK_STOPPED,
    EVENT_TASK_FAILED,      // the component failed on a message; it is tried once more
    EVENT_TASK_QUARANTINED, // it failed again: the message is set aside, the task backs off
    EVENT_TASK_REFUSED,
    EVENT_INPUT_STALE,
    EVENT_INPUT_FRESH,
    EVENT_COMMAND_EXPIRED,
    EVENT_COMMAND_REFUSED,
    EVENT_DELIVERY_REFUSED,
    EVENT_ACTUATOR_SAFE, // no live command: the safe value is in force
    EVENT_QUEUE_OVERFLOW,
    EVENT_COUNT,
};
const char *runtime_event_text(enum runtime_event event);

// All that the runtime asks of the world. Every call returns at once and must not call back into the runtime.
struct runtime_environment {
    void *context;
    const char *name; // of the node, for SenML; lives as long as the runtime. NULL: the plan's word for it
    void (*transmit)(void *context, const struct coap_address *peer, struct bytes datagram);
    // Drives an actuator; an empty value releases it to the device's own control.
    void (*actuate)(void *context, uint32_t resource, struct bytes value);
    // Looks for a component by digest; the view must live until the call after next.
    enum error (*code_find)(void *context, const uint8_t digest[DIGEST_SIZE], struct bytes *wasm);
    // Keeps a plan so that it is there after a restart. On an error the plan is refused.
    enum error (*plan_store)(void *context, struct bytes encoded);
    void (*event)(void *context, enum runtime_event event, const char *subject, enum error error, const char *detail);
    // CoAP requests for anything but c/<id>, p/ and GET of r/.
    void (*serve)(void *context, const struct coap_request *request, struct coap_response *response);
    // Responses to requests that the node made itself (coap_outgoing.user with the top bit set).
    void (*completed)(void *context, const struct coap_completion *completion);
};

struct runtime_tables {
    struct plan plan;
    struct buffer encoded; // the plan's bytes: names and values are views into it
    struct task *tasks;
    struct link *links;     // in the order of plan.links
    uint32_t *output_links; // first link of each output of each task
    uint32_t output_count;
    uint32_t *resource_of_plan; // index of the node's resource for each resource of the plan, NO_INDEX when it has none
};

struct runtime_memory {
    uint32_t task_max;
    uint32_t link_max;
    uint32_t parameter_max;
    uint32_t peer_max;
    uint32_t output_max;
    struct runtime_tables tables[2]; // arrays filled in by the port
    struct code *codes;
    uint32_t code_max;
    struct resource *resources;
    uint32_t resource_max;
    struct message *messages;
    uint32_t message_max;
    struct buffer states;     // last good state of each task, compacted
    struct port_values ports; // last message at each port; may be without memory
    struct coap_endpoint_memory coap;
};

struct runtime {
    struct runtime_memory memory;
    struct runtime_environment environment;
    struct engine *engine;
    struct coap_endpoint coap;
    struct message_pool pool;
    struct outbox outbox;
    uint32_t current; // which of the two tables runs
    uint32_t resource_count;
    uint32_t states_used;
    uint32_t ready_head, ready_tail;
    uint32_t blocked_count;
    uint64_t boot;
    uint64_t trace_seed, trace_count;
    uint64_t network_ms, building_ms;
    uint64_t building_deadline_ms; // earliest freshness, expiry or interval; may be early, never late
    uint64_t network_deadline_ms;  // earliest restart or retry
    bool scan_soon;
    struct traffic traffic[DELIVERY_CLASS_COUNT];
    uint64_t fallbacks;                         // inputs that went stale
    uint64_t foreign;                           // datagrams or deliveries from nobody in the plan
    uint8_t rest_body[REPRESENTATION_SIZE_MAX]; // the answer in hand (core/rest.h)
};

// Starts on zeroed `*runtime`. `boot` is the node's persistent start counter (sequence numbers begin above all earlier boots);
// `seed` is entropy for CoAP ids and traces.
void runtime_start(struct runtime *runtime, const struct runtime_memory *memory, const struct runtime_environment *environment,
                   struct engine *engine, const struct coap_parameters *parameters, uint64_t boot, uint64_t seed);

// Adds a resource of a driver; its index is `*index`. ERROR_FULL, ERROR_EXISTS.
MUST_CHECK enum error runtime_resource_add(struct runtime *runtime, const struct registration_resource *facts, uint32_t *index);

// Sets the time for the calls that follow. Neither clock goes back (a smaller value is ignored).
void runtime_at(struct runtime *runtime, uint64_t network_ms, uint64_t building_ms);

// Takes an encoded plan: checks it, finds the code of every task, stores it unless `stored` already, and crosses over. On any
// error the plan before runs on. ERROR_NOT_FOUND: code is missing; `missing` gets up to `missing_max` digests and
// `*missing_count` their number (none with missing_max 0, when the call is made from the disk: then the tasks whose code is
// there start, and the others wait). Other errors as plan_decode; ERROR_MISMATCH (an end names a port that its component does
// not have); ERROR_STORAGE.
MUST_CHECK enum error runtime_plan_put(struct runtime *runtime, struct bytes encoded, bool stored,
                                       uint8_t (*missing)[DIGEST_SIZE], uint32_t missing_max, uint32_t *missing_count);

// A datagram arrived.
void runtime_datagram(struct runtime *runtime, const struct coap_address *peer, struct bytes datagram);

// A datagram arrived that was sent to All CoAP Nodes.
void runtime_multicast(struct runtime *runtime, const struct coap_address *peer, struct bytes datagram);

// A sensor has a new value. ERROR_TOO_LARGE, ERROR_MALFORMED (not one CBOR item), ERROR_BUSY (a reliable link of it is backed
// up; the value is dropped and counted).
MUST_CHECK enum error runtime_publish(struct runtime *runtime, uint32_t resource, struct bytes value);

// Gives up to `budget` messages to tasks. True when more could be given at once.
bool runtime_run(struct runtime *runtime, uint32_t budget);

// Does what is due at the time set: freshness, expiry, intervals, retransmission, restarts.
void runtime_advance(struct runtime *runtime);

// Milliseconds until runtime_advance has something to do: the smaller of the network clock's and the building clock's wait.
// UINT64_MAX for never.
uint64_t runtime_deadline(const struct runtime *runtime);

// A request of the node itself to any peer. `outgoing->user` gets the top bit set.
MUST_CHECK enum error runtime_request(struct runtime *runtime, struct coap_outgoing outgoing);

static inline const struct runtime_tables *runtime_tables(const struct runtime *runtime) {
    return &runtime->memory.tables[runtime->current];
}

// Bytes of linear memory held by running tasks.
uint64_t runtime_memory_used(const struct runtime *runtime);
const struct manifest *runtime_manifest(const struct runtime *runtime, const struct task *task); // NULL before loading
int runtime_resource_find(const struct runtime *runtime, const char *name);                      // -1 when absent

#endif
