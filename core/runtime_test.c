// The runtime with hand-made time and datagrams: one sensor, one task, one valve, on one node or across two.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "core/wire.h"
#include "tests/runtime_rig.h"

static const uint8_t item_0[] = {0x00};
static const uint8_t item_7[] = {0x07};

// A plan of one task "t" between the sensor and the valve of node 0; with `split`, sensor and task on node 0, valve on node 1.
struct example {
    struct plan plan[RIG_NODES];
    struct plan_task tasks[2];
    struct plan_parameter parameters[1];
    struct plan_resource resources[RIG_NODES][2];
    struct plan_peer peers[RIG_NODES][1];
    struct plan_link links[RIG_NODES][4];
};

static void example_fill(struct example *example, const struct rig *rig, const char *component, bool split) {
    memset(example, 0, sizeof *example);
    strcpy(example->tasks[0].name, "t");
    rig_digest(component, example->tasks[0].digest);
    example->tasks[0].epoch = 1;
    for (uint32_t node = 0; node < RIG_NODES; node++) {
        strcpy(example->peers[node][0].name, "peer");
        example->peers[node][0].address = rig->nodes[1 - node].address;
        strcpy(example->resources[node][0].name, "room/temperature");
        strcpy(example->resources[node][1].name, "room/valve");
        example->resources[node][1].safe = (struct bytes){item_0, sizeof item_0};
        example->plan[node] = (struct plan){.revision = 1,
                                            .policy = "example",
                                            .node = "n",
                                            .tasks = example->tasks,
                                            .parameters = example->parameters,
                                            .resources = example->resources[node],
                                            .resource_count = 2,
                                            .peers = example->peers[node],
                                            .peer_count = 1,
                                            .links = example->links[node]};
    }
    struct plan_link in = {.id = 1,
                           .delivery = DELIVERY_MEASUREMENT,
                           .source = {END_RESOURCE, 0, 0},
                           .destination = {END_TASK, 0, 0},
                           .stale_after_ms = 60000};
    struct plan_link out = {.id = 2,
                            .delivery = DELIVERY_COMMAND,
                            .source = {END_TASK, 0, 0},
                            .destination = {END_RESOURCE, 1, 0},
                            .expiry_ms = 30000,
                            .priority = 10};
    example->plan[0].task_count = 1;
    example->plan[0].link_count = 2;
    example->links[0][0] = in;
    example->links[0][1] = out;
    if (split) {
        example->links[0][1].destination = (struct plan_end){END_REMOTE, 0, 0};
        out.source = (struct plan_end){END_REMOTE, 0, 0};
        example->links[1][0] = out;
        example->plan[1].link_count = 1;
    }
}

static struct rig *start(struct example *example, const char *component, bool split) {
    struct rig *rig = rig_open();
    example_fill(example, rig, component, split);
    assert_int_equal(rig_plan(rig, 0, &example->plan[0]), ERROR_NONE);
    if (split) {
        assert_int_equal(rig_plan(rig, 1, &example->plan[1]), ERROR_NONE);
    }
    rig_run(rig, 20);
    return rig;
}

static void measurement_passes_through_task_to_actuator_on_one_node(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "echo", false);
    rig_publish(rig, 0, "room/temperature", 21.5);
    assert_true(rig_driven(rig, 0, "room/valve") == 21.5);
    assert_int_equal(rig_count(rig, 0, "t"), 1);
    assert_int_equal(rig->carried, 0);
    rig_close(rig);
}

static void command_reaches_actuator_of_another_node(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "echo", true);
    rig_publish(rig, 0, "room/temperature", 42);
    assert_true(rig_driven(rig, 1, "room/valve") == 42);
    assert_int_equal(rig->nodes[0].runtime.traffic[DELIVERY_COMMAND].remote, 2); // once more, with the Echo of first contact
    assert_int_equal(rig->nodes[1].runtime.traffic[DELIVERY_COMMAND].counters.received, 1);
    rig_close(rig);
}

static uint32_t lose_first(struct rig *rig, const struct rig_datagram *datagram) {
    (void)datagram;
    return rig->lost < 1;
}

