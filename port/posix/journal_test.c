// The journal's promises: what was acknowledged is there, in order, and nothing else is, whatever happens to the disk.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/journal_format.h"
#include "port/posix/journal_rig.h"

static char folder[RIG_PATH_SIZE];
static uint8_t image[65536];

static int make_folder(void **state) {
    (void)state;
    rig_folder_make(folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    rig_folder_remove(folder);
    return 0;
}

// Opens the folder's journal, which must hold batches 0, 1, 2, ... and returns how many.
static uint32_t open_journal(struct port_journal **out, struct port_journal_report *report) {
    char refusal[PORT_REFUSAL_SIZE] = "";
    uint32_t count = 0;
    assert_int_equal(port_journal_open(folder, rig_expect_next, &count, out, report, refusal), ERROR_NONE);
    assert_int_equal(report->batches, count);
    return count;
}

// The same, and closes it again.
static uint32_t count_batches(struct port_journal_report *report) {
    struct port_journal *journal;
    uint32_t count = open_journal(&journal, report);
    port_journal_close(journal);
    return count;
}

static void append_range(struct port_journal *journal, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; i++) {
        assert_int_equal(rig_append(journal, i), ERROR_NONE);
    }
}

// A journal with so many batches; leaves its bytes in `image` and returns their number.
static size_t make_image(uint32_t batches, char name[RIG_PATH_SIZE]) {
    struct port_journal *journal;
    struct port_journal_report report;
    rig_folder_clear(folder);
    assert_int_equal(open_journal(&journal, &report), 0);
    append_range(journal, 0, batches);
    assert_int_equal(port_journal_flush(journal), ERROR_NONE);
    port_journal_close(journal);
    return rig_segment_read(folder, name, (struct buffer){image, sizeof image});
}

static void put_image(const char *name, size_t size) {
    rig_folder_clear(folder);
    rig_file_write(folder, name, (struct bytes){image, size});
}

// Where the batch of this number begins in an image.
static size_t batch_begin(uint32_t number) {
    uint8_t bytes[RIG_BATCH_SIZE_MAX];
    size_t at = JOURNAL_HEADER_SIZE;
    for (uint32_t i = 0; i < number; i++) {
        at += JOURNAL_RECORD_HEAD_SIZE + rig_batch(i, bytes).size;
    }
    return at;
}

// --- without faults ------------------------------------------------------------------------------------------------------

static void what_was_flushed_is_handed_back_in_order(void **state) {
    (void)state;
    struct port_journal *journal;
    struct port_journal_report report;
    for (uint32_t round = 0; round < 5; round++) {
        assert_int_equal(open_journal(&journal, &report), round * 7);
        assert_true(report.torn_bytes == 0 && report.lost_batches == 0);
        append_range(journal, round * 7, round * 7 + 7);
        assert_int_equal(port_journal_flush(journal), ERROR_NONE);
        assert_int_equal(rig_append(journal, 99), ERROR_NONE); // never flushed
        port_journal_close(journal);
    }
    assert_int_equal(count_batches(&report), 35);
}

static void a_rewrite_takes_the_place_of_all_before_it(void **state) {
    (void)state;
    struct port_journal *journal;
    struct port_journal_report report;
    open_journal(&journal, &report);
    append_range(journal, 50, 90);
    assert_int_equal(port_journal_flush(journal), ERROR_NONE);
    uint64_t size = port_journal_size(journal);
    append_range(journal, 90, 95); // not flushed: dropped with the old one
    assert_int_equal(port_journal_rewrite(journal), ERROR_NONE);
    append_range(journal, 0, 3);
    assert_int_equal(port_journal_rewrite(journal), ERROR_NONE); // begins anew
    append_range(journal, 0, 4);
    assert_int_equal(port_journal_commit(journal), ERROR_NONE);
    assert_true(port_journal_size(journal) < size);
    assert_int_equal(port_journal_size(journal), batch_begin(4));
    append_range(journal, 4, 6);
    assert_int_equal(port_journal_flush(journal), ERROR_NONE);
    port_journal_close(journal);
    assert_int_equal(count_batches(&report), 6);
}

