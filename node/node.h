// The node daemon: joins the pure runtime of core/ to a port, an engine and drivers, and keeps plan and code on disk.
//
// Call sequence: fill struct node_config (cli/node_config.c does it from YAML), node_open, node_run, node_close. One thread;
// node_run returns when `*stop` becomes true. Who has a loop of his own (the simulator) calls node_step whenever a datagram has
// come or node_wait_ms has passed. No state is global: any number of nodes may live in one process.
//
// On disk, in config.data: `identity` (made once, at random), `boot` (start counter), `plan.cbor`, `code/<sha256>.wasm`. Each
// is replaced in one step, so that a crash or a full disk leaves the old one. After a restart the node resumes from them; no
// orchestrator is needed.
//
// Over CoAP: PUT /plan, PUT /code/<sha256>, POST|PUT /c/<link>, GET /status, /channels, /log, /.well-known/core (by multicast,
// too, on the interfaces that the configuration names), GET and observe /r/<resource>, /p/<task>/<port>; PUT and DELETE
// /r/<resource> (node/override.h).
#ifndef TENON_NODE_NODE_H
#define TENON_NODE_NODE_H

#include "core/engine.h"
#include "core/registration.h"
#include "core/runtime.h"
#include "drivers/polled.h"
#include "node/node_limits.h"
#include "port/port.h"

// A name of an interface has at most 15 letters on Linux. With the NUL.
#define NODE_INTERFACE_SIZE_MAX 16

struct node_resource {
    struct registration_resource facts;
    const struct polled_driver *polled; // NULL: the resource is a point of the plant
    char point[NAME_SIZE_MAX];          // plant: name of the plant's point
    char path[NODE_PATH_SIZE_MAX];      // polled: the driver's point
    double scale;                       // polled: value = content x scale
    uint32_t interval_ms;               // polled: between two readings
};

struct node_config {
    char node[NAME_SIZE_MAX];
    char kind[NAME_SIZE_MAX];              // of device, for the orchestrator: "linux", "mcu"
    char listen[64];                       // "127.0.0.1:5701"
    char orchestrator[64];                 // "" for none
    char data[NODE_PATH_SIZE_MAX];         // directory
    char plant_socket[NODE_PATH_SIZE_MAX]; // "" for none
    bool plant_clock;                      // the building's time is the plant's
    uint64_t memory_bytes;                 // for components
    uint32_t keepalive_ms;
    uint32_t task_max;
    uint32_t ack_timeout_ms; // CoAP ACK_TIMEOUT inside the building's network
    uint32_t journal_bytes;  // below it the journal is not written anew, however small its picture
    uint32_t multicast_count;
    char multicast[NODE_INTERFACES_MAX][NODE_INTERFACE_SIZE_MAX]; // interfaces on which All CoAP Nodes is listened to
    uint32_t capability_count;
    char capabilities[CAPABILITIES_MAX][NAME_SIZE_MAX];
    uint32_t resource_count;
    struct node_resource resources[RESOURCES_PER_NODE_MAX];
};

// The default values of everything that a configuration may leave out.
void node_config_default(struct node_config *config);

struct node;

// Opens socket, disk and drivers and resumes the plan that is on disk. `config` and `engine` must live, and `config` stay
// as it is, until node_close. On an error `refusal` names the
// place and the remedy: ERROR_EXISTS (the port is in use), ERROR_STORAGE (the data directory), ERROR_NETWORK, ERROR_MEMORY.
MUST_CHECK enum error node_open(const struct node_config *config, struct engine *engine, struct node **out,
                                char refusal[PORT_REFUSAL_SIZE]);
// The address that the node listens on, also when port 0 was asked for.
void node_address(const struct node *node, char out[64]);
void node_run(struct node *node, const volatile bool *stop);
// One turn of the loop: takes what has arrived, does what is due. Does not wait.
void node_step(struct node *node);
// How long the next turn may wait when nothing arrives; 0 when there is more to do at once, UINT64_MAX for ever.
uint64_t node_wait_ms(const struct node *node);
void node_close(struct node *node);
// What runs inside, to look at: counters, tasks, links.
const struct runtime *node_runtime(const struct node *node);

#endif
