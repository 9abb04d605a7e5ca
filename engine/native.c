// Native components behind core/engine.h. See native.h for memory, errors and limits.
#include "engine/native.h"

#include <stdio.h>
#include <stdlib.h>

#include "abi/tenon.h"
#include "core/assert.h"
#include "core/module.h"

#define REFUSAL_SIZE 160

struct engine_module {
    struct module_info info; // its manifest's bytes are in `manifest`
    uint8_t *manifest;
    const struct native_component *component;
    uint32_t slot; // of the component in the list
    uint32_t instance_count;
};

struct engine_instance {
    struct engine_module *module;
    uint8_t state[]; // the manifest's state_bytes
};

struct native_engine {
    struct engine engine; // first, so that one pointer is both
    const struct native_component *list;
    size_t count;
    uint8_t **initial; // of each component, its state region as it was before the first call; NULL until loaded
    uint32_t module_count;
    struct outbox *outbox; // of the message in hand
};

static struct native_engine *the_engine;

// What components compiled for this machine are linked with.
int32_t tenon_send(uint32_t output, const void *pointer, uint32_t length) {
    if (the_engine == NULL || the_engine->outbox == NULL) {
        return -ERROR_DENIED;
    }
    if (pointer == NULL && length > 0) {
        return -(int32_t)outbox_violate(the_engine->outbox, ERROR_BAD_POINTER);
    }
    return -(int32_t)outbox_append(the_engine->outbox, output, (struct bytes){pointer, length});
}

static const struct manifest_view *native_manifest(const struct engine_module *module) {
    return &module->info.manifest;
}

// Finds the component and checks that its regions have the sizes that the manifest, read off the WebAssembly build, declares.
static enum error find_component(struct native_engine *native, struct engine_module *module, char refusal[REFUSAL_SIZE]) {
    const struct manifest_view *manifest = &module->info.manifest;
    char name[NAME_SIZE_MAX];
    manifest_name(manifest, name);
    for (size_t i = 0; i < native->count; i++) {
        if (strcmp(native->list[i].name, name) == 0) {
            module->component = &native->list[i];
            module->slot = (uint32_t)i;
        }
    }
    if (module->component == NULL) {
        snprintf(refusal, REFUSAL_SIZE, "there is no native component %s in this program; use the engine wamr", name);
        return ERROR_NOT_FOUND;
    }
    const struct tenon_region *inbox = module->component->inbox;
    const struct tenon_region *state = module->component->state;
    uint32_t inbox_size = inbox == NULL ? 0 : inbox->size;
    uint32_t state_size = state == NULL ? 0 : state->size;
    if (inbox_size != manifest->inbox_bytes || state_size != manifest->state_bytes) {
        snprintf(refusal, REFUSAL_SIZE,
                 "native %.47s has inbox %u and state %u bytes, its manifest says %u and %u; keep no pointers in state", name,
                 inbox_size, state_size, manifest->inbox_bytes, manifest->state_bytes);
        return ERROR_MISMATCH;
    }
    return ERROR_NONE;
}

// Keeps the state region as the compiler filled it, once, before anything of the component has run.
static enum error keep_initial(struct native_engine *native, const struct engine_module *module) {
    uint32_t size = module->info.manifest.state_bytes;
    if (native->initial[module->slot] != NULL || size == 0) {
        return ERROR_NONE;
    }
    native->initial[module->slot] = malloc(size);
    if (native->initial[module->slot] == NULL) {
        return ERROR_MEMORY;
    }
    memcpy(native->initial[module->slot], module->component->state->address, size);
    return ERROR_NONE;
}

static enum error keep_manifest(struct engine_module *module) {
    struct bytes *encoded = &module->info.manifest.encoded;
    module->manifest = malloc(encoded->size);
    if (module->manifest == NULL) {
        return ERROR_MEMORY;
    }
    memcpy(module->manifest, encoded->data, encoded->size);
    encoded->data = module->manifest;
    return ERROR_NONE;
}

static enum error native_load(struct engine *engine, struct bytes wasm, struct engine_module **out, char refusal[160]) {
    struct native_engine *native = (struct native_engine *)engine;
    struct module_refusal reason;
    struct engine_module *module = calloc(1, sizeof *module);
    refusal[0] = '\0';
    if (module == NULL) {
        snprintf(refusal, REFUSAL_SIZE, "%s", error_text(ERROR_MEMORY));
        return ERROR_MEMORY;
    }
    enum error error = module_inspect(wasm, &module->info, &reason);
    if (error != ERROR_NONE) {
        snprintf(refusal, REFUSAL_SIZE, "%s", reason.text);
    } else {
        error = find_component(native, module, refusal);
    }
    if (error == ERROR_NONE) {
        error = keep_manifest(module);
    }
    if (error == ERROR_NONE) {
        error = keep_initial(native, module);
        snprintf(refusal, REFUSAL_SIZE, "%s", error == ERROR_NONE ? "" : error_text(error));
    }
    if (error != ERROR_NONE) {
        free(module->manifest);
        free(module);
        return error;
    }
    native->module_count++;
    *out = module;
    return ERROR_NONE;
}

