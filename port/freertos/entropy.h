// The seed of port_entropy64, for boards without a random number generator.
#ifndef TENON_PORT_FREERTOS_ENTROPY_H
#define TENON_PORT_FREERTOS_ENTROPY_H

#include "core/bytes.h"
#include "core/error.h"

// Takes the state that flash kept, or `seed` at the very first start, and replaces it. Once, when files can be written.
// ERROR_STORAGE: numbers would repeat, so the node must not start.
enum error port_entropy_open(struct bytes seed);

#endif
