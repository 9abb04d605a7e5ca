// How a benchmark fails, and its medians.
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"

_Noreturn void assert_failed(const char *expression, const char *function);

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "bench: %s: %s\n", function, expression);
    abort();
}

_Noreturn void bench_fail(const char *what) {
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static int compare(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

double bench_median(double *values, uint32_t count) {
    qsort(values, count, sizeof values[0], compare);
    return values[count / 2];
}
