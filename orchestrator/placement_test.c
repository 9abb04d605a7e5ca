// Placement: hard constraints, costs, steadiness, the same answer each time.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "orchestrator/test_building.h"

enum { GATEWAY, ZONE1, ZONE2 };

static struct placement_task task(const char *name) {
    return (struct placement_task){.name = name, .memory_bytes = 8192, .current = PLACEMENT_NONE};
}

static void place(struct building *building, const struct placement_task *tasks, uint32_t count,
                  struct placement_result *results) {
    assert_int_equal(placement_make(tasks, count, building->nodes, building->node_count, results), ERROR_NONE);
}

static void tasks_spread_by_memory(void **state) {
    (void)state;
    struct building building;
    struct placement_result results[3];
    struct placement_task tasks[3] = {task("a"), task("b"), task("c")};
    building_make(&building);
    place(&building, tasks, 3, results);
    assert_int_equal(results[0].node, GATEWAY);
    assert_int_equal(results[1].node, ZONE1);
    assert_int_equal(results[2].node, ZONE2);
    building_free(&building);
}

static void hard_constraints_hold(void **state) {
    (void)state;
    struct building building;
    struct placement_result results[4];
    struct policy_name capability = {1, "supervisory"};
    struct policy_list
        requires
    = {1, &capability};
    const char *local = "zone2/heating";
    uint32_t apart = 0;
    struct placement_task tasks[4] = {task("a"), task("b"), task("c"), task("d")};
    building_make(&building);
    tasks[0].
        requires
    = &
          requires;
    tasks[1].on = "zone1";
    tasks[2].local = &local;
    tasks[2].local_count = 1;
    tasks[3].apart = &apart;
    tasks[3].apart_count = 1;
    tasks[3].current = GATEWAY;
    place(&building, tasks, 4, results);
    assert_int_equal(results[0].node, GATEWAY);
    assert_int_equal(results[1].node, ZONE1);
    assert_int_equal(results[2].node, ZONE2);
    assert_int_not_equal(results[3].node, results[0].node);
    building_free(&building);
}

static void a_module_goes_only_where_one_of_its_size_is_taken(void **state) {
    (void)state;
    struct building building;
    struct placement_result result;
    struct placement_task subject = task("a");
    building_make(&building);
    subject.module_bytes = 5000;
    building.registrations[GATEWAY].module_bytes_max = 4096;
    building.registrations[ZONE1].module_bytes_max = 4999;
    place(&building, &subject, 1, &result);
    assert_int_equal(result.node, ZONE2); // which did not say
    building.registrations[ZONE2].module_bytes_max = 5000;
    place(&building, &subject, 1, &result);
    assert_int_equal(result.node, ZONE2);
    building.registrations[ZONE2].module_bytes_max = 4096;
    place(&building, &subject, 1, &result);
    assert_int_equal(result.node, PLACEMENT_NONE);
    assert_non_null(strstr(result.reason, "takes modules of up to 4096 bytes, this one has 5000"));
    building_free(&building);
}

static void near_wins_over_staying(void **state) {
    (void)state;
    struct building building;
    struct placement_result result;
    struct placement_neighbour near = {false, ZONE2};
    struct placement_task subject = task("a");
    building_make(&building);
    subject.near = &near;
    subject.near_count = 1;
    subject.current = ZONE1;
    place(&building, &subject, 1, &result);
    assert_int_equal(result.node, ZONE2);
    building.nodes[ZONE2].alive = false;
    place(&building, &subject, 1, &result);
    assert_int_equal(result.node, ZONE1);
    building_free(&building);
}

static void followers_are_placed_with_whom_they_follow_and_stay_there(void **state) {
    (void)state;
    struct building building;
    struct placement_result first[4];
    struct placement_result second[4];
    struct placement_neighbour near = {true, 3};
    struct placement_task tasks[4] = {task("a"), task("b"), task("c"), task("leader")};
    building_make(&building);
    tasks[3].memory_bytes = 4096;
    for (int i = 0; i < 3; i++) {
        tasks[i].near = &near;
        tasks[i].near_count = 1;
    }
    place(&building, tasks, 4, first);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(first[i].node, first[3].node);
        tasks[i].current = first[i].node;
    }
    place(&building, tasks, 4, second);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(second[i].node, first[i].node);
    }
    near.index = 0; // everybody follows a, and a follows itself: a circle ends
    place(&building, tasks, 4, second);
    building_free(&building);
}

