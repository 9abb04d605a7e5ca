#include "sim/faults.h"

#include <stdlib.h>

#include "core/assert.h"
#include "sim/sim.h"

// Within so many effects a host dies that is told to die in the middle of a turn.
#define WITHIN_EFFECTS 12
// A host that had no such effect dies then all the same.
#define WITHIN_US (60 * SECOND_US)

static const char *const kind_texts[FAULT_KIND_COUNT] = {"crash",   "crash-within", "freeze",    "slow",         "cut",
                                                         "isolate", "clock-step",   "disk-full", "orchestrator", "replace"};

struct profile {
    const char *name;
    struct network_rates network;
    uint64_t mean_minutes[FAULT_KIND_COUNT]; // for the whole building
    uint32_t fail_ppm;
    int32_t drift_ppm_max;
};

// `light` is what a healthy building has in a bad hour; `lifetime` is meant for years: something every few hours, a device
// replaced each month; `standard` has every fault within hours; `heavy` has them all the time.
static const struct profile profiles[] = {
    {.name = "none", .network = {.delay_us = 500, .jitter_us = 200}},
    {.name = "light",
     .network = {.loss_ppm = 20000,
                 .duplicate_ppm = 10000,
                 .reorder_ppm = 10000,
                 .delay_us = 1000,
                 .jitter_us = 4000,
                 .reorder_us = 100000},
     .mean_minutes = {[FAULT_CUT] = 60, [FAULT_SLOW] = 90},
     .drift_ppm_max = 50},
    {.name = "lifetime",
     .network = {.loss_ppm = 20000,
                 .duplicate_ppm = 5000,
                 .reorder_ppm = 10000,
                 .delay_us = 1000,
                 .jitter_us = 5000,
                 .reorder_us = 200000},
     .mean_minutes = {[FAULT_CRASH] = 2880,
                      [FAULT_CRASH_WITHIN] = 2880,
                      [FAULT_FREEZE] = 7200,
                      [FAULT_SLOW] = 7200,
                      [FAULT_CUT] = 1440,
                      [FAULT_ISOLATE] = 2880,
                      [FAULT_CLOCK_STEP] = 43200,
                      [FAULT_DISK_FULL] = 43200,
                      [FAULT_ORCHESTRATOR] = 10080,
                      [FAULT_REPLACE] = 43200},
     .fail_ppm = 20,
     .drift_ppm_max = 50},
    {.name = "standard",
     .network = {.loss_ppm = 50000,
                 .duplicate_ppm = 20000,
                 .reorder_ppm = 30000,
                 .delay_us = 1000,
                 .jitter_us = 10000,
                 .reorder_us = 500000},
     .mean_minutes = {[FAULT_CRASH] = 60,
                      [FAULT_CRASH_WITHIN] = 30,
                      [FAULT_FREEZE] = 90,
                      [FAULT_SLOW] = 120,
                      [FAULT_CUT] = 45,
                      [FAULT_ISOLATE] = 90,
                      [FAULT_CLOCK_STEP] = 240,
                      [FAULT_DISK_FULL] = 240,
                      [FAULT_ORCHESTRATOR] = 120,
                      [FAULT_REPLACE] = 43200},
     .fail_ppm = 200,
     .drift_ppm_max = 100},
    {.name = "heavy",
     .network = {.loss_ppm = 200000,
                 .duplicate_ppm = 50000,
                 .reorder_ppm = 100000,
                 .delay_us = 2000,
                 .jitter_us = 50000,
                 .reorder_us = 2000000},
     .mean_minutes = {[FAULT_CRASH] = 10,
                      [FAULT_CRASH_WITHIN] = 4,
                      [FAULT_FREEZE] = 20,
                      [FAULT_SLOW] = 20,
                      [FAULT_CUT] = 8,
                      [FAULT_ISOLATE] = 20,
                      [FAULT_CLOCK_STEP] = 30,
                      [FAULT_DISK_FULL] = 60,
                      [FAULT_ORCHESTRATOR] = 30,
                      [FAULT_REPLACE] = 90},
     .fail_ppm = 2000,
     .drift_ppm_max = 300},
};

const char *fault_kind_text(enum fault_kind kind) {
    return (unsigned)kind < FAULT_KIND_COUNT ? kind_texts[kind] : "unknown";
}