static void native_unload(struct engine *engine, struct engine_module *module) {
    struct native_engine *native = (struct native_engine *)engine;
    if (module == NULL) {
        return;
    }
    ASSERT(module->instance_count == 0);
    native->module_count--;
    free(module->manifest);
    free(module);
}

static enum error native_start(struct engine *engine, struct engine_module *module, struct bytes state,
                               struct engine_instance **out) {
    struct native_engine *native = (struct native_engine *)engine;
    uint32_t size = module->info.manifest.state_bytes;
    if (state.size != 0 && state.size != size) {
        return ERROR_MISMATCH;
    }
    struct engine_instance *instance = malloc(sizeof *instance + size);
    if (instance == NULL) {
        return ERROR_MEMORY;
    }
    instance->module = module;
    if (size > 0) {
        memcpy(instance->state, state.size != 0 ? state.data : native->initial[module->slot], size);
    }
    module->instance_count++;
    *out = instance;
    return ERROR_NONE;
}

static void native_stop(struct engine *engine, struct engine_instance *instance) {
    (void)engine;
    if (instance != NULL) {
        instance->module->instance_count--;
        free(instance);
    }
}

static enum error native_receive(struct engine_instance *instance, uint32_t input, struct bytes message,
                                 struct outbox *outbox) {
    const struct manifest_view *manifest = &instance->module->info.manifest;
    const struct native_component *component = instance->module->component;
    ASSERT(the_engine->outbox == NULL);
    if (input >= manifest->input_count) {
        return ERROR_BAD_PORT;
    }
    if (message.size > manifest->inbox_bytes) {
        return ERROR_TOO_LARGE;
    }
    if (message.size > 0) {
        memcpy(component->inbox->address, message.data, message.size);
    }
    if (manifest->state_bytes > 0) {
        memcpy(component->state->address, instance->state, manifest->state_bytes);
    }
    the_engine->outbox = outbox;
    int32_t result = component->receive(input, (uint32_t)message.size);
    the_engine->outbox = NULL;
    if (manifest->state_bytes > 0) {
        memcpy(instance->state, component->state->address, manifest->state_bytes);
    }
    if (outbox->violation != ERROR_NONE) {
        return outbox->violation;
    }
    return result == 0 ? ERROR_NONE : ERROR_REFUSED_MESSAGE;
}

static struct bytes native_state(struct engine_instance *instance) {
    return (struct bytes){instance->state, instance->module->info.manifest.state_bytes};
}

// Its state is all that an instance has of its own.
static uint32_t native_memory_bytes(const struct engine_instance *instance) {
    return instance->module->info.manifest.state_bytes;
}

enum error native_engine_create(const struct native_component *list, size_t count, struct engine **out) {
    if (the_engine != NULL) {
        return ERROR_EXISTS;
    }
    struct native_engine *native = calloc(1, sizeof *native);
    uint8_t **initial = calloc(count > 0 ? count : 1, sizeof *initial);
    if (native == NULL || initial == NULL) {
        free(native);
        free(initial);
        return ERROR_MEMORY;
    }
    native->engine = (struct engine){.name = "native",
                                     .load = native_load,
                                     .unload = native_unload,
                                     .manifest = native_manifest,
                                     .start = native_start,
                                     .stop = native_stop,
                                     .receive = native_receive,
                                     .state = native_state,
                                     .memory_bytes = native_memory_bytes};
    native->list = list;
    native->count = count;
    native->initial = initial;
    the_engine = native;
    *out = &native->engine;
    return ERROR_NONE;
}

void native_engine_destroy(struct engine *engine) {
    if (engine == NULL) {
        return;
    }
    ASSERT(engine == &the_engine->engine && the_engine->module_count == 0);
    for (size_t i = 0; i < the_engine->count; i++) {
        if (the_engine->initial[i] != NULL) {
            // As it was found, for the next engine of this process.
            memcpy(the_engine->list[i].state->address, the_engine->initial[i], the_engine->list[i].state->size);
            free(the_engine->initial[i]);
        }
    }
    free(the_engine->initial);
    free(the_engine);
    the_engine = NULL;
}
