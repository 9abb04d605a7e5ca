#include "sim/operator.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/sha256.h"
#include "sim/sim.h"

#define EXCHANGES 4
#define REMEMBERED 16
#define TRANSFERS 2
#define FIRST_ATTEMPT_MS 20000 // after the nodes have registered
#define AGAIN_MS 5000
#define ATTEMPTS_MAX 20

struct operator_state {
    struct coap_endpoint endpoint;
    struct coap_endpoint_memory memory;
    uint32_t next; // task whose component goes up next; task_count: the policy
    uint32_t attempts;
    bool asking;
    bool done;
    uint64_t due_ms;
    char refusal[512];
};

static void on_transmit(void *context, const struct coap_address *peer, struct bytes datagram) {
    struct host *host = context;
    if (host_effect(host, "send")) {
        network_send(host->sim, host, peer, datagram);
    }
}

static void on_serve(void *context, const struct coap_request *request, struct coap_response *response) {
    (void)context;
    (void)request;
    response->code = COAP_NOT_FOUND;
    response->content_format = COAP_FORMAT_NONE;
    response->body = (struct bytes){NULL, 0};
}

static void on_completed(void *context, const struct coap_completion *completion) {
    struct host *host = context;
    struct operator_state *state = host->operator_state;
    bool good = completion->error == ERROR_NONE && completion->code < COAP_CODE(3, 0);
    state->asking = false;
    if (!good) {
        state->due_ms = port_clock_ms() + AGAIN_MS;
        state->attempts++;
        snprintf(state->refusal, sizeof state->refusal, "%s %u.%02u %.*s", error_text(completion->error), completion->code >> 5,
                 completion->code & 31u, (int)(completion->body.size > 400 ? 400 : completion->body.size),
                 completion->body.data == NULL ? "" : (const char *)completion->body.data);
        if (state->attempts == ATTEMPTS_MAX) {
            sim_breach(host->sim, "apply", "the policy was not accepted: %s", state->refusal);
        }
        return;
    }
    state->due_ms = 0;
    if (state->next == host->sim->building.policy->task_count) {
        state->done = host->sim->applied = true;
        TRACE(host->sim, TRACE_FAULT, host, 0, "policy applied");
    }
    state->next++;
}

enum error operator_open(struct host *host) {
    struct operator_state *state = calloc(1, sizeof *state);
    ASSERT(state != NULL);
    state->memory = (struct coap_endpoint_memory){
        .exchanges = calloc(EXCHANGES, sizeof(struct coap_exchange)),
        .exchange_count = EXCHANGES,
        .remembered = calloc(REMEMBERED, sizeof(struct coap_memory_of_id)),
        .remembered_count = REMEMBERED,
        .transfers = calloc(TRANSFERS, sizeof(struct coap_transfer)),
        .transfer_count = TRANSFERS,
        .bodies = {calloc(TRANSFERS, BODY_SIZE_MAX), (size_t)TRANSFERS * BODY_SIZE_MAX},
    };
    struct coap_parameters parameters = coap_parameters_default();
    struct coap_callbacks callbacks = {host, on_transmit, on_serve, on_completed};
    coap_endpoint_start(&state->endpoint, &parameters, &callbacks, &state->memory, port_entropy64());
    state->due_ms = port_clock_ms() + FIRST_ATTEMPT_MS;
    host->operator_state = state;
    return ERROR_NONE;
}

void operator_close(struct host *host) {
    struct operator_state *state = host->operator_state;
    if (state != NULL) {
        free(state->memory.exchanges);
        free(state->memory.remembered);
        free(state->memory.transfers);
        free(state->memory.bodies.data);
        free(state);
        host->operator_state = NULL;
    }
}

static void ask(struct host *host) {
    struct operator_state *state = host->operator_state;
    const struct building *building = &host->sim->building;
    char path[80] = "policy";
    struct coap_outgoing outgoing = {.peer = sim_find_host(host->sim, "orchestrator")->address,
                                     .confirmable = true,
                                     .expect_response = true,
                                     .code = COAP_PUT,
                                     .path = path,
                                     .content_format = COAP_FORMAT_TEXT,
                                     .payload = building->text,
                                     .retransmit_max = UINT32_MAX};
    if (state->next < building->policy->task_count) {
        const struct component *component =
            component_store_find(&building->components, building->policy->tasks[state->next].component.text);
        memcpy(path, "code/", 6);
        digest_text(component->digest, path + 5);
        outgoing.content_format = COAP_FORMAT_OCTETS;
        outgoing.payload = component->wasm;
    }
    state->asking = coap_endpoint_request(&state->endpoint, port_clock_ms(), &outgoing) == ERROR_NONE;
    ASSERT(state->asking);
}

// Two tasks of one component need one upload.
static bool is_up_already(const struct building *building, uint32_t task) {
    const struct component *mine = component_store_find(&building->components, building->policy->tasks[task].component.text);
    for (uint32_t i = 0; i < task; i++) {
        if (component_store_find(&building->components, building->policy->tasks[i].component.text) == mine) {
            return true;
        }
    }
    return false;
}

uint64_t operator_turn(struct host *host) {
    struct operator_state *state = host->operator_state;
    const struct building *building = &host->sim->building;
    for (uint32_t i = 0; i < 64 && host->inbox_head != NULL; i++) {
        struct flight *flight = host->inbox_head;
        host->inbox_head = flight->next;
        host->inbox_tail = flight->next == NULL ? NULL : host->inbox_tail;
        host->inbox_count--;
        coap_endpoint_receive(&state->endpoint, port_clock_ms(), &flight->from, (struct bytes){flight->data, flight->size});
        network_release(&host->sim->network, flight);
    }
    coap_endpoint_advance(&state->endpoint, port_clock_ms());
    while (state->next < building->policy->task_count && is_up_already(building, state->next)) {
        state->next++;
    }
    if (!state->asking && !state->done && state->due_ms <= port_clock_ms()) {
        ask(host);
    }
    uint64_t deadline_ms = coap_endpoint_deadline(&state->endpoint);
    return !state->asking && !state->done && state->due_ms < deadline_ms ? state->due_ms : deadline_ms;
}
