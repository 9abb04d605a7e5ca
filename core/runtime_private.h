// What the files of the runtime (runtime.c, crossing.c, task.c, link.c, link_serve.c, resource.c, durable.c) share. Not for
// other rooms.
#ifndef TENON_CORE_RUNTIME_PRIVATE_H
#define TENON_CORE_RUNTIME_PRIVATE_H

#include "core/assert.h"
#include "core/journal.h"
#include "core/runtime.h"

static inline struct runtime_tables *tables_now(struct runtime *runtime) {
    return &runtime->memory.tables;
}

static inline void event_tell(const struct runtime *runtime, enum runtime_event event, const char *subject, enum error error,
                              const char *detail) {
    runtime->environment.event(runtime->environment.context, event, subject, error, detail);
}

// Counts what befell a message, for its link and for its class.
#define COUNT(runtime, link, what) COUNT_MANY(runtime, link, what, 1)
#define COUNT_MANY(runtime, link, what, number)                                                                                \
    do {                                                                                                                       \
        (link)->counters.what += (link_counter)(number);                                                                       \
        (runtime)->traffic[(link)->plan->delivery].counters.what += (link_counter)(number);                                    \
    } while (0)

// User values of CoAP requests: the node's own have the first bit, measurements sent as CON the second; the rest is a link's
// id.
#define USER_OF_NODE (UINT64_C(1) << 63)
#define USER_OF_PROBE (UINT64_C(1) << 62)

// --- runtime.c -----------------------------------------------------------------------------------------------------------

// A new trace id.
uint64_t runtime_trace(struct runtime *runtime);

// --- task.c --------------------------------------------------------------------------------------------------------------

// Moves a task's state along the transition table (asserted).
void task_move(struct task *task, enum task_state to);
// Starts the task's instance with its last good state and gives it its parameters. Tells what fails, and backs off.
void task_launch(struct runtime *runtime, uint32_t index);
// Ends the instance, empties the queue and gives up the state.
void task_end(struct runtime *runtime, struct task *task);
// Gives the parameters of the plan, as messages, to the running instance. False when the task failed on one.
bool task_parameters(struct runtime *runtime, uint32_t index);
// Puts a message into the task's queue, with the rules of its class. Takes the message in any case; false when it dropped it,
// which befalls measurements only.
bool task_enqueue(struct runtime *runtime, uint32_t index, struct message *message);
// True when the task takes no further reliable message for now, from a task of this node or from outside.
bool task_is_full(const struct runtime *runtime, uint32_t index, bool from_outside);
void task_list(struct runtime *runtime, uint32_t index);
// Looks again at tasks that were blocked.
void task_unblock(struct runtime *runtime);
// Restarts tasks whose back-off is over; lowers runtime->network_deadline_ms.
void task_advance(struct runtime *runtime);
// True when what the task consumes, changes and sends goes to the journal.
bool task_is_durable(const struct runtime *runtime, const struct task *task);
// The task of a name, or NULL.
struct task *task_of_name(struct runtime_tables *tables, const char *name);
// Sets the last good state, from the journal.
enum error task_restore(struct runtime *runtime, struct task *task, uint32_t version, struct bytes state);

// --- link.c --------------------------------------------------------------------------------------------------------------

// Sends a measurement along a link.
void link_measure(struct runtime *runtime, struct link *link, struct bytes value, uint64_t trace, uint64_t born_ms);
// Makes the reliable message for a link, with the next number; NULL without room.
struct message *link_make(struct runtime *runtime, struct link *link, struct bytes value, uint64_t trace);
// Sends what link_make made, once its position is set. Takes the message.
void link_send(struct runtime *runtime, struct link *link, struct message *message);
// True when a reliable link has no room for another message's work.
bool link_is_backed_up(const struct runtime *runtime, const struct link *link);
// True when what its source sends is in the journal of this node.
bool link_is_durable(const struct runtime *runtime, const struct link *link);
// Goes on sending what is pending, as far as journal, peer and retry allow.
void link_pump(struct runtime *runtime, struct link *link);
// The response to a reliable message.
void link_completed(struct runtime *runtime, const struct coap_completion *completion);
// Tells the source task the outcome, when it has asked for that.
void link_outcome(struct runtime *runtime, const struct link *link, const char *outcome);
// Freshness, intervals and retries that are due.
void link_advance(struct runtime *runtime);
// Puts the link among the deadlines, with what it waits for now.
void link_schedule(struct runtime *runtime, struct link *link);
// The link must be looked at by then.
void link_due_by(struct runtime *runtime, const struct link *link, uint64_t building_ms);
// The link of an id in the current plan, or NULL.
struct link *link_find(struct runtime *runtime, uint32_t id);
struct link *link_find_in(struct runtime_tables *tables, uint32_t id);
// Gives back what a link holds, and counts it as dropped.
void link_end(struct runtime *runtime, struct link *link);
// Another value has arrived: the input is fresh.
void link_mark_fresh(struct runtime *runtime, struct link *link, uint64_t born_ms);
const char *link_source_name(const struct runtime *runtime, const struct link *link);
const char *link_destination_name(const struct runtime *runtime, const struct link *link);
// A free message holding `value`, with the link's facts; NULL without room, which is counted and told.
struct message *link_message(struct runtime *runtime, struct link *link, struct bytes value, uint64_t trace, uint64_t born_ms);

