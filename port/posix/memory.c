// Memory that is paid for when it is touched: a node of few tasks has room for many.
#include <sys/mman.h>

#include "port/port.h"

void *port_memory_take(size_t size) {
    void *mapping = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return mapping == MAP_FAILED ? NULL : mapping;
}

void port_memory_give(void *memory, size_t size) {
    if (memory != NULL) {
        (void)munmap(memory, size);
    }
}

bool port_stack(uint32_t *size, uint32_t *most) {
    (void)size;
    (void)most;
    return false;
}
