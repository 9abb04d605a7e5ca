// Events and commands across restarts, with a journal whose every prefix is a crash.
//
// The chain: the sensor of node 0 --event 1--> task "a" on node 0 --event 2--> task "b" on node 1 --command 3--> the valve of
// node 0. All of it is durable; "a" and "b" are counters.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/runtime_rig.h"

static const uint8_t item_0[] = {0x00};

struct chain {
    struct rig *rig;
    struct plan plan[RIG_NODES];
    struct plan_task tasks[RIG_NODES][1];
    struct plan_resource resources[2];
    struct plan_peer peers[RIG_NODES][1];
    struct plan_link links[RIG_NODES][3];
};

static void put_plans(struct chain *chain) {
    for (uint32_t node = 0; node < RIG_NODES; node++) {
        chain->plan[node].revision++;
        assert_int_equal(rig_plan(chain->rig, node, &chain->plan[node]), ERROR_NONE);
    }
    rig_run(chain->rig, 20);
}

static void chain_open(struct chain *chain, enum durability durability) {
    memset(chain, 0, sizeof *chain);
    chain->rig = rig_open();
    const struct plan_end here = {END_TASK, 0, 0};
    const struct plan_end far = {END_REMOTE, 0, 0};
    chain->resources[0] = (struct plan_resource){.name = "room/temperature", .epoch = 1};
    chain->resources[1] =
        (struct plan_resource){.name = "room/valve", .safe = {item_0, 1}, .epoch = 1, .durability = durability};
    chain->links[0][0] =
        (struct plan_link){.id = 1, .delivery = DELIVERY_EVENT, .source = {END_RESOURCE, 0, 0}, .destination = here};
    chain->links[0][1] = (struct plan_link){.id = 2, .delivery = DELIVERY_EVENT, .source = here, .destination = far};
    chain->links[0][2] = (struct plan_link){.id = 3,
                                            .delivery = DELIVERY_COMMAND,
                                            .source = far,
                                            .destination = {END_RESOURCE, 1, 0},
                                            .expiry_ms = 600000,
                                            .priority = 10};
    chain->links[1][0] = (struct plan_link){.id = 2, .delivery = DELIVERY_EVENT, .source = far, .destination = here};
    chain->links[1][1] = chain->links[0][2];
    chain->links[1][1].source = here;
    chain->links[1][1].destination = far;
    for (uint32_t node = 0; node < RIG_NODES; node++) {
        strcpy(chain->tasks[node][0].name, node == 0 ? "a" : "b");
        rig_digest("counter", chain->tasks[node][0].digest);
        chain->tasks[node][0].epoch = 1;
        chain->tasks[node][0].durability = durability;
        strcpy(chain->peers[node][0].name, "peer");
        chain->peers[node][0].address = chain->rig->nodes[1 - node].address;
        chain->plan[node] = (struct plan){.policy = "chain",
                                          .node = "n",
                                          .tasks = chain->tasks[node],
                                          .task_count = 1,
                                          .resources = chain->resources,
                                          .resource_count = node == 0 ? 2 : 0,
                                          .peers = chain->peers[node],
                                          .peer_count = 1,
                                          .links = chain->links[node],
                                          .link_count = node == 0 ? 3 : 2};
    }
    put_plans(chain);
}

static void expect_all(struct chain *chain, uint32_t count) {
    struct rig_counter a = rig_counter(chain->rig, 0, "a");
    struct rig_counter b = rig_counter(chain->rig, 1, "b");
    assert_int_equal(a.last, count);
    assert_int_equal(a.count, count);
    assert_int_equal(a.faults, 0);
    assert_int_equal(b.last, count);
    assert_int_equal(b.count, count);
    assert_int_equal(b.faults, 0);
    assert_true(rig_driven(chain->rig, 0, "room/valve") == count);
}

// --- what waits for the disk
// ---------------------------------------------------------------------------------------------------