static void lost_command_is_sent_again_and_obeyed_once(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "echo", true);
    rig->lose = lose_first;
    rig_publish(rig, 0, "room/temperature", 5);
    assert_int_equal(rig->lost, 1);
    assert_true(rig_driven(rig, 1, "room/valve") == 0); // still the safe value
    rig_run(rig, 4000);
    assert_true(rig_driven(rig, 1, "room/valve") == 5);
    assert_int_equal(rig->nodes[1].runtime.traffic[DELIVERY_COMMAND].counters.received, 1);
    rig_close(rig);
}

static uint32_t lose_answers(struct rig *rig, const struct rig_datagram *datagram) {
    return memcmp(&datagram->from, &rig->nodes[1].address, sizeof datagram->from) == 0 && rig->lost < 4;
}

static void command_whose_answers_are_lost_takes_effect_once(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "echo", true);
    rig->lose = lose_answers;
    rig_publish(rig, 0, "room/temperature", 6);
    rig_run(rig, 20000);
    assert_int_equal(rig->lost, 4);
    assert_int_equal(rig->nodes[1].runtime.traffic[DELIVERY_COMMAND].counters.received, 1);
    assert_true(rig->nodes[1].runtime.coap.counters.duplicates +
                    rig->nodes[1].runtime.traffic[DELIVERY_COMMAND].counters.duplicates >=
                2);
    assert_int_equal(rig->nodes[0].runtime.pool.used, 0); // nothing is kept on the way any more
    rig_close(rig);
}

static void actuator_returns_to_its_safe_value_when_the_command_expires(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "echo", false);
    rig_publish(rig, 0, "room/temperature", 9);
    rig_run(rig, 29000);
    assert_true(rig_driven(rig, 0, "room/valve") == 9);
    rig_run(rig, 1500);
    assert_true(rig_driven(rig, 0, "room/valve") == 0);
    assert_int_equal(rig->nodes[0].events[EVENT_ACTUATOR_SAFE], 1);
    rig_close(rig);
}

static uint32_t lose_all(struct rig *rig, const struct rig_datagram *datagram) {
    (void)rig;
    (void)datagram;
    return 1;
}

static void late_command_is_never_sent_and_is_reported(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "echo", true);
    rig->lose = lose_all;
    rig_publish(rig, 0, "room/temperature", 9);
    rig_run(rig, 40000);
    rig->lose = NULL;
    rig_run(rig, 40000);
    assert_true(rig_driven(rig, 1, "room/valve") == 0);
    assert_int_equal(rig->nodes[0].events[EVENT_COMMAND_EXPIRED], 1);
    assert_int_equal(rig->nodes[0].runtime.traffic[DELIVERY_COMMAND].counters.expired, 1);
    rig_close(rig);
}

static void command_out_of_the_actuators_range_is_refused_and_reported_to_its_sender(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "echo", true);
    rig_publish(rig, 0, "room/temperature", 5000);
    rig_run(rig, 100);
    assert_true(rig_driven(rig, 1, "room/valve") == 0);
    assert_int_equal(rig->nodes[1].events[EVENT_COMMAND_REFUSED], 1);
    assert_int_equal(rig->nodes[0].events[EVENT_COMMAND_REFUSED], 1);
    rig_close(rig);
}

static void silent_sensor_makes_the_input_stale_and_the_fallback_is_delivered(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = rig_open();
    example_fill(&example, rig, "echo", false);
    example.links[0][0].fallback = (struct bytes){item_7, sizeof item_7};
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NONE);
    rig_publish(rig, 0, "room/temperature", 9);
    rig_run(rig, 61000);
    assert_int_equal(rig->nodes[0].events[EVENT_INPUT_STALE], 1);
    assert_true(rig_driven(rig, 0, "room/valve") == 7);
    rig_publish(rig, 0, "room/temperature", 10);
    assert_int_equal(rig->nodes[0].events[EVENT_INPUT_FRESH], 1);
    assert_true(rig_driven(rig, 0, "room/valve") == 10);
    rig_close(rig);
}

