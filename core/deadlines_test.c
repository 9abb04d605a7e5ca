// The heap of deadlines against a plain list, with numbers from a small generator.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/assert.h"
#include "core/deadlines.h"

#define MEMBERS 37

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

static struct deadline heap[MEMBERS];
static uint32_t places[MEMBERS];

static struct deadlines started(void) {
    struct deadlines deadlines = {.heap = heap, .places = places, .max = MEMBERS};
    deadlines_start(&deadlines);
    return deadlines;
}

static void members_come_up_in_order_of_their_times(void **state) {
    (void)state;
    static const uint64_t times[] = {50, 10, 40, 10, 30};
    struct deadlines deadlines = started();
    uint32_t member = 0;
    assert_true(deadlines_first(&deadlines) == UINT64_MAX);
    for (uint32_t i = 0; i < 5; i++) {
        deadlines_by(&deadlines, i, times[i]);
    }
    assert_int_equal(deadlines_first(&deadlines), 10);
    assert_false(deadlines_take(&deadlines, 9, &member));
    uint64_t last = 0;
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(deadlines_take(&deadlines, 100, &member));
        assert_true(times[member] >= last);
        last = times[member];
    }
    assert_false(deadlines_take(&deadlines, 100, &member));
}

static void a_member_moves_earlier_but_not_later(void **state) {
    (void)state;
    struct deadlines deadlines = started();
    uint32_t member = 0;
    deadlines_by(&deadlines, 3, 100);
    deadlines_by(&deadlines, 4, 90);
    deadlines_by(&deadlines, 3, 200);
    deadlines_by(&deadlines, 3, 80);
    deadlines_by(&deadlines, 5, UINT64_MAX);
    assert_true(deadlines_take(&deadlines, 80, &member));
    assert_int_equal(member, 3);
    assert_false(deadlines_take(&deadlines, 80, &member));
    assert_int_equal(deadlines.count, 1);
}

static void a_long_mix_of_moves_agrees_with_a_plain_list(void **state) {
    (void)state;
    uint64_t plain[MEMBERS];
    uint32_t random = 1;
    struct deadlines deadlines = started();
    for (uint32_t i = 0; i < MEMBERS; i++) {
        plain[i] = UINT64_MAX;
    }
    for (uint64_t now = 0; now < 20000; now++) {
        random = random * 1664525 + 1013904223;
        uint32_t member = (random >> 8) % MEMBERS;
        uint64_t due = now + (random >> 16) % 64;
        deadlines_by(&deadlines, member, due);
        plain[member] = due < plain[member] ? due : plain[member];
        while (deadlines_take(&deadlines, now, &member)) {
            assert_true(plain[member] <= now);
            plain[member] = UINT64_MAX;
        }
        for (uint32_t i = 0; i < MEMBERS; i++) {
            assert_true(plain[i] > now && plain[i] >= deadlines_first(&deadlines));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_up_in_order_of_their_times),
        cmocka_unit_test(a_member_moves_earlier_but_not_later),
        cmocka_unit_test(a_long_mix_of_moves_agrees_with_a_plain_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
