// How the interpreter reads and writes 64 bits of linear memory, where they may lie at any address. WAMR dereferences a pointer
// to 64 bits, for which gcc takes LDRD and STRD on a Cortex-M, and those fault when the address is not a multiple of four.
#ifndef TENON_PORT_FREERTOS_WAMR_WIDE_ACCESS_H
#define TENON_PORT_FREERTOS_WAMR_WIDE_ACCESS_H

#include <stdint.h>
#include <string.h>

static inline int64_t wide_load(const void *address) {
    int64_t value;
    memcpy(&value, address, sizeof value);
    return value;
}

static inline void wide_store(void *address, int64_t value) {
    memcpy(address, &value, sizeof value);
}

#undef LOAD_I64
#undef STORE_I64
#define LOAD_I64(address) wide_load(address)
#define STORE_I64(address, value) wide_store(address, (int64_t)(value))

#endif
