// Whatever bytes come: no access outside them, a text with every refusal, and regions inside the memory of what is accepted.
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/module.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: %s\n", function, expression);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct module_info info;
    struct module_refusal refusal;
    struct bytes wasm = {data, size};
    enum error error = module_inspect(wasm, &info, &refusal);
    ASSERT(error == refusal.error);
    ASSERT((error == ERROR_NONE) == (refusal.text[0] == '\0'));
    ASSERT(memchr(refusal.text, '\0', sizeof refusal.text) != NULL);
    if (module_survey(wasm, &info, &refusal) == ERROR_NONE) {
        uint64_t memory_size = (uint64_t)info.memory_pages_minimum * 65536;
        ASSERT((uint64_t)info.inbox.address + info.inbox.size <= memory_size);
        ASSERT((uint64_t)info.state.address + info.state.size <= memory_size);
    } else {
        ASSERT(error != ERROR_NONE);
    }
    return 0;
}
