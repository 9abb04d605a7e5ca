// The person at the terminal: once the nodes are there, uploads the components and applies the policy, over CoAP like
// `tenon apply`; tries again while the orchestrator refuses or does not answer.
#ifndef TENON_SIM_OPERATOR_H
#define TENON_SIM_OPERATOR_H

#include "sim/host.h"

MUST_CHECK enum error operator_open(struct host *host);
// One turn; when the next one is due by the host's clock.
uint64_t operator_turn(struct host *host);
void operator_close(struct host *host);

#endif