static void a_rewrite_that_was_not_committed_leaves_the_old_one(void **state) {
    (void)state;
    char name[RIG_PATH_SIZE];
    struct port_journal *journal;
    struct port_journal_report report;
    make_image(5, name);
    open_journal(&journal, &report);
    assert_int_equal(port_journal_rewrite(journal), ERROR_NONE);
    assert_int_equal(rig_append(journal, 77), ERROR_NONE);
    port_journal_close(journal);
    assert_int_equal(count_batches(&report), 5);
}

static void batches_and_the_buffer_have_limits(void **state) {
    (void)state;
    static uint8_t large[PORT_JOURNAL_BATCH_MAX + 1];
    struct port_journal *journal;
    struct port_journal_report report;
    open_journal(&journal, &report);
    assert_int_equal(port_journal_append(journal, (struct bytes){large, sizeof large}), ERROR_TOO_LARGE);
    uint32_t taken = 0;
    while (port_journal_append(journal, (struct bytes){large, PORT_JOURNAL_BATCH_MAX}) == ERROR_NONE) {
        taken++;
        assert_true(taken < 1000);
    }
    assert_true(taken > 32);
    assert_int_equal(port_journal_append(journal, (struct bytes){large, PORT_JOURNAL_BATCH_MAX}), ERROR_MEMORY);
    assert_int_equal(port_journal_flush(journal), ERROR_NONE);
    assert_int_equal(port_journal_append(journal, (struct bytes){large, PORT_JOURNAL_BATCH_MAX}), ERROR_NONE);
    // A rewrite may be larger than the buffer.
    assert_int_equal(port_journal_rewrite(journal), ERROR_NONE);
    for (uint32_t i = 0; i < 2 * taken; i++) {
        assert_int_equal(port_journal_append(journal, (struct bytes){large, PORT_JOURNAL_BATCH_MAX}), ERROR_NONE);
    }
    assert_int_equal(port_journal_commit(journal), ERROR_NONE);
    port_journal_close(journal);
    char refusal[PORT_REFUSAL_SIZE];
    assert_int_equal(port_journal_open(folder, NULL, NULL, &journal, &report, refusal), ERROR_NONE);
    assert_int_equal(report.batches, 2 * taken);
    port_journal_close(journal);
}

static void a_missing_folder_is_named(void **state) {
    (void)state;
    struct port_journal *journal;
    struct port_journal_report report;
    char refusal[PORT_REFUSAL_SIZE] = "";
    assert_int_equal(port_journal_open("/nowhere", NULL, NULL, &journal, &report, refusal), ERROR_STORAGE);
    assert_non_null(strstr(refusal, "/nowhere"));
}

// --- damage --------------------------------------------------------------------------------------------------------------

static void a_journal_cut_off_anywhere_gives_a_prefix_and_goes_on_from_there(void **state) {
    (void)state;
    char name[RIG_PATH_SIZE];
    enum { BATCHES = 6 };
    size_t size = make_image(BATCHES, name);
    assert_int_equal(size, batch_begin(BATCHES));
    for (size_t cut = 0; cut <= size; cut++) {
        struct port_journal *journal;
        struct port_journal_report report;
        put_image(name, cut);
        uint32_t count = open_journal(&journal, &report);
        uint32_t whole = 0;
        while (whole < BATCHES && batch_begin(whole + 1) <= cut) {
            whole++;
        }
        assert_int_equal(count, whole);
        assert_int_equal(report.lost_batches, cut < JOURNAL_HEADER_SIZE); // its head is never missing after a crash
        assert_int_equal(report.torn_bytes, cut < JOURNAL_HEADER_SIZE ? cut : cut - batch_begin(whole));
        append_range(journal, count, count + 2);
        assert_int_equal(port_journal_flush(journal), ERROR_NONE);
        port_journal_close(journal);
        assert_int_equal(count_batches(&report), count + 2);
        assert_true(report.torn_bytes == 0 && report.lost_batches == 0);
    }
}

