// Tenon component ABI, version 1: all that a component sees of the world.
//
// A component gets one message at a time, changes its state, sends messages, and returns. There is nothing else: time,
// configuration, randomness and logs are messages on ports too. The same source compiles to WebAssembly and natively.
//
// Files: component.yaml declares ports, parameters and limits; `tenon build component.yaml` writes `ports.h` with the numbers
// of the ports (INPUT_..., PARAMETER_..., OUTPUT_...), compiles this source and puts the manifest into the .wasm file. A
// complete component, with ports `temperature` and `fan` and the parameter `limit`:
//
//     #include "ports.h"
//     #include "tenon.h"
//
//     static struct {
//         double limit;
//         bool running;
//     } state = {.limit = 25.0};
//     TENON_STATE(state, 1);
//     TENON_INBOX(16);
//
//     int32_t tenon_receive(uint32_t input, uint32_t length) {
//         double value;
//         if (!tenon_read_signal(length, &value)) {
//             return TENON_REFUSED;                                // not a number
//         }
//         if (input == PARAMETER_LIMIT) {
//             state.limit = value;
//             return 0;
//         }
//         state.running = value > state.limit - (state.running ? 1.0 : 0.0);   // 1 K of hysteresis; false for "no valid value"
//         return tenon_send_boolean(OUTPUT_FAN, state.running);
//     }
//
// Call sequence: the state region holds its initial contents, or those of an earlier run. Then tenon_receive is called for each
// parameter that the policy sets, at every start, and then for each message, one at a time, never re-entered. Before each call
// the message (one CBOR item) lies in the inbox; `length` is its size. What the component sends leaves after tenon_receive has
// returned 0. The same messages in the same order must give the same results.
//
// Memory: keep everything that must survive in the state region; any other variable may be back at its initial value at the
// next call. There is no heap and no libc (a freestanding C17 compiler has stdint.h, stdbool.h, stddef.h). Linear memory is
// stack (`stack` in component.yaml, 1,024 bytes by default) and data; nothing is rounded up to 64 KiB as long as memory.grow is
// not used.
//
// Errors: a non-zero result refuses the message. A trap, a budget overrun, or a failed send (port that the manifest does not
// have, pointer outside memory, more messages than declared) discards the whole message's work, state and outputs, whatever
// the component does afterwards; so the results of the send functions need no check. null is not an error: it says that
// an input has no valid value (its sensor went stale). Decide for each input what is safe then.
//
// Limits: message and inbox 512 bytes, state 4,096 bytes, 32 inputs with parameters, 32 outputs, 32 sends for one message. What
// one component may use is its manifest's, `limits: {memory: 4096, instructions: 100000, outputs: 1, stack: 1024}` in
// component.yaml; these are the defaults, but for `outputs`, the sends for one message, which is the number of output ports.
// Only definite-length CBOR is read; the host refuses anything else on the component's behalf or lets the reader return false.
#ifndef TENON_ABI_TENON_H
#define TENON_ABI_TENON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TENON_ABI_VERSION 1

// Results of tenon_receive.
#define TENON_HANDLED 0
#define TENON_REFUSED 1

// Longest text, and array of numbers, that the send functions assemble on the stack. May be defined before the include.
#ifndef TENON_TEXT_LENGTH_MAX
#define TENON_TEXT_LENGTH_MAX 96
#endif
#ifndef TENON_NUMBERS_COUNT_MAX
#define TENON_NUMBERS_COUNT_MAX 16
#endif

// Before a loop of a few rounds: keeps clang from spending code on unrolling it.
#ifdef __clang__
#define TENON_SHORT_LOOP _Pragma("clang loop unroll(disable)")
#else
#define TENON_SHORT_LOOP
#endif

// On the larger functions that components call from several places: one copy of the code is enough.
#define TENON_ONE_COPY __attribute__((noinline, unused))

// ---- What host and component agree on -------------------------------------------------------------------------------------

