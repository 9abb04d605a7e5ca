// Every mistake that a person can make in a policy, and the sentence that answers it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "orchestrator/test_building.h"

#define HEAD "policy: office\neach: {zone: [zone1, zone2]}\n"
#define TASKS "tasks:\n  thermostat-$zone: {component: thermostat, set: {setpoint: 21}}\n"
#define FEED                                                                                                                   \
    "channels:\n  - {from: $zone/temperature, to: thermostat-$zone.temperature, class: measurement, stale_after: 10min}\n"
#define DRIVE "  - {from: thermostat-$zone.heating, to: $zone/heating, class: command, expiry: 1h}\n"
#define SAFE "resources:\n  $zone/heating: {safe: 18}\n"

// Reads, binds and places; the problems as text, a line each.
static char *problems_of(const char *text, uint32_t *errors) {
    static struct problems problems;
    static char out[65536];
    struct building building;
    struct binding binding;
    memset(&problems, 0, sizeof problems);
    building_make(&building);
    struct policy *policy = policy_parse(bytes_of_text(text), &problems);
    if (policy != NULL) {
        assert_int_equal(binding_make(policy, &building.components, NULL, NULL, building.nodes, building.node_count, true,
                                      &problems, &binding),
                         ERROR_NONE);
        if (problems.errors == 0) {
            binding_check_placement(&binding, &problems);
        }
        binding_free(&binding);
    }
    policy_free(policy);
    building_free(&building);
    problems_sort(&problems);
    problems_text(&problems, "p", out, sizeof out);
    *errors = problems.errors;
    return out;
}

static void a_good_policy_has_no_errors(void **state) {
    (void)state;
    uint32_t errors = 0;
    char *text = problems_of(HEAD TASKS FEED DRIVE SAFE, &errors);
    assert_int_equal(errors, 0);
    assert_string_equal(
        text,
        "p:4: warning: nothing feeds the input 'thermostat-zone1.occupied'; connect a channel to it if the task needs it\n");
}

struct row {
    const char *text;
    const char *problem; // must be among the lines
};

