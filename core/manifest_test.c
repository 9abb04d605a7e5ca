// Decodes and encodes the golden vectors of abi/vectors (folder in TENON_VECTORS), and what they leave out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/assert.h"
#include "core/manifest.h"
#include "core/registration.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

static uint8_t storage[2 * MANIFEST_SIZE_MAX];
static struct manifest manifest;

static struct bytes vector(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s.cbor", TENON_VECTORS, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(storage, 1, sizeof storage, file);
    fclose(file);
    return (struct bytes){storage, size};
}

static void golden_manifests_survive_decoding_and_encoding(void **state) {
    (void)state;
    static const char *const names[] = {"manifest-thermostat", "manifest-smallest", "manifest-largest-values"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        static uint8_t again[MANIFEST_SIZE_MAX];
        size_t size = 0;
        struct bytes encoded = vector(names[i]);
        assert_int_equal(manifest_decode(encoded, &manifest), ERROR_NONE);
        assert_int_equal(manifest_encode(&manifest, (struct buffer){again, sizeof again}, &size), ERROR_NONE);
        assert_true(bytes_equal(encoded, (struct bytes){again, size}));
    }
}

static void golden_registrations_survive_decoding_and_encoding(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint32_t module_bytes_max;
    } vectors[] = {{"registration-gateway", 0}, {"registration-empty", 0}, {"registration-module-limit", 4096}};
    static struct registration registration;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        static uint8_t again[4096];
        size_t size = 0;
        struct bytes encoded = vector(vectors[i].name);
        assert_int_equal(registration_decode(encoded, &registration), ERROR_NONE);
        assert_int_equal(registration.module_bytes_max, vectors[i].module_bytes_max);
        assert_int_equal(registration_encode(&registration, (struct buffer){again, sizeof again}, &size), ERROR_NONE);
        assert_true(bytes_equal(encoded, (struct bytes){again, size}));
    }
}

static void a_decoded_manifest_has_the_declared_values(void **state) {
    (void)state;
    assert_int_equal(manifest_decode(vector("manifest-thermostat"), &manifest), ERROR_NONE);
    assert_string_equal(manifest.name, "thermostat");
    assert_string_equal(manifest.version, "1.0.0");
    assert_int_equal(manifest.memory_bytes, 4096);
    assert_int_equal(manifest.instructions, 20000);
    assert_int_equal(manifest.outputs_per_message, 2);
    assert_int_equal(manifest.state_bytes, 96);
    assert_int_equal(manifest.inbox_bytes, 16);
    assert_int_equal(manifest.input_count, 3);
    assert_int_equal(manifest.output_count, 2);
    assert_int_equal(manifest_input(&manifest, "occupied"), 1);
    assert_int_equal(manifest_output(&manifest, "cooling"), 1);
    assert_int_equal(manifest_output(&manifest, "occupied"), -1);
    assert_true(manifest.inputs[2].parameter);
    assert_true(manifest.inputs[0].has_range);
    assert_float_equal(manifest.inputs[0].minimum, -40, 0);
    assert_float_equal(manifest.inputs[0].resolution, 0.01, 0);
    assert_false(manifest.inputs[1].has_range);
    assert_int_equal(manifest.inputs[1].type, TYPE_BOOLEAN);
}