static void trap_discards_the_work_and_the_message_is_tried_once_more(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "fault", false);
    rig_publish(rig, 0, "room/temperature", 1);
    rig_publish(rig, 0, "room/temperature", RIG_TRAP_ONCE);
    assert_int_equal(rig_count(rig, 0, "t"), 2); // the failed try left no trace in the state
    assert_int_equal(rig->nodes[0].runtime.traffic[DELIVERY_COMMAND].counters.sent, 2);
    assert_true(rig_driven(rig, 0, "room/valve") == RIG_TRAP_ONCE);
    assert_int_equal(rig->nodes[0].events[EVENT_TASK_FAILED], 1);
    assert_int_equal(rig->nodes[0].events[EVENT_TASK_QUARANTINED], 0);
    rig_close(rig);
}

static void message_that_fails_twice_is_set_aside_and_the_task_backs_off(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "fault", false);
    rig_publish(rig, 0, "room/temperature", 1);
    rig_publish(rig, 0, "room/temperature", RIG_TRAP_ALWAYS);
    const struct task *task = rig_task(rig, 0, "t");
    assert_int_equal(task->state, TASK_BACKING_OFF);
    assert_int_equal(task->discarded, 1);
    rig_publish(rig, 0, "room/temperature", 2);
    assert_true(rig_driven(rig, 0, "room/valve") == 1);
    rig_run(rig, TASK_BACKOFF_FIRST_MS + 100);
    assert_int_equal(task->state, TASK_RUNNING);
    assert_true(rig_driven(rig, 0, "room/valve") == 2); // what waited was not lost
    assert_int_equal(rig_count(rig, 0, "t"), 2);
    rig_close(rig);
}

static void back_off_doubles_at_each_failure(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "fault", false);
    rig_publish(rig, 0, "room/temperature", RIG_TRAP_ALWAYS);
    const struct task *task = rig_task(rig, 0, "t");
    rig_run(rig, TASK_BACKOFF_FIRST_MS + 100);
    assert_int_equal(task->state, TASK_RUNNING);
    rig_publish(rig, 0, "room/temperature", RIG_TRAP_ALWAYS + 0.5);
    rig_run(rig, TASK_BACKOFF_FIRST_MS + 100);
    assert_int_equal(task->state, TASK_BACKING_OFF);
    rig_run(rig, TASK_BACKOFF_FIRST_MS);
    assert_int_equal(task->state, TASK_RUNNING);
    rig_close(rig);
}

static void flood_of_outputs_sends_nothing(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "fault", false);
    rig_publish(rig, 0, "room/temperature", RIG_FLOOD);
    assert_int_equal(rig->nodes[0].runtime.traffic[DELIVERY_COMMAND].counters.sent, 0);
    assert_int_equal(rig_task(rig, 0, "t")->last_error, ERROR_FLOOD);
    rig_close(rig);
}

static void plan_whose_code_is_missing_changes_nothing_and_names_the_digest(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "echo", false);
    rig_publish(rig, 0, "room/temperature", 3);
    rig_digest("unknown", example.tasks[0].digest);
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NOT_FOUND);
    rig_publish(rig, 0, "room/temperature", 4);
    assert_true(rig_driven(rig, 0, "room/valve") == 4);
    rig_close(rig);
}

static void a_full_device_changes_all_its_components_in_one_plan(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = rig_open();
    rig->nodes[0].runtime.memory.code_max = 2;
    example_fill(&example, rig, "echo", false);
    strcpy(example.tasks[1].name, "u");
    example.tasks[1].epoch = 1;
    rig_digest("counter", example.tasks[1].digest);
    example.plan[0].task_count = 2;
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NONE);
    rig_digest("counter", example.tasks[0].digest);
    rig_digest("fault", example.tasks[1].digest);
    example.plan[0].revision++;
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NONE);
    assert_int_equal(rig_task(rig, 0, "t")->state, TASK_RUNNING);
    assert_int_equal(rig_task(rig, 0, "u")->state, TASK_RUNNING);
    rig_digest("echo", example.tasks[0].digest);
    rig_digest("counter", example.tasks[1].digest);
    example.plan[0].revision++;
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NONE);
    rig_publish(rig, 0, "room/temperature", 4);
    assert_true(rig_driven(rig, 0, "room/valve") == 4);
    rig_close(rig);
}

