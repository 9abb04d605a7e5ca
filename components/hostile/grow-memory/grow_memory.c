// Hostile: takes and touches all the memory that it can get, and sends how many pages of 64 KiB it had in the end. The host
// must hold it to its manifest and stay well.
#include "ports.h"
#include "tenon.h"

TENON_INBOX(16);

int32_t tenon_receive(uint32_t input, uint32_t length) {
    (void)input;
    (void)length;
    for (uint32_t round = 0; round < 65536 && __builtin_wasm_memory_grow(0, 1) != SIZE_MAX; round++) {
        volatile uint8_t *page = (volatile uint8_t *)((__builtin_wasm_memory_size(0) - 1) * 65536);
        page[0] = 0xa5;
        page[65535] = 0xa5;
    }
    return tenon_send_number(OUTPUT_VALUE, (double)__builtin_wasm_memory_size(0));
}