static void events_go_along_the_chain_once_and_in_order(void **state) {
    (void)state;
    struct chain chain;
    chain_open(&chain, DURABILITY_LOCAL);
    for (uint32_t i = 1; i <= 5; i++) {
        rig_publish(chain.rig, 0, "room/temperature", i);
    }
    rig_run(chain.rig, 2000);
    expect_all(&chain, 5);
    rig_close(chain.rig);
}

static void nothing_leaves_before_its_batch_is_durable(void **state) {
    (void)state;
    struct chain chain;
    chain_open(&chain, DURABILITY_LOCAL);
    chain.rig->nodes[0].flush_is_off = true;
    rig_publish(chain.rig, 0, "room/temperature", 1);
    rig_run(chain.rig, 1000);
    assert_int_equal(rig_counter(chain.rig, 0, "a").count, 1);
    assert_int_equal(chain.rig->carried, 0);
    assert_true(runtime_flush_wanted(&chain.rig->nodes[0].runtime));
    chain.rig->nodes[0].flush_is_off = false;
    rig_run(chain.rig, 1000);
    expect_all(&chain, 1);
    rig_close(chain.rig);
}

static void an_event_is_acknowledged_when_its_effect_is_durable(void **state) {
    (void)state;
    struct chain chain;
    chain_open(&chain, DURABILITY_LOCAL);
    chain.rig->nodes[1].flush_is_off = true;
    rig_publish(chain.rig, 0, "room/temperature", 1);
    rig_run(chain.rig, 300);
    const struct link *link = &runtime_tables(&chain.rig->nodes[0].runtime)->links[1];
    assert_int_equal(rig_counter(chain.rig, 1, "b").count, 1);
    assert_int_equal(link->pending.count, 1);
    chain.rig->nodes[1].flush_is_off = false;
    rig_run(chain.rig, 100);
    assert_int_equal(link->pending.count, 0);
    assert_int_equal(link->counters.retried, 0); // the acknowledgement was late, not lost
    expect_all(&chain, 1);
    rig_close(chain.rig);
}

static void a_task_without_durability_writes_nothing_of_its_own(void **state) {
    (void)state;
    struct chain chain;
    chain_open(&chain, DURABILITY_NONE);
    uint32_t before = chain.rig->nodes[1].journal_count;
    for (uint32_t i = 1; i <= 3; i++) {
        rig_publish(chain.rig, 0, "room/temperature", i);
    }
    rig_run(chain.rig, 1000);
    expect_all(&chain, 3);
    assert_int_equal(chain.rig->nodes[1].journal_count, before);
    rig_close(chain.rig);
}

// --- crashes
// -------------------------------------------------------------------------------------------------------------------

#define EVENTS 6

// Crashes `node` when its journal has `batches` batches, of which the last `torn` are lost, and goes on.
static void crash_at(uint32_t node, uint32_t batches, uint32_t torn) {
    struct chain chain;
    chain_open(&chain, DURABILITY_LOCAL);
    bool crashed = false;
    for (uint32_t i = 1; i <= EVENTS; i++) {
        struct rig_node *victim = &chain.rig->nodes[node];
        victim->flush_is_off = !crashed && victim->journal_count + torn >= batches;
        rig_publish(chain.rig, 0, "room/temperature", i);
        if (!crashed && victim->journal_count >= batches) {
            uint32_t kept = (uint32_t)(victim->runtime.durable - victim->journal_base);
            uint32_t volatile_count = victim->journal_count - kept;
            kept += torn < volatile_count ? volatile_count - torn : 0;
            victim->flush_is_off = false;
            rig_restart(chain.rig, node, kept);
            crashed = true;
            rig_run(chain.rig, 20000);
            // A sensor's event that was not yet durable is gone: its driver sends it again, as a person presses again.
            while (rig_counter(chain.rig, 0, "a").last < i) {
                rig_publish(chain.rig, 0, "room/temperature", rig_counter(chain.rig, 0, "a").last + 1);
                rig_run(chain.rig, 20000);
            }
        }
    }
    chain.rig->nodes[node].flush_is_off = false;
    rig_run(chain.rig, 60000);
    expect_all(&chain, EVENTS);
    rig_close(chain.rig);
}

