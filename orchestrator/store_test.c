// The store: revisions, compare-and-swap, batches, what survives, and what is said when the disk does not take it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "orchestrator/store.h"

static char folder[64];

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/tenon-store-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state) {
    static const char *const names[] = {"", "-wal", "-shm", "-journal"};
    char path[128];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/orchestrator.sqlite%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    return 0;
}

static struct store *open_store(void) {
    struct store *store = NULL;
    char refusal[256] = "";
    if (store_open(folder, &store, refusal) != ERROR_NONE) {
        fail_msg("%s", refusal);
    }
    return store;
}

static void what_was_written_is_there_after_opening_again(void **state) {
    (void)state;
    struct store *store = open_store();
    struct bytes value;
    uint64_t first = 0;
    uint64_t second = 0;
    assert_int_equal(store_put(store, "a", bytes_of_text("one"), 0, &first), ERROR_NONE);
    store_close(store);
    store = open_store();
    assert_int_equal(store_get(store, "a", &value, &second), ERROR_NONE);
    assert_int_equal(first, second);
    assert_string_equal((const char *)value.data, "one");
    free((void *)(uintptr_t)value.data);
    assert_int_equal(store_put(store, "b", bytes_of_text("two"), 0, &second), ERROR_NONE);
    assert_true(second > first);
    assert_int_equal(store_get(store, "c", &value, NULL), ERROR_NOT_FOUND);
    store_close(store);
}

static void a_write_on_an_old_revision_is_refused(void **state) {
    (void)state;
    struct store *store = open_store();
    uint64_t revision = 0;
    assert_int_equal(store_put(store, "a", bytes_of_text("one"), 0, &revision), ERROR_NONE);
    assert_int_equal(store_put(store, "a", bytes_of_text("two"), 0, NULL), ERROR_MISMATCH);
    assert_int_equal(store_put(store, "a", bytes_of_text("two"), revision, &revision), ERROR_NONE);
    assert_int_equal(store_put(store, "a", bytes_of_text("three"), revision - 1, NULL), ERROR_MISMATCH);
    assert_int_equal(store_delete(store, "a", revision - 1), ERROR_MISMATCH);
    assert_int_equal(store_delete(store, "a", revision), ERROR_NONE);
    assert_int_equal(store_delete(store, "a", STORE_ANY), ERROR_NONE);
    store_close(store);
}

static void a_batch_is_all_or_nothing(void **state) {
    (void)state;
    struct store *store = open_store();
    struct bytes value;
    uint64_t before = 0;
    uint64_t after = 0;
    assert_int_equal(store_put(store, "x", bytes_of_text("0"), STORE_ANY, &before), ERROR_NONE);
    assert_int_equal(store_begin(store), ERROR_NONE);
    assert_int_equal(store_put(store, "a", bytes_of_text("1"), STORE_ANY, NULL), ERROR_NONE);
    store_rollback(store);
    assert_int_equal(store_get(store, "a", &value, NULL), ERROR_NOT_FOUND);
    assert_int_equal(store_begin(store), ERROR_NONE);
    assert_int_equal(store_put(store, "a", bytes_of_text("1"), STORE_ANY, &after), ERROR_NONE);
    assert_int_equal(after, before + 1);
    assert_int_equal(store_commit(store), ERROR_NONE);
    assert_int_equal(store_get(store, "a", &value, NULL), ERROR_NONE);
    free((void *)(uintptr_t)value.data);
    store_close(store);
}

static bool count_key(void *context, const char *key, struct bytes value, uint64_t revision) {
    char *seen = context;
    (void)revision;
    strcat(seen, key);
    assert_int_equal(value.size, 1);
    return true;
}

static void keys_are_visited_by_prefix_in_order(void **state) {
    (void)state;
    struct store *store = open_store();
    char seen[64] = "";
    static const char *const keys[] = {"node/b", "task/a", "node/a", "nodes"};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(store_put(store, keys[i], bytes_of_text("v"), STORE_ANY, NULL), ERROR_NONE);
    }
    assert_int_equal(store_each(store, "node/", count_key, seen), ERROR_NONE);
    assert_string_equal(seen, "node/anode/b");
    store_close(store);
}

static void a_second_orchestrator_on_the_same_folder_is_refused(void **state) {
    (void)state;
    struct store *store = open_store();
    struct store *second = NULL;
    char refusal[256] = "";
    assert_int_equal(store_put(store, "a", bytes_of_text("1"), STORE_ANY, NULL), ERROR_NONE);
    assert_int_equal(store_open(folder, &second, refusal), ERROR_STORAGE);
    assert_non_null(strstr(refusal, "is in use"));
    assert_non_null(strstr(refusal, "stop the other orchestrator"));
    store_close(store);
}

static void a_folder_that_cannot_be_made_is_named(void **state) {
    (void)state;
    struct store *store = NULL;
    char refusal[256] = "";
    assert_int_equal(store_open("/proc/no/such", &store, refusal), ERROR_STORAGE);
    assert_non_null(strstr(refusal, "'/proc/no/such'"));
    assert_non_null(strstr(refusal, "--data"));
}

static void a_damaged_file_is_named(void **state) {
    (void)state;
    char path[128];
    char refusal[256] = "";
    struct store *store = NULL;
    snprintf(path, sizeof path, "%s/orchestrator.sqlite", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) {
        fputs("this is no database", file);
    }
    fclose(file);
    assert_int_equal(store_open(folder, &store, refusal), ERROR_STORAGE);
    assert_non_null(strstr(refusal, "is damaged"));
}

// /dev/full cannot hold a database; a page limit makes SQLite answer as it does on a full disk.
static void a_full_disk_loses_nothing_that_was_stored(void **state) {
    (void)state;
    static uint8_t big[200000];
    struct store *store = open_store();
    struct bytes value;
    assert_int_equal(store_put(store, "a", bytes_of_text("kept"), STORE_ANY, NULL), ERROR_NONE);
    store_limit_pages(store, 12);
    assert_int_equal(store_put(store, "b", (struct bytes){big, sizeof big}, STORE_ANY, NULL), ERROR_STORAGE);
    assert_non_null(strstr(store_refusal(store), "the disk is full"));
    assert_non_null(strstr(store_refusal(store), "free some space"));
    assert_int_equal(store_get(store, "a", &value, NULL), ERROR_NONE);
    free((void *)(uintptr_t)value.data);
    assert_int_equal(store_get(store, "b", &value, NULL), ERROR_NOT_FOUND);
    assert_int_equal(store_put(store, "a", bytes_of_text("new"), STORE_ANY, NULL), ERROR_NONE);
    store_close(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_there_after_opening_again, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_write_on_an_old_revision_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_batch_is_all_or_nothing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(keys_are_visited_by_prefix_in_order, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_second_orchestrator_on_the_same_folder_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_made_is_named, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_named, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_full_disk_loses_nothing_that_was_stored, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
