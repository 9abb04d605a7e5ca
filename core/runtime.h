// The runtime of one node as a pure machine: tasks, links, resources, and the CoAP endpoint that joins it to its peers.
//
// Call sequence:
//   runtime_start        once, on zeroed memory
//   runtime_resource_add for each sensor and actuator of the node's drivers
//   runtime_plan_resume  with the plan from disk, if there is one; then runtime_replay for each batch of the journal, oldest
//                        first; then runtime_resumed
//   then, for ever:      runtime_at (the time), then any of runtime_datagram, runtime_publish, runtime_plan_put,
//                        runtime_override, runtime_advance; runtime_run until it returns false; when runtime_flush_wanted,
//                        flush the journal and call runtime_durable; runtime_deadline tells when to come back.
//
// Durability. What a message of a durable task consumed, changed and sent goes to environment.journal as one batch. Nothing
// that rests on a batch leaves the node before the batch is durable: acknowledgements and reliable outputs wait for
// runtime_durable. Batches are numbered from 2 in the order of the calls; they are lost, if at all, from the end. So a crash
// gives back a moment of the past from which everything can be sent again, and receivers drop what they have seen.
//
// Two clocks. `network_ms` is monotonic and drives retransmission and back-off. `building_ms` is the clock on the building's
// wall and drives freshness, expiry and intervals; in a simulated building it is the plant's. Both are arguments; the runtime
// reads none.
//
// Memory: everything is in struct runtime and in struct runtime_memory, given by the port; nothing is allocated. A
// new plan is decoded beside the running one, and tasks cross over between two messages.
//
// Errors: what fails is counted and told to environment.event; nothing fails silently (law 6).
#ifndef TENON_CORE_RUNTIME_H
#define TENON_CORE_RUNTIME_H

#include "core/actuator.h"
#include "core/deadlines.h"
#include "core/delivery.h"
#include "core/engine.h"
#include "core/message.h"
#include "core/plan.h"
#include "core/port_values.h"
#include "core/registration.h"

// Messages that wait at one task. Measurements beyond it drop the oldest of their link; events and commands push back.
#define TASK_QUEUE_MAX 64
// Of them, those that may come from sensors and other nodes. The rest is for tasks of this node, so that tasks which feed each
// other in a ring cannot fill it from outside until each waits for the next for ever.
#define TASK_QUEUE_OUTSIDE_MAX 32
// Beyond so many, a task's queue may grow only while a quarter of the node's messages is free: a flooded task leaves room.
#define TASK_QUEUE_SHARE 8
// Reliable messages that wait at one link before their source task gets no further message.
#define LINK_PENDING_MAX 8
// Requests to one peer at a time (RFC 7252 §4.7: NSTART is 1 unless congestion is controlled): the window starts at 1, grows by
// one after each window without retransmission, is halved by a retransmission and set to 1 by a time-out (AIMD, as in TCP).
#define PEER_WINDOW_MAX 8
// A refused or unanswered request is made anew after this long (network time), doubled up to the maximum of its class: a
// command must see little of its lifetime pass, an event can wait.
#define RETRY_FIRST_MS 250
#define RETRY_EVENT_MAX_MS 8000
#define RETRY_COMMAND_MAX_MS 1000
// Back-off after a task failed: 1 s doubled at each further failure up to 5 minutes (network time).
#define TASK_BACKOFF_FIRST_MS 1000
#define TASK_BACKOFF_MAX_MS 300000
// So many good messages in a row and a task's failures are forgotten.
#define TASK_FORGIVE_AFTER 100
// A request that waits for its task or the disk is asked to come again after this long (network time): a request under way
// holds its peer's window, which the peer's other links need. Shorter than a node's ACK time-out (500 ms), for it is no loss.
#define ANSWER_LATEST_MS 400
#define NO_INDEX UINT32_MAX
// Batches are numbered from 2; this stands for all that the journal held at the start.
#define POSITION_OF_THE_PAST 1

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
    uint32_t room; // free messages that the work in hand was found to need, and more; 0 when it is not known
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
    uint64_t dropped;   // superseded or pushed out of the queue
    uint64_t ports_key; // core/rest.c: hash of the name; 0 until it is needed
};

// What befell the messages of one link, seen from this node. Never reset while the link lives.
struct link_counters {
    link_counter sent;        // left the source's port
    link_counter received;    // reached the destination: a task's queue or an actuator
    link_counter dropped;     // for lack of room, or out of order
    link_counter superseded;  // a newer value took their place before they were used
    link_counter duplicates;  // arrived again and had no second effect
    link_counter refused;     // by the destination, for good
    link_counter expired;     // commands whose lifetime was over
    link_counter retried;     // requests made anew
    link_counter lost;        // measurements that never arrived, by the gaps in their numbers
    link_counter fallbacks;   // times that the input went stale
    link_counter quarantined; // the component failed on them twice
};

