// The client's half of the endpoint: exchanges with retransmission (RFC 7252 §4.2), matching by token, Block1 upload and Block2
// download.
//
// A token is the exchange's index (2 bytes) and 4 random bytes: a response finds its exchange at once and cannot be guessed
// off-path.
#include "core/assert.h"
#include "core/coap_private.h"

#define TOKEN_SIZE 6

// The longest request, as `build` puts it together: header and token, path and query (a byte for each option, and one more
// where a segment has 13 or more letters), Content-Format, Block1, Size1, Echo, Tenon-Delivery, and a block behind its marker.
#define REQUEST_SIZE_MAX                                                                                                       \
    (4 + TOKEN_SIZE + COAP_REQUEST_PATH_SIZE_MAX + COAP_REQUEST_PATH_SIZE_MAX / 14 + COAP_REQUEST_QUERY_SIZE_MAX +             \
     COAP_REQUEST_QUERY_SIZE_MAX / 14 + 3 + 4 + 6 + (2 + COAP_ECHO_SIZE_MAX) + (4 + COAP_DELIVERY_SIZE_MAX) + 1 +              \
     COAP_PAYLOAD_SIZE_MAX)
_Static_assert(REQUEST_SIZE_MAX <= COAP_SENT_SIZE_MAX, "a request of ours must fit the datagram that is kept of it");

static void schedule(struct coap_endpoint *endpoint, struct coap_exchange *exchange, uint64_t deadline_ms) {
    exchange->deadline_ms = deadline_ms;
    if (deadline_ms < endpoint->next_deadline_ms) {
        endpoint->next_deadline_ms = deadline_ms;
    }
}

static void release(struct coap_endpoint *endpoint, struct coap_exchange *exchange) {
    ASSERT(exchange->used && endpoint->exchanges_used > 0);
    if (exchange->transfer >= 0) {
        endpoint->memory.transfers[exchange->transfer].used = false;
    }
    exchange->used = false;
    endpoint->exchanges_used--;
}

static void complete(struct coap_endpoint *endpoint, struct coap_exchange *exchange, enum error error, uint8_t code,
                     uint16_t format, struct bytes body) {
    struct coap_completion completion = {.user = exchange->user,
                                         .error = error,
                                         .code = code,
                                         .content_format = format,
                                         .body = body,
                                         .echo = endpoint->echo_seen,
                                         .attempts = exchange->attempts};
    // A body under reassembly must live through the callback, so only then is it given back.
    int32_t transfer = exchange->transfer;
    exchange->transfer = -1;
    release(endpoint, exchange);
    endpoint->callbacks.completed(endpoint->callbacks.context, &completion);
    if (transfer >= 0) {
        endpoint->memory.transfers[transfer].used = false;
    }
}

static void give_up(struct coap_endpoint *endpoint, struct coap_exchange *exchange, enum error error) {
    complete(endpoint, exchange, error, 0, COAP_FORMAT_NONE, (struct bytes){NULL, 0});
}

struct request_parts {
    bool has_block1;
    struct coap_block block1;
    bool has_block2;
    struct coap_block block2;
    uint32_t size1;
    struct bytes payload;
};

static enum error build(struct buffer buffer, enum coap_type type, uint8_t code, uint16_t id, struct bytes token,
                        const struct coap_exchange *from, const struct request_parts *parts, size_t *size) {
    struct coap_builder builder;
    coap_builder_start(&builder, buffer, type, code, id, token);
    coap_builder_path(&builder, from->path);
    if (from->content_format != COAP_FORMAT_NONE && parts->payload.size > 0) {
        coap_builder_option_uint(&builder, COAP_OPTION_CONTENT_FORMAT, from->content_format);
    }
    for (const char *at = from->query; *at != '\0';) { // one option for each argument (RFC 7252 §6.4)
        size_t argument_size = strcspn(at, "&");
        coap_builder_option(&builder, COAP_OPTION_URI_QUERY, (struct bytes){(const uint8_t *)at, argument_size});
        at += argument_size;
        at += *at == '&';
    }
    if (parts->has_block2) {
        coap_builder_option_uint(&builder, COAP_OPTION_BLOCK2, coap_block_value(parts->block2));
    }
    if (parts->has_block1) {
        coap_builder_option_uint(&builder, COAP_OPTION_BLOCK1, coap_block_value(parts->block1));
    }
    if (parts->size1 > 0) {
        coap_builder_option_uint(&builder, COAP_OPTION_SIZE1, parts->size1);
    }
    if (from->echo_size > 0) {
        coap_builder_option(&builder, COAP_OPTION_ECHO, (struct bytes){from->echo, from->echo_size});
    }
    if (from->delivery_size > 0) {
        coap_builder_option(&builder, COAP_OPTION_TENON_DELIVERY, (struct bytes){from->delivery, from->delivery_size});
    }
    coap_builder_payload(&builder, parts->payload);
    return coap_builder_finish(&builder, size);
}

