// What a node answers over CoAP besides deliveries and the reading of resources and ports: plan, code, status, channels, log, a
// person's override of an actuator, the list of it all.
#include <stdio.h>

#include "core/rest.h"
#include "core/sha256.h"
#include "core/wire.h"
#include "node/node_private.h"
#include "node/override.h"

// When a client may ask again that found every place for a long answer taken: a body is fetched within a second or two.
#define TRY_AGAIN_S 3

static void answer_text(struct coap_response *response, uint8_t code, uint16_t format, const struct text *text) {
    response->code = text->overflow ? COAP_INTERNAL_SERVER_ERROR : code;
    response->content_format = text->overflow ? COAP_FORMAT_NONE : format;
    response->body = (struct bytes){(const uint8_t *)text->data, text->overflow ? 0 : text->size};
}

static void answer_error(struct node *node, struct coap_response *response, uint8_t code, const char *why) {
    struct text text;
    text_start(&text, (char *)node->runtime.rest_body, sizeof node->runtime.rest_body);
    text_add(&text, "%s", why);
    answer_text(response, code, COAP_FORMAT_NONE, &text);
}

// False, with 4.15, when the body came in another content format than the one that can be read here. None at all is taken on
// trust, for what it holds is checked.
static bool takes(struct node *node, const struct coap_request *request, uint16_t format, struct coap_response *response) {
    if (request->content_format == format || request->content_format == COAP_FORMAT_NONE) {
        return true;
    }
    char why[64];
    snprintf(why, sizeof why, "Content-Format: send %u, or none", format);
    answer_error(node, response, COAP_UNSUPPORTED_CONTENT_FORMAT, why);
    return false;
}

// False, with 4.06, when the client asks for another content format than the one that there is.
static bool gives(struct node *node, const struct coap_request *request, uint16_t format, struct coap_response *response) {
    if (coap_message_option_uint(request->message, COAP_OPTION_ACCEPT, format) == format) {
        return true;
    }
    char why[64];
    snprintf(why, sizeof why, "Accept: only %u is offered here", format);
    answer_error(node, response, COAP_NOT_ACCEPTABLE, why);
    return false;
}

