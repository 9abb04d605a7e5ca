// Reading and writing the CBOR of abi/*.cddl: zcbor's primitives behind a sticky error, checked once at the end.
//
// After the first failure every further call does nothing and returns zeros, so that a decoder reads straight through its
// format. Nothing is copied but names; byte strings are views into the input. Nesting is at most WIRE_DEPTH_MAX.
#ifndef TENON_CORE_WIRE_H
#define TENON_CORE_WIRE_H

#include <zcbor_decode.h>
#include <zcbor_encode.h>

#include "core/bytes.h"
#include "core/error.h"

#define WIRE_DEPTH_MAX 6

struct wire_reader {
    zcbor_state_t states[WIRE_DEPTH_MAX + 2];
    enum error error;
};

void wire_reader_start(struct wire_reader *reader, struct bytes input);
// Enters or leaves a list or map; leaving fails with ERROR_MALFORMED when items are left.
void wire_read_list(struct wire_reader *reader);
void wire_read_list_end(struct wire_reader *reader);
void wire_read_map(struct wire_reader *reader);
void wire_read_map_end(struct wire_reader *reader);
// True while the list has items left and no error is set.
bool wire_more(struct wire_reader *reader);
// An unsigned integer of at most `maximum`; ERROR_TOO_LARGE above.
uint64_t wire_read_uint(struct wire_reader *reader, uint64_t maximum);
// The next item must be exactly this key.
void wire_expect_uint(struct wire_reader *reader, uint64_t expected, enum error otherwise);
double wire_read_float(struct wire_reader *reader); // nine bytes; finite, else ERROR_MALFORMED
bool wire_read_bool(struct wire_reader *reader);
bool wire_read_null(struct wire_reader *reader); // true and consumed when the next item is null
// Text of `minimum` to `out_size - 1` bytes without NUL, copied and ended.
void wire_read_text(struct wire_reader *reader, size_t minimum, char *out, size_t out_size);
struct bytes wire_read_bytes(struct wire_reader *reader, size_t minimum, size_t maximum);
// A trace id: eight bytes, the most significant first.
uint64_t wire_read_trace(struct wire_reader *reader);
// Bytes behind what was read, for sequences of items (RFC 8742).
size_t wire_left(const struct wire_reader *reader);
// ERROR_NONE, or the first failure; also ERROR_MALFORMED when bytes follow the item.
MUST_CHECK enum error wire_reader_finish(struct wire_reader *reader);

struct wire_writer {
    zcbor_state_t states[WIRE_DEPTH_MAX + 2];
    const uint8_t *begin;
    bool failed;
};

void wire_writer_start(struct wire_writer *writer, struct buffer output);
void wire_write_list(struct wire_writer *writer, size_t count);
void wire_write_list_end(struct wire_writer *writer, size_t count);
void wire_write_map(struct wire_writer *writer, size_t count);
void wire_write_map_end(struct wire_writer *writer, size_t count);
void wire_write_uint(struct wire_writer *writer, uint64_t value);
void wire_write_float(struct wire_writer *writer, double value);
void wire_write_bool(struct wire_writer *writer, bool value);
void wire_write_null(struct wire_writer *writer);
void wire_write_text(struct wire_writer *writer, const char *text);
void wire_write_bytes(struct wire_writer *writer, struct bytes value);
void wire_write_trace(struct wire_writer *writer, uint64_t trace);
// The size written; ERROR_TOO_LARGE when the output was too short.
MUST_CHECK enum error wire_writer_finish(const struct wire_writer *writer, size_t *size);

// Reads a message that is one number (CBOR integer or float of any width, RFC 8949 §3.1, §3.3). False for anything else.
bool wire_number(struct bytes message, double *out);
// True when `message` is exactly one well-formed CBOR item.
bool wire_is_item(struct bytes message);
// True for CBOR null.
bool wire_is_null(struct bytes message);
// Encodes a number as the shortest of integer, float32 and float64 that is exact. At most 9 bytes.
size_t wire_put_number(double value, uint8_t out[9]);

#endif