// Sends a new message of the exchange, with a new id and the retransmission started afresh.
static void launch(struct coap_endpoint *endpoint, uint64_t now_ms, struct coap_exchange *exchange,
                   const struct request_parts *parts) {
    size_t size = 0;
    exchange->id = endpoint->next_id++;
    exchange->attempts = 0;
    exchange->acknowledged = false;
    enum error error = build((struct buffer){exchange->datagram, sizeof exchange->datagram},
                             exchange->confirmable ? COAP_CONFIRMABLE : COAP_NON_CONFIRMABLE, exchange->code, exchange->id,
                             (struct bytes){exchange->token, exchange->token_size}, exchange, parts, &size);
    ASSERT(error == ERROR_NONE); // it has at most REQUEST_SIZE_MAX bytes
    exchange->datagram_size = (uint16_t)size;
    uint32_t spread = endpoint->parameters.ack_timeout_ms * (endpoint->parameters.ack_random_percent - 100) / 100;
    uint32_t jitter = spread == 0 ? 0 : (uint32_t)(coap_random(endpoint) % (spread + 1));
    exchange->timeout_ms =
        exchange->confirmable ? endpoint->parameters.ack_timeout_ms + jitter : endpoint->parameters.request_timeout_ms;
    schedule(endpoint, exchange, now_ms + exchange->timeout_ms);
    coap_transmit(endpoint, &exchange->peer, (struct bytes){exchange->datagram, exchange->datagram_size});
}

static void launch_block1(struct coap_endpoint *endpoint, uint64_t now_ms, struct coap_exchange *exchange, uint32_t exponent) {
    struct coap_block block = {(uint32_t)(exchange->upload_offset >> (exponent + 4)), false, exponent};
    size_t left = exchange->upload.size - exchange->upload_offset;
    block.more = left > coap_block_size(block);
    struct request_parts parts = {
        .has_block1 = true,
        .block1 = block,
        .size1 = exchange->upload_offset == 0 ? (uint32_t)exchange->upload.size : 0,
        .payload = {exchange->upload.data + exchange->upload_offset, block.more ? coap_block_size(block) : left},
    };
    launch(endpoint, now_ms, exchange, &parts);
}

// Path segments of one request: with the other options that it may carry they stay within COAP_OPTIONS_MAX.
#define SEGMENTS_MAX (COAP_OPTIONS_MAX - 7)

static bool too_deep(const char *path) {
    uint32_t segments = 1;
    for (const char *at = path; *at != '\0'; at++) {
        segments += *at == '/';
    }
    return segments > SEGMENTS_MAX;
}

static enum error copy_outgoing(struct coap_exchange *exchange, const struct coap_outgoing *outgoing) {
    size_t path_size = strlen(outgoing->path);
    size_t query_size = outgoing->query == NULL ? 0 : strlen(outgoing->query);
    if (path_size >= sizeof exchange->path || query_size >= sizeof exchange->query ||
        outgoing->delivery.size > sizeof exchange->delivery || outgoing->echo.size > sizeof exchange->echo ||
        too_deep(outgoing->path)) {
        return ERROR_TOO_LARGE;
    }
    memcpy(exchange->path, outgoing->path, path_size + 1);
    exchange->query[0] = '\0';
    if (query_size > 0) {
        memcpy(exchange->query, outgoing->query, query_size + 1);
    }
    exchange->delivery_size = (uint8_t)outgoing->delivery.size;
    if (outgoing->delivery.size > 0) {
        memcpy(exchange->delivery, outgoing->delivery.data, outgoing->delivery.size);
    }
    exchange->echo_size = (uint8_t)outgoing->echo.size;
    if (outgoing->echo.size > 0) {
        memcpy(exchange->echo, outgoing->echo.data, outgoing->echo.size);
    }
    exchange->confirmable = outgoing->confirmable;
    exchange->code = outgoing->code;
    exchange->content_format = outgoing->content_format;
    exchange->peer = outgoing->peer;
    return ERROR_NONE;
}