static void answer_missing(struct node *node, struct coap_response *response, const uint8_t (*missing)[DIGEST_SIZE],
                           uint32_t count) {
    struct wire_writer writer;
    size_t size = 0;
    wire_writer_start(&writer, (struct buffer){node->runtime.rest_body, sizeof node->runtime.rest_body});
    wire_write_list(&writer, count);
    for (uint32_t i = 0; i < count; i++) {
        wire_write_bytes(&writer, (struct bytes){missing[i], DIGEST_SIZE});
    }
    wire_write_list_end(&writer, count);
    bool good = wire_writer_finish(&writer, &size) == ERROR_NONE;
    response->code = good ? COAP_PRECONDITION_FAILED : COAP_INTERNAL_SERVER_ERROR;
    response->content_format = COAP_FORMAT_CBOR;
    response->body = (struct bytes){node->runtime.rest_body, good ? size : 0};
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
    if (!takes(node, request, COAP_FORMAT_CBOR, response)) {
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
    if (!takes(node, request, COAP_FORMAT_OCTETS, response)) {
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

// --- overrides -----------------------------------------------------------------------------------------------------------

// Whose commands the plan puts at this priority, in `out`; false when it is nobody's. One writer per actuator and priority.
static bool find_writer(const struct node *node, uint32_t resource, uint32_t priority, char out[2 * NAME_SIZE_MAX]) {
    const struct runtime_tables *tables = runtime_tables(&node->runtime);
    for (uint32_t i = 0; i < tables->plan.link_count; i++) {
        const struct plan_link *link = &tables->plan.links[i];
        if (link->delivery != DELIVERY_COMMAND || link->destination.kind != END_RESOURCE || link->priority != priority ||
            tables->resource_of_plan[link->destination.index] != resource) {
            continue;
        }
        switch (link->source.kind) {
        case END_TASK:
            snprintf(out, 2 * NAME_SIZE_MAX, "%s", tables->plan.tasks[link->source.index].name);
            break;
        case END_RESOURCE:
            snprintf(out, 2 * NAME_SIZE_MAX, "%s", tables->plan.resources[link->source.index].name);
            break;
        case END_REMOTE:
            snprintf(out, 2 * NAME_SIZE_MAX, "a task on the node %s", tables->plan.peers[link->source.index].name);
            break;
        }
        return true;
    }
    return false;
}

static void log_override(struct node *node, const struct coap_request *request, const char *resource,
                         const struct override *override) {
    char address[64];
    char value[128];
    struct text text;
    port_address_text(&request->peer, address);
    if (override->size == 0) {
        node_log(node, resource, "override with priority %u released by %s", override->priority, address);
        return;
    }
    text_start(&text, value, sizeof value);
    text_add_item(&text, (struct bytes){override->item, override->size});
    node_log(node, resource, "override: %s with priority %u for %llu s by %s", value, override->priority,
             (unsigned long long)(override->lifetime_ms / 1000), address);
}

static void answer_override(struct node *node, struct coap_response *response, uint8_t code, uint32_t index, uint32_t priority,
                            bool durable) {
    const struct resource *resource = &node->runtime.memory.resources[index];
    struct text text;
    text_start(&text, (char *)node->runtime.rest_body, sizeof node->runtime.rest_body);
    text_add(&text, "{\"resource\":");
    text_add_json(&text, resource->facts->name);
    text_add(&text, ",\"unit\":");
    text_add_json(&text, resource->facts->unit);
    text_add(&text, ",\"priority\":%u,\"held\":%s,\"durable\":%s,\"obeyed\":{\"value\":", priority,
             actuator_find(&resource->actuator, priority) != NULL ? "true" : "false", durable ? "true" : "false");
    text_add_item(&text, (struct bytes){resource->value, resource->value_size});
    text_add(&text, ",\"priority\":%u,\"source\":\"%s\"}}", resource->priority, node_status_source(resource));
    answer_text(response, code, COAP_FORMAT_JSON, &text);
}

static void serve_override(struct node *node, const struct coap_request *request, struct coap_response *response) {
    struct override override;
    char why[OVERRIDE_WHY_SIZE];
    char writer[2 * NAME_SIZE_MAX];
    int index = runtime_resource_find(&node->runtime, request->path + strlen("r/"));
    if (index < 0) {
        answer_error(node, response, COAP_NOT_FOUND, "the node has no such resource; see /.well-known/core");
        return;
    }
    const struct registration_resource *facts = node->runtime.memory.resources[index].facts;
    uint8_t code = override_read(request, facts, &override, why);
    if (code == 0 && find_writer(node, (uint32_t)index, override.priority, writer)) {
        code = COAP_FORBIDDEN;
        snprintf(why, sizeof why, "priority %u of %s belongs to %s; use another one", override.priority, facts->name, writer);
    }
    if (code != 0) {
        answer_error(node, response, code, why);
        return;
    }
    enum error error = runtime_override(&node->runtime, (uint32_t)index, override.priority,
                                        (struct bytes){override.item, override.size}, override.lifetime_ms);
    if (error != ERROR_NONE) {
        answer_error(node, response, COAP_BAD_REQUEST, error_text(error));
        return;
    }
    log_override(node, request, facts->name, &override);
    bool durable = node_journal_now(node); // acknowledged means that it survives
    answer_override(node, response, request->code == COAP_PUT ? COAP_CHANGED : COAP_DELETED, (uint32_t)index, override.priority,
                    durable);
}

// --- long answers --------------------------------------------------------------------------------------------------------

// RFC 6690 link format, with its filter.
static void write_links(const struct node *node, const struct coap_request *request, struct text *out) {
    static const struct link_entry own[] = {
        {.path = "/status", .rt = "", .interface = "", .unit = "", .formats = "50"},
        {.path = "/channels", .rt = "", .interface = "", .unit = "", .formats = "50"},
        {.path = "/log", .rt = "", .interface = "", .unit = "", .formats = "0"},
    };
    struct link_list list = {.pen = pen_start((struct buffer){(uint8_t *)out->data, out->capacity}),
                             .filter = request->message};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        link_list_add(&list, &own[i]);
    }
    rest_links(&node->runtime, &list);
    out->size = list.pen.size;
    out->overflow = list.pen.overflow;
}

static void write_status(const struct node *node, const struct coap_request *request, struct text *out) {
    (void)request;
    node_status_write(node, out);
}

static void write_channels(const struct node *node, const struct coap_request *request, struct text *out) {
    node_channels_write(node, coap_message_query(request->message, "after"), out);
}

static void write_log(const struct node *node, const struct coap_request *request, struct text *out) {
    node_log_write(node, coap_message_query(request->message, "task"), out);
}

static const struct page {
    const char *path;
    uint16_t format;
    void (*write)(const struct node *node, const struct coap_request *request, struct text *out);
} pages[] = {
    {"status", COAP_FORMAT_JSON, write_status},
    {"channels", COAP_FORMAT_JSON, write_channels},
    {"log", COAP_FORMAT_TEXT, write_log},
    {".well-known/core", COAP_FORMAT_LINK, write_links},
};

static void serve_page(struct node *node, const struct coap_request *request, const struct page *page,
                       struct coap_response *response) {
    struct text text;
    if (!gives(node, request, page->format, response)) {
        return;
    }
    struct buffer body = coap_endpoint_body(&node->runtime.coap, node->runtime.network_ms, request);
    if (body.size == 0) {
        answer_error(node, response, COAP_SERVICE_UNAVAILABLE, "others fetch long answers: try again later");
        response->max_age_s = TRY_AGAIN_S;
        return;
    }
    text_start(&text, (char *)body.data, body.size);
    page->write(node, request, &text);
    answer_text(response, COAP_CONTENT, page->format, &text);
}

static void serve_get(struct node *node, const struct coap_request *request, struct coap_response *response) {
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(request->path, pages[i].path) == 0) {
            serve_page(node, request, &pages[i], response);
            return;
        }
    }
    answer_error(node, response, COAP_NOT_FOUND, "no such path; see /.well-known/core");
}

void node_serve(struct node *node, const struct coap_request *request, struct coap_response *response) {
    response->content_format = COAP_FORMAT_NONE;
    response->body = (struct bytes){NULL, 0};
    if (strcmp(request->path, "plan") == 0) {
        serve_plan(node, request, response);
    } else if (strncmp(request->path, "code/", 5) == 0) {
        serve_code(node, request, response);
    } else if (strncmp(request->path, "r/", 2) == 0 && (request->code == COAP_PUT || request->code == COAP_DELETE)) {
        serve_override(node, request, response);
    } else if (request->code == COAP_GET) {
        serve_get(node, request, response);
    } else {
        answer_error(node, response, COAP_METHOD_NOT_ALLOWED, "no such path for this method; see /.well-known/core");
    }
}
