// The plant driver against a plant of a few lines, and the packets between them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/assert.h"
#include "drivers/plant.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s does not hold in %s\n", expression, function);
    abort();
}

static struct plant_message message, decoded;
static uint8_t packet[PLANT_PACKET_SIZE_MAX];

static size_t encode(void) {
    size_t size = 0;
    assert_int_equal(plant_message_encode(&message, (struct buffer){packet, sizeof packet}, &size), ERROR_NONE);
    return size;
}

static void decode(size_t size) {
    memset(&decoded, 0xa5, sizeof decoded);
    assert_int_equal(plant_message_decode((struct bytes){packet, size}, &decoded), ERROR_NONE);
    assert_int_equal(decoded.kind, message.kind);
}

// --- packets ---------------------------------------------------------------------------------------------------------------

static void the_largest_hello_fits_a_packet(void **state) {
    (void)state;
    message.kind = PLANT_HELLO;
    message.hello.read_count = PLANT_POINTS_MAX;
    message.hello.write_count = PLANT_POINTS_MAX;
    for (int i = 0; i < PLANT_POINTS_MAX; i++) {
        memset(message.hello.read[i], 'r', NAME_SIZE_MAX - 1);
        memset(message.hello.write[i], 'w', NAME_SIZE_MAX - 1);
        message.hello.read[i][NAME_SIZE_MAX - 1] = message.hello.write[i][NAME_SIZE_MAX - 1] = '\0';
    }
    decode(encode());
    assert_int_equal(decoded.hello.read_count, PLANT_POINTS_MAX);
    assert_string_equal(decoded.hello.write[PLANT_POINTS_MAX - 1], message.hello.write[PLANT_POINTS_MAX - 1]);
}

static void a_step_keeps_values_and_missing_values_apart(void **state) {
    (void)state;
    message.kind = PLANT_STEP;
    message.step = (struct plant_step){.number = 7, .unix_local_s = 1547424000, .value_count = 3};
    message.step.values[0] = (struct plant_value){true, 21.5};
    message.step.values[1] = (struct plant_value){false, 0};
    message.step.values[2] = (struct plant_value){true, (double)INFINITY}; // goes out as "no valid value"
    decode(encode());
    assert_int_equal(decoded.step.number, 7);
    assert_int_equal(decoded.step.unix_local_s, 1547424000);
    assert_true(decoded.step.values[0].valid && decoded.step.values[0].value == 21.5);
    assert_false(decoded.step.values[1].valid);
    assert_false(decoded.step.values[2].valid);
}

static void what_the_format_does_not_allow_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum error error;
    } table[] = {
        {"", 0, ERROR_TRUNCATED},
        {"\x81", 1, ERROR_TRUNCATED},
        {"\x81\x04\x00", 3, ERROR_MALFORMED},                                      // something follows the end
        {"\x81\x06", 2, ERROR_UNSUPPORTED},                                        // an unknown kind
        {"\x84\x00\x02\x80\x80", 5, ERROR_UNSUPPORTED},                            // a later version
        {"\x84\x00\x01\x81\x60\x80", 6, ERROR_MALFORMED},                          // a point without a name
        {"\x83\x03\x18\x40\xf6", 5, ERROR_TOO_LARGE},                              // index 64
        {"\x83\x03\x00\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00", 12, ERROR_MALFORMED}, // infinity
        {"\x83\x03\x00\x15", 4, ERROR_MALFORMED},                                  // an integer for a value
        {"\xa1\x00\x01", 3, ERROR_MALFORMED},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct bytes bytes = {(const uint8_t *)table[i].bytes, table[i].size};
        assert_int_equal(plant_message_decode(bytes, &decoded), table[i].error);
    }
}

// --- the driver --------------------------------------------------------------------------------------------------------------

struct fake_plant {
    char path[64];
    int listener;
    int connection;
    const char *refusal; // "" for welcome
    struct plant_message hello;
    pthread_t thread;
};

static void fake_send(struct fake_plant *plant, const struct plant_message *out) {
    uint8_t bytes[PLANT_PACKET_SIZE_MAX];
    size_t size = 0;
    assert_int_equal(plant_message_encode(out, (struct buffer){bytes, sizeof bytes}, &size), ERROR_NONE);
    assert_int_equal(send(plant->connection, bytes, size, 0), (ssize_t)size);
}

static void *accept_one(void *context) {
    struct fake_plant *plant = context;
    uint8_t bytes[PLANT_PACKET_SIZE_MAX];
    plant->connection = accept(plant->listener, NULL, NULL);
    ssize_t size = recv(plant->connection, bytes, sizeof bytes, 0);
    if (size <= 0 || plant_message_decode((struct bytes){bytes, (size_t)size}, &plant->hello) != ERROR_NONE) {
        return NULL;
    }
    static struct plant_message answer;
    answer.kind = PLANT_ANSWER;
    snprintf(answer.answer.refusal, sizeof answer.answer.refusal, "%s", plant->refusal);
    fake_send(plant, &answer);
    return NULL;
}

static void fake_start(struct fake_plant *plant, const char *refusal) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(plant->path, sizeof plant->path, "/tmp/tenon-plant-test-%ld", (long)getpid());
    memcpy(address.sun_path, plant->path, sizeof plant->path);
    plant->refusal = refusal;
    unlink(plant->path);
    plant->listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_int_equal(bind(plant->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(plant->listener, 1), 0);
    assert_int_equal(pthread_create(&plant->thread, NULL, accept_one, plant), 0);
}

