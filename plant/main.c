// tenon-plant CONFIG.json: a real building model under real weather, for drivers to read and write (plant/protocol.cddl).
//
// The main thread serves the drivers and keeps the pace; EnergyPlus runs on a thread of its own (plant/building.h). In each
// step of the building: values go out to the drivers, the pace is kept, the writes that have arrived by then take effect, a row
// is logged. Ends with 0 when the run period is over, 1 with a sentence on stderr when something failed, 2 for a wrong command
// line, 143 when told to stop (SIGTERM, SIGINT).
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "core/assert.h"
#include "plant/building.h"
#include "plant/config.h"
#include "plant/server.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "tenon-plant: %s does not hold in %s\n", expression, function);
    abort();
}

struct plant {
    struct config config;
    struct building *building;
    struct server *server;
    struct building_step *pending; // the step that waits for its writes, or NULL
    FILE *log;
    int signals;
    uint64_t due_ns; // when the pending step is to be simulated
    bool running;    // the first step has begun
    bool stopped;    // told to stop
};

static uint64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Real time of one step.
static uint64_t tick_ns(const struct plant *plant) {
    return (uint64_t)(plant->config.seconds_per_day * 1e9 * plant->pending->step_s / 86400);
}

static void log_head(struct plant *plant) {
    fputs("step,time", plant->log);
    for (uint32_t i = 0; i < plant->config.point_count; i++) {
        fprintf(plant->log, ",%s", plant->config.points[i].name);
    }
    fputc('\n', plant->log);
    fflush(plant->log);
}

static void log_row(struct plant *plant) {
    const struct building_step *step = plant->pending;
    time_t seconds = (time_t)step->unix_local_s;
    struct tm date;
    char text[32];
    gmtime_r(&seconds, &date);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &date);
    fprintf(plant->log, "%" PRIu64 ",%s", step->number, text);
    for (uint32_t i = 0; i < plant->config.point_count; i++) {
        double value = plant->config.points[i].kind == POINT_ACTUATORS ? step->written[i] : step->values[i];
        if (isfinite(value)) {
            fprintf(plant->log, ",%.6g", value);
        } else {
            fputc(',', plant->log);
        }
    }
    fputc('\n', plant->log);
    fflush(plant->log);
}

// A step has arrived from EnergyPlus.
static void begin_step(struct plant *plant) {
    server_send_step(plant->server, plant->pending);
    if (!plant->running) {
        return;
    }
    uint64_t now_ns = clock_ns();
    uint64_t tick = tick_ns(plant);
    // A steady pace; after a hiccup of more than a step it goes on from here instead of hurrying after lost time.
    plant->due_ns = plant->due_ns + 2 * tick < now_ns ? now_ns : plant->due_ns + tick;
}

// The drivers that were waited for are here and the gate is open: the pending first step begins.
static void open_gate(struct plant *plant) {
    bool gate_open = !plant->config.gate || server_started(plant->server);
    if (!plant->running && plant->pending != NULL && gate_open &&
        server_client_count(plant->server) >= plant->config.wait_for_clients) {
        plant->running = true;
        plant->due_ns = clock_ns() + tick_ns(plant);
        server_send_step(plant->server, plant->pending);
    }
}

static void end_step(struct plant *plant) {
    server_written(plant->server, plant->pending->written);
    log_row(plant);
    plant->pending = NULL;
    building_continue(plant->building);
}

// Milliseconds until the pending step is due, -1 when there is none.
static int patience_ms(const struct plant *plant) {
    if (plant->pending == NULL || !plant->running) {
        return -1;
    }
    uint64_t now_ns = clock_ns();
    return plant->due_ns <= now_ns ? 0 : (int)((plant->due_ns - now_ns + 999999) / 1000000);
}

static bool take_signal(struct plant *plant) {
    struct signalfd_siginfo signal;
    return read(plant->signals, &signal, sizeof signal) == (ssize_t)sizeof signal;
}

// Serves until the simulation is over or the plant is told to stop.
static void serve(struct plant *plant) {
    struct pollfd descriptors[SERVER_POLL_MAX + 2];
    for (;;) {
        nfds_t count = server_poll(plant->server, descriptors);
        descriptors[count++] = (struct pollfd){building_descriptor(plant->building), POLLIN, 0};
        descriptors[count++] = (struct pollfd){plant->signals, POLLIN, 0};
        if (poll(descriptors, count, patience_ms(plant)) < 0 && errno != EINTR) {
            perror("tenon-plant: poll");
            abort();
        }
        if (take_signal(plant)) {
            plant->stopped = true;
            building_stop(plant->building);
            return;
        }
        server_serve(plant->server, plant->pending);
        struct building_step *step;
        if (plant->pending == NULL && building_step(plant->building, &step)) {
            plant->pending = step;
            if (step->finished) {
                return;
            }
            begin_step(plant);
        }
        open_gate(plant);
        if (plant->pending != NULL && plant->running && clock_ns() >= plant->due_ns) {
            end_step(plant);
        }
    }
}

static int run(struct plant *plant) {
    char failure[BUILDING_FAILURE_SIZE];
    if (!server_open(&plant->config, &plant->server, failure)) {
        fprintf(stderr, "tenon-plant: %s\n", failure);
        return 1;
    }
    plant->log = fopen(plant->config.log, "w");
    if (plant->log == NULL) {
        fprintf(stderr, "tenon-plant: cannot write the log %s: %s\n", plant->config.log, strerror(errno));
        server_close(plant->server);
        return 1;
    }
    log_head(plant);
    if (!building_start(&plant->config, &plant->building, failure)) {
        fprintf(stderr, "tenon-plant: %s\n", failure);
        return 1;
    }
    serve(plant);
    if (plant->pending != NULL && plant->pending->finished && plant->pending->number > 0) {
        log_row(plant); // the values at the end of the last step
    }
    bool good = building_join(plant->building, failure);
    server_send_end(plant->server);
    if (server_dropped_steps(plant->server) > 0) {
        fprintf(stderr, "tenon-plant: %" PRIu64 " steps were dropped, for drivers were too slow to take them\n",
                server_dropped_steps(plant->server));
    }
    server_close(plant->server);
    good = fclose(plant->log) == 0 && good;
    if (!good) {
        fprintf(stderr, "tenon-plant: %s\n", failure[0] == '\0' ? "the log could not be written to its end" : failure);
    }
    return !good ? 1 : plant->stopped ? 143 : 0;
}

int main(int argument_count, char **arguments) {
    static struct plant plant;
    char refusal[CONFIG_REFUSAL_SIZE];
    if (argument_count != 2) {
        fprintf(stderr, "usage: tenon-plant CONFIG.json\n");
        return 2;
    }
    if (!config_load(arguments[1], &plant.config, refusal)) {
        fprintf(stderr, "tenon-plant: %s\n", refusal);
        return 1;
    }
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    // Blocked before the thread exists, so that it inherits the mask and signals come through the descriptor only.
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    plant.signals = signalfd(-1, &stops, SFD_NONBLOCK | SFD_CLOEXEC);
    int status = run(&plant);
    config_free(&plant.config);
    return status;
}
