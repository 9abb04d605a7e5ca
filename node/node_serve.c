// What a node answers over CoAP besides deliveries: plan, code, status, log, resources.
#include <stdio.h>

#include "core/sha256.h"
#include "core/wire.h"
#include "node/node_private.h"

// As many digests as one block of an answer to PUT holds.
#define MISSING_MAX 28

static void answer_text(struct node *node, struct coap_response *response, uint8_t code, uint16_t format,
                        const struct text *text) {
    response->code = text->overflow ? COAP_INTERNAL_SERVER_ERROR : code;
    response->content_format = format;
    response->body = (struct bytes){(const uint8_t *)node->answer, text->overflow ? 0 : text->size};
}

static void answer_error(struct node *node, struct coap_response *response, uint8_t code, const char *why) {
    struct text text;
    text_start(&text, node->answer, sizeof node->answer);
    text_add(&text, "%s", why);
    answer_text(node, response, code, COAP_FORMAT_NONE, &text);
}

static void answer_missing(struct node *node, struct coap_response *response, const uint8_t (*missing)[DIGEST_SIZE],
                           uint32_t count) {
    struct wire_writer writer;
    size_t size = 0;
    wire_writer_start(&writer, (struct buffer){(uint8_t *)node->answer, sizeof node->answer});
    wire_write_list(&writer, count);
    for (uint32_t i = 0; i < count; i++) {
        wire_write_bytes(&writer, (struct bytes){missing[i], DIGEST_SIZE});
    }
    wire_write_list_end(&writer, count);
    bool good = wire_writer_finish(&writer, &size) == ERROR_NONE;
    response->code = good ? COAP_PRECONDITION_FAILED : COAP_INTERNAL_SERVER_ERROR;
    response->content_format = COAP_FORMAT_CBOR;
    response->body = (struct bytes){(const uint8_t *)node->answer, good ? size : 0};
}

// 4.12 with the digests of the components that are not here; 4.00 for a plan that cannot be; 5.00 when the disk did not take
// it.
static void serve_plan(struct node *node, const struct coap_request *request, struct coap_response *response) {
    uint8_t missing[MISSING_MAX][DIGEST_SIZE];
    uint32_t missing_count = 0;
    if (request->code != COAP_PUT) {
        answer_error(node, response, COAP_METHOD_NOT_ALLOWED, "a plan is PUT");
        return;
    }
    enum error error = runtime_plan_put(&node->runtime, request->payload, missing, MISSING_MAX, &missing_count);
    if (error == ERROR_NOT_FOUND) {
        answer_missing(node, response, (const uint8_t(*)[DIGEST_SIZE])missing, missing_count);
    } else if (error == ERROR_STORAGE) {
        answer_error(node, response, COAP_INTERNAL_SERVER_ERROR,
                     "the plan could not be written to the node's disk; the one before runs on");
    } else if (error != ERROR_NONE) {
        answer_error(node, response, COAP_BAD_REQUEST, error_text(error));
    } else {
        response->code = COAP_CHANGED;
    }
}

static void serve_code(struct node *node, const struct coap_request *request, struct coap_response *response) {
    uint8_t wanted[DIGEST_SIZE];
    uint8_t found[DIGEST_SIZE];
    if (request->code != COAP_PUT) {
        answer_error(node, response, COAP_METHOD_NOT_ALLOWED, "code is PUT");
        return;
    }
    if (!digest_parse(request->path + strlen("code/"), wanted)) {
        answer_error(node, response, COAP_BAD_REQUEST, "the path must be code/ and 64 lower-case hexadecimal digits");
        return;
    }
    sha256(request->payload, found);
    if (memcmp(found, wanted, DIGEST_SIZE) != 0) {
        node_log(node, "code", "an upload did not match its digest and was refused");
        answer_error(node, response, COAP_BAD_REQUEST, "the bytes do not have this SHA-256 digest; send them again");
        return;
    }
    if (node_store_code(node, wanted, request->payload) != ERROR_NONE) {
        node_log(node, "code", "a component could not be written: check the disk");
        answer_error(node, response, COAP_INTERNAL_SERVER_ERROR, "the component could not be written to the node's disk");
        return;
    }
    response->code = COAP_CHANGED;
}

static void serve_resource(struct node *node, const struct coap_request *request, struct coap_response *response) {
    int index = runtime_resource_find(&node->runtime, request->path + strlen("r/"));
    if (index < 0) {
        answer_error(node, response, COAP_NOT_FOUND, "the node has no such resource; see /.well-known/core");
        return;
    }
    static const uint8_t null_item[1] = {0xf6};
    const struct resource *resource = &node->runtime.memory.resources[index];
    response->code = COAP_CONTENT;
    response->content_format = COAP_FORMAT_CBOR;
    response->body =
        resource->value_size > 0 ? (struct bytes){resource->value, resource->value_size} : (struct bytes){null_item, 1};
}

// RFC 6690 link format; `rt` carries the quantity.
static void serve_links(struct node *node, struct coap_response *response) {
    struct text text;
    text_start(&text, node->answer, sizeof node->answer);
    text_add(&text, "</status>;ct=50,</log>;ct=0");
    for (uint32_t i = 0; i < node->runtime.resource_count; i++) {
        const struct registration_resource *facts = &node->runtime.memory.resources[i].facts;
        text_add(&text, ",</r/%s>;ct=60", facts->name);
        if (facts->quantity[0] != '\0') {
            text_add(&text, ";rt=\"%s\"", facts->quantity);
        }
        text_add(&text, ";if=\"%s\"", facts->actuator ? "core.a" : "core.s");
    }
    answer_text(node, response, COAP_CONTENT, COAP_FORMAT_LINK, &text);
}

static void serve_get(struct node *node, const struct coap_request *request, struct coap_response *response) {
    struct text text;
    text_start(&text, node->answer, sizeof node->answer);
    if (strcmp(request->path, "status") == 0) {
        node_status_write(node, &text);
        answer_text(node, response, COAP_CONTENT, COAP_FORMAT_JSON, &text);
    } else if (strcmp(request->path, "log") == 0) {
        node_log_write(node, coap_message_query(request->message, "task"), &text);
        answer_text(node, response, COAP_CONTENT, COAP_FORMAT_TEXT, &text);
    } else if (strcmp(request->path, ".well-known/core") == 0) {
        serve_links(node, response);
    } else if (strncmp(request->path, "r/", 2) == 0) {
        serve_resource(node, request, response);
    } else {
        answer_error(node, response, COAP_NOT_FOUND, "no such path; see /.well-known/core");
    }
}

void node_serve(struct node *node, const struct coap_request *request, struct coap_response *response) {
    response->content_format = COAP_FORMAT_NONE;
    response->body = (struct bytes){NULL, 0};
    if (strcmp(request->path, "plan") == 0) {
        serve_plan(node, request, response);
    } else if (strncmp(request->path, "code/", 5) == 0) {
        serve_code(node, request, response);
    } else if (request->code == COAP_GET) {
        serve_get(node, request, response);
    } else {
        answer_error(node, response, COAP_METHOD_NOT_ALLOWED, "no such path for this method; see /.well-known/core");
    }
}
