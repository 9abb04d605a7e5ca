// Files and journal over a flash that loses power (flash_rig.h) at every single write of a sequence: what is found at the next
// start must be the old or the new, and a prefix of what was appended.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "port/freertos/file.h"
#include "port/port.h"
#include "tests/flash_rig.h"

// A whole file "node/boot" with a high sequence: what a content may hold to deceive.
static uint8_t forged[256];

// A content of this number, which looks like a file wherever a block begins (a file's content begins at 124).
static struct bytes content_of(uint32_t number) {
    static uint8_t content[3 * FLASH_BLOCK_SIZE];
    for (size_t i = 0; i < sizeof content; i++) {
        content[i] = forged[(124 + i) % sizeof forged];
    }
    memcpy(content, &number, sizeof number);
    return (struct bytes){content, number % 2 == 0 ? 21 : sizeof content - number};
}

static bool file_is(const char *path, uint32_t number) {
    struct bytes content;
    uint32_t found = UINT32_MAX;
    if (port_file_read(path, SIZE_MAX, &content) != ERROR_NONE) {
        return false;
    }
    memcpy(&found, content.data, sizeof found);
    return found == number && content.size == content_of(number).size;
}

static void replace_both(void) {
    assert_int_equal(port_file_write("node/plan.cbor", content_of(3)), ERROR_NONE);
    assert_int_equal(port_file_write("node/boot", content_of(2)), ERROR_NONE);
}

static void a_file_is_the_old_or_the_new_after_any_power_cut(void **state) {
    (void)state;
    bool finished = false;
    rig_fresh_flash();
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(port_file_write("node/boot", content_of(4)), ERROR_NONE);
    }
    memcpy(forged, rig_flash[FLASH_FILES_FIRST + 19], sizeof forged);
    for (uint64_t cut = 0; !finished; cut += cut < 400 ? 1 : 97) {
        rig_fresh_flash();
        assert_int_equal(port_file_write("node/boot", content_of(0)), ERROR_NONE);
        assert_int_equal(port_file_write("node/plan.cbor", content_of(1)), ERROR_NONE);
        finished = rig_lives(replace_both, cut);
        port_files_open();
        bool plan_new = file_is("node/plan.cbor", 3);
        assert_true(plan_new || file_is("node/plan.cbor", 1));
        assert_true(file_is("node/boot", 2) || file_is("node/boot", 0));
        assert_true(plan_new || !file_is("node/boot", 2)); // in the order of the calls
        // and all works on
        assert_int_equal(port_file_write("node/plan.cbor", content_of(5)), ERROR_NONE);
        assert_true(file_is("node/plan.cbor", 5));
    }
}

static void a_full_flash_refuses_and_the_start_counter_still_fits(void **state) {
    (void)state;
    char path[32];
    uint32_t count = 0;
    rig_fresh_flash();
    assert_int_equal(port_file_write("node/boot", content_of(0)), ERROR_NONE);
    assert_int_equal(port_file_write("node/seed", content_of(0)), ERROR_NONE);
    for (; count < FLASH_FILES_COUNT; count++) {
        snprintf(path, sizeof path, "node/code/%u", count);
        if (port_file_write(path, content_of(1)) != ERROR_NONE) {
            break;
        }
    }
    assert_in_range(count, 14, FLASH_FILES_COUNT / 3);
    for (uint32_t small = 0; small < FLASH_FILES_COUNT; small++) { // of one block each
        snprintf(path, sizeof path, "node/code/small-%u", small);
        if (port_file_write(path, content_of(2)) != ERROR_NONE) {
            break;
        }
    }
    for (uint32_t start = 0; start < 5; start++) {
        assert_int_equal(port_file_write("node/boot", content_of(2 * start)), ERROR_STORAGE);
        assert_int_equal(port_file_overwrite("node/boot", content_of(2 * start)), ERROR_NONE);
        assert_int_equal(port_file_overwrite("node/seed", content_of(2 * start + 2)), ERROR_NONE);
        port_files_open();
        assert_true(file_is("node/code/0", 1) && file_is("node/boot", 2 * start) && file_is("node/seed", 2 * start + 2));
    }
}