static void any_wrong_byte_gives_a_prefix_and_says_what_is_lost(void **state) {
    (void)state;
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    char name[RIG_PATH_SIZE];
    enum { BATCHES = 6 };
    size_t size = make_image(BATCHES, name);
    for (size_t at = 0; at < size; at++) {
        uint32_t hit = 0; // the batch with the wrong byte; none when it is in the header, of which there are two
        while (batch_begin(hit + 1) <= at) {
            hit++;
        }
        uint32_t expected = at < JOURNAL_HEADER_SIZE ? BATCHES : hit;
        for (size_t m = 0; m < sizeof masks; m++) {
            struct port_journal_report report;
            image[at] ^= masks[m];
            put_image(name, size);
            image[at] ^= masks[m];
            assert_int_equal(count_batches(&report), expected);
            bool behind = expected + 1 < BATCHES;
            assert_int_equal(report.lost_batches, behind ? BATCHES - expected - 1 : 0);
            assert_int_equal(report.torn_bytes, expected + 1 == BATCHES ? size - batch_begin(expected) : 0);
            assert_int_equal(rig_file_exists(folder, "journal.damaged"), behind);
            assert_int_equal(count_batches(&report), expected); // and has settled
            assert_true(report.torn_bytes == 0 && report.lost_batches == 0);
        }
    }
}

static void a_run_of_wrong_bytes_never_gives_a_wrong_batch(void **state) {
    (void)state;
    static uint8_t kept[sizeof image];
    char name[RIG_PATH_SIZE];
    size_t size = make_image(20, name);
    memcpy(kept, image, size);
    uint64_t random = 42;
    for (uint32_t trial = 0; trial < 3000; trial++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        size_t at = (size_t)(random >> 33) % size;
        size_t run = 1 + (size_t)(random >> 20) % 200;
        run = run > size - at ? size - at : run;
        switch (random >> 62) {
        case 0:
            memset(image + at, 0, run);
            break;
        case 1: // a piece of the same file in the wrong place
            memmove(image + at, kept + (at * 7) % (size - run), run);
            break;
        case 2: // a piece missing
            memmove(image + at, kept + at + run, size - at - run);
            break;
        default:
            for (size_t i = 0; i < run; i++) {
                image[at + i] = (uint8_t)(random >> (i % 56));
            }
        }
        struct port_journal_report report;
        uint32_t count = 0;
        assert_int_equal(journal_scan((struct bytes){image, size}, 1, rig_expect_next, &count, &report), ERROR_NONE);
        assert_int_equal(count, report.batches);
        assert_true(count + report.lost_batches <= 20 + 1);
        memcpy(image, kept, size);
    }
}

static void a_journal_without_its_head_is_said_to_be_lost(void **state) {
    (void)state;
    char name[RIG_PATH_SIZE];
    struct port_journal_report report;
    size_t size = make_image(6, name);
    image[3] ^= 1;
    image[35] ^= 1;
    put_image(name, size);
    assert_int_equal(count_batches(&report), 0);
    assert_int_equal(report.lost_batches, 6);
    memset(image, 0, size);
    put_image(name, size);
    assert_int_equal(count_batches(&report), 0);
    assert_int_equal(report.lost_batches, 1);
}

static void bytes_of_another_segment_or_another_journal_do_not_pass(void **state) {
    (void)state;
    const struct journal_key own = {3, 1000};
    const struct {
        struct journal_key key;
        uint32_t index;
        uint32_t expected;
    } rows[] = {
        {{3, 1000}, 1, 2}, {{2, 1000}, 1, 1}, // an older segment
        {{3, 1001}, 1, 1},                    // another building's
        {{3, 1000}, 0, 1},                    // a batch twice
        {{3, 1000}, 2, 1},                    // a batch missing
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[RIG_BATCH_SIZE_MAX];
        struct port_journal_report report;
        size_t at = JOURNAL_HEADER_SIZE;
        journal_header_encode(&own, image);
        journal_record_encode(&own, 0, rig_batch(0, bytes), image + at);
        at += JOURNAL_RECORD_HEAD_SIZE + rig_batch(0, bytes).size;
        journal_record_encode(&rows[i].key, rows[i].index, rig_batch(1, bytes), image + at);
        at += JOURNAL_RECORD_HEAD_SIZE + rig_batch(1, bytes).size;
        uint32_t count = 0;
        assert_int_equal(journal_scan((struct bytes){image, at}, 3, rig_expect_next, &count, &report), ERROR_NONE);
        assert_int_equal(count, rows[i].expected);
        // The file under another number: nothing of it passes.
        count = 0;
        assert_int_equal(journal_scan((struct bytes){image, at}, 4, rig_expect_next, &count, &report), ERROR_NONE);
        assert_int_equal(count, 0);
        assert_true(report.lost_batches > 0);
    }
}

