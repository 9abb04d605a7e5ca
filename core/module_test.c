// Modules made by hand, section by section; each case replaces one section of a good one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/assert.h"
#include "core/module.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    print_error("%s: %s\n", function, expression);
    abort();
}

struct part {
    uint8_t id;
    const char *bytes; // NULL: leave the section out
    size_t size;
};
#define PART(id, bytes)                                                                                                        \
    { id, bytes, sizeof(bytes) - 1 }

// In the order of a file. Type 0 is send's, type 1 is receive's.
static const struct part good_parts[] = {
    PART(1, "\x02\x60\x03\x7f\x7f\x7f\x01\x7f\x60\x02\x7f\x7f\x01\x7f"),
    PART(2, "\x01\x05tenon\x04send\x00\x00"),
    PART(3, "\x01\x01"),
    {4, NULL, 0},
    PART(5, "\x01\x00\x01"),
    PART(6, "\x02\x7f\x00\x41\x80\x08\x0b\x7f\x00\x41\x8c\x08\x0b"),
    PART(7, "\x03\x0dtenon_receive\x00\x01\x0btenon_inbox\x03\x00\x0btenon_state\x03\x01"),
    {8, NULL, 0},
    PART(10, "\x01\x04\x00\x41\x00\x0b"),
    PART(11, "\x01\x00\x41\x80\x08\x0b\x18"
             "\x18\x04\x00\x00\x10\x00\x00\x00\x01\x00\x00\x00"
             "\x28\x04\x00\x00\x08\x00\x00\x00\x03\x00\x00\x00"),
};
#define PART_COUNT (sizeof good_parts / sizeof good_parts[0])

static uint8_t module[8192];
static size_t module_size;

static void put(const void *bytes, size_t size) {
    assert_true(size <= sizeof module - module_size);
    memcpy(module + module_size, bytes, size);
    module_size += size;
}

static void put_section(uint8_t id, const void *bytes, size_t size) {
    uint8_t head[3] = {id, (uint8_t)(0x80 | (size & 0x7f)), (uint8_t)(size >> 7)};
    put(head, sizeof head);
    put(bytes, size);
}

static void put_manifest(const struct manifest *manifest) {
    static uint8_t section[MANIFEST_SIZE_MAX + 16];
    size_t size = 0;
    memcpy(section, "\x0etenon.manifest", 15);
    assert_int_equal(manifest_encode(manifest, (struct buffer){section + 15, sizeof section - 15}, &size), ERROR_NONE);
    put_section(0, section, 15 + size);
}

static struct manifest good_manifest(void) {
    struct manifest manifest = {.name = "t",
                                .version = "1",
                                .memory_bytes = 4096,
                                .instructions = 1000,
                                .outputs_per_message = 1,
                                .state_bytes = 8,
                                .state_version = 3,
                                .inbox_bytes = 16,
                                .input_count = 1,
                                .output_count = 1};
    manifest.inputs[0] = (struct port){.name = "value"};
    manifest.outputs[0] = (struct port){.name = "value"};
    return manifest;
}

// A module in which `other`, if any, stands in for the good section of its number.
static void make(const struct part *other, const struct manifest *manifest) {
    module_size = 0;
    put("\0asm\1\0\0\0", 8);
    for (size_t i = 0; i < PART_COUNT; i++) {
        const struct part *part = other != NULL && other->id == good_parts[i].id ? other : &good_parts[i];
        if (part->bytes != NULL) {
            put_section(part->id, part->bytes, part->size);
        }
    }
    if (manifest != NULL) {
        put_manifest(manifest);
    }
}

static struct module_info info;
static struct module_refusal refusal;

static enum error inspect(void) {
    return module_inspect((struct bytes){module, module_size}, &info, &refusal);
}

static void a_good_module_is_read(void **state) {
    (void)state;
    struct manifest manifest = good_manifest();
    make(NULL, &manifest);
    assert_int_equal(inspect(), ERROR_NONE);
    char name[NAME_SIZE_MAX];
    manifest_name(&info.manifest, name);
    assert_string_equal(name, "t");
    assert_int_equal(info.memory_pages_minimum, 1);
    assert_false(info.has_memory_grow_limit);
    assert_true(info.exports_inbox && info.exports_state && !info.exports_upgrade && !info.has_start);
    assert_int_equal(info.inbox.address, 1048);
    assert_int_equal(info.inbox.size, 16);
    assert_int_equal(info.state.address, 1064);
    assert_int_equal(info.state.size, 8);
    assert_int_equal(info.state.version, 3);
}

