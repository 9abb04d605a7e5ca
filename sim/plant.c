#include "sim/plant.h"

#include <math.h>
#include <stdlib.h>

#include "core/assert.h"
#include "sim/grow.h"
#include "sim/sim.h"

uint32_t plant_point(struct sim_plant *plant, const char *name, bool is_written) {
    for (uint32_t i = 0; i < plant->count; i++) {
        if (strcmp(plant->points[i].name, name) == 0) {
            plant->points[i].is_written = plant->points[i].is_written || is_written;
            return i;
        }
    }
    ASSERT(plant->history == NULL && strlen(name) < NAME_SIZE_MAX); // points are known before the first step
    if (plant->count == plant->room) {
        plant->room = plant->room * 2 + 32;
        plant->points = grow(plant->points, plant->room, sizeof *plant->points);
    }
    struct sim_point *point = &plant->points[plant->count];
    *point = (struct sim_point){.is_written = is_written, .value = NAN};
    memcpy(point->name, name, strlen(name) + 1);
    return plant->count++;
}

void plant_advance(struct sim *sim) {
    struct sim_plant *plant = &sim->plant;
    uint64_t seconds = sim->now_us / SECOND_US;
    if (plant->history == NULL) {
        plant->history = calloc((size_t)PLANT_QUEUE_MAX * (plant->count + 1u), sizeof *plant->history);
        plant->times_s = calloc(PLANT_QUEUE_MAX, sizeof *plant->times_s);
        ASSERT(plant->history != NULL && plant->times_s != NULL);
    }
    if (!plant->step(plant, seconds)) {
        return;
    }
    plant->number++;
    double *values = plant->history + (plant->number % PLANT_QUEUE_MAX) * plant->count;
    for (uint32_t i = 0; i < plant->count; i++) {
        values[i] = plant->points[i].valid ? plant->points[i].value : NAN;
    }
    plant->times_s[plant->number % PLANT_QUEUE_MAX] = sim->begin_unix_ms / 1000 + seconds;
    comfort_add(&sim->comfort, plant, sim->begin_unix_ms / 1000 + seconds);
    TRACE(sim, TRACE_PLANT, (struct host *)NULL, plant->number, "plant step %llu", (unsigned long long)plant->number);
    for (uint32_t i = 0; i < sim->host_count; i++) {
        if (sim->hosts[i]->plant != NULL) {
            host_wake(sim->hosts[i], sim->now_us);
        }
    }
    scheduler_plan(&sim->scheduler, (struct occasion){.time_us = sim->now_us + plant->step_ms * 1000, .kind = OCCASION_PLANT});
}

void plant_close(struct sim_plant *plant) {
    if (plant->close != NULL) {
        plant->close(plant);
    }
    free(plant->points);
    free(plant->history);
    free(plant->times_s);
}