// A push whose response nobody waits for: built on the stack, sent, forgotten.
static enum error push(struct coap_endpoint *endpoint, const struct coap_outgoing *outgoing) {
    struct coap_exchange shape;
    size_t size = 0;
    enum error error = outgoing->payload.size > COAP_PAYLOAD_SIZE_MAX ? ERROR_TOO_LARGE : copy_outgoing(&shape, outgoing);
    if (error == ERROR_NONE) {
        struct request_parts parts = {.payload = outgoing->payload};
        error = build((struct buffer){shape.datagram, sizeof shape.datagram}, COAP_NON_CONFIRMABLE, outgoing->code,
                      endpoint->next_id++, (struct bytes){NULL, 0}, &shape, &parts, &size);
    }
    if (error == ERROR_NONE) {
        coap_transmit(endpoint, &outgoing->peer, (struct bytes){shape.datagram, size});
    }
    return error;
}

static struct coap_exchange *claim(struct coap_endpoint *endpoint, uint16_t *index) {
    for (uint32_t i = 0; i < endpoint->memory.exchange_count; i++) {
        if (!endpoint->memory.exchanges[i].used) {
            *index = (uint16_t)i;
            return &endpoint->memory.exchanges[i];
        }
    }
    return NULL;
}

enum error coap_endpoint_request(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_outgoing *outgoing) {
    if (!outgoing->expect_response && !outgoing->confirmable) {
        return push(endpoint, outgoing);
    }
    uint16_t index = 0;
    struct coap_exchange *exchange = claim(endpoint, &index);
    if (exchange == NULL) {
        return ERROR_FULL;
    }
    enum error error = copy_outgoing(exchange, outgoing);
    if (error != ERROR_NONE) {
        return error;
    }
    uint64_t random = coap_random(endpoint);
    exchange->used = true;
    endpoint->exchanges_used++;
    exchange->user = outgoing->user;
    exchange->retransmit_max =
        outgoing->retransmit_max == UINT32_MAX ? endpoint->parameters.retransmit_max : outgoing->retransmit_max;
    exchange->transfer = -1;
    exchange->upload = (struct bytes){NULL, 0};
    exchange->upload_offset = 0;
    exchange->token_size = TOKEN_SIZE;
    exchange->token[0] = (uint8_t)(index >> 8);
    exchange->token[1] = (uint8_t)index;
    memcpy(exchange->token + 2, &random, TOKEN_SIZE - 2);
    if (outgoing->payload.size > COAP_PAYLOAD_SIZE_MAX) {
        exchange->upload = outgoing->payload;
        launch_block1(endpoint, now_ms, exchange, COAP_BLOCK_EXPONENT);
    } else {
        struct request_parts parts = {.payload = outgoing->payload};
        launch(endpoint, now_ms, exchange, &parts);
    }
    return ERROR_NONE;
}

void coap_endpoint_cancel(struct coap_endpoint *endpoint, uint64_t user) {
    for (uint32_t i = 0; i < endpoint->memory.exchange_count; i++) {
        if (endpoint->memory.exchanges[i].used && endpoint->memory.exchanges[i].user == user) {
            release(endpoint, &endpoint->memory.exchanges[i]);
        }
    }
}

// --- what comes back
// -------------------------------------------------------------------------------------------------------------

static struct coap_exchange *find_by_id(const struct coap_endpoint *endpoint, const struct coap_address *peer, uint16_t id) {
    for (uint32_t i = 0; i < endpoint->memory.exchange_count; i++) {
        struct coap_exchange *exchange = &endpoint->memory.exchanges[i];
        if (exchange->used && exchange->id == id && memcmp(&exchange->peer, peer, sizeof *peer) == 0) {
            return exchange;
        }
    }
    return NULL;
}

