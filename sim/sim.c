#include "sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "components/native_components.h"
#include "core/assert.h"
#include "engine/native.h"
#include "engine/wamr.h"
#include "sim/plant_energyplus.h"
#include "sim/report.h"
#include "sim/store_vfs.h"

// Checkers look at everything this often.
#define LOOK_US (10 * SECOND_US)

void sim_options_default(struct sim_options *options) {
    *options = (struct sim_options){.seed = 1,
                                    .policy = "delivery",
                                    .faults = "standard",
                                    .folder = "",
                                    .boards = "board",
                                    .duration_us = HOUR_US,
                                    .keepalive_ms = 2000,
                                    .dead_after_ms = 20000,
                                    .plant_step_ms = 10000};
}

// --- hosts ---------------------------------------------------------------------------------------------------------------

struct host *sim_add_host(struct sim *sim, const char *name, enum host_kind kind) {
    ASSERT(sim->host_count < HOSTS_MAX);
    struct host *host = calloc(1, sizeof *host);
    ASSERT(host != NULL);
    host->sim = sim;
    host->index = sim->host_count;
    host->kind = kind;
    host->wake_us = host->queued_us = host->read_us = UINT64_MAX;
    host->entropy = random_start(sim->options.seed, 1000 + host->index);
    snprintf(host->name, sizeof host->name, "%s", name);
    char address[64];
    uint32_t number = host->index + 1;
    snprintf(address, sizeof address, "10.0.%u.%u:5683", number / 250, number % 250 + 1);
    enum error error = port_address_parse(address, &host->address);
    ASSERT(error == ERROR_NONE);
    // Each clock began some time in the last hour.
    host->clock_us = random_below(&host->entropy, HOUR_US);
    host->unix_offset_ms = -(int64_t)(host->clock_us / 1000);
    sim->hosts[sim->host_count++] = host;
    return host;
}

struct host *sim_find_host(const struct sim *sim, const char *name) {
    for (uint32_t i = 0; i < sim->host_count; i++) {
        if (strcmp(sim->hosts[i]->name, name) == 0) {
            return sim->hosts[i];
        }
    }
    return NULL;
}

struct host *sim_host_of_address(const struct sim *sim, const struct coap_address *address) {
    uint32_t number = (uint32_t)address->octets[14] * 250 + address->octets[15] - 1u;
    bool ours = number >= 1 && number <= sim->host_count;
    struct host *host = ours ? sim->hosts[number - 1] : NULL;
    return ours && memcmp(&host->address, address, sizeof *address) == 0 ? host : NULL;
}

void sim_breach(struct sim *sim, const char *law, const char *format, ...) {
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sim->breaches++;
    if (sim->trace.print) {
        trace_line(sim, NULL, "BREACH of %s: %s", law, text);
    }
    if (!sim->failed) {
        uint64_t seconds = sim->now_us / SECOND_US;
        sim->failed = true;
        snprintf(sim->failure, sizeof sim->failure, "%s: at %llu:%02llu:%02llu: %s", law, (unsigned long long)(seconds / 3600),
                 (unsigned long long)(seconds / 60 % 60), (unsigned long long)(seconds % 60), text);
    }
}

// --- open and close ------------------------------------------------------------------------------------------------------

static enum error open_engine(struct sim *sim, char refusal[512]) {
    enum error error = ERROR_NONE;
    if (sim->options.native) {
        size_t count = native_component_count + native_testing_count;
        sim->native = calloc(count, sizeof *sim->native);
        ASSERT(sim->native != NULL);
        memcpy(sim->native, native_components, native_component_count * sizeof *sim->native);
        memcpy(sim->native + native_component_count, native_testing, native_testing_count * sizeof *sim->native);
        error = native_engine_create(sim->native, count, &sim->engine);
    } else {
        error = wamr_engine_create(NULL, &sim->engine);
    }
    if (error != ERROR_NONE) {
        snprintf(refusal, 512, "the engine did not start: %s", error_text(error));
    }
    return error;
}

