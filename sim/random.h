// All chance of a run, from one seed: a small generator (splitmix64), one stream for each purpose so that a change in one does
// not shift the others.
#ifndef TENON_SIM_RANDOM_H
#define TENON_SIM_RANDOM_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_mix(uint64_t value) {
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

// A stream of its own for `purpose`.
static inline struct random random_start(uint64_t seed, uint64_t purpose) {
    return (struct random){random_mix(seed ^ random_mix(purpose + UINT64_C(0x9e3779b97f4a7c15)))};
}

static inline uint64_t random_next(struct random *random) {
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return random_mix(random->state);
}

// 0 to bound - 1; the bias of the remainder is below 2^-32 for the small bounds used here. 0 for bound 0.
static inline uint64_t random_below(struct random *random, uint64_t bound) {
    return bound == 0 ? 0 : random_next(random) % bound;
}

// True `ppm` times in a million.
static inline bool random_chance(struct random *random, uint32_t ppm) {
    return ppm > 0 && random_below(random, 1000000) < ppm;
}

// Exponentially distributed with this mean, at most 50 times it.
static inline uint64_t random_exponential(struct random *random, uint64_t mean) {
    double unit = (double)((random_next(random) >> 11) + 1) * 0x1.0p-53;
    double value = -log(unit) * (double)mean;
    return value > 50.0 * (double)mean ? 50 * mean : (uint64_t)value;
}

#endif
