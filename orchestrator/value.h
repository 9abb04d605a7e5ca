// A value of the policy file as the message that a port will get: abi/message.cddl, the shortest encoding that is exact.
#ifndef TENON_ORCHESTRATOR_VALUE_H
#define TENON_ORCHESTRATOR_VALUE_H

#include "orchestrator/document.h"
#include "orchestrator/policy.h"

// Reads a scalar (number, true/false, otherwise text; in quotes always text) or a list of numbers. `written` is the scalar's
// text after
// `$name` was written out. Returns false and fills `error` for anything else.
bool value_read(struct policy *policy, const struct document_node *node, const char *written, struct policy_value *out,
                struct document_error *error);

#endif
