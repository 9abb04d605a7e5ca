// Hostile components in a real runtime on the real engine: each is stopped, reported and restarted with back-off, and its
// neighbour, which gets a message beside each of the hostile one's, notices nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>

#include "core/assert.h"
#include "core/sha256.h"
#include "core/wire.h"
#include "engine/wamr.h"
#include "node/node_memory.h"
#include "port/port.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

static struct {
    struct engine *engine;
    struct runtime runtime;
    void *block;
    uint64_t now_ms;
    struct bytes modules[2]; // hostile, echo
    uint8_t digests[2][DIGEST_SIZE];
    uint32_t sensors[2];
    double given_back; // last number that the neighbour sent
    uint32_t events[EVENT_COUNT];
    enum error last_error;
} world;

static void on_transmit(void *context, const struct coap_address *peer, struct bytes datagram) {
    (void)context;
    (void)peer;
    (void)datagram;
}

static void on_actuate(void *context, uint32_t resource, struct bytes value) {
    (void)context;
    (void)resource;
    double number = -1;
    world.given_back = wire_number(value, &number) ? number : -1;
}

static enum error on_code_find(void *context, const uint8_t digest[DIGEST_SIZE], struct bytes *wasm) {
    (void)context;
    for (int i = 0; i < 2; i++) {
        if (memcmp(world.digests[i], digest, DIGEST_SIZE) == 0) {
            *wasm = world.modules[i];
            return ERROR_NONE;
        }
    }
    return ERROR_NOT_FOUND;
}

static enum error on_plan_store(void *context, struct bytes encoded) {
    (void)context;
    (void)encoded;
    return ERROR_NONE;
}

static void on_event(void *context, enum runtime_event event, const char *subject, enum error error, const char *detail) {
    (void)context;
    (void)subject;
    (void)detail;
    world.events[event]++;
    world.last_error = error != ERROR_NONE ? error : world.last_error;
}

static void on_serve(void *context, const struct coap_request *request, struct coap_response *response) {
    (void)context;
    (void)request;
    response->code = COAP_NOT_FOUND;
}

static void on_completed(void *context, const struct coap_completion *completion) {
    (void)context;
    (void)completion;
}

static void read_module(int index, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/hostile/%s.wasm", TENON_MODULES, name);
    assert_int_equal(port_file_read(path, MODULE_SIZE_MAX, &world.modules[index]), ERROR_NONE);
    sha256(world.modules[index], world.digests[index]);
}

// Two sensors, two tasks ("echo" and "hostile"), one valve that echo drives.
static void put_plan(void) {
    struct plan_task tasks[2] = {{.name = "echo", .epoch = 1}, {.name = "hostile", .epoch = 1}};
    struct plan_resource resources[3] = {{.name = "a/echo"}, {.name = "a/hostile"}, {.name = "a/valve"}};
    struct plan_link links[3] = {
        {.id = 1, .delivery = DELIVERY_MEASUREMENT, .source = {END_RESOURCE, 0, 0}, .destination = {END_TASK, 0, 0}},
        {.id = 2, .delivery = DELIVERY_MEASUREMENT, .source = {END_RESOURCE, 1, 0}, .destination = {END_TASK, 1, 0}},
        {.id = 3,
         .delivery = DELIVERY_COMMAND,
         .source = {END_TASK, 0, 0},
         .destination = {END_RESOURCE, 2, 0},
         .expiry_ms = 1000000,
         .priority = 10},
    };
    memcpy(tasks[0].digest, world.digests[1], DIGEST_SIZE);
    memcpy(tasks[1].digest, world.digests[0], DIGEST_SIZE);
    struct plan plan = {.revision = 1,
                        .policy = "hostile",
                        .node = "n",
                        .tasks = tasks,
                        .task_count = 2,
                        .resources = resources,
                        .resource_count = 3,
                        .links = links,
                        .link_count = 3};
    uint8_t encoded[2048];
    size_t size = 0;
    uint32_t missing = 0;
    uint8_t digests[2][DIGEST_SIZE];
    assert_int_equal(plan_encode(&plan, (struct buffer){encoded, sizeof encoded}, &size), ERROR_NONE);
    assert_int_equal(runtime_plan_put(&world.runtime, (struct bytes){encoded, size}, digests, 2, &missing), ERROR_NONE);
}

static void open_world(const char *hostile) {
    struct runtime_memory memory;
    memset(&world, 0, sizeof world);
    read_module(0, hostile);
    read_module(1, "echo");
    assert_int_equal(wamr_engine_create(NULL, &world.engine), ERROR_NONE);
    assert_int_equal(node_memory_open(4, &memory, &world.block), ERROR_NONE);
    const struct runtime_environment environment = {.transmit = on_transmit,
                                                    .actuate = on_actuate,
                                                    .code_find = on_code_find,
                                                    .plan_store = on_plan_store,
                                                    .event = on_event,
                                                    .serve = on_serve,
                                                    .completed = on_completed};
    struct coap_parameters parameters = coap_parameters_default();
    runtime_start(&world.runtime, &memory, &environment, world.engine, &parameters, 1, 1);
    world.now_ms = 1000;
    runtime_at(&world.runtime, world.now_ms, world.now_ms);
    static const struct registration_resource facts[3] = {
        {.name = "a/echo"}, {.name = "a/hostile"}, {.name = "a/valve", .actuator = true}};
    uint32_t index = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(runtime_resource_add(&world.runtime, &facts[i], &index), ERROR_NONE);
        world.sensors[i % 2] = i < 2 ? index : world.sensors[i % 2];
    }
    put_plan();
}

static const struct task *task(uint32_t index) {
    return &runtime_tables(&world.runtime)->tasks[index];
}

