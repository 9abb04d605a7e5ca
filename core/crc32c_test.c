// CRC-32C against the published answers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/crc32c.h"

static void known_answers_of_rfc_3720_b_4_come_out(void **state) {
    (void)state;
    uint8_t zeros[32] = {0};
    uint8_t ones[32];
    uint8_t up[32];
    uint8_t down[32];
    for (uint8_t i = 0; i < 32; i++) {
        ones[i] = 0xff;
        up[i] = i;
        down[i] = (uint8_t)(31 - i);
    }
    const uint8_t read_command[48] = {0x01, 0xc0, 0, 0,    0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 4, 0,
                                      0,    0,    0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 2,    0, 0, 0, 0, 0, 0, 0};
    const struct {
        struct bytes data;
        uint32_t crc;
    } rows[] = {
        {{NULL, 0}, 0},
        {bytes_of_text("123456789"), 0xe3069283},
        {{zeros, sizeof zeros}, 0x8a9136aa},
        {{ones, sizeof ones}, 0x62a8ab43},
        {{up, sizeof up}, 0x46dd794e},
        {{down, sizeof down}, 0x113fdb5c},
        {{read_command, sizeof read_command}, 0xd9963a56},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(crc32c(0, rows[i].data), rows[i].crc);
    }
}

static void a_checksum_in_two_parts_is_the_checksum_of_the_whole(void **state) {
    (void)state;
    struct bytes whole = bytes_of_text("the building remembers");
    for (size_t cut = 0; cut <= whole.size; cut++) {
        uint32_t head = crc32c(0, (struct bytes){whole.data, cut});
        assert_int_equal(crc32c(head, (struct bytes){whole.data + cut, whole.size - cut}), crc32c(0, whole));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers_of_rfc_3720_b_4_come_out),
        cmocka_unit_test(a_checksum_in_two_parts_is_the_checksum_of_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
