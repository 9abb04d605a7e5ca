// An orchestrator machine and nodes made of a CoAP endpoint each, on a network in memory, with a clock made by hand.
#ifndef TENON_ORCHESTRATOR_TEST_SCENE_H
#define TENON_ORCHESTRATOR_TEST_SCENE_H

#include <jansson.h>

#include "orchestrator/orchestrator.h"
#include "orchestrator/test_building.h"

#define STATIONS 5 // gateway, zone1, zone2, spare, the person at the terminal
#define PERSON 4
#define QUEUE_MAX 256
#define CODES_MAX 4

struct datagram {
    uint8_t from; // station, or ORCHESTRATOR
    uint8_t to;
    uint16_t size;
    uint8_t bytes[DATAGRAM_SIZE_MAX];
};
#define ORCHESTRATOR 200

struct scene;

// A node that keeps what it is sent, and answers as a node does.
struct station {
    struct scene *scene;
    uint8_t number;
    bool up;
    struct registration registration;
    struct coap_endpoint endpoint;
    struct coap_endpoint_memory memory;
    uint32_t code_count;
    uint8_t codes[CODES_MAX][DIGEST_SIZE];
    uint32_t plans; // accepted
    struct plan plan;
    struct plan_task tasks[8];
    struct plan_resource resources[16];
    uint8_t encoded[8192];
    uint8_t answer[512];
    uint8_t reply_code; // of the last request made by this station
    char reply[60000];
};

struct scene {
    char folder[64];
    struct store *store;
    struct orchestrator *orchestrator;
    struct moment moment;
    struct building building;
    struct station stations[STATIONS];
    uint32_t queued;
    struct datagram queue[QUEUE_MAX];
    char log[32768];
};

// Thermostats for zone1 and zone2, near their heating; `fixed` on zone1; `limit` on the gateway.
extern const char *const policy_text;

// Opens and closes it on the scene's store.
void open_orchestrator(struct scene *scene);
void close_orchestrator(struct scene *scene);
// Delivers what is queued until all is quiet; to who is down, it is lost.
void deliver(struct scene *scene);
// A request of a station to the orchestrator; its answer is in the station.
void ask(struct scene *scene, uint8_t number, uint8_t code, const char *path, struct bytes payload);
void register_node(struct scene *scene, uint8_t number);
void tell_alive(struct scene *scene, uint8_t number);
// Lets time pass in steps of half a second; nodes that are up show themselves every second.
void pass(struct scene *scene, uint64_t duration_ms);
void upload(struct scene *scene, const struct manifest *manifest);
// cmocka's set-up and tear-down: an orchestrator with the components, nobody registered.
int scene_make(void **state);
int scene_free(void **state);
void put_policy(struct scene *scene, const char *text);
// GET /status; the caller frees.
json_t *status(struct scene *scene);
void expect_task(struct scene *scene, const char *name, const char *node, int epoch, const char *task_state);
// Registers gateway, zone1 and zone2, applies the policy and waits until it runs.
void start_building(struct scene *scene);

#endif
