// Any bytes in the first block of flash: every name that is taken ends within its place, and nothing else is touched.
#include <stdlib.h>

#include "core/assert.h"
#include "firmware/board_driver.h"
#include "firmware/configuration.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    (void)expression;
    (void)function;
    abort();
}

const struct polled_driver board_driver = {NULL, NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct configuration configuration = {0};
    uint32_t line = 0;
    bool good = configuration_read((struct bytes){data, size}, &configuration, &line) == NULL;
    const struct node_config *node = &configuration.node;
    ASSERT(line <= size);
    ASSERT(node->capability_count <= CAPABILITIES_MAX && node->resource_count < RESOURCES_PER_NODE_MAX);
    ASSERT(memchr(node->node, 0, sizeof node->node) != NULL &&
           memchr(configuration.seed, 0, sizeof configuration.seed) != NULL);
    ASSERT(!good || (node->node[0] != '\0' && line == 0));
    for (uint32_t i = 0; i < node->resource_count; i++) {
        const struct node_resource *resource = &node->resources[i];
        ASSERT(memchr(resource->facts.name, 0, NAME_SIZE_MAX) != NULL && strchr(resource->facts.name, '/') != NULL);
        ASSERT(memchr(resource->point, 0, NAME_SIZE_MAX) != NULL && memchr(resource->path, 0, NODE_PATH_SIZE_MAX) != NULL);
        ASSERT(!resource->facts.has_range || resource->facts.minimum < resource->facts.maximum);
        ASSERT(resource->interval_ms >= 10);
    }
    return 0;
}
