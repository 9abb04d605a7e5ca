// The server's half of the endpoint: options, Block1 reassembly, the handler, Block2 slices, the reply.
//
// A large answer to GET is kept as a snapshot while its peer fetches it block by block, in the place where the handler wrote it
// when that is one of ours (coap_endpoint_body); without a free place the handler is asked again for each block, and the ETag
// tells the client whether the body changed. Only GET is answered in blocks, for
// asking again repeats the effect of anything else; other answers are cut to one block.
#include "core/assert.h"
#include "core/coap_private.h"
#include "core/pen.h"

static bool is_known_critical(uint16_t number) {
    switch (number) {
    case COAP_OPTION_URI_HOST:
    case COAP_OPTION_URI_PORT:
    case COAP_OPTION_URI_PATH:
    case COAP_OPTION_URI_QUERY:
    case COAP_OPTION_ACCEPT:
    case COAP_OPTION_BLOCK1:
    case COAP_OPTION_BLOCK2:
    case COAP_OPTION_TENON_DELIVERY:
        return true;
    default:
        return false;
    }
}

// The first critical option that is not known, or 0.
static uint16_t unknown_critical(const struct coap_message *message) {
    for (uint32_t i = 0; i < message->option_count; i++) {
        if ((message->options[i].number & 1) != 0 && !is_known_critical(message->options[i].number)) {
            return message->options[i].number;
        }
    }
    return 0;
}

bool coap_has_unknown_critical(const struct coap_message *message) {
    return unknown_critical(message) != 0;
}

// What a person is told when nobody knows it better (RFC 7252 §5.5.2).
static const char *diagnostic(uint8_t code) {
    static const struct {
        uint8_t code;
        const char *text;
    } texts[] = {
        {COAP_BAD_REQUEST, "bad request"},
        {COAP_UNAUTHORIZED, "unauthorized: repeat the request with the Echo option of this answer"},
        {COAP_BAD_OPTION, "bad option"},
        {COAP_FORBIDDEN, "forbidden"},
        {COAP_NOT_FOUND, "not found; see /.well-known/core"},
        {COAP_METHOD_NOT_ALLOWED, "method not allowed"},
        {COAP_NOT_ACCEPTABLE, "not acceptable: this content format is not offered"},
        {COAP_REQUEST_ENTITY_INCOMPLETE, "a block is missing: begin again with block 0"},
        {COAP_CONFLICT, "conflict"},
        {COAP_PRECONDITION_FAILED, "precondition failed"},
        {COAP_REQUEST_ENTITY_TOO_LARGE, "too large: Size1 tells what fits"},
        {COAP_UNSUPPORTED_CONTENT_FORMAT, "unsupported content format"},
        {COAP_INTERNAL_SERVER_ERROR, "internal error"},
        {COAP_NOT_IMPLEMENTED, "not implemented"},
        {COAP_SERVICE_UNAVAILABLE, "busy: try again later"},
        {COAP_PROXYING_NOT_SUPPORTED, "no proxy"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].code == code) {
            return texts[i].text;
        }
    }
    return "refused";
}

// One request on its way through the server.
struct serving {
    struct coap_endpoint *endpoint;
    const struct coap_address *peer;
    const struct coap_message *message;
    struct coap_memory_of_id *entry;
    bool has_block1;
    struct coap_block block1;
    uint32_t size1; // told with 4.13; 0 for none
    bool observing; // the answer carries Observe and Max-Age
    uint32_t sequence;
    uint32_t max_age_s;
};

