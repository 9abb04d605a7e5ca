// Links between two nodes: who is answered what and when, what a plan leaves of a link, what becomes of what cannot leave.
//
// The sensor of node 0 --1--> task "b" on node 1, an event, unless a test says otherwise.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/runtime_rig.h"

static const uint8_t item_0[] = {0x00};

struct pair {
    struct rig *rig;
    struct plan plan[RIG_NODES];
    struct plan_task tasks[RIG_NODES][1];
    struct plan_resource resources[RIG_NODES][2];
    struct plan_peer peers[RIG_NODES][1];
    struct plan_link links[RIG_NODES][12];
};

static const struct plan_end here = {END_TASK, 0, 0};
static const struct plan_end far = {END_REMOTE, 0, 0};
static const struct plan_end sensor = {END_RESOURCE, 0, 0};
static const struct plan_end valve = {END_RESOURCE, 1, 0};

static void put_plan(struct pair *pair, uint32_t node) {
    pair->plan[node].revision++;
    assert_int_equal(rig_plan(pair->rig, node, &pair->plan[node]), ERROR_NONE);
    rig_run(pair->rig, 20);
}

static void pair_open(struct pair *pair, const char *component, enum durability durability) {
    memset(pair, 0, sizeof *pair);
    pair->rig = rig_open();
    for (uint32_t node = 0; node < RIG_NODES; node++) {
        strcpy(pair->tasks[node][0].name, node == 0 ? "a" : "b");
        rig_digest(component, pair->tasks[node][0].digest);
        pair->tasks[node][0].epoch = 1;
        pair->tasks[node][0].durability = durability;
        pair->resources[node][0] = (struct plan_resource){.name = "room/temperature", .epoch = 1};
        pair->resources[node][1] =
            (struct plan_resource){.name = "room/valve", .safe = {item_0, 1}, .epoch = 1, .durability = durability};
        strcpy(pair->peers[node][0].name, "peer");
        pair->peers[node][0].address = pair->rig->nodes[1 - node].address;
        pair->links[node][0] = (struct plan_link){.id = 1, .delivery = DELIVERY_EVENT};
        pair->plan[node] = (struct plan){.policy = "pair",
                                         .node = "n",
                                         .tasks = pair->tasks[node],
                                         .task_count = node,
                                         .resources = pair->resources[node],
                                         .resource_count = 2,
                                         .peers = pair->peers[node],
                                         .peer_count = 1,
                                         .links = pair->links[node],
                                         .link_count = 1};
    }
    pair->links[0][0].source = sensor;
    pair->links[0][0].destination = pair->links[1][0].source = far;
    pair->links[1][0].destination = here;
}

static void put_plans(struct pair *pair) {
    put_plan(pair, 0);
    put_plan(pair, 1);
}

static const struct link *link_at(const struct pair *pair, uint32_t node, uint32_t index) {
    return &runtime_tables(&pair->rig->nodes[node].runtime)->links[index];
}

static uint32_t lose_all(struct rig *rig, const struct rig_datagram *datagram) {
    (void)rig;
    (void)datagram;
    return 1;
}

static uint32_t lose_answers(struct rig *rig, const struct rig_datagram *datagram) {
    return memcmp(&datagram->from, &rig->nodes[1].address, sizeof datagram->from) == 0;
}

// --- answers
// -----------------------------------------------------------------------------------------------------------------------

static void a_message_is_not_answered_with_what_became_of_the_one_before(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "fault", DURABILITY_NONE);
    put_plans(&pair);
    rig_publish(pair.rig, 0, "room/temperature", RIG_TRAP_ALWAYS); // "b" backs off for a second
    rig_publish(pair.rig, 0, "room/temperature", 1);               // waits at it
    rig_restart(pair.rig, 0, 0);                                   // its sender begins anew, without it
    rig_publish(pair.rig, 0, "room/temperature", RIG_TRAP_ALWAYS);
    assert_int_equal(rig_task(pair.rig, 1, "b")->queue.count, 2);
    rig_run(pair.rig, 30000);
    assert_int_equal(rig_task(pair.rig, 1, "b")->discarded, 2);
    assert_int_equal(link_at(&pair, 0, 0)->counters.refused, 1); // not taken for the good one
    rig_close(pair.rig);
}