static void a_measurement_that_changes_nothing_writes_nothing(void **state) {
    (void)state;
    struct chain chain;
    chain_open(&chain, DURABILITY_LOCAL);
    chain.links[0][1].source = (struct plan_end){END_RESOURCE, 0, 0};
    chain.links[0][1].delivery = chain.links[1][0].delivery = DELIVERY_MEASUREMENT;
    put_plans(&chain);
    uint32_t before = chain.rig->nodes[1].journal_count;
    uint64_t handled = rig_task(chain.rig, 1, "b")->messages;
    rig_publish(chain.rig, 0, "room/temperature", RIG_NOTHING);
    rig_run(chain.rig, 1000);
    assert_int_equal(rig_task(chain.rig, 1, "b")->messages, handled + 1);
    assert_int_equal(chain.rig->nodes[1].journal_count, before);
    rig_publish(chain.rig, 0, "room/temperature", 1);
    rig_run(chain.rig, 1000);
    assert_true(chain.rig->nodes[1].journal_count > before);
    rig_restart(chain.rig, 1, chain.rig->nodes[1].journal_count);
    assert_int_equal(rig_counter(chain.rig, 1, "b").last, 1);
    rig_close(chain.rig);
}

static void a_crash_at_any_batch_loses_and_doubles_nothing(void **state) {
    (void)state;
    for (uint32_t node = 0; node < RIG_NODES; node++) {
        for (uint32_t batches = 0; batches < 24; batches++) {
            for (uint32_t torn = 0; torn < 5; torn++) {
                crash_at(node, batches, torn);
            }
        }
    }
}

static void a_picture_of_what_stands_can_take_the_place_of_the_journal(void **state) {
    (void)state;
    struct chain chain;
    chain_open(&chain, DURABILITY_LOCAL);
    chain.rig->nodes[1].flush_is_off = true; // node 0 has an event in its hands that is not acknowledged
    for (uint32_t i = 1; i <= 3; i++) {
        rig_publish(chain.rig, 0, "room/temperature", i);
    }
    rig_rewrite(chain.rig, 0);
    uint32_t size = chain.rig->nodes[0].journal_count;
    assert_int_equal(size, 1);
    rig_restart(chain.rig, 0, size);
    rig_restart(chain.rig, 1, 0);
    chain.rig->nodes[1].flush_is_off = false;
    rig_run(chain.rig, 30000);
    expect_all(&chain, 3);
    rig_rewrite(chain.rig, 0);
    rig_rewrite(chain.rig, 1);
    rig_restart(chain.rig, 0, chain.rig->nodes[0].journal_count);
    rig_restart(chain.rig, 1, chain.rig->nodes[1].journal_count);
    rig_run(chain.rig, 2000);
    expect_all(&chain, 3);
    rig_publish(chain.rig, 0, "room/temperature", 4);
    rig_run(chain.rig, 5000);
    expect_all(&chain, 4);
    rig_close(chain.rig);
}

static uint32_t lose_answers(struct rig *rig, const struct rig_datagram *datagram) {
    return memcmp(&datagram->from, &rig->nodes[1].address, sizeof datagram->from) == 0;
}

static void an_event_whose_answer_is_lost_is_not_counted_again_after_the_receivers_restart(void **state) {
    (void)state;
    struct chain chain;
    chain_open(&chain, DURABILITY_LOCAL);
    chain.rig->lose = lose_answers;
    rig_publish(chain.rig, 0, "room/temperature", 1);
    rig_run(chain.rig, 100);
    assert_int_equal(rig_counter(chain.rig, 1, "b").count, 1);
    rig_restart(chain.rig, 1, chain.rig->nodes[1].journal_count);
    chain.rig->lose = NULL;
    rig_run(chain.rig, 60000);
    assert_int_equal(rig_counter(chain.rig, 1, "b").count, 1);
    assert_int_equal(runtime_tables(&chain.rig->nodes[0].runtime)->links[1].pending.count, 0);
    rig_close(chain.rig);
}

