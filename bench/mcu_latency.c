// The host's side of `./dev bench mcu`: gives two boards the same plan and code, then sends them events in turns and waits for
// the command that comes of each. Started by mcu_latency.py, which runs the boards and reads what they measured themselves.
//
//     mcu_latency MODULES ROUNDS PORT PORT     prints "COMPONENT BOARD MEDIAN P99" in microseconds, a line for each lane
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/bench.h"
#include "core/sha256.h"

#define BOARDS 2
#define COMPONENTS 2
#define BLOCK_SIZE 512u
#define BLOCK_SIZE_EXPONENT 5u // 2 ^ (5 + 4)
#define TIMEOUT_MS 5000
// Between two rounds, so that a board's work after its command does not fall into the next lane's time.
#define SETTLE_US 1000
#define WARM_UP 50

// Of each component, the input whose every message gives a command at output 0. In the order of names, as plans have them.
static const struct {
    const char *name;
    uint32_t input;
} components[COMPONENTS] = {{"leak-guard", 2}, {"thermostat", 0}};

struct board {
    struct port_udp *udp;
    struct coap_address us;
    struct coap_address peer;
    uint16_t id;
    uint64_t sequence[COMPONENTS];
    double *microseconds[COMPONENTS];
};

static uint32_t link_in(uint32_t component) {
    return 1 + 2 * component;
}

static uint32_t link_out(uint32_t component) {
    return 2 + 2 * component;
}

// Waits for a message; false when none came. `buffer` holds what `out` looks into.
static bool hear(struct board *board, uint8_t buffer[DATAGRAM_SIZE_MAX], struct coap_message *out) {
    struct coap_address from;
    struct bytes datagram;
    for (;;) {
        if (port_udp_receive(board->udp, &from, (struct buffer){buffer, DATAGRAM_SIZE_MAX}, &datagram) == ERROR_NONE) {
            if (coap_message_parse(datagram, out) == ERROR_NONE) {
                return true;
            }
            continue;
        }
        int descriptor = port_udp_descriptor(board->udp);
        if (port_wait(&descriptor, 1, TIMEOUT_MS) == 0) {
            return false;
        }
    }
}

// --- plan and code -------------------------------------------------------------------------------------------------------

// One block of a PUT; the code of the answer.
static uint8_t put_block(struct board *board, const char *path, uint16_t format, struct bytes body, uint32_t block) {
    uint8_t out[DATAGRAM_SIZE_MAX];
    uint8_t in[DATAGRAM_SIZE_MAX];
    struct coap_builder builder;
    struct coap_message answer;
    size_t size = 0;
    size_t offset = (size_t)block * BLOCK_SIZE;
    bool more = body.size - offset > BLOCK_SIZE;
    const uint8_t token = 1;
    coap_builder_start(&builder, (struct buffer){out, sizeof out}, COAP_CONFIRMABLE, COAP_PUT, ++board->id,
                       (struct bytes){&token, 1});
    coap_builder_path(&builder, path);
    coap_builder_option_uint(&builder, COAP_OPTION_CONTENT_FORMAT, format);
    coap_builder_option_uint(&builder, COAP_OPTION_BLOCK1, block << 4 | (more ? 8u : 0) | BLOCK_SIZE_EXPONENT);
    coap_builder_payload(&builder, (struct bytes){body.data + offset, more ? BLOCK_SIZE : body.size - offset});
    if (coap_builder_finish(&builder, &size) != ERROR_NONE) {
        bench_fail("a block does not fit");
    }
    (void)port_udp_send(board->udp, &board->peer, (struct bytes){out, size});
    while (hear(board, in, &answer)) {
        if (answer.type == COAP_ACKNOWLEDGEMENT && answer.id == board->id) {
            return answer.code;
        }
    }
    bench_fail("a board does not answer a PUT");
}

static void put(struct board *board, const char *path, uint16_t format, struct bytes body) {
    uint8_t code = 0;
    for (uint32_t block = 0; (size_t)block * BLOCK_SIZE < body.size; block++) {
        code = put_block(board, path, format, body, block);
    }
    if (code != COAP_CHANGED) {
        fprintf(stderr, "bench: %s was answered %u.%02u\n", path, code >> 5, code & 31u);
        bench_fail("the board took no plan or code");
    }
}

