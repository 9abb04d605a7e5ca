#include "core/port_values.h"

// Places looked at for one key: bounds the work for each message.
#define PROBES 8

static uint64_t mix(uint64_t value) {
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

uint64_t port_values_task(const char *task) {
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *at = task; *at != '\0'; at++) {
        hash = (hash ^ (uint8_t)*at) * UINT64_C(1099511628211);
    }
    return hash;
}

uint64_t port_values_key(uint64_t task, bool output, uint32_t port) {
    uint64_t key = mix(task ^ ((uint64_t)port << 1 | output));
    return key == 0 ? 1 : key;
}

static uint32_t probes(const struct port_values *values) {
    return values->value_count < PROBES ? values->value_count : PROBES;
}

static struct port_value *row(const struct port_values *values, uint64_t key, uint32_t probe) {
    return &values->values[((uint32_t)key + probe) & (values->value_count - 1)];
}

// The row of the key, a free one, or the oldest.
static struct port_value *claim(struct port_values *values, uint64_t key) {
    struct port_value *best = NULL;
    for (uint32_t i = 0; i < probes(values); i++) {
        struct port_value *candidate = row(values, key, i);
        if (candidate->key == key || candidate->key == 0) {
            return candidate;
        }
        best = best == NULL || candidate->updated_ms < best->updated_ms ? candidate : best;
    }
    values->evicted += best != NULL;
    return best;
}

static struct port_value_large *claim_large(struct port_values *values, struct port_value *value, uint64_t key) {
    if (value->key == key && value->large > 0 && values->larges[value->large - 1].key == key) {
        return &values->larges[value->large - 1];
    }
    uint32_t index = values->next_large;
    values->next_large = (index + 1) % values->large_count;
    value->large = (uint16_t)(index + 1);
    values->larges[index].key = key;
    return &values->larges[index];
}

void port_values_put(struct port_values *values, uint64_t key, struct bytes value, uint64_t now_ms) {
    struct port_value *place = values->value_count == 0 ? NULL : claim(values, key);
    if (place == NULL || value.size > MESSAGE_SIZE_MAX) {
        return;
    }
    uint8_t *data = place->data;
    if (value.size > PORT_VALUE_INLINE && values->large_count == 0) {
        return;
    }
    if (value.size > PORT_VALUE_INLINE) {
        data = claim_large(values, place, key)->data;
    } else {
        place->large = 0;
    }
    place->key = key;
    place->updated_ms = now_ms;
    place->size = (uint16_t)value.size;
    if (value.size > 0) {
        memcpy(data, value.data, value.size);
    }
}

enum error port_values_get(const struct port_values *values, uint64_t key, struct bytes *value, uint64_t *updated_ms) {
    for (uint32_t i = 0; i < probes(values); i++) {
        const struct port_value *candidate = row(values, key, i);
        if (candidate->key != key) {
            continue;
        }
        *updated_ms = candidate->updated_ms;
        *value = (struct bytes){candidate->data, candidate->size};
        if (candidate->large > 0) {
            const struct port_value_large *large = &values->larges[candidate->large - 1];
            value->data = large->data;
            return large->key == key ? ERROR_NONE : ERROR_FULL;
        }
        return ERROR_NONE;
    }
    return ERROR_NOT_FOUND;
}