static void writing_one_file_wears_all_blocks(void **state) {
    (void)state;
    uint32_t most = 0;
    rig_fresh_flash();
    assert_int_equal(port_file_write("node/code/1", content_of(1)), ERROR_NONE); // stays
    for (uint32_t i = 0; i < 10 * FLASH_FILES_COUNT; i++) {
        assert_int_equal(port_file_write("node/boot", content_of(2 * i)), ERROR_NONE);
        if (i % 7 == 0) {
            assert_int_equal(port_file_write("node/plan.cbor", content_of(2 * i + 1)), ERROR_NONE);
        }
    }
    for (uint32_t i = 0; i < FLASH_FILES_COUNT; i++) {
        most = rig_worn[FLASH_FILES_FIRST + i] > most ? rig_worn[FLASH_FILES_FIRST + i] : most;
    }
    assert_in_range(most, 15, 20);
    // What is told is what was, after a restart too.
    struct port_wear wear;
    port_files_open();
    assert_true(port_storage_wear(&wear));
    assert_in_range(wear.erases_max, most - 1, most + 1); // this flash was not erased when it came
    assert_in_range(wear.erases_mean, wear.erases_max / 3, wear.erases_max);
}

// --- journal -------------------------------------------------------------------------------------------------------------

#define BATCHES 12u
#define REWRITE_AT 7u // the picture is the batches so far

static uint32_t replayed;

static void expect_next(void *context, struct bytes batch) {
    (void)context;
    assert_int_equal(batch.size, 20 + replayed);
    assert_int_equal(batch.data[0], replayed);
    replayed++;
}

static enum error append(struct port_journal *journal, uint32_t number) {
    uint8_t batch[20 + BATCHES];
    memset(batch, 0xff, sizeof batch); // what erased flash looks like
    batch[0] = (uint8_t)number;
    return port_journal_append(journal, (struct bytes){batch, 20 + number});
}

static struct port_journal *open_journal(struct port_journal_report *report) {
    struct port_journal *journal;
    char refusal[PORT_REFUSAL_SIZE];
    replayed = 0;
    assert_int_equal(port_journal_open("node", expect_next, NULL, &journal, report, refusal), ERROR_NONE);
    return journal;
}

static uint32_t flushed;

static void live(void) {
    struct port_journal_report report;
    struct port_journal *journal = open_journal(&report);
    for (uint32_t i = 0; i < BATCHES; i++) {
        if (i == REWRITE_AT) {
            assert_int_equal(port_journal_rewrite(journal), ERROR_NONE);
            for (uint32_t k = 0; k < i; k++) {
                assert_int_equal(append(journal, k), ERROR_NONE);
            }
            assert_int_equal(port_journal_commit(journal), ERROR_NONE);
        }
        assert_int_equal(append(journal, i), ERROR_NONE);
        assert_int_equal(port_journal_flush(journal), ERROR_NONE);
        flushed = i + 1;
    }
}

static void the_journal_holds_all_that_was_flushed_after_any_power_cut(void **state) {
    (void)state;
    bool finished = false;
    for (uint64_t cut = 0; !finished; cut++) {
        rig_fresh_flash();
        flushed = 0;
        finished = rig_lives(live, cut);
        struct port_journal_report report;
        (void)open_journal(&report);
        assert_in_range(replayed, flushed, flushed + 1);
        // A second power cut while it is put in order loses nothing either.
        uint32_t before = replayed;
        struct port_journal *journal = open_journal(&report);
        assert_int_equal(replayed, before);
        assert_int_equal(report.torn_bytes, 0);
        assert_int_equal(append(journal, replayed), ERROR_NONE);
        (void)open_journal(&report);
        assert_int_equal(replayed, before + 1);
    }
}

static void a_journal_wears_both_areas_alike_and_tells_it(void **state) {
    (void)state;
    struct port_journal_report report;
    struct port_wear wear;
    uint32_t most = 0;
    rig_fresh_flash();
    for (uint32_t start = 0; start < 10; start++) {
        struct port_journal *journal = open_journal(&report);
        for (uint32_t i = 0; i < 10; i++) {
            assert_int_equal(port_journal_rewrite(journal), ERROR_NONE);
            assert_int_equal(append(journal, 0), ERROR_NONE);
            assert_int_equal(port_journal_commit(journal), ERROR_NONE);
        }
    }
    for (uint32_t i = FLASH_JOURNAL_FIRST; i < FLASH_BLOCK_COUNT; i++) {
        most = rig_worn[i] > most ? rig_worn[i] : most;
    }
    assert_int_equal(most, 51);
    (void)open_journal(&report);
    assert_true(port_storage_wear(&wear));
    assert_in_range(wear.erases_max, 50, 51);
}

static uint32_t erases_of_journal(void) {
    uint32_t sum = 0;
    for (uint32_t i = FLASH_JOURNAL_FIRST; i < FLASH_BLOCK_COUNT; i++) {
        sum += rig_worn[i];
    }
    return sum;
}

