// What the orchestrator answers over CoAP. Every refusal says what was wrong.
//
// Long answers are sent in blocks, and each block may be asked for by a call of its own: the answer of the first block is kept
// for the peer, so that what is put together at the far end is one moment's truth.
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sha256.h"
#include "core/wire.h"
#include "orchestrator/orchestrator_private.h"
#include "port/port.h"

// An alive message that was under way while a plan was taken still names the plan before.
#define HELD_SETTLE_MS 2000

__attribute__((format(printf, 4, 5))) static void answer(struct orchestrator *orchestrator, struct coap_response *response,
                                                         uint8_t code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(orchestrator->text, sizeof orchestrator->text, format, arguments);
    va_end(arguments);
    response->code = code;
    response->content_format = COAP_FORMAT_TEXT;
    response->body = bytes_of_text(orchestrator->text);
}

static void note_sign_of_life(struct orchestrator *orchestrator, struct fleet_node *node) {
    if (!node->alive) {
        char why[REASON_SIZE];
        orchestrator_log(orchestrator, "node %s is back after %" PRIu64 " ms", node->registration.node,
                         orchestrator->moment.unix_ms - node->seen_unix_ms);
        snprintf(why, sizeof why, "%s came back", node->registration.node);
        orchestrator_mark(orchestrator, why);
    } else if (!node->confirmed) {
        orchestrator_mark(orchestrator, "orchestrator started");
    }
    bool changed = !node->alive;
    node->alive = true;
    node->confirmed = true;
    node->seen_ms = orchestrator->moment.now_ms;
    node->seen_unix_ms = orchestrator->moment.unix_ms;
    if (changed && store_seen(orchestrator) != ERROR_NONE) {
        orchestrator_log(orchestrator, "%s", store_refusal(orchestrator->store));
    }
}

// True when two registrations differ in what a plan rests on.
static bool offers_differ(const struct registration *a, const struct registration *b) {
    struct registration left = *a;
    struct registration right = *b;
    left.boot = right.boot = 0;
    left.memory_free_bytes = right.memory_free_bytes = 0;
    left.plan_revision = right.plan_revision = 0;
    static uint8_t encoded[2][32768];
    size_t sizes[2] = {0, 0};
    enum error error = registration_encode(&left, (struct buffer){encoded[0], sizeof encoded[0]}, &sizes[0]);
    error =
        error == ERROR_NONE ? registration_encode(&right, (struct buffer){encoded[1], sizeof encoded[1]}, &sizes[1]) : error;
    return error != ERROR_NONE || sizes[0] != sizes[1] || memcmp(encoded[0], encoded[1], sizes[0]) != 0;
}

// Names go into keys of the store, logs and JSON: visible ASCII only.
static bool name_is_visible(const char *name) {
    for (const char *at = name; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~') {
            return false;
        }
    }
    return name[0] != '\0';
}

static bool names_are_visible(const struct registration *registration) {
    bool good = name_is_visible(registration->node);
    for (uint32_t i = 0; i < registration->capability_count; i++) {
        good = good && name_is_visible(registration->capabilities[i]);
    }
    for (uint32_t i = 0; i < registration->resource_count; i++) {
        good = good && name_is_visible(registration->resources[i].name);
    }
    return good;
}

// Whether another device than the node that lives under this name asks for it. A node that starts again, be it at another
// address, has counted its starts up; a copied configuration has its own count, and the later of the two gets the name.
static bool is_double(const struct orchestrator *orchestrator, const struct fleet_node *node,
                      const struct registration *registration, const struct coap_address *address) {
    return node->alive && node->confirmed && memcmp(&node->address, address, sizeof *address) != 0 &&
           registration->boot <= node->registration.boot &&
           orchestrator->moment.now_ms < node->seen_ms + orchestrator->options.dead_after_ms;
}

static void refuse_double(struct orchestrator *orchestrator, struct fleet_node *node, const struct coap_address *address,
                          struct coap_response *response) {
    char here[64];
    char there[64];
    port_address_text(&node->address, here);
    port_address_text(address, there);
    if (!node->doubled || memcmp(&node->doubled_by, address, sizeof *address) != 0) {
        orchestrator_log(orchestrator, "node %s is at %s, and another at %s asks for its name: rename one of the two",
                         node->registration.node, here, there);
    }
    node->doubled = true;
    node->doubled_ms = orchestrator->moment.now_ms;
    node->doubled_by = *address;
    answer(orchestrator, response, COAP_CONFLICT, "a node '%s' lives at %s: rename one of the two", node->registration.node,
           here);
}