static void check_rows(const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t errors = 0;
        const char *text = problems_of(rows[i].text, &errors);
        if (errors == 0 || strstr(text, rows[i].problem) == NULL) {
            fail_msg("row %zu\nwanted: %s\ngot:\n%s", i, rows[i].problem, text);
        }
    }
}

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static void mistakes_in_the_file_name_line_and_remedy(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"- a\n", "p:1: a policy is a mapping of keys and values; begin with `policy: NAME`"},
        {"policy: [x\n", "p:2: bad YAML: "},
        {"tasks: {}\n", "p:1: the policy has no name; write `policy: NAME` at the top"},
        {"policy: a b\n", "p:1: 'a b' cannot be the name of a policy; use 1 to 47 letters"},
        {HEAD "chanels: []\n", "p:3: a policy has no key 'chanels'; did you mean 'channels'?"},
        {HEAD "tasks: [a]\n", "p:3: expected a mapping of names here; write `name: {...}` lines"},
        {HEAD "tasks:\n  a: {component: limiter, nea: x}\n", "p:4: a task has no key 'nea'; did you mean 'near'?"},
        {HEAD "tasks:\n  a: {}\n", "p:4: the task 'a' names no component; write `component: NAME`"},
        {HEAD "tasks:\n  a.b: {component: limiter}\n", "p:4: 'a.b' cannot be the name of a task"},
        {HEAD "tasks:\n  a-$zoen: {component: limiter}\n", "p:4: there is no variable '$zoen'; did you mean '$zone'?"},
        {HEAD "tasks:\n  a: {component: limiter, near: $zone/heating}\n",
         "p:4: 'a' uses a variable that its name does not have"},
        {HEAD "tasks:\n  a-zone1: {component: limiter}\n  a-$zone: {component: limiter}\n",
         "p:5: there are two tasks 'a-zone1', the first at line 4; give one of them another name"},
        {"policy: a\neach: {zone: one}\n", "p:2: the variable 'zone' has no list of values; write a list"},
        {HEAD TASKS "channels: {}\n", "p:5: `channels` is no list; begin each channel with `- from: ...`"},
        {HEAD TASKS "channels:\n  - {to: a.b, class: event}\n", "p:6: the channel has no source"},
        {HEAD TASKS "channels:\n  - {from: zone1/temperature, class: event}\n", "p:6: the channel has no destination"},
        {HEAD TASKS "channels:\n  - {from: zone1/temperature, to: thermostat-zone1.temperature}\n",
         "p:6: the channel has no class"},
        {HEAD TASKS "channels:\n  - {from: a/b, to: c.d, class: comand}\n",
         "p:6: there is no class 'comand'; did you mean 'command'?"},
        {HEAD TASKS FEED "    \n  - {from: zone1/temperature, to: thermostat-zone1.temperature, class: measurement}\n",
         "p:8: zone1/temperature -> thermostat-zone1.temperature is connected twice, first at line 6; remove one of them"},
        {HEAD TASKS "channels:\n  - {from: a/b, to: c.d, class: event, stale_after: 5}\n",
         "p:6: expected a duration, found '5'; write a number with its unit"},
        {HEAD TASKS "channels:\n  - {from: a/b, to: c.d, class: measurement, fallback: 5}\n",
         "p:6: a fallback without `stale_after` is never used"},
        {HEAD TASKS "channels:\n  - {from: a/b, to: c.d, class: measurement, stale_after: 5min, threshold: 0.1}\n",
         "p:6: the threshold holds back a value that stands still, and the input goes stale"},
        {HEAD TASKS "channels:\n  - {from: a/b, to: c.d, class: measurement, stale_after: 5min, max_interval: 5min}\n",
         "p:6: max_interval is not shorter than stale_after"},
        {HEAD TASKS "channels:\n  - {from: a/b, to: c.d, class: event, priority: 5}\n",
         "p:6: `priority` has no meaning in this class"},
        {HEAD TASKS "channels:\n  - {from: a/b, to: c.d, class: event, min_interval: 5s}\n",
         "p:6: `min_interval` has no meaning in this class; remove it, or change the class to measurement"},
        {HEAD TASKS "channels:\n  - {from: a/b, to: c.d, class: measurement, min_interval: 5s, max_interval: 1s}\n",
         "p:6: max_interval is shorter than min_interval"},
        {HEAD TASKS "channels:\n  - {from: a.b, to: c/d, class: command}\n",
         "p:6: the command channel has no expiry; write how long a command holds"},
        {HEAD TASKS "channels:\n  - {from: a.b, to: c/d, class: command, expiry: 1h, priority: 17}\n",
         "p:6: expected a whole number from 1 to 16, found '17'"},
        {HEAD TASKS "resources:\n  zone1/heating: {save: 18}\n", "p:6: a resource has no key 'save'; did you mean 'safe'?"},
    };
    check_rows(rows, COUNT(rows));
}

