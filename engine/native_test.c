// The native engine with one component, components/hostile/echo, compiled into this test.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/assert.h"
#include "core/wire.h"
#include "engine/native.h"

// The component's names as the build of components/ renames them.
#define tenon_receive echo_tenon_receive
#define tenon_state echo_tenon_state
#define tenon_inbox echo_tenon_inbox
#define state echo_state
#include "components/hostile/echo/echo.c"
#undef state
#undef tenon_inbox
#undef tenon_state
#undef tenon_receive

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

static const struct native_component list[] = {{"echo", echo_tenon_receive, &echo_tenon_inbox, &echo_tenon_state}};
static struct engine *engine;
static struct outbox outbox;
static char refusal[160];

static enum error load(const char *name, struct engine_module **out) {
    static uint8_t wasm[64 * 1024];
    char path[512];
    snprintf(path, sizeof path, "%s/%s.wasm", TENON_COMPONENTS, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(wasm, 1, sizeof wasm, file);
    fclose(file);
    return engine->load(engine, (struct bytes){wasm, size}, out, refusal);
}

static int set_up(void **state) {
    (void)state;
    return native_engine_create(list, 1, &engine) == ERROR_NONE ? 0 : 1;
}

static int tear_down(void **state) {
    (void)state;
    native_engine_destroy(engine);
    return 0;
}

// Gives a number and returns the count that comes back.
static double give(struct engine_instance *instance, double value) {
    uint8_t message[9];
    double count = -1;
    size_t size = wire_put_number(value, message);
    outbox_reset(&outbox, 2, 2);
    assert_int_equal(engine->receive(instance, 0, (struct bytes){message, size}, &outbox), ERROR_NONE);
    assert_true(wire_number(outbox_message(&outbox, 1), &count));
    return count;
}

static void tasks_of_one_component_do_not_see_each_other(void **state) {
    (void)state;
    struct engine_module *module;
    struct engine_instance *first;
    struct engine_instance *second;
    assert_int_equal(load("hostile/echo", &module), ERROR_NONE);
    assert_int_equal(engine->start(engine, module, (struct bytes){NULL, 0}, &first), ERROR_NONE);
    assert_float_equal(give(first, 7), 1, 0);
    assert_float_equal(give(first, 7), 2, 0);
    assert_int_equal(engine->start(engine, module, (struct bytes){NULL, 0}, &second), ERROR_NONE);
    assert_float_equal(give(second, 7), 1, 0);
    assert_float_equal(give(first, 7), 3, 0);
    engine->stop(engine, second);
    assert_int_equal(engine->start(engine, module, engine->state(first), &second), ERROR_NONE);
    assert_float_equal(give(second, 7), 4, 0);
    assert_int_equal(engine->state(second).size, 8);
    engine->stop(engine, first);
    engine->stop(engine, second);
    engine->unload(engine, module);
}

static void a_new_engine_finds_the_components_as_new(void **state) {
    (void)state;
    tear_down(state);
    assert_int_equal(set_up(state), 0);
    struct engine_module *module;
    struct engine_instance *instance;
    assert_int_equal(load("hostile/echo", &module), ERROR_NONE);
    assert_int_equal(engine->start(engine, module, (struct bytes){NULL, 0}, &instance), ERROR_NONE);
    assert_float_equal(give(instance, 7), 1, 0);
    engine->stop(engine, instance);
    engine->unload(engine, module);
}

static void what_cannot_run_is_refused(void **state) {
    (void)state;
    struct engine_module *module;
    struct engine_instance *instance;
    struct engine *second;
    assert_int_equal(load("hostile/trap", &module), ERROR_NOT_FOUND);
    assert_non_null(strstr(refusal, "no native component trap"));
    assert_int_equal(native_engine_create(list, 1, &second), ERROR_EXISTS);
    assert_int_equal(load("hostile/echo", &module), ERROR_NONE);
    assert_int_equal(engine->start(engine, module, bytes_of_text("abc"), &instance), ERROR_MISMATCH);
    assert_int_equal(engine->start(engine, module, (struct bytes){NULL, 0}, &instance), ERROR_NONE);
    static const uint8_t large[17] = {0};
    outbox_reset(&outbox, 2, 2);
    assert_int_equal(engine->receive(instance, 0, (struct bytes){large, sizeof large}, &outbox), ERROR_TOO_LARGE);
    assert_int_equal(engine->receive(instance, 1, (struct bytes){large, 1}, &outbox), ERROR_BAD_PORT);
    assert_int_equal(engine->receive(instance, 0, bytes_of_text("\x61x"), &outbox), ERROR_REFUSED_MESSAGE);
    engine->stop(engine, instance);
    engine->unload(engine, module);
    assert_int_equal(tenon_send(0, "x", 1), -ERROR_DENIED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_of_one_component_do_not_see_each_other),
        cmocka_unit_test(a_new_engine_finds_the_components_as_new),
        cmocka_unit_test(what_cannot_run_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
