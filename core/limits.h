// Every limit of the runtime, with the reason for its number. A port may lower the ones under #ifndef at build time.
#ifndef TENON_CORE_LIMITS_H
#define TENON_CORE_LIMITS_H

#include <stdint.h>

// Names: long enough for "ahu-03-supply-air-temperature-reset" and short enough to keep in every table. With the NUL.
#define NAME_SIZE_MAX 48
// A Brick Schema class; the longest in Brick 1.3 has 71 letters, the ones of sensors and set-points stay under 60. With the
// NUL.
#define QUANTITY_SIZE_MAX 64
// A SenML (RFC 8428 §12.1) or UCUM unit code. With the NUL.
#define UNIT_SIZE_MAX 16
// Inputs, and outputs, of one component. Guideline 36 sequences need up to about 20 signals with parameters.
#ifndef PORTS_MAX
#define PORTS_MAX 32
#endif

// One message between ports, encoded. It must fit one CoAP datagram of 1,280 bytes (IPv6 minimum MTU) with headers.
#ifndef MESSAGE_SIZE_MAX
#define MESSAGE_SIZE_MAX 512
#endif
// All outputs of one message in hand, encoded, with their headers.
#ifndef OUTBOX_SIZE_MAX
#define OUTBOX_SIZE_MAX 2048
#endif
// Messages that a component may send while it handles one.
#ifndef OUTPUTS_PER_MESSAGE_MAX
#define OUTPUTS_PER_MESSAGE_MAX 32
#endif

// Reliable messages that one message may cause, over all links of all outputs.
#ifndef SENDS_PER_MESSAGE_MAX
#define SENDS_PER_MESSAGE_MAX 128
#endif
// One batch of the journal holds one unit of work: a state region, a position, and the reliable messages caused. A unit that
// does not fit is refused like a flood of outputs.
#ifndef BATCH_SIZE_MAX
#define BATCH_SIZE_MAX 32768
#endif

// A counter of what befell the messages of a link. At 10 messages a second 32 bits are full after 13 years, and begin anew.
#ifndef LINK_COUNTER
#define LINK_COUNTER uint64_t
#endif
typedef LINK_COUNTER link_counter;

// Manifest in its custom section, encoded.
#define MANIFEST_SIZE_MAX 4096
// Largest component module that a node accepts. Ours are 0.3-6 KiB; a Rust one with floating-point formatting reaches 100 KiB.
#ifndef MODULE_SIZE_MAX
#define MODULE_SIZE_MAX (256 * 1024)
#endif
// Why a component was refused, cut to this.
#ifndef CODE_REFUSAL_SIZE_MAX
#define CODE_REFUSAL_SIZE_MAX 160
#endif
// Declared state region of one task.
#ifndef STATE_SIZE_MAX
#define STATE_SIZE_MAX 4096
#endif
// Largest linear memory that a manifest may ask for.
#ifndef COMPONENT_MEMORY_MAX
#define COMPONENT_MEMORY_MAX (1024 * 1024)
#endif
// Instructions that a manifest may ask for per message: about 0.1 s of the fast interpreter on one slow core.
#define INSTRUCTIONS_MAX 10000000

// CoAP (RFC 7252 §4.8): datagram and payload sizes follow §4.6 (1152/1024). Every datagram of this size is received.
#define DATAGRAM_SIZE_MAX 1280
// Blocks that this device sends have 16 << COAP_BLOCK_EXPONENT bytes (RFC 7959 §2.2); larger bodies go in several. It takes
// blocks of up to 1,024 whatever it sends.
#ifndef COAP_BLOCK_EXPONENT
#define COAP_BLOCK_EXPONENT 6
#endif
#define COAP_PAYLOAD_SIZE_MAX (16 << COAP_BLOCK_EXPONENT)
// A datagram that this device sends: a block with the longest options (core/coap_client.c adds them up). Each request of ours
// under way and each observer keep one for retransmission.
#ifndef COAP_SENT_SIZE_MAX
#define COAP_SENT_SIZE_MAX DATAGRAM_SIZE_MAX
#endif
// Path and query of a request of ours, each with its NUL: "code/" with a digest is the longest path in use, what
// `tenon override` says the longest query.
#ifndef COAP_REQUEST_PATH_SIZE_MAX
#define COAP_REQUEST_PATH_SIZE_MAX 96
#endif
#ifndef COAP_REQUEST_QUERY_SIZE_MAX
#define COAP_REQUEST_QUERY_SIZE_MAX 64
#endif
// Extended tokens (RFC 8974): what proxies and stateless clients put there fits; a longer one is refused like any broken
// message. A small device takes what every CoAP client may use: 8.
#ifndef COAP_TOKEN_SIZE_MAX
#define COAP_TOKEN_SIZE_MAX 32
#endif
// A GET without its Observe option, kept to be served again for each notification. Who observes with a longer one gets the
// answer, and no notification.
#ifndef COAP_OBSERVE_REQUEST_SIZE_MAX
#define COAP_OBSERVE_REQUEST_SIZE_MAX 256
#endif
// A reply that is kept for duplicates of its request. On a small device longer ones are not kept: their requests, GET and PUT,
// may be served again.
#ifndef COAP_REPLY_SIZE_MAX
#define COAP_REPLY_SIZE_MAX DATAGRAM_SIZE_MAX
#endif
#define COAP_OPTIONS_MAX 24

// A value as a client asks for it. A text of MESSAGE_SIZE_MAX control characters is 3.1 KiB of JSON; SenML has about 35 octets
// for each element of an array, so 100 of them. What is longer is to be had as plain CBOR only.
#ifndef REPRESENTATION_SIZE_MAX
#define REPRESENTATION_SIZE_MAX 4096
#endif

// Encoded plan of one node, and any other body that is transferred block-wise besides modules.
#ifndef BODY_SIZE_MAX
#define BODY_SIZE_MAX MODULE_SIZE_MAX
#endif

#endif
