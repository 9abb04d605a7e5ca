// Arbitration with three places (the build of this test says so), as on a small device.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/actuator.h"
#include "core/assert.h"
#include "core/wire.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

static struct actuator actuator;

static enum error command(uint32_t priority, double value, uint64_t expires_ms) {
    uint8_t item[9];
    return actuator_command(&actuator, 1000, priority, (struct bytes){item, wire_put_number(value, item)}, expires_ms, 7, 1);
}

static void obeys(uint32_t expected, double value) {
    uint32_t priority;
    double found;
    assert_true(wire_number(actuator_value(&actuator, &priority), &found));
    assert_int_equal(priority, expected);
    assert_float_equal(found, value, 0);
}

static int set_up(void **state) {
    (void)state;
    uint8_t item[9];
    actuator = (struct actuator){0};
    return actuator_safe(&actuator, (struct bytes){item, wire_put_number(5, item)}) == ERROR_NONE ? 0 : 1;
}

static void the_highest_priority_is_obeyed_and_then_the_next(void **state) {
    (void)state;
    obeys(0, 5);
    assert_int_equal(command(10, 20, 2000), ERROR_NONE);
    assert_int_equal(command(8, 22, 1500), ERROR_NONE);
    obeys(8, 22);
    assert_int_equal(actuator_deadline(&actuator), 1500);
    assert_int_equal(actuator_expire(&actuator, 1500), 1);
    obeys(10, 20);
    assert_int_equal(command(10, 21, 3000), ERROR_NONE); // the same place
    obeys(10, 21);
    assert_true(actuator_end(&actuator, 10));
    assert_false(actuator_end(&actuator, 10));
    obeys(0, 5);
    assert_int_equal(actuator_deadline(&actuator), UINT64_MAX);
}

static void without_a_place_the_lowest_gives_way_to_what_outranks_it(void **state) {
    (void)state;
    assert_int_equal(command(10, 20, 2000), ERROR_NONE);
    assert_int_equal(command(14, 24, 2000), ERROR_NONE);
    assert_int_equal(command(12, 22, 2000), ERROR_NONE);
    assert_int_equal(command(16, 26, 2000), ERROR_FULL);
    assert_non_null(actuator_find(&actuator, 14));
    assert_int_equal(actuator_gives_way(&actuator, 16), 0);
    assert_int_equal(actuator_gives_way(&actuator, 12), 0);
    assert_int_equal(actuator_gives_way(&actuator, 1), 14);
    assert_int_equal(command(1, 11, 2000), ERROR_NONE);
    obeys(1, 11);
    assert_null(actuator_find(&actuator, 14));
    assert_non_null(actuator_find(&actuator, 12));
    assert_int_equal(actuator_expire(&actuator, 2000), 3);
    obeys(0, 5);
}

static void null_relinquishes(void **state) {
    (void)state;
    static const uint8_t null_item[1] = {0xf6};
    assert_int_equal(command(3, 13, 2000), ERROR_NONE);
    assert_int_equal(actuator_command(&actuator, 1000, 3, (struct bytes){null_item, 1}, 2000, 7, 1), ERROR_NONE);
    obeys(0, 5);
    assert_int_equal(command(3, 13, 1000), ERROR_EXPIRED);
    obeys(0, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_highest_priority_is_obeyed_and_then_the_next, set_up),
        cmocka_unit_test_setup(without_a_place_the_lowest_gives_way_to_what_outranks_it, set_up),
        cmocka_unit_test_setup(null_relinquishes, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
