// How a node's work grows with the number of its channels, and the simulator's speed.
//
// One sensor, N measurement channels with `stale_after` to N tasks. A message costs what its own way costs; a turn of the loop
// in which nothing is due must not cost more because there are more channels.
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "components/native_components.h"
#include "core/sha256.h"
#include "core/wire.h"
#include "engine/native.h"
#include "node/node_memory.h"
#include "port/port.h"

#define CHANNELS_MAX 100000
#define ENCODED_SIZE (64u * 1024 * 1024)
#define MESSAGES 400000
#define TURNS 100000

struct world {
    struct runtime runtime;
    struct runtime_memory memory;
    void *block;
    uint32_t resource;
    uint64_t now_ms;
};

static void fill_plan(struct plan *plan, uint32_t channels, struct bytes module) {
    static struct plan_resource resource = {.name = "a/temperature", .epoch = 1};
    plan->tasks = calloc(channels, sizeof *plan->tasks);
    plan->links = calloc(channels, sizeof *plan->links);
    if (plan->tasks == NULL || plan->links == NULL) {
        bench_fail("no memory");
    }
    uint8_t digest[DIGEST_SIZE];
    sha256(module, digest);
    for (uint32_t i = 0; i < channels; i++) {
        plan->tasks[i].epoch = 1;
        snprintf(plan->tasks[i].name, sizeof plan->tasks[i].name, "t%06u", i);
        memcpy(plan->tasks[i].digest, digest, DIGEST_SIZE);
        plan->links[i] = (struct plan_link){.id = i + 1,
                                            .delivery = DELIVERY_MEASUREMENT,
                                            .source = {END_RESOURCE, 0, 0},
                                            .destination = {END_TASK, i, 0},
                                            .stale_after_ms = 600000};
    }
    plan->resources = &resource;
    plan->resource_count = 1;
    plan->task_count = plan->link_count = channels;
}

static void world_open(struct world *world, struct engine *engine, uint32_t channels, struct bytes module) {
    static uint8_t encoded[ENCODED_SIZE];
    uint8_t missing[1][DIGEST_SIZE];
    uint32_t missing_count = 0;
    size_t size = 0;
    struct plan plan = {.revision = 1, .policy = "bench", .node = "n"};
    memset(world, 0, sizeof *world);
    world->now_ms = 1000;
    if (node_memory_open(channels, &world->memory, &world->block) != ERROR_NONE) {
        bench_fail("no memory");
    }
    // larger than a plan that comes over CoAP may be
    world->memory.tables.encoded = (struct buffer){malloc(ENCODED_SIZE), ENCODED_SIZE};
    const struct runtime_environment environment = bench_environment(module);
    struct coap_parameters parameters = coap_parameters_default();
    runtime_start(&world->runtime, &world->memory, &environment, engine, &parameters, 1, 1);
    runtime_at(&world->runtime, world->now_ms, world->now_ms);
    static const struct registration_resource sensor = {.name = "a/temperature"};
    fill_plan(&plan, channels, module);
    bool good = runtime_resource_add(&world->runtime, &sensor, &world->resource) == ERROR_NONE &&
                plan_encode(&plan, (struct buffer){encoded, sizeof encoded}, &size) == ERROR_NONE &&
                runtime_plan_put(&world->runtime, (struct bytes){encoded, size}, missing, 1, &missing_count) == ERROR_NONE;
    free(plan.tasks);
    free(plan.links);
    if (!good) {
        bench_fail("the plan was refused");
    }
}

static void world_close(struct world *world, uint32_t channels) {
    struct engine *engine = world->runtime.engine;
    const struct runtime_tables *tables = runtime_tables(&world->runtime);
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        engine->stop(engine, tables->tasks[i].instance);
    }
    for (uint32_t i = 0; i < world->runtime.memory.code_max; i++) {
        if (world->runtime.memory.codes[i].module != NULL) {
            engine->unload(engine, world->runtime.memory.codes[i].module);
        }
    }
    free(world->memory.tables.encoded.data);
    node_memory_close(channels, world->block);
}

static void turn(struct world *world) {
    world->now_ms++;
    runtime_at(&world->runtime, world->now_ms, world->now_ms);
    runtime_advance(&world->runtime);
    while (runtime_run(&world->runtime, 256)) {
    }
}

void bench_channels(const struct bench_paths *paths) {
    static struct world world;
    struct bytes module = bench_module(paths);
    struct engine *engine = NULL;
    double first_message = 0;
    double first_turn = 0;
    if (native_engine_create(native_components, native_component_count, &engine) != ERROR_NONE) {
        bench_fail("no native engine");
    }
    printf("growth with the number of channels in one node (native thermostats)\n");
    for (uint32_t channels = 10; channels <= CHANNELS_MAX; channels *= 10) {
        world_open(&world, engine, channels, module);
        turn(&world);
        uint32_t rounds = MESSAGES / channels > 0 ? MESSAGES / channels : 1;
        uint64_t begin = port_clock_ns();
        for (uint32_t i = 0; i < rounds; i++) {
            uint8_t item[9];
            if (runtime_publish(&world.runtime, world.resource, (struct bytes){item, wire_put_number(20.0 + i % 2, item)}) !=
                ERROR_NONE) {
                bench_fail("a value was refused");
            }
            turn(&world);
        }
        double message = (double)(port_clock_ns() - begin) / rounds / channels;
        begin = port_clock_ns();
        for (uint32_t i = 0; i < TURNS; i++) {
            turn(&world);
        }
        double idle = (double)(port_clock_ns() - begin) / TURNS;
        first_message = channels == 10 ? message : first_message;
        first_turn = channels == 10 ? idle : first_turn;
        printf("  %6u channels: %6.0f ns a message (%.1f times the first), %6.0f ns a turn with nothing due (%.1f)\n", channels,
               message, message / first_message, idle, idle / first_turn);
        world_close(&world, channels);
    }
    printf("\n");
    native_engine_destroy(engine);
    free((void *)(uintptr_t)module.data);
}

void bench_simulator(const struct bench_paths *paths) {
    static const char *const runs[] = {"--faults none --native", "--faults standard --native", "--faults standard"};
    printf("the simulator, delivery's own building, 24 hours, every checker on\n");
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        char command[700];
        char line[256];
        snprintf(command, sizeof command, "'%s' sim --seed 1 --hours 24 %s", paths->tenon, runs[i]);
        fflush(stdout);
        FILE *output = popen(command, "r");
        bool found = false;
        while (output != NULL && fgets(line, sizeof line, output) != NULL) {
            if (strstr(line, "messages delivered") != NULL) {
                found = true;
                printf("  %-27s%s", runs[i], line);
            }
        }
        if (output == NULL || pclose(output) != 0 || !found) {
            bench_fail("tenon sim failed");
        }
    }
    printf("\n");
}
