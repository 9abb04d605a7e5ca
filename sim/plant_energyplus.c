#include "sim/plant_energyplus.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "plant/embedded.h"

struct energyplus {
    struct config config;
    struct plant_embedded *plant;
    const struct building_step *step;
    struct plant_write writes[CONFIG_POINTS_MAX];
    uint32_t *point_of; // index in config.points of each of the simulator's points; UINT32_MAX for none
    uint32_t point_count;
};

static void map_points(struct energyplus *energyplus, const struct sim_plant *plant) {
    energyplus->point_of = calloc(plant->count + 1u, sizeof *energyplus->point_of);
    ASSERT(energyplus->point_of != NULL);
    energyplus->point_count = plant->count;
    for (uint32_t i = 0; i < plant->count; i++) {
        const struct point *point = config_point(&energyplus->config, plant->points[i].name);
        energyplus->point_of[i] = point == NULL ? UINT32_MAX : (uint32_t)(point - energyplus->config.points);
    }
}

static bool step(struct sim_plant *plant, uint64_t seconds) {
    struct energyplus *energyplus = plant->context;
    char failure[BUILDING_FAILURE_SIZE] = "";
    uint32_t count = 0;
    (void)seconds;
    if (energyplus->point_of == NULL) {
        map_points(energyplus, plant);
    }
    if (energyplus->step->finished) {
        return false;
    }
    for (uint32_t i = 0; i < energyplus->point_count; i++) {
        const struct sim_point *point = &plant->points[i];
        if (point->is_written && energyplus->point_of[i] != UINT32_MAX) {
            double value = point->has_write ? point->write : (double)NAN;
            energyplus->writes[count++] = (struct plant_write){energyplus->point_of[i], value};
        }
    }
    if (!plant_embedded_step(energyplus->plant, energyplus->writes, count, &energyplus->step, failure)) {
        fprintf(stderr, "tenon sim: the plant: %s\n", failure);
        return false;
    }
    for (uint32_t i = 0; i < energyplus->point_count; i++) {
        struct sim_point *point = &plant->points[i];
        double value = energyplus->point_of[i] == UINT32_MAX ? (double)NAN : energyplus->step->values[energyplus->point_of[i]];
        point->valid = !point->is_written && !isnan(value);
        point->value = value;
    }
    return true;
}

static void close_plant(struct sim_plant *plant) {
    struct energyplus *energyplus = plant->context;
    plant_embedded_stop(energyplus->plant);
    config_free(&energyplus->config);
    free(energyplus->point_of);
    free(energyplus);
}

bool plant_energyplus(struct sim_plant *plant, const char *config_path, uint64_t *begin_unix_ms, char refusal[512]) {
    char failure[BUILDING_FAILURE_SIZE] = "";
    struct energyplus *energyplus = calloc(1, sizeof *energyplus);
    ASSERT(energyplus != NULL);
    if (!config_load(config_path, &energyplus->config, failure)) {
        snprintf(refusal, 512, "the plant's configuration: %s", failure);
        free(energyplus);
        return false;
    }
    if (!plant_embedded_start(&energyplus->config, &energyplus->plant, &energyplus->step, failure)) {
        snprintf(refusal, 512, "the plant did not start: %s", failure);
        config_free(&energyplus->config);
        free(energyplus);
        return false;
    }
    *begin_unix_ms = energyplus->step->unix_local_s * 1000;
    plant->step_ms = (uint64_t)energyplus->step->step_s * 1000;
    plant->step = step;
    plant->close = close_plant;
    plant->context = energyplus;
    return true;
}
