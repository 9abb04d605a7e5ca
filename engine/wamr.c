// WAMR behind core/engine.h. See wamr.h for memory, errors and limits.
//
//   load:    module_inspect -> WAMR's loader (validates, translates) -> one trial instance
//   start:   instance, memory trimmed to __heap_base by the loader; regions checked against it; state written over
//   receive: message -> inbox, budget set, tenon_receive called; tenon.send comes back through host_send into the outbox
//
// A message costs about 0.1 us before the component's own work: nothing is looked up by name, and the memory is addressed
// directly. Its base is asked anew each time, because memory.grow moves it.
#include "engine/wamr.h"

#include <stdio.h>

#include <wasm_export.h>

#include "core/assert.h"
#include "core/module.h"

#define WASM_PAGE_SIZE 65536u
#define EXCEPTION_OF_BUDGET "instruction limit exceeded"
#define REFUSAL_SIZE 160

struct engine_module {
    struct module_info info;
    wasm_module_t code;
    wasm_exec_env_t stack; // shared by the instances; made when the first one runs, made anew after a trap
    uint32_t stack_bytes;
    uint32_t instance_count;
    uint8_t *manifest; // its bytes; NULL when the module stays where it is
};

struct engine_instance {
    struct engine_module *module;
    wasm_module_inst_t code;
    wasm_memory_inst_t memory;
    wasm_function_inst_t receive;
    bool spent;
};

struct wamr_engine {
    struct engine engine; // first, so that one pointer is both
    struct wamr_options options;
    uint32_t module_count;
    wasm_exec_env_t stack; // the one for all modules, with options.move_stack
    // The message in hand, for host_send.
    struct engine_instance *instance;
    struct outbox *outbox;
};

// The one engine of the process (WAMR has one runtime), and what host_send, which gets no pointer of ours, finds it by.
static struct wamr_engine *the_engine;

// From WAMR's allocator, so that a pool holds everything; given back with wasm_runtime_free.
static void *take(size_t size) {
    void *memory = size > UINT32_MAX ? NULL : wasm_runtime_malloc((uint32_t)size);
    if (memory != NULL) {
        memset(memory, 0, size);
    }
    return memory;
}

static void give(void *memory) {
    if (memory != NULL) {
        wasm_runtime_free(memory);
    }
}

static uint64_t memory_size(const struct engine_instance *instance) {
    return wasm_memory_get_cur_page_count(instance->memory) * wasm_memory_get_bytes_per_page(instance->memory);
}

static uint8_t *memory_base(const struct engine_instance *instance) {
    return wasm_memory_get_base_address(instance->memory);
}

// tenon.send: appends to the outbox of the message in hand. Zero, or the negative error, as abi/tenon.h says.
static int32_t host_send(wasm_exec_env_t stack, int32_t output, int32_t address, int32_t length) {
    struct engine_instance *instance = the_engine->instance;
    (void)stack;
    if (instance == NULL) {
        return -ERROR_DENIED;
    }
    uint32_t start = (uint32_t)address;
    uint32_t size = (uint32_t)length;
    if ((uint64_t)start + size > memory_size(instance)) {
        return -(int32_t)outbox_violate(the_engine->outbox, ERROR_BAD_POINTER);
    }
    return -(int32_t)outbox_append(the_engine->outbox, (uint32_t)output, (struct bytes){memory_base(instance) + start, size});
}

// --- instances -----------------------------------------------------------------------------------------------------------

static bool region_fits(struct module_region region, uint64_t size) {
    return (uint64_t)region.address + region.size <= size;
}

// Where the stack of an instance is kept: with its module, or the one for all.
static wasm_exec_env_t *stack_of(struct engine_module *module) {
    return the_engine->options.move_stack != NULL ? &the_engine->stack : &module->stack;
}

static void drop_stack(wasm_exec_env_t *stack) {
    if (*stack != NULL) {
        wasm_runtime_destroy_exec_env(*stack);
        *stack = NULL;
    }
}

// The stack, ready for one message to the instance; NULL without memory.
static wasm_exec_env_t prepare_stack(struct engine_instance *instance) {
    struct engine_module *module = instance->module;
    wasm_exec_env_t *stack = stack_of(module);
    if (*stack == NULL) {
        *stack = wasm_runtime_create_exec_env(instance->code, module->stack_bytes);
    }
    if (*stack == NULL) {
        return NULL;
    }
    if (the_engine->options.move_stack != NULL) {
        the_engine->options.move_stack(*stack, instance->code);
    } else {
        wasm_runtime_set_module_inst(*stack, instance->code);
    }
    // WAMR takes a negative limit for none and the manifest's is at most INSTRUCTIONS_MAX, so the conversion is safe.
    wasm_runtime_set_instruction_count_limit(*stack, (int)module->info.manifest.instructions);
    return *stack;
}

