// A board has no plant behind a socket; node/ asks for one only when the configuration names it, which it cannot here.
#include <stdio.h>

#include "drivers/plant.h"

enum error plant_driver_open(const char *socket_path, const char *const *read_points, uint32_t read_count,
                             const char *const *write_points, uint32_t write_count, struct plant_driver **out,
                             char refusal[PLANT_REFUSAL_SIZE]) {
    (void)socket_path;
    (void)read_points;
    (void)read_count;
    (void)write_points;
    (void)write_count;
    *out = NULL;
    snprintf(refusal, PLANT_REFUSAL_SIZE, "this device has no plant");
    return ERROR_NETWORK;
}

int plant_driver_descriptor(const struct plant_driver *driver) {
    (void)driver;
    return -1;
}

enum error plant_driver_receive(struct plant_driver *driver, struct plant_step *out) {
    (void)driver;
    (void)out;
    return ERROR_NOT_FOUND;
}

enum error plant_driver_write(struct plant_driver *driver, uint32_t index, bool has_value, double value) {
    (void)driver;
    (void)index;
    (void)has_value;
    (void)value;
    return ERROR_NETWORK;
}

void plant_driver_close(struct plant_driver *driver) {
    (void)driver;
}
