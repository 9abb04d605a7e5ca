// Actuators of this node: commands obeyed or refused, their lifetimes, and what the driver is told.
//
// A command's effect is immediate; when the resource is durable, what it was told is in the journal before the command is
// acknowledged, so that after a restart the actuator obeys the same live command. Arbitration itself is actuator.c.
#include <math.h>

#include "core/rest.h"
#include "core/runtime_private.h"
#include "core/wire.h"

static bool in_range(const struct registration_resource *facts, struct bytes value) {
    double number = 0;
    switch (facts->type) {
    case TYPE_NUMBER:
        return wire_number(value, &number) && isfinite(number) &&
               (!facts->has_range || (number >= facts->minimum && number <= facts->maximum));
    case TYPE_BOOLEAN:
        return value.size == 1 && (value.data[0] == 0xf4 || value.data[0] == 0xf5);
    case TYPE_TEXT:
        return value.size > 0 && value.data[0] >> 5 == 3;
    case TYPE_ARRAY:
        return value.size > 0 && value.data[0] >> 5 == 4;
    case TYPE_ANY:
        return true;
    }
    return false;
}

void resource_settle(struct runtime *runtime, uint32_t index) {
    struct resource *resource = &runtime->memory.resources[index];
    uint32_t priority = 0;
    struct bytes value = actuator_value(&resource->actuator, &priority);
    bool same = resource->driven && bytes_equal(value, (struct bytes){resource->value, resource->value_size});
    if (priority == 0 && resource->priority != 0 && resource->driven) {
        event_tell(runtime, EVENT_ACTUATOR_SAFE, resource->facts->name, ERROR_NONE, "");
    }
    resource->priority = priority;
    if (!same) {
        if (value.size > 0) {
            memcpy(resource->value, value.data, value.size);
        }
        resource->value_size = (uint8_t)value.size;
        resource->driven = true;
        resource->updated_ms = runtime->building_ms;
        rest_resource_changed(runtime, index);
        runtime->environment.actuate(runtime->environment.context, index, value);
    }
    uint64_t deadline_ms = actuator_deadline(&resource->actuator);
    if (deadline_ms < runtime->building_deadline_ms) {
        runtime->building_deadline_ms = deadline_ms;
    }
}

static enum error put_command(struct runtime *runtime, const struct resource *resource, const struct message *message) {
    struct journal_entry entry = {.kind = JOURNAL_COMMAND,
                                  .priority = message->priority,
                                  .link = message->link,
                                  .trace = message->trace,
                                  .expires_ms = message->expires_ms,
                                  .value = message_bytes(message)};
    memcpy(entry.name, resource->facts->name, sizeof entry.name);
    if (wire_is_null(entry.value)) {
        entry.value.size = 0;
    }
    return batch_put(runtime, &entry);
}

// Writes down that the command of a priority has ended.
static void put_end(struct runtime *runtime, const struct resource *resource, uint32_t priority) {
    struct journal_entry entry = {.kind = JOURNAL_COMMAND, .priority = priority};
    if (journal_is_there(runtime)) {
        memcpy(entry.name, resource->facts->name, sizeof entry.name);
        enum error error = batch_put(runtime, &entry);
        ASSERT(error == ERROR_NONE); // one for each priority fits any batch
    }
}

enum error resource_command(struct runtime *runtime, uint32_t index, const struct message *message, bool durable,
                            const char **outcome) {
    struct resource *resource = &runtime->memory.resources[index];
    struct bytes value = message_bytes(message);
    enum error error = ERROR_DENIED;
    if (resource->facts->actuator && message->delivery == DELIVERY_COMMAND) {
        error = !wire_is_null(value) && !in_range(resource->facts, value) ? ERROR_MISMATCH : ERROR_NONE;
    }
    uint32_t gone = wire_is_null(value) ? 0 : actuator_gives_way(&resource->actuator, message->priority);
    if (error == ERROR_NONE) {
        error = actuator_command(&resource->actuator, runtime->building_ms, message->priority, value, message->expires_ms,
                                 message->link, message->trace);
    }
    if (error != ERROR_NONE) {
        *outcome = error == ERROR_EXPIRED    ? "late"
                   : error == ERROR_FULL     ? "the device keeps no more commands at once, and all of them outrank this one"
                   : error == ERROR_MISMATCH ? "the value is of the wrong type or outside the resource's range"
                                             : "the resource takes no such command";
        event_tell(runtime, error == ERROR_EXPIRED ? EVENT_COMMAND_EXPIRED : EVENT_COMMAND_REFUSED, resource->facts->name,
                   error, *outcome);
        return error;
    }
    if (gone != 0) {
        runtime->traffic[DELIVERY_COMMAND].counters.superseded++;
        event_tell(runtime, EVENT_COMMAND_REFUSED, resource->facts->name, ERROR_FULL, "a lower command gave way to this one");
        put_end(runtime, resource, gone);
    }
    if (durable && put_command(runtime, resource, message) != ERROR_NONE) {
        event_tell(runtime, EVENT_STATE_LOST, resource->facts->name, ERROR_TOO_LARGE, "the command is not in the journal");
    }
    resource_settle(runtime, index);
    // 0 is the safe value: the last command was relinquished, which is obeyed.
    *outcome = resource->priority != 0 && resource->priority < message->priority ? "outranked" : "obeyed";
    return ERROR_NONE;
}

