// Bringing each node to the plan that is wanted of it: PUT /plan, and the components that it lacks. One request per node at a
// time.
//
// The endpoint's user value is the node's index; nodes are never removed, so it stays valid. A body under way is a copy,
// because a new plan may be made meanwhile. The old one is then called back: sent again to a node that was thought dead, it
// would start tasks there that run elsewhere by now.
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sha256.h"
#include "core/wire.h"
#include "orchestrator/orchestrator_private.h"

static void free_body(struct fleet_node *node) {
    free((void *)(uintptr_t)node->body.data);
    node->body = (struct bytes){NULL, 0};
}

__attribute__((format(printf, 3, 4))) static void fail(struct orchestrator *orchestrator, struct fleet_node *node,
                                                       const char *format, ...) {
    char before[sizeof node->trouble];
    memcpy(before, node->trouble, sizeof before);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(node->trouble, sizeof node->trouble, format, arguments);
    va_end(arguments);
    uint64_t wait_ms = (uint64_t)RETRY_FIRST_MS << (node->failures < 5 ? node->failures : 5);
    node->failures++;
    node->sending = SENDING_WAIT;
    node->rounds = 0;
    node->retry_ms = orchestrator->moment.now_ms + (wait_ms < RETRY_LAST_MS ? wait_ms : RETRY_LAST_MS);
    if (strcmp(before, node->trouble) != 0) {
        orchestrator_log(orchestrator, "node %s: %s", node->registration.node, node->trouble);
    }
}

static void request(struct orchestrator *orchestrator, uint32_t index, const char *path, uint16_t format,
                    struct bytes payload) {
    struct fleet_node *node = orchestrator->nodes[index];
    struct coap_outgoing outgoing = {
        .peer = node->address,
        .confirmable = true,
        .expect_response = true,
        .code = COAP_PUT,
        .path = path,
        .content_format = format,
        .payload = payload,
        .retransmit_max = UINT32_MAX,
        .user = index,
    };
    enum error error = coap_endpoint_request(&orchestrator->endpoint, orchestrator->moment.now_ms, &outgoing);
    if (error != ERROR_NONE) {
        node->sending = SENDING_WAIT;
        node->retry_ms = orchestrator->moment.now_ms + 200; // every exchange is in use: soon one is free
    }
}

static void send_plan(struct orchestrator *orchestrator, uint32_t index) {
    struct fleet_node *node = orchestrator->nodes[index];
    free_body(node);
    uint8_t *copy = malloc(node->slice.size);
    if (copy == NULL) {
        fail(orchestrator, node, "no memory to send the plan");
        return;
    }
    memcpy(copy, node->slice.data, node->slice.size);
    node->body = (struct bytes){copy, node->slice.size};
    node->body_revision = node->wanted_revision;
    node->sending = SENDING_PLAN;
    request(orchestrator, index, "plan", COAP_FORMAT_CBOR, node->body);
}

static void send_code(struct orchestrator *orchestrator, uint32_t index) {
    struct fleet_node *node = orchestrator->nodes[index];
    const uint8_t *digest = node->missing[node->missing_next];
    const struct component *component = component_store_by_digest(&orchestrator->components, digest);
    char path[80] = "code/";
    digest_text(digest, path + strlen("code/"));
    if (component == NULL) {
        fail(orchestrator, node, "asks for the component %.12s..., which is not here; apply the policy again", path + 5);
        return;
    }
    orchestrator_log(orchestrator, "loading %s (%zu bytes) onto node %s", component->manifest.name, component->wasm.size,
                     node->registration.node);
    node->sending = SENDING_CODE;
    request(orchestrator, index, path, COAP_FORMAT_OCTETS, component->wasm);
}

static bool read_missing(struct fleet_node *node, struct bytes body) {
    struct wire_reader reader;
    wire_reader_start(&reader, body);
    node->missing_count = node->missing_next = 0;
    wire_read_list(&reader);
    while (wire_more(&reader) && node->missing_count < MISSING_MAX) {
        struct bytes digest = wire_read_bytes(&reader, DIGEST_SIZE, DIGEST_SIZE);
        if (digest.size == DIGEST_SIZE) {
            memcpy(node->missing[node->missing_count++], digest.data, DIGEST_SIZE);
        }
    }
    wire_read_list_end(&reader);
    return wire_reader_finish(&reader) == ERROR_NONE && node->missing_count > 0;
}

static void close_moves(struct orchestrator *orchestrator, const struct fleet_node *node) {
    for (uint32_t i = 0; i < orchestrator->move_count; i++) {
        struct move *move = &orchestrator->moves[i];
        if (move->gap_ms >= 0 || strcmp(move->to, node->registration.node) != 0 || node->held_revision < move->revision) {
            continue;
        }
        move->gap_ms = (int64_t)(orchestrator->moment.unix_ms - move->seen_unix_ms);
        move->gap_ms = move->gap_ms < 0 ? 0 : move->gap_ms;
        orchestrator_log(orchestrator, "task %s runs on %s, %" PRId64 " ms after the last sign of life of %s", move->task,
                         move->to, move->gap_ms, move->from);
        if (store_move(orchestrator, move) != ERROR_NONE) {
            orchestrator_log(orchestrator, "%s", store_refusal(orchestrator->store));
        }
    }
}

