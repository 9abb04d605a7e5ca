// What a node tells the orchestrator about itself, and its sign of life.
//
// `POST /register` carries a registration, `PUT /alive` an alive message; both CBOR, abi/node.cddl.
#ifndef TENON_CORE_REGISTRATION_H
#define TENON_CORE_REGISTRATION_H

#include "core/manifest.h"
#include "core/plan.h"

#ifndef RESOURCES_PER_NODE_MAX
#define RESOURCES_PER_NODE_MAX 64
#endif
#ifndef CAPABILITIES_MAX
#define CAPABILITIES_MAX 16
#endif

struct registration_resource {
    char name[NAME_SIZE_MAX];
    char quantity[QUANTITY_SIZE_MAX];
    char unit[UNIT_SIZE_MAX];
    enum value_type type;
    bool actuator; // takes commands; otherwise a sensor, gives measurements or events
    bool has_range;
    double minimum;
    double maximum;
    double resolution;
};

struct registration {
    char node[NAME_SIZE_MAX];
    char kind[NAME_SIZE_MAX];    // "linux", "mcu"
    char engine[NAME_SIZE_MAX];  // "wamr"
    uint64_t boot;               // counts the node's starts
    uint64_t memory_total_bytes; // for components
    uint64_t memory_free_bytes;
    uint32_t task_max;
    uint64_t plan_revision; // of the plan that it holds, 0 for none
    uint32_t capability_count;
    char capabilities[CAPABILITIES_MAX][NAME_SIZE_MAX];
    uint32_t resource_count;
    struct registration_resource resources[RESOURCES_PER_NODE_MAX];
    uint32_t module_bytes_max; // of a component's module; 0 when the node did not say
    uint64_t identity;         // chosen at random when the node's storage was made: another value is another device in the role
};

struct alive {
    char node[NAME_SIZE_MAX];
    uint64_t boot;
    uint64_t plan_revision;
    uint64_t memory_free_bytes;
};

// All four copy: nothing points into `encoded` or out of `buffer`. Decoding: ERROR_MALFORMED, ERROR_TRUNCATED, ERROR_TOO_LARGE
// (a name), ERROR_UNSUPPORTED (a later format), ERROR_FULL (more resources or capabilities than the limits above); `out` is
// then not to be read. Encoding: ERROR_TOO_LARGE when `buffer` is too small.
MUST_CHECK enum error registration_decode(struct bytes encoded, struct registration *out);
MUST_CHECK enum error registration_encode(const struct registration *registration, struct buffer buffer, size_t *size);
MUST_CHECK enum error alive_decode(struct bytes encoded, struct alive *out);
MUST_CHECK enum error alive_encode(const struct alive *alive, struct buffer buffer, size_t *size);

#endif
