// Inside a node: port to port, load and start, resident memory.
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "components/native_components.h"
#include "core/sha256.h"
#include "core/wire.h"
#include "engine/wamr.h"
#include "node/node_memory.h"
#include "port/port.h"

#define MESSAGES 2000000
#define LOADS 301

extern char **environ;

static struct bytes the_module;

static void on_transmit(void *context, const struct coap_address *peer, struct bytes datagram) {
    (void)context;
    (void)peer;
    (void)datagram;
}

static void on_actuate(void *context, uint32_t resource, struct bytes value) {
    (void)context;
    (void)resource;
    (void)value;
}

static enum error on_code_find(void *context, const uint8_t digest[DIGEST_SIZE], struct bytes *wasm) {
    (void)context;
    (void)digest;
    *wasm = the_module;
    return ERROR_NONE;
}

static enum error on_plan_store(void *context, struct bytes encoded) {
    (void)context;
    (void)encoded;
    return ERROR_NONE;
}

static void on_event(void *context, enum runtime_event event, const char *subject, enum error error, const char *detail) {
    (void)context;
    (void)event;
    (void)subject;
    (void)error;
    (void)detail;
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

struct runtime_environment bench_environment(struct bytes module) {
    the_module = module;
    return (struct runtime_environment){.transmit = on_transmit,
                                        .actuate = on_actuate,
                                        .code_find = on_code_find,
                                        .plan_store = on_plan_store,
                                        .event = on_event,
                                        .serve = on_serve,
                                        .completed = on_completed};
}

// Two thermostats that feed each other: every message handled goes from a port to a port.
static double messages_per_second(struct engine *engine) {
    static struct runtime runtime;
    struct runtime_memory memory;
    void *block = NULL;
    memset(&runtime, 0, sizeof runtime);
    if (node_memory_open(2, &memory, &block) != ERROR_NONE) {
        bench_fail("no memory");
    }
    const struct runtime_environment environment = bench_environment(the_module);
    struct coap_parameters parameters = coap_parameters_default();
    runtime_start(&runtime, &memory, &environment, engine, &parameters, 1, 1);
    runtime_at(&runtime, 1000, 1000);
    static const struct registration_resource sensor = {.name = "a/temperature"};
    uint32_t resource = 0;
    struct plan_task tasks[2] = {{.name = "a", .epoch = 1}, {.name = "b", .epoch = 1}};
    struct plan_resource resources[1] = {{.name = "a/temperature"}};
    struct plan_link links[3] = {
        {.id = 1, .delivery = DELIVERY_MEASUREMENT, .source = {END_RESOURCE, 0, 0}, .destination = {END_TASK, 0, 0}},
        {.id = 2, .delivery = DELIVERY_MEASUREMENT, .source = {END_TASK, 0, 0}, .destination = {END_TASK, 1, 0}},
        {.id = 3, .delivery = DELIVERY_MEASUREMENT, .source = {END_TASK, 1, 0}, .destination = {END_TASK, 0, 0}},
    };
    sha256(the_module, tasks[0].digest);
    memcpy(tasks[1].digest, tasks[0].digest, DIGEST_SIZE);
    struct plan plan = {.revision = 1,
                        .policy = "bench",
                        .node = "n",
                        .tasks = tasks,
                        .task_count = 2,
                        .resources = resources,
                        .resource_count = 1,
                        .links = links,
                        .link_count = 3};
    uint8_t encoded[1024];
    uint8_t item[9];
    size_t size = 0;
    uint32_t missing = 0;
    uint8_t digests[2][DIGEST_SIZE];
    bool good = runtime_resource_add(&runtime, &sensor, &resource) == ERROR_NONE &&
                plan_encode(&plan, (struct buffer){encoded, sizeof encoded}, &size) == ERROR_NONE &&
                runtime_plan_put(&runtime, (struct bytes){encoded, size}, digests, 2, &missing) == ERROR_NONE &&
                runtime_publish(&runtime, resource, (struct bytes){item, wire_put_number(20.5, item)}) == ERROR_NONE;
    if (!good) {
        bench_fail("the plan was refused");
    }
    uint64_t begin = port_clock_ns();
    (void)runtime_run(&runtime, MESSAGES);
    double seconds = (double)(port_clock_ns() - begin) / 1e9;
    const struct runtime_tables *tables = runtime_tables(&runtime);
    double handled = (double)(tables->tasks[0].messages + tables->tasks[1].messages);
    for (int i = 0; i < 2; i++) {
        engine->stop(engine, tables->tasks[i].instance);
    }
    engine->unload(engine, memory.codes[0].module);
    node_memory_close(2, block);
    if (handled < MESSAGES) {
        bench_fail("the ring of tasks stopped turning");
    }
    return handled / seconds;
}

void bench_ports(const struct bench_paths *paths) {
    struct engine *engines[2] = {NULL, NULL};
    double rates[2][3];
    the_module = bench_module(paths);
    if (wamr_engine_create(NULL, &engines[0]) != ERROR_NONE ||
        native_engine_create(native_components, native_component_count, &engines[1]) != ERROR_NONE) {
        bench_fail("an engine did not start");
    }
    for (int round = 0; round < 3; round++) {
        rates[0][round] = messages_per_second(engines[0]);
        rates[1][round] = messages_per_second(engines[1]);
    }
    printf("port to port through a thermostat inside a node, one core, %d messages\n", MESSAGES);
    printf("  WebAssembly %.2f million/s   native %.2f million/s\n\n", bench_median(rates[0], 3) / 1e6,
           bench_median(rates[1], 3) / 1e6);
    wamr_engine_destroy(engines[0]);
    native_engine_destroy(engines[1]);
    free((void *)(uintptr_t)the_module.data);
}

void bench_load(const struct bench_paths *paths) {
    static double loads[LOADS];
    static double starts[LOADS];
    struct engine *engine = NULL;
    struct bytes module = bench_module(paths);
    char refusal[160];
    if (wamr_engine_create(NULL, &engine) != ERROR_NONE) {
        bench_fail("the engine did not start");
    }
    for (int i = 0; i < LOADS; i++) {
        struct engine_module *loaded = NULL;
        struct engine_instance *instance = NULL;
        uint64_t begin = port_clock_ns();
        if (engine->load(engine, module, &loaded, refusal) != ERROR_NONE) {
            bench_fail(refusal);
        }
        uint64_t middle = port_clock_ns();
        if (engine->start(engine, loaded, (struct bytes){NULL, 0}, &instance) != ERROR_NONE) {
            bench_fail("the thermostat did not start");
        }
        loads[i] = (double)(middle - begin) / 1000.0;
        starts[i] = (double)(port_clock_ns() - middle) / 1000.0;
        engine->stop(engine, instance);
        engine->unload(engine, loaded);
    }
    printf("component of %zu bytes: load (inspect, validate, compile, try) %.0f us, start %.1f us (medians of %d)\n\n",
           module.size, bench_median(loads, LOADS), bench_median(starts, LOADS), LOADS);
    wamr_engine_destroy(engine);
    free((void *)(uintptr_t)module.data);
}

static long resident_kib(pid_t child) {
    char path[64];
    char line[128];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)child);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kib = strtol(line + 6, NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib;
}

