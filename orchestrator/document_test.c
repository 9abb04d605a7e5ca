// The YAML tree: places, limits, and the sentences in which a bad file is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "orchestrator/document.h"

#include <stdio.h>
#include <stdlib.h>

static struct document *parse(const char *text) {
    struct document *document = NULL;
    struct document_error error;
    assert_int_equal(document_parse(bytes_of_text(text), &document, &error), ERROR_NONE);
    return document;
}

static void every_node_knows_its_place(void **state) {
    (void)state;
    struct document *document = parse("tasks:\n  a: {x: 1}\n  b:\n    x: [1, two]\n");
    const struct document_node *tasks = document_get(document_root(document), "tasks");
    assert_int_equal(tasks->count, 2);
    assert_string_equal(tasks->entries[0].key->text, "a");
    assert_int_equal(tasks->entries[1].key->line, 3);
    const struct document_node *list = document_get(document_get(tasks, "b"), "x");
    assert_int_equal(list->line, 4);
    assert_int_equal(list->column, 8);
    assert_int_equal(document_list_count(list), 2);
    assert_string_equal(document_list_item(list, 1)->text, "two");
    assert_int_equal(document_list_count(document_get(document_get(tasks, "a"), "x")), 1);
    assert_null(document_get(document_get(tasks, "c"), "x"));
    document_free(document);
}

static void an_empty_text_is_an_empty_mapping(void **state) {
    (void)state;
    struct document *document = parse("# nothing\n");
    assert_int_equal(document_root(document)->kind, DOCUMENT_MAPPING);
    assert_int_equal(document_root(document)->count, 0);
    document_free(document);
}

static void bad_yaml_is_refused_with_line_and_remedy(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"a: 1\nb: 2\na: 3\n", "p.yaml:3: the key 'a' is there twice, first at line 1; rename or remove one of the two"},
        {"a: &x [1]\nb: *x\n", "p.yaml:1: an alias (*name) refers to the value at line 1"},
        {"a: &x [*x]\n", "p.yaml:1: an alias (*name) refers to the value at line 1"},
        {"a: 1\n---\nb: 1\n", "p.yaml:3: a second YAML document begins here"},
        {"a: \"\\0\"\n", "p.yaml:1: a text contains the NUL character; remove it"},
        {"{[1]: 2}\n", "p.yaml:1: a key is a list or a mapping"},
        {"a:\n\tb: 1\n", "p.yaml:2: bad YAML: found character that cannot start any token"},
        {"a: [1, 2\nb: 3\n", "p.yaml:2: bad YAML: "},
        {"a: b: c\n", "p.yaml:1: bad YAML: mapping values are not allowed in this context"},
        {"a: \xff\xfe\n", "p.yaml:1: the text is not UTF-8"},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
         "p.yaml:1: lists and mappings are nested too deeply"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct document *document = NULL;
        struct document_error error;
        char text[512];
        assert_int_not_equal(document_parse(bytes_of_text(rows[i].text), &document, &error), ERROR_NONE);
        assert_null(document);
        document_error_text("p.yaml", &error, text, sizeof text);
        if (strncmp(text, rows[i].message, strlen(rows[i].message)) != 0) {
            fail_msg("row %zu: %s", i, text);
        }
    }
}

static void values_are_read_strictly(void **state) {
    (void)state;
    struct document *document =
        parse("n: -1.5e1\nq: '1'\nb: true\ny: yes\nd: 1.5h\nk: 4KiB\nw: 16\nhex: 0x10\nnan: .nan\nlong: 11000d\n");
    const struct document_node *root = document_root(document);
    struct document_error error;
    double number = 0;
    bool boolean = false;
    uint64_t whole = 0;
    assert_true(document_number(document_get(root, "n"), &number, &error));
    assert_true(number == -15.0);
    assert_false(document_number(document_get(root, "q"), &number, &error));
    assert_false(document_number(document_get(root, "hex"), &number, &error));
    assert_false(document_number(document_get(root, "nan"), &number, &error));
    assert_true(document_boolean(document_get(root, "b"), &boolean, &error) && boolean);
    assert_false(document_boolean(document_get(root, "y"), &boolean, &error));
    assert_int_equal(error.line, 4);
    assert_string_equal(error.what, "expected true or false, found 'yes'");
    assert_true(document_duration(document_get(root, "d"), &whole, &error));
    assert_int_equal(whole, 5400000);
    assert_false(document_duration(document_get(root, "w"), &whole, &error));
    assert_false(document_duration(document_get(root, "long"), &whole, &error));
    assert_true(document_size(document_get(root, "k"), &whole, &error));
    assert_int_equal(whole, 4096);
    assert_true(document_whole(document_get(root, "w"), 1, 16, &whole, &error));
    assert_false(document_whole(document_get(root, "w"), 1, 15, &whole, &error));
    assert_string_equal(error.what, "expected a whole number from 1 to 15, found '16'");
    document_free(document);
}

static void an_unknown_key_is_answered_with_the_closest_one(void **state) {
    (void)state;
    static const char *const keys[] = {"from", "to", "stale_after"};
    struct document *document = parse("from: a\nstale_aftr: 5s\n");
    struct document_error error;
    assert_false(document_check_keys(document_root(document), "a channel", keys, 3, &error));
    assert_int_equal(error.line, 2);
    assert_string_equal(error.what, "a channel has no key 'stale_aftr'");
    assert_string_equal(error.remedy, "did you mean 'stale_after'?");
    document_free(document);
    document = parse("colour: red\n");
    assert_false(document_check_keys(document_root(document), "a channel", keys, 3, &error));
    assert_string_equal(error.remedy, "use one of from, to, stale_after");
    document_free(document);
}

static void a_missing_file_is_named(void **state) {
    (void)state;
    struct document *document = NULL;
    struct document_error error;
    char text[256];
    assert_int_equal(document_read("no-such-file.yaml", &document, &error), ERROR_NOT_FOUND);
    document_error_text("no-such-file.yaml", &error, text, sizeof text);
    assert_string_equal(text, "no-such-file.yaml: there is no such file; check the path");
}

static void the_closest_name_is_close(void **state) {
    (void)state;
    static const char *const names[] = {"thermostat", "schedule", "demand-limiter"};
    assert_string_equal(document_closest("termostat", names, 3), "thermostat");
    assert_null(document_closest("boiler", names, 3));
    assert_int_equal(document_distance("kitten", "sitting"), 3);
}

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: %s\n", function, expression);
    abort();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_knows_its_place),
        cmocka_unit_test(an_empty_text_is_an_empty_mapping),
        cmocka_unit_test(bad_yaml_is_refused_with_line_and_remedy),
        cmocka_unit_test(values_are_read_strictly),
        cmocka_unit_test(an_unknown_key_is_answered_with_the_closest_one),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(the_closest_name_is_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