static void a_task_that_moves_leaves_its_unread_events_to_its_new_place(void **state) {
    (void)state;
    struct chain chain;
    chain_open(&chain, DURABILITY_LOCAL);
    // "a" stops taking messages, because what it sends is not durable and backs up.
    chain.rig->nodes[0].flush_is_off = true;
    for (uint32_t i = 1; i <= 12; i++) {
        rig_publish(chain.rig, 0, "room/temperature", i);
    }
    const struct task *a = rig_task(chain.rig, 0, "a");
    assert_true(a->blocked && a->queue.count == 12 - LINK_PENDING_MAX);
    // Its events 9 to 12 wait for it; now the plan has it on node 1, with a fresh state.
    chain.rig->nodes[0].flush_is_off = false;
    chain.plan[0].task_count = 0;
    chain.links[0][0].destination = (struct plan_end){END_REMOTE, 0, 0};
    chain.plan[0].link_count = 1;
    strcpy(chain.tasks[1][0].name, "a");
    chain.links[1][0].id = 1;
    chain.plan[1].link_count = 1;
    put_plans(&chain);
    rig_run(chain.rig, 10000);
    assert_int_equal(rig_counter(chain.rig, 1, "a").count, 4);
    assert_int_equal(rig_counter(chain.rig, 1, "a").last, 12);
    rig_close(chain.rig);
}

// --- commands
// ------------------------------------------------------------------------------------------------------------------

static void a_durable_actuator_obeys_its_live_command_after_a_restart(void **state) {
    (void)state;
    struct chain chain;
    chain_open(&chain, DURABILITY_LOCAL);
    rig_publish(chain.rig, 0, "room/temperature", 1);
    rig_run(chain.rig, 1000);
    rig_restart(chain.rig, 0, chain.rig->nodes[0].journal_count);
    assert_true(rig_driven(chain.rig, 0, "room/valve") == 1);
    rig_run(chain.rig, 601000);
    assert_true(rig_driven(chain.rig, 0, "room/valve") == 0); // its lifetime went on
    rig_close(chain.rig);
}

static void a_command_that_ran_out_does_not_come_back_with_a_clock_that_is_set_back(void **state) {
    (void)state;
    struct chain chain;
    chain_open(&chain, DURABILITY_LOCAL);
    rig_publish(chain.rig, 0, "room/temperature", 1);
    rig_run(chain.rig, 601000);
    assert_true(rig_driven(chain.rig, 0, "room/valve") == 0);
    chain.rig->now_ms -= 300000;
    rig_restart(chain.rig, 0, chain.rig->nodes[0].journal_count);
    rig_run(chain.rig, 1000);
    assert_true(rig_driven(chain.rig, 0, "room/valve") == 0);
    rig_close(chain.rig);
}