// Where a region lies. 12 bytes on wasm32: address, size, version, little-endian.
struct tenon_region {
    void *address;
    uint32_t size;
    uint32_t version; // of the state; of the ABI for the inbox
};

// The two exported descriptors. tenon_state exists only when the component declares state.
extern const struct tenon_region tenon_inbox;
extern const struct tenon_region tenon_state;

// Makes `variable` the state region. Raise the version when its layout changes, and provide tenon_upgrade. Once, at file scope.
#define TENON_STATE(variable, state_version)                                                                                   \
    const struct tenon_region tenon_state = {&(variable), (uint32_t)sizeof(variable), (state_version)}

// Reserves the inbox, tenon_inbox_data. 16 bytes hold any number, boolean or null. Once, at file scope.
#define TENON_INBOX(bytes)                                                                                                     \
    static uint8_t tenon_inbox_data[(bytes)];                                                                                  \
    const struct tenon_region tenon_inbox = {tenon_inbox_data, (uint32_t)sizeof tenon_inbox_data, TENON_ABI_VERSION}

#ifdef __wasm__
#define TENON_IMPORT __attribute__((import_module("tenon"), import_name("send")))
#else
#define TENON_IMPORT
#endif

// Sends one CBOR item. Copies it; returns 0, or a negative number when this message's work is lost (see Errors above).
TENON_IMPORT int32_t tenon_send(uint32_t output, const void *pointer, uint32_t length);

// Written by the component. Handles the message of `length` bytes in the inbox; returns TENON_HANDLED or TENON_REFUSED.
int32_t tenon_receive(uint32_t input, uint32_t length);

// Written by the component when its state version is above 1. The state region begins with the `length` bytes that version
// `from_version` left, the rest is zero; rewrites them in place. Non-zero when it cannot: then the upgrade is off.
int32_t tenon_upgrade(uint32_t from_version, uint32_t length);

// ---- Values ---------------------------------------------------------------------------------------------------------------

// "No valid value" among doubles: what null becomes. Comparisons with it are false.
#define TENON_NONE (__builtin_nan(""))

// False for TENON_NONE and infinities.
static inline bool tenon_is_valid(double value) {
    return value - value == 0.0;
}

// ---- Reading the inbox ----------------------------------------------------------------------------------------------------
// Each function reads the whole message of `length` bytes, and returns false when it is of another type.

struct tenon_cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static inline struct tenon_cursor tenon_cursor(uint32_t length) {
    const uint8_t *begin = (const uint8_t *)tenon_inbox.address;
    return (struct tenon_cursor){begin, begin + (length <= tenon_inbox.size ? length : 0)};
}

// Reads an item's initial byte and its argument (RFC 8949 section 3). False at the end and for indefinite or reserved lengths.
static inline bool tenon_read_head(struct tenon_cursor *cursor, uint8_t *initial, uint64_t *argument) {
    if (cursor->at == cursor->end) {
        return false;
    }
    *initial = *cursor->at++;
    const uint8_t information = *initial & 31;
    *argument = information;
    if (information < 24) {
        return true;
    }
    const int32_t size = 1 << (information & 3); // 24..27: 1, 2, 4, 8
    if (information > 27 || cursor->end - cursor->at < size) {
        return false;
    }
    *argument = 0;
    TENON_SHORT_LOOP
    for (int32_t index = 0; index < size; index++) {
        *argument = *argument << 8 | *cursor->at++;
    }
    return true;
}

