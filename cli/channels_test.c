// Joining what two nodes counted at the ends of one link.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "cli/channels.h"
#include "core/assert.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: assertion failed: %s\n", function, expression);
    abort();
}

// Every counter is 10 at the source and 3 at the destination.
static struct channel_row row_of(const char *source_node, const char *destination_node) {
    struct channel_row row = {.id = 7,
                              .source = "a.o",
                              .destination = "z/valve",
                              .delivery = "command",
                              .source_node = source_node,
                              .destination_node = destination_node};
    for (int i = 0; i < COUNTER_COUNT; i++) {
        row.ends[0].counters[i] = 10;
        row.ends[1].counters[i] = 3;
    }
    row.ends[0].known = row.ends[1].known = true;
    return row;
}

static uint64_t count(const struct channel_row *row, enum channel_counter counter) {
    uint64_t value = 0;
    return channel_count(row, counter, &value) ? value : UINT64_MAX;
}

static void each_number_comes_from_the_end_that_knows_it(void **state) {
    (void)state;
    struct channel_row row = row_of("left", "right");
    assert_int_equal(count(&row, COUNTER_SENT), 10);
    assert_int_equal(count(&row, COUNTER_RETRIED), 10);
    assert_int_equal(count(&row, COUNTER_PENDING), 10);
    assert_int_equal(count(&row, COUNTER_RECEIVED), 3);
    assert_int_equal(count(&row, COUNTER_DUPLICATES), 3);
    assert_int_equal(count(&row, COUNTER_FALLBACKS), 3);
    assert_int_equal(count(&row, COUNTER_QUARANTINED), 3);
    assert_int_equal(count(&row, COUNTER_DROPPED), 13);
    assert_int_equal(count(&row, COUNTER_SUPERSEDED), 13);
    assert_int_equal(count(&row, COUNTER_EXPIRED), 13);
    assert_int_equal(count(&row, COUNTER_LOST), 3);
    assert_int_equal(count(&row, COUNTER_REFUSED), 10); // the source of a command is told
    row.delivery = "measurement";
    assert_int_equal(count(&row, COUNTER_REFUSED), 3);
}

static void a_link_within_one_node_is_counted_once(void **state) {
    (void)state;
    struct channel_row row = row_of("left", "left");
    row.ends[1] = row.ends[0];
    for (int i = 0; i < COUNTER_COUNT; i++) {
        assert_int_equal(count(&row, (enum channel_counter)i), 10);
    }
}

static void what_a_silent_node_knows_is_unknown_and_null(void **state) {
    (void)state;
    struct channel_row row = row_of("left", "");
    row.ends[1] = (struct channel_end){.known = false};
    assert_int_equal(count(&row, COUNTER_SENT), 10);
    assert_true(count(&row, COUNTER_RECEIVED) == UINT64_MAX);
    assert_true(count(&row, COUNTER_DROPPED) == UINT64_MAX);
    json_t *json = channel_json(&row);
    assert_int_equal(json_integer_value(json_object_get(json, "sent")), 10);
    assert_true(json_is_null(json_object_get(json, "received")));
    assert_true(json_is_null(json_object_get(json, "stale")));
    assert_true(json_is_null(json_object_get(json, "destination_node")));
    assert_true(json_is_null(json_object_get(json, "at_destination")));
    assert_true(json_is_false(json_object_get(json, "complete")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "at_source"), "refused")), 10);
    json_decref(json);
}

static void an_end_belongs_to_its_task_or_resource(void **state) {
    (void)state;
    assert_true(channel_end_is_of("thermostat.heating", "thermostat"));
    assert_true(channel_end_is_of("thermostat.heating", "thermostat.heating"));
    assert_true(channel_end_is_of("space1/valve", "space1/valve"));
    assert_true(channel_end_is_of("clock", "clock"));
    assert_false(channel_end_is_of("thermostat-b.heating", "thermostat"));
    assert_false(channel_end_is_of("space1/valve.2", "space1/valve"));
    assert_false(channel_end_is_of("thermo", "thermostat"));
}

static void the_silent_nodes_are_named(void **state) {
    (void)state;
    struct channel_node nodes[3] = {{.name = "a"}, {.name = "b", .answered = true}, {.name = "c"}};
    struct channels channels = {.node_count = 3, .nodes = nodes};
    char text[64];
    channels_missing(&channels, text, sizeof text);
    assert_string_equal(text, " (without a, c)");
    nodes[0].answered = nodes[2].answered = true;
    channels_missing(&channels, text, sizeof text);
    assert_string_equal(text, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_number_comes_from_the_end_that_knows_it),
        cmocka_unit_test(a_link_within_one_node_is_counted_once),
        cmocka_unit_test(what_a_silent_node_knows_is_unknown_and_null),
        cmocka_unit_test(an_end_belongs_to_its_task_or_resource),
        cmocka_unit_test(the_silent_nodes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
