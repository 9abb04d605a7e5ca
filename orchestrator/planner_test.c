// Slices: what each node is told about one policy.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "orchestrator/planner.h"
#include "orchestrator/test_building.h"

static const char *const policy_text =
    "policy: office\neach: {zone: [zone1, zone2]}\n"
    "tasks:\n  thermostat-$zone: {component: thermostat, set: {setpoint: 21.5, label: north}}\n  limit: {component: limiter}\n"
    "channels:\n"
    "  - {from: $zone/temperature, to: thermostat-$zone.temperature, class: measurement, min_interval: 1s, stale_after: 10min, "
    "fallback: 20}\n"
    "  - {from: thermostat-$zone.heating, to: $zone/heating, class: command, expiry: 1h, priority: 9}\n"
    "  - {from: limit.limit, to: thermostat-$zone.occupied, class: event}\n"
    "  - {from: clock, to: limit.power, class: event}\n"
    "resources:\n  $zone/heating: {safe: 18}\n";

struct slice {
    struct plan plan;
    uint8_t encoded[8192];
    struct plan_task tasks[8];
    struct plan_parameter parameters[16];
    struct plan_resource resources[16];
    struct plan_peer peers[8];
    struct plan_link links[16];
};

struct scene {
    struct building building;
    struct policy *policy;
    struct binding binding;
    struct problems problems;
    struct coap_address addresses[3];
    uint32_t places[3];
    uint32_t epochs[3];
    struct names resource_epochs;
    uint32_t ids[16];
    struct slice slices[3];
};

enum { GATEWAY, ZONE1, ZONE2 };

static struct scene *scene_of(const char *text) {
    struct scene *scene = calloc(1, sizeof *scene);
    building_make(&scene->building);
    snprintf(scene->building.registrations[0].resources[0].unit, UNIT_SIZE_MAX, "W");
    scene->policy = policy_parse(bytes_of_text(text), &scene->problems);
    assert_int_equal(binding_make(scene->policy, &scene->building.components, NULL, NULL, scene->building.nodes, 3, true,
                                  &scene->problems, &scene->binding),
                     ERROR_NONE);
    if (scene->problems.errors > 0) {
        fail_msg("%s; %s", scene->problems.items[0].what, scene->problems.items[0].remedy);
    }
    scene->places[0] = ZONE1;   // thermostat-zone1 at home
    scene->places[1] = GATEWAY; // thermostat-zone2 away from its zone
    scene->places[2] = GATEWAY; // limit
    for (uint32_t i = 0; i < 3; i++) {
        scene->epochs[i] = i + 1;
        scene->addresses[i].octets[17] = (uint8_t)i;
    }
    for (uint32_t i = 0; i < 16; i++) {
        scene->ids[i] = 100 + i;
    }
    return scene;
}

static struct scene *scene_make(void) {
    return scene_of(policy_text);
}

static struct plan *slice(struct scene *scene, uint32_t node) {
    struct slice *out = &scene->slices[node];
    size_t size = 0;
    struct planner_input input = {&scene->binding,         7,          scene->places,   scene->epochs,
                                  &scene->resource_epochs, scene->ids, scene->addresses};
    assert_int_equal(planner_slice(&input, node, (struct buffer){out->encoded, sizeof out->encoded}, &size), ERROR_NONE);
    out->plan = (struct plan){.tasks = out->tasks,
                              .task_max = 8,
                              .parameters = out->parameters,
                              .parameter_max = 16,
                              .resources = out->resources,
                              .resource_max = 16,
                              .peers = out->peers,
                              .peer_max = 8,
                              .links = out->links,
                              .link_max = 16};
    assert_int_equal(plan_decode((struct bytes){out->encoded, size}, &out->plan), ERROR_NONE);
    return &out->plan;
}

static void scene_free(struct scene *scene) {
    names_free(&scene->resource_epochs);
    binding_free(&scene->binding);
    policy_free(scene->policy);
    building_free(&scene->building);
    free(scene);
}

static const struct plan_link *link_by_id(const struct plan *plan, uint32_t id) {
    for (uint32_t i = 0; i < plan->link_count; i++) {
        if (plan->links[i].id == id) {
            return &plan->links[i];
        }
    }
    return NULL;
}

