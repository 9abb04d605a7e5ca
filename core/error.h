// Every way in which a call can fail, one sentence each.
//
// A function returns 0 (ERROR_NONE) on success. What comes from a network, a disk, a guest or a person is answered with one of
// these; what cannot happen is asserted (see core/assert.h). Text for people is made at the edge from error_text() and the
// place.
#ifndef TENON_CORE_ERROR_H
#define TENON_CORE_ERROR_H

enum error {
    ERROR_NONE = 0,
    ERROR_TRUNCATED,       // the input ends before the item that it announces
    ERROR_MALFORMED,       // the input breaks the rules of its format
    ERROR_UNSUPPORTED,     // the input is well-formed, but asks for what this version does not know
    ERROR_TOO_LARGE,       // a size exceeds the named limit
    ERROR_FULL,            // a bounded table or queue has no free place
    ERROR_NOT_FOUND,       // no such name, number or digest
    ERROR_EXISTS,          // the name or number is taken
    ERROR_DENIED,          // the request is understood and refused
    ERROR_EXPIRED,         // the command outlived its expiry
    ERROR_DUPLICATE,       // the message has taken effect before
    ERROR_TIMEOUT,         // the peer did not answer in time
    ERROR_RESET,           // the peer refused the message (CoAP Reset)
    ERROR_MISMATCH,        // two declarations that must agree do not (digest, manifest and exports, type, unit)
    ERROR_TRAP,            // the component did something that WebAssembly forbids
    ERROR_BUDGET,          // the component used up its instructions for one message
    ERROR_FLOOD,           // the component sent more than its manifest allows
    ERROR_BAD_POINTER,     // the component passed an address outside its memory
    ERROR_BAD_PORT,        // the component named a port that its manifest does not have
    ERROR_REFUSED_MESSAGE, // the component returned a non-zero code for the message
    ERROR_MEMORY,          // no memory for the component
    ERROR_STORAGE,         // reading or writing the disk failed
    ERROR_NETWORK,         // the socket layer failed
    ERROR_BUSY,            // try again later
    ERROR_COUNT,
};

// One sentence for a person. Never NULL, also for a number outside the enumeration.
const char *error_text(enum error error);

// The short name in kebab case, as logs and JSON show it ("bad-pointer").
const char *error_name(enum error error);

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
