// The orchestrator machine: plans, deaths, restarts, refusals.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "core/sha256.h"
#include "orchestrator/test_scene.h"

static void a_policy_becomes_plans_and_only_missing_code_is_sent(void **state) {
    struct scene *scene = *state;
    start_building(scene);
    assert_int_equal(scene->stations[0].plan.task_count, 1);
    assert_string_equal(scene->stations[0].tasks[0].name, "limit");
    assert_int_equal(scene->stations[1].plan.task_count, 2);
    assert_int_equal(scene->stations[2].plan.task_count, 1);
    assert_int_equal(scene->stations[0].code_count, 1);
    assert_int_equal(scene->stations[1].code_count, 2);
    assert_int_equal(scene->stations[2].code_count, 1);
    expect_task(scene, "thermostat-zone1", "zone1", 1, "running");
    expect_task(scene, "limit", "gateway", 1, "running");
    uint32_t plans = scene->stations[0].plans;
    put_policy(scene, policy_text);
    pass(scene, 3000);
    assert_int_equal(scene->stations[0].plans, plans); // nothing changed, nothing is sent
}

static void a_bad_policy_is_refused_with_its_lines_and_changes_nothing(void **state) {
    struct scene *scene = *state;
    start_building(scene);
    put_policy(scene, "policy: office\ntasks:\n  a: {component: termostat}\n");
    assert_int_equal(scene->stations[PERSON].reply_code, COAP_BAD_REQUEST);
    assert_string_equal(scene->stations[PERSON].reply,
                        "policy:3: there is no component 'termostat'; did you mean 'thermostat'?\n");
    expect_task(scene, "thermostat-zone1", "zone1", 1, "running");
}

static void an_unknown_node_is_asked_to_register(void **state) {
    struct scene *scene = *state;
    uint8_t encoded[128];
    size_t size = 0;
    struct alive alive = {.node = "stranger", .boot = 1};
    assert_int_equal(alive_encode(&alive, (struct buffer){encoded, sizeof encoded}, &size), ERROR_NONE);
    ask(scene, 0, COAP_PUT, "alive", (struct bytes){encoded, size});
    assert_int_equal(scene->stations[0].reply_code, COAP_NOT_FOUND);
    ask(scene, 0, COAP_POST, "register", bytes_of_text("nonsense"));
    assert_int_equal(scene->stations[0].reply_code, COAP_BAD_REQUEST);
    scene->stations[0].registration.node[0] = '\n';
    register_node(scene, 0);
    assert_int_equal(scene->stations[0].reply_code, COAP_BAD_REQUEST);
}

static void a_name_that_lives_is_not_given_to_a_second_node(void **state) {
    struct scene *scene = *state;
    start_building(scene);
    struct station *twin = &scene->stations[3];
    twin->registration = scene->stations[0].registration;
    register_node(scene, 3);
    assert_int_equal(twin->reply_code, COAP_CONFLICT);
    assert_non_null(strstr(twin->reply, "rename"));
    ask(scene, PERSON, COAP_GET, "status", (struct bytes){NULL, 0});
    assert_non_null(strstr(scene->stations[PERSON].reply, "asks for the name gateway"));
    // The same node, started again at another address, is not a second one.
    twin->registration.boot++;
    register_node(scene, 3);
    assert_int_equal(twin->reply_code, COAP_CHANGED);
    // Nor is its replacement once it is dead.
    twin->up = false;
    scene->stations[0].up = false;
    pass(scene, 10000);
    scene->stations[0].up = true;
    scene->stations[0].registration.boot = 1;
    register_node(scene, 0);
    assert_int_equal(scene->stations[0].reply_code, COAP_CHANGED);
}

