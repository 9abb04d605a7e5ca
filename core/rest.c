#include "core/rest.h"

#include "core/representation.h"
#include "core/runtime_private.h"

#define FORMATS "60 112 110 0"
// Resources are observed under small numbers, ports under their keys with this bit.
#define SUBJECT_OF_PORT (UINT64_C(1) << 63)

static uint64_t subject_of_resource(uint32_t resource) {
    return (uint64_t)resource + 1;
}

// --- finding
// -------------------------------------------------------------------------------------------------------------------

// What one path shows.
struct view {
    struct representation representation;
    enum value_type type;
    uint64_t subject;
    struct port port; // of a task's port
};

static const char *node_name(const struct runtime *runtime) {
    return runtime->environment.name != NULL ? runtime->environment.name : runtime_tables(runtime)->plan.node;
}

static uint64_t age_ms(const struct runtime *runtime, uint64_t updated_ms) {
    return runtime->building_ms > updated_ms ? runtime->building_ms - updated_ms : 0;
}

static bool find_resource(const struct runtime *runtime, const char *name, struct view *out) {
    int index = runtime_resource_find(runtime, name);
    if (index < 0) {
        return false;
    }
    const struct resource *resource = &runtime->memory.resources[index];
    *out = (struct view){.type = resource->facts->type, .subject = subject_of_resource((uint32_t)index)};
    out->representation = (struct representation){
        .node = node_name(runtime),
        .name = resource->facts->name,
        .unit = resource->facts->unit,
        .item = {resource->value, resource->value_size},
        .age_ms = resource->facts->actuator ? 0 : age_ms(runtime, resource->updated_ms), // what is obeyed is obeyed now
    };
    return true;
}

static const struct task *find_task(const struct runtime *runtime, struct bytes name) {
    const struct runtime_tables *tables = runtime_tables(runtime);
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        if (bytes_equal(bytes_of_text(tables->plan.tasks[i].name), name)) {
            return &tables->tasks[i];
        }
    }
    return NULL;
}

// "task/port". ERROR_NOT_FOUND, or ERROR_FULL when the last message was long and is no longer kept.
static enum error find_port(const struct runtime *runtime, const char *path, struct view *out) {
    size_t task_size = strcspn(path, "/");
    const struct task *task = find_task(runtime, (struct bytes){(const uint8_t *)path, task_size});
    const struct manifest_view *manifest = task == NULL ? NULL : runtime_manifest(runtime, task);
    if (manifest == NULL || path[task_size] == '\0') {
        return ERROR_NOT_FOUND;
    }
    const char *name = path + task_size + 1;
    int found = manifest_find(manifest, true, name);
    bool output = found >= 0;
    found = output ? found : manifest_find(manifest, false, name);
    if (found < 0) {
        return ERROR_NOT_FOUND;
    }
    manifest_port(manifest, output, (uint32_t)found, &out->port);
    uint64_t key = port_values_key(port_values_task(task->plan->name), output, (uint32_t)found);
    struct bytes item = {NULL, 0};
    uint64_t updated_ms = runtime->building_ms;
    enum error error = port_values_get(&runtime->memory.ports, key, &item, &updated_ms);
    out->type = out->port.type;
    out->subject = key | SUBJECT_OF_PORT;
    out->representation = (struct representation){
        .node = node_name(runtime), .name = path, .unit = out->port.unit, .item = item, .age_ms = age_ms(runtime, updated_ms)};
    return error == ERROR_NOT_FOUND ? ERROR_NONE : error;
}

// --- serving
// -------------------------------------------------------------------------------------------------------------------

static void refuse(struct coap_response *response, uint8_t code, const char *why) {
    response->code = code;
    response->content_format = COAP_FORMAT_NONE;
    response->body = bytes_of_text(why);
}

static void serve_view(struct runtime *runtime, const struct coap_request *request, const struct view *view,
                       struct coap_response *response) {
    uint16_t format = (uint16_t)coap_message_option_uint(request->message, COAP_OPTION_ACCEPT, COAP_FORMAT_CBOR);
    struct buffer body = {runtime->rest_body, sizeof runtime->rest_body};
    const char *why = NULL;
    size_t size = 0;
    if (!representation_offers(format)) {
        refuse(response, COAP_NOT_ACCEPTABLE, "Accept: offered are 60 (CBOR), 112 (SenML+CBOR), 110 (SenML+JSON) and 0 (text)");
        return;
    }
    bool observing = coap_message_option_uint(request->message, COAP_OPTION_OBSERVE, UINT32_MAX) == 0;
    if (observing && conditional_parse(request->message, view->type, &response->conditional, &why) != ERROR_NONE) {
        refuse(response, COAP_BAD_REQUEST, why);
        return;
    }
    if (representation_encode(&view->representation, format, body, &size) != ERROR_NONE) {
        refuse(response, COAP_NOT_ACCEPTABLE, "Accept: the value is too long in this format; ask for 60 (CBOR)");
        return;
    }
    response->code = COAP_CONTENT;
    response->content_format = format;
    response->body = (struct bytes){runtime->rest_body, size};
    response->subject = view->subject;
    response->observed = view->representation.item;
}

