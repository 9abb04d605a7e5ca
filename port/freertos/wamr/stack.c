// Gives an interpreter's stack to an instance of another module: what WAMR does when it makes one (wasm_exec_env_create),
// without the making. See engine/wamr.h.
#include "port/freertos/wamr/stack.h"

#include "wasm_runtime.h"

void wamr_move_stack(void *stack, void *instance) {
    WASMExecEnv *environment = stack;
    const WASMModule *module = ((const WASMModuleInstance *)instance)->module;
    environment->module_inst = instance;
    environment->aux_stack_bottom = (uintptr_t)module->aux_stack_bottom;
    environment->aux_stack_boundary = (uintptr_t)module->aux_stack_bottom - module->aux_stack_size;
}
