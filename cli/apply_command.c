// `tenon apply POLICY`: checks the policy here, uploads its components, hands it to the orchestrator, and prints where the
// tasks went.
#include <jansson.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/policy_check.h"
#include "core/sha256.h"

// Uploads each component that a task uses. Also what the orchestrator has: the last upload of a version is the one that is
// meant.
static enum error upload(const struct policy_check *check, struct client *client, char refusal[256]) {
    for (uint32_t i = 0; i < check->policy->task_count; i++) {
        const struct component *component = check->binding.components[i];
        bool done = false;
        for (uint32_t earlier = 0; earlier < i && !done; earlier++) {
            done = check->binding.components[earlier] == component;
        }
        if (done) {
            continue;
        }
        char path[80] = "code/";
        struct client_reply reply;
        digest_text(component->digest, path + strlen("code/"));
        enum error error = client_request(client, COAP_PUT, path, NULL, COAP_FORMAT_OCTETS, component->wasm, &reply, refusal);
        if (error != ERROR_NONE) {
            return error;
        }
        bool taken = reply.code < COAP_CODE(3, 0);
        if (!taken) {
            snprintf(refusal, 256, "the component '%s' was refused: %.150s", component->manifest.name,
                     (const char *)reply.body.data);
        } else if (reply.code == COAP_CREATED) {
            printf("uploaded %s %s (%zu bytes)\n", component->manifest.name, component->manifest.version, component->wasm.size);
        }
        client_reply_free(&reply);
        if (!taken) {
            return ERROR_DENIED;
        }
    }
    return ERROR_NONE;
}

static enum error put_policy(const struct policy_check *check, struct client *client, char refusal[256]) {
    char query[64] = "name=policy";
    struct client_reply reply;
    const char *slash = strrchr(check->path, '/');
    const char *name = slash != NULL ? slash + 1 : check->path;
    if (strlen(name) + sizeof "name=" <= sizeof query) {
        snprintf(query, sizeof query, "name=%.50s", name);
    }
    enum error error = client_request(client, COAP_PUT, "policy", query, COAP_FORMAT_TEXT, check->text, &reply, refusal);
    if (error == ERROR_NONE && reply.code >= COAP_CODE(3, 0)) {
        snprintf(refusal, 256, "the orchestrator refused the policy");
        fprintf(stderr, "%s\n", (const char *)reply.body.data);
        error = ERROR_DENIED;
    }
    client_reply_free(&reply);
    return error;
}

static enum error print_placement(struct client *client, char refusal[256]) {
    struct client_reply reply;
    enum error error =
        client_request(client, COAP_GET, "status", NULL, COAP_FORMAT_NONE, (struct bytes){NULL, 0}, &reply, refusal);
    if (error != ERROR_NONE) {
        return error;
    }
    json_t *root = json_loads((const char *)reply.body.data, 0, NULL);
    size_t index = 0;
    json_t *task = NULL;
    json_array_foreach(json_object_get(root, "tasks"), index, task) {
        const char *node = json_string_value(json_object_get(task, "node"));
        const char *reason = json_string_value(json_object_get(task, "reason"));
        const char *name = json_string_value(json_object_get(task, "name"));
        printf("  %-32s %s%s%s\n", name != NULL ? name : "", node != NULL ? node : "-",
               reason != NULL && reason[0] != '\0' ? "  waits: " : "", reason != NULL ? reason : "");
    }
    json_decref(root);
    client_reply_free(&reply);
    return ERROR_NONE;
}

static enum error apply(struct policy_check *check, const char *address, char refusal[256]) {
    struct client *client = NULL;
    enum error error = client_open(client_address(address), &client, refusal);
    if (error != ERROR_NONE) {
        return error;
    }
    error = policy_check_ask(check, client, refusal);
    if (error == ERROR_NONE && !policy_check_finish(check)) {
        snprintf(refusal, 256, "%.160s has errors; nothing was changed", check->path);
        error = ERROR_DENIED;
    }
    error = error == ERROR_NONE ? upload(check, client, refusal) : error;
    error = error == ERROR_NONE ? put_policy(check, client, refusal) : error;
    if (error == ERROR_NONE) {
        printf("policy %s is applied:\n", check->policy->name);
        error = print_placement(client, refusal);
    }
    client_close(client);
    return error;
}

int command_apply(int argument_count, char **arguments) {
    static struct policy_check check;
    const char *policy = NULL;
    const char *address = NULL;
    char refusal[256] = "";
    for (int i = 1; i < argument_count; i++) {
        if (strcmp(arguments[i], "--orchestrator") == 0 && i + 1 < argument_count) {
            address = arguments[++i];
        } else if (arguments[i][0] != '-' && policy == NULL) {
            policy = arguments[i];
        } else {
            policy = NULL;
            break;
        }
    }
    if (policy == NULL) {
        fprintf(stderr, "usage: tenon apply POLICY.yaml [--orchestrator ADDRESS]\n");
        return EXIT_USAGE;
    }
    bool good = policy_check_read(&check, policy);
    if (good && apply(&check, address, refusal) != ERROR_NONE) {
        fprintf(stderr, "tenon apply: %s\n", refusal);
        good = false;
    }
    policy_check_free(&check);
    return good ? 0 : EXIT_REFUSED;
}