static void release_instance(struct engine_instance *instance) {
    struct engine_module *module = instance->module;
    wasm_runtime_deinstantiate(instance->code);
    give(instance);
    module->instance_count--;
    if (module->instance_count == 0) {
        drop_stack(&module->stack);
    }
}

// Fills in a fresh instance. ERROR_TOO_LARGE, ERROR_MISMATCH (a region is outside the trimmed memory).
static enum error settle_instance(struct engine_instance *instance) {
    const struct module_info *info = &instance->module->info;
    instance->memory = wasm_runtime_get_default_memory(instance->code);
    instance->receive = wasm_runtime_lookup_function(instance->code, "tenon_receive");
    if (instance->memory == NULL || instance->receive == NULL) {
        return ERROR_MISMATCH;
    }
    if (memory_size(instance) > info->manifest.memory_bytes) {
        return ERROR_TOO_LARGE;
    }
    bool fits = region_fits(info->inbox, memory_size(instance)) && region_fits(info->state, memory_size(instance));
    return fits ? ERROR_NONE : ERROR_MISMATCH;
}

// Makes an instance. On ERROR_MALFORMED `reason` (REFUSAL_SIZE) has the engine's words. `*needed` gets the linear memory that
// it takes.
static enum error make_instance(struct engine_module *module, struct engine_instance **out, uint64_t *needed, char *reason) {
    const struct manifest_view *manifest = &module->info.manifest;
    uint32_t pages = manifest->memory_bytes / WASM_PAGE_SIZE;
    InstantiationArgs arguments = {.default_stack_size = module->stack_bytes,
                                   .host_managed_heap_size = 0,
                                   .max_memory_pages = pages > 0 ? pages : 1}; // 0 would mean the module's own maximum
    struct engine_instance *instance = take(sizeof *instance);
    *needed = 0;
    if (instance == NULL) {
        return ERROR_MEMORY;
    }
    instance->module = module;
    instance->code = wasm_runtime_instantiate_ex(module->code, &arguments, reason, REFUSAL_SIZE);
    if (instance->code == NULL) {
        give(instance);
        return strstr(reason, "allocate") != NULL ? ERROR_MEMORY : ERROR_MALFORMED;
    }
    module->instance_count++;
    enum error error = settle_instance(instance);
    *needed = instance->memory == NULL ? 0 : memory_size(instance);
    if (error != ERROR_NONE) {
        release_instance(instance);
        return error;
    }
    *out = instance;
    return ERROR_NONE;
}

static enum error wamr_start(struct engine *engine, struct engine_module *module, struct bytes state,
                             struct engine_instance **out) {
    char reason[REFUSAL_SIZE] = "";
    uint64_t needed;
    (void)engine;
    if (state.size != 0 && state.size != module->info.manifest.state_bytes) {
        return ERROR_MISMATCH;
    }
    enum error error = make_instance(module, out, &needed, reason);
    if (error == ERROR_NONE && state.size != 0) {
        memcpy(memory_base(*out) + module->info.state.address, state.data, state.size);
    }
    return error;
}

static void wamr_stop(struct engine *engine, struct engine_instance *instance) {
    (void)engine;
    ASSERT(the_engine->instance == NULL);
    if (instance != NULL) {
        release_instance(instance);
    }
}

static struct bytes wamr_state(struct engine_instance *instance) {
    return (struct bytes){memory_base(instance) + instance->module->info.state.address,
                          instance->module->info.manifest.state_bytes};
}

static void wamr_pool(const struct engine *engine, struct engine_pool *out) {
    mem_alloc_info_t info = {0};
    (void)engine;
    (void)wasm_runtime_get_mem_alloc_info(&info);
    *out = (struct engine_pool){info.total_size, info.total_size - info.total_free_size, info.highmark_size};
}

static uint32_t wamr_memory_bytes(const struct engine_instance *instance) {
    return (uint32_t)memory_size(instance);
}

// --- messages ------------------------------------------------------------------------------------------------------------

