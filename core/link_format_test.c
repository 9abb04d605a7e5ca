#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/assert.h"
#include "core/link_format.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

static const struct link_entry entries[] = {
    {"/status", "", "", "", "50", false},
    {"/r/a/temperature", "Zone_Air_Temperature_Sensor", "core.s", "Cel", "60 110", true},
    {"/r/a/valve", "Valve_Position_Command", "core.a", "%", "60 110", true},
    {"/p/t/out", "one two", "tenon.output", "", "60", true},
};

// Paths of what passes the queries "a&b".
static void expect(const char *queries, const char *paths) {
    struct coap_message filter = {.code = COAP_GET};
    uint8_t out[1024];
    for (const char *at = queries; *at != '\0';) {
        size_t size = strcspn(at, "&");
        filter.options[filter.option_count++] = (struct coap_option){COAP_OPTION_URI_QUERY, {(const uint8_t *)at, size}};
        at += size + (at[size] == '&');
    }
    char found[256] = "";
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        struct link_list list = {.pen = pen_start((struct buffer){out, sizeof out}), .filter = &filter};
        link_list_add(&list, &entries[i]);
        if (list.count > 0) {
            strcat(strcat(found, entries[i].path), " ");
        }
    }
    assert_string_equal(found, paths);
}

static void filters_are_those_of_rfc_6690(void **state) {
    (void)state;
    expect("", "/status /r/a/temperature /r/a/valve /p/t/out ");
    expect("rt=Zone_Air_Temperature_Sensor", "/r/a/temperature ");
    expect("rt=Zone_*", "/r/a/temperature ");
    expect("rt=*", "/r/a/temperature /r/a/valve /p/t/out ");
    expect("rt=two", "/p/t/out ");
    expect("rt=one two", "");
    expect("rt=", "");
    expect("if=core.*", "/r/a/temperature /r/a/valve ");
    expect("if=core", "");
    expect("href=/r/*", "/r/a/temperature /r/a/valve ");
    expect("href=/status", "/status ");
    expect("ct=110", "/r/a/temperature /r/a/valve ");
    expect("u=Cel&if=core.s", "/r/a/temperature ");
    expect("u=Cel&if=core.a", "");
    expect("obs", "/r/a/temperature /r/a/valve /p/t/out ");
    expect("colour=red", "");
}

static void the_list_is_written_with_commas_between(void **state) {
    (void)state;
    struct coap_message all = {.code = COAP_GET};
    uint8_t out[256];
    struct link_list list = {.pen = pen_start((struct buffer){out, sizeof out}), .filter = &all};
    link_list_add(&list, &entries[0]);
    link_list_add(&list, &entries[1]);
    static const char expected[] = "</status>;ct=\"50\",</r/a/temperature>;rt=\"Zone_Air_Temperature_Sensor\";if=\"core.s\";"
                                   "u=\"Cel\";ct=\"60 110\";obs";
    assert_int_equal(list.pen.size, sizeof expected - 1);
    assert_memory_equal(out, expected, sizeof expected - 1);
    for (int i = 0; i < 9; i++) {
        link_list_add(&list, &entries[1]);
    }
    assert_true(list.pen.overflow);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_are_those_of_rfc_6690),
        cmocka_unit_test(the_list_is_written_with_commas_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
