// The engine that interprets WebAssembly: WAMR's fast interpreter with metered instructions, behind core/engine.h.
//
// Call sequence: wamr_engine_create once, the calls of core/engine.h, wamr_engine_destroy. WAMR keeps its runtime in global
// variables, so there is one such engine in a process, and all calls come from one thread.
//
// Memory: malloc, and a mapping for each instance's linear memory (rounded up to a page of the machine). All instances of a
// module share one interpreter stack, for handlers never overlap. The module's bytes are not needed after load(), unless
// `modules_stay`. Errors:
// load() beyond those of module_inspect gives ERROR_MALFORMED (the engine does not validate a function) and ERROR_TOO_LARGE
// (the instance is larger than its manifest says); it starts one instance to know. A spent instance (ERROR_TRAP, ERROR_BUDGET)
// may only be stopped. Limits: memory.grow fails beyond the manifest's memory_bytes, in whole pages of 64 KiB.
#ifndef TENON_ENGINE_WAMR_H
#define TENON_ENGINE_WAMR_H

#include "core/engine.h"

// Locals and operands of all functions that are under way take 100-500 bytes each; 16 KiB allow about 50 nested calls.
#define WAMR_STACK_BYTES_DEFAULT 16384

struct wamr_options {
    uint32_t
        stack_bytes; // of the interpreter, for each module; 0 for the default. A component's own stack is in its linear memory.
    // One stack for all modules, which spares stack_bytes for each further one: this gives the stack (wasm_exec_env_t) to an
    // instance (wasm_module_inst_t) of any module. WAMR has no call for that, so it needs WAMR's own headers
    // (port/freertos/wamr/stack.c). NULL: a stack for each module.
    void (*move_stack)(void *stack, void *instance);
    bool modules_stay;  // what is given to load() stays where it is until unload(): nothing of it is copied
    struct buffer pool; // all that the engine takes, for modules and instances too, comes from here; no data: from malloc
};

// Starts the runtime. `options` may be NULL. ERROR_EXISTS when there is one already; ERROR_MEMORY.
MUST_CHECK enum error wamr_engine_create(const struct wamr_options *options, struct engine **out);

// Ends the runtime. All modules must have been unloaded. NULL is allowed.
void wamr_engine_destroy(struct engine *engine);

#endif