static void the_newest_complete_segment_counts_and_leftovers_go(void **state) {
    (void)state;
    char name[RIG_PATH_SIZE];
    struct port_journal_report report;
    size_t size = make_image(2, name);
    assert_string_equal(name, "journal-1");
    rig_file_write(folder, "journal-9.new", bytes_of_text("half a journal"));
    rig_file_write(folder, "journal-010", bytes_of_text("not ours"));
    rig_file_write(folder, "journal-99999999999999999999", bytes_of_text("not ours"));
    rig_file_write(folder, "plan", bytes_of_text("not ours"));
    uint8_t *newer = image + size;
    uint8_t bytes[RIG_BATCH_SIZE_MAX];
    journal_header_encode(&(struct journal_key){7, 1}, newer);
    journal_record_encode(&(struct journal_key){7, 1}, 0, rig_batch(0, bytes), newer + JOURNAL_HEADER_SIZE);
    size_t newer_size = JOURNAL_HEADER_SIZE + JOURNAL_RECORD_HEAD_SIZE + rig_batch(0, bytes).size;
    rig_file_write(folder, "journal-7", (struct bytes){newer, newer_size});
    assert_int_equal(count_batches(&report), 1);
    assert_true(rig_file_exists(folder, "journal-10") && rig_file_exists(folder, "plan"));
    assert_true(rig_file_exists(folder, "journal-010") && rig_file_exists(folder, "journal-99999999999999999999"));
    assert_false(rig_file_exists(folder, "journal-1") || rig_file_exists(folder, "journal-7"));
    assert_false(rig_file_exists(folder, "journal-9.new"));
}

static size_t read_vector(const char *name) {
    char path[1024];
    struct bytes content;
    snprintf(path, sizeof path, TENON_VECTORS "/%s", name);
    assert_int_equal(port_file_read(path, sizeof image, &content), ERROR_NONE);
    memcpy(image, content.data, content.size);
    free((uint8_t *)(uintptr_t)content.data);
    return content.size;
}

static void golden_vectors_are_read_and_written_byte_for_byte(void **state) {
    (void)state;
    struct port_journal_report report;
    const struct journal_key key = {3, 0x1122334455667788};
    const char *batches[] = {"a", "valve to 30 %", "the third batch, which is somewhat longer than the others"};
    static uint8_t written[1024];
    size_t at = JOURNAL_HEADER_SIZE;
    journal_header_encode(&key, written);
    for (uint32_t i = 0; i < 3; i++) {
        journal_record_encode(&key, i, bytes_of_text(batches[i]), written + at);
        at += JOURNAL_RECORD_HEAD_SIZE + strlen(batches[i]);
    }
    size_t size = read_vector("journal-three-batches.bin");
    assert_true(bytes_equal((struct bytes){image, size}, (struct bytes){written, at}));
    assert_int_equal(journal_scan((struct bytes){image, size}, 3, NULL, NULL, &report), ERROR_NONE);
    assert_true(report.batches == 3 && report.torn_bytes == 0 && report.lost_batches == 0);
    size = read_vector("journal-damaged-second.bin");
    assert_int_equal(journal_scan((struct bytes){image, size}, 3, NULL, NULL, &report), ERROR_NONE);
    assert_true(report.batches == 1 && report.torn_bytes == 0 && report.lost_batches == 1);
}

static void a_later_format_is_refused_and_left_alone(void **state) {
    (void)state;
    struct port_journal *journal;
    struct port_journal_report report;
    char refusal[PORT_REFUSAL_SIZE] = "";
    put_image("journal-3", read_vector("refused-journal-future-version.bin"));
    assert_int_equal(port_journal_open(folder, NULL, NULL, &journal, &report, refusal), ERROR_UNSUPPORTED);
    assert_non_null(strstr(refusal, "later version"));
    assert_true(rig_file_exists(folder, "journal-3"));
    assert_false(rig_file_exists(folder, "journal-4") || rig_file_exists(folder, "journal-4.new"));
}

// --- a disk that breaks --------------------------------------------------------------------------------------------------

enum { LIFE_ROUNDS = 8, LIFE_ROUND_BATCHES = 3 };