// Reads one number of any width (RFC 8949 section 3.3); NaN and infinities come as TENON_NONE.
static inline bool tenon_read_any_number(struct tenon_cursor *cursor, double *out) {
    uint8_t initial;
    uint64_t argument;
    if (!tenon_read_head(cursor, &initial, &argument)) {
        return false;
    }
    const uint32_t low = (uint32_t)argument;
    double value;
    if (initial < 0x20) {
        value = (double)argument;
    } else if (initial < 0x40) {
        value = -1.0 - (double)argument;
    } else if (initial == 0xf9 || initial == 0xfa) {
        // Half precision is widened by moving its fields in place and scaling by the difference of the exponents' biases.
        const bool half = initial == 0xf9;
        const union {
            uint32_t bits;
            float value;
        } single = {half ? (low & 0x8000) << 16 | (low & 0x7fff) << 13 : low};
        value = (double)single.value * (!half ? 1.0 : (low & 0x7c00) == 0x7c00 ? TENON_NONE : 0x1p112);
    } else if (initial == 0xfb) {
        const union {
            uint64_t bits;
            double value;
        } wide = {argument};
        value = wide.value;
    } else {
        return false;
    }
    *out = tenon_is_valid(value) ? value : TENON_NONE;
    return true;
}

// True for a message that is one simple value (RFC 8949 section 3.3): 0xf4 false, 0xf5 true, 0xf6 null.
static inline bool tenon_is_simple(uint32_t length, uint8_t initial) {
    const struct tenon_cursor cursor = tenon_cursor(length);
    return cursor.end - cursor.at == 1 && *cursor.at == initial;
}

static inline bool tenon_read_null(uint32_t length) {
    return tenon_is_simple(length, 0xf6);
}

static inline bool tenon_read_boolean(uint32_t length, bool *out) {
    *out = tenon_is_simple(length, 0xf5);
    return *out || tenon_is_simple(length, 0xf4);
}

// Reads a finite number. `*out` changes only on success.
static inline bool tenon_read_number(uint32_t length, double *out) {
    struct tenon_cursor cursor = tenon_cursor(length);
    double value;
    if (!tenon_read_any_number(&cursor, &value) || cursor.at != cursor.end || !tenon_is_valid(value)) {
        return false;
    }
    *out = value;
    return true;
}

// Reads a number, a boolean as 0 or 1, or null as TENON_NONE (so do NaN and infinities): what most inputs need. `*out` changes
// only on success.
static inline bool tenon_read_signal(uint32_t length, double *out) {
    struct tenon_cursor cursor = tenon_cursor(length);
    double value;
    if (cursor.end - cursor.at == 1 && *cursor.at >= 0xf4 && *cursor.at <= 0xf6) {
        value = *cursor.at == 0xf6 ? TENON_NONE : *cursor.at - 0xf4;
    } else if (!tenon_read_any_number(&cursor, &value) || cursor.at != cursor.end) {
        return false;
    }
    *out = value;
    return true;
}

// A text in the inbox: UTF-8, not NUL-terminated, valid until tenon_receive returns.
struct tenon_text {
    const char *data;
    uint32_t length;
};

static inline bool tenon_read_text(uint32_t length, struct tenon_text *out) {
    struct tenon_cursor cursor = tenon_cursor(length);
    uint8_t initial;
    uint64_t argument;
    if (!tenon_read_head(&cursor, &initial, &argument) || initial >> 5 != 3 || argument != (uint64_t)(cursor.end - cursor.at)) {
        return false;
    }
    *out = (struct tenon_text){(const char *)cursor.at, (uint32_t)argument};
    return true;
}

// Starts reading an array: `*count` items follow, each read from `*cursor` with tenon_read_any_number.
static inline bool tenon_read_array(uint32_t length, struct tenon_cursor *cursor, uint32_t *count) {
    *cursor = tenon_cursor(length);
    uint8_t initial;
    uint64_t argument;
    if (!tenon_read_head(cursor, &initial, &argument) || initial >> 5 != 4 || argument > (uint64_t)(cursor->end - cursor->at)) {
        return false;
    }
    *count = (uint32_t)argument;
    return true;
}

// ---- Sending. Each returns what tenon_send returned. ------------------------------------------------------------------------