static void a_task_comes_with_its_parameters_and_epoch(void **state) {
    (void)state;
    struct scene *scene = scene_make();
    const struct plan *plan = slice(scene, ZONE1);
    assert_int_equal(plan->revision, 7);
    assert_string_equal(plan->policy, "office");
    assert_string_equal(plan->node, "zone1");
    assert_int_equal(plan->task_count, 1);
    assert_string_equal(plan->tasks[0].name, "thermostat-zone1");
    assert_int_equal(plan->tasks[0].epoch, 1);
    assert_int_equal(plan->tasks[0].digest[0], 2);
    assert_int_equal(plan->tasks[0].parameter_count, 2);
    assert_int_equal(plan->parameters[0].input, 2);
    assert_int_equal(plan->parameters[1].input, 3);
    scene_free(scene);
}

static void a_link_within_a_node_has_no_remote_end(void **state) {
    (void)state;
    struct scene *scene = scene_make();
    const struct plan *plan = slice(scene, ZONE1);
    const struct plan_link *feed = link_by_id(plan, 100);
    assert_non_null(feed);
    assert_int_equal(feed->source.kind, END_RESOURCE);
    assert_string_equal(plan->resources[feed->source.index].name, "zone1/temperature");
    assert_int_equal(feed->destination.kind, END_TASK);
    assert_int_equal(feed->destination.port, 0);
    assert_int_equal(feed->interval_min_ms, 1000);
    assert_int_equal(feed->stale_after_ms, 600000);
    assert_int_equal(feed->fallback.data[0], 20);
    scene_free(scene);
}

static void a_link_between_nodes_is_in_both_slices_under_one_id(void **state) {
    (void)state;
    struct scene *scene = scene_make();
    const struct plan *gateway = slice(scene, GATEWAY);
    const struct plan *zone2 = slice(scene, ZONE2);
    const struct plan_link *near_end = link_by_id(gateway, 103);
    const struct plan_link *far_end = link_by_id(zone2, 103);
    assert_non_null(near_end);
    assert_non_null(far_end);
    assert_int_equal(near_end->source.kind, END_TASK);
    assert_int_equal(near_end->destination.kind, END_REMOTE);
    assert_string_equal(gateway->peers[near_end->destination.index].name, "zone2");
    assert_int_equal(gateway->peers[near_end->destination.index].address.octets[17], ZONE2);
    assert_int_equal(far_end->source.kind, END_REMOTE);
    assert_string_equal(zone2->peers[far_end->source.index].name, "gateway");
    assert_int_equal(far_end->destination.kind, END_RESOURCE);
    assert_int_equal(far_end->priority, 9);
    assert_int_equal(far_end->expiry_ms, 3600000);
    assert_int_equal(zone2->resources[far_end->destination.index].safe.data[0], 18);
    assert_null(link_by_id(slice(scene, ZONE1), 103));
    scene_free(scene);
}

static void a_bare_name_is_a_resource_of_the_tasks_own_node(void **state) {
    (void)state;
    struct scene *scene = scene_make();
    const struct plan *gateway = slice(scene, GATEWAY);
    const struct plan_link *tick = link_by_id(gateway, 106);
    assert_non_null(tick);
    assert_int_equal(tick->source.kind, END_RESOURCE);
    assert_string_equal(gateway->resources[tick->source.index].name, "clock");
    scene->places[2] = ZONE2;
    assert_null(link_by_id(slice(scene, GATEWAY), 106));
    assert_int_equal(link_by_id(slice(scene, ZONE2), 106)->source.kind, END_RESOURCE);
    scene_free(scene);
}

static void safe_values_are_there_while_the_task_has_no_place(void **state) {
    (void)state;
    struct scene *scene = scene_make();
    scene->places[1] = PLACEMENT_NONE;
    const struct plan *zone2 = slice(scene, ZONE2);
    assert_int_equal(zone2->task_count, 0);
    assert_int_equal(zone2->link_count, 0);
    assert_int_equal(zone2->resource_count, 1);
    assert_string_equal(zone2->resources[0].name, "zone2/heating");
    assert_int_equal(zone2->resources[0].safe.data[0], 18);
    scene_free(scene);
}