static bool rewrite_with(struct port_journal *journal, uint32_t count) {
    if (port_journal_rewrite(journal) != ERROR_NONE) {
        return false;
    }
    append_range(journal, 0, count);
    return port_journal_commit(journal) == ERROR_NONE;
}

// A journal's life on this disk: opened, appended, rewritten half way. Sets how many batches were acknowledged and how many
// were appended in all. A failed flush is answered with rewrites, as a node does.
static void live(struct rig_disk *disk, uint32_t *acknowledged, uint32_t *appended) {
    struct port_journal *journal;
    struct port_journal_report report;
    char refusal[PORT_REFUSAL_SIZE] = "";
    uint32_t found = 0;
    *acknowledged = *appended = 0;
    if (journal_open_on(&disk->calls, folder, rig_expect_next, &found, &journal, &report, refusal) != ERROR_NONE) {
        assert_true(refusal[0] != '\0');
        return;
    }
    *appended = found;
    for (uint32_t round = 0; round < LIFE_ROUNDS; round++) {
        append_range(journal, *appended, *appended + LIFE_ROUND_BATCHES);
        *appended += LIFE_ROUND_BATCHES;
        bool durable = port_journal_flush(journal) == ERROR_NONE;
        if (!durable) {
            assert_int_equal(port_journal_flush(journal), ERROR_STORAGE);
        }
        if (!durable || round == LIFE_ROUNDS / 2) {
            durable = rewrite_with(journal, *appended);
        }
        *acknowledged = durable ? *appended : *acknowledged;
    }
    port_journal_close(journal);
}

static void survives(enum rig_fault fault, uint64_t seed) {
    for (uint32_t call = 0;; call++) {
        static struct rig_disk disk;
        struct port_journal_report report;
        uint32_t acknowledged;
        uint32_t appended;
        uint32_t acknowledged_again;
        rig_folder_clear(folder);
        // Two lives, of which the second begins with what the first one left.
        rig_disk_begin(&disk, folder, fault, UINT32_MAX, seed);
        live(&disk, &acknowledged, &appended);
        rig_disk_settle(&disk);
        assert_int_equal(acknowledged, LIFE_ROUNDS * LIFE_ROUND_BATCHES);
        rig_disk_begin(&disk, folder, fault, call, seed + call);
        live(&disk, &acknowledged_again, &appended);
        bool struck = disk.broken;
        acknowledged = acknowledged_again > acknowledged ? acknowledged_again : acknowledged;
        appended = appended > acknowledged ? appended : acknowledged;
        rig_disk_settle(&disk);
        uint32_t found = count_batches(&report);
        assert_in_range(found, acknowledged, appended);
        if (fault == RIG_FAIL_ONCE) {
            assert_int_equal(report.torn_bytes + report.lost_batches, 0);
        }
        if (!struck) {
            assert_true(call > 20);
            return;
        }
    }
}

static void any_one_failure_of_the_disk_is_overcome(void **state) {
    (void)state;
    survives(RIG_FAIL_ONCE, 1);
}

static void a_disk_that_stays_full_keeps_what_was_acknowledged(void **state) {
    (void)state;
    survives(RIG_FAIL_SPACE, 2);
}

static void a_crash_at_any_call_keeps_what_was_acknowledged(void **state) {
    (void)state;
    survives(RIG_CRASH, 3);
}

static void a_power_cut_at_any_call_keeps_what_was_acknowledged(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        survives(RIG_POWER_CUT, 100 * seed);
    }
}

// The process ends after the failed flush; the next one finds the file whole, in the page cache, and power fails later.
static void a_failed_flush_is_not_forgiven_by_a_restart(void **state) {
    (void)state;
    for (uint32_t call = 0; call < 40; call++) {
        static struct rig_disk disk;
        struct port_journal *journal;
        struct port_journal_report report;
        char refusal[PORT_REFUSAL_SIZE];
        uint32_t found = 0;
        uint32_t acknowledged = 0;
        rig_folder_clear(folder);
        rig_disk_begin(&disk, folder, RIG_SYNC_LOSES, UINT32_MAX, call);
        assert_int_equal(journal_open_on(&disk.calls, folder, NULL, NULL, &journal, &report, refusal), ERROR_NONE);
        disk.countdown = call;
        for (uint32_t i = 0; i < 20; i++) {
            assert_int_equal(rig_append(journal, i), ERROR_NONE);
            if (port_journal_flush(journal) != ERROR_NONE) {
                break;
            }
            acknowledged++;
        }
        port_journal_close(journal);
        assert_int_equal(journal_open_on(&disk.calls, folder, rig_expect_next, &found, &journal, &report, refusal), ERROR_NONE);
        assert_true(found >= acknowledged);
        assert_int_equal(rig_append(journal, found), ERROR_NONE);
        acknowledged = port_journal_flush(journal) == ERROR_NONE ? found + 1 : acknowledged;
        port_journal_close(journal);
        rig_disk_settle(&disk);
        assert_true(count_batches(&report) >= acknowledged);
    }
}

