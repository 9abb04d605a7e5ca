// The scene. Its checks are cmocka's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/sha256.h"
#include "core/wire.h"
#include "orchestrator/test_scene.h"
#include "port/port.h"

static void post(struct scene *scene, uint8_t from, uint8_t to, struct bytes datagram) {
    assert_true(scene->queued < QUEUE_MAX);
    struct datagram *item = &scene->queue[scene->queued++];
    item->from = from;
    item->to = to;
    item->size = (uint16_t)datagram.size;
    memcpy(item->bytes, datagram.data, datagram.size);
}

static struct coap_address address_of(uint8_t station) {
    struct coap_address address = {{0}};
    address.octets[10] = address.octets[11] = 0xff;
    address.octets[12] = 10;
    address.octets[15] = station;
    address.octets[17] = 1;
    return address;
}

static void orchestrator_sends(void *context, const struct coap_address *peer, struct bytes datagram) {
    post(context, ORCHESTRATOR, peer->octets[15], datagram);
}

static void orchestrator_logs(void *context, uint64_t unix_ms, const char *text) {
    struct scene *scene = context;
    size_t used = strlen(scene->log);
    (void)unix_ms;
    snprintf(scene->log + used, sizeof scene->log - used, "%s\n", text);
}

static void station_sends(void *context, const struct coap_address *peer, struct bytes datagram) {
    struct station *station = context;
    (void)peer;
    post(station->scene, station->number, ORCHESTRATOR, datagram);
}