static enum error open_folder(struct sim *sim, char refusal[512]) {
    if (sim->options.folder[0] != '\0') {
        snprintf(sim->folder, sizeof sim->folder, "%s", sim->options.folder);
        return ERROR_NONE;
    }
    snprintf(sim->folder, sizeof sim->folder, "%s/tenon-sim-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(sim->folder) == NULL) {
        snprintf(refusal, 512, "no folder can be made in %.200s for the orchestrator's store", sim->folder);
        sim->folder[0] = '\0';
        return ERROR_STORAGE;
    }
    return ERROR_NONE;
}

static enum error open_plant(struct sim *sim, char refusal[512]) {
#ifdef TENON_SIM_ENERGYPLUS
    return plant_energyplus(&sim->plant, sim->options.plant, &sim->begin_unix_ms, refusal) ? ERROR_NONE : ERROR_NOT_FOUND;
#else
    (void)sim;
    snprintf(refusal, 512, "this simulator was built without EnergyPlus: leave out --plant");
    return ERROR_UNSUPPORTED;
#endif
}

static void plan(struct sim *sim, enum occasion_kind kind, uint32_t host, uint64_t time_us, uint64_t value) {
    scheduler_plan(&sim->scheduler, (struct occasion){.time_us = time_us, .kind = kind, .host = host, .value = value});
}

// Hosts start one after the other, in an order that the seed decides.
static void plan_starts(struct sim *sim) {
    for (uint32_t i = 0; i < sim->host_count; i++) {
        uint64_t after_us = sim->hosts[i]->kind == HOST_NODE ? random_below(&sim->faults.random, 5 * SECOND_US) : 0;
        plan(sim, OCCASION_START, i, after_us, sim->hosts[i]->life);
    }
    plan(sim, OCCASION_PLANT, 0, sim->plant.step_ms * 1000, 0);
    uint64_t look_us = sim->plant.step_ms * 1000 > LOOK_US ? sim->plant.step_ms * 1000 : LOOK_US;
    plan(sim, OCCASION_CHECK, 0, look_us + 1, look_us);
}

enum error sim_open(const struct sim_options *options, struct sim **out, char refusal[512]) {
    struct sim *sim = calloc(1, sizeof *sim);
    ASSERT(sim != NULL);
    *out = sim;
    sim->options = *options;
    sim->trace = (struct trace){.hash = options->seed, .print = options->trace, .logs = options->logs};
    sim->faults.random = random_start(options->seed, 1);
    sim->network.random = random_start(options->seed, 2);
    sim->plant.step_ms = options->plant_step_ms;
    sim->end_us = options->duration_us;
    sim->faults_end_us = options->duration_us > QUIET_US + WARM_UP_US ? options->duration_us - QUIET_US : WARM_UP_US;
    store_vfs_start();
    checkers_open(&sim->checkers, sim);
    sim->begin_unix_ms = BEGIN_UNIX_MS;
    plant_synthetic(&sim->plant, options->seed);
    enum error error = faults_choose(sim, options->faults);
    if (error != ERROR_NONE) {
        snprintf(refusal, 512, "there are no faults '%.40s': none, light, lifetime, standard or heavy", options->faults);
    }
    error = error == ERROR_NONE ? open_engine(sim, refusal) : error;
    error = error == ERROR_NONE ? open_folder(sim, refusal) : error;
    error = error == ERROR_NONE ? building_read(&sim->building, options->policy, options->components, refusal) : error;
    if (error == ERROR_NONE) {
        (void)sim_add_host(sim, "orchestrator", HOST_ORCHESTRATOR);
        (void)sim_add_host(sim, "operator", HOST_OPERATOR);
        error = building_make(sim, refusal);
    }
    if (error == ERROR_NONE && options->plant != NULL) {
        error = open_plant(sim, refusal);
    }
    if (error == ERROR_NONE && options->script != NULL) {
        error = faults_script(sim, options->script, refusal);
    }
    if (error == ERROR_NONE) {
        plan_starts(sim);
        plan(sim, OCCASION_FAULT, 0, WARM_UP_US, FAULT_KIND_COUNT);
    }
    return error;
}

static void free_occasion(void *context, const struct occasion *occasion) {
    (void)context;
    free(occasion->pointer); // a datagram or an undo, both from malloc
}

