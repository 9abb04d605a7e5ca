// Observation, the server's side (RFC 7641).
//
//   GET, Observe 0 --> REGISTERED <---------------------------------+
//                        | conditions met, or 24 h                  | ACK
//                        v                                          |
//                      DUE --> the GET is served again --> NON, or CON in flight --> no ACK, or Reset --> forgotten
//                                     | an error                    | retransmission: the newest value in place of the old
//                                     v
//                                   ENDING: the error as a CON, then forgotten
//
// A notification is the response to the GET as it would be given now (§1.1), so the GET is kept, without its Observe option,
// and the handler is asked again. Pace (§4.5.1): while the round trip to a peer is not known each notification is a CON, one at
// a time, which measures it; from then on NON, at most one for each round trip. What changes faster is told with its last
// value. Sequence numbers (§4.4) rise with every notification and never fall behind a clock of 125 Hz, so that they go on
// rising when the program restarts on a device that stays up; their low 24 bits come round after 37 hours at rest.
#include "core/assert.h"
#include "core/coap_private.h"

static uint32_t next_sequence(struct coap_endpoint *endpoint, uint64_t now_ms) {
    uint64_t clock = now_ms >> 3;
    endpoint->observe_sequence = endpoint->observe_sequence + 1 > clock ? endpoint->observe_sequence + 1 : clock;
    return (uint32_t)(endpoint->observe_sequence & 0xffffff);
}

static uint32_t max_age_s(const struct coap_observation *observation) {
    uint32_t age_ms = observation->conditional.pmax_ms > 0 ? observation->conditional.pmax_ms : COAP_OBSERVE_LIVENESS_MS;
    return age_ms / 1000 + 2; // a notification that is sent in time may be a little late on the way
}

static void forget(struct coap_endpoint *endpoint, struct coap_observation *observation) {
    ASSERT(observation->used && endpoint->observations_used > 0);
    observation->used = false;
    endpoint->observations_used--;
}

// When this observation has something to do next.
static uint64_t wake_ms(const struct coap_observation *observation) {
    if (observation->in_flight) {
        return observation->deadline_ms;
    }
    uint64_t alive_ms = observation->confirmed_ms + COAP_OBSERVE_LIVENESS_MS;
    uint64_t due_ms = conditional_due(&observation->conditional, &observation->state);
    uint64_t pace_ms = observation->sent_ms + observation->round_trip_ms;
    due_ms = observation->due || observation->check ? 0 : due_ms;
    due_ms = alive_ms < due_ms ? alive_ms : due_ms;
    return due_ms > pace_ms ? due_ms : pace_ms;
}

static void schedule(struct coap_endpoint *endpoint, const struct coap_observation *observation) {
    uint64_t wake = wake_ms(observation);
    endpoint->next_deadline_ms = wake < endpoint->next_deadline_ms ? wake : endpoint->next_deadline_ms;
}

// --- registration ------------------------------------------------------------------------------------------------------------

static struct coap_observation *find(struct coap_endpoint *endpoint, const struct coap_address *peer, struct bytes token) {
    for (uint32_t i = 0; i < endpoint->memory.observation_count; i++) {
        struct coap_observation *observation = &endpoint->memory.observations[i];
        if (observation->used && bytes_equal((struct bytes){observation->token, observation->token_size}, token) &&
            memcmp(&observation->peer, peer, sizeof *peer) == 0) {
            return observation;
        }
    }
    return NULL;
}

static struct coap_observation *claim(struct coap_endpoint *endpoint) {
    for (uint32_t i = 0; i < endpoint->memory.observation_count; i++) {
        if (!endpoint->memory.observations[i].used) {
            return &endpoint->memory.observations[i];
        }
    }
    return NULL;
}