static void a_flush_that_fails_and_loses_pages_is_overcome(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        survives(RIG_SYNC_LOSES, 100 * seed);
    }
}

static void a_full_disk_stops_acknowledgements_until_a_rewrite_has_room(void **state) {
    (void)state;
    struct port_journal *journal;
    struct port_journal_report report;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    open_journal(&journal, &report);
    uint32_t count = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){3000, before.rlim_max}), 0);
    for (;; count++) {
        assert_int_equal(rig_append(journal, count), ERROR_NONE);
        if (port_journal_flush(journal) != ERROR_NONE) {
            break;
        }
    }
    assert_in_range(count, 20, 60);
    assert_int_equal(port_journal_flush(journal), ERROR_STORAGE);
    assert_false(rewrite_with(journal, count + 1)); // as full as before
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(port_journal_flush(journal), ERROR_STORAGE); // room alone does not make it good
    assert_true(rewrite_with(journal, count + 1));
    assert_int_equal(rig_append(journal, count + 1), ERROR_NONE);
    assert_int_equal(port_journal_flush(journal), ERROR_NONE);
    port_journal_close(journal);
    assert_int_equal(count_batches(&report), count + 2);
}

static void a_large_rewrite_with_a_failed_write_on_the_way_does_not_commit(void **state) {
    (void)state;
    static uint8_t large[PORT_JOURNAL_BATCH_MAX];
    static struct rig_disk disk;
    struct port_journal *journal;
    struct port_journal_report report;
    char name[RIG_PATH_SIZE];
    char refusal[PORT_REFUSAL_SIZE] = "";
    uint32_t count = 0;
    make_image(5, name);
    rig_disk_begin(&disk, folder, RIG_FAIL_ONCE, UINT32_MAX, 1);
    assert_int_equal(journal_open_on(&disk.calls, folder, rig_expect_next, &count, &journal, &report, refusal), ERROR_NONE);
    disk.countdown = 1; // the create goes well
    assert_int_equal(port_journal_rewrite(journal), ERROR_NONE);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(port_journal_append(journal, (struct bytes){large, sizeof large}), ERROR_NONE);
    }
    assert_true(disk.broken);
    assert_int_equal(port_journal_commit(journal), ERROR_STORAGE);
    port_journal_close(journal);
    rig_disk_settle(&disk);
    assert_int_equal(count_batches(&report), 5);
}

static void an_old_journal_is_handed_back_though_the_disk_is_full(void **state) {
    (void)state;
    char name[RIG_PATH_SIZE];
    static struct rig_disk disk;
    struct port_journal *journal;
    struct port_journal_report report;
    char refusal[PORT_REFUSAL_SIZE] = "";
    uint32_t count = 0;
    make_image(5, name);
    rig_disk_begin(&disk, folder, RIG_FAIL_SPACE, 0, 1);
    assert_int_equal(journal_open_on(&disk.calls, folder, rig_expect_next, &count, &journal, &report, refusal), ERROR_NONE);
    assert_int_equal(count, 5);
    assert_int_equal(rig_append(journal, 5), ERROR_NONE);
    assert_int_equal(port_journal_flush(journal), ERROR_STORAGE);
    rig_disk_free(&disk);
    assert_true(rewrite_with(journal, 6));
    port_journal_close(journal);
    rig_disk_settle(&disk);
    assert_int_equal(count_batches(&report), 6);
    // With nothing to hand back there is no reason to begin.
    rig_folder_clear(folder);
    rig_disk_begin(&disk, folder, RIG_FAIL_SPACE, 0, 1);
    assert_int_equal(journal_open_on(&disk.calls, folder, NULL, NULL, &journal, &report, refusal), ERROR_STORAGE);
    assert_non_null(strstr(refusal, "no journal can be made"));
    rig_disk_settle(&disk);
}