static uint8_t code_of(enum error error) {
    switch ((int)error) {
    case ERROR_NONE:
        return COAP_CHANGED;
    case ERROR_EXPIRED:
        return COAP_PRECONDITION_FAILED;
    case ERROR_NOT_FOUND:
        return COAP_NOT_FOUND;
    default:
        return COAP_BAD_REQUEST;
    }
}

uint8_t resource_deliver(struct runtime *runtime, struct link *link, const struct message *message, uint64_t *position,
                         const char **outcome) {
    const struct runtime_tables *tables = runtime_tables(runtime);
    uint32_t end = link->plan->destination.index;
    uint32_t index = tables->resource_of_plan[end];
    bool durable = journal_is_there(runtime) && tables->plan.resources[end].durability == DURABILITY_LOCAL;
    enum error error = ERROR_NOT_FOUND;
    *outcome = "the resource is not on this node";
    if (index != NO_INDEX) {
        error = resource_command(runtime, index, message, durable, outcome);
    }
    if (error == ERROR_NONE) {
        COUNT(runtime, link, received);
    } else if (error == ERROR_EXPIRED) {
        COUNT(runtime, link, expired);
    } else {
        COUNT(runtime, link, refused);
    }
    uint8_t code = code_of(error);
    if (error == ERROR_NOT_FOUND) {
        return code; // a passing state: the message has not had its turn
    }
    if (durable && link->plan->source.kind == END_REMOTE) {
        const struct journal_entry entry = {
            .kind = JOURNAL_POSITION, .link = message->link, .epoch = message->epoch, .sequence = message->sequence};
        error = batch_put(runtime, &entry);
        ASSERT(error == ERROR_NONE); // a command and a position fit any batch
    }
    *position = batch_close(runtime);
    link->answer_outranked = code == COAP_CHANGED && strcmp(*outcome, "outranked") == 0;
    link_consumed(runtime, link, message, *position, code);
    return code;
}

enum error runtime_override(struct runtime *runtime, uint32_t index, uint32_t priority, struct bytes value,
                            uint64_t lifetime_ms) {
    static const uint8_t null_item[1] = {0xf6};
    ASSERT(index < runtime->resource_count && priority >= 1 && priority <= PRIORITY_COUNT);
    struct bytes item = value.size == 0 ? (struct bytes){null_item, 1} : value;
    if (item.size > ACTUATOR_VALUE_SIZE_MAX) {
        return ERROR_TOO_LARGE;
    }
    if (value.size > 0 && wire_is_null(value)) {
        return ERROR_MISMATCH;
    }
    struct message message = {.link = NO_INDEX,
                              .size = (uint16_t)item.size,
                              .delivery = DELIVERY_COMMAND,
                              .priority = (uint8_t)priority,
                              .trace = runtime_trace(runtime),
                              .born_ms = runtime->building_ms,
                              .expires_ms = runtime->building_ms + (value.size == 0 ? 1 : lifetime_ms)};
    memcpy(message.data, item.data, item.size);
    const char *outcome = "";
    enum error error = resource_command(runtime, index, &message, journal_is_there(runtime), &outcome);
    (void)batch_close(runtime);
    return error;
}

// Writes down that commands are over, so that a clock which is set back does not bring them back after a restart.
static void put_ended(struct runtime *runtime, uint32_t index) {
    const struct resource *resource = &runtime->memory.resources[index];
    bool durable = resource_is_durable(runtime, index);
    for (uint32_t priority = 1; priority <= PRIORITY_COUNT && journal_is_there(runtime); priority++) {
        const struct actuator_slot *slot = actuator_find(&resource->actuator, priority);
        if (slot != NULL && slot->expires_ms <= runtime->building_ms && (durable || slot->link == NO_INDEX)) {
            struct journal_entry entry = {
                .kind = JOURNAL_COMMAND, .priority = priority, .link = slot->link, .trace = slot->trace};
            memcpy(entry.name, resource->facts->name, sizeof entry.name);
            enum error error = batch_put(runtime, &entry);
            ASSERT(error == ERROR_NONE); // as many as there are priorities fit any batch
        }
    }
    (void)batch_close(runtime);
}

void resource_advance(struct runtime *runtime) {
    for (uint32_t i = 0; i < runtime->resource_count; i++) {
        struct resource *resource = &runtime->memory.resources[i];
        uint64_t deadline_ms = resource->facts->actuator ? actuator_deadline(&resource->actuator) : UINT64_MAX;
        if (deadline_ms <= runtime->building_ms) {
            put_ended(runtime, i);
            runtime->traffic[DELIVERY_COMMAND].counters.expired += actuator_expire(&resource->actuator, runtime->building_ms);
            resource_settle(runtime, i);
        } else if (deadline_ms < runtime->building_deadline_ms) {
            runtime->building_deadline_ms = deadline_ms;
        }
    }
}
