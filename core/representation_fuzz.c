// Any item in any format is written within its buffer, or refused. The input: one octet of format, one of age, then the item.
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/coap_message.h"
#include "core/representation.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: %s\n", function, expression);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint16_t formats[] = {COAP_FORMAT_CBOR, COAP_FORMAT_SENML_CBOR, COAP_FORMAT_SENML_JSON, COAP_FORMAT_TEXT};
    static uint8_t out[REPRESENTATION_SIZE_MAX];
    size_t written = 0;
    if (size < 2) {
        return 0;
    }
    struct representation from = {"room", "a/temperature", "Cel", {data + 2, size - 2}, data[1]};
    enum error error = representation_encode(&from, formats[data[0] & 3], (struct buffer){out, sizeof out}, &written);
    ASSERT(error == ERROR_NONE || (error == ERROR_TOO_LARGE && size - 2 > 100));
    ASSERT(written <= sizeof out);
    return 0;
}