static struct rig_datagram delayed;

static uint32_t delay_the_event(struct rig *rig, const struct rig_datagram *datagram) {
    if (memcmp(&datagram->from, &rig->nodes[0].address, sizeof datagram->from) == 0) {
        delayed = *datagram;
        return 1;
    }
    return 0;
}

static void a_late_message_of_an_epoch_that_is_over_is_fenced_off_behind_one_that_waits(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "fault", DURABILITY_NONE);
    put_plans(&pair);
    rig_publish(pair.rig, 0, "room/temperature", RIG_TRAP_ALWAYS); // "b" backs off for a second
    pair.rig->lose = delay_the_event;
    rig_publish(pair.rig, 0, "room/temperature", 1);
    pair.rig->lose = NULL;
    rig_restart(pair.rig, 0, 0);
    pair.resources[0][0].epoch = 2; // another device has taken the role
    put_plan(&pair, 0);
    rig_publish(pair.rig, 0, "room/temperature", 2);
    assert_int_equal(rig_task(pair.rig, 1, "b")->queue.count, 1);
    runtime_datagram(&pair.rig->nodes[1].runtime, &delayed.from, (struct bytes){delayed.data, delayed.size});
    rig_run(pair.rig, 30000);
    assert_int_equal(rig_count(pair.rig, 1, "b"), 1);
    assert_int_equal(link_at(&pair, 1, 0)->seen_epoch, 2);
    rig_close(pair.rig);
}

static uint32_t outranked_answers;

static uint32_t look_for_outranked(struct rig *rig, const struct rig_datagram *datagram) {
    (void)rig;
    static const char word[] = "outranked";
    size_t size = sizeof word - 1;
    outranked_answers += datagram->size > size && memcmp(datagram->data + datagram->size - size, word, size) == 0;
    return 0;
}

static void a_command_that_a_durable_actuator_keeps_for_later_is_told_to_be_outranked(void **state) {
    (void)state;
    static const uint8_t item_30[] = {0x18, 30};
    struct pair pair;
    pair_open(&pair, "echo", DURABILITY_LOCAL);
    // The sensor of node 0 --1--> task "a" on node 0 --2--> valve of node 1.
    pair.links[0][0].destination = here;
    pair.links[0][1] = (struct plan_link){.id = 2,
                                          .delivery = DELIVERY_COMMAND,
                                          .source = here,
                                          .destination = far,
                                          .expiry_ms = 60000,
                                          .priority = 10,
                                          .confirm = 2};
    pair.links[1][0] = pair.links[0][1];
    pair.links[1][0].source = far;
    pair.links[1][0].destination = valve;
    pair.links[1][0].confirm = 0;
    pair.plan[0].task_count = 1;
    pair.plan[1].task_count = 0;
    pair.plan[0].link_count = 2;
    put_plans(&pair);
    outranked_answers = 0;
    pair.rig->lose = look_for_outranked;
    assert_int_equal(runtime_override(&pair.rig->nodes[1].runtime, 1, 8, (struct bytes){item_30, 2}, 120000), ERROR_NONE);
    rig_publish(pair.rig, 0, "room/temperature", 5);
    rig_run(pair.rig, 1000);
    assert_true(rig_driven(pair.rig, 1, "room/valve") == 30);
    assert_int_equal(link_at(&pair, 0, 1)->pending.count, 0);
    assert_int_equal(outranked_answers, 1);
    rig_close(pair.rig);
}

