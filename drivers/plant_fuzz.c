// A packet from a plant or from a driver: whatever is understood must come out of the encoder as it went in.
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "drivers/plant_protocol.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    (void)expression;
    (void)function;
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct plant_message message;
    static uint8_t packet[PLANT_PACKET_SIZE_MAX];
    size_t written = 0;
    if (plant_message_decode((struct bytes){data, size}, &message) != ERROR_NONE) {
        return 0;
    }
    ASSERT(plant_message_encode(&message, (struct buffer){packet, sizeof packet}, &written) == ERROR_NONE);
    ASSERT(written == size && memcmp(packet, data, size) == 0);
    return 0;
}