// The wide fields first: a node has many of these.
struct link {
    struct link_counters counters;
    const struct plan_link *plan;
    uint32_t next;          // next link of the same source, NO_INDEX at the end
    uint32_t next_for_disk; // while waits_for_disk
    bool waits_for_disk;
    bool stale;
    uint64_t fresh_until_ms; // building time
    // the source's side
    uint64_t sequence;
    uint64_t sent_ms;                 // building time of the last send
    double last_number;               // for the change threshold; NaN when the last value was no number
    uint64_t retry_ms;                // network time
    struct message *held;             // the newest value that waits for interval_min to pass, or to be sent again
    struct message_queue pending;     // reliable, on their way to another node, or to an actuator here until they are durable
    uint32_t next_for_peer;           // in the peer's list of links that wait for its window
    uint32_t failures;                // in a row
    uint8_t echo[COAP_ECHO_SIZE_MAX]; // that the destination asked to see
    uint8_t echo_size;
    bool held_is_due; // held waits for interval_min; otherwise it is kept for interval_max
    bool has_last;
    bool in_flight;
    bool waits_for_peer;
    // the destination's side
    bool has_seen;
    bool has_queued;       // a reliable message waits at the task
    bool echo_shown;       // the source has proved since our start that its commands are fresh
    bool answer_is_due;    // `later` has taken effect
    bool answer_outranked; // an actuator keeps it, and obeys a higher priority
    uint8_t answer_code;
    uint32_t seen_epoch; // of the last message that took effect
    uint32_t queued_epoch;
    uint64_t seen_sequence;
    uint64_t seen_position; // of the batch that holds its effect
    uint64_t queued_sequence;
    uint64_t later_ms;       // network time at which `later` is asked to come again
    struct coap_later later; // the request that is answered when that message has taken effect and is durable
};

struct resource {
    const struct registration_resource *facts;
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
    char refusal[CODE_REFUSAL_SIZE_MAX]; // cut
};

// What went by, by class: the counters of all links that ever were, and requests to other nodes.
struct traffic {
    struct link_counters counters;
    uint64_t remote;
};

// One peer of the plan: how much may be under way to it, and who waits.
struct peer {
    uint32_t window;
    uint32_t in_flight;
    uint32_t good; // answers without retransmission since the window changed
    uint32_t waiting_head, waiting_tail;
    // Measurements to it (link_measure.c).
    uint32_t unheard;  // pushed since the last sign of life
    uint32_t silences; // probes in a row without an answer
    bool probing;      // a probe is under way
    uint64_t probe_ms; // network time of the next probe
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
    EVENT_STATE_LOST,  // what the journal holds cannot be used
    EVENT_PEER_SILENT, // it does not answer
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
    // Appends one batch of at most BATCH_SIZE_MAX bytes to the journal. NULL: there is none, and nothing is durable.
    // It cannot fail here: what cannot be written is simply never reported by runtime_durable, until a snapshot could be.
    void (*journal)(void *context, struct bytes batch);
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
    struct buffer encoded; // the plan's bytes: values are views into it
    struct task *tasks;
    struct link *links;        // in the order of plan.links
    struct peer *peers;        // in the order of plan.peers
    struct deadlines building; // by link: freshness, intervals, expiry of what is pending (building time)
    struct deadlines network;  // by link: retries (network time)
    uint32_t *output_links;    // first link of each output of each task
    uint32_t output_count;
    uint32_t *resource_of_plan; // index of the node's resource for each resource of the plan, NO_INDEX when it has none
};

struct runtime_memory {
    uint32_t task_max;
    uint32_t link_max;
    uint32_t parameter_max;
    uint32_t peer_max;
    uint32_t output_max;
    struct runtime_tables tables; // arrays filled in by the port
    struct plan next;             // arrays for the plan that comes
    struct code *codes;
    uint32_t code_max;
    struct resource *resources;
    uint32_t resource_max;
    struct message *messages;
    uint32_t message_max;
    struct buffer states;     // last good state of each task, compacted
    struct buffer batch;      // BATCH_SIZE_MAX bytes, or fewer on a small device
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
    struct {
        uint32_t link;
        struct message *message;
    } sends[SENDS_PER_MESSAGE_MAX]; // of the unit of work in hand
    uint32_t send_count;
    size_t batch_used;                // of the batch in hand
    uint64_t journal_time_ms;         // building time that was last written down, or read back
    uint64_t journaled;               // number of the last batch given to the journal
    uint64_t durable;                 // of the last batch that will survive
    uint32_t disk_head, disk_tail;    // links that wait for runtime_durable
    uint8_t echo[COAP_ECHO_SIZE_MAX]; // proof that a request was made after our start
    uint32_t awaited_count;           // tasks of a plan that was put and waits, in memory.next
    uint32_t resource_count;
    uint32_t states_used;
    uint32_t ready_head, ready_tail;
    uint32_t blocked_count;
    uint64_t boot;
    uint64_t sequence_high; // of the links before the last plan: new ones begin above it
    uint64_t trace_seed, trace_count;
    uint64_t network_ms, building_ms;
    uint64_t waited_ms;            // of the datagram in hand, before it was taken
    uint64_t building_deadline_ms; // earliest expiry at an actuator; may be early, never late
    uint64_t network_deadline_ms;  // earliest restart of a task
    bool scan_soon;
    struct traffic traffic[DELIVERY_CLASS_COUNT];
    uint64_t foreign; // datagrams or deliveries from nobody in the plan
    // The answer in hand, when it is short: of core/rest.h, or of environment.serve. A long one lies in a body of the endpoint.
    uint8_t rest_body[REPRESENTATION_SIZE_MAX];
};