// Keeps the request with the options that make the answer what it is. False when it is too long.
static bool keep_request(struct coap_observation *observation, const struct coap_message *message) {
    struct coap_builder builder;
    size_t size = 0;
    coap_builder_start(&builder, (struct buffer){observation->request, sizeof observation->request}, COAP_NON_CONFIRMABLE,
                       COAP_GET, 0, message->token);
    for (uint32_t i = 0; i < message->option_count; i++) {
        const struct coap_option *option = &message->options[i];
        bool kept = option->number == COAP_OPTION_URI_PATH || option->number == COAP_OPTION_URI_QUERY ||
                    option->number == COAP_OPTION_ACCEPT || option->number == COAP_OPTION_BLOCK2;
        if (kept) {
            coap_builder_option(&builder, option->number, option->value);
        }
    }
    bool good = coap_builder_finish(&builder, &size) == ERROR_NONE;
    observation->request_size = (uint16_t)size;
    return good;
}

static bool begin(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                  const struct coap_message *message, const struct coap_response *response) {
    struct coap_observation *observation = find(endpoint, peer, message->token);
    if (observation != NULL) {
        forget(endpoint, observation); // registered anew, perhaps with other conditions (§3.1)
    }
    observation = claim(endpoint);
    if (observation == NULL) {
        endpoint->counters.observers_refused++;
        return false;
    }
    *observation = (struct coap_observation){.used = true,
                                             .peer = *peer,
                                             .token_size = (uint8_t)message->token.size,
                                             .subject = response->subject,
                                             .conditional = response->conditional,
                                             .sent_ms = now_ms,
                                             .confirmed_ms = now_ms};
    endpoint->observations_used++;
    ASSERT(message->token.size <= sizeof observation->token);
    if (message->token.size > 0) {
        memcpy(observation->token, message->token.data, message->token.size);
    }
    if (!keep_request(observation, message)) {
        forget(endpoint, observation);
        endpoint->counters.observers_refused++;
        return false;
    }
    conditional_reported(&observation->state, response->observed, now_ms);
    endpoint->counters.observers_accepted++;
    schedule(endpoint, observation);
    return true;
}

bool coap_observe_request(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                          const struct coap_message *message, const struct coap_response *response, uint32_t *sequence,
                          uint32_t *age_s) {
    uint32_t wish = coap_message_option_uint(message, COAP_OPTION_OBSERVE, UINT32_MAX);
    struct coap_block block = {0, false, 0};
    // A later block belongs to an answer already given; one of a reserved size is refused with the answer.
    bool other_block =
        coap_block_read(message, COAP_OPTION_BLOCK2, &block) && (block.number > 0 || block.exponent > COAP_BLOCK_EXPONENT_MAX);
    if (message->code != COAP_GET || wish > 1 || other_block) {
        return false;
    }
    struct coap_observation *observation = find(endpoint, peer, message->token);
    if (wish == 1 || response->code >> 5 != 2 || response->subject == 0 || response->deferred) {
        if (observation != NULL) {
            forget(endpoint, observation);
        }
        return false;
    }
    if (!begin(endpoint, now_ms, peer, message, response)) {
        return false;
    }
    *sequence = next_sequence(endpoint, now_ms);
    *age_s = max_age_s(find(endpoint, peer, message->token));
    return true;
}

void coap_observe_acknowledged(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer, uint16_t id) {
    for (uint32_t i = 0; i < endpoint->memory.observation_count && endpoint->observations_used > 0; i++) {
        struct coap_observation *observation = &endpoint->memory.observations[i];
        bool mine = observation->used && observation->in_flight &&
                    observation->ids[(observation->id_count - 1) % COAP_OBSERVE_IDS] == id &&
                    memcmp(&observation->peer, peer, sizeof *peer) == 0;
        if (!mine) {
            continue;
        }
        observation->in_flight = false;
        observation->non_in_a_row = 0;
        observation->confirmed_ms = now_ms;
        if (observation->attempts == 0) { // an acknowledgement after a retransmission measures nothing (Karn's algorithm)
            uint64_t round_trip_ms = now_ms - observation->sent_ms;
            observation->round_trip_ms = round_trip_ms < 1 ? 1 : round_trip_ms > 60000 ? 60000 : (uint32_t)round_trip_ms;
        }
        if (observation->ending) {
            forget(endpoint, observation);
        } else {
            schedule(endpoint, observation);
        }
    }
}

