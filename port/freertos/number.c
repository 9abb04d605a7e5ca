// strtod for what Tenon reads: JSON numbers, checked by the caller. newlib's takes 8 KiB and allocates. Digits beyond the 15th
// do not count, and the result may differ from the nearest double by one in its last place when the exponent is beyond 22.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define DIGITS_MAX 15
#define EXPONENT_MAX 400 // beyond any double, either way

struct decimal {
    uint64_t digits;
    int count;
    int exponent;
};

static const char *read_digits(const char *text, struct decimal *out, bool fraction) {
    for (; *text >= '0' && *text <= '9'; text++) {
        bool counts = out->count < DIGITS_MAX;
        if (counts) {
            out->digits = out->digits * 10 + (uint64_t)(*text - '0');
            out->count += out->digits > 0 ? 1 : 0;
        }
        out->exponent += counts ? (fraction ? -1 : 0) : (fraction ? 0 : 1);
    }
    return text;
}

static const char *read_exponent(const char *text, struct decimal *out) {
    bool negative = text[1] == '-';
    int exponent = 0;
    for (text += text[1] == '-' || text[1] == '+' ? 2 : 1; *text >= '0' && *text <= '9'; text++) {
        exponent = exponent < EXPONENT_MAX ? exponent * 10 + (*text - '0') : exponent;
    }
    out->exponent += negative ? -exponent : exponent;
    return text;
}

double strtod(const char *restrict text, char **restrict end) {
    struct decimal decimal = {0};
    bool negative = *text == '-';
    const char *at = read_digits(text + (negative || *text == '+' ? 1 : 0), &decimal, false);
    if (*at == '.') {
        at = read_digits(at + 1, &decimal, true);
    }
    if (*at == 'e' || *at == 'E') {
        at = read_exponent(at, &decimal);
    }
    if (end != NULL) {
        *end = (char *)(uintptr_t)at;
    }
    double value = (double)decimal.digits;
    double power = 1;
    int steps = decimal.exponent < 0 ? -decimal.exponent : decimal.exponent;
    for (int i = 0; i < steps && i < EXPONENT_MAX; i++) {
        power *= 10;
    }
    value = decimal.exponent < 0 ? value / power : value * power;
    return negative ? -value : value;
}