static void a_command_that_an_actuator_here_refuses_is_told_to_its_sender(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "echo", DURABILITY_LOCAL);
    pair.links[0][0].destination = here;
    pair.links[0][1] = (struct plan_link){.id = 2,
                                          .delivery = DELIVERY_COMMAND,
                                          .source = here,
                                          .destination = valve,
                                          .expiry_ms = 60000,
                                          .priority = 10,
                                          .confirm = 2};
    pair.plan[0].task_count = 1;
    pair.plan[0].link_count = 2;
    put_plan(&pair, 0);
    rig_publish(pair.rig, 0, "room/temperature", 5000); // the valve ends at 1000
    rig_run(pair.rig, 100);
    assert_int_equal(link_at(&pair, 0, 1)->counters.refused, 1);
    assert_int_equal(rig_count(pair.rig, 0, "a"), 2); // the event and what became of its command
    rig_publish(pair.rig, 0, "room/temperature", 7);
    rig_run(pair.rig, 100);
    assert_true(rig_driven(pair.rig, 0, "room/valve") == 7);
    rig_close(pair.rig);
}

// --- plans
// -------------------------------------------------------------------------------------------------------------------------

static void a_link_that_a_plan_took_away_and_another_brings_back_goes_on_with_higher_numbers(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "counter", DURABILITY_LOCAL);
    put_plans(&pair);
    for (uint32_t i = 1; i <= 5; i++) {
        rig_publish(pair.rig, 0, "room/temperature", i);
    }
    pair.plan[0].link_count = 0; // node 1 does not hear of that plan
    put_plan(&pair, 0);
    pair.plan[0].link_count = 1;
    put_plan(&pair, 0);
    for (uint32_t i = 6; i <= 8; i++) {
        rig_publish(pair.rig, 0, "room/temperature", i);
    }
    rig_run(pair.rig, 5000);
    assert_int_equal(rig_counter(pair.rig, 1, "b").count, 8);
    assert_int_equal(rig_counter(pair.rig, 1, "b").faults, 0);
    rig_close(pair.rig);
}

static void what_a_task_sends_at_its_parameters_leaves_when_it_is_durable(void **state) {
    (void)state;
    static const uint8_t item_7[] = {0x07};
    struct pair pair;
    struct plan_parameter parameter = {.input = 0, .value = {item_7, 1}};
    pair_open(&pair, "echo", DURABILITY_LOCAL);
    pair.links[0][0].source = here;
    pair.plan[0].task_count = 1;
    pair.tasks[0][0].parameter_count = 1;
    pair.plan[0].parameters = &parameter;
    pair.plan[0].parameter_count = 1;
    put_plan(&pair, 1);
    put_plan(&pair, 0);
    rig_run(pair.rig, 1000);
    assert_int_equal(rig_count(pair.rig, 1, "b"), 1);
    rig_restart(pair.rig, 0, pair.rig->nodes[0].journal_count);
    rig_run(pair.rig, 1000);
    assert_int_equal(link_at(&pair, 0, 0)->pending.count, 0);
    rig_close(pair.rig);
}

static void a_task_that_becomes_durable_takes_its_places_along(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "counter", DURABILITY_NONE);
    put_plans(&pair);
    pair.rig->lose = lose_answers;
    rig_publish(pair.rig, 0, "room/temperature", 1);
    assert_int_equal(rig_counter(pair.rig, 1, "b").count, 1);
    pair.tasks[1][0].durability = DURABILITY_LOCAL;
    put_plan(&pair, 1);
    rig_rewrite(pair.rig, 1);
    rig_restart(pair.rig, 1, pair.rig->nodes[1].journal_count);
    pair.rig->lose = NULL;
    rig_run(pair.rig, 60000);
    assert_int_equal(rig_counter(pair.rig, 1, "b").count, 1);
    assert_int_equal(link_at(&pair, 0, 0)->pending.count, 0);
    rig_close(pair.rig);
}

static void what_waits_for_a_port_finds_it_under_its_new_number(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "fault", DURABILITY_NONE);
    pair.links[1][1] = (struct plan_link){
        .id = 2, .delivery = DELIVERY_COMMAND, .source = here, .destination = valve, .expiry_ms = 60000, .priority = 10};
    pair.plan[1].link_count = 2;
    put_plans(&pair);
    rig_publish(pair.rig, 0, "room/temperature", RIG_TRAP_ALWAYS); // "b" backs off for a second
    pair.links[1][0].destination.port = 1;
    put_plan(&pair, 1);
    rig_publish(pair.rig, 0, "room/temperature", 5); // waits at it for input 1
    pair.links[1][0].destination.port = 0;           // a newer version has its inputs in another order
    put_plan(&pair, 1);
    rig_run(pair.rig, 3000);
    assert_true(rig_driven(pair.rig, 1, "room/valve") == 5);
    rig_close(pair.rig);
}

