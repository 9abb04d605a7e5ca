// A node's side of its membership with the orchestrator: register, then a sign of life at every interval.
//
//   NONE --POST /register--> REGISTERING --2.xx--> REGISTERED --PUT /alive 4.04--> NONE
//     ^------------- time-out, refusal ------------------+------ time-out: stays, tries again
//
// Nothing else on the node depends on it: without an orchestrator the building runs on.
#include <stdio.h>

#include "node/node_private.h"

enum { REQUEST_REGISTER = 1, REQUEST_ALIVE = 2 };

static void registration_fill(const struct node *node, struct registration *out) {
    uint64_t used = runtime_memory_used(&node->runtime);
    memset(out, 0, sizeof *out);
    memcpy(out->node, node->config->node, sizeof out->node);
    memcpy(out->kind, node->config->kind, sizeof out->kind);
    snprintf(out->engine, sizeof out->engine, "%s", node->engine->name);
    out->boot = node->boot;
    out->identity = node->identity;
    out->module_bytes_max = MODULE_SIZE_MAX;
    out->memory_total_bytes = node->config->memory_bytes;
    out->memory_free_bytes = used < node->config->memory_bytes ? node->config->memory_bytes - used : 0;
    out->task_max = node->config->task_max;
    out->plan_revision = runtime_tables(&node->runtime)->plan.revision;
    out->capability_count = node->config->capability_count;
    memcpy(out->capabilities, node->config->capabilities, sizeof out->capabilities);
    out->resource_count = node->runtime.resource_count;
    for (uint32_t i = 0; i < node->runtime.resource_count; i++) {
        out->resources[i] = *node->runtime.memory.resources[i].facts;
    }
}

static void ask(struct node *node, uint64_t user, uint8_t code, const char *path, struct bytes payload) {
    struct coap_outgoing outgoing = {
        .peer = node->orchestrator,
        .confirmable = true,
        .expect_response = true,
        .code = code,
        .path = path,
        .content_format = COAP_FORMAT_CBOR,
        .payload = payload,
        .retransmit_max = 2,
        .user = user,
    };
    if (runtime_request(&node->runtime, outgoing) != ERROR_NONE) {
        node->membership = user == REQUEST_REGISTER ? MEMBERSHIP_NONE : node->membership;
    }
}

static void register_now(struct node *node) {
    struct registration registration;
    size_t size = 0;
    registration_fill(node, &registration);
    if (registration_encode(&registration, (struct buffer){node->registration, sizeof node->registration}, &size) !=
        ERROR_NONE) {
        node_log(node, "orchestrator", "the registration does not fit %u bytes; offer fewer resources", REGISTRATION_SIZE_MAX);
        return;
    }
    node->membership = MEMBERSHIP_REGISTERING;
    ask(node, REQUEST_REGISTER, COAP_POST, "register", (struct bytes){node->registration, size});
}

static void tell_alive(struct node *node) {
    uint8_t encoded[128];
    size_t size = 0;
    uint64_t used = runtime_memory_used(&node->runtime);
    struct alive alive = {.boot = node->boot,
                          .plan_revision = runtime_tables(&node->runtime)->plan.revision,
                          .memory_free_bytes = used < node->config->memory_bytes ? node->config->memory_bytes - used : 0};
    memcpy(alive.node, node->config->node, sizeof alive.node);
    if (alive_encode(&alive, (struct buffer){encoded, sizeof encoded}, &size) == ERROR_NONE) {
        ask(node, REQUEST_ALIVE, COAP_PUT, "alive", (struct bytes){encoded, size});
    }
}

void node_member_advance(struct node *node) {
    uint64_t now_ms = node->runtime.network_ms;
    if (node->config->orchestrator[0] == '\0' || node->member_due_ms > now_ms) {
        return;
    }
    node->member_due_ms = now_ms + node->config->keepalive_ms;
    switch (node->membership) {
    case MEMBERSHIP_NONE:
        register_now(node);
        break;
    case MEMBERSHIP_REGISTERING:
        break;
    case MEMBERSHIP_REGISTERED:
        tell_alive(node);
        break;
    }
}

static void tell_once(struct node *node, const char *what) {
    if (!node->member_told) {
        node_log(node, "orchestrator", "%s; the building runs on without it, trying again", what);
        node->member_told = true;
    }
}

void node_member_completed(struct node *node, const struct coap_completion *completion) {
    bool good = completion->error == ERROR_NONE && completion->code < COAP_CODE(3, 0);
    if (good && node->member_told) {
        node_log(node, "orchestrator", "is back");
        node->member_told = false;
    }
    if (completion->user == REQUEST_REGISTER) {
        node->membership = good ? MEMBERSHIP_REGISTERED : MEMBERSHIP_NONE;
        if (good) {
            node_log(node, "orchestrator", "registered");
        } else if (completion->error == ERROR_NONE) {
            char why[200];
            snprintf(why, sizeof why, "it refused the registration: %.*s", (int)completion->body.size,
                     (const char *)completion->body.data);
            tell_once(node, why);
        } else {
            tell_once(node, "it does not answer");
        }
        return;
    }
    if (completion->error == ERROR_NONE && completion->code == COAP_NOT_FOUND) {
        node->membership = MEMBERSHIP_NONE;
        node->member_due_ms = 0;
    } else if (!good) {
        tell_once(node, "it does not answer");
    }
}