static bool has_code(const struct station *station, const uint8_t digest[DIGEST_SIZE]) {
    for (uint32_t i = 0; i < station->code_count; i++) {
        if (memcmp(station->codes[i], digest, DIGEST_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

static void station_takes_plan(struct station *station, const struct coap_request *request, struct coap_response *response) {
    static struct plan_parameter parameters[16];
    static struct plan_peer peers[8];
    static struct plan_link links[32];
    struct plan plan = {.tasks = station->tasks,
                        .task_max = 8,
                        .parameters = parameters,
                        .parameter_max = 16,
                        .resources = station->resources,
                        .resource_max = 16,
                        .peers = peers,
                        .peer_max = 8,
                        .links = links,
                        .link_max = 32};
    memcpy(station->encoded, request->payload.data, request->payload.size);
    assert_int_equal(plan_decode((struct bytes){station->encoded, request->payload.size}, &plan), ERROR_NONE);
    assert_string_equal(plan.node, station->registration.node);
    struct wire_writer writer;
    size_t size = 0;
    uint32_t missing = 0;
    for (uint32_t i = 0; i < plan.task_count; i++) {
        missing += has_code(station, plan.tasks[i].digest) ? 0 : 1;
    }
    if (missing == 0) {
        station->plan = plan;
        station->plans++;
        station->registration.plan_revision = plan.revision;
        response->code = COAP_CHANGED;
        return;
    }
    wire_writer_start(&writer, (struct buffer){station->answer, sizeof station->answer});
    wire_write_list(&writer, missing);
    for (uint32_t i = 0; i < plan.task_count; i++) {
        if (!has_code(station, plan.tasks[i].digest)) {
            wire_write_bytes(&writer, (struct bytes){plan.tasks[i].digest, DIGEST_SIZE});
        }
    }
    wire_write_list_end(&writer, missing);
    assert_int_equal(wire_writer_finish(&writer, &size), ERROR_NONE);
    response->code = COAP_PRECONDITION_FAILED;
    response->body = (struct bytes){station->answer, size};
}

static void station_serves(void *context, const struct coap_request *request, struct coap_response *response) {
    struct station *station = context;
    *response = (struct coap_response){.content_format = COAP_FORMAT_NONE};
    if (strcmp(request->path, "plan") == 0) {
        station_takes_plan(station, request, response);
    } else {
        assert_int_equal(strncmp(request->path, "code/", 5), 0);
        if (station->code_count < CODES_MAX) {
            sha256(request->payload, station->codes[station->code_count++]);
        }
        response->code = COAP_CHANGED;
    }
}

static void station_completed(void *context, const struct coap_completion *completion) {
    struct station *station = context;
    station->reply_code = completion->error == ERROR_NONE ? completion->code : 0;
    size_t size = completion->body.size < sizeof station->reply - 1 ? completion->body.size : sizeof station->reply - 1;
    if (size > 0) {
        memcpy(station->reply, completion->body.data, size);
    }
    station->reply[size] = '\0';
}

static void station_start(struct scene *scene, uint8_t number) {
    struct station *station = &scene->stations[number];
    struct coap_parameters parameters = coap_parameters_default();
    struct coap_callbacks callbacks = {station, station_sends, station_serves, station_completed};
    station->scene = scene;
    station->number = number;
    station->up = true;
    station->memory = (struct coap_endpoint_memory){.exchanges = calloc(8, sizeof(struct coap_exchange)),
                                                    .exchange_count = 8,
                                                    .remembered = calloc(64, sizeof(struct coap_memory_of_id)),
                                                    .remembered_count = 64,
                                                    .transfers = calloc(2, sizeof(struct coap_transfer)),
                                                    .transfer_count = 2,
                                                    .bodies = {calloc(2, 65536), 131072}};
    coap_endpoint_start(&station->endpoint, &parameters, &callbacks, &station->memory, 1000U + number);
}

void open_orchestrator(struct scene *scene) {
    char refusal[256] = "";
    struct orchestrator_options options = {6000, scene, orchestrator_sends, orchestrator_logs, scene->moment.now_ms + 77};
    if (store_open(scene->folder, &scene->store, refusal) != ERROR_NONE ||
        orchestrator_open(&options, scene->store, scene->moment, &scene->orchestrator, refusal) != ERROR_NONE) {
        fail_msg("%s", refusal);
    }
}

void close_orchestrator(struct scene *scene) {
    orchestrator_close(scene->orchestrator);
    scene->orchestrator = NULL;
    store_close(scene->store);
}

void deliver(struct scene *scene) {
    for (uint32_t turns = 0; scene->queued > 0; turns++) {
        assert_true(turns < 10000);
        struct datagram item = scene->queue[0];
        memmove(scene->queue, scene->queue + 1, --scene->queued * sizeof *scene->queue);
        struct bytes bytes = {item.bytes, item.size};
        struct coap_address from = address_of(item.from);
        if (item.to == ORCHESTRATOR && scene->orchestrator != NULL && scene->stations[item.from].up) {
            orchestrator_receive(scene->orchestrator, scene->moment, &from, bytes);
        } else if (item.to < STATIONS && scene->stations[item.to].up) {
            coap_endpoint_receive(&scene->stations[item.to].endpoint, scene->moment.now_ms, &from, bytes);
        }
    }
}

void ask(struct scene *scene, uint8_t number, uint8_t code, const char *path, struct bytes payload) {
    struct coap_outgoing outgoing = {.peer = address_of(ORCHESTRATOR),
                                     .confirmable = true,
                                     .expect_response = true,
                                     .code = code,
                                     .path = path,
                                     .content_format = COAP_FORMAT_CBOR,
                                     .payload = payload,
                                     .retransmit_max = 0};
    scene->stations[number].reply_code = 0;
    assert_int_equal(coap_endpoint_request(&scene->stations[number].endpoint, scene->moment.now_ms, &outgoing), ERROR_NONE);
    deliver(scene);
}

void register_node(struct scene *scene, uint8_t number) {
    static uint8_t encoded[16384];
    size_t size = 0;
    assert_int_equal(
        registration_encode(&scene->stations[number].registration, (struct buffer){encoded, sizeof encoded}, &size),
        ERROR_NONE);
    ask(scene, number, COAP_POST, "register", (struct bytes){encoded, size});
}

void tell_alive(struct scene *scene, uint8_t number) {
    uint8_t encoded[128];
    size_t size = 0;
    const struct registration *registration = &scene->stations[number].registration;
    struct alive alive = {.boot = registration->boot, .plan_revision = registration->plan_revision, .memory_free_bytes = 1000};
    memcpy(alive.node, registration->node, sizeof alive.node);
    assert_int_equal(alive_encode(&alive, (struct buffer){encoded, sizeof encoded}, &size), ERROR_NONE);
    ask(scene, number, COAP_PUT, "alive", (struct bytes){encoded, size});
    if (scene->stations[number].reply_code == COAP_NOT_FOUND) {
        register_node(scene, number);
    }
}

void pass(struct scene *scene, uint64_t duration_ms) {
    for (uint64_t step = 0; step < duration_ms; step += 500) {
        scene->moment.now_ms += 500;
        scene->moment.unix_ms += 500;
        for (uint8_t i = 0; i < PERSON; i++) {
            if (scene->stations[i].up && scene->stations[i].registration.node[0] != '\0' && scene->moment.now_ms % 1000 == 0) {
                tell_alive(scene, i);
            }
            if (scene->stations[i].up) {
                coap_endpoint_advance(&scene->stations[i].endpoint, scene->moment.now_ms);
            }
        }
        if (scene->orchestrator != NULL) {
            orchestrator_advance(scene->orchestrator, scene->moment);
        }
        deliver(scene);
    }
}

void upload(struct scene *scene, const struct manifest *manifest) {
    static uint8_t module[8192];
    uint8_t digest[DIGEST_SIZE];
    char path[80] = "code/";
    size_t size = building_module(manifest, module);
    sha256((struct bytes){module, size}, digest);
    digest_text(digest, path + 5);
    ask(scene, PERSON, COAP_PUT, path, (struct bytes){module, size});
    if (scene->stations[PERSON].reply_code >= COAP_CODE(3, 0)) {
        fail_msg("upload: %s", scene->stations[PERSON].reply);
    }
}

const char *const policy_text =
    "policy: office\neach: {zone: [zone1, zone2]}\n"
    "tasks:\n  thermostat-$zone: {component: thermostat, near: $zone/heating}\n  fixed: {component: limiter, on: zone1}\n"
    "  limit: {component: limiter, requires: [supervisory]}\n"
    "channels:\n"
    "  - {from: $zone/temperature, to: thermostat-$zone.temperature, class: measurement}\n"
    "  - {from: thermostat-$zone.heating, to: $zone/heating, class: command, expiry: 1h}\n"
    "resources:\n  $zone/heating: {safe: 18}\n";

int scene_make(void **state) {
    struct scene *scene = calloc(1, sizeof *scene);
    *state = scene;
    snprintf(scene->folder, sizeof scene->folder, "/tmp/tenon-orchestrator-XXXXXX");
    if (mkdtemp(scene->folder) == NULL) {
        return 1;
    }
    scene->moment = (struct moment){1000000, 1700000000000};
    building_make(&scene->building);
    for (uint8_t i = 0; i < STATIONS; i++) {
        station_start(scene, i);
        if (i < 3) {
            scene->stations[i].registration = scene->building.registrations[i];
        }
    }
    open_orchestrator(scene);
    for (uint32_t i = 0; i < 3; i++) {
        struct manifest *manifest = &scene->building.components.items[i].manifest;
        manifest->inbox_bytes = 16;
        manifest->outputs_per_message = manifest->outputs_per_message > 0 ? manifest->outputs_per_message : 1;
        upload(scene, manifest);
    }
    return 0;
}

int scene_free(void **state) {
    static const char *const names[] = {"", "-wal", "-shm"};
    struct scene *scene = *state;
    char path[128];
    close_orchestrator(scene);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/orchestrator.sqlite%s", scene->folder, names[i]);
        unlink(path);
    }
    rmdir(scene->folder);
    for (int i = 0; i < STATIONS; i++) {
        free(scene->stations[i].memory.exchanges);
        free(scene->stations[i].memory.remembered);
        free(scene->stations[i].memory.transfers);
        free(scene->stations[i].memory.bodies.data);
    }
    building_free(&scene->building);
    free(scene);
    return 0;
}

void put_policy(struct scene *scene, const char *text) {
    ask(scene, PERSON, COAP_PUT, "policy", bytes_of_text(text));
}

json_t *status(struct scene *scene) {
    ask(scene, PERSON, COAP_GET, "status", (struct bytes){NULL, 0});
    assert_int_equal(scene->stations[PERSON].reply_code, COAP_CONTENT);
    json_t *json = json_loads(scene->stations[PERSON].reply, 0, NULL);
    assert_non_null(json);
    return json;
}

void expect_task(struct scene *scene, const char *name, const char *node, int epoch, const char *task_state) {
    json_t *json = status(scene);
    size_t index = 0;
    json_t *task = NULL;
    bool found = false;
    json_array_foreach(json_object_get(json, "tasks"), index, task) {
        if (strcmp(json_string_value(json_object_get(task, "name")), name) == 0) {
            found = true;
            const char *place = json_string_value(json_object_get(task, "node"));
            assert_string_equal(place != NULL ? place : "", node);
            assert_int_equal(json_integer_value(json_object_get(task, "epoch")), epoch);
            assert_string_equal(json_string_value(json_object_get(task, "state")), task_state);
        }
    }
    assert_true(found);
    json_decref(json);
}

void start_building(struct scene *scene) {
    for (uint8_t i = 0; i < 3; i++) {
        register_node(scene, i);
        assert_int_equal(scene->stations[i].reply_code, COAP_CREATED);
    }
    put_policy(scene, policy_text);
    if (scene->stations[PERSON].reply_code != COAP_CHANGED) {
        fail_msg("%s", scene->stations[PERSON].reply);
    }
    pass(scene, 3000);
}
