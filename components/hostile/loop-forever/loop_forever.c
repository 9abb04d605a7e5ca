// Hostile: never returns from a negative number; gives back any other. The engine's instruction budget must end it.
#include "ports.h"
#include "tenon.h"

static struct {
    uint32_t turns;
} state;
TENON_STATE(state, 1);
TENON_INBOX(16);

int32_t tenon_receive(uint32_t input, uint32_t length) {
    double value;
    if (input != INPUT_VALUE || !tenon_read_number(length, &value)) {
        return TENON_REFUSED;
    }
    volatile uint32_t *turns = &state.turns;
    while (value < 0.0) {
        *turns += 1;
    }
    return tenon_send_number(OUTPUT_VALUE, value);
}
