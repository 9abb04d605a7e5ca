// The connection of a node to a plant: sensor values in at each step of the building, actuator values out.
//
//     struct plant_driver *driver;
//     if (plant_driver_open(path, reads, read_count, writes, write_count, &driver, refusal) != ERROR_NONE) { ... }
//     poll plant_driver_descriptor(driver) for input; then
//     while (plant_driver_receive(driver, &step) == ERROR_NONE) { ... step.values[i] belongs to reads[i] ... }
//     plant_driver_write(driver, index_in_writes, true, 21.0);
//     plant_driver_close(driver);
//
// The other end is tenon-plant; the packets are those of plant/protocol.cddl. What carries them is plant_wire.h's matter.
// Threads: none. Memory: plant_driver_open takes one block, plant_driver_close gives it back.
// Blocking: only plant_driver_open, for at most PLANT_ANSWER_TIMEOUT_MS. Reconnecting is the caller's matter: after
// ERROR_NETWORK close the driver and open another one.
#ifndef TENON_DRIVERS_PLANT_H
#define TENON_DRIVERS_PLANT_H

#include "drivers/plant_protocol.h"

// A plant answers within one pass of its loop; a machine that is busy building gets this much patience.
#ifndef PLANT_ANSWER_TIMEOUT_MS
#define PLANT_ANSWER_TIMEOUT_MS 5000
#endif

struct plant_driver;

// Connects to the plant's socket and says hello with the points, of which a step then carries the values in this order.
// The names are read during the call only. On failure `refusal` says in a sentence what failed, and nothing stays open:
// ERROR_NETWORK (nobody listens there, the connection broke), ERROR_DENIED (the plant does not have a point), ERROR_TOO_LARGE
// (more than PLANT_POINTS_MAX points, a name or the path too long), ERROR_TIMEOUT, ERROR_MALFORMED (something else listens
// there), ERROR_MEMORY.
MUST_CHECK enum error plant_driver_open(const char *socket_path, const char *const *read_points, uint32_t read_count,
                                        const char *const *write_points, uint32_t write_count, struct plant_driver **out,
                                        char refusal[PLANT_REFUSAL_SIZE]);
// The file descriptor to poll for input.
int plant_driver_descriptor(const struct plant_driver *driver);
// Takes the next step that has arrived, in order; `out->ended` is the last one. Does not block: ERROR_NOT_FOUND when none
// waits. ERROR_NETWORK (the plant is gone), ERROR_MALFORMED (a packet that this version does not understand; it is dropped).
MUST_CHECK enum error plant_driver_receive(struct plant_driver *driver, struct plant_step *out);
// Writes a value to write_points[index], or hands the point back to the building's own control. Does not block: ERROR_BUSY (the
// plant has not taken the writes before this one; try again later), ERROR_NETWORK, ERROR_NOT_FOUND (no such index),
// ERROR_MALFORMED (not a finite number).
MUST_CHECK enum error plant_driver_write(struct plant_driver *driver, uint32_t index, bool has_value, double value);
// Closes the connection, at which the plant takes back what this driver wrote. NULL is allowed.
void plant_driver_close(struct plant_driver *driver);

#endif