static const struct plan_resource *resource_by_name(const struct plan *plan, const char *name) {
    for (uint32_t i = 0; i < plan->resource_count; i++) {
        if (strcmp(plan->resources[i].name, name) == 0) {
            return &plan->resources[i];
        }
    }
    fail_msg("no resource %s", name);
    return NULL;
}

static void durability_is_none_unless_written_and_follows_the_task_and_the_event(void **state) {
    (void)state;
    struct scene *scene = scene_make();
    assert_int_equal(slice(scene, ZONE1)->tasks[0].durability, DURABILITY_NONE);
    assert_int_equal(resource_by_name(slice(scene, ZONE1), "zone1/heating")->durability, DURABILITY_NONE);
    assert_int_equal(resource_by_name(slice(scene, ZONE1), "zone1/temperature")->durability, DURABILITY_NONE);
    assert_int_equal(resource_by_name(slice(scene, GATEWAY), "clock")->durability, DURABILITY_LOCAL); // an event starts there
    scene_free(scene);
    scene = scene_of("policy: office\n"
                     "tasks:\n  a: {component: switcher, durability: local}\n  b: {component: switcher, durability: local}\n"
                     "  c: {component: limiter, durability: none}\n"
                     "channels:\n"
                     "  - {from: a.setpoint, to: zone1/heating, class: command, expiry: 1h}\n"
                     "  - {from: b.setpoint, to: zone2/heating, class: command, expiry: 1h}\n"
                     "  - {from: clock, to: b.request, class: event}\n"
                     "resources:\n  zone1/heating: {safe: 18}\n  zone2/heating: {safe: 18, durability: none}\n"
                     "  clock: {durability: none}\n");
    assert_int_equal(slice(scene, ZONE1)->tasks[0].durability, DURABILITY_LOCAL);
    assert_int_equal(resource_by_name(slice(scene, ZONE1), "zone1/heating")->durability, DURABILITY_LOCAL);
    assert_int_equal(slice(scene, GATEWAY)->tasks[0].durability, DURABILITY_LOCAL);
    assert_int_equal(slice(scene, GATEWAY)->tasks[1].durability, DURABILITY_NONE);
    assert_int_equal(resource_by_name(slice(scene, GATEWAY), "clock")->durability, DURABILITY_NONE);
    // The task is on another node: what it is still counts.
    assert_int_equal(resource_by_name(slice(scene, ZONE2), "zone2/heating")->durability, DURABILITY_NONE);
    scene->policy->resources[1].durability = POLICY_DURABILITY_DEFAULT;
    assert_int_equal(resource_by_name(slice(scene, ZONE2), "zone2/heating")->durability, DURABILITY_LOCAL);
    scene_free(scene);
}

static void only_the_newest_command_waits_for_an_actuator_and_all_when_the_policy_says_so(void **state) {
    (void)state;
    struct scene *scene = scene_make();
    assert_true(link_by_id(slice(scene, GATEWAY), 103)->newest_only);
    assert_true(link_by_id(slice(scene, ZONE2), 103)->newest_only); // both ends know
    assert_false(link_by_id(slice(scene, GATEWAY), 104)->newest_only);
    assert_int_equal(link_by_id(slice(scene, GATEWAY), 103)->confirm, 0);
    scene_free(scene);
    scene =
        scene_of("policy: office\ntasks:\n  a: {component: switcher}\n  b: {component: switcher}\n  c: {component: limiter}\n"
                 "channels:\n"
                 "  - {from: a.setpoint, to: zone1/heating, class: command, expiry: 1h, queue: all, confirm: outcome}\n"
                 "  - {from: b.setpoint, to: [a.request], class: event, confirm: outcome}\n"
                 "  - {from: b.setpoint, to: zone2/heating, class: command, expiry: 1h, queue: newest}\n"
                 "resources:\n  zone1/heating: {safe: 18}\n  zone2/heating: {safe: 18}\n");
    assert_false(link_by_id(slice(scene, ZONE1), 100)->newest_only);
    assert_int_equal(link_by_id(slice(scene, ZONE1), 100)->confirm, 2);
    assert_int_equal(link_by_id(slice(scene, GATEWAY), 101)->confirm, 2);
    assert_int_equal(link_by_id(slice(scene, GATEWAY), 102)->confirm, 0);
    assert_true(link_by_id(slice(scene, GATEWAY), 102)->newest_only);
    scene_free(scene);
}

