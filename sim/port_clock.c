// port/port.h for the simulator: the clock, entropy and log of the current host.
#include <time.h>

#include "core/assert.h"
#include "sim/sim.h"

uint64_t port_clock_ms(void) {
    return host_clock_us(host_current()) / 1000;
}

uint64_t port_clock_ns(void) {
    return host_clock_us(host_current()) * 1000;
}

uint64_t port_unix_ms(void) {
    struct host *host = host_current();
    return host->sim->begin_unix_ms + (uint64_t)((int64_t)(host_clock_us(host) / 1000) + host->unix_offset_ms);
}

uint64_t port_unix_local_ms(void) {
    return port_unix_ms(); // the building's walls show UTC
}

uint64_t port_entropy64(void) {
    return random_next(&host_current()->entropy);
}

void port_log_line(const char *line) {
    struct host *host = host_current();
    struct sim *sim = host->sim;
    if (host->dead) {
        return;
    }
    trace_mix(&sim->trace, sim->now_us, TRACE_LOG, host->index, trace_hash_bytes(bytes_of_text(line)));
    if (sim->trace.print || sim->trace.logs) {
        trace_line(sim, host, "log %s", line);
    }
}