// After an exception WAMR may have left frames on the stack that others share, so it is made anew; at once when there is one
// for all, for its place in the pool is free now.
static enum error spend(struct engine_instance *instance) {
    const char *exception = wasm_runtime_get_exception(instance->code);
    bool budget = exception != NULL && strstr(exception, EXCEPTION_OF_BUDGET) != NULL;
    instance->spent = true;
    drop_stack(stack_of(instance->module));
    if (the_engine->options.move_stack != NULL) {
        (void)prepare_stack(instance);
    }
    return budget ? ERROR_BUDGET : ERROR_TRAP;
}

static enum error wamr_receive(struct engine_instance *instance, uint32_t input, struct bytes message, struct outbox *outbox) {
    const struct module_info *info = &instance->module->info;
    ASSERT(!instance->spent && the_engine->instance == NULL);
    if (input >= info->manifest.input_count) {
        return ERROR_BAD_PORT;
    }
    if (message.size > info->inbox.size) {
        return ERROR_TOO_LARGE;
    }
    wasm_exec_env_t stack = prepare_stack(instance);
    if (stack == NULL) {
        return ERROR_MEMORY;
    }
    if (message.size > 0) {
        memcpy(memory_base(instance) + info->inbox.address, message.data, message.size);
    }
    uint32_t arguments[2] = {input, (uint32_t)message.size};
    the_engine->instance = instance;
    the_engine->outbox = outbox;
    bool returned = wasm_runtime_call_wasm(stack, instance->receive, 2, arguments);
    the_engine->instance = NULL;
    the_engine->outbox = NULL;
    if (!returned) {
        return spend(instance);
    }
    if (outbox->violation != ERROR_NONE) {
        return outbox->violation;
    }
    return arguments[0] == 0 ? ERROR_NONE : ERROR_REFUSED_MESSAGE;
}

// --- modules -------------------------------------------------------------------------------------------------------------

static const struct manifest_view *wamr_manifest(const struct engine_module *module) {
    return &module->info.manifest;
}

static void wamr_unload(struct engine *engine, struct engine_module *module) {
    (void)engine;
    if (module == NULL) {
        return;
    }
    ASSERT(module->instance_count == 0);
    wasm_runtime_unload(module->code);
    give(module->manifest);
    give(module);
    the_engine->module_count--;
}

// Hands the bytes to WAMR. With the fast interpreter and a binary that may be freed its loader only reads them, which the
// tests show with modules in memory that cannot be written; afterwards it needs them no more.
static enum error load_code(struct engine_module *module, struct bytes wasm, char refusal[REFUSAL_SIZE]) {
    char reason[REFUSAL_SIZE - 32] = "";
    LoadArgs arguments = {.name = (char[]){""}, .wasm_binary_freeable = true};
    module->code =
        wasm_runtime_load_ex((uint8_t *)(uintptr_t)wasm.data, (uint32_t)wasm.size, &arguments, reason, sizeof reason);
    if (module->code == NULL) {
        snprintf(refusal, REFUSAL_SIZE, "the engine refuses the code: %s", reason);
        return strstr(reason, "allocate") != NULL ? ERROR_MEMORY : ERROR_MALFORMED;
    }
    ASSERT(wasm_runtime_is_underlying_binary_freeable(module->code));
    return ERROR_NONE;
}

// The manifest is read for as long as the module is loaded.
static enum error keep_manifest(struct engine_module *module, char refusal[REFUSAL_SIZE]) {
    struct bytes *encoded = &module->info.manifest.encoded;
    if (the_engine->options.modules_stay) {
        return ERROR_NONE;
    }
    module->manifest = take(encoded->size);
    if (module->manifest == NULL) {
        snprintf(refusal, REFUSAL_SIZE, "there is no memory for the manifest's %zu bytes", encoded->size);
        return ERROR_MEMORY;
    }
    memcpy(module->manifest, encoded->data, encoded->size);
    encoded->data = module->manifest;
    return ERROR_NONE;
}

// Starts one instance and stops it, so that a component that could never start is refused with a reason before a task is made
// of it.
static enum error try_start(struct engine_module *module, char refusal[REFUSAL_SIZE]) {
    const struct manifest_view *manifest = &module->info.manifest;
    char reason[REFUSAL_SIZE] = "";
    uint64_t needed;
    struct engine_instance *instance;
    enum error error = make_instance(module, &instance, &needed, reason);
    if (error == ERROR_NONE) {
        if (the_engine->options.move_stack != NULL) {
            (void)prepare_stack(instance); // while the pool is in one piece
        }
        release_instance(instance);
    } else if (error == ERROR_TOO_LARGE) {
        snprintf(refusal, REFUSAL_SIZE,
                 "takes %llu bytes of memory, its manifest allows %u; raise limits.memory or use less, and no memory.grow",
                 (unsigned long long)needed, manifest->memory_bytes);
    } else if (error == ERROR_MISMATCH) {
        snprintf(refusal, REFUSAL_SIZE, "tenon_inbox or tenon_state lies beyond __heap_base; build with `tenon build`");
    } else {
        snprintf(refusal, REFUSAL_SIZE, "does not start: %.120s", reason[0] != '\0' ? reason : error_text(error));
    }
    return error;
}