static void the_tasks_of_a_dead_node_move_and_the_gap_is_measured(void **state) {
    struct scene *scene = *state;
    start_building(scene);
    scene->stations[2].up = false;
    pass(scene, 5000);
    expect_task(scene, "thermostat-zone2", "zone2", 1, "running");
    pass(scene, 4000);
    expect_task(scene, "thermostat-zone2", "gateway", 2, "running");
    expect_task(scene, "thermostat-zone1", "zone1", 1, "running");
    json_t *json = status(scene);
    json_t *move = json_array_get(json_object_get(json, "moves"), 0);
    assert_int_equal(json_array_size(json_object_get(json, "moves")), 1);
    assert_string_equal(json_string_value(json_object_get(move, "task")), "thermostat-zone2");
    assert_string_equal(json_string_value(json_object_get(move, "from")), "zone2");
    assert_string_equal(json_string_value(json_object_get(move, "to")), "gateway");
    assert_string_equal(json_string_value(json_object_get(move, "reason")), "zone2 died");
    json_int_t gap_ms = json_integer_value(json_object_get(move, "gap_ms"));
    assert_true(gap_ms >= 6000 && gap_ms <= 7500);
    json_decref(json);
}

static void a_plan_under_way_to_a_dead_node_is_called_back_when_its_tasks_move(void **state) {
    struct scene *scene = *state;
    const struct station *station = &scene->stations[2];
    start_building(scene);
    char text[1024];
    snprintf(text, sizeof text, "%s", policy_text);
    *strstr(text, "1h}") = '2';
    scene->stations[2].up = false;
    put_policy(scene, text);
    pass(scene, 9000);
    expect_task(scene, "thermostat-zone2", "gateway", 2, "running");
    // The first plan that the node takes when it is back must not be the one from before it was thought dead.
    uint32_t plans = station->plans;
    scene->stations[2].up = true;
    for (uint32_t i = 0; i < 100 && station->plans == plans; i++) {
        pass(scene, 500);
    }
    assert_int_equal(station->plans, plans + 1);
    for (uint32_t i = 0; i < station->plan.task_count; i++) {
        assert_true(station->tasks[i].epoch > 1);
    }
}

static void a_task_bound_to_a_dead_node_waits_for_it(void **state) {
    struct scene *scene = *state;
    start_building(scene);
    scene->stations[1].up = false;
    pass(scene, 9000);
    expect_task(scene, "fixed", "zone1", 1, "pending");
    assert_non_null(strstr(scene->log, "task fixed waits: no node fits: gateway is not 'zone1', zone1 is dead"));
    scene->stations[1].up = true;
    pass(scene, 3000);
    expect_task(scene, "fixed", "zone1", 1, "running");
}

static void a_node_that_comes_back_gets_back_only_what_wants_to_be_near_it(void **state) {
    struct scene *scene = *state;
    start_building(scene);
    scene->stations[0].up = false;
    pass(scene, 9000);
    expect_task(scene, "limit", "gateway", 1, "pending");
    scene->stations[2].up = false;
    pass(scene, 9000);
    expect_task(scene, "thermostat-zone2", "zone1", 2, "running");
    scene->stations[0].up = true;
    pass(scene, 3000);
    expect_task(scene, "thermostat-zone2", "zone1", 2, "running");
    scene->stations[2].up = true;
    pass(scene, 3000);
    expect_task(scene, "thermostat-zone2", "zone2", 3, "running");
}

static void after_a_restart_everything_is_found_and_nothing_is_moved_in_the_grace_period(void **state) {
    struct scene *scene = *state;
    start_building(scene);
    uint32_t plans[3] = {scene->stations[0].plans, scene->stations[1].plans, scene->stations[2].plans};
    close_orchestrator(scene);
    pass(scene, 3600000);
    open_orchestrator(scene);
    pass(scene, 5000);
    expect_task(scene, "thermostat-zone1", "zone1", 1, "running");
    expect_task(scene, "limit", "gateway", 1, "running");
    pass(scene, 20000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(scene->stations[i].plans, plans[i]);
    }
    json_t *json = status(scene);
    assert_int_equal(json_array_size(json_object_get(json, "moves")), 0);
    assert_string_equal(json_string_value(json_object_get(json, "policy")), "office");
    json_decref(json);
}

