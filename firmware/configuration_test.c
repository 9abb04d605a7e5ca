// What the installer writes into flash, read as the firmware does, with its limits.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "firmware/board_driver.h"
#include "firmware/configuration.h"

_Noreturn void assert_failed(const char *expression, const char *function);
_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s does not hold in %s\n", expression, function);
    abort();
}

const struct polled_driver board_driver = {NULL, NULL};

static struct configuration configuration;
static uint32_t line;

// The text with the byte that ends it in flash.
static const char *read_text(const char *text) {
    char block[1024];
    size_t size = strlen(text);
    assert_in_range(size, 0, sizeof block - 1);
    memcpy(block, text, size);
    block[size] = (char)0xff;
    configuration = (struct configuration){0};
    return configuration_read((struct bytes){(const uint8_t *)block, size + 1}, &configuration, &line);
}

static void a_zone_on_the_wires_of_a_plant_is_read_whole(void **state) {
    (void)state;
    assert_null(read_text("name space1\naddress 10.0.2.15\norchestrator 127.0.0.1:5683\nkeepalive_ms 200\nclock plant\n"
                          "capability zone\n"
                          "resource space1/temperature driver=plant quantity=Zone_Air_Temperature_Sensor unit=Cel min=-40 "
                          "max=80 resolution=0.01\n"
                          "resource space1/setpoint driver=plant point=space1/heating_setpoint actuator min=5 max=40\n"));
    const struct node_config *node = &configuration.node;
    assert_string_equal(node->node, "space1");
    assert_string_equal(node->capabilities[0], "zone");
    assert_int_equal(node->keepalive_ms, 200);
    assert_true(node->plant_clock);
    assert_string_equal(node->plant_socket, "serial");
    assert_int_equal(node->resource_count, 2);
    const struct node_resource *sensor = &node->resources[0];
    assert_string_equal(sensor->facts.name, "space1/temperature");
    assert_string_equal(sensor->facts.quantity, "Zone_Air_Temperature_Sensor");
    assert_string_equal(sensor->point, "space1/temperature");
    assert_true(sensor->facts.has_range && sensor->facts.minimum == -40 && sensor->facts.maximum == 80);
    assert_true(sensor->facts.resolution == 0.01 && !sensor->facts.actuator && sensor->polled == NULL);
    assert_string_equal(node->resources[1].point, "space1/heating_setpoint");
    assert_true(node->resources[1].facts.actuator);
}

static void the_board_s_own_things_have_points_and_intervals(void **state) {
    (void)state;
    assert_null(read_text("name lamp\nresource lamp/light driver=board point=led0 type=boolean actuator\n"
                          "resource lamp/warmth  driver=board point=temperature interval_ms=2000\n"));
    const struct node_config *node = &configuration.node;
    assert_ptr_equal(node->resources[0].polled, &board_driver);
    assert_string_equal(node->resources[0].path, "led0");
    assert_int_equal(node->resources[0].facts.type, TYPE_BOOLEAN);
    assert_int_equal(node->resources[1].interval_ms, 2000);
    assert_true(node->resources[1].scale == 1);
    assert_string_equal(node->plant_socket, "");
    assert_false(node->plant_clock);
}

static void what_is_wrong_is_named_with_its_line(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t line;
        const char *part;
    } table[] = {
        {"", 0, "no name"},
        {"name\n", 1, "missing"},
        {"name a\ncolour blue\n", 2, "no such key"},
        {"name a23456789012345678901234567890123456789012345678\n", 1, "too long"},
        {"name a\nclock sun\n", 2, "write `clock plant`"},
        {"name a\nclock plant\n", 0, "driver=plant"},
        {"name a\nkeepalive_ms soon\n", 2, "a number"},
        {"name a\nkeepalive_ms 1\n", 2, "milliseconds from 10"},
        {"name a\nresource warmth driver=plant\n", 2, "has a slash"},
        {"name a\nresource a/b.c driver=plant\n", 2, "no dot"},
        {"name a\nresource a/b unit=Cel\n", 2, "no driver"},
        {"name a\nresource a/b driver=wire\n", 2, "no such driver"},
        {"name a\nresource a/b driver=board\n", 2, "needs a point="},
        {"name a\nresource a/b driver=plant colour=blue\n", 2, "no other word"},
        {"name a\nresource a/b driver=plant actuator=yes\n", 2, "no other word"},
        {"name a\nresource a/b driver=plant type=text\n", 2, "type=number or type=boolean"},
        {"name a\nresource a/b driver=plant min=hot max=80\n", 2, "a number"},
        {"name a\nresource a/b driver=plant min=80 max=-40\n", 2, "below max"},
        {"name a\nresource a/b driver=board point=a-name-that-is-too-long\n", 2, "too long"},
        {"capability a\ncapability b\ncapability c\n", 3, "more capabilities"},
        {"name a\nresource a/1 driver=plant\nresource a/2 driver=plant\nresource a/3 driver=plant\nresource a/4 driver=plant\n"
         "resource a/5 driver=plant\n",
         6, "more resources"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *why = read_text(table[i].text);
        assert_non_null(why);
        assert_int_equal(line, table[i].line);
        if (strstr(why, table[i].part) == NULL) {
            fail_msg("%s: \"%s\" does not say \"%s\"", table[i].text, why, table[i].part);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_on_the_wires_of_a_plant_is_read_whole),
        cmocka_unit_test(the_board_s_own_things_have_points_and_intervals),
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
