// What happened, as lines for people and as a hash that two runs of one seed must share.
#ifndef TENON_SIM_TRACE_H
#define TENON_SIM_TRACE_H

#include "sim/host.h"

enum trace_kind {
    TRACE_SEND = 1,
    TRACE_LOSE,
    TRACE_ARRIVE,
    TRACE_START,
    TRACE_CRASH,
    TRACE_FILE,
    TRACE_JOURNAL,
    TRACE_RECEIVE,
    TRACE_EMIT,
    TRACE_ACTUATE,
    TRACE_LOG,
    TRACE_FAULT,
    TRACE_PLANT,
};

struct trace {
    uint64_t hash;
    uint64_t count;
    bool print; // --trace
    bool logs;  // --logs: the hosts' own log lines only
};

// Mixes an event into the hash; costs a few nanoseconds.
static inline void trace_mix(struct trace *trace, uint64_t now_us, enum trace_kind kind, uint32_t host, uint64_t value) {
    trace->count++;
    trace->hash = random_mix(trace->hash ^ now_us ^ (uint64_t)kind << 56 ^ (uint64_t)host << 40) + value;
}

uint64_t trace_hash_bytes(struct bytes bytes);
void trace_line(struct sim *sim, const struct host *host, const char *format, ...) __attribute__((format(printf, 3, 4)));

// An event: into the hash and, when traces are printed, as a line.
#define TRACE(sim, kind, host, value, ...)                                                                                     \
    do {                                                                                                                       \
        trace_mix(&(sim)->trace, (sim)->now_us, (kind), (host) == NULL ? 0 : (host)->index, (value));                          \
        if ((sim)->trace.print) {                                                                                              \
            trace_line((sim), (host), __VA_ARGS__);                                                                            \
        }                                                                                                                      \
    } while (0)

#endif
