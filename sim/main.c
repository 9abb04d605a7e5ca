// `tenon-sim`, which `tenon sim` runs: one simulation, its report, and for a failure the one command that repeats it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/assert.h"
#include "orchestrator/document.h"
#include "sim/report.h"
#include "sim/sim.h"

#ifndef TENON_COMPONENTS
#define TENON_COMPONENTS "components"
#endif

#define EXIT_BREACH 1
#define EXIT_USAGE 2

static const char help[] =
    "tenon sim [POLICY.yaml | FOLDER | SCENARIO] [--seed N] [--hours H | --days D | --years Y] [--faults standard]\n"
    "\n"
    "Runs a whole building in one process on virtual time: the real nodes, orchestrator and components, over a network, disks "
    "and clocks\n"
    "that fail as the seed says, with every law checked. Exit code 1 and a command that repeats the run when a law is broken.\n"
    "\n"
    "  --seed N           all chance of the run (1)\n"
    "  --hours H          how long; also --minutes, --days and --years (1 hour)\n"
    "  --faults RATES     none, light, lifetime, standard, heavy (standard)\n"
    "  --script FILE      faults at given times; sim/faults.h has the language\n"
    "  --native           components compiled for this machine instead of WebAssembly: faster\n"
    "  --amnesia          a component is made anew from its declared state before each message\n"
    "  --keepalive T      signs of life of the nodes (2s); 100s and more for years\n"
    "  --dead-after T     a node that is silent for so long is dead to the orchestrator (20s)\n"
    "  --plant CONFIG     the building is EnergyPlus (examples/office/plant_model.py writes the configuration)\n"
    "  --plant-step T     a step of the synthetic building (10s)\n"
    "  --plant-clock      the building's time is the plant's, as in the demo\n"
    "  --components DIR   where components are, beside the folders that the policy names\n"
    "  --boards PREFIX    nodes whose names begin so keep their files and journal in flash (board)\n"
    "  --trace            print every event; --logs: only what hosts log\n"
    "  --progress         a line for each simulated month\n"
    "  --series FILE      comfort, energy and faults so far, a line for each simulated week\n"
    "  --json FILE        the report for machines\n"
    "  --sabotage WHAT    let the simulator's own taps cheat, to see that the checkers see: twice, lose, swap, stranger, "
    "flush,\n"
    "                     clock, stale, writer, count, memory, cache\n";

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "tenon sim: %s: this must hold and does not: %s\n", function, expression);
    report_replay(stderr);
    abort();
}

static bool take_duration(const char *value, uint64_t *out_ms) {
    return document_duration_parse(value, out_ms) && *out_ms > 0;
}

static bool take_length(const char *name, const char *value, uint64_t *out_us) {
    static const struct {
        const char *name;
        uint64_t unit_us;
    } units[] = {{"--minutes", MINUTE_US}, {"--hours", HOUR_US}, {"--days", 24 * HOUR_US}, {"--years", 365 * 24 * HOUR_US}};
    char *rest = NULL;
    double number = strtod(value, &rest);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(units[i].name, name) == 0 && *rest == '\0' && number > 0 && number < 1e6) {
            *out_us = (uint64_t)(number * (double)units[i].unit_us);
            return true;
        }
    }
    return false;
}

static bool take_sabotage(const char *value, enum sabotage *out) {
    for (uint32_t i = 0; i < SABOTAGE_COUNT_MAX; i++) {
        if (strcmp(sabotage_text((enum sabotage)i), value) == 0) {
            *out = (enum sabotage)i;
            return true;
        }
    }
    return false;
}

static bool take_value(struct sim_options *options, const char *name, const char *value, const char **json) {
    const struct {
        const char *name;
        const char **out;
    } texts[] = {{"--faults", &options->faults},         {"--script", &options->script}, {"--plant", &options->plant},
                 {"--components", &options->components}, {"--folder", &options->folder}, {"--json", json},
                 {"--series", &options->series},         {"--boards", &options->boards}};
    const struct {
        const char *name;
        uint64_t *out;
    } durations[] = {{"--keepalive", &options->keepalive_ms},
                     {"--dead-after", &options->dead_after_ms},
                     {"--plant-step", &options->plant_step_ms}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(texts[i].name, name) == 0) {
            *texts[i].out = value;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        if (strcmp(durations[i].name, name) == 0) {
            return take_duration(value, durations[i].out);
        }
    }
    if (strcmp(name, "--seed") == 0) {
        char *rest = NULL;
        options->seed = strtoull(value, &rest, 10);
        return *rest == '\0';
    }
    return strcmp(name, "--sabotage") == 0 ? take_sabotage(value, &options->sabotage)
                                           : take_length(name, value, &options->duration_us);
}

static bool take_flag(struct sim_options *options, const char *name) {
    const struct {
        const char *name;
        bool *out;
    } flags[] = {{"--native", &options->native}, {"--amnesia", &options->amnesia},   {"--trace", &options->trace},
                 {"--logs", &options->logs},     {"--progress", &options->progress}, {"--plant-clock", &options->plant_clock}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (strcmp(flags[i].name, name) == 0) {
            return *flags[i].out = true;
        }
    }
    return false;
}

static bool take_all(struct sim_options *options, int count, char **arguments, const char **json) {
    bool named = false;
    for (int i = 1; i < count; i++) {
        if (take_flag(options, arguments[i])) {
            continue;
        }
        if (arguments[i][0] != '-' && !named) {
            options->policy = arguments[i];
            named = true;
            continue;
        }
        if (i + 1 == count || !take_value(options, arguments[i], arguments[i + 1], json)) {
            fprintf(stderr, "tenon sim: '%s' is not understood\n\n%s", arguments[i], help);
            return false;
        }
        i++;
    }
    return true;
}

int main(int argument_count, char **arguments) {
    struct sim_options options;
    struct sim *sim = NULL;
    const char *json = NULL;
    char refusal[512] = "";
    struct timespec began;
    sim_options_default(&options);
    options.components = TENON_COMPONENTS;
    for (int i = 1; i < argument_count; i++) {
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0) {
            printf("%s", help);
            return 0;
        }
    }
    if (!take_all(&options, argument_count, arguments, &json)) {
        return EXIT_USAGE;
    }
    report_remember(argument_count, arguments, options.seed);
    clock_gettime(CLOCK_MONOTONIC, &began);
    if (sim_open(&options, &sim, refusal) != ERROR_NONE) {
        fprintf(stderr, "tenon sim: %s\n", refusal);
        sim_close(sim);
        return EXIT_USAGE;
    }
    bool good = sim_run(sim);
    struct timespec ended;
    clock_gettime(CLOCK_MONOTONIC, &ended);
    double seconds = (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9;
    double cpu_seconds = (double)clock() / CLOCKS_PER_SEC;
    report_print(sim, seconds, cpu_seconds);
    if (json != NULL && !report_json(sim, seconds, cpu_seconds, json)) {
        fprintf(stderr, "tenon sim: %s cannot be written\n", json);
        good = false;
    }
    if (!good) {
        report_replay(stdout);
    }
    sim_close(sim);
    return good ? 0 : EXIT_BREACH;
}