// A known node registers again. True when plans may rest on what is different.
static bool adopt_registration(struct orchestrator *orchestrator, uint32_t index, const struct registration *registration,
                               const struct coap_address *address) {
    struct fleet_node *node = orchestrator->nodes[index];
    bool moved = memcmp(&node->address, address, sizeof node->address) != 0;
    bool changed = moved || offers_differ(&node->registration, registration);
    if (node->registration.boot != registration->boot) {
        orchestrator_log(orchestrator, "node %s has started again (start %" PRIu64 ")", registration->node, registration->boot);
    }
    if (node->registration.identity != registration->identity) {
        orchestrator_log(orchestrator, "node %s: another device took the role, or it lost its storage", registration->node);
        send_forget(orchestrator, index);
    }
    node->registration = *registration;
    node->address = *address;
    return changed;
}

static void serve_register(struct orchestrator *orchestrator, const struct coap_request *request,
                           struct coap_response *response) {
    static struct registration registration;
    uint32_t index = PLACEMENT_NONE;
    enum error error = registration_decode(request->payload, &registration);
    if (error != ERROR_NONE) {
        answer(orchestrator, response, COAP_BAD_REQUEST, "the registration cannot be read: %s", error_text(error));
        return;
    }
    if (!names_are_visible(&registration)) {
        answer(orchestrator, response, COAP_BAD_REQUEST,
               "a name is empty or has letters outside visible ASCII; rename it in the node's configuration");
        return;
    }
    struct fleet_node *node = fleet_find(orchestrator, registration.node, &index);
    bool known = node != NULL;
    bool replaced = false;
    bool changed = true;
    if (!known) {
        error = fleet_add(orchestrator, &registration, &request->peer, &node);
        if (error != ERROR_NONE) {
            answer(orchestrator, response, COAP_SERVICE_UNAVAILABLE, "the node cannot be added: %s", error_text(error));
            return;
        }
        orchestrator_log(orchestrator, "node %s registered: %u resources, %" PRIu64 " bytes for components", registration.node,
                         registration.resource_count, registration.memory_total_bytes);
        node->seen_unix_ms = orchestrator->moment.unix_ms;
        node->alive = true;
    } else if (is_double(orchestrator, node, &registration, &request->peer)) {
        refuse_double(orchestrator, node, &request->peer, response);
        return;
    } else {
        replaced = node->registration.identity != registration.identity;
        changed = adopt_registration(orchestrator, index, &registration, &request->peer);
    }
    if (changed) {
        node->unstored = store_node(orchestrator, node) != ERROR_NONE;
        if (node->unstored) {
            orchestrator_log(orchestrator, "%s", store_refusal(orchestrator->store));
        }
        orchestrator_mark(orchestrator, replaced ? "another device took the role"
                                        : known  ? "a node changed"
                                                 : "a node was added");
    }
    note_sign_of_life(orchestrator, node);
    send_held(orchestrator, node, registration.plan_revision);
    response->code = known ? COAP_CHANGED : COAP_CREATED;
}

static void serve_alive(struct orchestrator *orchestrator, const struct coap_request *request, struct coap_response *response) {
    struct alive alive;
    uint32_t index = PLACEMENT_NONE;
    enum error error = alive_decode(request->payload, &alive);
    if (error != ERROR_NONE) {
        answer(orchestrator, response, COAP_BAD_REQUEST, "the sign of life cannot be read: %s", error_text(error));
        return;
    }
    struct fleet_node *node = fleet_find(orchestrator, alive.node, &index);
    bool same = node != NULL && node->registration.boot == alive.boot &&
                memcmp(&node->address, &request->peer, sizeof node->address) == 0;
    if (!same) {
        answer(orchestrator, response, COAP_NOT_FOUND, "register first");
        return;
    }
    node->registration.memory_free_bytes = alive.memory_free_bytes;
    note_sign_of_life(orchestrator, node);
    bool settled = orchestrator->moment.now_ms >= node->held_since_ms + HELD_SETTLE_MS;
    if (alive.plan_revision != node->held_revision && settled) {
        send_held(orchestrator, node, alive.plan_revision);
    }
    response->code = COAP_CHANGED;
}

