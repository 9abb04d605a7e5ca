// Clock and entropy of POSIX.
#include "port/port.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t port_clock_ns(void) {
    return nanoseconds(CLOCK_MONOTONIC);
}

uint64_t port_clock_ms(void) {
    return nanoseconds(CLOCK_MONOTONIC) / 1000000u;
}

uint64_t port_unix_ms(void) {
    return nanoseconds(CLOCK_REALTIME) / 1000000u;
}

uint64_t port_unix_local_ms(void) {
    uint64_t now_ms = port_unix_ms();
    time_t seconds = (time_t)(now_ms / 1000u);
    struct tm local;
    if (localtime_r(&seconds, &local) == NULL) {
        return now_ms;
    }
    return (uint64_t)((int64_t)now_ms + (int64_t)local.tm_gmtoff * 1000);
}

uint64_t port_entropy64(void) {
    uint64_t value = 0;
    size_t have = 0;
    while (have < sizeof value) {
        ssize_t got = getrandom((uint8_t *)&value + have, sizeof value - have, 0);
        if (got > 0) {
            have += (size_t)got;
        } else if (errno != EINTR) {
            abort(); // no entropy: ids and tokens would repeat, so better not to start at all
        }
    }
    return value;
}
