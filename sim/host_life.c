// Starts, turns and ends of the programs on a host.
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "sim/mcu.h"
#include "sim/operator.h"
#include "sim/sim.h"

// A program that cannot start is started again by its service manager after this long.
#define START_AGAIN_US (5 * SECOND_US)
// Power that comes back fails again in the midst of the start so often (ppm), within so many effects.
#define FLICKER_PPM 250000
#define FLICKER_EFFECTS 12
// What a turn costs when there is more to do at once.
#define TURN_US 50
// Turns without a wait within one second of virtual time: more is an endless loop.
#define SPINS_MAX 100000

void host_wake(struct host *host, uint64_t time_us) {
    if (host->state != HOST_UP || host->wake_us <= time_us) {
        return;
    }
    host->wake_us = time_us;
    if (host->queued_us > time_us) {
        host->queued_us = time_us;
        scheduler_plan(&host->sim->scheduler,
                       (struct occasion){.time_us = time_us, .kind = OCCASION_WAKE, .host = host->index, .value = time_us});
    }
}

void host_woken(struct host *host, uint64_t queued_us) {
    if (host->queued_us != queued_us) {
        return; // another occasion took its place
    }
    host->queued_us = UINT64_MAX;
    if (host->wake_us <= host->sim->now_us) {
        host_turn(host);
    } else if (host->wake_us != UINT64_MAX) {
        uint64_t time_us = host->wake_us;
        host->wake_us = UINT64_MAX;
        host_wake(host, time_us);
    }
}

void host_drop_inbox(struct host *host) {
    while (host->inbox_head != NULL) {
        struct flight *next = host->inbox_head->next;
        network_release(&host->sim->network, host->inbox_head);
        host->inbox_head = next;
    }
    host->inbox_tail = NULL;
    host->inbox_count = 0;
}

// --- programs ------------------------------------------------------------------------------------------------------------

static void orchestrator_transmit(void *context, const struct coap_address *peer, struct bytes datagram) {
    struct host *host = context;
    if (host_effect(host, "send")) {
        network_send(host->sim, host, peer, datagram);
    }
}

static void orchestrator_line(void *context, uint64_t unix_ms, const char *text) {
    const struct host *host = context;
    const char *folder = strstr(text, host->sim->folder);
    char line[512];
    (void)unix_ms;
    if (folder == NULL) {
        port_log_line(text);
        return;
    }
    // The folder of the store has a name by chance, which must not get into the trace: a run would not repeat itself.
    snprintf(line, sizeof line, "%.*sstore%s", (int)(folder - text), text, folder + strlen(host->sim->folder));
    port_log_line(line);
}

static struct moment moment_now(void) {
    return (struct moment){port_clock_ms(), port_unix_ms()};
}

static enum error open_orchestrator(struct host *host, char refusal[256]) {
    struct sim *sim = host->sim;
    struct orchestrator_options options = {.dead_after_ms = sim->options.dead_after_ms,
                                           .context = host,
                                           .transmit = orchestrator_transmit,
                                           .log = orchestrator_line,
                                           .seed = port_entropy64()};
    enum error error = store_open(sim->folder, &host->store, refusal);
    if (error == ERROR_NONE) {
        error = orchestrator_open(&options, host->store, moment_now(), &host->orchestrator, refusal);
    }
    if (error != ERROR_NONE) {
        store_close(host->store);
        host->store = NULL;
        return error;
    }
    host->bound = true;
    return ERROR_NONE;
}

// The files and the journal are put in order at a start, so that is where a second power cut hurts.
static void start_flash(struct host *host) {
    struct sim *sim = host->sim;
    bool faults = sim->faults.mean_us[FAULT_CRASH_WITHIN] > 0 && sim->now_us > WARM_UP_US && sim->now_us < sim->faults_end_us;
    if (faults && host->life > 1 && random_chance(&host->flash->random, FLICKER_PPM)) {
        host->countdown = 1 + random_below(&host->flash->random, FLICKER_EFFECTS);
    }
    mcu_start(host);
}

static enum error open_program(struct host *host, char refusal[256]) {
    switch (host->kind) {
    case HOST_NODE:
        if (host->flash != NULL) {
            start_flash(host);
        }
        engine_tap_start(&host->tap, host, host->sim->engine);
        return node_open(&host->config, &host->tap.engine, &host->node, refusal);
    case HOST_ORCHESTRATOR:
        return open_orchestrator(host, refusal);
    case HOST_OPERATOR:
        host->bound = true;
        return operator_open(host);
    }
    return ERROR_NONE;
}

static void close_program(struct host *host) {
    host_enter(host);
    host->dead = true; // whatever closing does has no effect on the world
    node_close(host->node);
    orchestrator_close(host->orchestrator);
    store_close(host->store);
    operator_close(host);
    host_leave();
    host->node = NULL;
    host->orchestrator = NULL;
    host->store = NULL;
    host->bound = false;
    host->dead = false;
    host_drop_inbox(host);
}

// --- turns ---------------------------------------------------------------------------------------------------------------

static void orchestrator_turn(struct host *host) {
    for (uint32_t i = 0; i < 256 && host->inbox_head != NULL; i++) {
        struct flight *flight = host->inbox_head;
        host->inbox_head = flight->next;
        host->inbox_tail = flight->next == NULL ? NULL : host->inbox_tail;
        host->inbox_count--;
        orchestrator_receive(host->orchestrator, moment_now(), &flight->from, (struct bytes){flight->data, flight->size});
        network_release(&host->sim->network, flight);
    }
    orchestrator_advance(host->orchestrator, moment_now());
}