static void an_input_that_moves_to_its_source_has_its_time_before_it_is_stale(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "echo", DURABILITY_NONE);
    pair.links[0][0].stale_after_ms = pair.links[1][0].stale_after_ms = 60000;
    put_plans(&pair);
    for (uint32_t i = 1; i <= 12; i++) {
        rig_publish(pair.rig, 0, "room/temperature", i);
        rig_run(pair.rig, 10000);
    }
    pair.links[0][0].destination = here;
    pair.plan[0].task_count = 1;
    put_plan(&pair, 0);
    rig_run(pair.rig, 1000);
    assert_int_equal(pair.rig->nodes[0].events[EVENT_INPUT_STALE], 0);
    rig_run(pair.rig, 60000);
    assert_int_equal(pair.rig->nodes[0].events[EVENT_INPUT_STALE], 1);
    rig_close(pair.rig);
}

// --- what cannot leave
// -------------------------------------------------------------------------------------------------------------

static void commands_that_wait_for_a_dead_peer_end_in_time_and_let_their_task_go_on(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "echo", DURABILITY_NONE);
    // Link 1 goes on trying and holds the window; the sensor --2--> "a" --3--> valve of node 1.
    pair.links[0][1] = (struct plan_link){.id = 2, .delivery = DELIVERY_EVENT, .source = sensor, .destination = here};
    pair.links[0][2] = (struct plan_link){
        .id = 3, .delivery = DELIVERY_COMMAND, .source = here, .destination = far, .expiry_ms = 10000, .priority = 10};
    pair.plan[0].task_count = 1;
    pair.plan[0].link_count = 3;
    put_plan(&pair, 0);
    pair.rig->lose = lose_all;
    for (uint32_t i = 1; i <= LINK_PENDING_MAX + 2; i++) {
        rig_publish(pair.rig, 0, "room/temperature", i);
    }
    assert_true(rig_task(pair.rig, 0, "a")->blocked);
    rig_run(pair.rig, 10200);
    assert_int_equal(link_at(&pair, 0, 2)->counters.expired, LINK_PENDING_MAX);
    assert_false(rig_task(pair.rig, 0, "a")->blocked);
    assert_int_equal(rig_task(pair.rig, 0, "a")->queue.count, 0);
    rig_close(pair.rig);
}

static void a_unit_of_work_that_needs_more_room_than_there_is_waits_in_peace(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "echo", DURABILITY_LOCAL);
    // The sensor --1--> "a" --2 to 12--> node 1, which is away.
    pair.links[0][0].destination = here;
    pair.plan[0].task_count = 1;
    pair.plan[0].link_count = pair.plan[1].link_count = 12;
    for (uint32_t i = 1; i < 12; i++) {
        pair.links[0][i] = (struct plan_link){.id = i + 1, .delivery = DELIVERY_EVENT, .source = here, .destination = far};
        pair.links[1][i] = pair.links[0][i];
        pair.links[1][i].source = far;
        pair.links[1][i].destination = here;
    }
    put_plans(&pair);
    pair.rig->lose = lose_all;
    for (uint32_t i = 1; i <= 6; i++) {
        rig_publish(pair.rig, 0, "room/temperature", i);
    }
    assert_true(rig_task(pair.rig, 0, "a")->blocked);
    assert_int_equal(rig_count(pair.rig, 0, "a"), 5);
    pair.rig->lose = NULL;
    rig_run(pair.rig, 300000);
    assert_int_equal(rig_count(pair.rig, 0, "a"), 6);
    assert_int_equal(rig_count(pair.rig, 1, "b"), 66);
    rig_close(pair.rig);
}