static void what_moved_away_from_a_dead_node_stays_away_when_the_orchestrator_restarts(void **state) {
    struct scene *scene = *state;
    start_building(scene);
    scene->stations[2].up = false;
    pass(scene, 9000);
    expect_task(scene, "thermostat-zone2", "gateway", 2, "running");
    close_orchestrator(scene);
    open_orchestrator(scene);
    for (int i = 0; i < 20; i++) {
        pass(scene, 1000);
        expect_task(scene, "thermostat-zone2", "gateway", 2, "running");
    }
}

static void a_node_that_died_while_the_orchestrator_was_away_is_found_out(void **state) {
    struct scene *scene = *state;
    start_building(scene);
    close_orchestrator(scene);
    scene->stations[2].up = false;
    pass(scene, 10000);
    open_orchestrator(scene);
    pass(scene, 5000);
    expect_task(scene, "thermostat-zone2", "zone2", 1, "unconfirmed");
    pass(scene, 5000);
    expect_task(scene, "thermostat-zone2", "gateway", 2, "running");
}

static void link_ids_stay_when_the_policy_changes(void **state) {
    struct scene *scene = *state;
    start_building(scene);
    uint32_t tasks = scene->stations[2].plan.task_count;
    static struct plan_link before[32];
    uint32_t count = scene->stations[2].plan.link_count;
    memcpy(before, scene->stations[2].plan.links, count * sizeof *before);
    char text[2048];
    snprintf(text, sizeof text, "%s", policy_text);
    memcpy(strstr(text, "[zone1, zone2]"), "[zone2]       ", 14);
    put_policy(scene, text);
    assert_int_equal(scene->stations[PERSON].reply_code, COAP_CHANGED);
    pass(scene, 3000);
    put_policy(scene, policy_text);
    pass(scene, 3000);
    expect_task(scene, "thermostat-zone1", "zone1", 2, "running"); // it was gone; its second life is a new epoch
    expect_task(scene, "thermostat-zone2", "zone2", 1, "running");
    assert_int_equal(scene->stations[2].plan.task_count, tasks);
    assert_int_equal(scene->stations[2].plan.link_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(before[i].id >= 1 && before[i].id <= 4);
    }
}

static void a_full_disk_refuses_the_policy_and_keeps_the_old_one(void **state) {
    struct scene *scene = *state;
    static char big[150000];
    start_building(scene);
    store_limit_pages(scene->store, 10);
    snprintf(big, sizeof big, "%s", policy_text);
    size_t used = strlen(big);
    memset(big + used, '#', sizeof big - used - 1);
    put_policy(scene, big);
    assert_int_equal(scene->stations[PERSON].reply_code, COAP_INTERNAL_SERVER_ERROR);
    assert_non_null(strstr(scene->stations[PERSON].reply, "the disk is full"));
    expect_task(scene, "thermostat-zone1", "zone1", 1, "running");
}

static void a_node_with_a_plan_from_the_future_gets_a_newer_one(void **state) {
    struct scene *scene = *state;
    scene->stations[0].registration.plan_revision = 500;
    start_building(scene);
    assert_true(scene->stations[0].plan.revision > 500);
    expect_task(scene, "limit", "gateway", 1, "running");
}

static void a_node_that_lost_its_disk_gets_code_and_plan_again(void **state) {
    struct scene *scene = *state;
    start_building(scene);
    scene->stations[1].code_count = 0;
    scene->stations[1].registration.plan_revision = 0;
    scene->stations[1].registration.boot++;
    uint32_t plans = scene->stations[1].plans;
    pass(scene, 3000);
    assert_int_equal(scene->stations[1].plans, plans + 1);
    assert_int_equal(scene->stations[1].code_count, 2);
    expect_task(scene, "fixed", "zone1", 1, "running");
}

static json_t *channels(struct scene *scene) {
    ask(scene, PERSON, COAP_GET, "channels", (struct bytes){NULL, 0});
    assert_int_equal(scene->stations[PERSON].reply_code, COAP_CONTENT);
    json_t *json = json_loads(scene->stations[PERSON].reply, 0, NULL);
    assert_non_null(json);
    return json;
}

