#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/assert.h"
#include "core/conditional.h"
#include "core/wire.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

// A message with the queries of "a&b&c".
static struct coap_message asked(const char *queries) {
    struct coap_message message = {.code = COAP_GET};
    while (*queries != '\0') {
        size_t size = strcspn(queries, "&");
        message.options[message.option_count++] = (struct coap_option){COAP_OPTION_URI_QUERY, {(const uint8_t *)queries, size}};
        queries += size + (queries[size] == '&');
    }
    return message;
}

static struct conditional parsed(const char *queries, enum value_type type) {
    struct conditional conditional;
    const char *refusal = NULL;
    struct coap_message message = asked(queries);
    if (conditional_parse(&message, type, &conditional, &refusal) != ERROR_NONE) {
        fail_msg("%s: %s", queries, refusal);
    }
    return conditional;
}

static void what_is_wrong_is_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *queries;
        enum value_type type;
        const char *begins;
    } cases[] = {
        {"c.gt=warm", TYPE_NUMBER, "c.gt:"},
        {"c.gt", TYPE_NUMBER, "c.gt:"},
        {"c.gt=1&c.gt=2", TYPE_NUMBER, "c.gt:"},
        {"c.lt=1e5", TYPE_NUMBER, "c.lt:"},
        {"c.st=0", TYPE_NUMBER, "c.st:"},
        {"c.st=-1", TYPE_NUMBER, "c.st:"},
        {"c.band", TYPE_NUMBER, "c.band:"},
        {"c.band=1&c.gt=2", TYPE_NUMBER, "c.band:"},
        {"c.edge=2", TYPE_BOOLEAN, "c.edge:"},
        {"c.edge=1", TYPE_NUMBER, "c.edge:"},
        {"c.pmin=0", TYPE_NUMBER, "c.pmin:"},
        {"c.pmin=-3", TYPE_NUMBER, "c.pmin:"},
        {"c.pmin=99999999", TYPE_NUMBER, "c.pmin:"},
        {"c.pmax=0", TYPE_NUMBER, "c.pmax:"},
        {"c.pmin=10&c.pmax=5", TYPE_NUMBER, "c.pmax:"},
        {"c.epmin=0", TYPE_NUMBER, "c.epmin:"},
        {"c.epmin=5&c.epmax=5", TYPE_NUMBER, "c.epmax:"},
        {"c.con=maybe", TYPE_NUMBER, "c.con:"},
        {"c.gt=1", TYPE_TEXT, "c.gt, c.lt, c.st:"},
        {"c.near=1", TYPE_NUMBER, "c.*:"},
        {"c.", TYPE_NUMBER, "c.*:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct conditional conditional;
        const char *refusal = NULL;
        struct coap_message message = asked(cases[i].queries);
        assert_int_equal(conditional_parse(&message, cases[i].type, &conditional, &refusal), ERROR_MALFORMED);
        assert_non_null(refusal);
        assert_memory_equal(refusal, cases[i].begins, strlen(cases[i].begins));
    }
}

static void all_parameters_are_read(void **state) {
    (void)state;
    struct conditional c =
        parsed("c.gt=21.5&task=x&c.lt=-3&c.st=0.25&c.band&c.pmin=0.5&c.pmax=60&c.epmin=1&c.epmax=2&c.con=1", TYPE_NUMBER);
    assert_true(c.has_gt && c.has_lt && c.has_st && c.band && c.confirmable && !c.has_edge);
    assert_true(c.gt > 21.49 && c.gt < 21.51 && c.lt < -2.99 && c.st > 0.24);
    assert_int_equal(c.pmin_ms, 500);
    assert_int_equal(c.pmax_ms, 60000);
    assert_int_equal(c.epmin_ms, 1000);
    assert_int_equal(c.epmax_ms, 2000);
    assert_true(parsed("c.edge=true", TYPE_BOOLEAN).edge);
}

