#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/assert.h"
#include "core/outbox.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

static struct outbox outbox;

static void messages_come_out_in_the_order_of_sending(void **state) {
    (void)state;
    outbox_reset(&outbox, 3, 4);
    assert_int_equal(outbox_append(&outbox, 2, bytes_of_text("first")), ERROR_NONE);
    assert_int_equal(outbox_append(&outbox, 0, bytes_of_text("")), ERROR_NONE);
    assert_int_equal(outbox_append(&outbox, 2, bytes_of_text("third")), ERROR_NONE);
    assert_int_equal(outbox.entry_count, 3);
    assert_int_equal(outbox.entries[0].output, 2);
    assert_int_equal(outbox.entries[1].output, 0);
    assert_true(bytes_equal(outbox_message(&outbox, 0), bytes_of_text("first")));
    assert_int_equal(outbox_message(&outbox, 1).size, 0);
    assert_true(bytes_equal(outbox_message(&outbox, 2), bytes_of_text("third")));
}

static void more_messages_than_declared_are_a_flood(void **state) {
    (void)state;
    outbox_reset(&outbox, 1, 2);
    assert_int_equal(outbox_append(&outbox, 0, bytes_of_text("a")), ERROR_NONE);
    assert_int_equal(outbox_append(&outbox, 0, bytes_of_text("b")), ERROR_NONE);
    assert_int_equal(outbox_append(&outbox, 0, bytes_of_text("c")), ERROR_FLOOD);
    assert_int_equal(outbox.violation, ERROR_FLOOD);
    assert_int_equal(outbox.entry_count, 2);
}

static void a_manifest_cannot_ask_for_more_than_the_limit(void **state) {
    (void)state;
    outbox_reset(&outbox, 1, UINT32_MAX);
    for (uint32_t i = 0; i < OUTPUTS_PER_MESSAGE_MAX; i++) {
        assert_int_equal(outbox_append(&outbox, 0, bytes_of_text("x")), ERROR_NONE);
    }
    assert_int_equal(outbox_append(&outbox, 0, bytes_of_text("x")), ERROR_FLOOD);
}

static void more_bytes_than_the_outbox_holds_are_a_flood(void **state) {
    (void)state;
    static uint8_t large[MESSAGE_SIZE_MAX];
    outbox_reset(&outbox, 1, OUTPUTS_PER_MESSAGE_MAX);
    for (uint32_t i = 0; i < OUTBOX_SIZE_MAX / MESSAGE_SIZE_MAX; i++) {
        assert_int_equal(outbox_append(&outbox, 0, (struct bytes){large, sizeof large}), ERROR_NONE);
    }
    assert_int_equal(outbox_append(&outbox, 0, bytes_of_text("x")), ERROR_FLOOD);
}

static void a_message_over_the_limit_is_too_large(void **state) {
    (void)state;
    static uint8_t large[MESSAGE_SIZE_MAX + 1];
    outbox_reset(&outbox, 1, 1);
    assert_int_equal(outbox_append(&outbox, 0, (struct bytes){large, sizeof large}), ERROR_TOO_LARGE);
}

static void the_first_violation_sticks_until_the_reset(void **state) {
    (void)state;
    outbox_reset(&outbox, 1, 2);
    assert_int_equal(outbox_append(&outbox, 1, bytes_of_text("a")), ERROR_BAD_PORT);
    assert_int_equal(outbox_append(&outbox, 0, bytes_of_text("a")), ERROR_BAD_PORT);
    assert_int_equal(outbox_violate(&outbox, ERROR_BAD_POINTER), ERROR_BAD_PORT);
    outbox_reset(&outbox, 1, 2);
    assert_int_equal(outbox_append(&outbox, 0, bytes_of_text("a")), ERROR_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_in_the_order_of_sending),
        cmocka_unit_test(more_messages_than_declared_are_a_flood),
        cmocka_unit_test(a_manifest_cannot_ask_for_more_than_the_limit),
        cmocka_unit_test(more_bytes_than_the_outbox_holds_are_a_flood),
        cmocka_unit_test(a_message_over_the_limit_is_too_large),
        cmocka_unit_test(the_first_violation_sticks_until_the_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