static void a_task_that_stands_still_does_not_hold_up_its_neighbours_on_the_node(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "fault", DURABILITY_NONE);
    // The sensor --1--> "b" on node 1, and the sensor --2--> "a" --3--> valve of node 1.
    rig_digest("echo", pair.tasks[0][0].digest);
    pair.links[0][1] = (struct plan_link){.id = 2, .delivery = DELIVERY_EVENT, .source = sensor, .destination = here};
    pair.links[0][2] = (struct plan_link){
        .id = 3, .delivery = DELIVERY_COMMAND, .source = here, .destination = far, .expiry_ms = 10000, .priority = 10};
    pair.links[1][1] = pair.links[0][2];
    pair.links[1][1].source = far;
    pair.links[1][1].destination = valve;
    pair.plan[0].task_count = 1;
    pair.plan[0].link_count = 3;
    pair.plan[1].link_count = 2;
    put_plans(&pair);
    for (uint32_t i = 0; i < 9; i++) { // until "b" backs off for minutes
        rig_publish(pair.rig, 0, "room/temperature", RIG_TRAP_ALWAYS);
        rig_run(pair.rig, i < 8 ? 1000 << i : 0);
    }
    assert_int_equal(rig_task(pair.rig, 1, "b")->state, TASK_BACKING_OFF);
    uint32_t before = rig_task(pair.rig, 0, "a")->queue.count;
    assert_int_equal(before, 0);
    for (uint32_t i = 1; i <= 8; i++) {
        rig_publish(pair.rig, 0, "room/temperature", i);
        rig_run(pair.rig, 24000);
        assert_int_equal(rig_task(pair.rig, 1, "b")->state, TASK_BACKING_OFF);
    }
    assert_int_equal(link_at(&pair, 0, 2)->counters.expired, 0);
    rig_close(pair.rig);
}

static void a_fallback_that_finds_no_room_comes_when_there_is_some(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "echo", DURABILITY_NONE);
    // The sensor --1--> "a" --2, 3, 4--> node 1, which is away; and --5--> "a", a measurement that ends.
    pair.links[0][0].destination = here;
    for (uint32_t i = 1; i < 4; i++) {
        pair.links[0][i] = (struct plan_link){.id = i + 1, .delivery = DELIVERY_EVENT, .source = here, .destination = far};
        pair.links[1][i] = pair.links[0][i];
        pair.links[1][i].source = far;
        pair.links[1][i].destination = here;
    }
    pair.links[0][4] = (struct plan_link){
        .id = 5, .delivery = DELIVERY_MEASUREMENT, .source = valve, .destination = {END_TASK, 0, 1}, .stale_after_ms = 60000};
    pair.plan[0].task_count = 1;
    pair.plan[0].link_count = 5;
    pair.plan[1].link_count = 4;
    put_plans(&pair);
    rig_publish(pair.rig, 0, "room/valve", 1);
    pair.rig->lose = lose_all;
    for (uint32_t i = 1; i <= 60; i++) {
        rig_publish(pair.rig, 0, "room/temperature", i);
    }
    assert_true(rig_task(pair.rig, 0, "a")->blocked);
    rig_run(pair.rig, 70000);
    pair.rig->lose = NULL;
    rig_run(pair.rig, 600000);
    assert_int_equal(link_at(&pair, 0, 4)->counters.fallbacks, 1);
    assert_int_equal(rig_count(pair.rig, 0, "a"), link_at(&pair, 0, 0)->counters.received + 2);
    rig_close(pair.rig);
}

