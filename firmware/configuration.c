#include "firmware/configuration.h"

static bool is_text(uint8_t letter) {
    return letter == '\n' || (letter >= ' ' && letter < 0x7f);
}

static bool set(struct bytes value, char *out, size_t size) {
    if (value.size == 0 || value.size >= size) {
        return false;
    }
    memset(out, 0, size);
    memcpy(out, value.data, value.size);
    return true;
}

static bool set_key(struct bytes key, struct bytes value, struct configuration *out) {
    struct node_config *node = &out->node;
    struct {
        const char *key;
        char *out;
        size_t size;
    } const places[] = {
        {"name", node->node, sizeof node->node},
        {"orchestrator", node->orchestrator, sizeof node->orchestrator},
        {"address", out->address, sizeof out->address},
        {"mask", out->mask, sizeof out->mask},
        {"gateway", out->gateway, sizeof out->gateway},
        {"seed", out->seed, sizeof out->seed},
        {"alias_here", out->alias_here, sizeof out->alias_here},
        {"alias_in_plan", out->alias_in_plan, sizeof out->alias_in_plan},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (bytes_equal(key, bytes_of_text(places[i].key))) {
            return set(value, places[i].out, places[i].size);
        }
    }
    if (bytes_equal(key, bytes_of_text("capability")) && node->capability_count < CAPABILITIES_MAX) {
        return set(value, node->capabilities[node->capability_count++], NAME_SIZE_MAX);
    }
    return false;
}

enum error configuration_read(struct bytes block, struct configuration *out, uint32_t *line) {
    size_t at = 0;
    *line = 0;
    while (at < block.size && is_text(block.data[at])) {
        size_t begin = at;
        size_t space = 0;
        for (; at < block.size && is_text(block.data[at]) && block.data[at] != '\n'; at++) {
            space = space == 0 && block.data[at] == ' ' ? at : space;
        }
        ++*line;
        if (space == 0 || !set_key((struct bytes){block.data + begin, space - begin},
                                   (struct bytes){block.data + space + 1, at - space - 1}, out)) {
            return ERROR_MALFORMED;
        }
        at++;
    }
    return out->node.node[0] == '\0' ? ERROR_NOT_FOUND : ERROR_NONE;
}
