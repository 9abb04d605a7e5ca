#include "plant/building.h"

#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <EnergyPlus/api/datatransfer.h>
#include <EnergyPlus/api/runtime.h>
#include <EnergyPlus/api/state.h>

// EnergyPlus's number for the run period, as opposed to sizing days (datatransfer.h, kindOfSim).
#define RUN_PERIOD 3

struct building {
    const struct config *config;
    pthread_t thread;
    int ready; // eventfd: the exchange belongs to the caller
    sem_t go;  // the exchange belongs to EnergyPlus again
    atomic_bool stopping;
    bool resolved; // handles are known
    int **handles; // for each point: one, or one for each actuator
    bool *acting;  // actuators of the point are set
    uint64_t steps;
    struct building_step exchange;
    int result; // of EnergyPlus
    char failure[BUILDING_FAILURE_SIZE];
};

// EnergyPlus hands callbacks its own state only.
static struct building *the_building;

__attribute__((format(printf, 2, 3))) static void fail(struct building *building, const char *format, ...) {
    if (building->failure[0] == '\0') {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(building->failure, sizeof building->failure, format, arguments);
        va_end(arguments);
    }
}

// --- on EnergyPlus's thread ----------------------------------------------------------------------------------------------

// Days since 1970-01-01 of a date in the Gregorian calendar, counting years from March so that leap days come last.
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day) {
    int64_t march_year = month <= 2 ? year - 1 : year;
    int64_t march_month = (month + 9) % 12;
    int64_t leap_days = march_year / 4 - march_year / 100 + march_year / 400;
    int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
    return march_year * 365 + leap_days + day_of_year - 719468;
}

// What EnergyPlus could offer, written for the person who has to correct a point.
static void list_offers(struct building *building, EnergyPlusState state) {
    char path[4096];
    char *offers = listAllAPIDataCSV(state);
    snprintf(path, sizeof path, "%s/available.csv", building->config->output);
    FILE *file = fopen(path, "w");
    if (file != NULL && offers != NULL) {
        fputs(offers, file);
    }
    if (file != NULL) {
        fclose(file);
    }
    free(offers);
}

// getMeterHandle in EnergyPlus up to 26.1 takes the handle of the first meter, 0, for "not found" (EnergyPlus issue 11522), and
// the first one is usually Electricity:Facility. So a meter that it does not find is compared with the first in its own list.
static int meter_handle(EnergyPlusState state, const char *meter) {
    int handle = getMeterHandle(state, meter);
    if (handle >= 0) {
        return handle;
    }
    unsigned count = 0;
    struct APIDataEntry *entries = getAPIData(state, &count);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(entries[i].what, "OutputMeter") == 0) {
            const char *name = entries[i].key != NULL && entries[i].key[0] != '\0' ? entries[i].key : entries[i].name;
            handle = name != NULL && strcasecmp(name, meter) == 0 ? 0 : -1;
            break;
        }
    }
    freeAPIData(entries, count);
    return handle;
}

static bool resolve_point(struct building *building, EnergyPlusState state, const struct point *point, int *handles) {
    const char *at = building->config->output;
    if (point->kind == POINT_VARIABLE) {
        handles[0] = getVariableHandle(state, point->variable, point->key);
        if (handles[0] < 0) {
            fail(building, "point %s: the building has no variable '%s' of '%s'; see %.80s/available.csv", point->name,
                 point->variable, point->key, at);
        }
        return handles[0] >= 0;
    }
    if (point->kind == POINT_METER) {
        handles[0] = meter_handle(state, point->variable);
        if (handles[0] < 0) {
            fail(building, "point %s: the building has no meter '%s'; see %.80s/available.csv", point->name, point->variable,
                 at);
        }
        return handles[0] >= 0;
    }
    for (uint32_t i = 0; i < point->actuator_count; i++) {
        const struct actuator *actuator = &point->actuators[i];
        handles[i] = getActuatorHandle(state, actuator->component, actuator->control, actuator->key);
        if (handles[i] < 0) {
            fail(building, "point %s: the building has no actuator '%s', '%s' of '%s'; see %.60s/available.csv", point->name,
                 actuator->component, actuator->control, actuator->key, at);
            return false;
        }
    }
    return true;
}

static bool resolve(struct building *building, EnergyPlusState state) {
    for (uint32_t i = 0; i < building->config->point_count; i++) {
        if (!resolve_point(building, state, &building->config->points[i], building->handles[i])) {
            list_offers(building, state);
            return false;
        }
    }
    building->exchange.step_s = (uint32_t)lround(zoneTimeStep(state) * 3600);
    building->resolved = true;
    return true;
}

static void read_values(struct building *building, EnergyPlusState state) {
    for (uint32_t i = 0; i < building->config->point_count; i++) {
        double value = (double)NAN;
        if (building->config->points[i].kind == POINT_VARIABLE) {
            value = getVariableValue(state, building->handles[i][0]);
        } else if (building->config->points[i].kind == POINT_METER && building->steps > 0) {
            value = getMeterValue(state, building->handles[i][0]) / building->exchange.step_s;
        }
        building->exchange.values[i] = isfinite(value) ? value : (double)NAN;
    }
}

static void apply_written(struct building *building, EnergyPlusState state) {
    for (uint32_t i = 0; i < building->config->point_count; i++) {
        const struct point *point = &building->config->points[i];
        double value = building->exchange.written[i];
        for (uint32_t k = 0; k < point->actuator_count; k++) {
            if (isfinite(value)) {
                setActuatorValue(state, building->handles[i][k], value);
            } else if (building->acting[i]) {
                resetActuator(state, building->handles[i][k]);
            }
        }
        building->acting[i] = isfinite(value);
    }
}