static void an_outcome_takes_the_place_of_the_message_that_it_is_about(void **state) {
    (void)state;
    static const uint8_t item_1[] = {0x01};
    const struct bytes item = {item_1, 1};
    struct pair pair;
    struct plan_task tasks[2];
    pair_open(&pair, "fault", DURABILITY_NONE);
    // On node 0 alone: the sensor --1--> "a" --2--> "b", and "a" wants to know what became of it.
    memset(tasks, 0, sizeof tasks);
    tasks[0] = pair.tasks[0][0];
    tasks[1] = pair.tasks[1][0];
    rig_digest("echo", tasks[0].digest);
    pair.plan[0].tasks = tasks;
    pair.plan[0].task_count = 2;
    pair.links[0][0].destination = here;
    pair.links[0][1] =
        (struct plan_link){.id = 2, .delivery = DELIVERY_EVENT, .source = here, .destination = {END_TASK, 1, 0}, .confirm = 2};
    pair.plan[0].link_count = 2;
    put_plan(&pair, 0);
    rig_publish(pair.rig, 0, "room/temperature", RIG_TRAP_ALWAYS); // "b" backs off for a second
    rig_publish(pair.rig, 0, "room/temperature", 1);               // waits at it
    assert_int_equal(rig_count(pair.rig, 0, "a"), 3);              // with the outcome of the first
    struct message_pool *pool = &pair.rig->nodes[0].runtime.pool;
    struct message_queue taken = {NULL, NULL, 0};
    for (struct message *message = message_take(pool, item); message != NULL; message = message_take(pool, item)) {
        message_queue_push(&taken, message);
    }
    rig_run(pair.rig, 3000);
    message_queue_clear(&taken, pool);
    rig_publish(pair.rig, 0, "room/temperature", 2); // "b" gets it, and "a" is looked at again
    rig_run(pair.rig, 100);
    assert_int_equal(rig_count(pair.rig, 0, "a"), 6);
    rig_close(pair.rig);
}

static void a_command_that_waits_for_the_disk_ends_in_time(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "echo", DURABILITY_LOCAL);
    pair.links[0][0].destination = here;
    pair.links[0][1] = (struct plan_link){
        .id = 2, .delivery = DELIVERY_COMMAND, .source = here, .destination = valve, .expiry_ms = 10000, .priority = 10};
    pair.plan[0].task_count = 1;
    pair.plan[0].link_count = 2;
    put_plan(&pair, 0);
    pair.rig->nodes[0].flush_is_off = true;
    rig_publish(pair.rig, 0, "room/temperature", 5);
    rig_run(pair.rig, 10100);
    assert_int_equal(link_at(&pair, 0, 1)->counters.expired, 1);
    rig_close(pair.rig);
}

static void a_value_that_stands_still_below_the_threshold_is_not_stale(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "echo", DURABILITY_NONE);
    for (uint32_t node = 0; node < RIG_NODES; node++) {
        pair.links[node][0].delivery = DELIVERY_MEASUREMENT;
        pair.links[node][0].threshold = 0.1;
        pair.links[node][0].interval_min_ms = 10000;
        pair.links[node][0].interval_max_ms = 300000;
        pair.links[node][0].stale_after_ms = 900000;
    }
    put_plans(&pair);
    for (uint32_t i = 0; i < 240; i++) {
        rig_publish(pair.rig, 0, "room/temperature", 20);
        rig_run(pair.rig, 10000);
    }
    assert_int_equal(pair.rig->nodes[1].events[EVENT_INPUT_STALE], 0);
    rig_run(pair.rig, 900000); // the sensor has stopped
    rig_run(pair.rig, 20000);
    assert_int_equal(pair.rig->nodes[1].events[EVENT_INPUT_STALE], 1);
    rig_close(pair.rig);
}

// --- what a component sends
// --------------------------------------------------------------------------------------------------------

static void an_empty_message_is_set_aside_and_spoils_no_journal(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair, "fault", DURABILITY_LOCAL);
    pair.links[0][0].destination = here;
    pair.links[0][1] = (struct plan_link){.id = 2, .delivery = DELIVERY_EVENT, .source = here, .destination = far};
    pair.links[1][0].id = 2;
    pair.plan[0].task_count = 1;
    pair.plan[0].link_count = 2;
    put_plans(&pair);
    rig_publish(pair.rig, 0, "room/temperature", RIG_EMPTY);
    rig_run(pair.rig, 2000);
    assert_int_equal(rig_task(pair.rig, 0, "a")->discarded, 1);
    rig_publish(pair.rig, 0, "room/temperature", 1);
    rig_restart(pair.rig, 0, pair.rig->nodes[0].journal_count); // asserts that all of it can be read
    rig_run(pair.rig, 2000);
    assert_int_equal(rig_count(pair.rig, 0, "a"), 1);
    assert_int_equal(rig_count(pair.rig, 1, "b"), 1);
    rig_close(pair.rig);
}

