// Hostile: reads the octet at the address that it gets and writes one beside it, wherever that is, and sends what it read.
#include "ports.h"
#include "tenon.h"

TENON_INBOX(16);

int32_t tenon_receive(uint32_t input, uint32_t length) {
    double value;
    if (input != INPUT_VALUE || !tenon_read_number(length, &value) || value < 0.0 || value >= 0x1p32) {
        return TENON_REFUSED;
    }
    volatile uint8_t *octet = (volatile uint8_t *)(uintptr_t)value;
    const uint8_t found = *octet;
    octet[1] = found;
    return tenon_send_number(OUTPUT_VALUE, found);
}