enum error faults_choose(struct sim *sim, const char *name) {
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        if (strcmp(profiles[i].name, name) == 0) {
            sim->faults.name = profiles[i].name;
            sim->network.rates = profiles[0].network; // the warm-up is fair weather
            for (uint32_t k = 0; k < FAULT_KIND_COUNT; k++) {
                sim->faults.mean_us[k] = profiles[i].mean_minutes[k] * MINUTE_US;
            }
            sim->faults.fail_ppm = profiles[i].fail_ppm;
            sim->faults.drift_ppm_max = profiles[i].drift_ppm_max;
            return ERROR_NONE;
        }
    }
    return ERROR_NOT_FOUND;
}

static void plan_next(struct sim *sim, enum fault_kind kind) {
    if (sim->faults.mean_us[kind] > 0) {
        uint64_t time_us = sim->now_us + random_exponential(&sim->faults.random, sim->faults.mean_us[kind]);
        if (time_us < sim->faults_end_us) {
            scheduler_plan(&sim->scheduler, (struct occasion){.time_us = time_us, .kind = OCCASION_FAULT, .value = kind});
        }
    }
}

void faults_begin(struct sim *sim) {
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        if (strcmp(profiles[i].name, sim->faults.name) == 0) {
            sim->network.rates = profiles[i].network;
        }
    }
    for (uint32_t i = 0; i < sim->host_count; i++) {
        struct host *host = sim->hosts[i];
        int32_t span = sim->faults.drift_ppm_max;
        if (host->kind != HOST_OPERATOR) {
            host->storage.fail_ppm = sim->faults.fail_ppm;
            host_set_drift(host, span == 0 ? 0 : (int32_t)random_below(&sim->faults.random, 2u * (uint32_t)span + 1u) - span);
        }
    }
    if (sim->options.sabotage == SABOTAGE_CLOCK || sim->options.sabotage == SABOTAGE_STALE) {
        for (uint32_t i = 0; i < sim->host_count; i++) {
            bool chosen = (sim->hosts[i]->config.resource_count > 0) == (sim->options.sabotage == SABOTAGE_CLOCK);
            host_set_drift(sim->hosts[i], chosen && sim->hosts[i]->kind == HOST_NODE ? -700000 : 0);
        }
    }
    for (uint32_t kind = 0; kind < FAULT_KIND_COUNT; kind++) {
        plan_next(sim, (enum fault_kind)kind);
    }
}

static void plan_undo(struct sim *sim, enum fault_kind kind, uint32_t host, uint32_t other, uint64_t after_us) {
    struct undo *undo = malloc(sizeof *undo);
    ASSERT(undo != NULL);
    *undo = (struct undo){kind, host, other, sim->hosts[host]->life};
    scheduler_plan(&sim->scheduler,
                   (struct occasion){.time_us = sim->now_us + after_us, .kind = OCCASION_UNDO, .host = host, .pointer = undo});
}

static void isolate(struct sim *sim, uint32_t host, bool cut) {
    for (uint32_t i = 0; i < sim->host_count; i++) {
        if (i != host) {
            network_cut(sim, host, i, cut);
            network_cut(sim, i, host, cut);
        }
    }
}

void faults_thaw(struct host *host) {
    if (host->state == HOST_FROZEN) {
        host->state = HOST_UP;
        host->wake_us = UINT64_MAX;
        host_wake(host, host->sim->now_us);
    }
}

void faults_undo(struct sim *sim, struct undo *undo) {
    struct host *host = sim->hosts[undo->host];
    TRACE(sim, TRACE_FAULT, host, undo->kind, "%s is over", fault_kind_text(undo->kind));
    switch (undo->kind) {
    case FAULT_FREEZE:
        faults_thaw(host);
        break;
    case FAULT_SLOW:
        host->slow_us = 0;
        break;
    case FAULT_CUT:
        network_cut(sim, undo->host, undo->other, false);
        break;
    case FAULT_ISOLATE:
        isolate(sim, undo->host, false);
        break;
    case FAULT_DISK_FULL:
        host->storage.full = false;
        break;
    case FAULT_ORCHESTRATOR:
    case FAULT_REPLACE:
        host_start(host);
        break;
    case FAULT_CRASH_WITHIN:
        if (host->countdown > 0 && host->life == undo->life) {
            host_crash(host, "between two turns");
        }
        break;
    case FAULT_CRASH:
    case FAULT_CLOCK_STEP:
    case FAULT_KIND_COUNT:
        break;
    }
    free(undo);
}

void faults_end(struct sim *sim) {
    sim->network.rates = profiles[0].network;
    network_heal(sim);
    for (uint32_t i = 0; i < sim->host_count; i++) {
        struct host *host = sim->hosts[i];
        host->storage.full = false;
        host->storage.fail_ppm = 0;
        host->slow_us = 0;
        host->countdown = 0;
        faults_thaw(host);
        if (host->state == HOST_DOWN) {
            host_start(host);
        }
    }
}