static void unknown_names_are_answered_with_the_closest_one(void **state) {
    (void)state;
    static const struct row rows[] = {
        {HEAD "tasks:\n  a: {component: termostat}\n", "p:4: there is no component 'termostat'; did you mean 'thermostat'?"},
        {HEAD "tasks:\n  a: {component: thermostat@2.0.0}\n",
         "p:4: there is no component 'thermostat@2.0.0'; there is 'thermostat', but not in this version"},
        {HEAD TASKS "channels:\n  - {from: zone1/temprature, to: thermostat-zone1.temperature, class: measurement}\n",
         "p:6: no node offers the resource 'zone1/temprature'; did you mean 'zone1/temperature'?"},
        {HEAD TASKS "channels:\n  - {from: clok, to: thermostat-zone1.temperature, class: measurement}\n",
         "p:6: no node offers the resource 'clok'; did you mean 'clock'?"},
        {HEAD TASKS "channels:\n  - {from: zone1/temperature, to: thermostat-zon1.temperature, class: measurement}\n",
         "p:6: there is no task 'thermostat-zon1'; did you mean 'thermostat-zone1'?"},
        {HEAD TASKS "channels:\n  - {from: zone1/temperature, to: thermostat-zone1.temprature, class: measurement}\n",
         "p:6: the component 'thermostat' of the task 'thermostat-zone1' has no input 'temprature'; did you mean "
         "'temperature'?"},
        {HEAD TASKS "channels:\n  - {from: thermostat-zone1.temperature, to: zone1/heating, class: command, expiry: 1h}\n",
         "has no output 'temperature'; swap `from` and `to`, or name the other port"},
        {HEAD "tasks:\n  a: {component: thermostat, set: {setpont: 20}}\n",
         "p:4: the component 'thermostat' has no parameter 'setpont'; did you mean 'setpoint'?"},
        {HEAD "tasks:\n  a: {component: thermostat, set: {temperature: 20}}\n",
         "p:4: 'temperature' of the component 'thermostat' is an input, no parameter; connect a channel"},
        {HEAD TASKS "channels:\n  - {from: zone1/temperature, to: thermostat-zone1.setpoint, class: measurement}\n",
         "p:6: 'thermostat-zone1.setpoint' is a parameter, which takes no channel; give it a value under `set`"},
        {HEAD "tasks:\n  a: {component: limiter, near: zone1/heatin}\n", "p:4: `near` names 'zone1/heatin', which is neither"},
        {HEAD "tasks:\n  a: {component: limiter, on: zone}\n",
         "p:4: `on` names the node 'zone', which has not registered; did you mean 'zone1'?"},
        {HEAD "tasks:\n  a: {component: limiter, apart: [b]}\n", "p:4: `apart` names the task 'b', which is not there"},
        {HEAD TASKS "resources:\n  zone1/heatng: {safe: 18}\n",
         "p:6: no node offers the resource 'zone1/heatng'; did you mean 'zone1/heating'?"},
    };
    check_rows(rows, COUNT(rows));
}

static void ends_that_do_not_fit_are_refused(void **state) {
    (void)state;
    static const struct row rows[] = {
        {HEAD TASKS "channels:\n  - {from: zone1/temperature, to: thermostat-zone1.occupied, class: measurement}\n",
         "p:6: 'zone1/temperature' gives number, but 'thermostat-zone1.occupied' takes boolean; connect ports of one type"},
        {HEAD "tasks:\n  a: {component: limiter}\nchannels:\n  - {from: zone1/temperature, to: a.power, class: measurement}\n",
         "p:6: 'zone1/temperature' is in Cel, but 'a.power' is in W; put a component between them that converts the unit"},
        {HEAD TASKS "channels:\n  - {from: thermostat-zone2.heating, to: thermostat-zone1.temperature, class: measurement}\n",
         "p:6: 'thermostat-zone2.heating' is a Heating_Temperature_Setpoint, but 'thermostat-zone1.temperature' takes a "
         "Temperature_Sensor"},
        {HEAD TASKS "channels:\n  - {from: thermostat-zone1.heating, to: zone1/temperature, class: command, expiry: 1h}\n",
         "p:6: 'zone1/temperature' is a sensor and cannot be a destination"},
        {HEAD TASKS "channels:\n  - {from: zone1/heating, to: thermostat-zone1.temperature, class: measurement}\n",
         "p:6: 'zone1/heating' is an actuator and gives no values"},
        {HEAD TASKS "channels:\n  - {from: thermostat-zone1.heating, to: zone1/heating, class: event}\n",
         "p:6: the actuator 'zone1/heating' takes commands only; write `class: command`"},
        {HEAD TASKS
         "channels:\n  - {from: thermostat-zone1.alarm, to: thermostat-zone2.occupied, class: command, expiry: 1h}\n",
         "p:6: a command goes to an actuator; 'thermostat-zone2.occupied' is none; use `class: event` towards a task"},
        {HEAD TASKS FEED DRIVE, "p:7: the actuator 'zone1/heating' has no safe value for when no command lives; add under "
                                "`resources`: zone1/heating: {safe: VALUE}"},
        {HEAD TASKS FEED DRIVE "  - {from: zone1/temperature, to: zone1/heating, class: command, expiry: 1h}\n" SAFE,
         "p:8: two writers command 'zone1/heating' with priority 10: 'thermostat-zone1.heating' at line 7 and "
         "'zone1/temperature'; give one of them another priority"},
        {HEAD TASKS FEED DRIVE "resources:\n  $zone/heating: {safe: 50}\n",
         "p:9: the safe value of 'zone1/heating': 50 is out of range; use 5 to 35 Cel"},
        {HEAD TASKS FEED DRIVE "resources:\n  $zone/heating: {safe: true}\n",
         "p:9: the safe value of 'zone1/heating' is number, but 'true' is boolean"},
        {HEAD TASKS "resources:\n  zone1/temperature: {safe: 20}\n",
         "p:6: 'zone1/temperature' is a sensor and takes no safe value"},
        {HEAD "tasks:\n  a: {component: thermostat, set: {setpoint: 31}}\n",
         "p:4: the parameter 'setpoint' of 'thermostat': 31 is out of range; use 5 to 30 Cel"},
        {HEAD "tasks:\n  a: {component: thermostat, set: {label: 31}}\n",
         "p:4: the parameter 'label' of 'thermostat' is text, but '31' is number; put it in quotes"},
        {HEAD "tasks:\n  a: {component: thermostat, set: {setpoint: '21'}}\n", "is number, but '21' is text"},
        {HEAD TASKS "channels:\n  - {from: zone1/temperature, to: thermostat-zone1.temperature, class: measurement, "
                    "stale_after: 5s, fallback: cold}\n",
         "p:6: the fallback for 'thermostat-zone1.temperature' is number, but 'cold' is text"},
        {HEAD TASKS
         "channels:\n  - {from: thermostat-zone1.alarm, to: thermostat-zone2.occupied, class: measurement, threshold: 1}\n",
         "p:6: 'thermostat-zone1.alarm' gives boolean, which has no threshold"},
    };
    check_rows(rows, COUNT(rows));
}