static void a_view_gives_the_same_ports_as_decoding(void **state) {
    (void)state;
    static const char *const names[] = {"manifest-thermostat", "manifest-smallest", "manifest-largest-values"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct manifest_view view;
        struct port port;
        char name[NAME_SIZE_MAX];
        struct bytes encoded = vector(names[i]);
        assert_int_equal(manifest_decode(encoded, &manifest), ERROR_NONE);
        assert_int_equal(manifest_look(encoded, &view), ERROR_NONE);
        manifest_name(&view, name);
        assert_string_equal(name, manifest.name);
        assert_int_equal(view.input_count, manifest.input_count);
        assert_int_equal(view.output_count, manifest.output_count);
        for (uint32_t k = 0; k < view.input_count; k++) {
            manifest_port(&view, false, k, &port);
            assert_memory_equal(&port, &manifest.inputs[k], sizeof port);
            assert_int_equal(manifest_find(&view, false, port.name), k);
        }
        for (uint32_t k = 0; k < view.output_count; k++) {
            manifest_port(&view, true, k, &port);
            assert_memory_equal(&port, &manifest.outputs[k], sizeof port);
            assert_int_equal(manifest_find(&view, true, port.name), k);
        }
        assert_int_equal(manifest_find(&view, true, "no such port"), -1);
    }
}

static void vectors_that_break_a_rule_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum error error;
    } cases[] = {
        {"refused-manifest-future-version", ERROR_UNSUPPORTED},   {"refused-manifest-name-empty", ERROR_MALFORMED},
        {"refused-manifest-name-too-long", ERROR_TOO_LARGE},      {"refused-manifest-memory-too-large", ERROR_TOO_LARGE},
        {"refused-manifest-too-many-inputs", ERROR_TOO_LARGE},    {"refused-manifest-truncated", ERROR_TRUNCATED},
        {"refused-manifest-trailing-byte", ERROR_MALFORMED},      {"refused-manifest-range-reversed", ERROR_MALFORMED},
        {"refused-manifest-range-not-a-number", ERROR_MALFORMED}, {"refused-manifest-names-twice", ERROR_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].name);
        assert_int_equal(manifest_decode(vector(cases[i].name), &manifest), cases[i].error);
    }
}

static void every_cut_of_a_manifest_is_refused(void **state) {
    (void)state;
    struct bytes encoded = vector("manifest-thermostat");
    for (size_t size = 0; size < encoded.size; size++) {
        assert_int_not_equal(manifest_decode((struct bytes){encoded.data, size}, &manifest), ERROR_NONE);
    }
}

static void a_buffer_that_is_too_short_is_said_so(void **state) {
    (void)state;
    struct bytes encoded = vector("manifest-thermostat");
    assert_int_equal(manifest_decode(encoded, &manifest), ERROR_NONE);
    for (size_t size = 0; size < encoded.size; size++) {
        uint8_t short_buffer[MANIFEST_SIZE_MAX];
        size_t written = 0;
        assert_int_equal(manifest_encode(&manifest, (struct buffer){short_buffer, size}, &written), ERROR_TOO_LARGE);
    }
}

static void a_general_quantity_accepts_its_special_cases(void **state) {
    (void)state;
    assert_true(quantity_accepts("", "Zone_Air_Temperature_Sensor"));
    assert_true(quantity_accepts("", ""));
    assert_true(quantity_accepts("Temperature_Sensor", "Temperature_Sensor"));
    assert_true(quantity_accepts("Temperature_Sensor", "Zone_Air_Temperature_Sensor"));
    assert_false(quantity_accepts("Zone_Air_Temperature_Sensor", "Temperature_Sensor"));
    assert_false(quantity_accepts("perature_Sensor", "Temperature_Sensor"));
    assert_false(quantity_accepts("Temperature_Sensor", "Humidity_Sensor"));
    assert_false(quantity_accepts("Temperature_Sensor", ""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_manifests_survive_decoding_and_encoding),
        cmocka_unit_test(golden_registrations_survive_decoding_and_encoding),
        cmocka_unit_test(a_decoded_manifest_has_the_declared_values),
        cmocka_unit_test(a_view_gives_the_same_ports_as_decoding),
        cmocka_unit_test(vectors_that_break_a_rule_are_refused),
        cmocka_unit_test(every_cut_of_a_manifest_is_refused),
        cmocka_unit_test(a_buffer_that_is_too_short_is_said_so),
        cmocka_unit_test(a_general_quantity_accepts_its_special_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