static void a_survey_needs_no_manifest(void **state) {
    (void)state;
    make(NULL, NULL);
    assert_int_equal(module_survey((struct bytes){module, module_size}, &info, &refusal), ERROR_NONE);
    assert_int_equal(info.state.size, 8);
    assert_int_equal(inspect(), ERROR_NOT_FOUND);
    assert_non_null(strstr(refusal.text, "tenon build"));
}

struct wrong_section {
    struct part part;
    enum error error;
    const char *text; // is found in the refusal
};

static const struct wrong_section wrong_sections[] = {
    {PART(2, "\x01\x03"
             "env\x06printf\x00\x00"),
     ERROR_UNSUPPORTED, "imports env.printf: a component may import only tenon.send"},
    {PART(2, "\x01\x05tenon\x04read\x00\x00"), ERROR_UNSUPPORTED, "imports tenon.read"},
    {PART(2, "\x01\x05tenon\x04send\x02\x00\x01"), ERROR_UNSUPPORTED, "imports tenon.send"},
    {PART(2, "\x01\x03\x1b[J\x04send\x00\x00"), ERROR_UNSUPPORTED, "imports ?[J.send"},
    {PART(2, "\x02\x05tenon\x04send\x00\x00\x05tenon\x04send\x00\x00"), ERROR_UNSUPPORTED, "twice"},
    {PART(2, "\x01\x05tenon\x04send\x00\x01"), ERROR_MISMATCH, "the import tenon.send has another type"},
    {PART(2, "\x01\x05tenon\x04send\x00\x07"), ERROR_MALFORMED, "section type"},
    {PART(2, "\x01\x05tenon\x04send\x00"), ERROR_TRUNCATED, "section import"},
    {PART(2, "\xff\xff\xff\xff\x0f"), ERROR_TRUNCATED, "announces more items"},
    {PART(2, "\xff\xff\xff\xff\x1f"), ERROR_MALFORMED, "longer than 32 bits"},
    {PART(2, "\x80\x80\x80\x80\x80\x00"), ERROR_MALFORMED, "longer than 32 bits"},
    {PART(3, "\x01\x00"), ERROR_MISMATCH, "tenon_receive has another type"},
    {PART(3, "\x00"), ERROR_MISMATCH, "no function of this module"},
    {PART(4, "\x01\x70\x00\x81\x08"), ERROR_TOO_LARGE, "section table"},
    {PART(4, "\x02\x70\x00\x01\x70\x00\x01"), ERROR_UNSUPPORTED, "section table"},
    {{5, NULL, 0}, ERROR_MISMATCH, "has no memory"},
    {PART(5, "\x02\x00\x01\x00\x01"), ERROR_UNSUPPORTED, "memory"},
    {PART(5, "\x01\x03\x01\x01"), ERROR_UNSUPPORTED, "shared"},
    {PART(5, "\x01\x01\x02\x01"), ERROR_MALFORMED, "contradict"},
    {PART(5, "\x01\x00\x00"), ERROR_MISMATCH, "outside the module's memory"},
    {PART(6, "\x02\x7f\x01\x41\x80\x08\x0b\x7f\x00\x41\x8c\x08\x0b"), ERROR_MISMATCH, "tenon_inbox is not exported as"},
    {PART(6, "\x01\x7f\x00\x41\x80\x08\x0b"), ERROR_MISMATCH, "tenon_state is not exported as"},
    {PART(6, "\x02\x7f\x00\x23\x00\x0b\x7f\x00\x41\x8c\x08\x0b"), ERROR_UNSUPPORTED, "plain constant"},
    {PART(6, "\x02\x7f\x00\x41\xfc\xff\x03\x0b\x7f\x00\x41\x8c\x08\x0b"), ERROR_MISMATCH, "tenon_inbox lies outside"},
    {PART(7, "\x00"), ERROR_MISMATCH, "tenon_receive"},
    {PART(7, "\x01\x0dtenon_receive\x00\x01"), ERROR_MISMATCH, "tenon_state is not exported"},
    {PART(7, "\x02\x0dtenon_receive\x00\x01\x0btenon_state\x03\x01"), ERROR_MISMATCH, "tenon_inbox is not exported"},
    {PART(7, "\x01\x0dtenon_receive\x00\x00"), ERROR_MISMATCH, "no function of this module"},
    {PART(7, "\x01\x11__wasm_call_ctors\x00\x01"), ERROR_UNSUPPORTED, "exports __wasm_call_ctors"},
    {PART(8, "\x01"), ERROR_UNSUPPORTED, "start function"},
    {PART(11, "\x01\x00\x41\x80\x08\x0b\x18"), ERROR_TRUNCATED, "section data"},
    {PART(11, "\x01\x02\x00\x41\x80\x08\x0b\x00"), ERROR_UNSUPPORTED, "another memory"},
    {PART(11, "\x01\x00\x41\x80\x08\x0b\x0c\x18\x04\x00\x00\x01\x02\x00\x00\x01\x00\x00\x00"), ERROR_TOO_LARGE, "inbox"},
    {PART(11, "\x01\x00\x41\x80\x08\x0b\x0c\x18\x04\x00\x00\x11\x00\x00\x00\x01\x00\x00\x00"), ERROR_MISMATCH,
     "the manifest says inbox bytes 16, the module's exports say 17"},
};