void send_forget(struct orchestrator *orchestrator, uint32_t index) {
    struct fleet_node *node = orchestrator->nodes[index];
    coap_endpoint_cancel(&orchestrator->endpoint, index);
    free_body(node);
    free((void *)(uintptr_t)node->slice.data);
    node->slice = (struct bytes){NULL, 0};
    node->sending = SENDING_IDLE;
    node->failures = node->rounds = 0;
    node->trouble[0] = '\0';
}

void send_replaced(struct orchestrator *orchestrator, uint32_t index) {
    struct fleet_node *node = orchestrator->nodes[index];
    if (node->sending == SENDING_PLAN) {
        coap_endpoint_cancel(&orchestrator->endpoint, index);
        free_body(node);
        node->sending = SENDING_IDLE;
    }
    node->retry_ms = 0;
}

void send_held(struct orchestrator *orchestrator, struct fleet_node *node, uint64_t revision) {
    node->held_revision = revision;
    close_moves(orchestrator, node);
    if (revision > node->wanted_revision && orchestrator->policy != NULL) {
        orchestrator_mark(orchestrator, "a node holds a newer plan");
    }
}

static void acknowledged(struct orchestrator *orchestrator, struct fleet_node *node) {
    node->sending = SENDING_IDLE;
    node->failures = node->rounds = 0;
    node->trouble[0] = '\0';
    node->held_since_ms = orchestrator->moment.now_ms;
    orchestrator_log(orchestrator, "node %s holds plan %" PRIu64, node->registration.node, node->body_revision);
    send_held(orchestrator, node, node->body_revision);
    free_body(node);
}

void send_completed(struct orchestrator *orchestrator, const struct coap_completion *completion) {
    uint32_t index = (uint32_t)completion->user;
    struct fleet_node *node = orchestrator->nodes[index];
    bool good = completion->error == ERROR_NONE && completion->code >= COAP_CODE(2, 0) && completion->code < COAP_CODE(3, 0);
    bool plan = node->sending == SENDING_PLAN;
    if (node->sending != SENDING_PLAN && node->sending != SENDING_CODE) {
        return;
    }
    if (completion->error != ERROR_NONE) {
        fail(orchestrator, node, "the %s was not taken: %s", plan ? "plan" : "component", error_text(completion->error));
    } else if (good && plan) {
        acknowledged(orchestrator, node);
    } else if (good && ++node->missing_next < node->missing_count) {
        send_code(orchestrator, index);
    } else if (good) {
        send_plan(orchestrator, index);
    } else if (plan && completion->code == COAP_PRECONDITION_FAILED && read_missing(node, completion->body) &&
               ++node->rounds <= SEND_ROUNDS_MAX) {
        send_code(orchestrator, index);
    } else {
        fail(orchestrator, node, "the %s was refused with %u.%02u: %.*s", plan ? "plan" : "component", completion->code >> 5,
             completion->code & 31, (int)(completion->body.size < 100 ? completion->body.size : 100),
             (const char *)completion->body.data);
    }
}

// A plan that is about to be made anew is not sent any more. After a failed write the old ones are: the disk may stay full for
// long.
static bool is_settling(const struct orchestrator *orchestrator) {
    return orchestrator->dirty && !orchestrator->store_failed;
}

// A node is only written to when it showed itself since this process started: what the store remembers may be long gone.
static bool is_due(const struct orchestrator *orchestrator, const struct fleet_node *node) {
    bool idle =
        node->sending == SENDING_IDLE || (node->sending == SENDING_WAIT && orchestrator->moment.now_ms >= node->retry_ms);
    return idle && node->alive && node->confirmed && node->slice.size > 0 && node->held_revision != node->wanted_revision;
}

void send_advance(struct orchestrator *orchestrator) {
    for (uint32_t i = 0; i < orchestrator->node_count && !is_settling(orchestrator); i++) {
        if (is_due(orchestrator, orchestrator->nodes[i])) {
            send_plan(orchestrator, i);
        }
    }
}

uint64_t send_deadline(const struct orchestrator *orchestrator) {
    uint64_t deadline = UINT64_MAX;
    for (uint32_t i = 0; i < orchestrator->node_count && !is_settling(orchestrator); i++) {
        const struct fleet_node *node = orchestrator->nodes[i];
        bool wanted = node->alive && node->confirmed && node->slice.size > 0 && node->held_revision != node->wanted_revision;
        if (wanted && node->sending == SENDING_WAIT && node->retry_ms < deadline) {
            deadline = node->retry_ms;
        } else if (wanted && node->sending == SENDING_IDLE) {
            deadline = orchestrator->moment.now_ms;
        }
    }
    return deadline;
}