void coap_observe_reset(struct coap_endpoint *endpoint, const struct coap_address *peer, uint16_t id) {
    for (uint32_t i = 0; i < endpoint->memory.observation_count && endpoint->observations_used > 0; i++) {
        struct coap_observation *observation = &endpoint->memory.observations[i];
        if (!observation->used || memcmp(&observation->peer, peer, sizeof *peer) != 0) {
            continue;
        }
        uint32_t known = observation->id_count < COAP_OBSERVE_IDS ? observation->id_count : COAP_OBSERVE_IDS;
        for (uint32_t k = 0; k < known && observation->used; k++) {
            if (observation->ids[k] == id) {
                forget(endpoint, observation);
            }
        }
    }
}

// --- changes -----------------------------------------------------------------------------------------------------------------

void coap_endpoint_changed(struct coap_endpoint *endpoint, uint64_t now_ms, uint64_t subject, struct bytes value) {
    ASSERT(subject != 0);
    if (endpoint->observations_used == 0) {
        return;
    }
    for (uint32_t i = 0; i < endpoint->memory.observation_count; i++) {
        struct coap_observation *observation = &endpoint->memory.observations[i];
        if (!observation->used || observation->ending || observation->subject != subject) {
            continue;
        }
        observation->due =
            conditional_sample(&observation->conditional, &observation->state, value, now_ms) || observation->due;
        schedule(endpoint, observation);
    }
}

void coap_endpoint_recheck(struct coap_endpoint *endpoint, uint64_t now_ms) {
    (void)now_ms;
    for (uint32_t i = 0; i < endpoint->memory.observation_count && endpoint->observations_used > 0; i++) {
        struct coap_observation *observation = &endpoint->memory.observations[i];
        if (observation->used && !observation->ending) {
            observation->check = true;
            schedule(endpoint, observation);
        }
    }
}

// --- notifications -----------------------------------------------------------------------------------------------------------

static struct coap_response serve_again(struct coap_endpoint *endpoint, const struct coap_observation *observation,
                                        struct coap_message *message, char *path, size_t path_size) {
    struct coap_response response = {.code = COAP_NOT_FOUND, .content_format = COAP_FORMAT_NONE};
    enum error error = coap_message_parse((struct bytes){observation->request, observation->request_size}, message);
    error = error == ERROR_NONE ? coap_message_path(message, path, path_size) : error;
    ASSERT(error == ERROR_NONE); // it was parsed when it came
    struct coap_request request = {
        .peer = observation->peer, .code = COAP_GET, .path = path, .message = message, .content_format = COAP_FORMAT_NONE};
    endpoint->callbacks.serve(endpoint->callbacks.context, &request, &response);
    return response;
}

static size_t build(const struct coap_observation *observation, const struct coap_message *message,
                    const struct coap_response *response, enum coap_type type, uint16_t id, uint32_t sequence,
                    struct buffer buffer) {
    struct coap_builder builder;
    struct coap_block block = {0, false, COAP_BLOCK_EXPONENT};
    size_t size = 0;
    bool blocks = coap_block_read(message, COAP_OPTION_BLOCK2, &block) || response->body.size > coap_block_size(block);
    block = coap_block_of_ours(block);
    struct bytes part = response->body;
    if (blocks && part.size > coap_block_size(block)) {
        block.more = true;
        part.size = coap_block_size(block);
    }
    coap_builder_start(&builder, buffer, type, response->code, id, (struct bytes){observation->token, observation->token_size});
    if (blocks && !observation->ending) {
        coap_put_etag(&builder, response->body);
    }
    if (!observation->ending) {
        coap_builder_option_uint(&builder, COAP_OPTION_OBSERVE, sequence);
    }
    if (response->content_format != COAP_FORMAT_NONE) {
        coap_builder_option_uint(&builder, COAP_OPTION_CONTENT_FORMAT, response->content_format);
    }
    if (!observation->ending) {
        coap_builder_option_uint(&builder, COAP_OPTION_MAX_AGE, max_age_s(observation));
    }
    if (blocks && !observation->ending) {
        coap_builder_option_uint(&builder, COAP_OPTION_BLOCK2, coap_block_value(block));
        coap_builder_option_uint(&builder, COAP_OPTION_SIZE2, (uint32_t)response->body.size);
    }
    coap_builder_payload(&builder, part);
    enum error error = coap_builder_finish(&builder, &size);
    ASSERT(error == ERROR_NONE); // token, six options and one block are below the datagram's size
    return size;
}

