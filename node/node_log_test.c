// The log in the few bytes of a microcontroller (firmware/limits.h).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/assert.h"
#include "node/node_private.h"

static struct node node;
static struct node_config config = {.node = "board"};
static uint64_t unix_ms;
static char told[256];
static uint32_t told_count;
static char written[4096];

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

uint64_t port_unix_ms(void) {
    return unix_ms;
}

void port_log_line(const char *text) {
    told_count++;
    assert_true(strlen(text) < sizeof told);
    strcpy(told, text);
}

static int begin(void **state) {
    (void)state;
    memset(&node, 0, sizeof node);
    node.config = &config;
    unix_ms = 1000;
    told_count = 0;
    return 0;
}

static const char *log_of(const char *subject) {
    struct text text;
    text_start(&text, written, sizeof written);
    text_add(&text, "%s", "");
    node_log_write(&node, bytes_of_text(subject), &text);
    assert_false(text.overflow);
    return written;
}

static void a_line_is_told_and_kept_with_its_time_and_subject(void **state) {
    (void)state;
    node_log(&node, "plan", "applied %d", 7);
    assert_string_equal(told, "1970-01-01T00:00:01.000Z board: plan: applied 7");
    node_log(&node, "code", "%s", "");
    assert_string_equal(log_of(""), "1970-01-01T00:00:01.000Z plan: applied 7\n1970-01-01T00:00:01.000Z code: \n");
    assert_string_equal(log_of("code"), "1970-01-01T00:00:01.000Z code: \n");
}

static void a_line_that_repeats_is_counted_and_the_count_told_with_the_next(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        node_log(&node, "plan", "refused");
    }
    assert_int_equal(told_count, 1);
    assert_string_equal(log_of(""), "1970-01-01T00:00:01.000Z plan: refused (and 3 times more)\n");
    node_log(&node, "pla", "nrefused"); // the same letters, another line
    assert_int_equal(told_count, 3);
    unix_ms += LOG_REPEAT_MS;
    node_log(&node, "pla", "nrefused"); // long after
    assert_int_equal(told_count, 4);
}

static void the_oldest_lines_make_room_for_new_ones(void **state) {
    (void)state;
    char long_name[2 * NAME_SIZE_MAX];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    for (uint32_t i = 0; i < 500; i++) {
        const int width = (int)(i * 7 % 150); // some are cut
        node_log(&node, i % 5 == 0 ? long_name : "a", "%0*u", width, i);
        assert_true(node.log_size <= LOG_SIZE && node.log_last < node.log_size);
        (void)log_of("");
        assert_true(width >= LOG_LINE_SIZE_MAX || strtoul(strrchr(written, ' '), NULL, 10) == i);
    }
    assert_true(node.log_size > LOG_SIZE / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_is_told_and_kept_with_its_time_and_subject, begin),
        cmocka_unit_test_setup(a_line_that_repeats_is_counted_and_the_count_told_with_the_next, begin),
        cmocka_unit_test_setup(the_oldest_lines_make_room_for_new_ones, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
