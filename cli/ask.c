#include "cli/ask.h"

#include <stdio.h>
#include <string.h>

bool ask(const struct question *question, struct client_reply *reply) {
    char refusal[256] = "";
    struct client *client = NULL;
    *reply = (struct client_reply){0};
    enum error error = client_open(question->address, &client, refusal);
    if (error == ERROR_NONE) {
        if (question->patience_ms > 0) {
            client_patience(client, question->patience_ms);
        }
        error = client_request(client, question->code, question->path, question->query, question->content_format,
                               question->payload, reply, refusal);
        client_close(client);
    }
    if (error != ERROR_NONE) {
        if (!question->quiet) {
            fprintf(stderr, "%s: %s\n", question->command, refusal);
        }
        return false;
    }
    if (reply->code < COAP_CODE(2, 0) || reply->code >= COAP_CODE(3, 0)) {
        if (!question->quiet) {
            fprintf(stderr, "%s: %s answers %u.%02u: %s\n", question->command, question->address, reply->code >> 5,
                    reply->code & 31, (const char *)reply->body.data);
        }
        client_reply_free(reply);
        return false;
    }
    return true;
}

json_t *ask_json(const char *command, const char *address, const char *path) {
    struct question question = {
        .command = command, .address = address, .code = COAP_GET, .path = path, .content_format = COAP_FORMAT_NONE};
    struct client_reply reply;
    json_error_t mistake;
    if (!ask(&question, &reply)) {
        return NULL;
    }
    json_t *root = json_loads((const char *)reply.body.data, 0, &mistake);
    if (root == NULL) {
        fprintf(stderr, "%s: the answer of %s is no JSON (%s); is that a Tenon orchestrator or node?\n", command, address,
                mistake.text);
    }
    client_reply_free(&reply);
    return root;
}

json_t *ask_named(const json_t *list, const char *name) {
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach(list, index, item) {
        const char *found = json_string_value(json_object_get(item, "name"));
        if (found != NULL && strcmp(found, name) == 0) {
            return item;
        }
    }
    return NULL;
}