static void what_the_journal_brings_back_comes_before_what_a_task_sends_at_its_start(void **state) {
    (void)state;
    static const uint8_t item_7[] = {0x07};
    struct pair pair;
    struct plan_parameter parameter = {.input = 0, .value = {item_7, 1}};
    struct plan_task tasks[2];
    pair_open(&pair, "fault", DURABILITY_LOCAL);
    // On node 0 alone: the sensor --1--> "a" --2--> "b" --3--> valve.
    memset(tasks, 0, sizeof tasks);
    tasks[0] = pair.tasks[0][0];
    tasks[1] = pair.tasks[1][0];
    rig_digest("echo", tasks[0].digest);
    pair.plan[0].tasks = tasks;
    pair.plan[0].task_count = 2;
    pair.links[0][0].destination = here;
    pair.links[0][1] = (struct plan_link){.id = 2, .delivery = DELIVERY_EVENT, .source = here, .destination = {END_TASK, 1, 0}};
    pair.links[0][2] = (struct plan_link){.id = 3,
                                          .delivery = DELIVERY_COMMAND,
                                          .source = {END_TASK, 1, 0},
                                          .destination = valve,
                                          .expiry_ms = 600000,
                                          .priority = 10};
    pair.plan[0].link_count = 3;
    put_plan(&pair, 0);
    rig_publish(pair.rig, 0, "room/temperature", RIG_TRAP_ALWAYS); // "b" backs off
    rig_publish(pair.rig, 0, "room/temperature", 1);
    rig_publish(pair.rig, 0, "room/temperature", 2); // both wait at "b"
    tasks[0].parameter_count = 1;
    pair.plan[0].parameters = &parameter;
    pair.plan[0].parameter_count = 1;
    pair.plan[0].revision++;
    assert_int_equal(rig_plan(pair.rig, 0, &pair.plan[0]), ERROR_NONE); // "a" sends 7
    rig_restart(pair.rig, 0, pair.rig->nodes[0].journal_count);         // and again
    rig_run(pair.rig, 2000);
    assert_int_equal(rig_count(pair.rig, 0, "b"), 4);
    assert_true(rig_driven(pair.rig, 0, "room/valve") == 7);
    const struct link *link = link_at(&pair, 0, 1);
    assert_true(link->seen_sequence == link->sequence); // the last one was the last
    rig_close(pair.rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_not_answered_with_what_became_of_the_one_before),
        cmocka_unit_test(a_late_message_of_an_epoch_that_is_over_is_fenced_off_behind_one_that_waits),
        cmocka_unit_test(a_command_that_a_durable_actuator_keeps_for_later_is_told_to_be_outranked),
        cmocka_unit_test(a_command_that_an_actuator_here_refuses_is_told_to_its_sender),
        cmocka_unit_test(a_link_that_a_plan_took_away_and_another_brings_back_goes_on_with_higher_numbers),
        cmocka_unit_test(what_a_task_sends_at_its_parameters_leaves_when_it_is_durable),
        cmocka_unit_test(a_task_that_becomes_durable_takes_its_places_along),
        cmocka_unit_test(what_waits_for_a_port_finds_it_under_its_new_number),
        cmocka_unit_test(an_input_that_moves_to_its_source_has_its_time_before_it_is_stale),
        cmocka_unit_test(commands_that_wait_for_a_dead_peer_end_in_time_and_let_their_task_go_on),
        cmocka_unit_test(a_unit_of_work_that_needs_more_room_than_there_is_waits_in_peace),
        cmocka_unit_test(a_task_that_stands_still_does_not_hold_up_its_neighbours_on_the_node),
        cmocka_unit_test(a_fallback_that_finds_no_room_comes_when_there_is_some),
        cmocka_unit_test(an_outcome_takes_the_place_of_the_message_that_it_is_about),
        cmocka_unit_test(a_command_that_waits_for_the_disk_ends_in_time),
        cmocka_unit_test(a_value_that_stands_still_below_the_threshold_is_not_stale),
        cmocka_unit_test(an_empty_message_is_set_aside_and_spoils_no_journal),
        cmocka_unit_test(what_the_journal_brings_back_comes_before_what_a_task_sends_at_its_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
