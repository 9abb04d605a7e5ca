// Fuzz target: any bytes as YAML text. Whatever is accepted must be a finite tree that every helper can walk.
#include "core/assert.h"
#include "orchestrator/document.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const keys[] = {"tasks", "channels", "policy"};

static void read_value(const struct document_node *node) {
    struct document_error error;
    char text[256];
    const char *string = NULL;
    double number = 0;
    bool boolean = false;
    uint64_t whole = 0;
    bool good = document_text(node, &string, &error);
    good |= document_number(node, &number, &error);
    good |= document_boolean(node, &boolean, &error);
    good |= document_whole(node, 1, 16, &whole, &error);
    good |= document_duration(node, &whole, &error);
    good |= document_size(node, &whole, &error);
    if (!document_check_keys(node, "a test", keys, 3, &error)) {
        document_error_text("fuzz.yaml", &error, text, sizeof text);
    }
    ASSERT(node->kind == DOCUMENT_SCALAR || !good);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct document *document = NULL;
    struct document_error error;
    if (document_parse((struct bytes){data, size}, &document, &error) != ERROR_NONE) {
        ASSERT(document == NULL && error.what[0] != '\0' && error.remedy[0] != '\0');
        return 0;
    }
    const struct document_node *stack[DOCUMENT_DEPTH_MAX + 1] = {document_root(document)};
    uint32_t next[DOCUMENT_DEPTH_MAX + 1] = {0};
    int depth = 0;
    read_value(stack[0]);
    while (depth >= 0) {
        if (next[depth] == stack[depth]->count) {
            depth--;
            continue;
        }
        const struct document_node *child = stack[depth]->entries[next[depth]++].value;
        read_value(child);
        depth++;
        ASSERT(depth <= DOCUMENT_DEPTH_MAX);
        stack[depth] = child;
        next[depth] = 0;
    }
    document_free(document);
    return 0;
}

_Noreturn void assert_failed(const char *expression, const char *function) {
    (void)expression;
    (void)function;
    abort();
}
