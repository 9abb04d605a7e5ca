// A rig for tests of the pure runtime: nodes in one process, joined by a wire that can lose datagrams, on time that the test
// makes.
//
// The engine is a table of C functions: "echo" sends what it gets to output 0 and counts in its state; "fault" does the same,
// but fails as told on a number; "counter" too, and notes in its state each number that is not the one after the last. No
// socket, no clock. A node's journal is a list of batches; rig_restart gives a node the first so many of them back.
#ifndef TENON_TESTS_RUNTIME_RIG_H
#define TENON_TESTS_RUNTIME_RIG_H

#include "core/runtime.h"

#define RIG_NODES 2
#define RIG_TASKS 8
#define RIG_LINKS 16
#define RIG_WIRE_MAX 256
#define RIG_JOURNAL_MAX 512

struct rig_datagram {
    struct coap_address from;
    struct coap_address to;
    size_t size;
    uint8_t data[DATAGRAM_SIZE_MAX];
};

struct rig_node {
    struct runtime runtime;
    struct coap_address address;
    struct rig *rig;
    uint8_t plan[4096];
    size_t plan_size;
    enum error plan_error; // what plan_store answers
    bool code_is_missing;
    double driven[RIG_TASKS]; // last number given to each resource; NaN when released
    uint32_t drives;
    uint32_t events[EVENT_COUNT];
    uint64_t boot;
    struct {
        size_t size;
        uint8_t *data;
    } journal[RIG_JOURNAL_MAX];
    uint32_t journal_count;
    uint64_t journal_base; // the runtime's number of the batch before the first
    bool flush_is_off;     // nothing becomes durable
    char last_subject[NAME_SIZE_MAX];
};

struct rig {
    struct rig_node nodes[RIG_NODES];
    uint64_t now_ms;
    struct rig_datagram wire[RIG_WIRE_MAX];
    uint32_t wire_count;
    uint32_t carried;
    uint32_t (*lose)(struct rig *rig, const struct rig_datagram *datagram); // non-zero: drop it
    uint32_t lost;
};

// Values at which the component "fault" misbehaves.
#define RIG_TRAP_ONCE 100.0 // traps the first time that a fresh instance sees it, then works
#define RIG_TRAP_ALWAYS 200.0
#define RIG_REFUSE 300.0
#define RIG_NOTHING 777777 // changes no state and sends nothing
#define RIG_FLOOD 400.0
#define RIG_EMPTY 500.0 // sends nothing, as a message

struct rig *rig_open(void);
void rig_close(struct rig *rig);
// Digest of the test engine's components.
void rig_digest(const char *component, uint8_t out[DIGEST_SIZE]);
enum error rig_plan(struct rig *rig, uint32_t node, const struct plan *plan);
// Lets time pass in steps of 10 ms and carries all datagrams.
void rig_run(struct rig *rig, uint64_t ms);
void rig_publish(struct rig *rig, uint32_t node, const char *resource, double value);
struct task *rig_task(struct rig *rig, uint32_t node, const char *name);
// Messages that the task has counted in its last good state.
uint32_t rig_count(struct rig *rig, uint32_t node, const char *task);
// What a "counter" has counted, the last number that it got, and how often a number was not the one after the last.
struct rig_counter {
    uint32_t count;
    uint32_t last;
    uint32_t faults;
};
struct rig_counter rig_counter(struct rig *rig, uint32_t node, const char *task);
// Ends the node at once and starts it again from its plan and the first `kept` batches of its journal.
void rig_restart(struct rig *rig, uint32_t node, uint32_t kept);
// Replaces the node's journal by a picture of what stands.
void rig_rewrite(struct rig *rig, uint32_t node);
double rig_driven(struct rig *rig, uint32_t node, const char *resource);

#endif
