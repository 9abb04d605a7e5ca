// Fuzz target: any bytes as a policy, read and bound to a building that knows nothing. Nothing may crash, and a refusal must
// have a reason.
#include <stdlib.h>

#include "core/assert.h"
#include "orchestrator/binding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct problems problems;
    struct component_store components = {0};
    struct binding binding;
    memset(&problems, 0, sizeof problems);
    struct policy *policy = policy_parse((struct bytes){data, size}, &problems);
    ASSERT(policy != NULL || problems.errors > 0);
    if (policy != NULL && binding_make(policy, &components, NULL, NULL, NULL, 0, true, &problems, &binding) == ERROR_NONE) {
        binding_check_placement(&binding, &problems);
        binding_free(&binding);
    }
    policy_free(policy);
    return 0;
}

_Noreturn void assert_failed(const char *expression, const char *function) {
    (void)expression;
    (void)function;
    abort();
}