static void commands_from_before_a_clock_was_set_back_are_over(void **state) {
    (void)state;
    static const uint8_t item_30[] = {0x18, 30};
    struct chain chain;
    chain_open(&chain, DURABILITY_LOCAL);
    rig_run(chain.rig, 4000000);
    rig_publish(chain.rig, 0, "room/temperature", 1);
    rig_run(chain.rig, 1000);
    struct runtime *runtime = &chain.rig->nodes[0].runtime;
    uint32_t valve = (uint32_t)runtime_resource_find(runtime, "room/valve");
    assert_int_equal(runtime_override(runtime, valve, 8, (struct bytes){item_30, 2}, 7200000), ERROR_NONE);
    rig_run(chain.rig, 20);
    chain.rig->now_ms -= 1000; // within what a clock may drift
    rig_restart(chain.rig, 0, chain.rig->nodes[0].journal_count);
    assert_true(rig_driven(chain.rig, 0, "room/valve") == 30);
    rig_rewrite(chain.rig, 0); // a picture tells the time, too
    chain.rig->now_ms -= 3600000;
    rig_restart(chain.rig, 0, chain.rig->nodes[0].journal_count);
    assert_true(rig_driven(chain.rig, 0, "room/valve") == 0);
    assert_int_equal(chain.rig->nodes[0].events[EVENT_COMMAND_EXPIRED], 1);
    rig_publish(chain.rig, 0, "room/temperature", 2); // and control goes on
    rig_run(chain.rig, 5000);
    assert_true(rig_driven(chain.rig, 0, "room/valve") == 2);
    rig_close(chain.rig);
}

static void an_override_outranks_survives_a_restart_and_ends_by_itself(void **state) {
    (void)state;
    static const uint8_t item_30[] = {0x18, 30};
    struct chain chain;
    chain_open(&chain, DURABILITY_NONE);
    rig_publish(chain.rig, 0, "room/temperature", 1);
    rig_run(chain.rig, 1000);
    struct runtime *runtime = &chain.rig->nodes[0].runtime;
    uint32_t valve = (uint32_t)runtime_resource_find(runtime, "room/valve");
    assert_int_equal(runtime_override(runtime, valve, 8, (struct bytes){item_30, 2}, 120000), ERROR_NONE);
    assert_true(rig_driven(chain.rig, 0, "room/valve") == 30);
    rig_run(chain.rig, 20);
    rig_restart(chain.rig, 0, chain.rig->nodes[0].journal_count);
    assert_true(rig_driven(chain.rig, 0, "room/valve") == 30);
    rig_run(chain.rig, 600000);
    assert_true(rig_driven(chain.rig, 0, "room/valve") == 0);
    const struct bytes none = {NULL, 0};
    assert_int_equal(runtime_override(runtime, valve, 8, (struct bytes){item_30, 2}, 120000), ERROR_NONE);
    assert_int_equal(runtime_override(runtime, valve, 8, none, 0), ERROR_NONE);
    assert_true(rig_driven(chain.rig, 0, "room/valve") == 0);
    assert_int_equal(runtime_override(runtime, 0, 8, (struct bytes){item_30, 2}, 120000), ERROR_DENIED);
    rig_close(chain.rig);
}

static void a_command_that_waits_for_its_peer_is_superseded_by_a_newer_one_when_the_plan_says_so(void **state) {
    (void)state;
    struct chain chain;
    chain_open(&chain, DURABILITY_LOCAL);
    chain.links[0][2].newest_only = chain.links[1][1].newest_only = true;
    chain.links[1][1].confirm = 2; // input 1 of "b", which counts but does not check it
    put_plans(&chain);
    chain.rig->lose = lose_answers; // the commands of node 1 do not arrive
    for (uint32_t i = 1; i <= 4; i++) {
        rig_publish(chain.rig, 0, "room/temperature", i);
        rig_run(chain.rig, 1000);
        chain.rig->lose = NULL;
        rig_run(chain.rig, 0); // the acknowledgement of the event may pass
        chain.rig->lose = lose_answers;
    }
    chain.rig->lose = NULL;
    rig_run(chain.rig, 30000);
    assert_true(rig_driven(chain.rig, 0, "room/valve") == 4);
    const struct link *link = &runtime_tables(&chain.rig->nodes[1].runtime)->links[1];
    assert_true(link->counters.sent == 4 && link->pending.count == 0);
    // Each command had one outcome, told to "b": obeyed or superseded.
    assert_int_equal(rig_counter(chain.rig, 1, "b").count, 8);
    assert_int_equal(rig_counter(chain.rig, 1, "b").faults, 0);
    rig_close(chain.rig);
}