#define SWITCH "tasks:\n  s: {component: switcher}\n"
#define COMMAND "channels:\n  - {from: s.setpoint, to: zone1/heating, class: command, expiry: 1h"
#define SAFE1 "resources:\n  zone1/heating: {safe: 18"

static void durability_is_a_known_word_where_there_is_something_to_keep(void **state) {
    (void)state;
    static const struct row rows[] = {
        {HEAD "tasks:\n  s: {component: switcher, durability: locl}\n",
         "p:4: there is no durability 'locl'; did you mean 'local'?"},
        {HEAD "tasks:\n  s: {component: switcher, durability: replicated}\n",
         "p:4: there is no durability 'replicated'; use none or local"},
        {HEAD "tasks:\n  s: {component: switcher, durability: [local]}\n", "p:4: expected a text"},
        {HEAD "tasks:\n  s: {component: switcher, durabilty: local}\n",
         "p:4: a task has no key 'durabilty'; did you mean 'durability'?"},
        {HEAD SWITCH COMMAND "}\n" SAFE1 ", durability: nne}\n", "p:8: there is no durability 'nne'; did you mean 'none'?"},
        {HEAD SWITCH SAFE1 ", durability: local}\n",
         "p:6: the durability of 'zone1/heating' has no effect, for no channel uses it; remove it, or connect a channel"},
        {HEAD SWITCH "channels:\n  - {from: zone1/temperature, to: s.request, class: measurement}\n"
                     "resources:\n  zone1/temperature: {durability: local}\n",
         "p:8: 'zone1/temperature' feeds measurements only, of which nothing is kept over a restart; remove it, or give the "
         "channel the class event"},
    };
    check_rows(rows, COUNT(rows));
}