#define SAMPLES_MAX 12
#define FALSE_VALUE -1000.0
#define TRUE_VALUE -1001.0
#define NULL_VALUE -1002.0

static struct bytes item_of(double value, uint8_t out[9]) {
    size_t size = 1;
    if (value > FALSE_VALUE) {
        size = wire_put_number(value, out);
    } else {
        out[0] = value >= FALSE_VALUE ? 0xf4 : value >= TRUE_VALUE ? 0xf5 : 0xf6;
    }
    return (struct bytes){out, size};
}

struct story {
    const char *queries;
    enum value_type type;
    struct {
        uint32_t at_ms;
        double value;
        bool notified;
    } samples[SAMPLES_MAX]; // the first is the answer to the GET; ends with at_ms 0
};

// Plays a story; between its samples it calls whenever conditional_due says, with the value of then, which may notify as well.
static void play(const struct story *story, uint32_t *own_accord) {
    struct conditional conditional = parsed(story->queries, story->type);
    struct conditional_state state;
    uint8_t storage[9];
    *own_accord = 0;
    conditional_reported(&state, item_of(story->samples[0].value, storage), story->samples[0].at_ms);
    for (size_t i = 1; i < SAMPLES_MAX && story->samples[i].at_ms > 0; i++) {
        struct bytes before = item_of(story->samples[i - 1].value, storage);
        for (uint64_t due = conditional_due(&conditional, &state); due < story->samples[i].at_ms;) {
            if (conditional_sample(&conditional, &state, before, due)) {
                conditional_reported(&state, before, due);
                (*own_accord)++;
            }
            uint64_t next = conditional_due(&conditional, &state);
            assert_true(next > due);
            due = next;
        }
        struct bytes item = item_of(story->samples[i].value, storage);
        bool notified = conditional_sample(&conditional, &state, item, story->samples[i].at_ms);
        if (notified != story->samples[i].notified) {
            fail_msg("%s: sample %zu", story->queries, i);
        }
        if (notified) {
            conditional_reported(&state, item, story->samples[i].at_ms);
        }
    }
}

