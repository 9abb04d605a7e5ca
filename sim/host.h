// One machine of the simulated building: its clock, its disk, its socket, and the real program that runs on it.
//
// The life of a host:
//
//   ABSENT --start--> UP --crash--> DOWN --start--> UP ...         GONE: taken out of the building for good
//                     UP --freeze--> FROZEN --thaw--> UP
//
// Port calls act on the current host, which host_enter sets. A call with an effect on the world asks host_effect first: when
// the crash countdown reaches zero there, the host is dead from this effect on, what it still tries in this turn is discarded,
// and the simulation closes the program after the turn.
#ifndef TENON_SIM_HOST_H
#define TENON_SIM_HOST_H

#include "node/node.h"
#include "orchestrator/orchestrator.h"
#include "sim/engine_tap.h"
#include "sim/flash.h"
#include "sim/random.h"
#include "sim/storage.h"

#define HOSTS_MAX 4096
// Datagrams that wait in a socket before it drops, as a kernel's buffer does.
#define INBOX_MAX 512
// Steps of the plant that wait in its socket.
#define PLANT_QUEUE_MAX 16

struct sim;

enum host_kind { HOST_NODE, HOST_ORCHESTRATOR, HOST_OPERATOR };
enum host_state { HOST_ABSENT, HOST_UP, HOST_FROZEN, HOST_DOWN, HOST_GONE };

// One datagram under way or in an inbox.
struct flight {
    struct flight *next;
    struct coap_address from;
    uint32_t to; // host
    uint64_t sent_us, arrived_us;
    uint32_t size;
    uint8_t data[DATAGRAM_SIZE_MAX];
};

struct host {
    struct sim *sim;
    uint32_t index;
    char name[NAME_SIZE_MAX];
    enum host_kind kind;
    enum host_state state;
    struct coap_address address;
    struct storage storage;
    struct sim_flash *flash; // of a microcontroller, over which its storage lies; NULL: a disk
    struct random entropy;
    uint64_t life;     // rises at each start and end
    uint32_t replaced; // how often the device was
    // clock: clock_us + (now - reference) x (1 + drift)
    uint64_t clock_us, reference_us;
    int32_t drift_ppm;
    int64_t unix_offset_ms;
    uint64_t read_us, read_clock_us; // the last reading, for a program reads its clock several times a turn
    // turns
    uint64_t wake_us;   // of the next turn, UINT64_MAX for none
    uint64_t queued_us; // of the occasion that stands for it in the heap; earlier is fine, it is planned again then
    uint64_t busy_until_us;
    uint32_t slow_us; // what a turn takes on a slow host
    uint32_t spins;   // turns at one moment, to find endless loops
    uint64_t spin_us;
    // crash
    uint64_t countdown; // effects left; 0: none planned
    bool dead;
    bool opening;
    uint64_t effects;
    // socket
    bool bound;
    struct flight *inbox_head, *inbox_tail;
    uint32_t inbox_count;
    uint64_t longest_delay_us; // on the network, of a datagram taken in this life: a bound for checkers
    // programs
    struct node_config config;
    struct node *node;
    struct engine_tap tap;
    struct orchestrator *orchestrator;
    struct store *store;
    struct operator_state *operator_state;
    struct plant_driver *plant;
    uint64_t published_us; // it read a step of the plant
    uint64_t planned_us;   // it took another plan, or started
    uint64_t plan_revision;
    // what it lost at crashes, for the counters' checker
    struct link_counters past[DELIVERY_CLASS_COUNT];
    uint64_t lives;
};

// The host whose program runs, NULL between turns.
struct host *host_current(void);
void host_enter(struct host *host);
void host_leave(void);
// Asked before each effect on the world. False: the host is dead, the effect must not happen.
bool host_effect(struct host *host, const char *what);
uint64_t host_clock_us(struct host *host);
void host_set_clock(struct host *host, uint64_t clock_us);
// The virtual time at which the host's clock will show this.
uint64_t host_time_of_clock(struct host *host, uint64_t clock_us);
// Changes the drift from now on, without a jump.
void host_set_drift(struct host *host, int32_t drift_ppm);

// --- lives: host_life.c --------------------------------------------------------------------------------------------------

void host_start(struct host *host);
// Ends the program: what was not flushed is lost or torn.
void host_crash(struct host *host, const char *why);
// Ends the program at the end of a run; nobody looks any more.
void host_stop(struct host *host);
void host_turn(struct host *host);
// Plans a turn at this time, unless an earlier one is planned.
void host_wake(struct host *host, uint64_t time_us);
// The occasion that was planned for a turn at `queued_us` has come.
void host_woken(struct host *host, uint64_t queued_us);
void host_drop_inbox(struct host *host);

#endif
