// One node's slice of a plan: the tasks that it runs, the links between ports, the safe values of its actuators, its peers.
//
// A *link* is one source and one destination of a channel, as it appears on one node. A channel with three inputs is three
// links; a link whose two ends live on two nodes appears in both slices under the same id, with the far end given as REMOTE.
//
// Wire format: CBOR, abi/plan.cddl. plan_decode parses once into arrays that the caller gives; names and byte strings of
// parameters, fallbacks and safe values are views into `encoded`, which must outlive the plan.
#ifndef TENON_CORE_PLAN_H
#define TENON_CORE_PLAN_H

#include "core/coap_endpoint.h"
#include "core/limits.h"

#define DIGEST_SIZE 32 // SHA-256 of the .wasm file

enum delivery_class { DELIVERY_MEASUREMENT = 0, DELIVERY_EVENT = 1, DELIVERY_COMMAND = 2, DELIVERY_CLASS_COUNT };

// What survives of a task, or of what an actuator was told, when its node restarts.
enum durability {
    DURABILITY_NONE = 0,  // it starts afresh: measurements in, idempotent commands out
    DURABILITY_LOCAL = 1, // state, positions and unacknowledged outputs are in its node's journal
    DURABILITY_COUNT,
};

enum end_kind {
    END_TASK = 0,     // index into tasks, port number
    END_RESOURCE = 1, // index into resources, port 0
    END_REMOTE = 2,   // index into peers
};

// Tables of a plan count with this: a small device has few of anything.
#ifndef PLAN_INDEX
#define PLAN_INDEX uint32_t
#endif
typedef PLAN_INDEX plan_index;

struct plan_end {
    enum end_kind kind;
    plan_index index;
    uint16_t port;
};

struct plan_parameter {
    uint32_t input;
    struct bytes value; // one CBOR item
};

struct plan_task {
    char name[NAME_SIZE_MAX];
    uint8_t digest[DIGEST_SIZE];
    uint32_t epoch; // rises each time the task is placed anew, or its node lost its storage
    enum durability durability;
    uint32_t parameter_first; // into plan.parameters
    uint32_t parameter_count;
};

struct plan_resource {
    char name[NAME_SIZE_MAX];
    struct bytes safe; // CBOR item, size 0 when the policy declares none
    uint32_t epoch;    // rises when another device, or one that lost its storage, takes the role
    enum durability durability;
};

struct plan_peer {
    char name[NAME_SIZE_MAX];
    struct coap_address address;
};

struct plan_link {
    uint32_t id;              // unique in the policy
    uint32_t interval_min_ms; // measurement: at least this long between two sends; 0 for no limit
    double threshold;         // measurement: send only when it changed by at least this much; 0 for every value
    uint32_t interval_max_ms; // measurement: send the last value again after this long; 0 for never
    uint32_t expiry_ms;       // command: lifetime from its creation
    uint32_t stale_after_ms;  // at the destination; 0 for never
    struct bytes fallback;    // CBOR item delivered when stale; size 0: CBOR null is delivered to a task, nothing to a resource
    struct plan_end source;
    struct plan_end destination;
    enum delivery_class delivery;
    bool newest_only; // command: a newer one replaces those that have not left yet
    uint8_t priority; // command: 1-16
    uint8_t confirm;  // command or event of a task: 1 + the input of the source task that is told the outcome; 0 for none
};

// Arrays given by the caller, with their capacity, and the counts after decoding.
struct plan {
    uint64_t revision;
    char policy[NAME_SIZE_MAX];
    char node[NAME_SIZE_MAX];
    struct plan_task *tasks;
    uint32_t task_count, task_max;
    struct plan_parameter *parameters;
    uint32_t parameter_count, parameter_max;
    struct plan_resource *resources; // the ones that links name
    uint32_t resource_count, resource_max;
    struct plan_peer *peers;
    uint32_t peer_count, peer_max;
    struct plan_link *links;
    uint32_t link_count, link_max;
};

// ERROR_TRUNCATED, ERROR_MALFORMED, ERROR_UNSUPPORTED (version), ERROR_FULL (an array of the caller is too short),
// ERROR_TOO_LARGE (a name). On success every index is within its array, names are unique, and at most one end of a link is
// remote.
MUST_CHECK enum error plan_decode(struct bytes encoded, struct plan *plan);
MUST_CHECK enum error plan_encode(const struct plan *plan, struct buffer buffer, size_t *size);

const char *delivery_class_text(enum delivery_class delivery);
const char *durability_text(enum durability durability);

#endif
