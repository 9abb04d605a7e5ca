// See engine/wamr.h, wamr_options.move_stack.
#ifndef TENON_PORT_FREERTOS_WAMR_STACK_H
#define TENON_PORT_FREERTOS_WAMR_STACK_H

void wamr_move_stack(void *stack, void *instance);

#endif