static void queue_and_confirm_are_for_those_who_can_use_them(void **state) {
    (void)state;
    static const struct row rows[] = {
        {HEAD SWITCH COMMAND ", queue: newst}\n" SAFE1 "}\n", "p:6: there is no queue 'newst'; did you mean 'newest'?"},
        {HEAD SWITCH COMMAND ", queue: last}\n" SAFE1 "}\n", "p:6: there is no queue 'last'; use newest or all"},
        {HEAD SWITCH "channels:\n  - {from: zone1/temperature, to: s.request, class: event, queue: all}\n",
         "p:6: `queue` has no meaning in this class; remove it, or change the class to command"},
        {HEAD SWITCH "channels:\n  - {from: zone1/temperature, to: s.request, class: measurement, confirm: outcome}\n",
         "p:6: `confirm` has no meaning in this class; remove it, or change the class to event or command"},
        {HEAD SWITCH "channels:\n  - {from: zone1/temperature, to: s.request, class: event, confirm: outcome}\n",
         "p:6: 'zone1/temperature' is a resource and cannot be told what became of its messages; remove `confirm`, or let a "
         "task"},
        {HEAD SWITCH COMMAND ", confirm: outcom}\n" SAFE1 "}\n",
         "p:6: the component 'switcher' of the task 's' has no input 'outcom'; did you mean 'outcome'?"},
        {HEAD SWITCH COMMAND ", confirm: reply}\n" SAFE1 "}\n", "has no input 'reply'; use one of outcome"},
        {HEAD SWITCH COMMAND ", confirm: request}\n" SAFE1 "}\n",
         "p:6: an outcome is text, but 's.request' takes number; name an input of type text"},
        {HEAD TASKS
         "channels:\n  - {from: thermostat-zone1.heating, to: zone1/heating, class: command, expiry: 1h, confirm: label}\n",
         "p:6: 'label' of the component 'thermostat' is a parameter and cannot be told an outcome; name an input of type text"},
        {HEAD TASKS
         "channels:\n  - {from: thermostat-zone1.heating, to: zone1/heating, class: command, expiry: 1h, confirm: told}\n",
         "has no input 'told'; give the component an input of type text"},
    };
    check_rows(rows, COUNT(rows));
}

static void durability_queue_and_confirm_are_kept_and_an_input_for_outcomes_counts_as_fed(void **state) {
    (void)state;
    uint32_t errors = 0;
    const char *text = HEAD "tasks:\n  s: {component: switcher, durability: local}\n" COMMAND
                            ", queue: all, confirm: outcome}\n" SAFE1 ", durability: none}\n";
    static struct problems problems;
    struct policy *policy = policy_parse(bytes_of_text(text), &problems);
    assert_int_equal(policy->tasks[0].durability, POLICY_DURABILITY_LOCAL);
    assert_int_equal(policy->links[0].queue, POLICY_QUEUE_ALL);
    assert_string_equal(policy->links[0].confirm.text, "outcome");
    assert_int_equal(policy->resources[0].durability, POLICY_DURABILITY_NONE);
    policy_free(policy);
    const char *said = problems_of(text, &errors);
    assert_int_equal(errors, 0);
    assert_string_equal(said,
                        "p:4: warning: nothing feeds the input 's.request'; connect a channel to it if the task needs it\n");
    said = problems_of(HEAD "tasks:\n  s: {component: switcher}\n  t: {component: switcher}\n" COMMAND ", confirm: outcome}\n"
                            "  - {from: t.setpoint, to: s.outcome, class: event}\n" SAFE1 "}\n",
                       &errors);
    assert_non_null(strstr(said, "gives number, but 's.outcome' takes text"));
    assert_non_null(strstr(said,
                           "p:7: warning: 't.setpoint' also feeds the input 'outcome', which cannot tell it from an outcome; "
                           "use an input of its own"));
}

static void a_task_without_a_place_names_what_each_node_lacks(void **state) {
    (void)state;
    static const struct row rows[] = {
        {HEAD "tasks:\n  a: {component: limiter, requires: [gpu]}\n",
         "p:4: the task 'a' has no place: no node fits: gateway lacks the capability 'gpu', zone1 lacks the capability 'gpu', "
         "zone2 lacks"},
        {HEAD "tasks:\n  a: {component: limiter, on: zone1, requires: [supervisory]}\n",
         "no node fits: gateway is not 'zone1', zone1 lacks the capability 'supervisory', zone2 is not 'zone1'"},
        {HEAD "tasks:\n  a: {component: limiter, on: zone1}\n  b: {component: limiter, on: zone1, apart: a}\n",
         "p:5: the task 'b' has no place: no node fits: gateway is not 'zone1', zone1 runs 'a', from which it must be apart"},
    };
    check_rows(rows, COUNT(rows));
}

static void all_mistakes_are_found_in_one_run(void **state) {
    (void)state;
    uint32_t errors = 0;
    const char *text = problems_of(
        HEAD "tasks:\n  a: {component: x}\n  b: {}\nchannels:\n  - {from: q/r, to: a.b, class: event}\n  - {class: z}\n",
        &errors);
    assert_int_equal(errors, 6);
    assert_non_null(strstr(text, "p:4: there is no component 'x'"));
    assert_non_null(strstr(text, "p:5: the task 'b' names no component"));
    assert_non_null(strstr(text, "p:7: no node offers the resource 'q/r'"));
    assert_non_null(strstr(text, "p:8: there is no class 'z'"));
}