static void a_message_that_is_set_aside_is_refused_to_its_sender_and_never_tried_again(void **state) {
    (void)state;
    struct chain chain;
    chain_open(&chain, DURABILITY_LOCAL);
    rig_digest("fault", chain.tasks[1][0].digest);
    put_plans(&chain);
    rig_publish(chain.rig, 0, "room/temperature", RIG_TRAP_ALWAYS);
    rig_run(chain.rig, 5000);
    const struct link *link = &runtime_tables(&chain.rig->nodes[0].runtime)->links[1];
    assert_int_equal(link->pending.count, 0);
    assert_int_equal(link->counters.refused, 1);
    assert_int_equal(runtime_tables(&chain.rig->nodes[1].runtime)->links[0].counters.quarantined, 1);
    rig_restart(chain.rig, 1, chain.rig->nodes[1].journal_count);
    rig_run(chain.rig, 5000);
    assert_int_equal(rig_task(chain.rig, 1, "b")->discarded, 0);
    rig_publish(chain.rig, 0, "room/temperature", 7);
    rig_run(chain.rig, 5000);
    assert_true(rig_driven(chain.rig, 0, "room/valve") == 7);
    rig_close(chain.rig);
}

// --- peers
// -----------------------------------------------------------------------------------------------------------------------

static uint32_t lose_all(struct rig *rig, const struct rig_datagram *datagram) {
    (void)rig;
    (void)datagram;
    return 1;
}

static void a_partition_of_a_minute_loses_and_doubles_nothing(void **state) {
    (void)state;
    struct chain chain;
    chain_open(&chain, DURABILITY_LOCAL);
    rig_publish(chain.rig, 0, "room/temperature", 1);
    rig_run(chain.rig, 1000);
    chain.rig->lose = lose_all;
    for (uint32_t i = 2; i <= 7; i++) {
        rig_publish(chain.rig, 0, "room/temperature", i);
        rig_run(chain.rig, 10000);
    }
    chain.rig->lose = NULL;
    rig_run(chain.rig, 60000);
    struct rig_counter b = rig_counter(chain.rig, 1, "b");
    assert_true(b.count == 7 && b.faults == 0);
    const struct runtime_tables *tables = runtime_tables(&chain.rig->nodes[0].runtime);
    assert_true(tables->links[1].counters.retried > 0 && tables->peers[0].window >= 1);
    rig_close(chain.rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_go_along_the_chain_once_and_in_order),
        cmocka_unit_test(nothing_leaves_before_its_batch_is_durable),
        cmocka_unit_test(an_event_is_acknowledged_when_its_effect_is_durable),
        cmocka_unit_test(a_task_without_durability_writes_nothing_of_its_own),
        cmocka_unit_test(a_measurement_that_changes_nothing_writes_nothing),
        cmocka_unit_test(a_crash_at_any_batch_loses_and_doubles_nothing),
        cmocka_unit_test(a_picture_of_what_stands_can_take_the_place_of_the_journal),
        cmocka_unit_test(an_event_whose_answer_is_lost_is_not_counted_again_after_the_receivers_restart),
        cmocka_unit_test(a_task_that_moves_leaves_its_unread_events_to_its_new_place),
        cmocka_unit_test(a_durable_actuator_obeys_its_live_command_after_a_restart),
        cmocka_unit_test(a_command_that_ran_out_does_not_come_back_with_a_clock_that_is_set_back),
        cmocka_unit_test(commands_from_before_a_clock_was_set_back_are_over),
        cmocka_unit_test(an_override_outranks_survives_a_restart_and_ends_by_itself),
        cmocka_unit_test(a_command_that_waits_for_its_peer_is_superseded_by_a_newer_one_when_the_plan_says_so),
        cmocka_unit_test(a_message_that_is_set_aside_is_refused_to_its_sender_and_never_tried_again),
        cmocka_unit_test(a_partition_of_a_minute_loses_and_doubles_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