// Each plan tries again what there was no room for.
static void what_was_refused_is_tried_again_with_the_next_plan(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = rig_open();
    rig->nodes[0].runtime.memory.code_max = 1;
    example_fill(&example, rig, "echo", false);
    strcpy(example.tasks[1].name, "u");
    example.tasks[1].epoch = 1;
    rig_digest("counter", example.tasks[1].digest);
    example.plan[0].task_count = 2;
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NONE);
    assert_int_equal(rig_task(rig, 0, "u")->state, TASK_REFUSED);
    rig->nodes[0].runtime.memory.code_max = 2;
    example.plan[0].revision++;
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NONE);
    assert_int_equal(rig_task(rig, 0, "u")->state, TASK_RUNNING);
    rig_close(rig);
}

static bool wants(struct rig *rig, const char *component) {
    uint8_t digest[DIGEST_SIZE];
    rig_digest(component, digest);
    return runtime_wants_code(&rig->nodes[0].runtime, digest);
}

static void code_is_wanted_by_the_plan_in_force_and_by_the_one_that_waits_for_it(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "echo", false);
    assert_true(wants(rig, "echo") && !wants(rig, "counter") && !wants(rig, "unknown"));
    rig_digest("unknown", example.tasks[0].digest);
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NOT_FOUND);
    assert_true(wants(rig, "echo") && wants(rig, "unknown"));
    rig->nodes[0].plan_error = ERROR_STORAGE;
    rig_digest("counter", example.tasks[0].digest);
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_STORAGE);
    assert_true(wants(rig, "echo") && wants(rig, "counter") && !wants(rig, "unknown"));
    rig->nodes[0].plan_error = ERROR_NONE;
    example.plan[0].revision++;
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NONE);
    assert_true(!wants(rig, "echo") && wants(rig, "counter") && !wants(rig, "unknown"));
    rig_close(rig);
}

static void plan_that_the_disk_refuses_changes_nothing(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "echo", false);
    rig->nodes[0].plan_error = ERROR_STORAGE;
    example.plan[0].task_count = 0;
    example.plan[0].link_count = 0;
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_STORAGE);
    rig_publish(rig, 0, "room/temperature", 4);
    assert_true(rig_driven(rig, 0, "room/valve") == 4);
    rig_close(rig);
}

static void task_keeps_its_state_when_the_next_plan_names_it_again(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "echo", false);
    rig_publish(rig, 0, "room/temperature", 3);
    example.plan[0].revision = 2;
    example.plan[0].task_count = 2;
    strcpy(example.tasks[1].name, "u");
    rig_digest("fault", example.tasks[1].digest);
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NONE);
    rig_publish(rig, 0, "room/temperature", 4);
    assert_int_equal(rig_count(rig, 0, "t"), 2);
    assert_int_equal(rig_task(rig, 0, "u")->state, TASK_RUNNING);
    example.plan[0].task_count = 1;
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NONE);
    assert_null(rig_task(rig, 0, "u"));
    assert_int_equal(rig_count(rig, 0, "t"), 2);
    rig_close(rig);
}

static void component_that_the_engine_refuses_leaves_its_neighbours_running(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = rig_open();
    example_fill(&example, rig, "echo", false);
    example.plan[0].task_count = 2;
    strcpy(example.tasks[1].name, "u");
    rig_digest("broken", example.tasks[1].digest);
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NONE);
    assert_int_equal(rig_task(rig, 0, "u")->state, TASK_REFUSED);
    rig_publish(rig, 0, "room/temperature", 4);
    assert_true(rig_driven(rig, 0, "room/valve") == 4);
    rig_close(rig);
}