static void at_most_fifty_problems_are_kept_and_the_rest_counted(void **state) {
    (void)state;
    static char text[8192] = HEAD "tasks:\n";
    uint32_t errors = 0;
    for (int i = 0; i < 60; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "  t%d: {}\n", i);
    }
    const char *out = problems_of(text, &errors);
    assert_int_equal(errors, 60);
    assert_non_null(strstr(out, "p: and 10 more problems; mend these first"));
}

static void entries_are_repeated_for_every_combination(void **state) {
    (void)state;
    static struct problems problems;
    struct policy *policy = policy_parse(
        bytes_of_text("policy: x\neach: {a: [1, 2], b: [p, q, r]}\ntasks:\n  t-$a-${b}x: {component: c, set: {label: '$b$a'}}\n"
                      "channels:\n  - {from: s.o, to: [t-$a-px.i, u.i], class: event}\n"),
        &problems);
    assert_int_equal(problems.errors, 0);
    assert_int_equal(policy->task_count, 6);
    assert_string_equal(policy->tasks[0].name, "t-1-px");
    assert_string_equal(policy->tasks[5].name, "t-2-rx");
    assert_string_equal(policy->tasks[5].settings[0].value.text, "r2");
    assert_int_equal(policy->link_count, 3); // s.o -> u.i comes once, though the entry is repeated
    policy_free(policy);
}

static void values_take_the_shortest_exact_encoding(void **state) {
    (void)state;
    static const struct {
        const char *value;
        uint8_t bytes[10];
        size_t size;
    } rows[] = {{"21", {0x15}, 1},
                {"-1", {0x20}, 1},
                {"0.5", {0xfa, 0x3f, 0, 0, 0}, 5},
                {"0.1", {0xfb, 0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a}, 9},
                {"true", {0xf5}, 1},
                {"'1'", {0x61, 0x31}, 2},
                {"[1, 2]", {0x82, 1, 2}, 3}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        static struct problems problems;
        char text[128];
        snprintf(text, sizeof text, "policy: x\nresources: {a/b: {safe: %s}}\n", rows[i].value);
        struct policy *policy = policy_parse(bytes_of_text(text), &problems);
        assert_int_equal(policy->resource_count, 1);
        assert_int_equal(policy->resources[0].safe.cbor.size, rows[i].size);
        assert_memory_equal(policy->resources[0].safe.cbor.data, rows[i].bytes, rows[i].size);
        policy_free(policy);
    }
}

static void the_newest_version_is_meant_unless_one_is_named(void **state) {
    (void)state;
    struct building building;
    building_make(&building);
    assert_int_equal(component_store_find(&building.components, "thermostat")->digest[0], 2);
    assert_int_equal(component_store_find(&building.components, "thermostat@1.0.0")->digest[0], 1);
    assert_null(component_store_find(&building.components, "thermo"));
    building_free(&building);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_policy_has_no_errors),
        cmocka_unit_test(mistakes_in_the_file_name_line_and_remedy),
        cmocka_unit_test(unknown_names_are_answered_with_the_closest_one),
        cmocka_unit_test(ends_that_do_not_fit_are_refused),
        cmocka_unit_test(durability_is_a_known_word_where_there_is_something_to_keep),
        cmocka_unit_test(queue_and_confirm_are_for_those_who_can_use_them),
        cmocka_unit_test(durability_queue_and_confirm_are_kept_and_an_input_for_outcomes_counts_as_fed),
        cmocka_unit_test(a_task_without_a_place_names_what_each_node_lacks),
        cmocka_unit_test(all_mistakes_are_found_in_one_run),
        cmocka_unit_test(at_most_fifty_problems_are_kept_and_the_rest_counted),
        cmocka_unit_test(entries_are_repeated_for_every_combination),
        cmocka_unit_test(values_take_the_shortest_exact_encoding),
        cmocka_unit_test(the_newest_version_is_meant_unless_one_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
