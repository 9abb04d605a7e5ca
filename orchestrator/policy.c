// Releasing a policy; it is made in policy_read.c.
#include "orchestrator/policy.h"

#include <stdlib.h>

void policy_free(struct policy *policy) {
    if (policy == NULL) {
        return;
    }
    arena_free(&policy->arena);
    names_free(&policy->task_names);
    names_free(&policy->resource_names);
    free(policy->tasks);
    free(policy->links);
    free(policy->resources);
    free(policy);
}
