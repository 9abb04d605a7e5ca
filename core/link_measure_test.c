// Measurements between two nodes: what a sender does to a peer that is not there, and what the receiver counts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/runtime_rig.h"

struct pair {
    struct rig *rig;
    struct plan plan[RIG_NODES];
    struct plan_task tasks[1];
    struct plan_resource resources[1];
    struct plan_peer peers[RIG_NODES][1];
    struct plan_link links[RIG_NODES][1];
};

// The sensor of node 0 is measured by the task "t" on node 1.
static void pair_open(struct pair *pair) {
    memset(pair, 0, sizeof *pair);
    pair->rig = rig_open();
    strcpy(pair->tasks[0].name, "t");
    rig_digest("echo", pair->tasks[0].digest);
    pair->tasks[0].epoch = 1;
    pair->resources[0] = (struct plan_resource){.name = "room/temperature", .epoch = 1};
    for (uint32_t node = 0; node < RIG_NODES; node++) {
        strcpy(pair->peers[node][0].name, "peer");
        pair->peers[node][0].address = pair->rig->nodes[1 - node].address;
        pair->links[node][0] = (struct plan_link){.id = 1, .delivery = DELIVERY_MEASUREMENT};
        pair->plan[node] = (struct plan){.revision = 1,
                                         .policy = "pair",
                                         .node = "n",
                                         .tasks = pair->tasks,
                                         .task_count = node,
                                         .resources = pair->resources,
                                         .resource_count = 1 - node,
                                         .peers = pair->peers[node],
                                         .peer_count = 1,
                                         .links = pair->links[node],
                                         .link_count = 1};
    }
    pair->links[0][0].source = (struct plan_end){END_RESOURCE, 0, 0};
    pair->links[0][0].destination = pair->links[1][0].source = (struct plan_end){END_REMOTE, 0, 0};
    pair->links[1][0].destination = (struct plan_end){END_TASK, 0, 0};
    for (uint32_t node = 0; node < RIG_NODES; node++) {
        assert_int_equal(rig_plan(pair->rig, node, &pair->plan[node]), ERROR_NONE);
    }
    rig_run(pair->rig, 20);
}

static const struct link_counters *counters(const struct pair *pair, uint32_t node) {
    return &runtime_tables(&pair->rig->nodes[node].runtime)->links[0].counters;
}

static uint32_t lose_all(struct rig *rig, const struct rig_datagram *datagram) {
    (void)rig;
    (void)datagram;
    return 1;
}

static uint32_t lose_every_fourth(struct rig *rig, const struct rig_datagram *datagram) {
    (void)datagram;
    return (rig->lost + rig->carried) % 4 == 3;
}

static void pushes_ask_for_a_sign_of_life_now_and_then(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair);
    for (uint32_t i = 0; i < 100; i++) {
        rig_publish(pair.rig, 0, "room/temperature", i);
    }
    assert_int_equal(counters(&pair, 1)->received, 100);
    assert_int_equal(counters(&pair, 1)->lost, 0);
    // 100 pushes, of which every 33rd was answered.
    assert_int_equal(pair.rig->carried, 100 + 3);
    rig_close(pair.rig);
}

static void a_silent_peer_gets_one_probe_now_and_then_and_all_again_when_it_is_heard(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair);
    pair.rig->lose = lose_all;
    for (uint32_t i = 0; i < 6000; i++) { // two minutes, 50 a second
        rig_publish(pair.rig, 0, "room/temperature", i);
    }
    uint32_t sent = pair.rig->lost;
    const struct rig_node *sender = &pair.rig->nodes[0];
    assert_int_equal(sender->events[EVENT_PEER_SILENT], 1);
    // Until the first probe fails (2 s, retransmitted twice: 14 to 21 s) all go out; then 100 s hold a few probes of three
    // each.
    assert_in_range(sent, 33, 1100);
    assert_in_range(counters(&pair, 0)->dropped, 4800, 5967);
    uint32_t before = (uint32_t)counters(&pair, 1)->received;
    pair.rig->lose = NULL;
    for (uint32_t i = 0; i < 3000; i++) {
        rig_publish(pair.rig, 0, "room/temperature", i);
    }
    assert_true(counters(&pair, 1)->received > before + 1000); // heard within 32 s
    assert_int_equal(sender->events[EVENT_PEER_SILENT], 1);
    rig_close(pair.rig);
}

static void lost_measurements_are_counted_where_they_are_missed(void **state) {
    (void)state;
    struct pair pair;
    pair_open(&pair);
    rig_publish(pair.rig, 0, "room/temperature", 0);
    pair.rig->lose = lose_every_fourth;
    for (uint32_t i = 0; i < 30; i++) {
        rig_publish(pair.rig, 0, "room/temperature", i);
    }
    pair.rig->lose = NULL;
    rig_publish(pair.rig, 0, "room/temperature", 0);
    assert_true(counters(&pair, 1)->lost > 5);
    assert_int_equal(counters(&pair, 1)->lost + counters(&pair, 1)->received, counters(&pair, 0)->sent);
    rig_close(pair.rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pushes_ask_for_a_sign_of_life_now_and_then),
        cmocka_unit_test(a_silent_peer_gets_one_probe_now_and_then_and_all_again_when_it_is_heard),
        cmocka_unit_test(lost_measurements_are_counted_where_they_are_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
