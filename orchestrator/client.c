// The waiting client: one endpoint, one request at a time, over a socket of its own.
#include "orchestrator/client.h"

#include "port/port.h"

#include <stdio.h>
#include <stdlib.h>

#define EXCHANGES 2
#define REMEMBERED 16
#define TRANSFERS 2
#define ATTEMPTS_MAX 20
// GET /nodes of a large building is the longest answer.
#define ANSWER_SIZE_MAX ((size_t)16 * 1024 * 1024)

struct client {
    struct port_udp *udp;
    struct coap_address peer;
    char address[64];
    struct coap_endpoint endpoint;
    struct coap_endpoint_memory memory;
    uint64_t patience_ms; // 0 for what the retransmissions give
    bool done;
    enum error error;
    struct client_reply *reply;
};

static void transmit(void *context, const struct coap_address *peer, struct bytes datagram) {
    const struct client *client = context;
    (void)port_udp_send(client->udp, peer, datagram);
}

static void serve(void *context, const struct coap_request *request, struct coap_response *response) {
    (void)context;
    (void)request;
    response->code = COAP_NOT_FOUND;
}

static void completed(void *context, const struct coap_completion *completion) {
    struct client *client = context;
    client->done = true;
    client->error = completion->error;
    if (completion->error != ERROR_NONE) {
        return;
    }
    uint8_t *copy = malloc(completion->body.size + 1);
    if (copy == NULL) {
        client->error = ERROR_MEMORY;
        return;
    }
    if (completion->body.size > 0) {
        memcpy(copy, completion->body.data, completion->body.size);
    }
    copy[completion->body.size] = '\0';
    *client->reply = (struct client_reply){completion->code, completion->content_format, {copy, completion->body.size}};
}

static bool start(struct client *client) {
    struct coap_endpoint_memory *memory = &client->memory;
    *memory = (struct coap_endpoint_memory){
        .exchanges = calloc(EXCHANGES, sizeof(struct coap_exchange)),
        .exchange_count = EXCHANGES,
        .remembered = calloc(REMEMBERED, sizeof(struct coap_memory_of_id)),
        .remembered_count = REMEMBERED,
        .transfers = calloc(TRANSFERS, sizeof(struct coap_transfer)),
        .transfer_count = TRANSFERS,
        .bodies = {malloc(TRANSFERS * ANSWER_SIZE_MAX), TRANSFERS * ANSWER_SIZE_MAX},
    };
    if (memory->exchanges == NULL || memory->remembered == NULL || memory->transfers == NULL || memory->bodies.data == NULL) {
        return false;
    }
    struct coap_parameters parameters = coap_parameters_default();
    parameters.ack_timeout_ms = 1000;
    parameters.retransmit_max = 2; // a person waits
    struct coap_callbacks callbacks = {client, transmit, serve, completed};
    coap_endpoint_start(&client->endpoint, &parameters, &callbacks, memory, port_entropy64());
    return true;
}

enum error client_open(const char *address, struct client **out, char refusal[256]) {
    char why[PORT_REFUSAL_SIZE] = "";
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        snprintf(refusal, 256, "no memory for the connection; free some memory and try again");
        return ERROR_MEMORY;
    }
    snprintf(client->address, sizeof client->address, "%s", address);
    enum error error = port_address_parse(address, &client->peer);
    if (error != ERROR_NONE) {
        snprintf(refusal, 256, "'%.80s' is no address; write a number and a port, as in 127.0.0.1:5683 or [::1]:5683", address);
    } else {
        error = port_udp_open(address[0] == '[' ? "[::]:0" : "0.0.0.0:0", &client->udp, why);
        snprintf(refusal, 256, "%s", why);
    }
    if (error == ERROR_NONE && !start(client)) {
        snprintf(refusal, 256, "no memory for the connection; free some memory and try again");
        error = ERROR_MEMORY;
    }
    if (error != ERROR_NONE) {
        client_close(client);
        return error;
    }
    *out = client;
    return ERROR_NONE;
}