static void serve_code(struct orchestrator *orchestrator, const struct coap_request *request, struct coap_response *response) {
    uint8_t wanted[DIGEST_SIZE];
    uint8_t found[DIGEST_SIZE];
    char refusal[160] = "";
    char key[8 + 2 * DIGEST_SIZE];
    const struct component *component = NULL;
    if (!digest_parse(request->path + strlen("code/"), wanted)) {
        answer(orchestrator, response, COAP_BAD_REQUEST, "the path must be code/ and 64 hexadecimal digits");
        return;
    }
    sha256(request->payload, found);
    if (memcmp(found, wanted, DIGEST_SIZE) != 0) {
        answer(orchestrator, response, COAP_BAD_REQUEST, "the bytes do not have this SHA-256 digest; send them again");
        return;
    }
    bool known = component_store_by_digest(&orchestrator->components, wanted) != NULL;
    enum error error = component_store_add(&orchestrator->components, request->payload, &component, refusal);
    if (error != ERROR_NONE) {
        answer(orchestrator, response, COAP_BAD_REQUEST, "this is no component: %s", refusal);
        return;
    }
    // Written also when it is known: of two builds with one version the policy means the one that came last.
    snprintf(key, sizeof key, "code/%s", request->path + strlen("code/"));
    if (store_put(orchestrator->store, key, request->payload, STORE_ANY, NULL) != ERROR_NONE) {
        answer(orchestrator, response, COAP_INTERNAL_SERVER_ERROR, "%s", store_refusal(orchestrator->store));
        return;
    }
    if (!known) {
        orchestrator_log(orchestrator, "component %s %s came in (%zu bytes)", component->manifest.name,
                         component->manifest.version, request->payload.size);
    }
    response->code = known ? COAP_CHANGED : COAP_CREATED;
}

// --- policy --------------------------------------------------------------------------------------------------------------

static enum error check(struct orchestrator *orchestrator, const struct policy *policy, struct problems *problems,
                        struct binding *binding, struct placement_node **nodes) {
    *nodes = calloc(orchestrator->node_count + 1, sizeof **nodes);
    if (*nodes == NULL) {
        return ERROR_MEMORY;
    }
    for (uint32_t i = 0; i < orchestrator->node_count; i++) {
        (*nodes)[i] = fleet_placement(orchestrator->nodes[i]);
    }
    enum error error =
        binding_make(policy, &orchestrator->components, NULL, NULL, *nodes, orchestrator->node_count, true, problems, binding);
    if (error == ERROR_NONE && problems->errors == 0) {
        binding_check_placement(binding, problems);
    }
    return error;
}

// The components that the policy means, by reference, so that a later upload changes nothing until the policy is applied again.
static enum error make_pins(const struct binding *binding, struct pin **pins, uint32_t *count) {
    const struct policy *policy = binding->policy;
    struct names seen = {0};
    enum error error = ERROR_NONE;
    *count = 0;
    *pins = calloc(policy->task_count + 1, sizeof **pins);
    if (*pins == NULL) {
        return ERROR_MEMORY;
    }
    for (uint32_t i = 0; i < policy->task_count && error == ERROR_NONE; i++) {
        const char *reference = policy->tasks[i].component.text;
        if (names_find(&seen, reference) == NAMES_NONE) {
            struct pin *pin = &(*pins)[(*count)++];
            snprintf(pin->reference, sizeof pin->reference, "%s", reference);
            memcpy(pin->digest, binding->components[i]->digest, DIGEST_SIZE);
            error = names_add(&seen, reference, i) ? ERROR_NONE : ERROR_MEMORY;
        }
    }
    names_free(&seen);
    return error;
}

