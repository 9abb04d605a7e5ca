// component.yaml, right and wrong: each mistake is answered with its line and a remedy.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/component_file.h"
#include "core/assert.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

#define HEAD "component: lamp\nversion: 1.0.0\nsource: lamp.c\n"

static struct component_file file;
static struct document_error error;
static char path[] = "/tmp/tenon-component-XXXXXX";

static bool read_text(const char *text) {
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    return component_file_read(path, &file, &error);
}

static int make_file(void **state) {
    (void)state;
    int descriptor = mkstemp(path);
    return descriptor < 0 ? 1 : close(descriptor);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(path);
}

static void a_component_is_read_with_its_defaults(void **state) {
    (void)state;
    assert_true(read_text(HEAD "inputs:\n  level: {unit: lx, range: [0, 1e5], resolution: 1}\n  on: {type: boolean}\n"
                               "parameters:\n  hold-time: {unit: s}\noutputs:\n  power:\n"));
    assert_string_equal(file.manifest.name, "lamp");
    assert_string_equal(file.source, "/tmp/lamp.c");
    assert_int_equal(file.manifest.input_count, 3);
    assert_int_equal(file.manifest.output_count, 1);
    assert_true(file.manifest.inputs[2].parameter && !file.manifest.inputs[1].parameter);
    assert_int_equal(file.manifest.inputs[1].type, TYPE_BOOLEAN);
    assert_float_equal(file.manifest.inputs[0].maximum, 1e5, 0);
    assert_int_equal(file.manifest.memory_bytes, COMPONENT_MEMORY_DEFAULT);
    assert_int_equal(file.manifest.instructions, COMPONENT_INSTRUCTIONS_DEFAULT);
    assert_int_equal(file.manifest.outputs_per_message, 1);
    assert_int_equal(file.stack_bytes, COMPONENT_STACK_DEFAULT);
    assert_false(file.declares_state);
}

static void limits_and_state_are_read(void **state) {
    (void)state;
    assert_true(read_text(HEAD "limits: {memory: 8KiB, instructions: 500, outputs: 7, stack: 512}\nstate: {version: 3}\n"));
    assert_int_equal(file.manifest.memory_bytes, 8192);
    assert_int_equal(file.manifest.instructions, 500);
    assert_int_equal(file.manifest.outputs_per_message, 7);
    assert_int_equal(file.stack_bytes, 512);
    assert_true(file.declares_state);
    assert_int_equal(file.manifest.state_version, 3);
}

static void ports_get_their_numbers(void **state) {
    (void)state;
    char *text = NULL;
    size_t size = 0;
    assert_true(read_text(HEAD "inputs: {level: {}, on: {}}\nparameters: {hold-time: {}}\noutputs: {power: {}}\n"));
    FILE *out = open_memstream(&text, &size);
    component_file_write_ports(&file, out);
    fclose(out);
    assert_non_null(strstr(text, "INPUT_ON = 1,"));
    assert_non_null(strstr(text, "PARAMETER_HOLD_TIME = 2,"));
    assert_non_null(strstr(text, "OUTPUT_POWER = 0,"));
    free(text);
}

static void mistakes_are_named_with_their_line(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t line;
        const char *what;
    } cases[] = {
        {"", 1, "`component` is missing"},
        {"component: lamp\nversion: 1\n", 1, "`source` is missing"},
        {"component: lamp\nversion: 1\nsource: lamp.cpp\n", 3, "neither C nor Rust"},
        {"component: ../lamp\nversion: 1\nsource: lamp.c\n", 1, "cannot be the name"},
        {"component: lamp\nversion: 1.0.0-beta.2+build.77\nsource: lamp.c\n", 2, "longer than 15"},
        {HEAD "colour: red\n", 4, "colour"},
        {HEAD "inputs:\n  level: {unti: lx}\n", 5, "unti"},
        {HEAD "inputs:\n  level: {type: integer}\n", 5, "no type `integer`"},
        {HEAD "inputs:\n  level: {range: [5]}\n", 5, "two numbers"},
        {HEAD "inputs:\n  level: {range: [5, 1]}\n", 5, "ends before it begins"},
        {HEAD "inputs:\n  level: {range: [5, high]}\n", 5, "high"},
        {HEAD "inputs:\n  level: {resolution: -1}\n", 5, "negative"},
        {HEAD "inputs:\n  9lives: {}\n", 5, "cannot be the name"},
        {HEAD "inputs: [level]\n", 4, "mapping"},
        {HEAD "inputs:\n  hold-time: {}\nparameters:\n  hold_time: {}\n", 7, "another port"},
        {HEAD "outputs: {a: {}}\nlimits:\n  memory: 2MiB\n", 6, "limits.memory"},
        {HEAD "limits:\n  instructions: 0\n", 5, "0"},
        {HEAD "limits:\n  outputs: 33\n", 5, "33"},
        {HEAD "limits:\n  stak: 512\n", 5, "stak"},
        {HEAD "state:\n  version: new\n", 5, "new"},
        {HEAD "inputs: {a: {}, : \n", 4, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        assert_false(read_text(cases[i].text));
        document_error_text("component.yaml", &error, text, sizeof text);
        print_message("%s\n", text);
        assert_int_equal(error.line, cases[i].line);
        assert_non_null(strstr(error.what, cases[i].what));
        assert_true(error.remedy[0] != '\0');
    }
}

static void a_file_that_is_not_there_is_said_so(void **state) {
    (void)state;
    assert_false(component_file_read("/nonexistent/component.yaml", &file, &error));
    assert_int_equal(error.line, 0);
    assert_true(error.what[0] != '\0');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_component_is_read_with_its_defaults),
        cmocka_unit_test(limits_and_state_are_read),
        cmocka_unit_test(ports_get_their_numbers),
        cmocka_unit_test(mistakes_are_named_with_their_line),
        cmocka_unit_test(a_file_that_is_not_there_is_said_so),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