// --- a process that is killed --------------------------------------------------------------------------------------------

// Appends and flushes for ever, and reports after each flush how many batches are durable.
static _Noreturn void child(int reports) {
    struct port_journal *journal;
    struct port_journal_report report;
    char refusal[PORT_REFUSAL_SIZE];
    uint32_t count = 0;
    if (port_journal_open(folder, rig_expect_next, &count, &journal, &report, refusal) != ERROR_NONE ||
        report.lost_batches > 0) {
        _exit(1);
    }
    for (uint32_t round = 1;; round++) {
        bool good = true;
        if (round % 32 == 0) {
            good = rewrite_with(journal, count);
        }
        for (uint32_t i = 0; i < 1 + round % 5; i++) {
            good = good && rig_append(journal, count++) == ERROR_NONE;
        }
        if (!good || port_journal_flush(journal) != ERROR_NONE || write(reports, &count, sizeof count) != sizeof count) {
            _exit(1);
        }
    }
}

static void a_process_killed_again_and_again_keeps_what_it_acknowledged(void **state) {
    (void)state;
    uint32_t durable = 0;
    for (uint32_t round = 0; round < 60; round++) {
        int ends[2];
        struct port_journal_report report;
        assert_int_equal(pipe(ends), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(ends[0]);
            child(ends[1]);
        }
        close(ends[1]);
        uint32_t reported = 0;
        for (uint32_t i = 0; i < round * 13 % 47; i++) {
            assert_int_equal(read(ends[0], &reported, sizeof reported), sizeof reported);
        }
        int status;
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        while (read(ends[0], &reported, sizeof reported) == sizeof reported) {
        }
        close(ends[0]);
        durable = reported > durable ? reported : durable;
        uint32_t found = count_batches(&report);
        assert_in_range(found, durable, durable + 5);
        assert_int_equal(report.lost_batches, 0);
        durable = found;
    }
    assert_true(durable > 1000);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(what_was_flushed_is_handed_back_in_order),
        IN_A_FOLDER(a_rewrite_takes_the_place_of_all_before_it),
        IN_A_FOLDER(a_rewrite_that_was_not_committed_leaves_the_old_one),
        IN_A_FOLDER(batches_and_the_buffer_have_limits),
        IN_A_FOLDER(a_missing_folder_is_named),
        IN_A_FOLDER(a_journal_cut_off_anywhere_gives_a_prefix_and_goes_on_from_there),
        IN_A_FOLDER(any_wrong_byte_gives_a_prefix_and_says_what_is_lost),
        IN_A_FOLDER(a_run_of_wrong_bytes_never_gives_a_wrong_batch),
        IN_A_FOLDER(a_journal_without_its_head_is_said_to_be_lost),
        IN_A_FOLDER(bytes_of_another_segment_or_another_journal_do_not_pass),
        IN_A_FOLDER(the_newest_complete_segment_counts_and_leftovers_go),
        IN_A_FOLDER(golden_vectors_are_read_and_written_byte_for_byte),
        IN_A_FOLDER(a_later_format_is_refused_and_left_alone),
        IN_A_FOLDER(any_one_failure_of_the_disk_is_overcome),
        IN_A_FOLDER(a_disk_that_stays_full_keeps_what_was_acknowledged),
        IN_A_FOLDER(a_crash_at_any_call_keeps_what_was_acknowledged),
        IN_A_FOLDER(a_power_cut_at_any_call_keeps_what_was_acknowledged),
        IN_A_FOLDER(a_flush_that_fails_and_loses_pages_is_overcome),
        IN_A_FOLDER(a_failed_flush_is_not_forgiven_by_a_restart),
        IN_A_FOLDER(a_full_disk_stops_acknowledgements_until_a_rewrite_has_room),
        IN_A_FOLDER(a_large_rewrite_with_a_failed_write_on_the_way_does_not_commit),
        IN_A_FOLDER(an_old_journal_is_handed_back_though_the_disk_is_full),
        IN_A_FOLDER(a_process_killed_again_and_again_keeps_what_it_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
