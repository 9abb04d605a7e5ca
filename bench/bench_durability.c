// What durability costs: an event over CoAP to a task, acknowledged when its effect is where the plan wants it.
//
// Two nodes with 64 tasks each, one without durability and one with "local", asked in turns by the same sender: one event at a
// time, and one on each of 64 links at once, which share a flush (group commit). Then the journal alone.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "core/delivery.h"
#include "core/sha256.h"
#include "core/wire.h"
#include "port/port.h"

#define LINKS 64
#define ROUNDS 1000
#define BATCH_SIZE 160
#define FLUSHES 401

struct lane {
    enum durability durability;
    pid_t child;
    struct port_udp *udp;
    struct coap_address peer;
    uint64_t sequence[LINKS];
    uint16_t id;
    double single[ROUNDS];
    double many[ROUNDS / 10];
};

static void write_plan(const char *data, struct bytes module, enum durability durability, const struct coap_address *us) {
    static struct plan_task tasks[LINKS];
    static struct plan_link links[LINKS];
    struct plan_peer peer = {.name = "bench", .address = *us};
    for (uint32_t i = 0; i < LINKS; i++) {
        tasks[i] = (struct plan_task){.epoch = 1, .durability = durability};
        snprintf(tasks[i].name, sizeof tasks[i].name, "t%02u", i);
        sha256(module, tasks[i].digest);
        links[i] = (struct plan_link){
            .id = i + 1, .delivery = DELIVERY_EVENT, .source = {END_REMOTE, 0, 0}, .destination = {END_TASK, i, 0}};
    }
    struct plan plan = {.revision = 1,
                        .policy = "bench",
                        .node = "bench",
                        .tasks = tasks,
                        .task_count = LINKS,
                        .peers = &peer,
                        .peer_count = 1,
                        .links = links,
                        .link_count = LINKS};
    bench_prepare(data, &plan, module);
}

static void lane_open(struct lane *lane, enum durability durability, const struct bench_paths *paths, struct bytes module) {
    char data[512];
    struct bench_sockets sockets;
    bench_sockets(&sockets);
    port_udp_close(sockets.theirs);
    lane->durability = durability;
    lane->udp = sockets.ours;
    lane->peer = sockets.them;
    snprintf(data, sizeof data, "%s/durability-%s", paths->folder, durability_text(durability));
    write_plan(data, module, durability, &sockets.us);
    lane->child = bench_node_start(data, sockets.listen, true);
}

static void send_event(struct lane *lane, uint32_t link, double value) {
    uint8_t datagram[DATAGRAM_SIZE_MAX];
    size_t size = bench_event(++lane->id, link + 1, ++lane->sequence[link], value, datagram);
    (void)port_udp_send(lane->udp, &lane->peer, (struct bytes){datagram, size});
}

static void await_answers(struct lane *lane, uint32_t count) {
    uint8_t buffer[DATAGRAM_SIZE_MAX];
    struct coap_address from;
    struct bytes datagram;
    while (count > 0) {
        int descriptor = port_udp_descriptor(lane->udp);
        if (port_wait(&descriptor, 1, 3000) == 0) {
            bench_fail("an event was not acknowledged within 3 s");
        }
        while (port_udp_receive(lane->udp, &from, (struct buffer){buffer, sizeof buffer}, &datagram) == ERROR_NONE) {
            struct coap_message message;
            if (coap_message_parse(datagram, &message) != ERROR_NONE || message.code != COAP_CHANGED) {
                bench_fail("an event was refused");
            }
            count--;
        }
    }
}

static double ask(struct lane *lane, uint32_t links, double value) {
    uint64_t begin = port_clock_ns();
    for (uint32_t i = 0; i < links; i++) {
        send_event(lane, i, value);
    }
    await_answers(lane, links);
    return (double)(port_clock_ns() - begin) / 1000.0;
}

// Microseconds for a batch, by the median of the flushes: a shared disk has hiccups.
static double append_and_flush(struct port_journal *journal, uint32_t together) {
    static const uint8_t batch[BATCH_SIZE];
    static double times[FLUSHES];
    for (uint32_t i = 0; i < FLUSHES; i++) {
        enum error error = ERROR_NONE;
        uint64_t begin = port_clock_ns();
        for (uint32_t k = 0; k < together && error == ERROR_NONE; k++) {
            error = port_journal_append(journal, (struct bytes){batch, sizeof batch});
        }
        if (error != ERROR_NONE || port_journal_flush(journal) != ERROR_NONE) {
            bench_fail("the journal cannot be written");
        }
        times[i] = (double)(port_clock_ns() - begin) / 1000.0;
    }
    return bench_median(times, FLUSHES) / together;
}

static void bench_journal(const struct bench_paths *paths) {
    char folder[512];
    char refusal[PORT_REFUSAL_SIZE];
    struct port_journal *journal = NULL;
    struct port_journal_report report;
    snprintf(folder, sizeof folder, "%s/journal", paths->folder);
    if (port_directory_make(folder) != ERROR_NONE ||
        port_journal_open(folder, NULL, NULL, &journal, &report, refusal) != ERROR_NONE) {
        bench_fail("the journal cannot be opened");
    }
    double single = append_and_flush(journal, 1);
    double shared = append_and_flush(journal, 50);
    printf("the journal by itself, batches of %d bytes: %.0f us flushed one by one, %.1f us with 50 to a flush (%.0f times "
           "less)\n\n",
           BATCH_SIZE, single, shared, single / shared);
    port_journal_close(journal);
}

void bench_durability(const struct bench_paths *paths) {
    static struct lane lanes[DURABILITY_COUNT];
    struct bytes module = bench_module(paths);
    double single[DURABILITY_COUNT];
    double many[DURABILITY_COUNT];
    for (int i = 0; i < DURABILITY_COUNT; i++) {
        lane_open(&lanes[i], (enum durability)i, paths, module);
    }
    usleep(400000); // the nodes open their sockets and start their tasks
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < DURABILITY_COUNT; i++) {
            lanes[i].single[round] = ask(&lanes[i], 1, 15.0 + round % 10);
        }
    }
    for (uint32_t round = 0; round < ROUNDS / 10; round++) {
        for (int i = 0; i < DURABILITY_COUNT; i++) {
            lanes[i].many[round] = ask(&lanes[i], LINKS, 15.0 + round % 10);
        }
    }
    printf("event in over CoAP, thermostat, acknowledgement; by durability, in turns, on loopback\n");
    for (int i = 0; i < DURABILITY_COUNT; i++) {
        single[i] = bench_median(lanes[i].single, ROUNDS);
        many[i] = bench_median(lanes[i].many, ROUNDS / 10);
        printf("  %-6s one at a time: median %7.1f us; on %d links at once: %8.0f events/s\n",
               durability_text((enum durability)i), single[i], LINKS, LINKS * 1e6 / many[i]);
        kill(lanes[i].child, SIGKILL);
        waitpid(lanes[i].child, NULL, 0);
        port_udp_close(lanes[i].udp);
    }
    printf("  local / none: %.1f in latency, %.2f in throughput\n", single[1] / single[0], many[0] / many[1]);
    bench_journal(paths);
    free((void *)(uintptr_t)module.data);
}