static void fake_stop(struct fake_plant *plant) {
    if (plant->connection > 0) {
        close(plant->connection);
    }
    close(plant->listener);
    unlink(plant->path);
}

static const char *const reads[] = {"space1/temperature", "outdoor/temperature"};
static const char *const writes[] = {"space1/heating_setpoint"};

static void values_come_in_and_writes_go_out(void **state) {
    (void)state;
    static struct fake_plant plant;
    static struct plant_step step;
    struct plant_driver *driver;
    char refusal[PLANT_REFUSAL_SIZE];
    plant = (struct fake_plant){0};
    fake_start(&plant, "");
    assert_int_equal(plant_driver_open(plant.path, reads, 2, writes, 1, &driver, refusal), ERROR_NONE);
    pthread_join(plant.thread, NULL);
    assert_string_equal(plant.hello.hello.read[1], "outdoor/temperature");
    assert_string_equal(plant.hello.hello.write[0], "space1/heating_setpoint");
    assert_int_equal(plant_driver_receive(driver, &step), ERROR_NOT_FOUND);

    message.kind = PLANT_STEP;
    message.step =
        (struct plant_step){.number = 1, .unix_local_s = 300, .value_count = 2, .values = {{true, 19.25}, {false, 0}}};
    fake_send(&plant, &message);
    assert_int_equal(plant_driver_receive(driver, &step), ERROR_NONE);
    assert_true(step.values[0].value == 19.25 && !step.values[1].valid && !step.ended);

    assert_int_equal(plant_driver_write(driver, 0, true, 21.0), ERROR_NONE);
    assert_int_equal(plant_driver_write(driver, 1, true, 21.0), ERROR_NOT_FOUND);
    assert_int_equal(plant_driver_write(driver, 0, true, (double)NAN), ERROR_MALFORMED);
    ssize_t size = recv(plant.connection, packet, sizeof packet, 0);
    assert_int_equal(plant_message_decode((struct bytes){packet, (size_t)size}, &decoded), ERROR_NONE);
    assert_true(decoded.kind == PLANT_WRITE && decoded.write.value.valid && decoded.write.value.value == 21.0);

    message.kind = PLANT_END;
    fake_send(&plant, &message);
    assert_int_equal(plant_driver_receive(driver, &step), ERROR_NONE);
    assert_true(step.ended);
    fake_stop(&plant);
    assert_int_equal(plant_driver_receive(driver, &step), ERROR_NETWORK);
    assert_int_equal(plant_driver_write(driver, 0, false, 0), ERROR_NETWORK);
    plant_driver_close(driver);
}

static void a_step_of_another_shape_is_refused(void **state) {
    (void)state;
    static struct fake_plant plant;
    static struct plant_step step;
    struct plant_driver *driver;
    char refusal[PLANT_REFUSAL_SIZE];
    plant = (struct fake_plant){0};
    fake_start(&plant, "");
    assert_int_equal(plant_driver_open(plant.path, reads, 2, writes, 1, &driver, refusal), ERROR_NONE);
    pthread_join(plant.thread, NULL);
    message.kind = PLANT_STEP;
    message.step = (struct plant_step){.value_count = 1};
    fake_send(&plant, &message);
    assert_int_equal(plant_driver_receive(driver, &step), ERROR_MALFORMED);
    plant_driver_close(driver);
    fake_stop(&plant);
}

static void the_reason_of_a_refusal_reaches_the_caller(void **state) {
    (void)state;
    static struct fake_plant plant;
    struct plant_driver *driver;
    char refusal[PLANT_REFUSAL_SIZE];
    plant = (struct fake_plant){0};
    fake_start(&plant, "the plant has no point 'space1/temperature'");
    assert_int_equal(plant_driver_open(plant.path, reads, 2, writes, 1, &driver, refusal), ERROR_DENIED);
    pthread_join(plant.thread, NULL);
    assert_null(driver);
    assert_string_equal(refusal, "the plant has no point 'space1/temperature'");
    fake_stop(&plant);
}

static void nobody_at_the_socket_is_named_with_a_remedy(void **state) {
    (void)state;
    struct plant_driver *driver;
    char refusal[PLANT_REFUSAL_SIZE];
    char path[256];
    assert_int_equal(plant_driver_open("/nowhere/plant.sock", reads, 2, writes, 1, &driver, refusal), ERROR_NETWORK);
    assert_non_null(strstr(refusal, "/nowhere/plant.sock"));
    assert_non_null(strstr(refusal, "is tenon-plant running?"));
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(plant_driver_open(path, reads, 2, writes, 1, &driver, refusal), ERROR_TOO_LARGE);
    assert_int_equal(plant_driver_open("/nowhere", reads, PLANT_POINTS_MAX + 1, writes, 1, &driver, refusal), ERROR_TOO_LARGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_hello_fits_a_packet),
        cmocka_unit_test(a_step_keeps_values_and_missing_values_apart),
        cmocka_unit_test(what_the_format_does_not_allow_is_refused),
        cmocka_unit_test(values_come_in_and_writes_go_out),
        cmocka_unit_test(a_step_of_another_shape_is_refused),
        cmocka_unit_test(the_reason_of_a_refusal_reaches_the_caller),
        cmocka_unit_test(nobody_at_the_socket_is_named_with_a_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