static void an_area_is_erased_block_by_block_before_it_is_needed(void **state) {
    (void)state;
    static const uint8_t batch[1000];
    const struct bytes bytes = {batch, sizeof batch};
    struct port_journal_report report;
    rig_fresh_flash();
    struct port_journal *journal = open_journal(&report);
    for (uint32_t round = 0; round < 4; round++) {
        while (port_journal_size(journal) < 20 * FLASH_BLOCK_SIZE) {
            uint32_t before = erases_of_journal();
            assert_int_equal(port_journal_append(journal, bytes), ERROR_NONE);
            assert_in_range(erases_of_journal() - before, 0, 1);
        }
        uint32_t before = erases_of_journal();
        assert_int_equal(port_journal_rewrite(journal), ERROR_NONE);
        assert_in_range(erases_of_journal() - before, 0, round == 0 ? 12 : 1); // this flash was not erased when it came
        assert_int_equal(port_journal_append(journal, bytes), ERROR_NONE);
        assert_int_equal(port_journal_commit(journal), ERROR_NONE);
    }
}

static struct port_journal *at_hand;

static void rewrite_at_hand(void) {
    assert_int_equal(port_journal_rewrite(at_hand), ERROR_NONE);
    for (uint32_t i = 0; i < REWRITE_AT; i++) {
        assert_int_equal(append(at_hand, i), ERROR_NONE);
    }
    (void)!port_journal_commit(at_hand);
}

// A byte of the header does not take. Whether that counts as committed, and whatever is cut in the next attempt, nothing is
// lost.
static void a_header_that_was_written_in_part_costs_nothing(void **state) {
    (void)state;
    struct port_journal_report report;
    uint32_t refused = 0;
    for (uint32_t weak = 0; weak < 64; weak++) {
        bool finished = false;
        for (uint64_t cut = 0; !finished; cut += 5) {
            rig_fresh_flash();
            at_hand = open_journal(&report);
            rewrite_at_hand();
            assert_int_equal(port_journal_rewrite(at_hand), ERROR_NONE);
            for (uint32_t i = 0; i < REWRITE_AT; i++) {
                assert_int_equal(append(at_hand, i), ERROR_NONE);
            }
            rig_weak_write = rig_writes + weak;
            refused += port_journal_commit(at_hand) != ERROR_NONE;
            finished = rig_lives(rewrite_at_hand, cut);
            (void)open_journal(&report);
            assert_int_equal(replayed, REWRITE_AT);
            assert_int_equal(report.lost_batches, 0);
        }
    }
    assert_int_equal(refused, 0); // the other copy of the header is whole
}

static void a_journal_that_is_full_says_so_and_a_rewrite_makes_room(void **state) {
    (void)state;
    static const uint8_t batch[1000];
    const struct bytes bytes = {batch, sizeof batch};
    struct port_journal *journal;
    struct port_journal_report report;
    char refusal[PORT_REFUSAL_SIZE];
    rig_fresh_flash();
    assert_int_equal(port_journal_open("node", NULL, NULL, &journal, &report, refusal), ERROR_NONE);
    uint32_t count = 0;
    while (port_journal_append(journal, bytes) == ERROR_NONE) {
        count++;
    }
    assert_int_equal(count, (FLASH_JOURNAL_COUNT * FLASH_BLOCK_SIZE - 64) / 1016);
    assert_int_equal(port_journal_flush(journal), ERROR_STORAGE);
    assert_int_equal(port_journal_rewrite(journal), ERROR_NONE);
    assert_int_equal(port_journal_append(journal, bytes), ERROR_NONE);
    assert_int_equal(port_journal_commit(journal), ERROR_NONE);
    assert_int_equal(port_journal_open("node", NULL, NULL, &journal, &report, refusal), ERROR_NONE);
    assert_int_equal(report.batches, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_the_old_or_the_new_after_any_power_cut),
        cmocka_unit_test(a_full_flash_refuses_and_the_start_counter_still_fits),
        cmocka_unit_test(writing_one_file_wears_all_blocks),
        cmocka_unit_test(the_journal_holds_all_that_was_flushed_after_any_power_cut),
        cmocka_unit_test(a_journal_wears_both_areas_alike_and_tells_it),
        cmocka_unit_test(an_area_is_erased_block_by_block_before_it_is_needed),
        cmocka_unit_test(a_header_that_was_written_in_part_costs_nothing),
        cmocka_unit_test(a_journal_that_is_full_says_so_and_a_rewrite_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