static void each_condition_notifies_when_it_says(void **state) {
    (void)state;
    static const struct story stories[] = {
        {"",
         TYPE_NUMBER,
         {{1, 20, 0}, {2, 20, 0}, {3, 20.1, 1}, {4, 20.1, 0}, {5, 20, 1}, {6, NULL_VALUE, 1}, {7, NULL_VALUE, 0}}},
        {"c.gt=25", TYPE_NUMBER, {{1, 20, 0}, {2, 24, 0}, {3, 25, 0}, {4, 25.1, 1}, {5, 40, 0}, {6, 25, 1}, {7, 10, 0}}},
        {"c.lt=5", TYPE_NUMBER, {{1, 20, 0}, {2, 5, 0}, {3, 4.9, 1}, {4, -40, 0}, {5, 5, 1}}},
        {"c.gt=25&c.lt=5", TYPE_NUMBER, {{1, 20, 0}, {2, 4, 1}, {3, 30, 1}, {4, 10, 1}, {5, 11, 0}}},
        {"c.st=2", TYPE_NUMBER, {{1, 20, 0}, {2, 21.9, 0}, {3, 22, 1}, {4, 23.5, 0}, {5, 20, 1}}},
        // the step counts from what was reported, by whatever condition
        {"c.st=5&c.gt=21", TYPE_NUMBER, {{1, 20, 0}, {2, 22, 1}, {3, 26.9, 0}, {4, 27, 1}}},
        {"c.band&c.lt=10", TYPE_NUMBER, {{1, 5, 0}, {2, 9, 0}, {3, 10, 1}, {4, 11, 1}, {5, 11, 0}, {6, 9, 0}}},
        {"c.band&c.gt=10", TYPE_NUMBER, {{1, 50, 0}, {2, 11, 0}, {3, 10, 1}, {4, 9, 1}, {5, 12, 0}}},
        {"c.band&c.gt=10&c.lt=20", TYPE_NUMBER, {{1, 5, 0}, {2, 10, 1}, {3, 15, 1}, {4, 20, 1}, {5, 20.5, 0}}},
        {"c.band&c.gt=20&c.lt=10", TYPE_NUMBER, {{1, 15, 0}, {2, 10, 0}, {3, 9, 1}, {4, 20, 0}, {5, 21, 1}}},
        {"c.band&c.lt=10&c.st=3", TYPE_NUMBER, {{1, 10, 0}, {2, 12, 0}, {3, 13, 1}, {4, 15, 0}}},
        {"c.edge=1", TYPE_BOOLEAN, {{1, FALSE_VALUE, 0}, {2, TRUE_VALUE, 1}, {3, FALSE_VALUE, 0}, {4, TRUE_VALUE, 1}}},
        {"c.edge=0", TYPE_BOOLEAN, {{1, TRUE_VALUE, 0}, {2, FALSE_VALUE, 1}, {3, TRUE_VALUE, 0}, {4, TRUE_VALUE, 0}}},
        {"c.edge=1", TYPE_BOOLEAN, {{1, NULL_VALUE, 0}, {2, TRUE_VALUE, 0}, {3, FALSE_VALUE, 0}, {4, TRUE_VALUE, 1}}},
        {"c.pmin=10", TYPE_NUMBER, {{1, 20, 0}, {5000, 21, 0}, {10001, 22, 1}, {10002, 23, 0}, {20001, 24, 1}}},
        {"c.pmin=1&c.gt=5", TYPE_NUMBER, {{1, 0, 0}, {500, 6, 0}, {900, 0, 0}, {1500, 0, 0}, {1600, 6, 1}}},
    };
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        uint32_t own_accord;
        play(&stories[i], &own_accord);
        assert_int_equal(own_accord, 0);
    }
}

static void time_alone_notifies_where_it_must(void **state) {
    (void)state;
    static const struct {
        struct story story;
        uint32_t own_accord;
    } cases[] = {
        {{"c.pmax=1", TYPE_NUMBER, {{1, 20, 0}, {3500, 20, 0}}}, 3},
        {{"c.pmax=1&c.gt=25", TYPE_NUMBER, {{1, 20, 0}, {500, 26, 1}, {1400, 20, 1}, {2500, 20, 0}}}, 1},
        // what changed within pmin is told at its end
        {{"c.pmin=2", TYPE_NUMBER, {{1, 20, 0}, {100, 21, 0}, {5000, 21, 0}}}, 1},
        {{"c.pmin=2&c.edge=1",
          TYPE_BOOLEAN,
          {{1, FALSE_VALUE, 0}, {100, TRUE_VALUE, 0}, {200, FALSE_VALUE, 0}, {9000, FALSE_VALUE, 0}}},
         1},
        // out of its band nothing is told, however long it takes
        {{"c.band&c.lt=10&c.pmax=1", TYPE_NUMBER, {{1, 12, 0}, {500, 5, 0}, {9000, 5, 0}, {9001, 11, 1}}}, 0},
        {{"c.epmin=1", TYPE_NUMBER, {{1, 20, 0}, {500, 21, 0}, {700, 22, 0}, {2500, 22, 0}}}, 1},
        {{"c.pmin=1&c.pmax=1", TYPE_NUMBER, {{1, 20, 0}, {500, 21, 0}, {3100, 21, 0}}}, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t own_accord;
        play(&cases[i].story, &own_accord);
        if (own_accord != cases[i].own_accord) {
            fail_msg("%s: %u", cases[i].story.queries, own_accord);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_refused_by_name),
        cmocka_unit_test(all_parameters_are_read),
        cmocka_unit_test(each_condition_notifies_when_it_says),
        cmocka_unit_test(time_alone_notifies_where_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