// Milliseconds that the program wants to wait.
static uint64_t turn(struct host *host) {
    uint64_t deadline_ms = UINT64_MAX;
    uint64_t now_ms = port_clock_ms();
    switch (host->kind) {
    case HOST_NODE:
        node_step(host->node);
        return node_wait_ms(host->node);
    case HOST_ORCHESTRATOR:
        orchestrator_turn(host);
        deadline_ms = orchestrator_deadline(host->orchestrator);
        break;
    case HOST_OPERATOR:
        deadline_ms = operator_turn(host);
        break;
    }
    return deadline_ms == UINT64_MAX ? UINT64_MAX : deadline_ms > now_ms ? deadline_ms - now_ms : 0;
}

// Plans the next turn. A host without an end of its work within a second is stuck.
static void plan_turn(struct host *host, uint64_t wait_ms) {
    struct sim *sim = host->sim;
    uint64_t now_us = sim->now_us;
    if (host->slow_us > 0) {
        host->busy_until_us = now_us + host->slow_us;
    }
    if (wait_ms == 0) {
        host->spins = now_us - host->spin_us < SECOND_US ? host->spins + 1 : 0;
        host->spin_us = host->spins == 0 ? now_us : host->spin_us;
        if (host->spins > SPINS_MAX) {
            sim_breach(sim, "progress", "%s takes turns without end and never waits", host->name);
        }
        host_wake(host, now_us + TURN_US);
    } else if (wait_ms < UINT64_MAX / 2000) {
        uint64_t wanted_ms = host_clock_us(host) / 1000 + wait_ms;
        host_wake(host, host_time_of_clock(host, wanted_ms * 1000));
    }
    if (host->inbox_head != NULL) {
        host_wake(host, now_us + TURN_US);
    }
}

static void note_plan(struct host *host) {
    uint64_t revision = runtime_tables(node_runtime(host->node))->plan.revision;
    if (revision != host->plan_revision) {
        host->plan_revision = revision;
        host->planned_us = host->sim->now_us;
    }
}

void host_turn(struct host *host) {
    if (host->state != HOST_UP) {
        return;
    }
    if (host->busy_until_us > host->sim->now_us) {
        host->wake_us = UINT64_MAX;
        host_wake(host, host->busy_until_us);
        return;
    }
    host->wake_us = UINT64_MAX;
    host->sim->totals.turns++;
    host_enter(host);
    uint64_t wait_ms = turn(host);
    host_leave();
    if (host->node != NULL && !host->dead) {
        checker_settle(&host->sim->checkers, host);
    }
    if (host->dead) {
        host_crash(host, "in the middle of a turn");
        return;
    }
    if (host->node != NULL) {
        note_plan(host);
    }
    plan_turn(host, wait_ms);
}

// --- start and end -------------------------------------------------------------------------------------------------------

static void plan_start(struct host *host, uint64_t after_us) {
    scheduler_plan(&host->sim->scheduler, (struct occasion){.time_us = host->sim->now_us + after_us,
                                                            .kind = OCCASION_START,
                                                            .host = host->index,
                                                            .value = host->life});
}

void host_start(struct host *host) {
    struct sim *sim = host->sim;
    char refusal[256] = "";
    if (host->state == HOST_UP || host->state == HOST_FROZEN || host->state == HOST_GONE) {
        return;
    }
    host->life++;
    host->state = HOST_UP;
    host->wake_us = UINT64_MAX;
    host->busy_until_us = 0;
    host->longest_delay_us = 0;
    host->planned_us = sim->now_us;
    host->plan_revision = 0;
    sim->totals.starts++;
    TRACE(sim, TRACE_START, host, host->life, "starts (life %llu)", (unsigned long long)host->life);
    host_enter(host);
    enum error error = open_program(host, refusal);
    host_leave();
    if (error != ERROR_NONE || host->dead) {
        TRACE(sim, TRACE_START, host, (uint64_t)error, "does not start: %s", refusal);
        host_crash(host, "at its start");
        return;
    }
    host_wake(host, sim->now_us);
}

static void keep_counters(struct host *host) {
    const struct runtime *runtime = node_runtime(host->node);
    for (uint32_t i = 0; i < DELIVERY_CLASS_COUNT; i++) {
        const uint64_t *from = (const uint64_t *)&runtime->traffic[i].counters;
        uint64_t *to = (uint64_t *)&host->past[i];
        for (size_t k = 0; k < sizeof host->past[i] / sizeof *to; k++) {
            to[k] += from[k];
        }
    }
}

void host_stop(struct host *host) {
    if (host->state == HOST_UP || host->state == HOST_FROZEN) {
        close_program(host);
        host->state = HOST_GONE;
    }
    host_drop_inbox(host);
}

void host_crash(struct host *host, const char *why) {
    struct sim *sim = host->sim;
    uint64_t survived = 0;
    if (host->state != HOST_UP && host->state != HOST_FROZEN) {
        return;
    }
    TRACE(sim, TRACE_CRASH, host, host->effects, "ends %s", why);
    if (host->flash != NULL) {
        mcu_crash(host, &survived);
    } else {
        storage_crash(&host->storage, &sim->faults.random, &survived);
    }
    if (host->node != NULL) {
        keep_counters(host);
        checker_crashed(&sim->checkers, host, survived);
    }
    close_program(host);
    checker_closed(&sim->checkers, host);
    host->life++;
    host->state = HOST_DOWN;
    host->countdown = 0;
    sim->totals.crashes++;
    plan_start(host, START_AGAIN_US + random_below(&sim->faults.random, 4 * START_AGAIN_US));
}
