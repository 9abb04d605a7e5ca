#include "sim/engine_tap.h"

#include <stdlib.h>

#include "core/assert.h"
#include "sim/sim.h"

// A module of the real engine, shared by all hosts; loaded once, for the same bytes are the same code everywhere.
struct engine_module {
    struct engine_module *next;
    struct bytes wasm; // from malloc
    struct engine *engine;
    struct engine_module *real;
};

static struct engine_module *modules;
static struct engine *real_engine;

static enum error tap_load(struct engine *engine, struct bytes wasm, struct engine_module **out, char refusal[160]) {
    struct engine_tap *tap = (struct engine_tap *)engine;
    for (struct engine_module *module = modules; module != NULL; module = module->next) {
        if (bytes_equal(module->wasm, wasm)) {
            tap->modules++;
            *out = module;
            return ERROR_NONE;
        }
    }
    struct engine_module *module = calloc(1, sizeof *module);
    uint8_t *copy = malloc(wasm.size + 1);
    ASSERT(module != NULL && copy != NULL);
    memcpy(copy, wasm.data, wasm.size);
    module->wasm = (struct bytes){copy, wasm.size};
    enum error error = real_engine->load(real_engine, wasm, &module->real, refusal);
    if (error != ERROR_NONE) {
        free(copy);
        free(module);
        return error;
    }
    module->next = modules;
    modules = module;
    tap->modules++;
    *out = module;
    return ERROR_NONE;
}

static void tap_unload(struct engine *engine, struct engine_module *module) {
    struct engine_tap *tap = (struct engine_tap *)engine;
    (void)module;
    ASSERT(tap->modules > 0);
    tap->modules--;
}

static const struct manifest_view *tap_manifest(const struct engine_module *module) {
    return real_engine->manifest(module->real);
}

static enum error tap_start(struct engine *engine, struct engine_module *module, struct bytes state,
                            struct engine_instance **out) {
    struct engine_tap *tap = (struct engine_tap *)engine;
    struct engine_instance *instance = calloc(1, sizeof *instance);
    ASSERT(instance != NULL);
    *instance = (struct engine_instance){.tap = tap, .module = module, .task = NO_INDEX};
    enum error error = real_engine->start(real_engine, module->real, state, &instance->real);
    if (error != ERROR_NONE) {
        free(instance);
        return error;
    }
    tap->instances++;
    *out = instance;
    return ERROR_NONE;
}

static void tap_stop(struct engine *engine, struct engine_instance *instance) {
    struct engine_tap *tap = (struct engine_tap *)engine;
    real_engine->stop(real_engine, instance->real);
    ASSERT(tap->instances > 0);
    tap->instances--;
    free(instance);
}

static struct bytes tap_state(struct engine_instance *instance) {
    return real_engine->state(instance->real);
}

static uint32_t tap_memory_bytes(const struct engine_instance *instance) {
    uint32_t bytes = real_engine->memory_bytes(instance->real);
    return instance->tap->host->sim->options.sabotage == SABOTAGE_MEMORY ? bytes + 1024 * 1024 : bytes;
}

// Everything but the declared state is lost between two messages; the component must not notice (law 3).
static void forget(struct engine_instance *instance) {
    uint8_t copy[STATE_SIZE_MAX];
    struct bytes state = real_engine->state(instance->real);
    memcpy(copy, state.data == NULL ? copy : state.data, state.size);
    real_engine->stop(real_engine, instance->real);
    enum error error =
        real_engine->start(real_engine, instance->module->real, (struct bytes){copy, state.size}, &instance->real);
    ASSERT(error == ERROR_NONE);
}

// The task that the runtime runs in this instance, NULL while it is only being started.
static const struct task *task_of(struct engine_instance *instance, const struct runtime *runtime) {
    const struct runtime_tables *tables = runtime_tables(runtime);
    if (instance->task < tables->plan.task_count && tables->tasks[instance->task].instance == instance) {
        return &tables->tasks[instance->task];
    }
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        if (tables->tasks[i].instance == instance) {
            instance->task = i;
            return &tables->tasks[i];
        }
    }
    return NULL;
}

// The message in hand when it lies in the runtime's pool; a parameter lies in the plan.
static const struct message *message_of(const struct runtime *runtime, struct bytes bytes) {
    const uint8_t *first = (const uint8_t *)runtime->pool.storage;
    const uint8_t *end = (const uint8_t *)(runtime->pool.storage + runtime->pool.count);
    if (bytes.data < first || bytes.data >= end) {
        return NULL;
    }
    return (const struct message *)(const void *)(bytes.data - offsetof(struct message, data));
}

// Gives the message once more; what comes out is not seen. Only when the tap is told to cheat.
static enum error repeat(struct engine_instance *instance, uint32_t input, struct bytes bytes, const struct outbox *outbox) {
    struct outbox unseen = {.output_count = outbox->output_count, .entries_max = outbox->entries_max};
    return real_engine->receive(instance->real, input, bytes, &unseen);
}

static enum error tap_receive(struct engine_instance *instance, uint32_t input, struct bytes bytes, struct outbox *outbox) {
    struct host *host = instance->tap->host;
    struct sim *sim = host->sim;
    if (sim->options.amnesia) {
        forget(instance);
    }
    const struct runtime *runtime = host->node == NULL ? NULL : node_runtime(host->node);
    const struct task *task = host->dead || runtime == NULL ? NULL : task_of(instance, runtime);
    const struct message *message = task == NULL ? NULL : message_of(runtime, bytes);
    enum error error = ERROR_NONE;
    if (task != NULL) {
        checker_settle(&sim->checkers, host);
    }
    uint32_t times = message == NULL ? 1 : checker_sabotaged_times(&sim->checkers, message);
    for (uint32_t i = 0; i < times && error == ERROR_NONE; i++) {
        error = i == 0 ? real_engine->receive(instance->real, input, bytes, outbox) : repeat(instance, input, bytes, outbox);
        if (message != NULL && error == ERROR_NONE) {
            checker_received(&sim->checkers, host, task, input, message);
        }
    }
    if (error == ERROR_NONE && outbox->violation == ERROR_NONE && task != NULL) {
        checker_emitted(&sim->checkers, host, task, outbox, message == NULL);
    }
    return error;
}

void engine_tap_start(struct engine_tap *tap, struct host *host, struct engine *real) {
    ASSERT(real_engine == NULL || real_engine == real);
    real_engine = real;
    *tap = (struct engine_tap){.engine = {.name = real->name,
                                          .load = tap_load,
                                          .unload = tap_unload,
                                          .manifest = tap_manifest,
                                          .start = tap_start,
                                          .stop = tap_stop,
                                          .receive = tap_receive,
                                          .state = tap_state,
                                          .memory_bytes = tap_memory_bytes},
                               .host = host};
}

void engine_tap_forget(void) {
    while (modules != NULL) {
        struct engine_module *next = modules->next;
        real_engine->unload(real_engine, modules->real);
        free((void *)(uintptr_t)modules->wasm.data);
        free(modules);
        modules = next;
    }
    real_engine = NULL;
}
