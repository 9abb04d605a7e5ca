// The value of CoAP option 65101, Tenon-Delivery: what a message between nodes carries beside its payload. abi/delivery.cddl.
#ifndef TENON_CORE_DELIVERY_H
#define TENON_CORE_DELIVERY_H

#include "core/plan.h"

#define DELIVERY_SIZE_MAX 48

struct delivery {
    enum delivery_class delivery;
    uint32_t epoch;        // of the source task's placement, or the boot count for a resource
    uint64_t sequence;     // rises per link and epoch; never 0
    uint32_t remaining_ms; // command: lifetime left at this very transmission
    uint32_t priority;     // command: 1-16
    uint32_t age_ms;       // of the value at this very transmission
    uint64_t trace;
};

// ERROR_TRUNCATED, ERROR_MALFORMED, ERROR_TOO_LARGE.
MUST_CHECK enum error delivery_decode(struct bytes encoded, struct delivery *out);
MUST_CHECK enum error delivery_encode(const struct delivery *delivery, struct buffer buffer, size_t *size);

#endif
