// Shortest digits by Steele and White's free-format algorithm as Burger and Dybvig give it ("Printing Floating-Point Numbers
// Quickly and Accurately", 1996), on integers of a fixed size: value = r / s, and low and high are half the gaps to the
// neighbouring doubles in the same unit. Exact, without tables; a sensor's value takes about a microsecond.
#include "core/decimal.h"

#include <math.h>

#include "core/assert.h"

// 2^1074 x 2 x 10 x 2^53 is the largest number in sight: 1,132 bits.
#define WORDS 36

struct integer {
    uint32_t words[WORDS]; // least significant first
    uint32_t count;        // in use; the highest is not 0
};

static void trim(struct integer *integer) {
    while (integer->count > 0 && integer->words[integer->count - 1] == 0) {
        integer->count--;
    }
}

static void set(struct integer *integer, uint64_t value) {
    integer->words[0] = (uint32_t)value;
    integer->words[1] = (uint32_t)(value >> 32);
    integer->count = 2;
    trim(integer);
}

static void multiply(struct integer *integer, uint32_t factor) {
    uint64_t carry = 0;
    for (uint32_t i = 0; i < integer->count; i++) {
        carry += (uint64_t)integer->words[i] * factor;
        integer->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0) {
        ASSERT(integer->count < WORDS);
        integer->words[integer->count++] = (uint32_t)carry;
    }
}

static void shift(struct integer *integer, uint32_t bits) {
    for (; bits >= 31; bits -= 31) {
        multiply(integer, UINT32_C(1) << 31);
    }
    multiply(integer, UINT32_C(1) << bits);
}

static void scale_by_ten(struct integer *integer, uint32_t power) {
    for (uint32_t i = 0; i < power; i++) {
        multiply(integer, 10);
    }
}

static int compare(const struct integer *a, const struct integer *b) {
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (uint32_t i = a->count; i > 0; i--) {
        if (a->words[i - 1] != b->words[i - 1]) {
            return a->words[i - 1] < b->words[i - 1] ? -1 : 1;
        }
    }
    return 0;
}

