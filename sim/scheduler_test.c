// Occasions come in order of time, and of planning where times are equal.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/assert.h"
#include "sim/random.h"
#include "sim/scheduler.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

static void nothing(void *context, const struct occasion *occasion) {
    (void)occasion;
    ++*(uint32_t *)context;
}

static void occasions_come_in_order_of_time_and_then_of_planning(void **state) {
    (void)state;
    struct scheduler scheduler = {0};
    struct random random = random_start(7, 7);
    struct occasion occasion;
    for (uint32_t i = 0; i < 2000; i++) {
        scheduler_plan(&scheduler, (struct occasion){.time_us = random_below(&random, 100), .value = i});
    }
    uint64_t time_us = 0;
    uint64_t value = 0;
    for (uint32_t i = 0; i < 1900; i++) {
        assert_true(scheduler_next(&scheduler, &occasion));
        assert_true(occasion.time_us > time_us || (occasion.time_us == time_us && (i == 0 || occasion.value > value)));
        time_us = occasion.time_us;
        value = occasion.value;
    }
    uint32_t left = 0;
    scheduler_free(&scheduler, nothing, &left);
    assert_int_equal(left, 100);
    assert_false(scheduler_next(&scheduler, &occasion));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(occasions_come_in_order_of_time_and_then_of_planning)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
