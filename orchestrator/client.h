// A CoAP client that waits for its answer, for the commands of the person at the terminal.
//
//   client_open --> client_request --> client_reply_free ... --> client_close
#ifndef TENON_ORCHESTRATOR_CLIENT_H
#define TENON_ORCHESTRATOR_CLIENT_H

#include "core/coap_endpoint.h"

// Where the orchestrator is looked for when neither --orchestrator nor TENON_ORCHESTRATOR says it.
#define CLIENT_ADDRESS_DEFAULT "127.0.0.1:5683"

struct client;

struct client_reply {
    uint8_t code;
    uint16_t content_format;
    struct bytes body; // from malloc, followed by a NUL
};

// `address` as text, "127.0.0.1:5683". On an error `refusal` names it and the remedy: ERROR_MALFORMED, ERROR_NETWORK,
// ERROR_MEMORY.
MUST_CHECK enum error client_open(const char *address, struct client **out, char refusal[256]);

// Sends one request and waits for its answer. ERROR_TIMEOUT, ERROR_NETWORK ..., with a refusal that names the address;
// ERROR_NONE with an answer of any code. `query` may be NULL.
MUST_CHECK enum error client_request(struct client *client, uint8_t code, const char *path, const char *query,
                                     uint16_t content_format, struct bytes payload, struct client_reply *reply,
                                     char refusal[256]);
// How long each request that follows may take, instead of the default of about seven seconds. For asking many nodes of which
// some may be dead.
void client_patience(struct client *client, uint32_t patience_ms);
void client_reply_free(struct client_reply *reply);
void client_close(struct client *client);

// The address to ask: `given` when it is not NULL, else the environment's TENON_ORCHESTRATOR, else the default.
const char *client_address(const char *given);

#endif
