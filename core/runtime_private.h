// What the files of the runtime (runtime.c, task.c, link.c) share. Not for other rooms.
#ifndef TENON_CORE_RUNTIME_PRIVATE_H
#define TENON_CORE_RUNTIME_PRIVATE_H

#include "core/runtime.h"

static inline struct runtime_tables *tables_now(struct runtime *runtime) {
    return &runtime->memory.tables[runtime->current];
}

static inline void event_tell(const struct runtime *runtime, enum runtime_event event, const char *subject, enum error error,
                              const char *detail) {
    runtime->environment.event(runtime->environment.context, event, subject, error, detail);
}

// --- task.c --------------------------------------------------------------------------------------------------------------

// Moves a task's state along the transition table (asserted).
void task_move(struct task *task, enum task_state to);
// Starts the task's instance with its last good state and gives it its parameters. Tells what fails, and backs off.
void task_launch(struct runtime *runtime, uint32_t index);
// Ends the instance, empties the queue and gives up the state.
void task_end(struct runtime *runtime, struct task *task);
// Gives the parameters of the plan, as messages, to the running instance. False when the task failed on one.
bool task_parameters(struct runtime *runtime, uint32_t index);
// Puts a message into the task's queue, with the rules of its class. Takes the message in any case.
void task_enqueue(struct runtime *runtime, uint32_t index, struct message *message);
void task_list(struct runtime *runtime, uint32_t index);
// Looks again at tasks that were blocked.
void task_unblock(struct runtime *runtime);
// Restarts tasks whose back-off is over; lowers runtime->network_deadline_ms.
void task_advance(struct runtime *runtime);

// --- link.c --------------------------------------------------------------------------------------------------------------

// Sends a value along a link, with the rules of its class.
void link_send(struct runtime *runtime, uint32_t index, struct bytes value, uint64_t trace, uint64_t born_ms);
// True when a reliable link has no room for another message's work.
bool link_is_backed_up(const struct runtime *runtime, uint32_t index);
// Serves POST or PUT of c/<id>.
void link_serve(struct runtime *runtime, const struct coap_request *request, struct coap_response *response);
// The response to a reliable message.
void link_completed(struct runtime *runtime, const struct coap_completion *completion);
// Freshness, intervals and retries of all links; lowers both deadlines.
void link_advance(struct runtime *runtime);
// The link of an id in the current plan, or NULL.
struct link *link_find(struct runtime *runtime, uint32_t id);
// Gives back what a link holds.
void link_end(struct runtime *runtime, struct link *link);
// What ends at a resource: a command obeyed or refused.
enum error resource_command(struct runtime *runtime, uint32_t index, const struct message *message);
// Drives the actuator when what it must obey has changed.
void resource_settle(struct runtime *runtime, uint32_t index);

#endif
