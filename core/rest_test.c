// Resources and ports as CoAP resources: a client asks node 0 of the rig by hand-made datagrams and looks at what it sends.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/rest.h"
#include "tests/runtime_rig.h"

static const struct coap_address stranger = {{99}};
static const uint8_t safe_item[] = {0x00};
static uint16_t next_id;
static struct rig_datagram last; // what the client was sent last
static uint32_t received;

// Stands on the wire: what is for the client is kept, and goes no further.
static uint32_t capture(struct rig *rig, const struct rig_datagram *datagram) {
    (void)rig;
    if (memcmp(&datagram->to, &stranger, sizeof stranger) != 0) {
        return 0;
    }
    last = *datagram;
    received++;
    return 1;
}

// One task "t" (echo) from the sensor to the valve.
static struct rig *start(void) {
    static struct plan_task task;
    static struct plan_resource resources[2];
    static struct plan_link links[2];
    struct rig *rig = rig_open();
    rig->lose = capture;
    memset(&task, 0, sizeof task);
    strcpy(task.name, "t");
    rig_digest("echo", task.digest);
    strcpy(resources[0].name, "room/temperature");
    strcpy(resources[1].name, "room/valve");
    resources[1].safe = (struct bytes){safe_item, 1};
    links[0] = (struct plan_link){
        .id = 1, .delivery = DELIVERY_MEASUREMENT, .source = {END_RESOURCE, 0, 0}, .destination = {END_TASK, 0, 0}};
    links[1] = (struct plan_link){.id = 2,
                                  .delivery = DELIVERY_COMMAND,
                                  .source = {END_TASK, 0, 0},
                                  .destination = {END_RESOURCE, 1, 0},
                                  .expiry_ms = 30000,
                                  .priority = 10};
    struct plan plan = {.revision = 1,
                        .policy = "example",
                        .node = "n",
                        .tasks = &task,
                        .task_count = 1,
                        .resources = resources,
                        .resource_count = 2,
                        .links = links,
                        .link_count = 2};
    assert_int_equal(rig_plan(rig, 0, &plan), ERROR_NONE);
    rig_run(rig, 20);
    next_id = 1;
    received = 0;
    return rig;
}

static struct coap_message answer(void) {
    struct coap_message message;
    assert_true(received > 0);
    assert_int_equal(coap_message_parse((struct bytes){last.data, last.size}, &message), ERROR_NONE);
    return message;
}

static struct coap_message ask(struct rig *rig, uint8_t code, const char *path, int observe, const char *query, int accept) {
    uint8_t storage[256];
    struct coap_builder builder;
    size_t size = 0;
    coap_builder_start(&builder, (struct buffer){storage, sizeof storage}, COAP_CONFIRMABLE, code, next_id++,
                       bytes_of_text("tok"));
    if (observe >= 0) {
        coap_builder_option_uint(&builder, COAP_OPTION_OBSERVE, (uint32_t)observe);
    }
    coap_builder_path(&builder, path);
    if (query != NULL) {
        coap_builder_option(&builder, COAP_OPTION_URI_QUERY, bytes_of_text(query));
    }
    if (accept >= 0) {
        coap_builder_option_uint(&builder, COAP_OPTION_ACCEPT, (uint32_t)accept);
    }
    assert_int_equal(coap_builder_finish(&builder, &size), ERROR_NONE);
    runtime_datagram(&rig->nodes[0].runtime, &stranger, (struct bytes){storage, size});
    rig_run(rig, 0);
    return answer();
}

static void expect_text(const struct coap_message *message, const char *text) {
    assert_int_equal(message->code, COAP_CONTENT);
    assert_int_equal(message->payload.size, strlen(text));
    assert_memory_equal(message->payload.data, text, strlen(text));
}

static void expect_refusal(const struct coap_message *message, uint8_t code, const char *begins) {
    assert_int_equal(message->code, code);
    assert_true(message->payload.size >= strlen(begins));
    assert_memory_equal(message->payload.data, begins, strlen(begins));
}

