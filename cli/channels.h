// What happened on every channel, put together from both of its ends.
//
//   channels_collect --> look at rows and nodes, or channels_json --> channels_free
//
// The orchestrator says which links there are and where; each live node says what it counted. A node that does not answer
// within a second is given up and named, and what only it knows is unknown rather than 0.
#ifndef TENON_CLI_CHANNELS_H
#define TENON_CLI_CHANNELS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What a node counts at its end of a link, in the order of channel_counter_names.
enum channel_counter {
    COUNTER_SENT,
    COUNTER_RECEIVED,
    COUNTER_DROPPED,
    COUNTER_SUPERSEDED,
    COUNTER_DUPLICATES,
    COUNTER_REFUSED,
    COUNTER_EXPIRED,
    COUNTER_RETRIED,
    COUNTER_LOST,
    COUNTER_FALLBACKS,
    COUNTER_QUARANTINED,
    COUNTER_PENDING,
    COUNTER_COUNT
};
extern const char *const channel_counter_names[COUNTER_COUNT];

struct channel_end {
    bool known; // its node answered, and has the link in its plan
    bool stale;
    uint64_t counters[COUNTER_COUNT];
};

struct channel_row {
    uint32_t id;
    const char *source; // texts belong to the report
    const char *destination;
    const char *delivery;
    const char *source_node; // "" for none
    const char *destination_node;
    struct channel_end ends[2]; // source, destination; of a link within one node both are the same
};

struct channel_node {
    const char *name;
    const char *address;
    bool alive;    // as the orchestrator sees it; a dead one is not asked
    bool answered; // else its counters are not in here
    uint64_t totals[COUNTER_COUNT];
};

struct channels {
    json_t *answer; // of the orchestrator, behind the texts
    size_t row_count;
    struct channel_row *rows; // in the order of their ids
    size_t node_count;
    struct channel_node *nodes;
};

// False after a message in the command's name. Nodes that do not answer are no failure.
bool channels_collect(const char *command, const char *orchestrator, struct channels *out);
void channels_free(struct channels *channels);

// One counter of the whole link. False when the end that knows it did not answer. Who knows: the source what it sent, retried
// and holds, and how many events and commands were refused for good, for it is told (a late command counts as refused and as
// expired); the destination what it received, had before, missed, fell back on and set aside. What was dropped, superseded or
// expired adds up from both.
bool channel_count(const struct channel_row *row, enum channel_counter counter, uint64_t *out);

// The task or resource of an end: "thermostat.heating" belongs to "thermostat".
bool channel_end_is_of(const char *end, const char *name);

// {"id", "source", ..., each counter or null, "stale", "complete", "at_source", "at_destination"}; a new reference.
json_t *channel_json(const struct channel_row *row);
json_t *channel_node_json(const struct channel_node *node);

// The sum over all nodes that answered.
void channels_totals(const struct channels *channels, uint64_t out[COUNTER_COUNT]);
// Writes " (without NAME, NAME)" for the nodes that did not answer, "" when all did.
void channels_missing(const struct channels *channels, char *out, size_t size);

#endif
