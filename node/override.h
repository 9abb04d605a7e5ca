// A person's override of an actuator as it arrives: PUT r/<resource>?priority=8&for=7200000 with the value, DELETE
// r/<resource>?priority=8 to let go again.
//
// Pure: reads a request, knows no node. Queries: `priority`, 1-16, 8 when absent, the one that DESIGN.md §6 gives to a person;
// `for`, milliseconds of the building's time, required and bounded, so that what was overridden and forgotten comes back by
// itself. Payload: CBOR, text/plain, or JSON (a number or a boolean). Whatever is wrong is answered with a sentence that names
// it and the remedy.
#ifndef TENON_NODE_OVERRIDE_H
#define TENON_NODE_OVERRIDE_H

#include "core/actuator.h"
#include "core/coap_endpoint.h"
#include "core/registration.h"

#define OVERRIDE_PRIORITY_DEFAULT 8
// A month: longer than any repair that waits for a part, short enough that nobody builds on it.
#define OVERRIDE_LIFETIME_MS_MAX UINT64_C(2592000000)
#define OVERRIDE_WHY_SIZE 192

struct override {
    uint32_t priority;
    uint64_t lifetime_ms; // 0 for a release
    size_t size;          // 0 for a release
    uint8_t item[ACTUATOR_VALUE_SIZE_MAX];
};

// Reads a PUT or a DELETE for the resource. Returns 0, or the CoAP code to refuse it with: 4.00, 4.05 (a sensor), 4.13, 4.15;
// then `why` says what is wrong and what to do about it.
uint8_t override_read(const struct coap_request *request, const struct registration_resource *facts, struct override *out,
                      char why[OVERRIDE_WHY_SIZE]);

#endif
