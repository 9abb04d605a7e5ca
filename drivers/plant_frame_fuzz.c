// A frame from a serial line: whatever is taken for a packet must survive another trip.
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "drivers/plant_frame.h"

#define FRAME_SIZE_MAX 4096

_Noreturn void assert_failed(const char *expression, const char *function) {
    (void)expression;
    (void)function;
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t frame[FRAME_SIZE_MAX];
    static uint8_t again[PLANT_FRAME_SIZE(FRAME_SIZE_MAX)];
    size_t packet_size = 0;
    size_t again_size = 0;
    if (size > sizeof frame) {
        return 0;
    }
    if (size > 0) { // the checksum stops nearly every input: any bytes as a packet
        ASSERT(plant_frame_encode((struct bytes){data, size}, (struct buffer){again, sizeof again}, &again_size) == ERROR_NONE);
        ASSERT(memchr(again, PLANT_FRAME_END, again_size) == again + again_size - 1);
        ASSERT(plant_frame_decode(again, again_size - 1, &packet_size) == ERROR_NONE);
        ASSERT(packet_size == size && memcmp(again, data, size) == 0);
        memcpy(frame, data, size);
    }
    if (plant_frame_decode(frame, size, &packet_size) == ERROR_NONE) {
        ASSERT(packet_size + 5 <= size);
    }
    return 0;
}