static void delivery_from_a_foreign_address_is_refused_and_counted(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "echo", true);
    uint8_t datagram[DATAGRAM_SIZE_MAX];
    uint8_t option[DELIVERY_SIZE_MAX];
    size_t size = 0;
    size_t option_size = 0;
    struct delivery delivery = {
        .delivery = DELIVERY_COMMAND, .epoch = 9, .sequence = 1, .remaining_ms = 1000, .priority = 10, .trace = 1};
    assert_int_equal(delivery_encode(&delivery, (struct buffer){option, sizeof option}, &option_size), ERROR_NONE);
    struct coap_builder builder;
    coap_builder_start(&builder, (struct buffer){datagram, sizeof datagram}, COAP_CONFIRMABLE, COAP_POST, 7,
                       (struct bytes){NULL, 0});
    coap_builder_path(&builder, "c/2");
    coap_builder_option(&builder, COAP_OPTION_TENON_DELIVERY, (struct bytes){option, option_size});
    coap_builder_payload(&builder, (struct bytes){item_7, 1});
    assert_int_equal(coap_builder_finish(&builder, &size), ERROR_NONE);
    struct coap_address stranger = {{99}};
    runtime_datagram(&rig->nodes[1].runtime, &stranger, (struct bytes){datagram, size});
    assert_int_equal(rig->nodes[1].runtime.foreign, 1);
    assert_true(rig_driven(rig, 1, "room/valve") == 0);
    rig_close(rig);
}

static void command_that_waited_at_a_frozen_node_until_it_was_late_is_refused(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "echo", true);
    runtime_waited(&rig->nodes[1].runtime, 3600000);
    rig_publish(rig, 0, "room/temperature", 7);
    rig_run(rig, 1000);
    assert_true(rig_driven(rig, 1, "room/valve") != 7);
    assert_true(rig->nodes[1].runtime.traffic[DELIVERY_COMMAND].counters.expired > 0);
    runtime_waited(&rig->nodes[1].runtime, 0);
    rig_publish(rig, 0, "room/temperature", 8);
    rig_run(rig, 1000);
    assert_true(rig_driven(rig, 1, "room/valve") == 8);
    rig_close(rig);
}

static void lower_epoch_is_fenced_off_after_a_higher_one_was_seen(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = start(&example, "echo", true);
    example.tasks[0].epoch = 5;
    example.plan[0].revision = 2;
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NONE);
    rig_publish(rig, 0, "room/temperature", 5);
    assert_true(rig_driven(rig, 1, "room/valve") == 5);
    example.tasks[0].epoch = 4;
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NONE);
    rig_publish(rig, 0, "room/temperature", 6);
    rig_run(rig, 100);
    assert_true(rig_driven(rig, 1, "room/valve") == 5);
    assert_int_equal(rig->nodes[1].runtime.traffic[DELIVERY_COMMAND].counters.refused, 1);
    rig_close(rig);
}

static void small_changes_and_early_values_are_held_back(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = rig_open();
    example_fill(&example, rig, "echo", false);
    example.links[0][0].threshold = 0.5;
    example.links[0][0].interval_min_ms = 10000;
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NONE);
    rig_publish(rig, 0, "room/temperature", 20);
    rig_publish(rig, 0, "room/temperature", 20.2);
    rig_publish(rig, 0, "room/temperature", 22);
    rig_publish(rig, 0, "room/temperature", 23);
    assert_true(rig_driven(rig, 0, "room/valve") == 20);
    rig_run(rig, 11000);
    assert_true(rig_driven(rig, 0, "room/valve") == 23);
    assert_int_equal(rig_count(rig, 0, "t"), 2);
    rig_close(rig);
}

static void unreachable_peer_pushes_back_on_the_task(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = rig_open();
    example_fill(&example, rig, "echo", true);
    example.links[0][0].delivery = example.links[0][1].delivery = DELIVERY_EVENT;
    example.links[0][1].priority = 0;
    example.links[0][1].expiry_ms = 0;
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NONE);
    rig->lose = lose_all;
    for (int i = 0; i < 20; i++) {
        rig_publish(rig, 0, "room/temperature", i);
    }
    const struct task *task = rig_task(rig, 0, "t");
    assert_true(task->blocked);
    assert_int_equal(task->messages, LINK_PENDING_MAX);
    assert_int_equal(task->queue.count, 20 - LINK_PENDING_MAX);
    rig_close(rig);
}

