// What the installer wrote into the first block of flash: lines of text, "key value", ended by a byte that is no text.
//
//     name board                       of the node
//     address 10.0.2.15                and `mask`, `gateway`
//     orchestrator 127.0.0.1:5683
//     alias_here 10.0.2.2              with `alias_in_plan 127.0.0.1`: board_network_alias
//     capability heated                any number up to CAPABILITIES_MAX
//     keepalive_ms 2000                between two signs of life
//     clock plant                      the building's time is that of the plant at the serial line
//     seed 5f1c...                     64 hexadecimal digits of randomness, different for each board (port/freertos/clock.c)
//     resource space1/temperature driver=plant quantity=Zone_Air_Temperature_Sensor unit=Cel min=-40 max=80 resolution=0.01
//     resource space1/fan driver=board point=led0 type=boolean actuator
//
// A resource is a name and words behind it, in any order: driver=board (board_driver.h) or driver=plant (drivers/plant.h, over
// the serial line); point=, the driver's own name for it, for the plant the resource's name unless said; `actuator`, else it is
// a sensor; type=boolean, else a number; quantity=, unit=, min= and max=, resolution= as in a node's YAML; interval_ms= between
// two readings of the board. A configuration without any offers what board_driver.h has.
#ifndef TENON_FIRMWARE_CONFIGURATION_H
#define TENON_FIRMWARE_CONFIGURATION_H

#include "node/node.h"

struct configuration {
    struct node_config node;
    char address[16];
    char mask[16];
    char gateway[16];
    char seed[65];
    char alias_here[16]; // "" for none
    char alias_in_plan[16];
};

// Reads it over the defaults that stand in `out`. NULL when it is good, else a sentence that says what is wrong and what to
// write, about the line of this number; 0 for the whole.
const char *configuration_read(struct bytes block, struct configuration *out, uint32_t *line);
// Adds the resource that stands behind the key in such a line. NULL, or what is wrong.
const char *configuration_resource(struct bytes words, struct node_config *config);

#endif
