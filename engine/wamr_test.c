// The WebAssembly engine with the well-behaved and the hostile components of components/hostile, read from TENON_COMPONENTS.
// After each misdeed a neighbour, another instance of another module, is asked whether it still counts as before.
#define _DEFAULT_SOURCE // MAP_ANONYMOUS
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sys/mman.h>

#include "core/assert.h"
#include "core/wire.h"
#include "engine/wamr.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

static struct engine *engine;
static struct engine_module *echo;
static struct engine_instance *neighbour;
static double neighbour_count;
static struct outbox outbox;
static char refusal[160];
static uint8_t file_bytes[64 * 1024];

static struct bytes read_component(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s.wasm", TENON_COMPONENTS, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(file_bytes, 1, sizeof file_bytes, file);
    fclose(file);
    assert_true(size > 0 && size < sizeof file_bytes);
    return (struct bytes){file_bytes, size};
}

// Loads from memory that cannot be written, and that is gone afterwards: on a microcontroller it is flash.
static enum error load_bytes(struct bytes wasm, struct engine_module **out) {
    void *place = mmap(NULL, sizeof file_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(place != MAP_FAILED);
    memcpy(place, wasm.data, wasm.size);
    assert_int_equal(mprotect(place, sizeof file_bytes, PROT_READ), 0);
    enum error error = engine->load(engine, (struct bytes){place, wasm.size}, out, refusal);
    munmap(place, sizeof file_bytes);
    return error;
}

static struct engine_module *load(const char *name) {
    struct engine_module *module = NULL;
    enum error error = load_bytes(read_component(name), &module);
    if (error != ERROR_NONE) {
        print_error("%s: %s: %s\n", name, error_name(error), refusal);
    }
    assert_int_equal(error, ERROR_NONE);
    return module;
}

static struct engine_instance *start(struct engine_module *module) {
    struct engine_instance *instance = NULL;
    assert_int_equal(engine->start(engine, module, (struct bytes){NULL, 0}, &instance), ERROR_NONE);
    return instance;
}

static enum error give(struct engine_module *module, struct engine_instance *instance, double value) {
    uint8_t message[9];
    size_t size = wire_put_number(value, message);
    const struct manifest_view *manifest = engine->manifest(module);
    outbox_reset(&outbox, manifest->output_count, manifest->outputs_per_message);
    return engine->receive(instance, 0, (struct bytes){message, size}, &outbox);
}

static double sent(uint32_t index) {
    double value = -1;
    assert_true(index < outbox.entry_count);
    assert_true(wire_number(outbox_message(&outbox, index), &value));
    return value;
}

static void neighbour_is_well(void) {
    neighbour_count += 1;
    assert_int_equal(give(echo, neighbour, 20.5), ERROR_NONE);
    assert_int_equal(outbox.entry_count, 2);
    assert_float_equal(sent(0), 20.5, 0);
    assert_float_equal(sent(1), neighbour_count, 0);
}

static int set_up(void **state) {
    (void)state;
    assert_int_equal(wamr_engine_create(NULL, &engine), ERROR_NONE);
    echo = load("hostile/echo");
    neighbour = start(echo);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    engine->stop(engine, neighbour);
    engine->unload(engine, echo);
    wamr_engine_destroy(engine);
    return 0;
}

static void there_is_one_engine_in_a_process(void **state) {
    (void)state;
    struct engine *second = NULL;
    assert_int_equal(wamr_engine_create(NULL, &second), ERROR_EXISTS);
    assert_string_equal(engine->name, "wamr");
}

static void a_message_changes_state_and_gives_outputs(void **state) {
    (void)state;
    neighbour_is_well();
    neighbour_is_well();
    struct bytes region = engine->state(neighbour);
    double count;
    assert_int_equal(region.size, sizeof count);
    memcpy(&count, region.data, sizeof count);
    assert_float_equal(count, neighbour_count, 0);
    assert_true(engine->memory_bytes(neighbour) <= 4096);
    char component[NAME_SIZE_MAX];
    manifest_name(engine->manifest(echo), component);
    assert_string_equal(component, "echo");
}

static void a_state_is_taken_over_by_a_new_instance(void **state) {
    (void)state;
    double count = 41;
    struct engine_instance *instance;
    assert_int_equal(engine->start(engine, echo, (struct bytes){(const uint8_t *)&count, sizeof count}, &instance), ERROR_NONE);
    assert_int_equal(give(echo, instance, 1), ERROR_NONE);
    assert_float_equal(sent(1), 42, 0);
    engine->stop(engine, instance);
    assert_int_equal(engine->start(engine, echo, (struct bytes){(const uint8_t *)&count, 4}, &instance), ERROR_MISMATCH);
    neighbour_is_well();
}

static void a_message_that_does_not_fit_is_not_given(void **state) {
    (void)state;
    static const uint8_t large[17] = {0};
    outbox_reset(&outbox, 2, 2);
    assert_int_equal(engine->receive(neighbour, 0, (struct bytes){large, sizeof large}, &outbox), ERROR_TOO_LARGE);
    assert_int_equal(engine->receive(neighbour, 1, (struct bytes){large, 1}, &outbox), ERROR_BAD_PORT);
    assert_int_equal(engine->receive(neighbour, 0, bytes_of_text("\x61x"), &outbox), ERROR_REFUSED_MESSAGE);
    neighbour_is_well();
}

static void an_endless_loop_ends_with_the_budget(void **state) {
    (void)state;
    struct engine_module *module = load("hostile/loop-forever");
    struct engine_instance *instance = start(module);
    assert_int_equal(give(module, instance, 3), ERROR_NONE);
    assert_int_equal(give(module, instance, -1), ERROR_BUDGET);
    engine->stop(engine, instance);
    neighbour_is_well();
    instance = start(module);
    assert_int_equal(give(module, instance, 4), ERROR_NONE);
    engine->stop(engine, instance);
    engine->unload(engine, module);
}

static void a_trap_spends_the_instance_and_no_other(void **state) {
    (void)state;
    struct engine_module *module = load("hostile/trap");
    struct engine_instance *brother = start(module);
    for (int i = 0; i < 200; i++) {
        struct engine_instance *instance = start(module);
        assert_int_equal(give(module, instance, 666), ERROR_TRAP);
        engine->stop(engine, instance);
        assert_int_equal(give(module, brother, 1), ERROR_NONE);
        assert_float_equal(sent(1), i + 1, 0);
    }
    engine->stop(engine, brother);
    engine->unload(engine, module);
    neighbour_is_well();
}

static void deep_recursion_ends_with_the_stack(void **state) {
    (void)state;
    struct engine_module *module = load("hostile/deep-recursion");
    struct engine_instance *brother = start(module);
    for (int i = 0; i < 20; i++) {
        struct engine_instance *instance = start(module);
        assert_int_equal(give(module, instance, 1e9), ERROR_TRAP);
        engine->stop(engine, instance);
        assert_int_equal(give(module, brother, 5), ERROR_NONE);
    }
    engine->stop(engine, brother);
    engine->unload(engine, module);
    neighbour_is_well();
}

static void memory_grows_to_the_manifest_and_not_beyond(void **state) {
    (void)state;
    struct engine_module *module = load("hostile/grow-memory");
    struct engine_instance *instance = start(module);
    assert_int_equal(give(module, instance, 1), ERROR_NONE);
    assert_float_equal(sent(0), 1, 0);
    assert_int_equal(engine->memory_bytes(instance), engine->manifest(module)->memory_bytes);
    engine->stop(engine, instance);
    engine->unload(engine, module);
    neighbour_is_well();
}

// The component with another memory limit in its manifest, which `tenon build` writes as the last section.
static struct bytes with_memory(const char *name, uint32_t memory_bytes) {
    static const char head[] = "\x0etenon.manifest";
    static struct manifest manifest;
    static uint8_t changed[sizeof file_bytes];
    struct bytes wasm = read_component(name);
    size_t at = wasm.size - (sizeof head - 1);
    while (memcmp(wasm.data + at, head, sizeof head - 1) != 0) {
        assert_true(at > 8);
        at--;
    }
    struct bytes encoded = {wasm.data + at + sizeof head - 1, wasm.size - at - (sizeof head - 1)};
    assert_int_equal(manifest_decode(encoded, &manifest), ERROR_NONE);
    manifest.memory_bytes = memory_bytes;
    // Section number, two bytes of length (or one), name, contents; the length is written with two bytes again.
    size_t begin = at - (encoded.size + sizeof head - 1 > 127 ? 3 : 2);
    size_t size = 0;
    memcpy(changed, wasm.data, begin);
    uint8_t *contents = changed + begin + 3 + sizeof head - 1;
    assert_int_equal(manifest_encode(&manifest, (struct buffer){contents, MANIFEST_SIZE_MAX}, &size), ERROR_NONE);
    size_t section_size = sizeof head - 1 + size;
    changed[begin] = 0;
    changed[begin + 1] = (uint8_t)(0x80 | (section_size & 0x7f));
    changed[begin + 2] = (uint8_t)(section_size >> 7);
    memcpy(changed + begin + 3, head, sizeof head - 1);
    return (struct bytes){changed, begin + 3 + section_size};
}

static void an_instance_larger_than_its_manifest_says_is_refused(void **state) {
    (void)state;
    struct engine_module *module;
    assert_int_equal(load_bytes(with_memory("hostile/grow-memory", 4096), &module), ERROR_TOO_LARGE);
    assert_non_null(strstr(refusal, "takes 65536 bytes of memory, its manifest allows 4096"));
    assert_int_equal(load_bytes(with_memory("hostile/echo", 100), &module), ERROR_TOO_LARGE);
    assert_int_equal(load_bytes(with_memory("hostile/grow-memory", 3 * 65536 + 100), &module), ERROR_NONE);
    struct engine_instance *instance = start(module);
    assert_int_equal(give(module, instance, 1), ERROR_NONE);
    assert_float_equal(sent(0), 3, 0);
    // The region moved with the memory; the next message goes to where it is now.
    assert_int_equal(give(module, instance, 1), ERROR_NONE);
    engine->stop(engine, instance);
    engine->unload(engine, module);
    neighbour_is_well();
}

static void more_outputs_than_declared_are_a_flood(void **state) {
    (void)state;
    struct engine_module *module = load("hostile/flood-outputs");
    struct engine_instance *instance = start(module);
    assert_int_equal(give(module, instance, 1), ERROR_NONE);
    assert_int_equal(give(module, instance, 100), ERROR_FLOOD);
    assert_true(outbox.entry_count <= 1);
    assert_int_equal(give(module, instance, -1), ERROR_BAD_PORT);
    engine->stop(engine, instance);
    engine->unload(engine, module);
    neighbour_is_well();
}

static void a_wild_pointer_is_found(void **state) {
    (void)state;
    struct engine_module *module = load("hostile/wild-pointer");
    struct engine_instance *instance = start(module);
    for (int way = 1; way <= 4; way++) {
        assert_int_equal(give(module, instance, way), ERROR_BAD_POINTER);
        neighbour_is_well();
    }
    assert_int_equal(give(module, instance, 5), ERROR_NONE);
    engine->stop(engine, instance);
    engine->unload(engine, module);
}

static void a_wild_read_is_a_trap(void **state) {
    (void)state;
    static const double addresses[] = {0x7fff0000, 4294967295.0, 65536, 1e6};
    struct engine_module *module = load("hostile/wild-read");
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct engine_instance *instance = start(module);
        assert_int_equal(give(module, instance, addresses[i]), ERROR_TRAP);
        engine->stop(engine, instance);
        neighbour_is_well();
    }
    engine->unload(engine, module);
}