static enum error wamr_load(struct engine *engine, struct bytes wasm, struct engine_module **out, char refusal[160]) {
    struct module_refusal reason;
    struct engine_module *module = take(sizeof *module);
    (void)engine;
    refusal[0] = '\0';
    if (module == NULL) {
        snprintf(refusal, REFUSAL_SIZE, "%s", error_text(ERROR_MEMORY));
        return ERROR_MEMORY;
    }
    module->stack_bytes = the_engine->options.stack_bytes;
    enum error error = module_inspect(wasm, &module->info, &reason);
    if (error != ERROR_NONE) {
        snprintf(refusal, REFUSAL_SIZE, "%s", reason.text);
    } else if (module->info.memory_pages_minimum > COMPONENT_MEMORY_MAX / WASM_PAGE_SIZE) {
        snprintf(refusal, REFUSAL_SIZE, "declares %u pages of memory, over the limit of %u; use less",
                 module->info.memory_pages_minimum, COMPONENT_MEMORY_MAX / WASM_PAGE_SIZE);
        error = ERROR_TOO_LARGE;
    } else {
        error = keep_manifest(module, refusal);
    }
    if (error == ERROR_NONE) {
        error = load_code(module, wasm, refusal);
    }
    if (error == ERROR_NONE) {
        error = try_start(module, refusal);
    }
    if (error != ERROR_NONE) {
        if (module->code != NULL) {
            wasm_runtime_unload(module->code);
        }
        give(module->manifest);
        give(module);
        return error;
    }
    the_engine->module_count++;
    *out = module;
    return ERROR_NONE;
}

// --- the engine ----------------------------------------------------------------------------------------------------------

enum error wamr_engine_create(const struct wamr_options *options, struct engine **out) {
    static NativeSymbol symbols[] = {{"send", (void *)host_send, "(iii)i", NULL}};
    RuntimeInitArgs arguments = {.mem_alloc_type = Alloc_With_System_Allocator,
                                 .native_module_name = "tenon",
                                 .native_symbols = symbols,
                                 .n_native_symbols = 1};
    if (the_engine != NULL) {
        return ERROR_EXISTS;
    }
    if (options != NULL && options->pool.data != NULL) {
        arguments.mem_alloc_type = Alloc_With_Pool;
        arguments.mem_alloc_option.pool.heap_buf = options->pool.data;
        arguments.mem_alloc_option.pool.heap_size = (uint32_t)options->pool.size;
    }
    if (!wasm_runtime_full_init(&arguments)) {
        return ERROR_MEMORY;
    }
    struct wamr_engine *wamr = take(sizeof *wamr);
    if (wamr == NULL) {
        wasm_runtime_destroy();
        return ERROR_MEMORY;
    }
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL); // what goes wrong is told in refusals and errors, not on a terminal
    wamr->engine = (struct engine){.name = "wamr",
                                   .load = wamr_load,
                                   .unload = wamr_unload,
                                   .manifest = wamr_manifest,
                                   .start = wamr_start,
                                   .stop = wamr_stop,
                                   .receive = wamr_receive,
                                   .state = wamr_state,
                                   .memory_bytes = wamr_memory_bytes,
                                   .pool = arguments.mem_alloc_type == Alloc_With_Pool ? wamr_pool : NULL};
    if (options != NULL) {
        wamr->options = *options;
    }
    if (wamr->options.stack_bytes == 0) {
        wamr->options.stack_bytes = WAMR_STACK_BYTES_DEFAULT;
    }
    the_engine = wamr;
    *out = &wamr->engine;
    return ERROR_NONE;
}

void wamr_engine_destroy(struct engine *engine) {
    if (engine == NULL) {
        return;
    }
    ASSERT(engine == &the_engine->engine && the_engine->module_count == 0);
    drop_stack(&the_engine->stack);
    give(the_engine);
    wasm_runtime_destroy();
    the_engine = NULL;
}