static void acknowledge(struct rig *rig) {
    uint16_t id = answer().id;
    const uint8_t empty[4] = {0x60, 0, (uint8_t)(id >> 8), (uint8_t)id};
    runtime_datagram(&rig->nodes[0].runtime, &stranger, (struct bytes){empty, 4});
}

static void a_resource_is_read_in_the_format_asked_for(void **state) {
    (void)state;
    struct rig *rig = start();
    struct coap_message message = ask(rig, COAP_GET, "r/room/temperature", -1, NULL, -1);
    expect_text(&message, "\xf6");
    rig_publish(rig, 0, "room/temperature", 21.5);
    message = ask(rig, COAP_GET, "r/room/temperature", -1, NULL, COAP_FORMAT_SENML_JSON);
    expect_text(&message, "[{\"bn\":\"rig/room/temperature\",\"v\":21.5,\"t\":-0.03}]");
    message = ask(rig, COAP_GET, "r/room/temperature", -1, NULL, -1);
    assert_int_equal(coap_message_option_uint(&message, COAP_OPTION_CONTENT_FORMAT, 0), COAP_FORMAT_CBOR);
    assert_int_equal(message.payload.data[0], 0xfa);
    message = ask(rig, COAP_GET, "r/room/temperature", -1, NULL, COAP_FORMAT_TEXT);
    expect_text(&message, "21.5");
    rig_run(rig, 2000);
    message = ask(rig, COAP_GET, "r/room/temperature", -1, NULL, COAP_FORMAT_SENML_JSON);
    expect_text(&message, "[{\"bn\":\"rig/room/temperature\",\"v\":21.5,\"t\":-2.07}]");
    message = ask(rig, COAP_GET, "r/room/temperature", -1, NULL, COAP_FORMAT_JSON);
    expect_refusal(&message, COAP_NOT_ACCEPTABLE, "Accept:");
    message = ask(rig, COAP_GET, "r/room/humidity", -1, NULL, -1);
    expect_refusal(&message, COAP_NOT_FOUND, "the node has no such resource");
    rig_close(rig);
}

static void a_port_shows_the_last_message_that_passed_it(void **state) {
    (void)state;
    struct rig *rig = start();
    struct coap_message message = ask(rig, COAP_GET, "p/t/out", -1, NULL, COAP_FORMAT_TEXT);
    expect_text(&message, "null");
    rig_publish(rig, 0, "room/temperature", 42);
    rig_run(rig, 20);
    message = ask(rig, COAP_GET, "p/t/in", -1, NULL, COAP_FORMAT_TEXT);
    expect_text(&message, "42");
    message = ask(rig, COAP_GET, "p/t/out", -1, NULL, COAP_FORMAT_SENML_JSON);
    expect_text(&message, "[{\"bn\":\"rig/t/out\",\"u\":\"Cel\",\"v\":42,\"t\":-0.06}]");
    message = ask(rig, COAP_GET, "p/t/other", -1, NULL, -1);
    expect_refusal(&message, COAP_NOT_FOUND, "the node runs no such task");
    message = ask(rig, COAP_GET, "p/u/out", -1, NULL, -1);
    expect_refusal(&message, COAP_NOT_FOUND, "the node runs no such task");
    message = ask(rig, COAP_GET, "p/t", -1, NULL, -1);
    expect_refusal(&message, COAP_NOT_FOUND, "the node runs no such task");
    message = ask(rig, COAP_POST, "p/t/in", -1, NULL, -1);
    expect_refusal(&message, COAP_METHOD_NOT_ALLOWED, "a port is read");
    rig_close(rig);
}

