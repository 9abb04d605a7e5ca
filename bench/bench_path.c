// Event in over CoAP, through a component, command out over CoAP: the same node with the WebAssembly engine and with native
// code, and a bare UDP echo, each in its own process, asked in turns.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "components/native_components.h"
#include "core/sha256.h"
#include "engine/wamr.h"
#include "node/node.h"

enum variant { VARIANT_ECHO, VARIANT_NATIVE, VARIANT_WASM, VARIANT_COUNT };
static const char *const variant_names[VARIANT_COUNT] = {"bare UDP echo", "native", "WebAssembly"};
#define ROUNDS 5000
// Between two rounds, so that a node's work after its answer does not fall into the next lane's time.
#define SETTLE_US 100
#define WARM_UP 500

struct lane {
    enum variant variant;
    pid_t child;
    struct port_udp *udp;     // ours
    struct coap_address peer; // the child's
    uint64_t sequence;
    uint16_t id;
    double microseconds[ROUNDS];
};

static void wait_for(struct port_udp *udp) {
    int descriptor = port_udp_descriptor(udp);
    if (port_wait(&descriptor, 1, 2000) == 0) {
        bench_fail("no answer within 2 s");
    }
}

static _Noreturn void run_echo(struct port_udp *udp) {
    uint8_t buffer[DATAGRAM_SIZE_MAX];
    struct coap_address from;
    struct bytes datagram;
    for (;;) {
        int descriptor = port_udp_descriptor(udp);
        (void)port_wait(&descriptor, 1, 60000);
        while (port_udp_receive(udp, &from, (struct buffer){buffer, sizeof buffer}, &datagram) == ERROR_NONE) {
            (void)port_udp_send(udp, &from, datagram);
        }
    }
}

static _Noreturn void run_node(const char *data, const char *listen, bool wasm) {
    static struct node_config config;
    static volatile bool stop;
    struct engine *engine = NULL;
    struct node *node = NULL;
    char refusal[PORT_REFUSAL_SIZE] = "";
    node_config_default(&config);
    snprintf(config.node, sizeof config.node, "bench");
    snprintf(config.listen, sizeof config.listen, "%s", listen);
    snprintf(config.data, sizeof config.data, "%s", data);
    enum error error =
        wasm ? wamr_engine_create(NULL, &engine) : native_engine_create(native_components, native_component_count, &engine);
    if (error != ERROR_NONE || freopen("/dev/null", "w", stderr) == NULL ||
        node_open(&config, engine, &node, refusal) != ERROR_NONE) {
        printf("bench: %s\n", refusal);
        _exit(1);
    }
    node_run(node, &stop);
    _exit(0);
}

int bench_node_start(const char *data, const char *listen, bool wasm) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        run_node(data, listen, wasm);
    }
    return (int)child;
}

static void write_plan(const char *data, struct bytes module, const struct coap_address *us) {
    struct plan_task task = {.name = "thermostat", .epoch = 1};
    struct plan_peer peer = {.name = "bench", .address = *us};
    struct plan_link links[2] = {
        {.id = 1, .delivery = DELIVERY_EVENT, .source = {END_REMOTE, 0, 0}, .destination = {END_TASK, 0, 0}},
        {.id = 2,
         .delivery = DELIVERY_COMMAND,
         .source = {END_TASK, 0, 0},
         .destination = {END_REMOTE, 0, 0},
         .expiry_ms = 10000,
         .priority = 10},
    };
    struct plan plan = {.revision = 1,
                        .policy = "bench",
                        .node = "bench",
                        .tasks = &task,
                        .task_count = 1,
                        .peers = &peer,
                        .peer_count = 1,
                        .links = links,
                        .link_count = 2};
    sha256(module, task.digest);
    bench_prepare(data, &plan, module);
}

