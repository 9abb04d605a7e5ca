// Whatever manifest_decode accepts is within its limits and comes out of manifest_encode such that it reads the same again.
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/manifest.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: %s\n", function, expression);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct manifest first;
    static struct manifest second;
    static uint8_t encoded[MANIFEST_SIZE_MAX];
    size_t encoded_size = 0;
    if (manifest_decode((struct bytes){data, size}, &first) != ERROR_NONE) {
        return 0;
    }
    ASSERT(first.input_count <= PORTS_MAX && first.output_count <= PORTS_MAX && first.name[0] != '\0');
    ASSERT(manifest_encode(&first, (struct buffer){encoded, sizeof encoded}, &encoded_size) == ERROR_NONE);
    ASSERT(manifest_decode((struct bytes){encoded, encoded_size}, &second) == ERROR_NONE);
    ASSERT(memcmp(&first, &second, sizeof first) == 0);
    return 0;
}
