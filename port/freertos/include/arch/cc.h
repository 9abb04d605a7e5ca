// What lwIP asks of the compiler.
#ifndef TENON_PORT_FREERTOS_ARCH_CC_H
#define TENON_PORT_FREERTOS_ARCH_CC_H

#include <stdint.h>
#include <stdlib.h>

_Noreturn void port_halt(const char *what, const char *where);
uint32_t board_cycles(void);

#define LWIP_NO_CTYPE_H 1
#define LWIP_PLATFORM_DIAG(x)
#define LWIP_PLATFORM_ASSERT(what) port_halt(what, "lwIP")
#define LWIP_RAND() board_cycles() // where the search for a free port begins

#endif
