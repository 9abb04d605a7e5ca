// Fuzz target: any datagram as an override of a resource of each type. What is accepted is one item of that type within its
// range, bounded in time; what is refused has a reason.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/wire.h"
#include "node/override.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: %s\n", function, expression);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_type(const struct coap_request *request, enum value_type type) {
    struct registration_resource facts = {
        .name = "a/valve", .type = type, .actuator = true, .has_range = type == TYPE_NUMBER, .minimum = -10, .maximum = 100};
    struct override out;
    char why[OVERRIDE_WHY_SIZE] = "";
    double number = 0;
    uint8_t code = override_read(request, &facts, &out, why);
    if (code != 0) {
        ASSERT(code >> 5 == 4 && why[0] != '\0');
        return;
    }
    struct bytes item = {out.item, out.size};
    ASSERT(out.priority >= 1 && out.priority <= 16);
    if (request->code == COAP_DELETE) {
        ASSERT(out.size == 0 && out.lifetime_ms == 0);
        return;
    }
    ASSERT(out.lifetime_ms >= 1 && out.lifetime_ms <= OVERRIDE_LIFETIME_MS_MAX);
    ASSERT(out.size <= sizeof out.item && wire_is_item(item) && !wire_is_null(item));
    if (type == TYPE_NUMBER) {
        ASSERT(wire_number(item, &number) && isfinite(number) && number >= -10 && number <= 100);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct coap_message message;
    if (size > DATAGRAM_SIZE_MAX || coap_message_parse((struct bytes){data, size}, &message) != ERROR_NONE) {
        return 0;
    }
    struct coap_request request = {
        .code = message.code == COAP_DELETE ? COAP_DELETE : COAP_PUT,
        .path = "r/a/valve",
        .message = &message,
        .payload = message.payload,
        .content_format = (uint16_t)coap_message_option_uint(&message, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_NONE),
    };
    for (int type = 0; type <= TYPE_ANY; type++) {
        try_type(&request, (enum value_type)type);
    }
    return 0;
}
