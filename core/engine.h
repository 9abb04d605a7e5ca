// What core/ asks of an engine, the room that runs components. engine/wamr and engine/native implement it.
//
// Call sequence: load a module once, start any number of instances of it, receive messages one at a time, stop the instance,
// unload the module when no instance is left. Handlers are never re-entered. An instance that returned ERROR_TRAP or
// ERROR_BUDGET is spent: only stop() may follow.
#ifndef TENON_CORE_ENGINE_H
#define TENON_CORE_ENGINE_H

#include "core/manifest.h"
#include "core/outbox.h"

struct engine_module;   // loaded code, owned by the engine
struct engine_instance; // one running copy, owned by the engine

// Memory of fixed size, in bytes.
struct engine_pool {
    uint32_t total;
    uint32_t used;
    uint32_t most; // that was ever used
};

struct engine {
    const char *name; // "wamr", "native"

    // Makes `wasm` ready to start. The engine keeps its own copy of what it needs. `*refusal` (160 bytes) gets a sentence on
    // failure.
    enum error (*load)(struct engine *engine, struct bytes wasm, struct engine_module **out, char refusal[160]);
    void (*unload)(struct engine *engine, struct engine_module *module);
    const struct manifest_view *(*manifest)(const struct engine_module *module);

    // Starts an instance. When `state` is not empty it is written over the fresh state region; its size must be the manifest's
    // state_bytes, else ERROR_MISMATCH. ERROR_MEMORY when there is no memory.
    enum error (*start)(struct engine *engine, struct engine_module *module, struct bytes state, struct engine_instance **out);
    void (*stop)(struct engine *engine, struct engine_instance *instance);

    // Gives one message to the component and collects what it sends in `outbox`, which the caller has reset.
    // ERROR_TRAP, ERROR_BUDGET, ERROR_FLOOD, ERROR_BAD_POINTER, ERROR_BAD_PORT, ERROR_REFUSED_MESSAGE, ERROR_TOO_LARGE (message
    // over the inbox).
    enum error (*receive)(struct engine_instance *instance, uint32_t input, struct bytes message, struct outbox *outbox);

    // The declared state region as it is now; valid until the next receive or stop. Size 0 when the component declares none.
    struct bytes (*state)(struct engine_instance *instance);

    // Bytes of linear memory, and of everything, that the instance holds.
    uint32_t (*memory_bytes)(const struct engine_instance *instance);

    // The pool that everything comes from. NULL: there is none.
    void (*pool)(const struct engine *engine, struct engine_pool *out);
};

#endif