static struct coap_exchange *find_by_token(const struct coap_endpoint *endpoint, const struct coap_address *peer,
                                           const struct coap_message *message) {
    if (message->token.size != TOKEN_SIZE) {
        return NULL;
    }
    uint32_t index = (uint32_t)message->token.data[0] << 8 | message->token.data[1];
    if (index >= endpoint->memory.exchange_count) {
        return NULL;
    }
    struct coap_exchange *exchange = &endpoint->memory.exchanges[index];
    bool mine = exchange->used && memcmp(exchange->token, message->token.data, TOKEN_SIZE) == 0 &&
                memcmp(&exchange->peer, peer, sizeof *peer) == 0;
    bool right_id = message->type != COAP_ACKNOWLEDGEMENT || message->id == exchange->id;
    return mine && right_id ? exchange : NULL;
}

void coap_client_acknowledged(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer, uint16_t id) {
    struct coap_exchange *exchange = find_by_id(endpoint, peer, id);
    if (exchange == NULL || !exchange->confirmable) {
        return;
    }
    exchange->acknowledged = true;
    schedule(endpoint, exchange, now_ms + endpoint->parameters.request_timeout_ms);
}

void coap_client_reset(struct coap_endpoint *endpoint, const struct coap_address *peer, uint16_t id) {
    struct coap_exchange *exchange = find_by_id(endpoint, peer, id);
    if (exchange != NULL) {
        give_up(endpoint, exchange, ERROR_RESET);
    }
}

bool coap_client_expects(const struct coap_endpoint *endpoint, const struct coap_address *peer,
                         const struct coap_message *message) {
    return find_by_token(endpoint, peer, message) != NULL;
}

// 2.31 to a block: the next one goes out, in the server's block size when that is smaller (RFC 7959 §2.3).
static bool continue_upload(struct coap_endpoint *endpoint, uint64_t now_ms, struct coap_exchange *exchange,
                            const struct coap_message *message) {
    struct coap_block block;
    if (message->code != COAP_CONTINUE || exchange->upload.size == 0) {
        return false;
    }
    if (!coap_block_read(message, COAP_OPTION_BLOCK1, &block) || block.exponent > COAP_BLOCK_EXPONENT_MAX) {
        give_up(endpoint, exchange, ERROR_MALFORMED);
        return true;
    }
    // The block that was sent had the size of the datagram's own option; what is acknowledged ends where its payload ended.
    struct coap_message sent;
    enum error error = coap_message_parse((struct bytes){exchange->datagram, exchange->datagram_size}, &sent);
    ASSERT(error == ERROR_NONE);
    struct coap_block sent_block;
    bool has_block = coap_block_read(&sent, COAP_OPTION_BLOCK1, &sent_block);
    ASSERT(has_block);
    if (block.number != sent_block.number && message->type == COAP_NON_CONFIRMABLE) {
        endpoint->counters.duplicates++; // a late or doubled answer to an earlier block
        return true;
    }
    if (block.number != sent_block.number) {
        give_up(endpoint, exchange, ERROR_MALFORMED);
        return true;
    }
    block = coap_block_of_ours(block); // whoever asks for larger ones than were sent does not get them
    exchange->upload_offset += sent.payload.size;
    if (exchange->upload_offset >= exchange->upload.size || exchange->upload_offset % coap_block_size(block) != 0) {
        give_up(endpoint, exchange, ERROR_MALFORMED);
        return true;
    }
    launch_block1(endpoint, now_ms, exchange, block.exponent);
    return true;
}

static bool same_etag(const struct coap_transfer *transfer, const struct coap_option *etag) {
    size_t size = etag == NULL ? 0 : etag->value.size;
    return size == transfer->etag_size && (size == 0 || memcmp(transfer->etag, etag->value.data, size) == 0);
}

