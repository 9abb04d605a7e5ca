// Asking an orchestrator or a node on behalf of a command; what fails is said on stderr in the command's name.
#ifndef TENON_CLI_ASK_H
#define TENON_CLI_ASK_H

#include <jansson.h>

#include "orchestrator/client.h"

struct question {
    const char *command; // "tenon logs", begins every message
    const char *address;
    uint8_t code; // COAP_GET ...
    const char *path;
    const char *query; // NULL for none
    uint16_t content_format;
    struct bytes payload;
    uint32_t patience_ms; // 0 for the client's own
    bool quiet;           // a failure is the caller's to tell
};

// One request over a connection of its own. True with an answer 2.xx in `reply`, which the caller frees; false after a message.
bool ask(const struct question *question, struct client_reply *reply);

// GET of a JSON answer; NULL after a message. The caller frees it with json_decref.
json_t *ask_json(const char *command, const char *address, const char *path);

// The object of a list whose "name" it is, or NULL.
json_t *ask_named(const json_t *list, const char *name);

#endif