static bool must_confirm(const struct coap_observation *observation, uint64_t now_ms) {
    return observation->conditional.confirmable || observation->ending || observation->round_trip_ms == 0 ||
           observation->non_in_a_row >= COAP_OBSERVE_NON_MAX || now_ms >= observation->confirmed_ms + COAP_OBSERVE_LIVENESS_MS;
}

// Serves the GET again and sends the answer when it is wanted. `again`: in place of a CON whose time is over, whose attempts
// and time-out go on (§4.5.2).
static void notify(struct coap_endpoint *endpoint, uint64_t now_ms, struct coap_observation *observation, bool again) {
    struct coap_message message;
    char path[sizeof((struct coap_transfer *)0)->path];
    struct coap_response response = serve_again(endpoint, observation, &message, path, sizeof path);
    bool is_alive_due = now_ms >= observation->confirmed_ms + COAP_OBSERVE_LIVENESS_MS;
    observation->check = false;
    if (response.code >> 5 != 2 || response.subject != observation->subject) {
        observation->ending = true;
        response.code = response.code >> 5 != 2 && response.code != 0 ? response.code : COAP_NOT_FOUND;
    } else if (!again && !observation->due && !is_alive_due &&
               !conditional_sample(&observation->conditional, &observation->state, response.observed, now_ms)) {
        return;
    }
    bool confirm = again || must_confirm(observation, now_ms);
    uint16_t id = endpoint->next_id++;
    observation->datagram_size =
        (uint16_t)build(observation, &message, &response, confirm ? COAP_CONFIRMABLE : COAP_NON_CONFIRMABLE, id,
                        next_sequence(endpoint, now_ms), (struct buffer){observation->datagram, sizeof observation->datagram});
    observation->ids[observation->id_count++ % COAP_OBSERVE_IDS] = id;
    observation->in_flight = confirm;
    observation->non_in_a_row += confirm ? 0 : 1;
    observation->sent_ms = now_ms;
    observation->due = false;
    conditional_reported(&observation->state, response.observed, now_ms);
    if (confirm && !again) {
        uint32_t spread = endpoint->parameters.ack_timeout_ms * (endpoint->parameters.ack_random_percent - 100) / 100;
        observation->attempts = 0;
        observation->timeout_ms = endpoint->parameters.ack_timeout_ms + (uint32_t)(coap_random(endpoint) % (spread + 1));
    }
    observation->deadline_ms = now_ms + observation->timeout_ms;
    endpoint->counters.notifications++;
    coap_transmit(endpoint, &observation->peer, (struct bytes){observation->datagram, observation->datagram_size});
    struct coap_block block = {0, false, COAP_BLOCK_EXPONENT};
    (void)coap_block_read(&message, COAP_OPTION_BLOCK2, &block);
    coap_server_keep(endpoint, now_ms, &observation->peer, path, &response, coap_block_size(coap_block_of_ours(block)));
}

static void retransmit(struct coap_endpoint *endpoint, uint64_t now_ms, struct coap_observation *observation) {
    if (observation->attempts >= endpoint->parameters.retransmit_max) {
        endpoint->counters.observers_lost++;
        forget(endpoint, observation);
        return;
    }
    observation->attempts++;
    observation->timeout_ms *= 2;
    if (observation->due && !observation->ending) {
        notify(endpoint, now_ms, observation, true);
        return;
    }
    endpoint->counters.retransmissions++;
    observation->deadline_ms = now_ms + observation->timeout_ms;
    coap_transmit(endpoint, &observation->peer, (struct bytes){observation->datagram, observation->datagram_size});
}

void coap_observe_advance(struct coap_endpoint *endpoint, uint64_t now_ms) {
    for (uint32_t i = 0; i < endpoint->memory.observation_count && endpoint->observations_used > 0; i++) {
        struct coap_observation *observation = &endpoint->memory.observations[i];
        if (observation->used && wake_ms(observation) <= now_ms) {
            if (observation->in_flight) {
                retransmit(endpoint, now_ms, observation);
            } else {
                notify(endpoint, now_ms, observation, false);
            }
        }
        if (observation->used) {
            schedule(endpoint, observation);
        }
    }
}