static void install(struct board *board, const struct bytes modules[COMPONENTS]) {
    struct plan_task tasks[COMPONENTS] = {0};
    struct plan_link links[2 * COMPONENTS] = {0};
    struct plan_peer peer = {.name = "bench", .address = board->us};
    struct plan plan = {.revision = 1,
                        .policy = "bench",
                        .node = "board",
                        .tasks = tasks,
                        .task_count = COMPONENTS,
                        .peers = &peer,
                        .peer_count = 1,
                        .links = links,
                        .link_count = 2 * COMPONENTS};
    uint8_t encoded[1024];
    size_t size = 0;
    for (uint32_t i = 0; i < COMPONENTS; i++) {
        char hex[65];
        char path[80];
        tasks[i].epoch = 1;
        snprintf(tasks[i].name, sizeof tasks[i].name, "%s", components[i].name);
        sha256(modules[i], tasks[i].digest);
        digest_text(tasks[i].digest, hex);
        snprintf(path, sizeof path, "code/%s", hex);
        put(board, path, COAP_FORMAT_OCTETS, modules[i]);
        links[2 * i] = (struct plan_link){.id = link_in(i),
                                          .delivery = DELIVERY_EVENT,
                                          .source = {END_REMOTE, 0, 0},
                                          .destination = {END_TASK, i, (uint16_t)components[i].input}};
        links[2 * i + 1] = (struct plan_link){.id = link_out(i),
                                              .delivery = DELIVERY_COMMAND,
                                              .source = {END_TASK, i, 0},
                                              .destination = {END_REMOTE, 0, 0},
                                              .expiry_ms = 10000,
                                              .priority = 10};
    }
    if (plan_encode(&plan, (struct buffer){encoded, sizeof encoded}, &size) != ERROR_NONE) {
        bench_fail("the plan does not fit");
    }
    put(board, "plan", COAP_FORMAT_CBOR, (struct bytes){encoded, size});
}

static struct bytes read_module(const char *folder, const char *name) {
    char path[512];
    struct bytes module;
    snprintf(path, sizeof path, "%s/%s.wasm", folder, name);
    if (port_file_read(path, MODULE_SIZE_MAX, &module) != ERROR_NONE) {
        bench_fail("a component's module is missing: run ./dev build");
    }
    return module;
}

static void open_board(struct board *board, const char *port) {
    char refusal[PORT_REFUSAL_SIZE];
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%s", port);
    if (port_udp_open("127.0.0.1:0", &board->udp, refusal) != ERROR_NONE ||
        port_address_parse(address, &board->peer) != ERROR_NONE) {
        bench_fail("no socket for a board");
    }
    port_udp_address(board->udp, &board->us);
}

// --- rounds --------------------------------------------------------------------------------------------------------------

// Answers the command with 2.04 in its ACK.
static void acknowledge(struct board *board, const struct coap_message *command) {
    uint8_t out[32];
    size_t size = 0;
    struct coap_builder builder;
    coap_builder_start(&builder, (struct buffer){out, sizeof out}, COAP_ACKNOWLEDGEMENT, COAP_CHANGED, command->id,
                       command->token);
    if (coap_builder_finish(&builder, &size) == ERROR_NONE) {
        (void)port_udp_send(board->udp, &board->peer, (struct bytes){out, size});
    }
}

static double ask(struct board *board, uint32_t component, double value) {
    uint8_t datagram[DATAGRAM_SIZE_MAX];
    uint8_t in[DATAGRAM_SIZE_MAX];
    struct coap_message message;
    size_t size = bench_event(++board->id, link_in(component), ++board->sequence[component], value, datagram);
    uint64_t begin_ns = port_clock_ns();
    (void)port_udp_send(board->udp, &board->peer, (struct bytes){datagram, size});
    while (hear(board, in, &message)) {
        if (message.code == COAP_POST) {
            double microseconds = (double)(port_clock_ns() - begin_ns) / 1000.0;
            acknowledge(board, &message);
            return microseconds;
        }
        if (message.type == COAP_ACKNOWLEDGEMENT && message.code != COAP_CHANGED && message.code != 0) {
            bench_fail("a board refused an event");
        }
    }
    bench_fail("no command came of an event");
}

static void print_lane(struct board *board, uint32_t index, uint32_t component, uint32_t rounds) {
    double median = bench_median(board->microseconds[component], rounds);
    printf("%s %u %.1f %.1f\n", components[component].name, index, median, board->microseconds[component][rounds * 99 / 100]);
}

int main(int argument_count, char **arguments) {
    static struct board boards[BOARDS];
    struct bytes modules[COMPONENTS];
    if (argument_count != 5) {
        fprintf(stderr, "usage: mcu_latency MODULES ROUNDS PORT PORT\n");
        return 2;
    }
    uint32_t rounds = (uint32_t)strtoul(arguments[2], NULL, 10);
    for (uint32_t i = 0; i < COMPONENTS; i++) {
        modules[i] = read_module(arguments[1], components[i].name);
    }
    for (uint32_t b = 0; b < BOARDS; b++) {
        open_board(&boards[b], arguments[3 + b]);
        install(&boards[b], modules);
        for (uint32_t i = 0; i < COMPONENTS; i++) {
            boards[b].microseconds[i] = calloc(rounds, sizeof(double));
        }
    }
    for (uint32_t round = 0; round < rounds + WARM_UP; round++) {
        for (uint32_t lane = 0; lane < BOARDS * COMPONENTS; lane++) {
            uint32_t turn = (round + lane) % (BOARDS * COMPONENTS);
            struct board *board = &boards[turn % BOARDS];
            uint32_t component = turn / BOARDS;
            double microseconds = ask(board, component, 15.0 + round % 10);
            if (round >= WARM_UP) {
                board->microseconds[component][round - WARM_UP] = microseconds;
            }
            usleep(SETTLE_US);
        }
    }
    for (uint32_t i = 0; i < COMPONENTS; i++) {
        for (uint32_t b = 0; b < BOARDS; b++) {
            print_lane(&boards[b], b, i, rounds);
            free(boards[b].microseconds[i]);
        }
        port_file_release(modules[i]);
    }
    return 0;
}