static void broken_modules_are_refused_with_a_sentence(void **state) {
    (void)state;
    struct engine_module *module;
    struct bytes wasm = read_component("hostile/echo");
    assert_int_equal(load_bytes((struct bytes){wasm.data, wasm.size / 2}, &module), ERROR_TRUNCATED);
    assert_true(refusal[0] != '\0');
    // Function bodies are the engine's to check: an opcode that does not exist in the place of each byte of the code section's
    // end.
    uint32_t refused = 0;
    for (size_t i = 60; i < wasm.size; i += 7) {
        uint8_t before = file_bytes[i];
        file_bytes[i] = 0xff;
        if (load_bytes(wasm, &module) == ERROR_NONE) {
            engine->unload(engine, module);
        } else {
            assert_true(refusal[0] != '\0');
            refused++;
        }
        file_bytes[i] = before;
    }
    assert_true(refused > 20);
    neighbour_is_well();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_one_engine_in_a_process),
        cmocka_unit_test(a_message_changes_state_and_gives_outputs),
        cmocka_unit_test(a_state_is_taken_over_by_a_new_instance),
        cmocka_unit_test(a_message_that_does_not_fit_is_not_given),
        cmocka_unit_test(an_endless_loop_ends_with_the_budget),
        cmocka_unit_test(a_trap_spends_the_instance_and_no_other),
        cmocka_unit_test(deep_recursion_ends_with_the_stack),
        cmocka_unit_test(memory_grows_to_the_manifest_and_not_beyond),
        cmocka_unit_test(an_instance_larger_than_its_manifest_says_is_refused),
        cmocka_unit_test(more_outputs_than_declared_are_a_flood),
        cmocka_unit_test(a_wild_pointer_is_found),
        cmocka_unit_test(a_wild_read_is_a_trap),
        cmocka_unit_test(broken_modules_are_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
