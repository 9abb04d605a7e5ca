#include "sim/trace.h"

#include <stdarg.h>
#include <stdio.h>

#include "sim/sim.h"

// One multiplication for eight bytes: a hash for finding differences, not for adversaries.
uint64_t trace_hash_bytes(struct bytes bytes) {
    uint64_t hash = bytes.size * UINT64_C(0x9e3779b97f4a7c15) + 1;
    size_t at = 0;
    for (; at + 8 <= bytes.size; at += 8) {
        uint64_t word;
        memcpy(&word, bytes.data + at, 8);
        hash = (hash ^ word) * UINT64_C(0xbf58476d1ce4e5b9);
        hash ^= hash >> 32;
    }
    uint64_t rest = 0;
    if (at < bytes.size) {
        memcpy(&rest, bytes.data + at, bytes.size - at);
    }
    return random_mix(hash ^ rest);
}

void trace_line(struct sim *sim, const struct host *host, const char *format, ...) {
    va_list arguments;
    uint64_t seconds = sim->now_us / SECOND_US;
    printf("%5llu:%02llu:%02llu.%06llu %-14s ", (unsigned long long)(seconds / 3600), (unsigned long long)(seconds / 60 % 60),
           (unsigned long long)(seconds % 60), (unsigned long long)(sim->now_us % SECOND_US), host == NULL ? "" : host->name);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}
