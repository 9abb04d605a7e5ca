// Epochs of tasks and resources: when another device takes a role, receivers must not take its numbers for ones that they had.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "orchestrator/test_scene.h"

// What the node's plan says of a resource's epoch; 0 when it does not name it.
static uint32_t resource_epoch(const struct station *station, const char *name) {
    for (uint32_t i = 0; i < station->plan.resource_count; i++) {
        if (strcmp(station->resources[i].name, name) == 0) {
            return station->resources[i].epoch;
        }
    }
    return 0;
}

static uint32_t task_epoch(const struct station *station, const char *name) {
    for (uint32_t i = 0; i < station->plan.task_count; i++) {
        if (strcmp(station->tasks[i].name, name) == 0) {
            return station->tasks[i].epoch;
        }
    }
    return 0;
}

// Another device comes up under the name of station `number`, with nothing on its disk.
static void replace_device(struct scene *scene, uint8_t number, uint64_t identity) {
    struct station *station = &scene->stations[number];
    station->registration.identity = identity;
    station->registration.boot = 1;
    station->registration.plan_revision = 0;
    station->code_count = 0;
    station->plan.task_count = station->plan.resource_count = 0;
    register_node(scene, number);
}

static void start_with_identities(struct scene *scene) {
    for (uint8_t i = 0; i < 3; i++) {
        scene->stations[i].registration.identity = 100U + i;
    }
    start_building(scene);
}

static void another_device_in_a_role_gets_higher_epochs_before_it_runs_anything(void **state) {
    struct scene *scene = *state;
    start_with_identities(scene);
    assert_int_equal(resource_epoch(&scene->stations[1], "zone1/heating"), 1);
    assert_int_equal(task_epoch(&scene->stations[1], "fixed"), 1);
    replace_device(scene, 1, 555);
    orchestrator_advance(scene->orchestrator, scene->moment); // the plan is not made yet
    deliver(scene);
    assert_int_equal(scene->stations[1].plan.task_count, 0); // and the one before is not sent
    pass(scene, 3000);
    assert_int_equal(resource_epoch(&scene->stations[1], "zone1/heating"), 2);
    assert_int_equal(resource_epoch(&scene->stations[1], "zone1/temperature"), 2);
    assert_int_equal(task_epoch(&scene->stations[1], "fixed"), 2);
    assert_int_equal(task_epoch(&scene->stations[1], "thermostat-zone1"), 2);
    assert_int_equal(resource_epoch(&scene->stations[2], "zone2/heating"), 1);
    assert_int_equal(task_epoch(&scene->stations[2], "thermostat-zone2"), 1);
    assert_non_null(strstr(scene->log, "node zone1: another device took the role, or it lost its storage"));
    assert_non_null(strstr(scene->log, "task fixed: epoch 2 on zone1, another device took the role"));
    assert_non_null(strstr(scene->log, "resource zone1/heating: epoch 2 on zone1, another device took the role"));
    pass(scene, 3000);
    expect_task(scene, "fixed", "zone1", 2, "running");
    replace_device(scene, 1, 101); // the first device comes back, and has to be told apart from itself
    pass(scene, 3000);
    assert_int_equal(resource_epoch(&scene->stations[1], "zone1/heating"), 3);
    expect_task(scene, "fixed", "zone1", 3, "running");
}

static void a_node_that_only_starts_again_keeps_its_epochs(void **state) {
    struct scene *scene = *state;
    start_with_identities(scene);
    scene->stations[1].registration.boot = 2;
    register_node(scene, 1);
    pass(scene, 3000);
    assert_int_equal(resource_epoch(&scene->stations[1], "zone1/heating"), 1);
    expect_task(scene, "fixed", "zone1", 1, "running");
}

static void epochs_are_found_again_after_a_restart_also_one_that_was_due(void **state) {
    struct scene *scene = *state;
    start_with_identities(scene);
    replace_device(scene, 1, 555);
    pass(scene, 3000);
    assert_int_equal(resource_epoch(&scene->stations[1], "zone1/heating"), 2);
    replace_device(scene, 1, 556); // and the orchestrator dies before it makes a plan
    close_orchestrator(scene);
    open_orchestrator(scene);
    tell_alive(scene, 1);
    orchestrator_advance(scene->orchestrator, scene->moment);
    deliver(scene);
    assert_int_equal(scene->stations[1].plan.task_count, 0);
    pass(scene, 3000);
    assert_int_equal(resource_epoch(&scene->stations[1], "zone1/heating"), 3);
    expect_task(scene, "fixed", "zone1", 3, "running");
    assert_int_equal(resource_epoch(&scene->stations[2], "zone2/heating"), 1);
}

static void a_resource_that_moves_gets_a_higher_epoch_than_it_ever_had(void **state) {
    struct scene *scene = *state;
    start_with_identities(scene);
    replace_device(scene, 2, 777);
    pass(scene, 3000);
    assert_int_equal(resource_epoch(&scene->stations[2], "zone2/heating"), 2);
    // A spare offers the same roles and takes over when the node is dead.
    scene->stations[3].registration = scene->building.registrations[2];
    snprintf(scene->stations[3].registration.node, NAME_SIZE_MAX, "zone3");
    scene->stations[3].registration.identity = 103;
    register_node(scene, 3);
    pass(scene, 3000);
    assert_int_equal(resource_epoch(&scene->stations[3], "zone2/heating"), 0);
    scene->stations[2].up = false;
    pass(scene, 9000);
    assert_int_equal(resource_epoch(&scene->stations[3], "zone2/heating"), 3);
    assert_non_null(strstr(scene->log, "resource zone2/heating: zone2 -> zone3 (epoch 3, zone2 died)"));
    scene->stations[2].up = true;
    pass(scene, 3000);
    assert_int_equal(resource_epoch(&scene->stations[2], "zone2/heating"), 4);
    json_t *json = status(scene);
    json_t *node = json_array_get(json_object_get(json, "nodes"), 2);
    json_t *resource = json_array_get(json_object_get(node, "resources"), 1);
    assert_string_equal(json_string_value(json_object_get(resource, "name")), "zone2/heating");
    assert_int_equal(json_integer_value(json_object_get(resource, "epoch")), 4);
    assert_string_equal(json_string_value(json_object_get(node, "identity")), "0000000000000309");
    json_decref(json);
}

static void records_of_a_store_without_identities_raise_nothing(void **state) {
    struct scene *scene = *state;
    start_with_identities(scene);
    assert_int_equal(store_put(scene->store, "task/fixed", bytes_of_text("7 zone1"), STORE_ANY, NULL), ERROR_NONE);
    close_orchestrator(scene);
    open_orchestrator(scene);
    pass(scene, 3000);
    expect_task(scene, "fixed", "zone1", 7, "running");
    replace_device(scene, 1, 555);
    pass(scene, 3000);
    expect_task(scene, "fixed", "zone1", 8, "running");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(another_device_in_a_role_gets_higher_epochs_before_it_runs_anything, scene_make,
                                        scene_free),
        cmocka_unit_test_setup_teardown(a_node_that_only_starts_again_keeps_its_epochs, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(epochs_are_found_again_after_a_restart_also_one_that_was_due, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(a_resource_that_moves_gets_a_higher_epoch_than_it_ever_had, scene_make, scene_free),
        cmocka_unit_test_setup_teardown(records_of_a_store_without_identities_raise_nothing, scene_make, scene_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
