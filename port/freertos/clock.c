// Clock and entropy.
//
// Entropy: the emulated board has no source of its own. The installer writes 32 random bytes (`seed`) into the configuration;
// from them a state is made that is replaced in flash before the first number is given out, as operating systems do with
// their seed file, so that no restart repeats a number. Whoever can read the flash can foretell them. A board with a random
// number generator reads that instead.
#include <FreeRTOS.h>
#include <task.h>

#include <lwip/sys.h>

#include "core/plan.h"
#include "core/sha256.h"
#include "port/freertos/board.h"
#include "port/freertos/entropy.h"
#include "port/port.h"

#define STATE_PATH "port/entropy"

static uint32_t last_tick;
static uint64_t clock_ms;
static uint64_t unix_base_ms; // when the clock was 0
static uint8_t state[DIGEST_SIZE];
static uint64_t drawn;

// The tick has 32 bits and returns to 0 after 49 days; port_wait comes here at least once a minute.
uint64_t port_clock_ms(void) {
    uint32_t tick = xTaskGetTickCount();
    clock_ms += tick - last_tick;
    last_tick = tick;
    return clock_ms;
}

uint64_t port_clock_ns(void) {
    return port_clock_ms() * 1000000u;
}

u32_t sys_now(void) {
    return (u32_t)port_clock_ms();
}

uint64_t port_unix_ms(void) {
    if (unix_base_ms == 0) {
        unix_base_ms = (uint64_t)board_unix_s() * 1000u;
        unix_base_ms -= port_clock_ms() < unix_base_ms ? port_clock_ms() : 0;
    }
    return unix_base_ms + port_clock_ms();
}

// The board knows no time zone.
uint64_t port_unix_local_ms(void) {
    return port_unix_ms();
}

// The hash of the state, a number, and what it is for in at most 8 letters.
static void derive(const char *purpose, uint64_t number, uint8_t out[DIGEST_SIZE]) {
    uint8_t input[DIGEST_SIZE + 8 + 8] = {0};
    memcpy(input, state, DIGEST_SIZE);
    memcpy(input + DIGEST_SIZE, &number, 8);
    memcpy(input + DIGEST_SIZE + 8, purpose, strlen(purpose));
    sha256((struct bytes){input, sizeof input}, out);
}

enum error port_entropy_open(struct bytes seed) {
    struct bytes kept;
    uint8_t next[DIGEST_SIZE];
    if (port_file_read(STATE_PATH, sizeof state, &kept) == ERROR_NONE && kept.size == sizeof state) {
        memcpy(state, kept.data, sizeof state);
        port_file_release(kept);
    } else {
        sha256(seed, state);
    }
    derive("next", (uint64_t)board_unix_s() << 32 | board_cycles(), next);
    enum error error = port_file_write(STATE_PATH, (struct bytes){next, sizeof next});
    if (error != ERROR_NONE) {
        error = port_file_overwrite(STATE_PATH, (struct bytes){next, sizeof next});
    }
    derive("now", (uint64_t)board_unix_s() << 32 | board_cycles(), next);
    memcpy(state, next, sizeof state);
    return error;
}

uint64_t port_entropy64(void) {
    uint8_t digest[DIGEST_SIZE];
    uint64_t value;
    derive("draw", ++drawn << 32 | board_cycles(), digest);
    memcpy(&value, digest, sizeof value);
    return value;
}
