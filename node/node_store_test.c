// The components that a node keeps, over the flash of a board (tests/flash_rig.h): room is made from those that no plan names,
// and from no other, whatever power cut comes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/sha256.h"
#include "node/node_private.h"
#include "port/freertos/file.h"
#include "tests/flash_rig.h"

#define CODES 40u
#define CODE_SIZE 5000u // two blocks

static struct node *node;
static struct plan_task in_force[2];
static struct plan_task on_its_way[2];
static uint32_t newest;

uint64_t port_clock_ms(void) {
    return 0;
}

uint64_t port_unix_ms(void) {
    return 0;
}

void port_log_line(const char *line) {
    (void)line;
}

static struct bytes code_of(uint32_t number, uint8_t digest[DIGEST_SIZE]) {
    static uint8_t code[CODE_SIZE];
    memset(code, (int)number, sizeof code);
    sha256((struct bytes){code, sizeof code}, digest);
    return (struct bytes){code, sizeof code};
}

static enum error keep(uint32_t number) {
    uint8_t digest[DIGEST_SIZE];
    struct bytes code = code_of(number, digest);
    return node_store_code(node, digest, code);
}

static bool is_there(uint32_t number) {
    uint8_t digest[DIGEST_SIZE];
    struct bytes wanted = code_of(number, digest);
    struct bytes found;
    return node_store_code_find(node, digest, &found) == ERROR_NONE && bytes_equal(found, wanted);
}

static void name(struct plan_task *task, uint32_t number) {
    (void)code_of(number, task->digest);
}

// A start: what a node had in memory is gone, the plan in force is read back.
static void start(void) {
    port_files_open();
    memset(node, 0, sizeof *node);
    static struct node_config config = {.data = "node"};
    node->config = &config;
    node->runtime.memory.tables.plan = (struct plan){.tasks = in_force, .task_count = 2};
    node->runtime.memory.next = (struct plan){.tasks = on_its_way};
}

// A flash full of components, of which the plan in force names 3 and 4, and the one on its way 4 and 9. Made once, then laid
// down again.
static uint32_t fill(void) {
    static uint8_t full[sizeof rig_flash];
    static uint32_t full_count;
    rig_fresh_flash();
    if (full_count > 0) {
        memcpy(rig_flash, full, sizeof full);
        start();
        node->runtime.awaited_count = 2;
        return full_count;
    }
    name(&in_force[0], 3);
    name(&in_force[1], 4);
    name(&on_its_way[0], 4);
    name(&on_its_way[1], 9);
    start();
    uint32_t count = 0;
    char path[NODE_PATH_SIZE_MAX + 96];
    char hex[2 * DIGEST_SIZE + 1];
    uint8_t digest[DIGEST_SIZE];
    for (bool room = true; room && count < CODES; count += room) {
        struct bytes code = code_of(count, digest);
        digest_text(digest, hex);
        snprintf(path, sizeof path, "node/code/%s.wasm", hex);
        room = port_file_write(path, code) == ERROR_NONE; // beneath the node, which would make room
    }
    node->runtime.awaited_count = 2;
    memcpy(full, rig_flash, sizeof full);
    full_count = count;
    return count;
}

static uint32_t left_of(uint32_t count) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < count; i++) {
        left += is_there(i);
    }
    return left;
}

static void components_stay_until_their_room_is_needed(void **state) {
    (void)state;
    uint32_t count = fill();
    assert_in_range(count, 15, CODES - 1);
    assert_int_equal(left_of(count), count);
    assert_int_equal(keep(100), ERROR_NONE);
    assert_true(is_there(100));
    assert_int_equal(left_of(count), 3);
    assert_true(is_there(3) && is_there(4) && is_there(9));
    assert_int_equal(keep(101), ERROR_NONE); // there is room now, so all stay
    assert_true(is_there(100) && is_there(101) && left_of(count) == 3);
}

static void a_plan_makes_its_own_room(void **state) {
    (void)state;
    static uint8_t plan[2 * FLASH_BLOCK_SIZE];
    uint32_t count = fill();
    assert_int_equal(node_store_plan(node, (struct bytes){plan, sizeof plan}), ERROR_NONE);
    assert_true(left_of(count) == 3 && is_there(9));
}

static void what_is_sent_once_more_is_not_written_once_more(void **state) {
    (void)state;
    fill();
    uint64_t before = rig_writes;
    assert_int_equal(keep(7), ERROR_NONE);
    assert_true(rig_writes == before);
}

static void a_flash_full_of_what_plans_name_refuses(void **state) {
    (void)state;
    uint32_t count = fill();
    struct plan_task *all = calloc(count, sizeof *all);
    assert_non_null(all);
    for (uint32_t i = 0; i < count; i++) {
        name(&all[i], i);
    }
    node->runtime.memory.tables.plan = (struct plan){.tasks = all, .task_count = count};
    assert_int_equal(keep(100), ERROR_STORAGE);
    assert_int_equal(left_of(count), count);
    free(all);
}

static void keep_newest(void) {
    assert_int_equal(keep(newest), ERROR_NONE);
}

static void a_power_cut_while_room_is_made_costs_no_component_that_a_plan_names(void **state) {
    (void)state;
    bool finished = false;
    newest = 100;
    for (uint64_t cut = 0; !finished; cut += cut < 60 ? 1 : 131) {
        (void)fill();
        finished = rig_lives(keep_newest, cut);
        start(); // the plan on its way is forgotten; it is put again
        assert_true(is_there(3) && is_there(4) && is_there(9));
        node->runtime.awaited_count = 2;
        assert_int_equal(keep(newest), ERROR_NONE);
        assert_true(is_there(newest) && is_there(3) && is_there(4) && is_there(9));
    }
}

static int make_node(void **state) {
    (void)state;
    node = calloc(1, sizeof *node);
    return node == NULL;
}

static int free_node(void **state) {
    (void)state;
    free(node);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(components_stay_until_their_room_is_needed),
        cmocka_unit_test(a_plan_makes_its_own_room),
        cmocka_unit_test(what_is_sent_once_more_is_not_written_once_more),
        cmocka_unit_test(a_flash_full_of_what_plans_name_refuses),
        cmocka_unit_test(a_power_cut_while_room_is_made_costs_no_component_that_a_plan_names),
    };
    return cmocka_run_group_tests(tests, make_node, free_node);
}
