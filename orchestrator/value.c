// Values of the policy file as CBOR. The bytes live as long as the policy.
#include "orchestrator/value.h"

#include <math.h>
#include <zcbor_encode.h>

// Beyond this a double no longer holds every whole number.
#define EXACT_MAX 9007199254740992.0

static bool put_number(zcbor_state_t *state, double number) {
    if (number == floor(number) && fabs(number) < EXACT_MAX) {
        return zcbor_int64_put(state, (int64_t)number);
    }
    float narrow = (float)number;
    return (double)narrow == number ? zcbor_float32_put(state, narrow) : zcbor_float64_put(state, number);
}

static bool put_list(zcbor_state_t *state, const struct document_node *node, struct policy_value *out,
                     struct document_error *error) {
    if (!zcbor_list_start_encode(state, node->count)) {
        return document_refuse(node, error, "the list is too long", "a message holds about 50 numbers");
    }
    for (uint32_t i = 0; i < node->count; i++) {
        double number = 0;
        if (!document_number(node->entries[i].value, &number, error)) {
            return false;
        }
        out->minimum = i == 0 || number < out->minimum ? number : out->minimum;
        out->maximum = i == 0 || number > out->maximum ? number : out->maximum;
        if (!put_number(state, number)) {
            return document_refuse(node, error, "the list is too long", "a message holds about 50 numbers");
        }
    }
    return zcbor_list_end_encode(state, node->count);
}

static bool put_scalar(zcbor_state_t *state, const struct document_node *node, const char *written, struct policy_value *out) {
    double number = 0;
    if (!node->quoted && document_number_parse(written, &number)) {
        out->type = TYPE_NUMBER;
        out->minimum = out->maximum = number;
        return put_number(state, number);
    }
    if (!node->quoted && (strcmp(written, "true") == 0 || strcmp(written, "false") == 0)) {
        out->type = TYPE_BOOLEAN;
        return zcbor_bool_put(state, written[0] == 't');
    }
    out->type = TYPE_TEXT;
    return zcbor_tstr_encode_ptr(state, written, strlen(written));
}

bool value_read(struct policy *policy, const struct document_node *node, const char *written, struct policy_value *out,
                struct document_error *error) {
    uint8_t encoded[MESSAGE_SIZE_MAX];
    ZCBOR_STATE_E(state, 2, encoded, sizeof encoded, 1);
    *out = (struct policy_value){.line = node->line};
    error->what[0] = '\0';
    if (document_is_null(node) || node->kind == DOCUMENT_MAPPING) {
        return document_refuse(node, error, "a value is expected here",
                               "write a number, true or false, a text or a list of numbers");
    }
    if (node->kind == DOCUMENT_SEQUENCE) {
        out->type = TYPE_ARRAY;
        out->text = "the list";
        if (!put_list(state, node, out, error)) {
            return error->what[0] != '\0' ? false
                                          : document_refuse(node, error, "the list is too long", "a message holds 512 bytes");
        }
    } else {
        out->text = arena_keep(&policy->arena, written);
        if (!put_scalar(state, node, written, out)) {
            return document_refuse(node, error, "the text is too long", "a message holds 512 bytes");
        }
    }
    size_t size = (size_t)(state[0].payload - encoded);
    uint8_t *kept = arena_allocate(&policy->arena, size);
    if (kept == NULL || out->text == NULL) {
        return document_refuse(node, error, "no memory to keep the value", "free some memory and try again");
    }
    memcpy(kept, encoded, size);
    out->cbor = (struct bytes){kept, size};
    return true;
}