static void an_observer_hears_of_each_change_of_a_resource_and_a_port(void **state) {
    (void)state;
    static const char *const paths[] = {"r/room/temperature", "p/t/out", "r/room/valve"};
    for (size_t i = 0; i < 3; i++) {
        struct rig *rig = start();
        rig_publish(rig, 0, "room/temperature", 20);
        rig_run(rig, 20);
        struct coap_message message = ask(rig, COAP_GET, paths[i], 0, NULL, COAP_FORMAT_TEXT);
        expect_text(&message, "20");
        assert_non_null(coap_message_option(&message, COAP_OPTION_OBSERVE));
        for (int value = 21; value < 25; value++) {
            uint32_t before = received;
            char text[3] = {'2', (char)('0' + value - 20), 0};
            rig_publish(rig, 0, "room/temperature", value);
            rig_run(rig, 20);
            assert_int_equal(received, before + 1);
            message = answer();
            expect_text(&message, text);
            assert_non_null(coap_message_option(&message, COAP_OPTION_OBSERVE));
            if (message.type == COAP_CONFIRMABLE) {
                acknowledge(rig);
            }
        }
        rig_close(rig);
    }
}

static void conditions_are_read_from_the_query_and_refused_by_name(void **state) {
    (void)state;
    struct rig *rig = start();
    struct coap_message message = ask(rig, COAP_GET, "r/room/temperature", 0, "c.st=0", -1);
    expect_refusal(&message, COAP_BAD_REQUEST, "c.st:");
    assert_null(coap_message_option(&message, COAP_OPTION_OBSERVE));
    rig_publish(rig, 0, "room/temperature", 20);
    message = ask(rig, COAP_GET, "r/room/temperature", 0, "c.gt=22", -1);
    uint32_t before = received;
    rig_publish(rig, 0, "room/temperature", 21);
    rig_run(rig, 20);
    assert_int_equal(received, before);
    rig_publish(rig, 0, "room/temperature", 23);
    rig_run(rig, 20);
    assert_int_equal(received, before + 1);
    rig_close(rig);
}

static void an_observer_of_a_task_that_ends_is_told(void **state) {
    (void)state;
    struct rig *rig = start();
    struct coap_message message = ask(rig, COAP_GET, "p/t/out", 0, NULL, -1);
    struct plan empty = {.revision = 2, .policy = "example", .node = "n"};
    uint32_t before = received;
    assert_int_equal(rig_plan(rig, 0, &empty), ERROR_NONE);
    rig_run(rig, 20);
    assert_int_equal(received, before + 1);
    message = answer();
    assert_int_equal(message.code, COAP_NOT_FOUND);
    assert_null(coap_message_option(&message, COAP_OPTION_OBSERVE));
    acknowledge(rig);
    assert_int_equal(rig->nodes[0].runtime.coap.observations_used, 0);
    rig_close(rig);
}

static void resources_and_ports_are_listed(void **state) {
    (void)state;
    struct rig *rig = start();
    struct coap_message all = {.code = COAP_GET};
    char out[1024];
    struct link_list list = {.pen = pen_start((struct buffer){(uint8_t *)out, sizeof out - 1}), .filter = &all};
    rest_links(&rig->nodes[0].runtime, &list);
    out[list.pen.size] = '\0';
    assert_non_null(strstr(out, "</r/room/temperature>;if=\"core.s\";ct=\"60 112 110 0\";obs"));
    assert_non_null(strstr(out, "</r/room/valve>;if=\"core.a\""));
    assert_non_null(strstr(out, "</p/t/out>;if=\"tenon.output\";u=\"Cel\""));
    assert_non_null(strstr(out, "</p/t/in>;if=\"tenon.input\""));
    rig_close(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_resource_is_read_in_the_format_asked_for),
        cmocka_unit_test(a_port_shows_the_last_message_that_passed_it),
        cmocka_unit_test(an_observer_hears_of_each_change_of_a_resource_and_a_port),
        cmocka_unit_test(conditions_are_read_from_the_query_and_refused_by_name),
        cmocka_unit_test(an_observer_of_a_task_that_ends_is_told),
        cmocka_unit_test(resources_and_ports_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