static void channels_are_named_with_the_nodes_of_both_ends(void **state) {
    struct scene *scene = *state;
    json_t *json = channels(scene);
    assert_int_equal(json_array_size(json_object_get(json, "channels")), 0);
    json_decref(json);
    start_building(scene);
    scene->stations[2].up = false;
    pass(scene, 9000);
    json = channels(scene);
    json_t *row = json_array_get(json_object_get(json, "channels"), 3);
    assert_int_equal(json_array_size(json_object_get(json, "channels")), 4);
    assert_string_equal(json_string_value(json_object_get(row, "source")), "thermostat-zone2.heating");
    assert_string_equal(json_string_value(json_object_get(row, "destination")), "zone2/heating");
    assert_string_equal(json_string_value(json_object_get(row, "class")), "command");
    assert_string_equal(json_string_value(json_object_get(row, "source_node")), "gateway");
    assert_string_equal(json_string_value(json_object_get(row, "destination_node")), "zone2");
    assert_int_equal(json_integer_value(json_object_get(row, "id")), 4);
    json_t *node = json_array_get(json_object_get(json, "nodes"), 2);
    assert_string_equal(json_string_value(json_object_get(node, "name")), "zone2");
    assert_string_equal(json_string_value(json_object_get(node, "address")), "10.0.0.2:1");
    assert_true(json_is_false(json_object_get(node, "alive")));
    json_decref(json);
    put_policy(scene, "policy: office\n");
    json = channels(scene);
    assert_int_equal(json_array_size(json_object_get(json, "channels")), 0);
    json_decref(json);
}

static void a_module_that_is_none_is_refused_by_name(void **state) {
    struct scene *scene = *state;
    uint8_t digest[DIGEST_SIZE];
    char path[80] = "code/";
    sha256(bytes_of_text("nonsense"), digest);
    digest_text(digest, path + 5);
    ask(scene, PERSON, COAP_PUT, path, bytes_of_text("nonsense"));
    assert_int_equal(scene->stations[PERSON].reply_code, COAP_BAD_REQUEST);
    assert_non_null(strstr(scene->stations[PERSON].reply, "this is no component: "));
    ask(scene, PERSON, COAP_PUT, path, bytes_of_text("nonsenses"));
    assert_non_null(strstr(scene->stations[PERSON].reply, "do not have this SHA-256 digest"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_policy_becomes_plans_and_only_missing_code_is_sent, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(a_bad_policy_is_refused_with_its_lines_and_changes_nothing, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(an_unknown_node_is_asked_to_register, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(a_name_that_lives_is_not_given_to_a_second_node, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(the_tasks_of_a_dead_node_move_and_the_gap_is_measured, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(a_plan_under_way_to_a_dead_node_is_called_back_when_its_tasks_move, scene_make,
                                        scene_free),
        cmocka_unit_test_setup_teardown(a_task_bound_to_a_dead_node_waits_for_it, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(a_node_that_comes_back_gets_back_only_what_wants_to_be_near_it, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(after_a_restart_everything_is_found_and_nothing_is_moved_in_the_grace_period,
                                        scene_make, scene_free),
        cmocka_unit_test_setup_teardown(what_moved_away_from_a_dead_node_stays_away_when_the_orchestrator_restarts, scene_make,
                                        scene_free),
        cmocka_unit_test_setup_teardown(a_node_that_died_while_the_orchestrator_was_away_is_found_out, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(link_ids_stay_when_the_policy_changes, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(a_full_disk_refuses_the_policy_and_keeps_the_old_one, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(a_node_with_a_plan_from_the_future_gets_a_newer_one, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(a_node_that_lost_its_disk_gets_code_and_plan_again, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(channels_are_named_with_the_nodes_of_both_ends, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(a_module_that_is_none_is_refused_by_name, scene_make, scene_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
