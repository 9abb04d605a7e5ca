// A driver whose sensors are asked at an interval and whose actuators are told at once: files on Linux, registers on a board.
// A point is the driver's own name for the thing, a path or "led0". Nothing here blocks.
#ifndef TENON_DRIVERS_POLLED_H
#define TENON_DRIVERS_POLLED_H

#include "core/bytes.h"
#include "core/error.h"

struct polled_driver {
    // Reads the point into one CBOR item; a number is multiplied by `scale`. ERROR_NOT_FOUND, ERROR_STORAGE, ERROR_MALFORMED,
    // ERROR_TOO_LARGE (the item does not fit).
    enum error (*read)(const char *point, double scale, struct buffer item, size_t *size);
    // Sets the point to the CBOR item; a number is divided by `scale`. ERROR_STORAGE, ERROR_MALFORMED (an item that it cannot
    // take).
    enum error (*write)(const char *point, double scale, struct bytes item);
};

#endif
