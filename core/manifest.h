// The declaration that a component carries in its custom section `tenon.manifest`: ports, types, units, limits, state version.
//
// Wire format: CBOR, abi/manifest.cddl. `manifest_decode` parses once into a value that is valid by construction: names are
// unique per direction and non-empty, counts and sizes are within core/limits.h, ranges are ordered.
#ifndef TENON_CORE_MANIFEST_H
#define TENON_CORE_MANIFEST_H

#include "core/bytes.h"
#include "core/error.h"
#include "core/limits.h"

enum value_type {
    TYPE_NUMBER = 0, // integer or floating-point CBOR
    TYPE_BOOLEAN = 1,
    TYPE_TEXT = 2,
    TYPE_ARRAY = 3, // a short array of numbers
    TYPE_ANY = 4,   // any one CBOR item
};

struct port {
    char name[NAME_SIZE_MAX];
    char quantity[QUANTITY_SIZE_MAX]; // Brick class, "" when it has none
    char unit[UNIT_SIZE_MAX];         // SenML/UCUM code, "" when it has none
    enum value_type type;
    bool parameter; // inputs only: configuration, given by the plan at every start, not by a channel
    bool has_range;
    double minimum;
    double maximum;
    double resolution; // 0 when not declared
};

struct manifest {
    char name[NAME_SIZE_MAX];
    char version[UNIT_SIZE_MAX];  // semantic version text
    uint32_t memory_bytes;        // linear memory, at most
    uint32_t instructions;        // per message, at most
    uint32_t outputs_per_message; // send calls per message, at most
    uint32_t state_bytes;         // size of the state region, 0 when there is none
    uint32_t state_version;
    uint32_t inbox_bytes; // size of the inbox region
    uint32_t input_count;
    uint32_t output_count;
    struct port inputs[PORTS_MAX];
    struct port outputs[PORTS_MAX];
};

// The same without the ports, which are read from `encoded` when they are asked for: what a node keeps of each component that
// it has loaded. `encoded` must outlive it.
struct manifest_view {
    struct bytes encoded;
    uint32_t memory_bytes;
    uint32_t instructions;
    uint32_t outputs_per_message;
    uint32_t state_bytes;
    uint32_t state_version;
    uint32_t inbox_bytes;
    uint16_t input_count, output_count;
    uint16_t inputs_at, outputs_at; // offsets of the two lists in `encoded`
};

// Checks an encoded manifest, all of it, and fills `*out`; errors as manifest_decode.
MUST_CHECK enum error manifest_look(struct bytes encoded, struct manifest_view *out);
// Port `index` of one direction; it must be less than the count.
void manifest_port(const struct manifest_view *view, bool output, uint32_t index, struct port *out);
// Index of the named port of one direction, or -1.
int manifest_find(const struct manifest_view *view, bool output, const char *name);
void manifest_name(const struct manifest_view *view, char out[NAME_SIZE_MAX]);

// Parses an encoded manifest. `*out` is complete on success and unspecified on failure.
// ERROR_TRUNCATED, ERROR_MALFORMED, ERROR_UNSUPPORTED (a future version), ERROR_TOO_LARGE (a limit of core/limits.h).
MUST_CHECK enum error manifest_decode(struct bytes encoded, struct manifest *out);

// Encodes into `buffer`; `*size` is the number of bytes written. Deterministic (RFC 8949 §4.2). ERROR_TOO_LARGE when it does
// not fit.
MUST_CHECK enum error manifest_encode(const struct manifest *manifest, struct buffer buffer, size_t *size);

// Index of the named port, or -1.
int manifest_input(const struct manifest *manifest, const char *name);
int manifest_output(const struct manifest *manifest, const char *name);

const char *value_type_text(enum value_type type);

// True when a value of quantity `source` may be fed to a port of quantity `destination`: equal, or the destination's Brick
// class is a generalisation, which in Brick's naming is a suffix at a word boundary (Zone_Air_Temperature_Sensor is a
// Temperature_Sensor); an empty destination accepts all.
bool quantity_accepts(const char *destination, const char *source);

#endif
