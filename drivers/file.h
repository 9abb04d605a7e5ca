// Sensors and actuators that are files: /sys/class/hwmon, /sys/class/thermal, /sys/class/gpio, or any file that another program
// keeps.
//
// A sensor's file holds one number, `true` or `false`, or a line of text, and is read at an interval; an actuator's file is
// written with the value as one line. Memory: none is kept. Nothing is cached, so that a file which appears later is found.
#ifndef TENON_DRIVERS_FILE_H
#define TENON_DRIVERS_FILE_H

#include "drivers/polled.h"

// Reads the file's first line into one CBOR item: the number times `scale`, a boolean, or text. ERROR_NOT_FOUND, ERROR_STORAGE,
// ERROR_MALFORMED (empty), ERROR_TOO_LARGE (the text does not fit).
MUST_CHECK enum error file_driver_read(const char *path, double scale, struct buffer item, size_t *size);

// Writes the CBOR item as one line. A number is divided by `scale`. ERROR_STORAGE, ERROR_MALFORMED (an item that has no line
// form).
MUST_CHECK enum error file_driver_write(const char *path, double scale, struct bytes item);

// Both, for the node; the point is the path.
extern const struct polled_driver file_driver;

#endif
