#include "plant/embedded.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"

struct plant_embedded {
    const struct config *config;
    struct building *building;  // NULL: it has ended
    struct building_step *step; // in hand, while there is a building
    struct building_step last;  // kept when there is none any more
    uint64_t time_expected_s;   // at which the next step begins; 0: not known
    cpu_set_t affinity;         // the caller's, before
};

static bool one_is_running;

// Two threads that wait for each other are fastest on one CPU: waking one that sleeps on another costs 60 us a step here, the
// change on the same one 5. The thread that is made next inherits it.
static void keep_to_one_cpu(struct plant_embedded *plant) {
    cpu_set_t one;
    int cpu = sched_getcpu();
    CPU_ZERO(&one);
    CPU_SET((size_t)(cpu < 0 ? 0 : cpu), &one);
    if (sched_getaffinity(0, sizeof plant->affinity, &plant->affinity) == 0 && cpu >= 0) {
        (void)sched_setaffinity(0, sizeof one, &one); // slower without
    }
}

// EnergyPlus is over: keeps its last values and joins its thread. True when it ended as it should.
static bool end(struct plant_embedded *plant, char failure[BUILDING_FAILURE_SIZE]) {
    double *values = plant->last.values;
    memcpy(values, plant->step->values, plant->config->point_count * sizeof *values);
    plant->last = *plant->step;
    plant->last.values = values;
    plant->last.written = NULL;
    struct building *building = plant->building;
    plant->building = NULL;
    one_is_running = false;
    return building_join(building, failure);
}

// Waits until EnergyPlus stands still again.
static bool meet(struct plant_embedded *plant, const struct building_step **step, char failure[BUILDING_FAILURE_SIZE]) {
    plant->step = building_wait(plant->building);
    *step = plant->step;
    if (plant->step->finished) {
        *step = &plant->last;
        if (!end(plant, failure)) {
            return false;
        }
    }
    if (plant->time_expected_s != 0 && (*step)->unix_local_s != plant->time_expected_s) {
        (void)snprintf(failure, BUILDING_FAILURE_SIZE,
                       "the building's clock leaps by %" PRId64 " s at step %" PRIu64
                       ": give its weather a 29th of February (plant_model.py --leap-days)",
                       (int64_t)((*step)->unix_local_s - plant->time_expected_s), (*step)->number);
        return false;
    }
    plant->time_expected_s = (*step)->unix_local_s + (*step)->step_s;
    return true;
}

bool plant_embedded_start(const struct config *config, struct plant_embedded **out, const struct building_step **step,
                          char failure[BUILDING_FAILURE_SIZE]) {
    if (one_is_running) {
        (void)snprintf(failure, BUILDING_FAILURE_SIZE, "EnergyPlus is running in this process: stop the other building first");
        return false;
    }
    struct plant_embedded *plant = calloc(1, sizeof *plant);
    double *values = calloc(config->point_count + 1u, sizeof *values);
    if (plant == NULL || values == NULL) {
        abort();
    }
    *plant = (struct plant_embedded){.config = config, .last.values = values};
    keep_to_one_cpu(plant);
    if (!building_start(config, &plant->building, failure)) {
        (void)sched_setaffinity(0, sizeof plant->affinity, &plant->affinity);
        free(values);
        free(plant);
        return false;
    }
    one_is_running = true;
    if (!meet(plant, step, failure)) {
        plant_embedded_stop(plant);
        return false;
    }
    *out = plant;
    return true;
}

bool plant_embedded_step(struct plant_embedded *plant, const struct plant_write *writes, uint32_t count,
                         const struct building_step **step, char failure[BUILDING_FAILURE_SIZE]) {
    ASSERT(plant->building != NULL && !plant->step->finished);
    for (uint32_t i = 0; i < count; i++) {
        ASSERT(writes[i].point < plant->config->point_count);
        ASSERT(plant->config->points[writes[i].point].kind == POINT_ACTUATORS);
        plant->step->written[writes[i].point] = writes[i].value;
    }
    building_continue(plant->building);
    return meet(plant, step, failure);
}

void plant_embedded_stop(struct plant_embedded *plant) {
    if (plant->building != NULL) {
        char ignored[BUILDING_FAILURE_SIZE];
        building_stop(plant->building);
        (void)building_join(plant->building, ignored);
        one_is_running = false;
    }
    (void)sched_setaffinity(0, sizeof plant->affinity, &plant->affinity);
    free(plant->last.values);
    free(plant);
}
