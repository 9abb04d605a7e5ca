// What the installer wrote into the first block of flash: lines of text, "key value", ended by a byte that is no text.
//
//     name board                       of the node
//     address 10.0.2.15                and `mask`, `gateway`
//     orchestrator 127.0.0.1:5683
//     alias_here 10.0.2.2              with `alias_in_plan 127.0.0.1`: board_network_alias
//     capability heated                any number up to CAPABILITIES_MAX
//     seed 5f1c...                     64 hexadecimal digits of randomness, different for each board (port/freertos/clock.c)
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

// Reads it over the defaults that stand in `out`. ERROR_NOT_FOUND (no name: the block was never written), ERROR_MALFORMED (an
// unknown key, a value that is too long); `line` is then the number of the line.
MUST_CHECK enum error configuration_read(struct bytes block, struct configuration *out, uint32_t *line);

#endif
