// One value of a resource or a port in the formats that a client may ask for by Accept (RFC 7252 §5.10.4).
//
//   60   application/cbor       the value as it is: one CBOR item (what a client gets that does not ask)
//   112  application/senml+cbor RFC 8428: one record, or one for each element of an array; v, vs, vb, or vd for what is none
//   110  application/senml+json the same as JSON
//   0    text/plain             the bare number, boolean or text; an array in brackets; anything else in CBOR's diagnostic hex
//
// SenML's time is relative (§4.5.3: minus the value's age in seconds), for nodes share no clock; a fresh value has none. A
// value that is not there yet is null in CBOR and in text, and in SenML a record without a value.
#ifndef TENON_CORE_REPRESENTATION_H
#define TENON_CORE_REPRESENTATION_H

#include "core/bytes.h"
#include "core/error.h"
#include "core/limits.h"

struct representation {
    const char *node; // base name: node/name
    const char *name;
    const char *unit; // "" for none
    struct bytes item;
    uint64_t age_ms;
};

// True for the CoAP content formats that representation_encode can give: 60, 112, 110 and 0.
bool representation_offers(uint16_t format);

// ERROR_UNSUPPORTED (a format that is not offered), ERROR_TOO_LARGE. With REPRESENTATION_SIZE_MAX every message fits but a long
// array in SenML.
MUST_CHECK enum error representation_encode(const struct representation *representation, uint16_t format, struct buffer buffer,
                                            size_t *size);

#endif