void faults_step(struct host *host, int64_t step_ms) {
    host->unix_offset_ms += step_ms;
    host->sim->faults.set_back_us += step_ms < 0 ? (uint64_t)-step_ms * 1000 : 0;
}

// The device is taken out; what comes back in its place knows nothing.
void faults_replace(struct sim *sim, struct host *host) {
    host_crash(host, "for good: the device is replaced");
    host->life++;
    host->replaced++;
    checker_replaced(&sim->checkers, host);
    storage_free(&host->storage);
    if (host->flash != NULL) {
        sim_flash_replace(host->flash);
    }
    host_set_clock(host, random_below(&sim->faults.random, HOUR_US));
    plan_undo(sim, FAULT_REPLACE, host->index, 0, MINUTE_US);
}

static void kill_host(struct host *host) {
    host_crash(host, "and stays down");
    host->life++; // so that the planned start is stale
}

static struct host *pick_node(struct sim *sim) {
    uint32_t first = (uint32_t)random_below(&sim->faults.random, sim->host_count);
    for (uint32_t i = 0; i < sim->host_count; i++) {
        struct host *host = sim->hosts[(first + i) % sim->host_count];
        if (host->kind == HOST_NODE && host->state == HOST_UP) {
            return host;
        }
    }
    return NULL;
}

static uint64_t some_time(struct sim *sim, uint64_t mean_us) {
    return SECOND_US + random_exponential(&sim->faults.random, mean_us);
}

// Faults that hit one node.
static void happen_to(struct sim *sim, enum fault_kind kind, struct host *host) {
    struct random *random = &sim->faults.random;
    struct host *other = pick_node(sim);
    switch (kind) {
    case FAULT_CRASH:
        host_crash(host, "between two turns");
        break;
    case FAULT_CRASH_WITHIN:
        host->countdown = 1 + random_below(random, WITHIN_EFFECTS);
        plan_undo(sim, kind, host->index, 0, WITHIN_US);
        break;
    case FAULT_FREEZE:
        host->state = HOST_FROZEN;
        plan_undo(sim, kind, host->index, 0, some_time(sim, MINUTE_US));
        break;
    case FAULT_SLOW:
        host->slow_us = 1000 + (uint32_t)random_below(random, 100000);
        plan_undo(sim, kind, host->index, 0, some_time(sim, 2 * MINUTE_US));
        break;
    case FAULT_CUT:
        if (other != NULL && other != host) {
            network_cut(sim, host->index, other->index, true);
            plan_undo(sim, kind, host->index, other->index, some_time(sim, 2 * MINUTE_US));
        }
        break;
    case FAULT_ISOLATE:
        isolate(sim, host->index, true);
        plan_undo(sim, kind, host->index, 0, some_time(sim, 2 * MINUTE_US));
        break;
    case FAULT_CLOCK_STEP:
        faults_step(host, (int64_t)random_below(random, 7200001) - 3600000);
        break;
    case FAULT_DISK_FULL:
        host->storage.full = true;
        plan_undo(sim, kind, host->index, 0, some_time(sim, 2 * MINUTE_US));
        break;
    case FAULT_REPLACE:
        faults_replace(sim, host);
        break;
    case FAULT_ORCHESTRATOR:
    case FAULT_KIND_COUNT:
        break;
    }
}

void faults_happen(struct sim *sim, enum fault_kind kind) {
    struct host *host = kind == FAULT_ORCHESTRATOR ? sim_find_host(sim, "orchestrator") : pick_node(sim);
    if (host != NULL && host->state == HOST_UP) {
        sim->faults.done[kind]++;
        TRACE(sim, TRACE_FAULT, host, kind, "fault: %s", fault_kind_text(kind));
        if (kind == FAULT_ORCHESTRATOR && random_chance(&sim->faults.random, 500000)) {
            host->countdown = 1 + random_below(&sim->faults.random, 8 * WITHIN_EFFECTS);
            plan_undo(sim, FAULT_CRASH_WITHIN, host->index, 0, WITHIN_US);
        } else if (kind == FAULT_ORCHESTRATOR) {
            kill_host(host);
            plan_undo(sim, kind, host->index, 0, some_time(sim, 10 * MINUTE_US));
        } else {
            happen_to(sim, kind, host);
        }
    }
    plan_next(sim, kind);
}

void faults_free(struct faults *faults) {
    free((void *)(uintptr_t)faults->script.data);
}