static enum error adopt_policy(struct orchestrator *orchestrator, struct bytes text, struct policy *policy, struct pin *pins,
                               uint32_t count) {
    uint8_t *copy = malloc(text.size + 1);
    if (copy == NULL) {
        return ERROR_MEMORY;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    enum error error = store_policy(orchestrator, text, pins, count);
    if (error != ERROR_NONE) {
        free(copy);
        return error;
    }
    policy_free(orchestrator->policy);
    free((void *)(uintptr_t)orchestrator->policy_text.data);
    free(orchestrator->pins);
    free(orchestrator->states);
    free(orchestrator->links_planned);
    orchestrator->policy = policy;
    orchestrator->policy_text = (struct bytes){copy, text.size};
    orchestrator->pins = pins;
    orchestrator->pin_count = count;
    orchestrator->states = NULL;
    orchestrator->links_planned = NULL;
    return ERROR_NONE;
}

static void accept_policy(struct orchestrator *orchestrator, const struct coap_request *request, struct coap_response *response,
                          struct policy *policy, const struct binding *binding) {
    struct pin *pins = NULL;
    uint32_t count = 0;
    enum error error = make_pins(binding, &pins, &count);
    error = error == ERROR_NONE ? adopt_policy(orchestrator, request->payload, policy, pins, count) : error;
    if (error != ERROR_NONE) {
        free(pins);
        policy_free(policy);
        answer(orchestrator, response, COAP_INTERNAL_SERVER_ERROR, "%s",
               error == ERROR_STORAGE ? store_refusal(orchestrator->store) : error_text(error));
        return;
    }
    orchestrator_log(orchestrator, "policy %s accepted: %u tasks, %u links", policy->name, policy->task_count,
                     policy->link_count);
    error = orchestrator_reconcile(orchestrator, "new policy");
    if (error != ERROR_NONE) {
        orchestrator_mark(orchestrator, "new policy");
        orchestrator->store_failed = true;
        answer(orchestrator, response, COAP_INTERNAL_SERVER_ERROR, "the policy was kept, but no plan made: %s",
               error == ERROR_STORAGE ? store_refusal(orchestrator->store) : error_text(error));
        return;
    }
    response->code = COAP_CHANGED;
}

static void serve_policy(struct orchestrator *orchestrator, const struct coap_request *request,
                         struct coap_response *response) {
    char name[128] = "policy";
    struct bytes query = coap_message_query(request->message, "name");
    struct problems *problems = calloc(1, sizeof *problems);
    struct placement_node *nodes = NULL;
    struct binding binding = {0};
    if (problems == NULL) {
        answer(orchestrator, response, COAP_INTERNAL_SERVER_ERROR, "no memory to check the policy");
        return;
    }
    if (query.data != NULL && query.size > 0 && query.size < sizeof name) {
        memcpy(name, query.data, query.size);
        name[query.size] = '\0';
    }
    struct policy *policy = policy_parse(request->payload, problems);
    enum error error = policy != NULL ? check(orchestrator, policy, problems, &binding, &nodes) : ERROR_NONE;
    if (error != ERROR_NONE) {
        policy_free(policy);
        answer(orchestrator, response, COAP_INTERNAL_SERVER_ERROR, "the policy could not be checked: %s", error_text(error));
    } else if (policy == NULL || problems->errors > 0) {
        problems_sort(problems);
        problems_text(problems, name, orchestrator->text, sizeof orchestrator->text);
        response->code = COAP_BAD_REQUEST;
        response->content_format = COAP_FORMAT_TEXT;
        response->body = bytes_of_text(orchestrator->text);
        binding_free(&binding);
        policy_free(policy);
    } else {
        accept_policy(orchestrator, request, response, policy, &binding);
        binding_free(&binding);
    }
    free(nodes);
    free(problems);
}

// --- answers that may be long --------------------------------------------------------------------------------------------

// GET /nodes: what `tenon check` needs to know of the building.
static bool nodes_body(struct orchestrator *orchestrator, struct bytes *out) {
    size_t room = 64 + (size_t)orchestrator->node_count * 33000;
    static uint8_t encoded[32768];
    uint8_t *memory = malloc(room);
    struct wire_writer writer;
    size_t size = 0;
    if (memory == NULL) {
        return false;
    }
    wire_writer_start(&writer, (struct buffer){memory, room});
    wire_write_list(&writer, orchestrator->node_count);
    for (uint32_t i = 0; i < orchestrator->node_count; i++) {
        const struct fleet_node *node = orchestrator->nodes[i];
        if (registration_encode(&node->registration, (struct buffer){encoded, sizeof encoded}, &size) != ERROR_NONE) {
            size = 0;
        }
        wire_write_list(&writer, 3);
        wire_write_bytes(&writer, (struct bytes){node->address.octets, COAP_ADDRESS_SIZE});
        wire_write_bool(&writer, node->alive);
        wire_write_bytes(&writer, (struct bytes){encoded, size});
        wire_write_list_end(&writer, 3);
    }
    wire_write_list_end(&writer, orchestrator->node_count);
    if (wire_writer_finish(&writer, &size) != ERROR_NONE) {
        free(memory);
        return false;
    }
    *out = (struct bytes){memory, size};
    return true;
}

static bool make_body(struct orchestrator *orchestrator, const char *path, struct bytes *out) {
    bool status = strcmp(path, "status") == 0;
    if (status || strcmp(path, "channels") == 0) {
        char *text = status ? status_text(orchestrator) : channels_text(orchestrator);
        *out = text != NULL ? bytes_of_text(text) : (struct bytes){NULL, 0};
        return text != NULL;
    }
    if (strcmp(path, "nodes") == 0) {
        return nodes_body(orchestrator, out);
    }
    struct bytes text = strcmp(path, "policy") == 0
                            ? orchestrator->policy_text
                            : bytes_of_text("</status>;ct=50,</channels>;ct=50,</policy>,</nodes>;ct=60,</register>,</alive>");
    uint8_t *copy = malloc(text.size + 1);
    if (copy != NULL && text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    *out = (struct bytes){copy, text.size};
    return copy != NULL;
}

static struct answer *kept_answer(struct orchestrator *orchestrator, const struct coap_request *request) {
    for (uint32_t i = 0; i < ANSWERS_KEPT; i++) {
        struct answer *kept = &orchestrator->answers[i];
        if (kept->used && strcmp(kept->path, request->path) == 0 &&
            memcmp(&kept->peer, &request->peer, sizeof kept->peer) == 0) {
            return kept;
        }
    }
    return NULL;
}

static struct answer *new_answer(struct orchestrator *orchestrator, const struct coap_request *request) {
    struct answer *oldest = kept_answer(orchestrator, request);
    if (oldest == NULL) {
        oldest = &orchestrator->answers[0];
        for (uint32_t i = 1; i < ANSWERS_KEPT; i++) {
            // An unused one has order 0.
            oldest = orchestrator->answers[i].order < oldest->order ? &orchestrator->answers[i] : oldest;
        }
    }
    free((void *)(uintptr_t)oldest->body.data);
    *oldest = (struct answer){.used = true, .order = ++orchestrator->answer_order, .peer = request->peer};
    snprintf(oldest->path, sizeof oldest->path, "%s", request->path);
    return oldest;
}

static void serve_get(struct orchestrator *orchestrator, const struct coap_request *request, struct coap_response *response) {
    static const struct {
        const char *path;
        uint16_t format;
    } faces[] = {{"status", COAP_FORMAT_JSON},
                 {"channels", COAP_FORMAT_JSON},
                 {"nodes", COAP_FORMAT_CBOR},
                 {"policy", COAP_FORMAT_TEXT},
                 {".well-known/core", COAP_FORMAT_LINK}};
    for (size_t i = 0; i < sizeof faces / sizeof *faces; i++) {
        if (strcmp(request->path, faces[i].path) != 0) {
            continue;
        }
        if (strcmp(request->path, "policy") == 0 && orchestrator->policy == NULL) {
            break;
        }
        uint32_t block = coap_message_option_uint(request->message, COAP_OPTION_BLOCK2, 0) >> 4;
        struct answer *kept = block > 0 ? kept_answer(orchestrator, request) : NULL;
        if (kept == NULL) {
            kept = new_answer(orchestrator, request);
            if (!make_body(orchestrator, request->path, &kept->body)) {
                kept->used = false;
                answer(orchestrator, response, COAP_INTERNAL_SERVER_ERROR, "no memory for the answer");
                return;
            }
        }
        response->code = COAP_CONTENT;
        response->content_format = faces[i].format;
        response->body = kept->body;
        return;
    }
    answer(orchestrator, response, COAP_NOT_FOUND, "%s",
           strcmp(request->path, "policy") == 0 ? "no policy was applied yet" : "no such path; see /.well-known/core");
}

void orchestrator_serve(struct orchestrator *orchestrator, const struct coap_request *request, struct coap_response *response) {
    response->content_format = COAP_FORMAT_NONE;
    response->body = (struct bytes){NULL, 0};
    if (request->code == COAP_GET) {
        serve_get(orchestrator, request, response);
    } else if (request->code == COAP_POST && strcmp(request->path, "register") == 0) {
        serve_register(orchestrator, request, response);
    } else if (request->code == COAP_PUT && strcmp(request->path, "alive") == 0) {
        serve_alive(orchestrator, request, response);
    } else if (request->code == COAP_PUT && strncmp(request->path, "code/", 5) == 0) {
        serve_code(orchestrator, request, response);
    } else if (request->code == COAP_PUT && strcmp(request->path, "policy") == 0) {
        serve_policy(orchestrator, request, response);
    } else {
        answer(orchestrator, response, COAP_METHOD_NOT_ALLOWED, "no such path for this method; see /.well-known/core");
    }
}
