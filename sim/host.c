#include "sim/host.h"

#include "core/assert.h"
#include "sim/sim.h"

// Ports have no context argument: they serve the program that runs now. One thread, so one variable.
static struct host *current;

struct host *host_current(void) {
    return current;
}

void host_enter(struct host *host) {
    ASSERT(current == NULL);
    current = host;
}

void host_leave(void) {
    ASSERT(current != NULL);
    current = NULL;
}

bool host_effect(struct host *host, const char *what) {
    if (host->dead) {
        return false;
    }
    host->effects++;
    if (host->countdown == 0 || --host->countdown > 0) {
        return true;
    }
    host->dead = true;
    TRACE(host->sim, TRACE_CRASH, host, host->effects, "dies before it could %s", what);
    return false;
}

uint64_t host_clock_us(struct host *host) {
    uint64_t now_us = host->sim->now_us;
    if (host->read_us != now_us || now_us == 0) {
        int64_t elapsed_us = (int64_t)(now_us - host->reference_us);
        host->read_us = now_us;
        host->read_clock_us = host->clock_us + (uint64_t)(elapsed_us + elapsed_us / 1000000 * host->drift_ppm +
                                                          elapsed_us % 1000000 * host->drift_ppm / 1000000);
    }
    return host->read_clock_us;
}

void host_set_clock(struct host *host, uint64_t clock_us) {
    host->clock_us = clock_us;
    host->reference_us = host->sim->now_us;
    host->read_us = UINT64_MAX;
}

uint64_t host_time_of_clock(struct host *host, uint64_t clock_us) {
    uint64_t now_us = host_clock_us(host);
    if (clock_us <= now_us) {
        return host->sim->now_us;
    }
    // Two microseconds more, so that the clock is there in spite of rounding.
    double wait_us = (double)(clock_us - now_us) / (1.0 + (double)host->drift_ppm / 1e6);
    return wait_us > 1e15 ? UINT64_MAX : host->sim->now_us + (uint64_t)wait_us + 2;
}

void host_set_drift(struct host *host, int32_t drift_ppm) {
    host_set_clock(host, host_clock_us(host));
    host->drift_ppm = drift_ppm;
}
