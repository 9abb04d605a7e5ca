// FreeRTOS on the Cortex-M3 of the mps2-an385.
#ifndef TENON_PORT_FREERTOS_MPS2_AN385_BOARD_CONFIG_H
#define TENON_PORT_FREERTOS_MPS2_AN385_BOARD_CONFIG_H

#define configCPU_CLOCK_HZ 25000000UL // of SysTick
#define configPRIO_BITS 3
#define configKERNEL_INTERRUPT_PRIORITY (7 << 5)
#define configMAX_SYSCALL_INTERRUPT_PRIORITY (5 << 5)
#define vPortSVCHandler SVC_Handler
#define xPortPendSVHandler PendSV_Handler
#define xPortSysTickHandler SysTick_Handler

#endif