static void staying_wins_over_links(void **state) {
    (void)state;
    struct building building;
    struct placement_result result;
    struct placement_neighbour neighbours[3] = {{false, ZONE2}, {false, ZONE2}, {false, ZONE2}};
    struct placement_task subject = task("a");
    building_make(&building);
    subject.neighbours = neighbours;
    subject.neighbour_count = 3;
    subject.current = ZONE1;
    place(&building, &subject, 1, &result);
    assert_int_equal(result.node, ZONE1);
    subject.current = PLACEMENT_NONE;
    place(&building, &subject, 1, &result);
    assert_int_equal(result.node, ZONE2);
    building_free(&building);
}

static void the_tasks_of_a_dead_node_go_elsewhere_and_the_others_stay(void **state) {
    (void)state;
    struct building building;
    struct placement_result results[3];
    struct placement_task tasks[3] = {task("a"), task("b"), task("c")};
    building_make(&building);
    tasks[0].current = ZONE1;
    tasks[1].current = ZONE2;
    tasks[2].current = ZONE1;
    building.nodes[ZONE1].alive = false;
    place(&building, tasks, 3, results);
    assert_int_equal(results[0].node, GATEWAY);
    assert_int_equal(results[1].node, ZONE2);
    assert_true(results[2].node == GATEWAY || results[2].node == ZONE2);
    building_free(&building);
}

static void memory_and_task_count_are_never_exceeded(void **state) {
    (void)state;
    struct building building;
    struct placement_result results[30];
    struct placement_task tasks[30];
    uint32_t used[3] = {0, 0, 0};
    uint32_t without = 0;
    building_make(&building);
    building.registrations[ZONE1].task_max = 2;
    for (int i = 0; i < 30; i++) {
        tasks[i] = task("t");
    }
    place(&building, tasks, 30, results);
    for (int i = 0; i < 30; i++) {
        if (results[i].node == PLACEMENT_NONE) {
            without++;
            assert_non_null(strstr(results[i].reason, "gateway is full"));
        } else {
            used[results[i].node]++;
        }
    }
    assert_int_equal(used[GATEWAY], 8);
    assert_int_equal(used[ZONE1], 2);
    assert_int_equal(used[ZONE2], 8);
    assert_int_equal(without, 12);
    building_free(&building);
}

static void a_task_that_may_go_elsewhere_makes_room(void **state) {
    (void)state;
    struct building building;
    struct placement_result results[2];
    struct placement_task tasks[2] = {task("free"), task("bound")};
    building_make(&building);
    building.registrations[ZONE1].task_max = 1;
    tasks[0].current = ZONE1;
    tasks[1].on = "zone1";
    place(&building, tasks, 2, results);
    assert_int_equal(results[1].node, ZONE1);
    assert_int_not_equal(results[0].node, ZONE1);
    assert_int_not_equal(results[0].node, PLACEMENT_NONE);
    building_free(&building);
}

static void a_node_without_engine_gets_nothing(void **state) {
    (void)state;
    struct building building;
    struct placement_result result;
    struct placement_task subject = task("a");
    building_make(&building);
    building.registrations[GATEWAY].engine[0] = '\0';
    building.node_count = 1;
    place(&building, &subject, 1, &result);
    assert_int_equal(result.node, PLACEMENT_NONE);
    assert_string_equal(result.reason, "no node fits: gateway runs no components");
    building.node_count = 0;
    place(&building, &subject, 1, &result);
    assert_string_equal(result.reason, "no node has registered");
    building_free(&building);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_spread_by_memory),
        cmocka_unit_test(hard_constraints_hold),
        cmocka_unit_test(a_module_goes_only_where_one_of_its_size_is_taken),
        cmocka_unit_test(near_wins_over_staying),
        cmocka_unit_test(followers_are_placed_with_whom_they_follow_and_stay_there),
        cmocka_unit_test(staying_wins_over_links),
        cmocka_unit_test(the_tasks_of_a_dead_node_go_elsewhere_and_the_others_stay),
        cmocka_unit_test(memory_and_task_count_are_never_exceeded),
        cmocka_unit_test(a_task_that_may_go_elsewhere_makes_room),
        cmocka_unit_test(a_node_without_engine_gets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