// Starts on zeroed `*runtime`. `boot` is the node's persistent start counter (sequence numbers begin above all earlier boots);
// `seed` is entropy for CoAP ids and traces.
void runtime_start(struct runtime *runtime, const struct runtime_memory *memory, const struct runtime_environment *environment,
                   struct engine *engine, const struct coap_parameters *parameters, uint64_t boot, uint64_t seed);

// Adds a resource of a driver; its index is `*index`. `facts` lives as long as the runtime. ERROR_FULL, ERROR_EXISTS.
MUST_CHECK enum error runtime_resource_add(struct runtime *runtime, const struct registration_resource *facts, uint32_t *index);

// Sets the time for the calls that follow. Neither clock goes back (a smaller value is ignored).
void runtime_at(struct runtime *runtime, uint64_t network_ms, uint64_t building_ms);

// Takes an encoded plan: checks it, finds the code of every task, stores it, and crosses over. On any error the plan before
// runs on. ERROR_NOT_FOUND: code is missing; `missing` gets up to `missing_max` (at least 1) digests and `*missing_count` their
// number. Other errors as plan_decode; ERROR_MISMATCH (an end names a port that its component does not have); ERROR_STORAGE.
MUST_CHECK enum error runtime_plan_put(struct runtime *runtime, struct bytes encoded, uint8_t (*missing)[DIGEST_SIZE],
                                       uint32_t missing_max, uint32_t *missing_count);

// Whether the plan in force names this component, or the one that was put last and waits for code or for room on the disk.
// What neither names may be deleted: the plan before comes back as a plan that is put, with its code.
bool runtime_wants_code(const struct runtime *runtime, const uint8_t digest[DIGEST_SIZE]);

// Takes the plan that the disk kept; its tasks start at runtime_resumed, and those whose code is missing wait. Errors as
// plan_decode.
MUST_CHECK enum error runtime_plan_resume(struct runtime *runtime, struct bytes encoded);
// Puts back what one batch tells. Entries of what the plan no longer names are passed over. ERROR_MALFORMED and its like: the
// batch was not written by this runtime; nothing after it may be replayed.
MUST_CHECK enum error runtime_replay(struct runtime *runtime, struct bytes batch);
// Starts the tasks of the resumed plan, sends what waits, drives the actuators.
void runtime_resumed(struct runtime *runtime);

// All batches up to number `position` are durable: releases what waits for them.
void runtime_durable(struct runtime *runtime, uint64_t position);
// True when something waits for the journal. Without it a flush may be put off, which spares flash.
bool runtime_flush_wanted(const struct runtime *runtime);
// Gives everything durable, as batches that may replace the whole journal.
void runtime_snapshot(struct runtime *runtime, void (*emit)(void *context, struct bytes batch), void *context);

// A person's or a client's command to an actuator here, with a lifetime in milliseconds; an empty `value` relinquishes the
// priority. ERROR_DENIED (no actuator), ERROR_MISMATCH (type or range), ERROR_TOO_LARGE, ERROR_EXPIRED (lifetime 0).
MUST_CHECK enum error runtime_override(struct runtime *runtime, uint32_t resource, uint32_t priority, struct bytes value,
                                       uint64_t lifetime_ms);

// The datagrams that are handed over next have waited for so long since they arrived, because the node stood still. It counts
// as age of measurements and against the lifetime of commands. 0 until it is said.
void runtime_waited(struct runtime *runtime, uint64_t waited_ms);
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
    return &runtime->memory.tables;
}

// Number of the last batch given to the journal.
static inline uint64_t runtime_journaled(const struct runtime *runtime) {
    return runtime->journaled;
}

// The link of an id, NULL when the tables have none.
const struct link *runtime_link_find(const struct runtime_tables *tables, uint32_t id);

// Bytes of linear memory held by running tasks.
uint64_t runtime_memory_used(const struct runtime *runtime);
const struct manifest_view *runtime_manifest(const struct runtime *runtime, const struct task *task); // NULL before loading
int runtime_resource_find(const struct runtime *runtime, const char *name);                           // -1 when absent

#endif
