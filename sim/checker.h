// The laws, checked in every run: what components and actuators see is compared with what was sent, on true time.
//
// One record for each link of the plans, by its id. Checkers look through the taps (engine_tap.c, plant_driver.c,
// port_journal.c); they change nothing. Each is a file of its own; a sabotage of the taps shows for each that it sees.
//
//   delivery   an event takes effect exactly once and in order; nothing acknowledged is lost; no message between ports that no
//              channel connects. What durability `none` may lose or repeat at a crash is let through, and counted.
//   command    none is obeyed, and none stays in force, after its expiry on true time (the bounds are named there)
//   freshness  no input holds a measurement that is older than declared without its fallback being in force
//   writer     one host drives an actuator, and the epoch of what it obeys never falls
//   counters   what the nodes count agrees with what was seen, and nothing is unaccounted
//   limits     memory, queues and pools stay within what was promised; nothing leaks when a node ends
//   storage    flash gives back what was written, through torn programs and torn erases (mcu.h)
#ifndef TENON_SIM_CHECKER_H
#define TENON_SIM_CHECKER_H

#include "core/runtime.h"
#include "sim/random.h"

struct sim;
struct host;
struct sim_point;

// Ways in which the simulator's own taps cheat, so that a test sees each checker catch it.
enum sabotage {
    SABOTAGE_NONE = 0,
    SABOTAGE_TWICE,    // an event is given to its component twice
    SABOTAGE_LOSE,     // an event is not given to its component
    SABOTAGE_SWAP,     // an event is swapped with the one before it
    SABOTAGE_STRANGER, // a message arrives over a channel that the policy does not have
    SABOTAGE_FLUSH,    // the disk says flushed and is not
    SABOTAGE_CLOCK,    // clocks of nodes with actuators run at a third of their speed: expiry comes late
    SABOTAGE_STALE,    // so do those of the other nodes: staleness comes late
    SABOTAGE_WRITER,   // a node drives its neighbour's actuator
    SABOTAGE_COUNT,    // a counter counts one too few
    SABOTAGE_CACHE,    // flash takes what it is told last into a cache and loses it with the power
    SABOTAGE_MEMORY,   // an instance holds more memory than its manifest says
    SABOTAGE_COUNT_MAX,
};
const char *sabotage_text(enum sabotage sabotage);

// One message that was sent over a link.
struct sent {
    uint64_t hash;
    uint64_t sequence; // 0 until its unit of work is over
    uint64_t sent_us;
    uint32_t epoch; // of its source
    bool optional;  // may be lost: an end of the link lost its memory
};

#define SENT_KEPT 256 // a power of two, above all that a link can have under way

struct channel {
    bool seen;
    enum delivery_class delivery;
    char source[2 * NAME_SIZE_MAX];
    char destination[2 * NAME_SIZE_MAX];
    bool known; // checked against the policy
    uint32_t expiry_ms;
    uint32_t stale_after_ms;
    uint64_t last_sent_us;
    uint64_t last_sequence; // of a measurement that was taken
    uint32_t last_epoch;
    uint32_t taken_epoch; // of the last event or command, by this host in this life
    uint32_t taken_host;
    uint64_t taken_life;
    uint32_t last_host; // that took it, in this life
    uint64_t last_life;

    uint64_t written, read; // counts of messages ever; the ring holds the last SENT_KEPT
    uint64_t replay_until;  // messages below it may be seen again: the receiver lost its memory
    uint32_t source_epoch, destination_epoch;
    uint32_t source_host, destination_host; // last seen there
    uint32_t obeyed_epoch;
    struct sent *ring;
};

// What is undone when the host dies before its journal is flushed.
struct effect {
    uint32_t channel;
    bool received;  // else sent
    uint64_t read;  // of the channel before it
    uint32_t epoch; // last_epoch of the channel before it
    uint64_t batch;
};

// The effects of a host, oldest first. The last `open` belong to the unit of work in hand: when its task did not count it as
// handled (no room for its outputs), it has not happened and the message comes again.
struct effects {
    struct effect *items;
    uint32_t count, room;
    uint32_t open;
    bool durable;     // the unit of work is in the journal
    uint32_t task;    // that works, NO_INDEX for a parameter
    uint64_t handled; // messages that it had handled before
    uint64_t revision;
};

struct checkers {
    struct sim *sim;
    struct channel *channels; // by link id
    uint32_t count;
    struct effects *effects; // by host
    uint64_t cheats;
    struct message held; // SABOTAGE_SWAP
    // for the report
    uint64_t received[DELIVERY_CLASS_COUNT];
    uint64_t emitted[DELIVERY_CLASS_COUNT];
    uint64_t asked, told; // messages whose source wants to know what became of them, and outcomes that it was told
    uint64_t forgiven;    // losses and repetitions that durability `none` allows, and that happened
    uint64_t commands_obeyed;
    uint64_t worst_late_us; // a command obeyed after its expiry, within the bound
};

void checkers_open(struct checkers *checkers, struct sim *sim);
void checkers_close(struct checkers *checkers);
struct channel *checker_channel(struct checkers *checkers, uint32_t link);

// --- what the taps tell --------------------------------------------------------------------------------------------------

void checker_received(struct checkers *checkers, const struct host *host, const struct task *task, uint32_t input,
                      const struct message *message);
void checker_emitted(struct checkers *checkers, const struct host *host, const struct task *task, const struct outbox *outbox,
                     bool parameter);
void checker_actuated(struct checkers *checkers, const struct host *host, const struct sim_point *point, bool has_value);
// The unit of work before is over: called before the next one and at the end of each turn.
void checker_settle(struct checkers *checkers, const struct host *host);
// Batches up to this number are durable.
void checker_durable(struct checkers *checkers, const struct host *host, uint64_t batch);
// The host's program is about to end; of its journal the batches up to `survived` are left.
void checker_crashed(struct checkers *checkers, const struct host *host, uint64_t survived);
void checker_closed(struct checkers *checkers, const struct host *host);
// The host's disk is gone.
void checker_replaced(struct checkers *checkers, const struct host *host);
// How often the tap gives this message to the component: 1, unless it is told to cheat.
uint32_t checker_sabotaged_times(struct checkers *checkers, const struct message *message);

// --- now and then, and at the end ----------------------------------------------------------------------------------------

void checkers_look(struct checkers *checkers);
void checkers_finish(struct checkers *checkers);

// checker_delivery.c
void delivery_received(struct checkers *checkers, const struct host *host, const struct task *task, struct channel *channel,
                       const struct message *message);
// What a sensor said is not recorded: its events carry numbers without a hole, and `read` of the channel is the last one.
void delivery_from_sensor(struct checkers *checkers, const struct host *host, const struct task *task, struct channel *channel,
                          const struct message *message);
void delivery_finish(struct checkers *checkers);
// checker_command.c
void command_look(struct checkers *checkers, const struct host *host);
// checker_freshness.c
void freshness_look(struct checkers *checkers, const struct host *host);
// checker_counters.c
void counters_finish(struct checkers *checkers);
// checker_limits.c
void limits_look(struct checkers *checkers, const struct host *host);

#endif