static void every_wrong_section_is_refused_with_place_and_remedy(void **state) {
    (void)state;
    struct manifest manifest = good_manifest();
    for (size_t i = 0; i < sizeof wrong_sections / sizeof wrong_sections[0]; i++) {
        const struct wrong_section *wrong = &wrong_sections[i];
        make(&wrong->part, &manifest);
        enum error error = inspect();
        print_message("%s: %s\n", error_name(error), refusal.text);
        assert_int_equal(error, wrong->error);
        assert_int_equal(error, refusal.error);
        assert_non_null(strstr(refusal.text, wrong->text));
    }
}

static void a_manifest_that_does_not_match_the_exports_is_refused(void **state) {
    (void)state;
    struct manifest manifest = good_manifest();
    manifest.state_bytes = 12;
    make(NULL, &manifest);
    assert_int_equal(inspect(), ERROR_MISMATCH);
    assert_non_null(strstr(refusal.text, "state bytes 12"));
    manifest = good_manifest();
    manifest.state_version = 2;
    make(NULL, &manifest);
    assert_int_equal(inspect(), ERROR_MISMATCH);
    manifest = good_manifest();
    make(NULL, &manifest);
    put_manifest(&manifest);
    assert_int_equal(inspect(), ERROR_MALFORMED);
    assert_non_null(strstr(refusal.text, "two tenon.manifest"));
}

static void what_is_no_module_is_refused(void **state) {
    (void)state;
    struct manifest manifest = good_manifest();
    static uint8_t large[MODULE_SIZE_MAX + 1] = "\0asm\1";
    assert_int_equal(module_inspect((struct bytes){NULL, 0}, &info, &refusal), ERROR_MALFORMED);
    assert_int_equal(module_inspect(bytes_of_text("\177ELF and so on"), &info, &refusal), ERROR_MALFORMED);
    assert_int_equal(module_inspect((struct bytes){(const uint8_t *)"\0asm\x0d\0\1\0", 8}, &info, &refusal), ERROR_UNSUPPORTED);
    assert_int_equal(module_inspect((struct bytes){large, sizeof large}, &info, &refusal), ERROR_TOO_LARGE);
    make(NULL, &manifest);
    put_section(13, "", 0);
    assert_int_equal(inspect(), ERROR_UNSUPPORTED);
    make(NULL, &manifest);
    put_section(5, "\x01\x00\x01", 3);
    assert_int_equal(inspect(), ERROR_MALFORMED);
    assert_non_null(strstr(refusal.text, "section memory"));
}

static void every_cut_of_a_module_is_refused(void **state) {
    (void)state;
    struct manifest manifest = good_manifest();
    make(NULL, &manifest);
    for (size_t size = 0; size < module_size; size++) {
        assert_int_not_equal(module_inspect((struct bytes){module, size}, &info, &refusal), ERROR_NONE);
        assert_true(refusal.text[0] != '\0');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_module_is_read),
        cmocka_unit_test(a_survey_needs_no_manifest),
        cmocka_unit_test(every_wrong_section_is_refused_with_place_and_remedy),
        cmocka_unit_test(a_manifest_that_does_not_match_the_exports_is_refused),
        cmocka_unit_test(what_is_no_module_is_refused),
        cmocka_unit_test(every_cut_of_a_module_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
