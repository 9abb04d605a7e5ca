// FreeRTOS for one task that waits for the network or the clock, and nothing allocated at run time.
#ifndef TENON_PORT_FREERTOS_FREERTOSCONFIG_H
#define TENON_PORT_FREERTOS_FREERTOSCONFIG_H

#include "board_config.h" // clock, interrupts: of the board

_Noreturn void port_halt(const char *what, const char *where);

#define configUSE_PREEMPTION 1
#define configUSE_IDLE_HOOK 1 // waits for an interrupt
#define configUSE_TICK_HOOK 0
#define configTICK_RATE_HZ 1000
#define configTICK_TYPE_WIDTH_IN_BITS TICK_TYPE_WIDTH_32_BITS
#define configMAX_PRIORITIES 3
#define configMINIMAL_STACK_SIZE 96 // words; the idle task does nothing
#define configMAX_TASK_NAME_LEN 8
#define configUSE_MUTEXES 0
#define configUSE_TIMERS 0
#define configUSE_TRACE_FACILITY 1 // the bounds of the stack, for WAMR
#define configSUPPORT_STATIC_ALLOCATION 1
#define configSUPPORT_DYNAMIC_ALLOCATION 0
#define configKERNEL_PROVIDED_STATIC_MEMORY 1
#define configCHECK_FOR_STACK_OVERFLOW 2
#define INCLUDE_vTaskDelay 1
#define INCLUDE_vTaskSuspend 1
#define INCLUDE_uxTaskGetStackHighWaterMark 1
#define INCLUDE_xTaskGetCurrentTaskHandle 1
#define configASSERT(expression) ((expression) ? (void)0 : port_halt(#expression, __func__))

#endif
