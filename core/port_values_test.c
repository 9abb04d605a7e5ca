#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/assert.h"
#include "core/port_values.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

static struct port_value rows[16];
static struct port_value_large larges[2];
static struct port_values values;
static uint8_t octets[MESSAGE_SIZE_MAX];

static int begin(void **state) {
    (void)state;
    memset(rows, 0, sizeof rows);
    memset(larges, 0, sizeof larges);
    for (size_t i = 0; i < sizeof octets; i++) {
        octets[i] = (uint8_t)i;
    }
    values = (struct port_values){.values = rows, .value_count = 16, .larges = larges, .large_count = 2};
    return 0;
}

static void put(const char *task, bool output, uint32_t port, size_t size, uint64_t now_ms) {
    port_values_put(&values, port_values_key(port_values_task(task), output, port), (struct bytes){octets, size}, now_ms);
}

static enum error get(const char *task, bool output, uint32_t port, struct bytes *value, uint64_t *updated_ms) {
    return port_values_get(&values, port_values_key(port_values_task(task), output, port), value, updated_ms);
}

static void expect(const char *task, bool output, uint32_t port, size_t size, uint64_t at_ms) {
    struct bytes value;
    uint64_t updated_ms = 0;
    assert_int_equal(get(task, output, port, &value, &updated_ms), ERROR_NONE);
    assert_int_equal(value.size, size);
    assert_memory_equal(value.data, octets, size);
    assert_int_equal(updated_ms, at_ms);
}

static void the_last_message_of_each_port_is_found(void **state) {
    (void)state;
    struct bytes value;
    uint64_t updated_ms;
    put("a", true, 0, 9, 1);
    put("a", false, 0, 5, 2);
    put("a", true, 1, 0, 3);
    put("b", true, 0, 300, 4);
    put("a", true, 0, 1, 5);
    expect("a", true, 0, 1, 5);
    expect("a", false, 0, 5, 2);
    expect("a", true, 1, 0, 3);
    expect("b", true, 0, 300, 4);
    assert_int_equal(get("b", false, 0, &value, &updated_ms), ERROR_NOT_FOUND);
}

static void a_long_message_keeps_its_place_until_others_need_it(void **state) {
    (void)state;
    struct bytes value;
    uint64_t updated_ms;
    put("a", true, 0, 100, 1);
    put("a", true, 0, 200, 2);
    put("b", true, 0, 300, 3);
    expect("a", true, 0, 200, 2);
    put("c", true, 0, 400, 4);
    assert_int_equal(get("a", true, 0, &value, &updated_ms), ERROR_FULL);
    put("a", true, 0, 500, 5);
    expect("a", true, 0, 500, 5);
    expect("c", true, 0, 400, 4);
    put("c", true, 0, 4, 6);
    expect("c", true, 0, 4, 6);
}

static void in_a_full_table_the_oldest_makes_room_and_is_counted(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        put("task", true, i, 4, i + 1);
        expect("task", true, i, 4, i + 1);
    }
    assert_true(values.evicted >= 84);
}

static void without_memory_nothing_is_kept(void **state) {
    (void)state;
    struct bytes value;
    uint64_t updated_ms;
    values = (struct port_values){0};
    put("a", true, 0, 1, 1);
    assert_int_equal(get("a", true, 0, &value, &updated_ms), ERROR_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_last_message_of_each_port_is_found, begin),
        cmocka_unit_test_setup(a_long_message_keeps_its_place_until_others_need_it, begin),
        cmocka_unit_test_setup(in_a_full_table_the_oldest_makes_room_and_is_counted, begin),
        cmocka_unit_test_setup(without_memory_nothing_is_kept, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