static void hand_over(struct building *building) {
    uint64_t one = 1;
    if (write(building->ready, &one, sizeof one) != (ssize_t)sizeof one) {
        abort();
    }
}

static bool in_run_period(struct building *building, EnergyPlusState state) {
    if (atomic_load(&building->stopping)) {
        stopSimulation(state);
        return false;
    }
    return apiDataFullyReady(state) && !warmupFlag(state) && kindOfSim(state) == RUN_PERIOD;
}

static void at_step_begin(EnergyPlusState state) {
    struct building *building = the_building;
    if (!in_run_period(building, state)) {
        return;
    }
    if (!building->resolved && !resolve(building, state)) {
        atomic_store(&building->stopping, true);
        stopSimulation(state);
        return;
    }
    // Not currentTime: it follows the shorter steps of the air system within the step before.
    int64_t days = days_since_1970(calendarYear(state), month(state), dayOfMonth(state));
    int64_t begin_s = (int64_t)hour(state) * 3600 + (int64_t)(zoneTimeStepNum(state) - 1) * building->exchange.step_s;
    building->exchange.unix_local_s = (uint64_t)(days * 86400 + begin_s);
    building->exchange.number = building->steps;
    read_values(building, state);
    hand_over(building);
    while (sem_wait(&building->go) != 0) {
    }
    if (atomic_load(&building->stopping)) {
        stopSimulation(state);
        return;
    }
    apply_written(building, state);
}

static void at_step_end(EnergyPlusState state) {
    struct building *building = the_building;
    if (building->resolved && in_run_period(building, state)) {
        building->steps++;
        read_values(building, state);
    }
}

static void *run(void *context) {
    struct building *building = context;
    const struct config *config = building->config;
    EnergyPlusState state = stateNew();
    setConsoleOutputState(state, 0);
    for (uint32_t i = 0; i < config->point_count; i++) {
        if (config->points[i].kind == POINT_VARIABLE) {
            requestVariable(state, config->points[i].variable, config->points[i].key);
        }
    }
    callbackBeginZoneTimeStepAfterInitHeatBalance(state, at_step_begin);
    callbackEndOfZoneTimeStepAfterZoneReporting(state, at_step_end);
    const char *arguments[] = {"energyplus", "-w", config->weather, "-d", config->output, config->model};
    building->result = energyplus(state, (int)(sizeof arguments / sizeof arguments[0]), arguments);
    stateDelete(state);
    building->exchange.number = building->steps;
    building->exchange.unix_local_s += building->exchange.step_s;
    building->exchange.finished = true;
    hand_over(building);
    return NULL;
}

// --- on the caller's thread ----------------------------------------------------------------------------------------------

static void *zeroed(size_t count, size_t size) {
    void *memory = calloc(count == 0 ? 1 : count, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

bool building_start(const struct config *config, struct building **out, char failure[BUILDING_FAILURE_SIZE]) {
    struct building *building = zeroed(1, sizeof *building);
    building->config = config;
    building->handles = zeroed(config->point_count, sizeof *building->handles);
    building->acting = zeroed(config->point_count, sizeof *building->acting);
    building->exchange.values = zeroed(config->point_count, sizeof *building->exchange.values);
    building->exchange.written = zeroed(config->point_count, sizeof *building->exchange.written);
    for (uint32_t i = 0; i < config->point_count; i++) {
        uint32_t actuators = config->points[i].actuator_count;
        building->handles[i] = zeroed(actuators == 0 ? 1 : actuators, sizeof **building->handles);
        building->exchange.values[i] = (double)NAN;
        building->exchange.written[i] = (double)NAN;
    }
    building->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    the_building = building;
    if (building->ready < 0 || sem_init(&building->go, 0, 0) != 0 ||
        pthread_create(&building->thread, NULL, run, building) != 0) {
        snprintf(failure, BUILDING_FAILURE_SIZE, "the system gives no thread for EnergyPlus");
        return false;
    }
    *out = building;
    return true;
}

int building_descriptor(const struct building *building) {
    return building->ready;
}

bool building_step(struct building *building, struct building_step **out) {
    uint64_t count;
    if (read(building->ready, &count, sizeof count) != (ssize_t)sizeof count) {
        return false;
    }
    *out = &building->exchange;
    return true;
}

struct building_step *building_wait(struct building *building) {
    struct building_step *step;
    while (!building_step(building, &step)) {
        struct pollfd ready = {building->ready, POLLIN, 0};
        (void)poll(&ready, 1, -1);
    }
    return step;
}

void building_continue(struct building *building) {
    sem_post(&building->go);
}

void building_stop(struct building *building) {
    atomic_store(&building->stopping, true);
    sem_post(&building->go);
}

bool building_join(struct building *building, char failure[BUILDING_FAILURE_SIZE]) {
    pthread_join(building->thread, NULL);
    const char *output = building->config->output;
    if (building->failure[0] == '\0' && !atomic_load(&building->stopping) && (building->result != 0 || building->steps == 0)) {
        fail(building, "EnergyPlus ended with %d after %llu steps; its reasons are in %.120s/eplusout.err", building->result,
             (unsigned long long)building->steps, output);
    }
    memcpy(failure, building->failure, BUILDING_FAILURE_SIZE);
    for (uint32_t i = 0; i < building->config->point_count; i++) {
        free(building->handles[i]);
    }
    free(building->handles);
    free(building->acting);
    free(building->exchange.values);
    free(building->exchange.written);
    sem_destroy(&building->go);
    close(building->ready);
    free(building);
    the_building = NULL;
    return failure[0] == '\0';
}
