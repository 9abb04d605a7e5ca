// CoAP messages as bytes (RFC 7252 §3): one parser, one builder, no state.
//
// Parsing keeps views into the datagram; building writes into the caller's buffer with a sticky error, checked once at the end.
#ifndef TENON_CORE_COAP_MESSAGE_H
#define TENON_CORE_COAP_MESSAGE_H

#include "core/bytes.h"
#include "core/error.h"
#include "core/limits.h"

enum coap_type { COAP_CONFIRMABLE = 0, COAP_NON_CONFIRMABLE = 1, COAP_ACKNOWLEDGEMENT = 2, COAP_RESET = 3 };

// Codes as class.detail in one octet (RFC 7252 §12.1, RFC 7959 §2.9).
#define COAP_CODE(class, detail) ((uint8_t)(((class) << 5) | (detail)))
enum coap_code {
    COAP_EMPTY = COAP_CODE(0, 0),
    COAP_GET = COAP_CODE(0, 1),
    COAP_POST = COAP_CODE(0, 2),
    COAP_PUT = COAP_CODE(0, 3),
    COAP_DELETE = COAP_CODE(0, 4),
    COAP_CREATED = COAP_CODE(2, 1),
    COAP_DELETED = COAP_CODE(2, 2),
    COAP_VALID = COAP_CODE(2, 3),
    COAP_CHANGED = COAP_CODE(2, 4),
    COAP_CONTENT = COAP_CODE(2, 5),
    COAP_CONTINUE = COAP_CODE(2, 31),
    COAP_BAD_REQUEST = COAP_CODE(4, 0),
    COAP_UNAUTHORIZED = COAP_CODE(4, 1),
    COAP_BAD_OPTION = COAP_CODE(4, 2),
    COAP_FORBIDDEN = COAP_CODE(4, 3),
    COAP_NOT_FOUND = COAP_CODE(4, 4),
    COAP_METHOD_NOT_ALLOWED = COAP_CODE(4, 5),
    COAP_NOT_ACCEPTABLE = COAP_CODE(4, 6),
    COAP_REQUEST_ENTITY_INCOMPLETE = COAP_CODE(4, 8),
    COAP_CONFLICT = COAP_CODE(4, 9),
    COAP_PRECONDITION_FAILED = COAP_CODE(4, 12),
    COAP_UNPROCESSABLE_ENTITY = COAP_CODE(4, 22), // RFC 8132 §2.3.2
    COAP_REQUEST_ENTITY_TOO_LARGE = COAP_CODE(4, 13),
    COAP_UNSUPPORTED_CONTENT_FORMAT = COAP_CODE(4, 15),
    COAP_INTERNAL_SERVER_ERROR = COAP_CODE(5, 0),
    COAP_NOT_IMPLEMENTED = COAP_CODE(5, 1),
    COAP_SERVICE_UNAVAILABLE = COAP_CODE(5, 3),
    COAP_PROXYING_NOT_SUPPORTED = COAP_CODE(5, 5),
};

enum coap_option_number {
    COAP_OPTION_IF_MATCH = 1,
    COAP_OPTION_URI_HOST = 3,
    COAP_OPTION_ETAG = 4,
    COAP_OPTION_OBSERVE = 6,
    COAP_OPTION_URI_PORT = 7,
    COAP_OPTION_URI_PATH = 11,
    COAP_OPTION_CONTENT_FORMAT = 12,
    COAP_OPTION_MAX_AGE = 14,
    COAP_OPTION_URI_QUERY = 15,
    COAP_OPTION_ACCEPT = 17,
    COAP_OPTION_BLOCK2 = 23,
    COAP_OPTION_BLOCK1 = 27,
    COAP_OPTION_SIZE2 = 28,
    COAP_OPTION_PROXY_URI = 35,
    COAP_OPTION_PROXY_SCHEME = 39,
    COAP_OPTION_SIZE1 = 60,
    COAP_OPTION_ECHO = 252, // RFC 9175 §2.2.1
    // Tenon's own, in the range for experiments (RFC 7252 §12.2): critical, because a receiver that does not know expiry or
    // sequence must refuse the message; safe to forward. Value: CBOR, abi/delivery.cddl.
    COAP_OPTION_TENON_DELIVERY = 65101,
};

// Content formats (IANA CoAP Content-Formats).
enum coap_content_format {
    COAP_FORMAT_TEXT = 0,
    COAP_FORMAT_LINK = 40,
    COAP_FORMAT_OCTETS = 42,
    COAP_FORMAT_JSON = 50,
    COAP_FORMAT_CBOR = 60,
    COAP_FORMAT_SENML_JSON = 110,
    COAP_FORMAT_SENML_CBOR = 112,
    COAP_FORMAT_NONE = 0xffff, // no Content-Format option
};

struct coap_option {
    uint16_t number;
    struct bytes value; // into the datagram
};

struct coap_message {
    enum coap_type type;
    uint8_t code;
    uint16_t id;
    struct bytes token; // into the datagram, 0 to COAP_TOKEN_SIZE_MAX bytes
    uint32_t option_count;
    struct coap_option options[COAP_OPTIONS_MAX]; // in order of number
    struct bytes payload;                         // into the datagram
};

// Parses one datagram. ERROR_TRUNCATED, ERROR_MALFORMED (RFC 7252 §3: version, reserved nibble, marker
// without payload; a token over COAP_TOKEN_SIZE_MAX, RFC 8974 §2.2), ERROR_FULL (more than COAP_OPTIONS_MAX options). On
// ERROR_MALFORMED and ERROR_FULL, type and id are set when the header could be read.
MUST_CHECK enum error coap_message_parse(struct bytes datagram, struct coap_message *out);

// First option of the number, or NULL.
const struct coap_option *coap_message_option(const struct coap_message *message, uint16_t number);

// Value of a uint option (RFC 7252 §3.2), or `absent` when it is not there or longer than 4 bytes.
uint32_t coap_message_option_uint(const struct coap_message *message, uint16_t number, uint32_t absent);

// Joins the Uri-Path options as "a/b/c", NUL-terminated. ERROR_TOO_LARGE when it does not fit; ERROR_MALFORMED when a segment
// holds '/' or NUL.
MUST_CHECK enum error coap_message_path(const struct coap_message *message, char *out, size_t out_size);

// Value of the Uri-Query option "name=value", as a view of the value; empty data pointer NULL when absent.
struct bytes coap_message_query(const struct coap_message *message, const char *name);

struct coap_builder {
    struct buffer buffer;
    size_t size; // bytes written so far
    uint16_t last_option;
    enum error error; // sticky
};

void coap_builder_start(struct coap_builder *builder, struct buffer buffer, enum coap_type type, uint8_t code, uint16_t id,
                        struct bytes token);
// Options must come in ascending order of number (asserted).
void coap_builder_option(struct coap_builder *builder, uint16_t number, struct bytes value);
void coap_builder_option_uint(struct coap_builder *builder, uint16_t number, uint32_t value);
// One Uri-Path option for each segment of "a/b/c".
void coap_builder_path(struct coap_builder *builder, const char *path);
void coap_builder_payload(struct coap_builder *builder, struct bytes payload);
// The finished datagram's size, or ERROR_TOO_LARGE.
MUST_CHECK enum error coap_builder_finish(const struct coap_builder *builder, size_t *size);

#endif