// Writes an initial byte and the low `size` bytes of `bits` after it; returns the bytes written.
static inline uint32_t tenon_put_bits(uint8_t *at, uint32_t initial, uint64_t bits, uint32_t size) {
    at[0] = (uint8_t)initial;
    TENON_SHORT_LOOP
    for (uint32_t index = size; index > 0; index--) {
        at[index] = (uint8_t)bits;
        bits >>= 8;
    }
    return size + 1;
}

// Writes the head of an item whose initial byte without length is `major`; at most 5 bytes. Returns the bytes written.
static inline uint32_t tenon_put_head(uint8_t *at, uint32_t major, uint32_t argument) {
    if (argument < 24) {
        return tenon_put_bits(at, major | argument, 0, 0);
    }
    const uint32_t power = argument <= 0xff ? 0 : argument <= 0xffff ? 1 : 2;
    return tenon_put_bits(at, major | (24 + power), argument, 1U << power);
}

// Writes the shortest exact form among integer (-2^32 to 2^32-1), float32 and float64, or null for what is not valid; at
// most 9 bytes. Returns the bytes written.
static inline uint32_t tenon_put_number(uint8_t *at, double value) {
    const double magnitude = value < 0.0 ? -1.0 - value : value; // what CBOR stores for a negative integer
    if (magnitude >= 0.0 && magnitude < 0x1p32 && (double)(uint32_t)magnitude == magnitude) {
        return tenon_put_head(at, value < 0.0 ? 0x20 : 0x00, (uint32_t)magnitude);
    }
    if (!tenon_is_valid(value)) {
        return tenon_put_bits(at, 0xf6, 0, 0);
    }
    const union {
        float value;
        uint32_t bits;
    } narrow = {(float)value};
    if ((double)narrow.value == value) {
        return tenon_put_bits(at, 0xfa, narrow.bits, 4);
    }
    const union {
        double value;
        uint64_t bits;
    } wide = {value};
    return tenon_put_bits(at, 0xfb, wide.bits, 8);
}

// Sends a number; null for TENON_NONE.
TENON_ONE_COPY static int32_t tenon_send_number(uint32_t output, double value) {
    uint8_t item[9];
    return tenon_send(output, item, tenon_put_number(item, value));
}

static inline int32_t tenon_send_boolean(uint32_t output, bool value) {
    const uint8_t item = value ? 0xf5 : 0xf4;
    return tenon_send(output, &item, 1);
}

static inline int32_t tenon_send_null(uint32_t output) {
    const uint8_t item = 0xf6;
    return tenon_send(output, &item, 1);
}

// Sends a text of `length` bytes, cut to TENON_TEXT_LENGTH_MAX.
static inline int32_t tenon_send_text(uint32_t output, const char *text, uint32_t length) {
    uint8_t item[5 + TENON_TEXT_LENGTH_MAX];
    const uint32_t copied = length < TENON_TEXT_LENGTH_MAX ? length : TENON_TEXT_LENGTH_MAX;
    uint32_t size = tenon_put_head(item, 0x60, copied);
    TENON_SHORT_LOOP
    for (uint32_t index = 0; index < copied; index++) {
        item[size++] = (uint8_t)text[index];
    }
    return tenon_send(output, item, size);
}

// Sends an array of `count` numbers, cut to TENON_NUMBERS_COUNT_MAX.
static inline int32_t tenon_send_numbers(uint32_t output, const double *values, uint32_t count) {
    uint8_t item[5 + 9 * TENON_NUMBERS_COUNT_MAX];
    const uint32_t copied = count < TENON_NUMBERS_COUNT_MAX ? count : TENON_NUMBERS_COUNT_MAX;
    uint32_t size = tenon_put_head(item, 0x80, copied);
    TENON_SHORT_LOOP
    for (uint32_t index = 0; index < copied; index++) {
        size += tenon_put_number(item + size, values[index]);
    }
    return tenon_send(output, item, size);
}

#endif