static void add(struct integer *sum, const struct integer *a, const struct integer *b) {
    uint64_t carry = 0;
    uint32_t count = a->count > b->count ? a->count : b->count;
    for (uint32_t i = 0; i < count; i++) {
        carry += (uint64_t)(i < a->count ? a->words[i] : 0) + (i < b->count ? b->words[i] : 0);
        sum->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    sum->count = count;
    if (carry > 0) {
        ASSERT(count < WORDS);
        sum->words[sum->count++] = (uint32_t)carry;
    }
}

static void subtract(struct integer *from, const struct integer *what) {
    uint64_t borrow = 0;
    for (uint32_t i = 0; i < from->count; i++) {
        uint64_t difference = (uint64_t)from->words[i] - (i < what->count ? what->words[i] : 0) - borrow;
        from->words[i] = (uint32_t)difference;
        borrow = difference >> 63;
    }
    ASSERT(borrow == 0);
    trim(from);
}

struct fraction {
    struct integer r, s, low, high;
    bool even; // the mantissa: then the ends of the interval round to the value as well (IEEE 754, ties to even)
};

// Sets up value = r / s; returns an estimate of the decimal exponent that is right or one too small.
static int start(struct fraction *fraction, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    int exponent = (int)(bits >> 52 & 0x7ff);
    bool lowest_of_its_binade = mantissa == 0 && exponent > 1; // the gap below is half the gap above
    mantissa |= exponent > 0 ? UINT64_C(1) << 52 : 0;
    exponent = (exponent > 0 ? exponent : 1) - 1075;
    fraction->even = (mantissa & 1) == 0;
    set(&fraction->r, mantissa);
    set(&fraction->s, 1);
    set(&fraction->low, 1);
    set(&fraction->high, lowest_of_its_binade ? 2 : 1);
    uint32_t doubled = lowest_of_its_binade ? 2 : 1;
    shift(&fraction->r, doubled + (exponent > 0 ? (uint32_t)exponent : 0));
    shift(&fraction->s, doubled + (exponent < 0 ? (uint32_t)-exponent : 0));
    if (exponent > 0) {
        shift(&fraction->low, (uint32_t)exponent);
        shift(&fraction->high, (uint32_t)exponent);
    }
    int magnitude = exponent;
    for (uint64_t rest = mantissa; rest > 1; rest >>= 1) {
        magnitude++;
    }
    // 2^magnitude <= value < 2^(magnitude + 1); 30103 / 100000 is log10(2) a little too large, which the sign makes up for.
    return magnitude >= 0 ? magnitude * 30102 / 100000 : -(-magnitude * 30103 / 100000 + 1);
}

static bool reaches_next(const struct fraction *fraction) {
    struct integer sum;
    add(&sum, &fraction->r, &fraction->high);
    int order = compare(&sum, &fraction->s);
    return fraction->even ? order >= 0 : order > 0;
}

static void multiply_all(struct fraction *fraction) {
    multiply(&fraction->r, 10);
    multiply(&fraction->low, 10);
    multiply(&fraction->high, 10);
}

// The digits of value = 0.d1d2... x 10^*point; returns their number, at most 17.
static uint32_t shortest(double value, uint8_t digits[17], int *point) {
    struct fraction fraction;
    int power = start(&fraction, value);
    if (power >= 0) {
        scale_by_ten(&fraction.s, (uint32_t)power);
    } else {
        scale_by_ten(&fraction.r, (uint32_t)-power);
        scale_by_ten(&fraction.low, (uint32_t)-power);
        scale_by_ten(&fraction.high, (uint32_t)-power);
    }
    while (reaches_next(&fraction)) {
        multiply(&fraction.s, 10);
        power++;
    }
    *point = power;
    for (uint32_t count = 0; count < 17;) {
        multiply_all(&fraction);
        uint8_t digit = 0;
        while (compare(&fraction.r, &fraction.s) >= 0) {
            subtract(&fraction.r, &fraction.s);
            digit++;
        }
        int order = compare(&fraction.r, &fraction.low);
        bool low = fraction.even ? order <= 0 : order < 0;
        bool high = reaches_next(&fraction);
        if (low && high) {
            multiply(&fraction.r, 2);
            high = compare(&fraction.r, &fraction.s) >= 0;
        }
        digits[count++] = (uint8_t)(digit + (high ? 1 : 0));
        if (low || high) {
            return count;
        }
    }
    return 17;
}

static size_t put_exponent(int exponent, char *out) {
    size_t size = 0;
    out[size++] = 'e';
    out[size++] = exponent < 0 ? '-' : '+';
    unsigned rest = (unsigned)(exponent < 0 ? -exponent : exponent);
    if (rest >= 100) {
        out[size++] = (char)('0' + rest / 100);
    }
    if (rest >= 10) {
        out[size++] = (char)('0' + rest / 10 % 10);
    }
    out[size++] = (char)('0' + rest % 10);
    return size;
}

size_t decimal_put(double value, char out[DECIMAL_TEXT_SIZE_MAX]) {
    uint8_t digits[17];
    int point = 1;
    size_t size = 0;
    if (!isfinite(value)) {
        return 0;
    }
    if (signbit(value)) {
        out[size++] = '-';
        value = -value;
    }
    digits[0] = 0;
    int count = value > 0 ? (int)shortest(value, digits, &point) : 1;
    bool scientific = point > 21 || point < -5;
    int places = scientific ? 1 : point; // digits before the point
    if (places <= 0) {
        out[size++] = '0';
        out[size++] = '.';
        for (int i = places; i < 0; i++) {
            out[size++] = '0';
        }
    }
    for (int i = 0; i < count || i < places; i++) {
        if (i == places && i > 0) {
            out[size++] = '.';
        }
        out[size++] = (char)('0' + (i < count ? digits[i] : 0));
    }
    if (scientific) {
        size += put_exponent(point - 1, out + size);
    }
    return size;
}

bool decimal_read(struct bytes text, double *out) {
    uint64_t mantissa = 0;
    uint32_t counting = 0;
    uint32_t places = 0;
    bool any = false;
    bool point = false;
    size_t at = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;
    for (; at < text.size; at++) {
        uint8_t letter = text.data[at];
        if (letter == '.' && !point) {
            point = true;
            continue;
        }
        if (letter < '0' || letter > '9') {
            return false;
        }
        any = true;
        counting += mantissa > 0 || letter > '0';
        places += point;
        if (counting > 15 || places > 22) {
            return false;
        }
        mantissa = mantissa * 10 + (uint64_t)(letter - '0');
    }
    double scale = 1;
    for (uint32_t i = 0; i < places; i++) {
        scale *= 10; // exact up to 10^22
    }
    *out = (double)mantissa / scale;
    *out = text.size > 0 && text.data[0] == '-' ? -*out : *out;
    return any;
}
