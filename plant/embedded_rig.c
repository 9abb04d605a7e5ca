// For plant/embedded_test.py and the figures: a building in lock-step under a controller of three lines.
//
//     plant_embedded_rig CONFIG.json steps CONTROLLER RUNS    prints each step: run, number, time, readings as exact
//     hexadecimal plant_embedded_rig CONFIG.json stop STEPS               stops after so many steps, and prints what a second
//     run does then plant_embedded_rig CONFIG.json time RUNS                prints seconds of EnergyPlus alone and in
//     lock-step, alternating
//
// CONTROLLER: none; warm (all heating set-points 22.5); band (heating 20 or 22 by the hour and the reading before).
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <EnergyPlus/api/runtime.h>
#include <EnergyPlus/api/state.h>

#include "core/assert.h"
#include "plant/embedded.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "plant_embedded_rig: %s does not hold in %s\n", expression, function);
    abort();
}

static double clock_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static _Noreturn void give_up(const char *failure) {
    fprintf(stderr, "plant_embedded_rig: %s\n", failure);
    exit(1);
}

// The reading that a set-point's name points at: "space1/heating_setpoint" -> "space1/temperature".
static double reading_of(const struct config *config, const struct building_step *step, const char *setpoint) {
    char name[2 * NAME_SIZE_MAX];
    snprintf(name, sizeof name, "%.*s/temperature", (int)strcspn(setpoint, "/"), setpoint);
    const struct point *point = config_point(config, name);
    return point == NULL ? (double)NAN : step->values[point - config->points];
}

static uint32_t control(const char *controller, const struct config *config, const struct building_step *step,
                        struct plant_write *writes) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < config->point_count && strcmp(controller, "none") != 0; i++) {
        const char *name = config->points[i].name;
        if (strstr(name, "/heating_setpoint") == NULL) {
            continue;
        }
        double value = 22.5;
        if (strcmp(controller, "band") == 0) {
            uint64_t hour = step->unix_local_s / 3600 % 24;
            value = hour >= 6 && hour < 20 ? (reading_of(config, step, name) < 21.5 ? 22.0 : 21.0) : 18.0;
        }
        writes[count++] = (struct plant_write){i, value};
    }
    return count;
}

static void print_step(const struct config *config, uint32_t run, const struct building_step *step) {
    printf("%u %" PRIu64 " %" PRIu64, run, step->number, step->unix_local_s);
    for (uint32_t i = 0; i < config->point_count; i++) {
        printf(" %a", config->points[i].kind == POINT_ACTUATORS ? 0.0 : step->values[i]);
    }
    putchar('\n');
}

// Runs to the end, or for so many steps. Returns the steps.
static uint64_t run(const struct config *config, const char *controller, uint32_t number, uint64_t steps_max, bool print) {
    static struct plant_write writes[CONFIG_POINTS_MAX];
    struct plant_embedded *plant;
    const struct building_step *step;
    char failure[BUILDING_FAILURE_SIZE] = "";
    if (!plant_embedded_start(config, &plant, &step, failure)) {
        give_up(failure);
    }
    while (!step->finished && step->number < steps_max) {
        if (print) {
            print_step(config, number, step);
        }
        if (!plant_embedded_step(plant, writes, control(controller, config, step, writes), &step, failure)) {
            give_up(failure);
        }
    }
    if (print) {
        print_step(config, number, step);
    }
    uint64_t steps = step->number;
    plant_embedded_stop(plant);
    return steps;
}

static double energyplus_alone(const struct config *config) {
    const char *arguments[] = {"energyplus", "-w", config->weather, "-d", config->output, config->model};
    double begin = clock_s();
    EnergyPlusState state = stateNew();
    setConsoleOutputState(state, 0);
    if (energyplus(state, (int)(sizeof arguments / sizeof arguments[0]), arguments) != 0) {
        give_up("EnergyPlus failed");
    }
    stateDelete(state);
    return clock_s() - begin;
}

static void compare_times(const struct config *config, uint32_t runs) {
    for (uint32_t i = 0; i < runs; i++) {
        struct rusage usage;
        double alone = energyplus_alone(config);
        double begin = clock_s();
        uint64_t steps = run(config, "band", i, UINT64_MAX, false);
        double stepped = clock_s() - begin;
        getrusage(RUSAGE_SELF, &usage);
        printf("%" PRIu64 " steps: alone %.2f s, in lock-step %.2f s (%.2f times), %.1f MB resident at most\n", steps, alone,
               stepped, stepped / alone, (double)usage.ru_maxrss / 1024);
        fflush(stdout);
    }
}

int main(int argument_count, char **arguments) {
    static struct config config;
    char refusal[CONFIG_REFUSAL_SIZE];
    if (argument_count < 4) {
        fprintf(stderr, "usage: plant_embedded_rig CONFIG.json steps CONTROLLER RUNS | stop STEPS | time RUNS\n");
        return 2;
    }
    if (!config_load(arguments[1], &config, refusal)) {
        give_up(refusal);
    }
    const char *mode = arguments[2];
    if (strcmp(mode, "stop") == 0) {
        (void)run(&config, "band", 0, strtoull(arguments[3], NULL, 10), false);
        (void)run(&config, "band", 1, UINT64_MAX, true);
    } else if (strcmp(mode, "time") == 0) {
        compare_times(&config, (uint32_t)strtoul(arguments[3], NULL, 10));
    } else if (argument_count == 5) {
        uint32_t runs = (uint32_t)strtoul(arguments[4], NULL, 10);
        for (uint32_t i = 0; i < runs; i++) {
            (void)run(&config, arguments[3], i, UINT64_MAX, true);
        }
    }
    config_free(&config);
    return 0;
}
