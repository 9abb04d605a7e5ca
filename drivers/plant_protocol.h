// The packets between a plant and its drivers (plant/protocol.cddl), in and out of memory, for both ends.
//
// Pure: no socket, no clock, no allocation. What a decode leaves in `out` is valid by construction: names are ended and of
// legal length, numbers are finite, counts are within PLANT_POINTS_MAX.
#ifndef TENON_DRIVERS_PLANT_PROTOCOL_H
#define TENON_DRIVERS_PLANT_PROTOCOL_H

#include "core/bytes.h"
#include "core/error.h"
#include "core/limits.h"

#define PLANT_PROTOCOL_VERSION 1
// Points that one driver reads, and as many that it writes: what one node may offer (RESOURCES_PER_NODE_MAX). A small device
// has fewer (firmware/limits.h); a packet that is beyond its limits is refused there.
#ifndef PLANT_POINTS_MAX
#define PLANT_POINTS_MAX 64
#endif
// A hello with all names at full length takes 6.3 KB.
#ifndef PLANT_PACKET_SIZE_MAX
#define PLANT_PACKET_SIZE_MAX 8192
#endif
#define PLANT_REFUSAL_SIZE 160

enum plant_message_kind {
    PLANT_HELLO = 0,
    PLANT_ANSWER,
    PLANT_STEP,
    PLANT_WRITE,
    PLANT_END,
    PLANT_START,
};

struct plant_hello {
    uint32_t read_count;
    uint32_t write_count;
    char read[PLANT_POINTS_MAX][NAME_SIZE_MAX];
    char write[PLANT_POINTS_MAX][NAME_SIZE_MAX];
};

// An empty text is a welcome.
struct plant_answer {
    char refusal[PLANT_REFUSAL_SIZE];
};

struct plant_value {
    bool valid;
    double value;
};

struct plant_step {
    uint64_t number;       // counts from 0
    uint64_t unix_local_s; // beginning of the step, as the building's walls show it
    uint32_t value_count;  // as many as the driver's read points
    struct plant_value values[PLANT_POINTS_MAX];
    bool ended; // the simulation is over; the rest is zero
};

struct plant_write {
    uint32_t index;           // into the write points of the hello
    struct plant_value value; // not valid: back to the building's own control
};

struct plant_message {
    enum plant_message_kind kind;
    union {
        struct plant_hello hello;
        struct plant_answer answer;
        struct plant_step step;
        struct plant_write write;
    };
};

// Reads one packet. ERROR_TRUNCATED, ERROR_MALFORMED, ERROR_TOO_LARGE (more points or longer names than the limits),
// ERROR_UNSUPPORTED (another version, an unknown kind). On failure `out` is undefined.
MUST_CHECK enum error plant_message_decode(struct bytes packet, struct plant_message *out);
// Writes one packet; `size` is what was used of the buffer. ERROR_TOO_LARGE when it does not fit, which PLANT_PACKET_SIZE_MAX
// rules out.
MUST_CHECK enum error plant_message_encode(const struct plant_message *message, struct buffer buffer, size_t *size);

#endif
