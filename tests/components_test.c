// Every component of the library, on recorded inputs, as WebAssembly and natively: outputs and state must be identical, byte
// for byte.
//
// Each message is given to a fresh instance that holds only the state of the one before, so that nothing but the declared state
// can carry over (law 3).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>

#include "components/native_components.h"
#include "core/assert.h"
#include "core/wire.h"
#include "engine/wamr.h"
#include "port/port.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

static struct engine *engines[2];

struct side {
    struct engine_module *module;
    uint8_t state[STATE_SIZE_MAX];
    size_t state_size;
    struct outbox outbox;
};

static struct bytes read_module(const char *name) {
    char path[512];
    struct bytes wasm;
    snprintf(path, sizeof path, "%s/%s.wasm", TENON_MODULES, name);
    assert_int_equal(port_file_read(path, MODULE_SIZE_MAX, &wasm), ERROR_NONE);
    return wasm;
}

static enum error step(struct engine *engine, struct side *side, uint32_t input, struct bytes message) {
    struct engine_instance *instance = NULL;
    const struct manifest_view *manifest = engine->manifest(side->module);
    assert_int_equal(engine->start(engine, side->module, (struct bytes){side->state, side->state_size}, &instance), ERROR_NONE);
    outbox_reset(&side->outbox, manifest->output_count, manifest->outputs_per_message);
    enum error error = engine->receive(instance, input, message, &side->outbox);
    struct bytes state = engine->state(instance);
    assert_int_equal(state.size, manifest->state_bytes);
    memcpy(side->state, state.data, state.size);
    side->state_size = state.size;
    engine->stop(engine, instance);
    return error;
}

static struct bytes parse_value(const char *text, uint8_t item[9]) {
    if (strcmp(text, "null") == 0 || strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        item[0] = text[0] == 'n' ? 0xf6 : text[0] == 't' ? 0xf5 : 0xf4;
        return (struct bytes){item, 1};
    }
    char *end = NULL;
    double number = strtod(text, &end);
    assert_true(end != text && *end == '\0');
    return (struct bytes){item, wire_put_number(number, item)};
}

static void compare(const char *name, int line, const struct side *a, const struct side *b) {
    bool same = a->outbox.entry_count == b->outbox.entry_count && a->outbox.used == b->outbox.used &&
                memcmp(a->outbox.data, b->outbox.data, a->outbox.used) == 0 &&
                memcmp(a->outbox.entries, b->outbox.entries, a->outbox.entry_count * sizeof a->outbox.entries[0]) == 0;
    if (!same || memcmp(a->state, b->state, a->state_size) != 0) {
        fail_msg("%s.txt:%d: WebAssembly and native differ", name, line);
    }
}

// Returns how many messages came out.
static uint32_t replay(const char *name) {
    static struct side sides[2];
    char path[512];
    char refusal[160] = "";
    char input_name[64];
    char value[64];
    uint32_t sent = 0;
    struct bytes wasm = read_module(name);
    for (int i = 0; i < 2; i++) {
        memset(&sides[i], 0, sizeof sides[i]);
        if (engines[i]->load(engines[i], wasm, &sides[i].module, refusal) != ERROR_NONE) {
            fail_msg("%s on %s: %s", name, engines[i]->name, refusal);
        }
    }
    snprintf(path, sizeof path, "%s/%s.txt", TENON_RECORDED, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    int line = 0;
    while (fscanf(file, "%63s %63s", input_name, value) == 2) {
        line++;
        uint8_t item[9];
        int input = manifest_find(engines[0]->manifest(sides[0].module), false, input_name);
        assert_true(input >= 0);
        struct bytes message = parse_value(value, item);
        enum error first = step(engines[0], &sides[0], (uint32_t)input, message);
        enum error second = step(engines[1], &sides[1], (uint32_t)input, message);
        assert_int_equal(first, second);
        compare(name, line, &sides[0], &sides[1]);
        sent += sides[0].outbox.entry_count;
    }
    fclose(file);
    assert_true(line >= 20);
    for (int i = 0; i < 2; i++) {
        engines[i]->unload(engines[i], sides[i].module);
    }
    free((void *)(uintptr_t)wasm.data);
    return sent;
}

static void every_component_does_the_same_as_webassembly_and_natively(void **state) {
    (void)state;
    assert_true(native_component_count >= 8);
    for (size_t i = 0; i < native_component_count; i++) {
        uint32_t sent = replay(native_components[i].name);
        print_message("%s: %u messages out, identical\n", native_components[i].name, sent);
        assert_true(sent > 0);
    }
}

static void a_thermostat_takes_at_most_4_kib_of_linear_memory(void **state) {
    (void)state;
    char refusal[160] = "";
    struct engine_module *module = NULL;
    struct engine_instance *instance = NULL;
    struct bytes wasm = read_module("thermostat");
    assert_int_equal(engines[0]->load(engines[0], wasm, &module, refusal), ERROR_NONE);
    assert_int_equal(engines[0]->start(engines[0], module, (struct bytes){NULL, 0}, &instance), ERROR_NONE);
    assert_in_range(engines[0]->memory_bytes(instance), 1, 4096);
    engines[0]->stop(engines[0], instance);
    engines[0]->unload(engines[0], module);
    free((void *)(uintptr_t)wasm.data);
}

static int open_engines(void **state) {
    (void)state;
    return wamr_engine_create(NULL, &engines[0]) == ERROR_NONE &&
                   native_engine_create(native_components, native_component_count, &engines[1]) == ERROR_NONE
               ? 0
               : -1;
}

static int close_engines(void **state) {
    (void)state;
    wamr_engine_destroy(engines[0]);
    native_engine_destroy(engines[1]);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_component_does_the_same_as_webassembly_and_natively),
        cmocka_unit_test(a_thermostat_takes_at_most_4_kib_of_linear_memory),
    };
    return cmocka_run_group_tests(tests, open_engines, close_engines);
}