static uint64_t fingerprint(struct bytes body) {
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < body.size; i++) {
        hash = (hash ^ body.data[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

// The part of the body that this answer carries. False for a block beyond its end.
static bool slice(const struct serving *serving, const struct coap_response *response, struct coap_block *block, bool *blocks,
                  struct bytes *part) {
    size_t size = response->body.size;
    *blocks = coap_block_read(serving->message, COAP_OPTION_BLOCK2, block);
    if (serving->message->code != COAP_GET ||
        response->code >> 5 != 2) { // an error is told whole, whatever block was asked for
        *blocks = false;
        *part = (struct bytes){response->body.data, size > COAP_PAYLOAD_SIZE_MAX ? COAP_PAYLOAD_SIZE_MAX : size};
        return true;
    }
    if (!*blocks) {
        *block = (struct coap_block){0, false, COAP_BLOCK_EXPONENT};
        *blocks = size > COAP_PAYLOAD_SIZE_MAX;
    }
    if (block->exponent > COAP_BLOCK_EXPONENT_MAX) {
        return false;
    }
    *block = coap_block_of_ours(*block);
    size_t from = (size_t)block->number * coap_block_size(*block);
    if (from >= size && block->number > 0) {
        return false;
    }
    size_t left = size - from;
    block->more = left > coap_block_size(*block);
    *part = (struct bytes){size == 0 ? NULL : response->body.data + from, block->more ? coap_block_size(*block) : left};
    return true;
}

void coap_put_etag(struct coap_builder *builder, struct bytes body) {
    uint64_t hash = fingerprint(body);
    uint8_t tag[8];
    for (unsigned i = 0; i < 8; i++) {
        tag[i] = (uint8_t)(hash >> (8 * i));
    }
    coap_builder_option(builder, COAP_OPTION_ETAG, (struct bytes){tag, sizeof tag});
}

// An empty acknowledgement, kept like any reply: a duplicate of the request is acknowledged again.
static void acknowledge(struct serving *serving) {
    uint16_t id = serving->message->id;
    if (serving->message->type == COAP_CONFIRMABLE) {
        const uint8_t empty[4] = {1u << 6 | COAP_ACKNOWLEDGEMENT << 4, COAP_EMPTY, (uint8_t)(id >> 8), (uint8_t)id};
        memcpy(serving->entry->reply, empty, sizeof empty);
        serving->entry->reply_size = sizeof empty;
        coap_transmit(serving->endpoint, serving->peer, (struct bytes){empty, sizeof empty});
    }
}

static void reply(struct serving *serving, struct coap_response response) {
    struct coap_endpoint *endpoint = serving->endpoint;
    const struct coap_message *message = serving->message;
    uint8_t datagram[COAP_SENT_SIZE_MAX];
    struct coap_builder builder;
    struct coap_block block2 = {0, false, 0};
    struct bytes part = {NULL, 0};
    bool blocks = false;
    bool confirmable = message->type == COAP_CONFIRMABLE;
    if (response.deferred) {
        return;
    }
    if (response.code == 0) {
        acknowledge(serving);
        return;
    }
    if (response.code >= COAP_BAD_REQUEST && response.body.size == 0) {
        response.body = bytes_of_text(diagnostic(response.code));
        response.content_format = COAP_FORMAT_NONE;
    }
    if (!slice(serving, &response, &block2, &blocks, &part)) {
        endpoint->counters.refused++;
        part = bytes_of_text("Block2: the block is beyond the end, or its size is reserved");
        response = (struct coap_response){.code = COAP_BAD_REQUEST, .content_format = COAP_FORMAT_NONE};
        blocks = false;
    }
    uint16_t id = confirmable ? message->id : endpoint->next_id++;
    coap_builder_start(&builder, (struct buffer){datagram, sizeof datagram},
                       confirmable ? COAP_ACKNOWLEDGEMENT : COAP_NON_CONFIRMABLE, response.code, id, message->token);
    if (blocks) {
        coap_put_etag(&builder, response.body);
    }
    if (serving->observing) {
        coap_builder_option_uint(&builder, COAP_OPTION_OBSERVE, serving->sequence);
    }
    if (response.content_format != COAP_FORMAT_NONE) {
        coap_builder_option_uint(&builder, COAP_OPTION_CONTENT_FORMAT, response.content_format);
    }
    uint32_t max_age_s = serving->observing ? serving->max_age_s : response.max_age_s;
    if (max_age_s > 0) {
        coap_builder_option_uint(&builder, COAP_OPTION_MAX_AGE, max_age_s);
    }
    if (blocks) {
        coap_builder_option_uint(&builder, COAP_OPTION_BLOCK2, coap_block_value(block2));
    }
    if (serving->has_block1) {
        coap_builder_option_uint(&builder, COAP_OPTION_BLOCK1, coap_block_value(serving->block1));
    }
    if (blocks && block2.number == 0) {
        coap_builder_option_uint(&builder, COAP_OPTION_SIZE2, (uint32_t)response.body.size);
    }
    if (serving->size1 > 0) {
        coap_builder_option_uint(&builder, COAP_OPTION_SIZE1, serving->size1);
    }
    if (response.echo.size > 0) {
        coap_builder_option(&builder, COAP_OPTION_ECHO, response.echo);
    }
    coap_builder_payload(&builder, part);
    size_t size = 0;
    if (coap_builder_finish(&builder, &size) != ERROR_NONE) {
        return;
    }
    if (confirmable && size <= sizeof serving->entry->reply) {
        memcpy(serving->entry->reply, datagram, size);
        serving->entry->reply_size = (uint16_t)size;
    } else if (confirmable) {
        serving->entry->used = false; // a duplicate is served again rather than met with silence
    }
    coap_transmit(endpoint, serving->peer, (struct bytes){datagram, size});
}

struct coap_later coap_later_of(const struct coap_request *request) {
    struct coap_later later = {.used = true,
                               .confirmable = request->confirmable,
                               .peer = request->peer,
                               .id = request->message->id,
                               .token_size = (uint8_t)request->message->token.size};
    ASSERT(request->message->token.size <= sizeof later.token);
    memcpy(later.token, request->message->token.data, request->message->token.size);
    return later;
}

void coap_endpoint_answer(struct coap_endpoint *endpoint, struct coap_later *later, const struct coap_response *response) {
    ASSERT(later->used && !response->deferred && response->body.size <= COAP_PAYLOAD_SIZE_MAX);
    struct coap_memory_of_id *entry = later->confirmable ? coap_recall(endpoint, &later->peer, later->id) : NULL;
    struct coap_memory_of_id unremembered;
    struct coap_message request = {.type = later->confirmable ? COAP_CONFIRMABLE : COAP_NON_CONFIRMABLE,
                                   .code = COAP_POST,
                                   .id = later->id,
                                   .token = {later->token, later->token_size}};
    struct serving serving = {
        .endpoint = endpoint, .peer = &later->peer, .message = &request, .entry = entry != NULL ? entry : &unremembered};
    later->used = false;
    reply(&serving, *response);
}

static void refuse_for(struct serving *serving, uint8_t code, struct bytes why) {
    serving->endpoint->counters.refused++;
    reply(serving, (struct coap_response){.code = code, .content_format = COAP_FORMAT_NONE, .body = why});
}

static void refuse(struct serving *serving, uint8_t code) {
    refuse_for(serving, code, (struct bytes){NULL, 0});
}

// A critical option that nobody here knows: 4.02 with its number, 5.05 for a proxy's (RFC 7252 §5.4.1, §5.7.2). A NON request
// is rejected in silence.
static void refuse_option(struct serving *serving, uint16_t number) {
    uint8_t storage[64];
    struct pen pen = pen_start((struct buffer){storage, sizeof storage});
    bool proxy = number == COAP_OPTION_PROXY_URI || number == COAP_OPTION_PROXY_SCHEME;
    if (serving->message->type == COAP_CONFIRMABLE) {
        pen_text(&pen, "option ");
        pen_decimal(&pen, number);
        pen_text(&pen, proxy ? ": this is no proxy" : " is critical and not known here");
        refuse_for(serving, proxy ? COAP_PROXYING_NOT_SUPPORTED : COAP_BAD_OPTION, (struct bytes){storage, pen.size});
    }
}

// The body of this peer, method and path: an upload, or for GET a snapshot.
static struct coap_transfer *transfer_find(const struct coap_endpoint *endpoint, const struct coap_address *peer, uint8_t code,
                                           const char *path) {
    for (uint32_t i = 0; i < endpoint->memory.transfer_count; i++) {
        struct coap_transfer *transfer = &endpoint->memory.transfers[i];
        if (transfer->used && !transfer->download && transfer->code == code &&
            memcmp(&transfer->peer, peer, sizeof *peer) == 0 && strcmp(transfer->path, path) == 0) {
            return transfer;
        }
    }
    return NULL;
}

struct buffer coap_endpoint_body(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_request *request) {
    ASSERT(request->code == COAP_GET);
    struct coap_transfer *transfer = transfer_find(endpoint, &request->peer, COAP_GET, request->path);
    transfer = transfer != NULL ? transfer : coap_transfer_claim(endpoint, now_ms);
    if (transfer == NULL) {
        return (struct buffer){NULL, 0};
    }
    transfer->used = false; // nobody else can claim it before the handler returns and keep_snapshot decides
    return coap_transfer_body(endpoint, transfer);
}

// The body that the handler wrote this answer into, or NULL.
static struct coap_transfer *written_in(const struct coap_endpoint *endpoint, const struct coap_response *response) {
    for (uint32_t i = 0; i < endpoint->memory.transfer_count; i++) {
        struct coap_transfer *transfer = &endpoint->memory.transfers[i];
        if (!transfer->used && coap_transfer_body(endpoint, transfer).data == response->body.data) {
            return transfer;
        }
    }
    return NULL;
}

// Takes in one block of an upload (RFC 7959 §2.5). Returns the transfer once the last block is in; otherwise NULL, and the
// answer is given.
static struct coap_transfer *upload(struct serving *serving, uint64_t now_ms, const char *path) {
    struct coap_endpoint *endpoint = serving->endpoint;
    struct coap_block block = serving->block1;
    struct coap_transfer *transfer = transfer_find(endpoint, serving->peer, serving->message->code, path);
    if (block.exponent > COAP_BLOCK_EXPONENT_MAX || (block.more && serving->message->payload.size != coap_block_size(block))) {
        refuse_for(serving, COAP_BAD_REQUEST,
                   bytes_of_text("Block1: the payload has not the block's size, or that is reserved"));
        return NULL;
    }
    if (block.number == 0) {
        transfer = transfer != NULL ? transfer : coap_transfer_claim(endpoint, now_ms);
        if (transfer == NULL) {
            refuse(serving, COAP_SERVICE_UNAVAILABLE);
            return NULL;
        }
        transfer->peer = *serving->peer;
        transfer->code = serving->message->code;
        transfer->size = 0;
        memcpy(transfer->path, path, strlen(path) + 1);
    }
    if (transfer == NULL || transfer->size != (size_t)block.number * coap_block_size(block)) {
        refuse(serving, COAP_REQUEST_ENTITY_INCOMPLETE);
        return NULL;
    }
    struct buffer body = coap_transfer_body(endpoint, transfer);
    body.size = body.size < BODY_SIZE_MAX ? body.size : BODY_SIZE_MAX; // an answer may be longer than what is taken
    uint32_t announced = coap_message_option_uint(serving->message, COAP_OPTION_SIZE1, 0);
    if (announced > body.size || serving->message->payload.size > body.size - transfer->size) {
        transfer->used = false;
        serving->size1 = (uint32_t)body.size;
        refuse(serving, COAP_REQUEST_ENTITY_TOO_LARGE);
        return NULL;
    }
    if (serving->message->payload.size > 0) {
        memcpy(body.data + transfer->size, serving->message->payload.data, serving->message->payload.size);
    }
    transfer->size += serving->message->payload.size;
    transfer->expires_ms = now_ms + endpoint->parameters.request_timeout_ms;
    if (block.more) {
        reply(serving, (struct coap_response){.code = COAP_CONTINUE, .content_format = COAP_FORMAT_NONE});
        return NULL;
    }
    return transfer;
}

// The answer to a later block, from the snapshot taken with the first. False when there is none.
static bool serve_snapshot(struct serving *serving, uint64_t now_ms, const char *path) {
    struct coap_block block;
    struct coap_transfer *snapshot = transfer_find(serving->endpoint, serving->peer, serving->message->code, path);
    bool later = coap_block_read(serving->message, COAP_OPTION_BLOCK2, &block) && block.number > 0;
    if (!later || snapshot == NULL || snapshot->expires_ms <= now_ms ||
        coap_message_option_uint(serving->message, COAP_OPTION_ACCEPT, snapshot->content_format) != snapshot->content_format) {
        return false;
    }
    struct bytes body = {coap_transfer_body(serving->endpoint, snapshot).data, snapshot->size};
    reply(serving, (struct coap_response){.code = COAP_CONTENT, .content_format = snapshot->content_format, .body = body});
    block = coap_block_of_ours(block);
    if (((size_t)block.number + 1) * coap_block_size(block) >= snapshot->size) {
        snapshot->used = false;
    } else {
        snapshot->expires_ms = now_ms + serving->endpoint->parameters.request_timeout_ms;
    }
    return true;
}

static void keep_snapshot(struct serving *serving, uint64_t now_ms, const char *path, const struct coap_response *response,
                          size_t block_size) {
    if (response->code != COAP_CONTENT || response->body.size <= block_size) {
        return;
    }
    struct coap_endpoint *endpoint = serving->endpoint;
    struct coap_transfer *snapshot = written_in(endpoint, response);
    snapshot = snapshot != NULL ? snapshot : transfer_find(endpoint, serving->peer, COAP_GET, path);
    snapshot = snapshot != NULL ? snapshot : coap_transfer_claim(endpoint, now_ms);
    if (snapshot == NULL) {
        return;
    }
    struct buffer place = coap_transfer_body(endpoint, snapshot);
    if (response->body.size > place.size) {
        snapshot->used = false;
        return;
    }
    *snapshot = (struct coap_transfer){.used = true,
                                       .peer = *serving->peer,
                                       .code = COAP_GET,
                                       .content_format = response->content_format,
                                       .size = response->body.size,
                                       .expires_ms = now_ms + endpoint->parameters.request_timeout_ms};
    memcpy(snapshot->path, path, strlen(path) + 1);
    if (place.data != response->body.data) {
        memcpy(place.data, response->body.data, response->body.size);
    }
}

void coap_server_request(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                         const struct coap_message *message, struct coap_memory_of_id *entry) {
    struct serving serving = {.endpoint = endpoint, .peer = peer, .message = message, .entry = entry};
    char path[sizeof((struct coap_transfer *)0)->path];
    struct coap_transfer *transfer = NULL;
    if (coap_has_unknown_critical(message)) {
        refuse_option(&serving, unknown_critical(message));
        return;
    }
    if (coap_message_path(message, path, sizeof path) != ERROR_NONE) {
        refuse(&serving, COAP_NOT_FOUND);
        return;
    }
    serving.has_block1 = coap_block_read(message, COAP_OPTION_BLOCK1, &serving.block1);
    if (serving.has_block1) {
        transfer = upload(&serving, now_ms, path);
        if (transfer == NULL) {
            return;
        }
    }
    if (message->code == COAP_GET && serve_snapshot(&serving, now_ms, path)) {
        return;
    }
    struct coap_request request = {
        .peer = *peer,
        .confirmable = message->type == COAP_CONFIRMABLE,
        .code = message->code,
        .path = path,
        .message = message,
        .payload =
            transfer == NULL ? message->payload : (struct bytes){coap_transfer_body(endpoint, transfer).data, transfer->size},
        .content_format = (uint16_t)coap_message_option_uint(message, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_NONE),
    };
    struct coap_response response = {.code = COAP_NOT_FOUND, .content_format = COAP_FORMAT_NONE};
    endpoint->callbacks.serve(endpoint->callbacks.context, &request, &response);
    serving.observing = coap_observe_request(endpoint, now_ms, peer, message, &response, &serving.sequence, &serving.max_age_s);
    reply(&serving, response);
    if (message->code == COAP_GET) {
        keep_snapshot(&serving, now_ms, path, &response, COAP_PAYLOAD_SIZE_MAX);
    }
    if (transfer != NULL) {
        transfer->used = false;
    }
}

void coap_server_keep(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer, const char *path,
                      const struct coap_response *response, size_t size) {
    struct coap_message request = {.code = COAP_GET};
    struct serving serving = {.endpoint = endpoint, .peer = peer, .message = &request};
    keep_snapshot(&serving, now_ms, path, response, size);
}

void coap_server_multicast(struct coap_endpoint *endpoint, uint64_t now_ms, const struct coap_address *peer,
                           const struct coap_message *message) {
    static const char path[] = ".well-known/core"; // nothing else gets this far
    struct serving serving = {.endpoint = endpoint, .peer = peer, .message = message};
    struct coap_request request = {.peer = *peer,
                                   .multicast = true,
                                   .code = message->code,
                                   .path = path,
                                   .message = message,
                                   .content_format = COAP_FORMAT_NONE};
    struct coap_response response = {.code = COAP_NOT_FOUND, .content_format = COAP_FORMAT_NONE};
    endpoint->callbacks.serve(endpoint->callbacks.context, &request, &response);
    if (response.code == COAP_CONTENT && response.body.size > 0 && !response.deferred) {
        reply(&serving, response);
        keep_snapshot(&serving, now_ms, path, &response, COAP_PAYLOAD_SIZE_MAX);
    }
}