static void receive_all(struct client *client) {
    static uint8_t scratch[PORT_UDP_SCRATCH_SIZE];
    struct coap_address from;
    struct bytes datagram;
    enum error error = port_udp_receive(client->udp, &from, (struct buffer){scratch, sizeof scratch}, &datagram);
    while (error != ERROR_NOT_FOUND && !client->done) {
        if (error == ERROR_NONE) {
            coap_endpoint_receive(&client->endpoint, port_clock_ms(), &from, datagram);
        } else if (error != ERROR_TOO_LARGE) {
            client->done = true;
            client->error = error;
        }
        error = port_udp_receive(client->udp, &from, (struct buffer){scratch, sizeof scratch}, &datagram);
    }
}

static uint64_t sooner(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static void request_once(struct client *client, const struct coap_outgoing *outgoing) {
    uint64_t end_ms = client->patience_ms > 0 ? port_clock_ms() + client->patience_ms : UINT64_MAX;
    client->done = false;
    client->error = coap_endpoint_request(&client->endpoint, port_clock_ms(), outgoing);
    client->done = client->error != ERROR_NONE;
    while (!client->done) {
        uint64_t now_ms = port_clock_ms();
        uint64_t deadline_ms = sooner(coap_endpoint_deadline(&client->endpoint), end_ms);
        int descriptor = port_udp_descriptor(client->udp);
        (void)port_wait(&descriptor, 1,
                        deadline_ms == UINT64_MAX ? UINT64_MAX : (deadline_ms > now_ms ? deadline_ms - now_ms : 0));
        receive_all(client);
        if (!client->done) {
            coap_endpoint_advance(&client->endpoint, port_clock_ms());
        }
        if (!client->done && port_clock_ms() >= end_ms) {
            coap_endpoint_cancel(&client->endpoint, outgoing->user);
            client->error = ERROR_TIMEOUT;
            client->done = true;
        }
    }
}

void client_patience(struct client *client, uint32_t patience_ms) {
    client->patience_ms = patience_ms;
    // Short enough that a lost datagram or two is sent again in the time that there is.
    client->endpoint.parameters.ack_timeout_ms = patience_ms / 5 + 1;
    client->endpoint.parameters.retransmit_max = 4;
}

enum error client_request(struct client *client, uint8_t code, const char *path, const char *query, uint16_t content_format,
                          struct bytes payload, struct client_reply *reply, char refusal[256]) {
    struct coap_outgoing outgoing = {
        .peer = client->peer,
        .confirmable = true,
        .expect_response = true,
        .code = code,
        .path = path,
        .query = query,
        .content_format = content_format,
        .payload = payload,
        .retransmit_max = UINT32_MAX,
    };
    *reply = (struct client_reply){0};
    client->reply = reply;
    client->error = ERROR_BUSY;
    // A long answer that changes between two of its blocks is asked for again.
    for (int i = 0; i < ATTEMPTS_MAX && client->error == ERROR_BUSY; i++) {
        request_once(client, &outgoing);
    }
    if (client->error == ERROR_TIMEOUT) {
        snprintf(refusal, 256,
                 "%s does not answer; is it running there? (--orchestrator ADDRESS, or TENON_ORCHESTRATOR, says where)",
                 client->address);
    } else if (client->error == ERROR_BUSY) {
        snprintf(refusal, 256, "the answer of %s changes faster than its blocks can be fetched; try again", client->address);
    } else if (client->error != ERROR_NONE) {
        snprintf(refusal, 256, "asking %s failed: %s", client->address, error_text(client->error));
    }
    return client->error;
}

void client_reply_free(struct client_reply *reply) {
    free((void *)(uintptr_t)reply->body.data);
    *reply = (struct client_reply){0};
}

void client_close(struct client *client) {
    if (client == NULL) {
        return;
    }
    if (client->udp != NULL) {
        port_udp_close(client->udp);
    }
    free(client->memory.exchanges);
    free(client->memory.remembered);
    free(client->memory.transfers);
    free(client->memory.bodies.data);
    free(client);
}

const char *client_address(const char *given) {
    const char *environment = getenv("TENON_ORCHESTRATOR");
    if (given != NULL) {
        return given;
    }
    return environment != NULL && environment[0] != '\0' ? environment : CLIENT_ADDRESS_DEFAULT;
}