// Takes in one block of a large response; true while more is awaited or the exchange has ended here.
static bool continue_download(struct coap_endpoint *endpoint, uint64_t now_ms, struct coap_exchange *exchange,
                              const struct coap_message *message) {
    struct coap_block block;
    if (!coap_block_read(message, COAP_OPTION_BLOCK2, &block) || (block.number == 0 && !block.more)) {
        return false;
    }
    const struct coap_option *etag = coap_message_option(message, COAP_OPTION_ETAG);
    struct coap_transfer *transfer = exchange->transfer < 0 ? NULL : &endpoint->memory.transfers[exchange->transfer];
    if (transfer == NULL && block.number == 0) {
        transfer = coap_transfer_claim(endpoint, now_ms);
        if (transfer == NULL) {
            give_up(endpoint, exchange, ERROR_BUSY);
            return true;
        }
        transfer->download = true;
        exchange->transfer = (int32_t)(transfer - endpoint->memory.transfers);
        transfer->etag_size = etag == NULL || etag->value.size > sizeof transfer->etag ? 0 : (uint8_t)etag->value.size;
        if (transfer->etag_size > 0) {
            memcpy(transfer->etag, etag->value.data, transfer->etag_size);
        }
    }
    bool earlier = transfer != NULL && block.exponent <= COAP_BLOCK_EXPONENT_MAX && same_etag(transfer, etag) &&
                   (size_t)block.number * coap_block_size(block) < transfer->size;
    if (earlier && message->type == COAP_NON_CONFIRMABLE) {
        endpoint->counters.duplicates++; // a late or doubled answer with an earlier block
        return true;
    }
    bool in_order = transfer != NULL && block.exponent <= COAP_BLOCK_EXPONENT_MAX && same_etag(transfer, etag) &&
                    transfer->size == (size_t)block.number * coap_block_size(block) &&
                    (!block.more || message->payload.size == coap_block_size(block));
    if (!in_order) {
        give_up(endpoint, exchange, ERROR_BUSY); // the body changed between two blocks: ask again
        return true;
    }
    struct buffer body = coap_transfer_body(endpoint, transfer);
    if (message->payload.size > body.size - transfer->size) {
        give_up(endpoint, exchange, ERROR_TOO_LARGE);
        return true;
    }
    if (message->payload.size > 0) {
        memcpy(body.data + transfer->size, message->payload.data, message->payload.size);
    }
    transfer->size += message->payload.size;
    if (!block.more) {
        uint16_t format = (uint16_t)coap_message_option_uint(message, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_NONE);
        complete(endpoint, exchange, ERROR_NONE, message->code, format, (struct bytes){body.data, transfer->size});
        return true;
    }
    struct request_parts parts = {.has_block2 = true, .block2 = {block.number + 1, false, block.exponent}};
    launch(endpoint, now_ms, exchange, &parts);
    return true;
}

void coap_client_response(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                          const struct coap_message *message) {
    struct coap_exchange *exchange = find_by_token(endpoint, peer, message);
    if (exchange == NULL) {
        endpoint->counters.unmatched++;
        return;
    }
    const struct coap_option *echo = coap_message_option(message, COAP_OPTION_ECHO);
    if (echo != NULL && echo->value.size <= COAP_ECHO_SIZE_MAX) {
        endpoint->echo_seen = echo->value;
    }
    if (!continue_upload(endpoint, now_ms, exchange, message) && !continue_download(endpoint, now_ms, exchange, message)) {
        uint16_t format = (uint16_t)coap_message_option_uint(message, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_NONE);
        complete(endpoint, exchange, ERROR_NONE, message->code, format, message->payload);
    }
    endpoint->echo_seen = (struct bytes){NULL, 0};
}

void coap_client_advance(struct coap_endpoint *endpoint, uint64_t now_ms, uint32_t index) {
    struct coap_exchange *exchange = &endpoint->memory.exchanges[index];
    if (!exchange->used) {
        return;
    }
    if (exchange->deadline_ms > now_ms) {
        schedule(endpoint, exchange, exchange->deadline_ms);
        return;
    }
    // Who stood still for longer than the next interval does not send the old words again: what they say about time (a
    // command's lifetime) is no longer true, and the span of RFC 7252 §4.8.2 is over.
    bool stood_still = now_ms >= exchange->deadline_ms + 2 * (uint64_t)exchange->timeout_ms;
    if (!exchange->confirmable || exchange->acknowledged || exchange->attempts >= exchange->retransmit_max || stood_still) {
        endpoint->counters.timeouts++;
        give_up(endpoint, exchange, ERROR_TIMEOUT);
        return;
    }
    exchange->attempts++;
    exchange->timeout_ms *= 2;
    endpoint->counters.retransmissions++;
    schedule(endpoint, exchange, now_ms + exchange->timeout_ms);
    coap_transmit(endpoint, &exchange->peer, (struct bytes){exchange->datagram, exchange->datagram_size});
}
