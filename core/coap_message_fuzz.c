// Whatever coap_message_parse accepts is within the datagram, in order, and comes out of the builder such that it reads the
// same again.
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/coap_message.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: %s\n", function, expression);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool within(struct bytes part, struct bytes whole) {
    return part.size == 0 || (part.data >= whole.data && part.size <= (size_t)(whole.data + whole.size - part.data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t storage[70000];
    struct bytes datagram = {data, size};
    struct coap_message first;
    struct coap_message second;
    struct coap_builder builder;
    char path[32];
    size_t built = 0;
    if (size > sizeof storage || coap_message_parse(datagram, &first) != ERROR_NONE) {
        return 0;
    }
    ASSERT(first.option_count <= COAP_OPTIONS_MAX && first.token.size <= COAP_TOKEN_SIZE_MAX && within(first.token, datagram));
    ASSERT(within(first.payload, datagram));
    coap_builder_start(&builder, (struct buffer){storage, sizeof storage}, first.type, first.code, first.id, first.token);
    for (uint32_t i = 0; i < first.option_count; i++) {
        ASSERT(within(first.options[i].value, datagram));
        coap_builder_option(&builder, first.options[i].number, first.options[i].value);
    }
    coap_builder_payload(&builder, first.payload);
    ASSERT(coap_builder_finish(&builder, &built) == ERROR_NONE && built <= size); // never longer: the shortest form
    ASSERT(coap_message_parse((struct bytes){storage, built}, &second) == ERROR_NONE);
    ASSERT(second.type == first.type && second.code == first.code && second.id == first.id &&
           bytes_equal(second.token, first.token));
    ASSERT(second.option_count == first.option_count && bytes_equal(second.payload, first.payload));
    for (uint32_t i = 0; i < first.option_count; i++) {
        ASSERT(second.options[i].number == first.options[i].number &&
               bytes_equal(second.options[i].value, first.options[i].value));
    }
    if (coap_message_path(&first, path, sizeof path) == ERROR_NONE) {
        ASSERT(memchr(path, '\0', sizeof path) != NULL);
    }
    ASSERT(within(coap_message_query(&first, "task"), datagram));
    return 0;
}
