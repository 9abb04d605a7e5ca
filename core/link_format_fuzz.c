// Any filter leaves the list well-formed: an entry is whole or not there. The input: queries with `&` between them.
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/link_format.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: %s\n", function, expression);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct link_entry entries[] = {
        {"/status", "", "", "", "50", false},
        {"/r/a/temperature", "Zone_Air_Temperature_Sensor", "core.s", "Cel", "60 112 110 0", true},
        {"/p/t/out", "one two", "tenon.output", "", "60", true},
    };
    static const size_t sizes[] = {17, 93, 53};
    uint8_t out[256];
    struct coap_message filter = {.code = COAP_GET};
    size_t begin = 0;
    for (size_t i = 0; i <= size && filter.option_count < COAP_OPTIONS_MAX; i++) {
        if (i == size || data[i] == '&') {
            filter.options[filter.option_count++] = (struct coap_option){COAP_OPTION_URI_QUERY, {data + begin, i - begin}};
            begin = i + 1;
        }
    }
    for (size_t i = 0; i < 3; i++) {
        struct link_list list = {.pen = pen_start((struct buffer){out, sizeof out}), .filter = &filter};
        link_list_add(&list, &entries[i]);
        ASSERT(!list.pen.overflow && list.count <= 1);
        ASSERT(list.pen.size == (list.count == 0 ? 0 : sizes[i]));
    }
    return 0;
}