static void a_resource_has_the_epoch_of_its_role_and_a_bare_one_that_of_its_node(void **state) {
    (void)state;
    struct scene *scene = scene_make();
    char key[PLANNER_RESOURCE_KEY_SIZE];
    assert_string_equal(planner_resource_key("clock", "gateway", key), "clock gateway");
    assert_string_equal(planner_resource_key("zone1/heating", "gateway", key), "zone1/heating");
    assert_int_equal(resource_by_name(slice(scene, ZONE1), "zone1/heating")->epoch, 0);
    assert_true(names_add(&scene->resource_epochs, "zone1/heating", 4));
    assert_true(names_add(&scene->resource_epochs, "clock gateway", 7));
    assert_true(names_add(&scene->resource_epochs, "clock zone1", 8));
    assert_int_equal(resource_by_name(slice(scene, ZONE1), "zone1/heating")->epoch, 4);
    assert_int_equal(resource_by_name(slice(scene, GATEWAY), "clock")->epoch, 7);
    scene_free(scene);
}

struct visited {
    uint32_t count;
    char text[512];
};

static bool visit(void *context, const char *name, uint32_t node) {
    struct visited *visited = context;
    size_t used = strlen(visited->text);
    visited->count++;
    snprintf(visited->text + used, sizeof visited->text - used, "%s@%u ", name, node);
    return visited->count < 20;
}

static void every_resource_of_a_slice_is_visited_with_its_node(void **state) {
    (void)state;
    struct scene *scene = scene_make();
    struct visited visited = {0};
    struct planner_input input = {.binding = &scene->binding, .places = scene->places};
    assert_true(planner_each_resource(&input, visit, &visited));
    assert_non_null(strstr(visited.text, "clock@0 "));
    for (uint32_t node = 0; node < 3; node++) {
        const struct plan *plan = slice(scene, node);
        for (uint32_t i = 0; i < plan->resource_count; i++) {
            char wanted[80];
            snprintf(wanted, sizeof wanted, "%s@%u ", plan->resources[i].name, node);
            assert_non_null(strstr(visited.text, wanted));
        }
    }
    visited.count = 19;
    assert_false(planner_each_resource(&input, visit, &visited));
    scene_free(scene);
}

static void a_slice_that_does_not_fit_is_refused(void **state) {
    (void)state;
    struct scene *scene = scene_make();
    uint8_t small[40];
    size_t size = 0;
    struct planner_input input = {&scene->binding,         7,          scene->places,   scene->epochs,
                                  &scene->resource_epochs, scene->ids, scene->addresses};
    assert_int_equal(planner_slice(&input, GATEWAY, (struct buffer){small, sizeof small}, &size), ERROR_TOO_LARGE);
    scene_free(scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_comes_with_its_parameters_and_epoch),
        cmocka_unit_test(a_link_within_a_node_has_no_remote_end),
        cmocka_unit_test(a_link_between_nodes_is_in_both_slices_under_one_id),
        cmocka_unit_test(a_bare_name_is_a_resource_of_the_tasks_own_node),
        cmocka_unit_test(safe_values_are_there_while_the_task_has_no_place),
        cmocka_unit_test(durability_is_none_unless_written_and_follows_the_task_and_the_event),
        cmocka_unit_test(only_the_newest_command_waits_for_an_actuator_and_all_when_the_policy_says_so),
        cmocka_unit_test(a_resource_has_the_epoch_of_its_role_and_a_bare_one_that_of_its_node),
        cmocka_unit_test(every_resource_of_a_slice_is_visited_with_its_node),
        cmocka_unit_test(a_slice_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
