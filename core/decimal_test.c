#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/assert.h"
#include "core/decimal.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

static void expect_text(double value, const char *text) {
    char out[DECIMAL_TEXT_SIZE_MAX + 1];
    size_t size = decimal_put(value, out);
    assert_true(size <= DECIMAL_TEXT_SIZE_MAX);
    out[size] = '\0';
    assert_string_equal(out, text);
}

static void numbers_are_written_as_short_as_they_can_be(void **state) {
    (void)state;
    expect_text(0, "0");
    expect_text(-0.0, "-0");
    expect_text(1, "1");
    expect_text(21.5, "21.5");
    expect_text(-40, "-40");
    expect_text(0.1, "0.1");
    expect_text(0.30000000000000004, "0.30000000000000004");
    expect_text(100, "100");
    expect_text(1e20, "100000000000000000000");
    expect_text(1e21, "1e+21");
    expect_text(1e-6, "0.000001");
    expect_text(1e-7, "1e-7");
    expect_text(1234567.25, "1234567.25");
    expect_text(5e-324, "5e-324");
    expect_text(1.7976931348623157e308, "1.7976931348623157e+308");
    expect_text(2.2250738585072014e-308, "2.2250738585072014e-308");
    expect_text(9007199254740993.0, "9007199254740992");
    expect_text((double)19.7f, "19.700000762939453");
    expect_text(INFINITY, "");
    expect_text(NAN, "");
}

// Every double reads back as itself, and no shorter text would.
static void random_numbers_round_trip_and_no_shorter_text_does(void **state) {
    (void)state;
    uint64_t seed = 42;
    for (int i = 0; i < 200000; i++) {
        double value;
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t bits = seed ^ seed >> 29;
        memcpy(&value, &bits, sizeof value);
        if (i % 3 == 0) { // what sensors give
            value = (double)(int64_t)(seed >> 44) / (i % 2 == 0 ? 100.0 : 8.0);
        }
        char out[DECIMAL_TEXT_SIZE_MAX + 1];
        size_t size = decimal_put(value, out);
        out[size] = '\0';
        if (!isfinite(value)) {
            assert_int_equal(size, 0);
            continue;
        }
        double back = strtod(out, NULL);
        assert_memory_equal(&back, &value, sizeof value);
        int digits = 0;
        bool leading = true;
        int trailing = 0;
        for (const char *at = out; *at != '\0' && *at != 'e'; at++) {
            if (*at >= '0' && *at <= '9') {
                leading = leading && *at == '0';
                digits += leading ? 0 : 1;
                trailing = *at == '0' ? trailing + 1 : 0;
            }
        }
        digits -= leading ? 0 : trailing;
        if (digits > 1) {
            char shorter[64];
            snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
            back = strtod(shorter, NULL);
            assert_true(back < value || back > value);
        }
    }
}

static void decimals_are_read_to_the_nearest_double(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double value;
    } cases[] = {{"21.3", 21.3},     {"-0.1", -0.1},
                 {"+7", 7},          {".5", 0.5},
                 {"5.", 5},          {"0000000000000000000001", 1},
                 {"0.000001", 1e-6}, {"123456789012345", 123456789012345.0},
                 {"0.10", 0.1},      {"-0", -0.0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double value = 1e9;
        assert_true(decimal_read(bytes_of_text(cases[i].text), &value));
        assert_true(fabs(value - cases[i].value) <= 0);
    }
}

static void what_is_no_decimal_is_refused(void **state) {
    (void)state;
    static const char *const cases[] = {"",     "-",
                                        ".",    "+.",
                                        "1e3",  "1.2.3",
                                        " 1",   "1 ",
                                        "0x10", "inf",
                                        "nan",  "1234567890123456",
                                        "--1",  "0.00000000000000000000001"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double value;
        assert_false(decimal_read(bytes_of_text(cases[i]), &value));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_as_short_as_they_can_be),
        cmocka_unit_test(random_numbers_round_trip_and_no_shorter_text_does),
        cmocka_unit_test(decimals_are_read_to_the_nearest_double),
        cmocka_unit_test(what_is_no_decimal_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
