// Frames on a serial line: every packet survives, and damage is seen.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "drivers/plant_frame.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s does not hold in %s\n", expression, function);
    abort();
}

static uint8_t packet[1024];
static uint8_t frame[PLANT_FRAME_SIZE(sizeof packet)];

// The frame's size without its end.
static size_t encode(size_t packet_size) {
    size_t size = 0;
    struct buffer out = {frame, PLANT_FRAME_SIZE(packet_size)};
    assert_int_equal(plant_frame_encode((struct bytes){packet, packet_size}, out, &size), ERROR_NONE);
    assert_in_range(size, packet_size + 5, PLANT_FRAME_SIZE(packet_size));
    assert_int_equal(frame[size - 1], PLANT_FRAME_END);
    assert_null(memchr(frame, PLANT_FRAME_END, size - 1));
    return size - 1;
}

static void packets_of_every_size_and_pattern_survive(void **state) {
    (void)state;
    for (size_t size = 0; size <= sizeof packet; size++) {
        for (unsigned pattern = 0; pattern < 4; pattern++) {
            for (size_t i = 0; i < size; i++) {
                packet[i] = pattern == 0 ? 0 : pattern == 1 ? 0xff : pattern == 2 ? (uint8_t)i : (uint8_t)(i % 3);
            }
            size_t decoded = 0;
            assert_int_equal(plant_frame_decode(frame, encode(size), &decoded), ERROR_NONE);
            assert_int_equal(decoded, size);
            assert_memory_equal(frame, packet, size);
        }
    }
}

static void a_flipped_bit_is_seen_wherever_it_is(void **state) {
    (void)state;
    for (size_t i = 0; i < 300; i++) {
        packet[i] = (uint8_t)(i % 7);
    }
    size_t size = encode(300);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        size_t decoded = 0;
        assert_int_equal(encode(300), size);
        frame[bit / 8] = (uint8_t)(frame[bit / 8] ^ 1u << bit % 8);
        assert_int_equal(plant_frame_decode(frame, size, &decoded), ERROR_MALFORMED);
    }
}

static void a_lost_or_doubled_byte_is_seen(void **state) {
    (void)state;
    size_t size = encode(100);
    for (size_t at = 0; at < size; at++) {
        size_t decoded = 0;
        assert_int_equal(encode(100), size);
        memmove(frame + at, frame + at + 1, size - at - 1);
        assert_int_equal(plant_frame_decode(frame, size - 1, &decoded), ERROR_MALFORMED);
    }
}

static void nothing_between_two_ends_is_no_frame(void **state) {
    (void)state;
    size_t decoded = 0;
    assert_int_equal(plant_frame_decode(frame, 0, &decoded), ERROR_NOT_FOUND);
    frame[0] = 1;
    assert_int_equal(plant_frame_decode(frame, 1, &decoded), ERROR_MALFORMED);
}

static void a_frame_that_does_not_fit_is_refused(void **state) {
    (void)state;
    size_t size = 0;
    assert_int_equal(plant_frame_encode((struct bytes){packet, 10}, (struct buffer){frame, 15}, &size), ERROR_TOO_LARGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_every_size_and_pattern_survive),
        cmocka_unit_test(a_flipped_bit_is_seen_wherever_it_is),
        cmocka_unit_test(a_lost_or_doubled_byte_is_seen),
        cmocka_unit_test(nothing_between_two_ends_is_no_frame),
        cmocka_unit_test(a_frame_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