// Thermostats that each get the node's clock as their temperature, so that all of them really work.
static void write_tasks(const char *data, uint32_t count, struct bytes module) {
    struct plan_task *tasks = calloc(count, sizeof *tasks);
    struct plan_link *links = calloc(count, sizeof *links);
    struct plan_resource resources[1] = {{.name = "clock"}};
    if (tasks == NULL || links == NULL) {
        bench_fail("no memory");
    }
    for (uint32_t i = 0; i < count; i++) {
        snprintf(tasks[i].name, sizeof tasks[i].name, "thermostat-%05u", i);
        tasks[i].epoch = 1;
        sha256(module, tasks[i].digest);
        links[i] = (struct plan_link){.id = i + 1, .source = {END_RESOURCE, 0, 0}, .destination = {END_TASK, i, 0}};
    }
    struct plan plan = {.revision = 1,
                        .policy = "bench",
                        .node = "bench",
                        .tasks = tasks,
                        .task_count = count,
                        .resources = resources,
                        .resource_count = 1,
                        .links = links,
                        .link_count = count};
    bench_prepare(data, &plan, module);
    free(tasks);
    free(links);
}

static long measure(const struct bench_paths *paths, uint32_t count, struct bytes module) {
    char data[512];
    char config[600];
    snprintf(data, sizeof data, "%s/memory-%u", paths->folder, count);
    write_tasks(data, count, module);
    snprintf(config, sizeof config, "%s/node.yaml", data);
    FILE *file = fopen(config, "w");
    if (file == NULL) {
        bench_fail("cannot write the configuration");
    }
    fprintf(file, "node: bench\nlisten: 127.0.0.1:0\ndata: %s\ntasks: %u\n", data, count < 256 ? 256 : count);
    fclose(file);
    char *const arguments[] = {(char *)(uintptr_t)paths->tenon, (char *)(uintptr_t) "node", config, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", 1, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
    pid_t child = 0;
    if (posix_spawn(&child, paths->tenon, &actions, NULL, arguments, environ) != 0) {
        bench_fail("cannot start the daemon");
    }
    posix_spawn_file_actions_destroy(&actions);
    usleep(3000000);
    long kib = resident_kib(child);
    kill(child, SIGTERM);
    waitpid(child, NULL, 0);
    return kib;
}

void bench_memory(const struct bench_paths *paths) {
    struct bytes module = bench_module(paths);
    printf("resident memory of the daemon, thermostats at work, once a second\n");
    printf("     10 tasks %6ld KiB\n", measure(paths, 10, module));
    fflush(stdout);
    printf("  1,000 tasks %6ld KiB\n", measure(paths, 1000, module));
    free((void *)(uintptr_t)module.data);
}
