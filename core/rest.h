// The REST face of a node: its resources as r/<name> and the ports of its tasks as p/<task>/<port>, to be read and observed by
// any CoAP client, in the formats of core/representation.h.
//
// A resource shows the last value measured, or the value obeyed. An output port shows the last message that it sent, an input
// port the last that its task took (parameters included); where a task has an output and an input of one name, the output is
// shown. Conditions (core/conditional.h) are evaluated when a value comes, notifications go out with the next runtime_advance.
// Nothing is written here: a command to an actuator, or an event to a port, comes over a channel.
#ifndef TENON_CORE_REST_H
#define TENON_CORE_REST_H

#include "core/link_format.h"
#include "core/runtime.h"

// Answers GET of r/ and p/, and refuses other methods on p/. False when the request is for somebody else; `response` is then as
// it was.
bool rest_serve(struct runtime *runtime, const struct coap_request *request, struct coap_response *response);

// Adds every resource and port.
void rest_links(const struct runtime *runtime, struct link_list *list);

// --- what the runtime tells ----------------------------------------------------------------------------------------------

// The value of a resource was set.
void rest_resource_changed(struct runtime *runtime, uint32_t resource);
// A task took a message well, and what is in runtime->outbox leaves it. Before the message is released or the outbox reset.
void rest_task_handled(struct runtime *runtime, uint32_t index, uint32_t input, struct bytes message);

#endif