static void a_task_that_feeds_itself_does_not_starve_its_neighbour(void **state) {
    (void)state;
    struct example example;
    struct rig *rig = rig_open();
    example_fill(&example, rig, "echo", false);
    // "t" hears the sensor and commands the valve; "u" hears itself, for ever, once it has heard the sensor.
    example.tasks[1] = example.tasks[0];
    strcpy(example.tasks[1].name, "u");
    example.links[0][2] =
        (struct plan_link){.id = 3, .delivery = DELIVERY_EVENT, .source = {END_TASK, 1, 0}, .destination = {END_TASK, 1, 0}};
    example.links[0][3] = (struct plan_link){
        .id = 4, .delivery = DELIVERY_EVENT, .source = {END_RESOURCE, 0, 0}, .destination = {END_TASK, 1, 0}};
    example.plan[0].task_count = 2;
    example.plan[0].link_count = 4;
    assert_int_equal(rig_plan(rig, 0, &example.plan[0]), ERROR_NONE);
    struct runtime *runtime = &rig->nodes[0].runtime;
    static const uint8_t item_9[] = {0x09};
    for (uint32_t round = 1; round <= 100; round++) {
        // The queue of "u" fills: the sensor's events to it are pushed back, its own go round.
        enum error error = runtime_publish(runtime, 0, (struct bytes){round % 2 == 0 ? item_7 : item_9, 1});
        assert_int_equal(error, round <= TASK_QUEUE_OUTSIDE_MAX ? ERROR_NONE : ERROR_BUSY);
        assert_true(runtime_run(runtime, 4)); // the loop goes on, yet each value has reached the valve
        assert_int_equal(rig_count(rig, 0, "t"), round);
        assert_true(rig_driven(rig, 0, "room/valve") == (round % 2 == 0 ? 7 : 9));
        runtime_durable(runtime, runtime_journaled(runtime));
    }
    assert_true(rig_count(rig, 0, "u") >= 100);
    rig_close(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measurement_passes_through_task_to_actuator_on_one_node),
        cmocka_unit_test(a_task_that_feeds_itself_does_not_starve_its_neighbour),
        cmocka_unit_test(a_full_device_changes_all_its_components_in_one_plan),
        cmocka_unit_test(what_was_refused_is_tried_again_with_the_next_plan),
        cmocka_unit_test(command_reaches_actuator_of_another_node),
        cmocka_unit_test(lost_command_is_sent_again_and_obeyed_once),
        cmocka_unit_test(command_whose_answers_are_lost_takes_effect_once),
        cmocka_unit_test(actuator_returns_to_its_safe_value_when_the_command_expires),
        cmocka_unit_test(late_command_is_never_sent_and_is_reported),
        cmocka_unit_test(command_out_of_the_actuators_range_is_refused_and_reported_to_its_sender),
        cmocka_unit_test(silent_sensor_makes_the_input_stale_and_the_fallback_is_delivered),
        cmocka_unit_test(trap_discards_the_work_and_the_message_is_tried_once_more),
        cmocka_unit_test(message_that_fails_twice_is_set_aside_and_the_task_backs_off),
        cmocka_unit_test(back_off_doubles_at_each_failure),
        cmocka_unit_test(flood_of_outputs_sends_nothing),
        cmocka_unit_test(plan_whose_code_is_missing_changes_nothing_and_names_the_digest),
        cmocka_unit_test(code_is_wanted_by_the_plan_in_force_and_by_the_one_that_waits_for_it),
        cmocka_unit_test(plan_that_the_disk_refuses_changes_nothing),
        cmocka_unit_test(task_keeps_its_state_when_the_next_plan_names_it_again),
        cmocka_unit_test(component_that_the_engine_refuses_leaves_its_neighbours_running),
        cmocka_unit_test(delivery_from_a_foreign_address_is_refused_and_counted),
        cmocka_unit_test(command_that_waited_at_a_frozen_node_until_it_was_late_is_refused),
        cmocka_unit_test(lower_epoch_is_fenced_off_after_a_higher_one_was_seen),
        cmocka_unit_test(small_changes_and_early_values_are_held_back),
        cmocka_unit_test(unreachable_peer_pushes_back_on_the_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