// The next number of the link, with its source's epoch.
void link_number(const struct runtime *runtime, struct link *link, struct message *message);
// One CoAP request with the message; confirmable when `retransmit_max` is not 0.
enum error link_post(struct runtime *runtime, const struct link *link, const struct message *message, uint32_t retransmit_max);

// --- link_measure.c ------------------------------------------------------------------------------------------------------

// A message for a measurement, or NULL without room, which is counted and told.
struct message *link_make_measurement(struct runtime *runtime, struct link *link, struct bytes value, uint64_t trace,
                                      uint64_t born_ms);
// When what waits for an interval is due (building time), and its sending.
uint64_t link_held_due_ms(const struct link *link);
void link_send_held(struct runtime *runtime, struct link *link);
// A sign of life.
void link_peer_heard(struct peer *peer);
void link_probe_completed(struct runtime *runtime, const struct coap_completion *completion);

// --- link_serve.c ----------------------------------------------------------------------------------------------------------

// Serves POST or PUT of c/<id>.
void link_serve(struct runtime *runtime, const struct coap_request *request, struct coap_response *response);
// The message has taken effect, or never will (`code` 4.xx): passes its place in the link and answers its sender when batch
// `position` (0 for none) is durable.
void link_consumed(struct runtime *runtime, struct link *link, const struct message *message, uint64_t position, uint8_t code);
// Puts that place into the batch in hand, when the journal must know it. ERROR_TOO_LARGE.
enum error link_put_position(struct runtime *runtime, const struct link *link, const struct message *message, bool *put);
// Answers the request that waits, if its answer is due and durable.
void link_answer(struct runtime *runtime, struct link *link);
// Asks it to come again, if it has waited for long enough.
void link_put_off(struct runtime *runtime, struct link *link);

// --- resource.c ----------------------------------------------------------------------------------------------------------

// A command obeyed or refused. `*position` is the batch that holds it, 0 for none.
enum error resource_command(struct runtime *runtime, uint32_t index, const struct message *message, bool durable,
                            const char **outcome);
// The plan has it keep what it was told over a restart.
bool resource_is_durable(const struct runtime *runtime, uint32_t resource);
// Drives the actuator when what it must obey has changed.
void resource_settle(struct runtime *runtime, uint32_t index);
// Ends commands that are over; lowers runtime->building_deadline_ms.
void resource_advance(struct runtime *runtime);
// What a command does at the end of a link: obeyed or refused, its place passed, in one batch.
uint8_t resource_deliver(struct runtime *runtime, struct link *link, const struct message *message, uint64_t *position,
                         const char **outcome);

// --- durable.c -----------------------------------------------------------------------------------------------------------

static inline bool journal_is_there(const struct runtime *runtime) {
    return runtime->environment.journal != NULL;
}
// Adds to the batch in hand. ERROR_TOO_LARGE.
MUST_CHECK enum error batch_put(struct runtime *runtime, const struct journal_entry *entry);
// Gives the batch in hand to the journal and returns its position; 0 when it is empty.
uint64_t batch_close(struct runtime *runtime);
struct journal_entry batch_output(const struct message *message);
// After the journal was replayed: when the building's clock was set back meanwhile, nobody knows how old commands are, and all
// that came back are over.
void batch_distrust(struct runtime *runtime);
// Lets the link wait until the journal is durable further than now.
void disk_wait(struct runtime *runtime, struct link *link);

#endif