static void lane_open(struct lane *lane, enum variant variant, const struct bench_paths *paths, struct bytes module) {
    char data[512];
    struct bench_sockets sockets;
    bench_sockets(&sockets);
    lane->variant = variant;
    lane->udp = sockets.ours;
    lane->peer = sockets.them;
    snprintf(data, sizeof data, "%s/path-%d", paths->folder, (int)variant);
    write_plan(data, module, &sockets.us);
    if (variant != VARIANT_ECHO) {
        port_udp_close(sockets.theirs); // the node opens the same port itself
    }
    fflush(stdout);
    lane->child = fork();
    if (lane->child == 0) {
        if (variant == VARIANT_ECHO) {
            run_echo(sockets.theirs);
        }
        run_node(data, sockets.listen, variant == VARIANT_WASM);
    }
    if (variant == VARIANT_ECHO) {
        port_udp_close(sockets.theirs);
    }
}

// Answers the command with 2.04 in its ACK.
static void acknowledge(struct lane *lane, const struct coap_message *command) {
    uint8_t out[32];
    size_t size = 0;
    struct coap_builder builder;
    coap_builder_start(&builder, (struct buffer){out, sizeof out}, COAP_ACKNOWLEDGEMENT, COAP_CHANGED, command->id,
                       command->token);
    if (coap_builder_finish(&builder, &size) == ERROR_NONE) {
        (void)port_udp_send(lane->udp, &lane->peer, (struct bytes){out, size});
    }
}

// True once the answer that the round waits for is in: the echo, or the command.
static bool receive(struct lane *lane) {
    uint8_t buffer[DATAGRAM_SIZE_MAX];
    struct coap_address from;
    struct bytes datagram;
    while (port_udp_receive(lane->udp, &from, (struct buffer){buffer, sizeof buffer}, &datagram) == ERROR_NONE) {
        struct coap_message message;
        if (lane->variant == VARIANT_ECHO) {
            return true;
        }
        if (coap_message_parse(datagram, &message) == ERROR_NONE && message.code == COAP_POST) {
            acknowledge(lane, &message);
            return true;
        }
        if (message.type == COAP_ACKNOWLEDGEMENT && message.code != COAP_CHANGED) {
            bench_fail("the node refused the event");
        }
    }
    return false;
}

static double ask(struct lane *lane, double value) {
    uint8_t datagram[DATAGRAM_SIZE_MAX];
    size_t size = bench_event(++lane->id, 1, ++lane->sequence, value, datagram);
    uint64_t begin = port_clock_ns();
    (void)port_udp_send(lane->udp, &lane->peer, (struct bytes){datagram, size});
    while (!receive(lane)) {
        wait_for(lane->udp);
    }
    return (double)(port_clock_ns() - begin) / 1000.0;
}

void bench_path(const struct bench_paths *paths) {
    static struct lane lanes[VARIANT_COUNT];
    struct bytes module = bench_module(paths);
    double medians[VARIANT_COUNT];
    for (int i = 0; i < VARIANT_COUNT; i++) {
        lane_open(&lanes[i], (enum variant)i, paths, module);
    }
    usleep(300000); // the nodes open their sockets
    for (uint32_t round = 0; round < ROUNDS + WARM_UP; round++) {
        for (uint32_t k = 0; k < VARIANT_COUNT; k++) {
            struct lane *lane = &lanes[(round + k) % VARIANT_COUNT];
            double microseconds = ask(lane, 15.0 + round % 10);
            if (round >= WARM_UP) {
                lane->microseconds[round - WARM_UP] = microseconds;
            }
            usleep(SETTLE_US);
        }
    }
    printf("event in over CoAP, thermostat, command out over CoAP; %d rounds each, in turns, on loopback\n", ROUNDS);
    for (int i = 0; i < VARIANT_COUNT; i++) {
        medians[i] = bench_median(lanes[i].microseconds, ROUNDS);
        printf("  %-14s median %7.1f us   99th percentile %7.1f us\n", variant_names[i], medians[i],
               lanes[i].microseconds[ROUNDS * 99 / 100]);
        kill(lanes[i].child, SIGKILL);
        waitpid(lanes[i].child, NULL, 0);
        port_udp_close(lanes[i].udp);
    }
    printf("  WebAssembly / native        %.3f\n", medians[VARIANT_WASM] / medians[VARIANT_NATIVE]);
    printf("  WebAssembly / bare UDP echo %.3f\n\n", medians[VARIANT_WASM] / medians[VARIANT_ECHO]);
    free((void *)(uintptr_t)module.data);
}