static void remove_folder(const struct sim *sim) {
    static const char *const files[] = {"orchestrator.sqlite", "orchestrator.sqlite-wal", "orchestrator.sqlite-shm",
                                        "orchestrator.sqlite-journal"};
    char path[320];
    for (size_t i = 0; i < sizeof files / sizeof *files && sim->options.folder[0] == '\0'; i++) {
        snprintf(path, sizeof path, "%s/%s", sim->folder, files[i]);
        (void)unlink(path);
    }
    if (sim->options.folder[0] == '\0' && sim->folder[0] != '\0') {
        (void)rmdir(sim->folder);
    }
}

void sim_close(struct sim *sim) {
    if (sim == NULL) {
        return;
    }
    for (uint32_t i = 0; i < sim->host_count; i++) {
        host_stop(sim->hosts[i]);
        storage_free(&sim->hosts[i]->storage);
        sim_flash_free(sim->hosts[i]->flash);
        free(sim->hosts[i]);
    }
    scheduler_free(&sim->scheduler, free_occasion, NULL);
    network_free(&sim->network);
    plant_close(&sim->plant);
    checkers_close(&sim->checkers);
    building_free(&sim->building);
    faults_free(&sim->faults);
    engine_tap_forget();
    if (sim->options.native) {
        native_engine_destroy(sim->engine);
    } else {
        wamr_engine_destroy(sim->engine);
    }
    remove_folder(sim);
    free(sim->native);
    free(sim);
}

// --- run -----------------------------------------------------------------------------------------------------------------

#define MONTH_US (30 * 24 * HOUR_US)

#define WEEK_US (7 * 24 * HOUR_US)

static void look(struct sim *sim, uint64_t interval_us) {
    if (sim->options.series != NULL && sim->now_us / WEEK_US != (sim->now_us - interval_us) / WEEK_US &&
        !report_series(sim, sim->options.series)) {
        fprintf(stderr, "tenon sim: %s cannot be written\n", sim->options.series);
        sim->options.series = NULL;
    }
    if (sim->options.progress && sim->now_us / MONTH_US != (sim->now_us - interval_us) / MONTH_US) {
        fprintf(stderr, "%s: month %llu, %llu messages delivered, %llu ends\n", sim->faults.name,
                (unsigned long long)(sim->now_us / MONTH_US), (unsigned long long)sim->totals.received,
                (unsigned long long)sim->totals.crashes);
    }
    checkers_look(&sim->checkers);
    plan(sim, OCCASION_CHECK, 0, sim->now_us + interval_us, interval_us);
}

static void fault(struct sim *sim, enum fault_kind kind) {
    if (kind != FAULT_KIND_COUNT) {
        faults_happen(sim, kind);
        return;
    }
    if (sim->now_us < sim->faults_end_us) {
        faults_begin(sim);
        plan(sim, OCCASION_FAULT, 0, sim->faults_end_us, FAULT_KIND_COUNT);
    } else {
        faults_end(sim);
    }
}

static void happen(struct sim *sim, const struct occasion *occasion) {
    struct host *host = occasion->host < sim->host_count ? sim->hosts[occasion->host] : NULL;
    switch (occasion->kind) {
    case OCCASION_WAKE:
        host_woken(host, occasion->value);
        break;
    case OCCASION_DATAGRAM:
        network_arrive(sim, occasion->pointer);
        break;
    case OCCASION_PLANT:
        plant_advance(sim);
        break;
    case OCCASION_START:
        if (host->life == occasion->value) {
            host_start(host);
        }
        break;
    case OCCASION_FAULT:
        fault(sim, (enum fault_kind)occasion->value);
        break;
    case OCCASION_SCRIPT:
        faults_script_step(sim);
        break;
    case OCCASION_UNDO:
        faults_undo(sim, occasion->pointer);
        break;
    case OCCASION_CHECK:
        look(sim, occasion->value);
        break;
    }
}

bool sim_run(struct sim *sim) {
    struct occasion occasion;
    while (!sim->failed && scheduler_next(&sim->scheduler, &occasion)) {
        if (occasion.time_us > sim->end_us) {
            free(occasion.pointer);
            break;
        }
        sim->now_us = occasion.time_us;
        sim->totals.occasions++;
        happen(sim, &occasion);
    }
    if (!sim->failed) {
        sim->now_us = sim->end_us;
        checkers_finish(&sim->checkers);
        if (!sim->applied) {
            sim_breach(sim, "apply", "the policy was not applied in the whole run");
        }
    }
    return !sim->failed;
}