bool rest_serve(struct runtime *runtime, const struct coap_request *request, struct coap_response *response) {
    bool resource = strncmp(request->path, "r/", 2) == 0;
    bool port = strncmp(request->path, "p/", 2) == 0;
    struct view view;
    if ((!resource && !port) || (resource && request->code != COAP_GET)) {
        return false;
    }
    if (request->code != COAP_GET) {
        refuse(response, COAP_METHOD_NOT_ALLOWED, "a port is read; what goes in comes over a channel of the policy");
        return true;
    }
    enum error error = ERROR_NONE;
    if (resource) {
        error = find_resource(runtime, request->path + 2, &view) ? ERROR_NONE : ERROR_NOT_FOUND;
    } else {
        error = find_port(runtime, request->path + 2, &view);
    }
    if (error == ERROR_NOT_FOUND) {
        refuse(response, COAP_NOT_FOUND,
               resource ? "the node has no such resource; see /.well-known/core"
                        : "the node runs no such task, or it has no such port; see /.well-known/core");
    } else if (error != ERROR_NONE) {
        refuse(response, COAP_SERVICE_UNAVAILABLE, "the last message was long and is no longer kept: wait for the next");
    } else {
        serve_view(runtime, request, &view, response);
    }
    return true;
}

// --- discovery
// -----------------------------------------------------------------------------------------------------------------

static void list_port(struct link_list *list, const char *task, const struct port *port, const char *interface) {
    char path[2 * NAME_SIZE_MAX + 8];
    struct pen pen = pen_start((struct buffer){(uint8_t *)path, sizeof path - 1});
    pen_text(&pen, "/p/");
    pen_text(&pen, task);
    pen_text(&pen, "/");
    pen_text(&pen, port->name);
    path[pen.size] = '\0';
    const struct link_entry entry = {
        .path = path, .rt = port->quantity, .interface = interface, .unit = port->unit, .formats = FORMATS, .observable = true};
    link_list_add(list, &entry);
}

void rest_links(const struct runtime *runtime, struct link_list *list) {
    const struct runtime_tables *tables = runtime_tables(runtime);
    for (uint32_t i = 0; i < runtime->resource_count; i++) {
        const struct registration_resource *facts = runtime->memory.resources[i].facts;
        char path[NAME_SIZE_MAX + 4] = "/r/";
        memcpy(path + 3, facts->name, strlen(facts->name) + 1);
        const struct link_entry entry = {.path = path,
                                         .rt = facts->quantity,
                                         .interface = facts->actuator ? "core.a" : "core.s",
                                         .unit = facts->unit,
                                         .formats = FORMATS,
                                         .observable = true};
        link_list_add(list, &entry);
    }
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        const struct manifest_view *manifest = runtime_manifest(runtime, &tables->tasks[i]);
        const char *task = tables->plan.tasks[i].name;
        struct port port;
        for (uint32_t k = 0; manifest != NULL && k < manifest->output_count; k++) {
            manifest_port(manifest, true, k, &port);
            list_port(list, task, &port, "tenon.output");
        }
        for (uint32_t k = 0; manifest != NULL && k < manifest->input_count; k++) {
            manifest_port(manifest, false, k, &port);
            if (manifest_find(manifest, true, port.name) < 0) {
                list_port(list, task, &port, "tenon.input");
            }
        }
    }
}

// --- what the runtime tells
// ----------------------------------------------------------------------------------------------------

void rest_resource_changed(struct runtime *runtime, uint32_t resource) {
    const struct resource *changed = &runtime->memory.resources[resource];
    coap_endpoint_changed(&runtime->coap, runtime->network_ms, subject_of_resource(resource),
                          (struct bytes){changed->value, changed->value_size});
}

static void port_passed(struct runtime *runtime, uint64_t task, bool output, uint32_t port, struct bytes message) {
    uint64_t key = port_values_key(task, output, port);
    port_values_put(&runtime->memory.ports, key, message, runtime->building_ms);
    coap_endpoint_changed(&runtime->coap, runtime->network_ms, key | SUBJECT_OF_PORT, message);
}

void rest_task_handled(struct runtime *runtime, uint32_t index, uint32_t input, struct bytes message) {
    struct task *task = &tables_now(runtime)->tasks[index];
    if (runtime->memory.ports.value_count == 0) {
        return;
    }
    if (task->ports_key == 0) {
        task->ports_key = port_values_task(task->plan->name);
    }
    port_passed(runtime, task->ports_key, false, input, message);
    for (uint32_t i = 0; i < runtime->outbox.entry_count; i++) {
        port_passed(runtime, task->ports_key, true, runtime->outbox.entries[i].output, outbox_message(&runtime->outbox, i));
    }
}
