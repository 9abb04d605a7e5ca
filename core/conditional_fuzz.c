// Whatever conditional_parse accepts is in its ranges, and evaluates on any values and times without asking to be called again
// at once for ever.
//
// The input: one octet of type, one with the size of the queries ("a&b&c"), the queries; then steps of two octets: time to let
// pass, and a value.
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/conditional.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: %s\n", function, expression);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct coap_message asked(struct bytes queries) {
    struct coap_message message = {.code = COAP_GET};
    size_t begin = 0;
    for (size_t i = 0; i <= queries.size && message.option_count < COAP_OPTIONS_MAX; i++) {
        if (i == queries.size || queries.data[i] == '&') {
            message.options[message.option_count++] =
                (struct coap_option){COAP_OPTION_URI_QUERY, {queries.data + begin, i - begin}};
            begin = i + 1;
        }
    }
    return message;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct conditional conditional;
    struct conditional_state state;
    const char *refusal = NULL;
    if (size < 2 || size - 2 < data[1]) {
        return 0;
    }
    struct coap_message message = asked((struct bytes){data + 2, data[1]});
    if (conditional_parse(&message, (enum value_type)(data[0] % 5), &conditional, &refusal) != ERROR_NONE) {
        ASSERT(refusal != NULL && strncmp(refusal, "c.", 2) == 0);
        return 0;
    }
    ASSERT(refusal == NULL && (!conditional.has_st || conditional.st > 0));
    ASSERT(conditional.pmax_ms == 0 || conditional.pmax_ms >= conditional.pmin_ms);
    ASSERT(!conditional.band || conditional.has_gt || conditional.has_lt);
    uint64_t now = 1;
    conditional_reported(&state, (struct bytes){NULL, 0}, now);
    for (size_t at = 2u + data[1]; at + 2 <= size; at += 2) {
        struct bytes item = {data + at + 1, 1};
        now += (uint64_t)data[at] * 16;
        if (conditional_sample(&conditional, &state, item, now)) {
            ASSERT(conditional.pmin_ms == 0 || now >= state.reported_ms + conditional.pmin_ms);
            conditional_reported(&state, item, now);
        }
        uint64_t due = conditional_due(&conditional, &state);
        ASSERT(due > now);
    }
    return 0;
}