static void close_world(void) {
    for (uint32_t i = 0; i < 2; i++) {
        if (task(i)->instance != NULL) {
            world.engine->stop(world.engine, task(i)->instance);
        }
    }
    for (uint32_t i = 0; i < world.runtime.memory.code_max; i++) {
        if (world.runtime.memory.codes[i].module != NULL) {
            world.engine->unload(world.engine, world.runtime.memory.codes[i].module);
        }
    }
    wamr_engine_destroy(world.engine);
    node_memory_close(4, world.block);
    free((void *)(uintptr_t)world.modules[0].data);
    free((void *)(uintptr_t)world.modules[1].data);
}

static void run(void) {
    runtime_at(&world.runtime, world.now_ms, world.now_ms);
    runtime_advance(&world.runtime);
    while (runtime_run(&world.runtime, 10)) {
    }
}

static void publish(uint32_t sensor, double value) {
    uint8_t item[9];
    assert_int_equal(runtime_publish(&world.runtime, world.sensors[sensor], (struct bytes){item, wire_put_number(value, item)}),
                     ERROR_NONE);
}

static void give_both(double value, double hostile_value) {
    world.now_ms += 10;
    runtime_at(&world.runtime, world.now_ms, world.now_ms);
    publish(1, hostile_value);
    publish(0, value);
    run();
    assert_true(world.given_back == value); // the neighbour notices nothing
}

// One bad message: tried twice, set aside, the task backs off 1 s, then 2 s, and runs again in between.
static void is_stopped_reported_and_restarted(const char *hostile, double poison, enum error expected) {
    open_world(hostile);
    give_both(1, poison);
    assert_int_equal(task(1)->last_error, expected);
    assert_int_equal(task(1)->state, TASK_BACKING_OFF);
    assert_int_equal(task(1)->discarded, 1);
    assert_int_equal(world.events[EVENT_TASK_FAILED], 1);
    assert_int_equal(world.events[EVENT_TASK_QUARANTINED], 1);
    world.now_ms += TASK_BACKOFF_FIRST_MS;
    run();
    assert_int_equal(task(1)->state, TASK_RUNNING);
    assert_int_equal(task(1)->restarts, 1);
    give_both(2, poison);
    assert_int_equal(task(1)->state, TASK_BACKING_OFF);
    world.now_ms += TASK_BACKOFF_FIRST_MS + 10;
    run();
    assert_int_equal(task(1)->state, TASK_BACKING_OFF);
    world.now_ms += TASK_BACKOFF_FIRST_MS;
    run();
    assert_int_equal(task(1)->state, TASK_RUNNING);
    give_both(3, poison);
    assert_int_equal(task(0)->messages, 3);
    assert_int_equal(task(0)->failures, 0);
    close_world();
}

static void endless_loop_is_stopped_reported_and_restarted(void **state) {
    (void)state;
    is_stopped_reported_and_restarted("loop-forever", -1, ERROR_BUDGET);
}

static void trap_is_stopped_reported_and_restarted(void **state) {
    (void)state;
    is_stopped_reported_and_restarted("trap", 666, ERROR_TRAP);
}

static void flood_of_outputs_is_stopped_reported_and_restarted(void **state) {
    (void)state;
    is_stopped_reported_and_restarted("flood-outputs", 10, ERROR_FLOOD);
}

static void wild_pointer_in_send_is_stopped_reported_and_restarted(void **state) {
    (void)state;
    is_stopped_reported_and_restarted("wild-pointer", 1, ERROR_BAD_POINTER);
    for (int way = 2; way <= 4; way++) {
        is_stopped_reported_and_restarted("wild-pointer", way, ERROR_BAD_POINTER);
    }
}

static void read_outside_memory_is_stopped_reported_and_restarted(void **state) {
    (void)state;
    is_stopped_reported_and_restarted("wild-read", 4000000000.0, ERROR_TRAP);
}

static void deep_recursion_is_stopped_reported_and_restarted(void **state) {
    (void)state;
    is_stopped_reported_and_restarted("deep-recursion", 1000000000, ERROR_TRAP);
}

static void growing_memory_fails_beyond_the_manifest(void **state) {
    (void)state;
    open_world("grow-memory");
    give_both(1, 1);
    uint32_t limit = world.engine->manifest(world.runtime.memory.codes[task(1)->code].module)->memory_bytes;
    if (task(1)->instance != NULL) {
        assert_in_range(world.engine->memory_bytes(task(1)->instance), 1, limit);
    }
    assert_in_range(runtime_memory_used(&world.runtime), 1, 4096 + limit);
    give_both(2, 1);
    close_world();
}

static void task_goes_on_from_its_last_good_state_after_a_trap(void **state) {
    (void)state;
    open_world("trap");
    give_both(1, 1);
    give_both(2, 1.5);
    give_both(3, 666);
    world.now_ms += TASK_BACKOFF_FIRST_MS;
    run();
    give_both(4, 2);
    assert_int_equal(task(1)->messages, 3);
    double count = 0;
    memcpy(&count, world.runtime.memory.states.data + task(1)->state_offset, sizeof count);
    assert_true(count == 3);
    close_world();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endless_loop_is_stopped_reported_and_restarted),
        cmocka_unit_test(trap_is_stopped_reported_and_restarted),
        cmocka_unit_test(flood_of_outputs_is_stopped_reported_and_restarted),
        cmocka_unit_test(wild_pointer_in_send_is_stopped_reported_and_restarted),
        cmocka_unit_test(read_outside_memory_is_stopped_reported_and_restarted),
        cmocka_unit_test(deep_recursion_is_stopped_reported_and_restarted),
        cmocka_unit_test(growing_memory_fails_beyond_the_manifest),
        cmocka_unit_test(task_goes_on_from_its_last_good_state_after_a_trap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
