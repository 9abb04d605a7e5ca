// drivers/plant.h for the simulator: the wires between the current host and the plant.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "drivers/plant.h"
#include "sim/sim.h"

struct plant_driver {
    struct host *host;
    uint64_t next; // step to be read next
    uint32_t read_count, write_count;
    uint32_t reads[PLANT_POINTS_MAX];
    uint32_t writes[PLANT_POINTS_MAX];
};

enum error plant_driver_open(const char *socket_path, const char *const *read_points, uint32_t read_count,
                             const char *const *write_points, uint32_t write_count, struct plant_driver **out,
                             char refusal[PLANT_REFUSAL_SIZE]) {
    struct host *host = host_current();
    struct plant_driver *driver = calloc(1, sizeof *driver);
    (void)socket_path;
    *out = NULL;
    if (driver == NULL || read_count > PLANT_POINTS_MAX || write_count > PLANT_POINTS_MAX) {
        snprintf(refusal, PLANT_REFUSAL_SIZE, "the simulated plant takes at most %d points each way", PLANT_POINTS_MAX);
        free(driver);
        return ERROR_TOO_LARGE;
    }
    driver->host = host;
    driver->read_count = read_count;
    driver->write_count = write_count;
    driver->next = host->sim->plant.number + 1;
    for (uint32_t i = 0; i < read_count; i++) {
        driver->reads[i] = plant_point(&host->sim->plant, read_points[i], false);
    }
    for (uint32_t i = 0; i < write_count; i++) {
        driver->writes[i] = plant_point(&host->sim->plant, write_points[i], true);
    }
    host->plant = driver;
    *out = driver;
    return ERROR_NONE;
}

int plant_driver_descriptor(const struct plant_driver *driver) {
    (void)driver;
    return -1;
}

enum error plant_driver_receive(struct plant_driver *driver, struct plant_step *out) {
    const struct sim_plant *plant = &driver->host->sim->plant;
    if (driver->next > plant->number) {
        return ERROR_NOT_FOUND;
    }
    if (driver->next + PLANT_QUEUE_MAX <= plant->number) {
        driver->next = plant->number + 1 - PLANT_QUEUE_MAX; // the socket was full: the oldest are lost
    }
    const double *values = plant->history + (driver->next % PLANT_QUEUE_MAX) * plant->count;
    out->number = driver->next;
    out->unix_local_s = plant->times_s[driver->next % PLANT_QUEUE_MAX];
    out->value_count = driver->read_count;
    out->ended = false;
    for (uint32_t i = 0; i < driver->read_count; i++) {
        double value = values[driver->reads[i]];
        out->values[i] = (struct plant_value){!isnan(value), isnan(value) ? 0 : value};
    }
    driver->next++;
    driver->host->published_us = driver->host->sim->now_us;
    return ERROR_NONE;
}

enum error plant_driver_write(struct plant_driver *driver, uint32_t index, bool has_value, double value) {
    struct host *host = driver->host;
    struct sim *sim = host->sim;
    if (index >= driver->write_count) {
        return ERROR_NOT_FOUND;
    }
    if (!host_effect(host, "drive an actuator")) {
        return ERROR_NONE;
    }
    if (sim->options.sabotage == SABOTAGE_WRITER && sim->plant.count > 0 && sim->totals.actuations % 50 == 49) {
        driver->writes[index] = (driver->writes[index] + 1) % sim->plant.count;
    }
    struct sim_point *point = &sim->plant.points[driver->writes[index]];
    sim->totals.actuations++;
    TRACE(sim, TRACE_ACTUATE, host, trace_hash_bytes((struct bytes){(const uint8_t *)&value, sizeof value}) + has_value,
          "actuate %s %s%g", point->name, has_value ? "" : "released ", value);
    checker_actuated(&sim->checkers, host, point, has_value);
    point->has_write = has_value;
    point->write = value;
    point->writer = has_value ? host : NULL;
    return ERROR_NONE;
}

// Also when the host dies: the wire goes dead, and the plant takes back what came over it.
void plant_driver_close(struct plant_driver *driver) {
    if (driver == NULL) {
        return;
    }
    struct host *host = driver->host;
    for (uint32_t i = 0; i < driver->write_count; i++) {
        struct sim_point *point = &host->sim->plant.points[driver->writes[i]];
        if (point->writer == host) {
            point->has_write = false;
            point->writer = NULL;
        }
    }
    host->plant = NULL;
    free(driver);
}
