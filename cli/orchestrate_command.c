// `tenon orchestrate`: runs the orchestrator until SIGINT or SIGTERM. One thread: wait for a datagram or the next deadline,
// handle it.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "orchestrator/client.h"
#include "orchestrator/document.h"
#include "orchestrator/orchestrator.h"
#include "port/port.h"

#define DEAD_AFTER_DEFAULT_MS 6000

struct settings {
    const char *listen;
    const char *data;
    uint64_t dead_after_ms;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number) {
    (void)number;
    stopped = 1;
}

static void transmit(void *context, const struct coap_address *peer, struct bytes datagram) {
    (void)port_udp_send(context, peer, datagram);
}

static void print_log(void *context, uint64_t unix_ms, const char *text) {
    char stamp[32];
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm parts;
    (void)context;
    gmtime_r(&seconds, &parts);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &parts);
    fprintf(stderr, "%s.%03uZ %s\n", stamp, (unsigned)(unix_ms % 1000), text);
}

static struct moment moment_now(void) {
    return (struct moment){port_clock_ms(), port_unix_ms()};
}

static void receive_all(struct port_udp *udp, struct orchestrator *orchestrator) {
    static uint8_t scratch[PORT_UDP_SCRATCH_SIZE];
    struct coap_address from;
    struct bytes datagram;
    // Bounded, so that a flood of datagrams cannot keep deaths and plans from being handled.
    for (int i = 0; i < 256; i++) {
        enum error error = port_udp_receive(udp, &from, (struct buffer){scratch, sizeof scratch}, &datagram);
        if (error == ERROR_NOT_FOUND) {
            return;
        }
        if (error == ERROR_NONE) {
            orchestrator_receive(orchestrator, moment_now(), &from, datagram);
        }
    }
}

static void run(struct port_udp *udp, struct orchestrator *orchestrator) {
    int descriptor = port_udp_descriptor(udp);
    while (stopped == 0) {
        uint64_t now_ms = port_clock_ms();
        uint64_t deadline_ms = orchestrator_deadline(orchestrator);
        (void)port_wait(&descriptor, 1,
                        deadline_ms == UINT64_MAX ? UINT64_MAX : (deadline_ms > now_ms ? deadline_ms - now_ms : 0));
        receive_all(udp, orchestrator);
        orchestrator_advance(orchestrator, moment_now());
    }
}

static int start(const struct settings *settings) {
    struct port_udp *udp = NULL;
    struct store *store = NULL;
    struct orchestrator *orchestrator = NULL;
    char refusal[256] = "";
    char address[64];
    struct coap_address bound;
    if (port_udp_open(settings->listen, &udp, refusal) != ERROR_NONE) {
        fprintf(stderr, "tenon orchestrate: %s\n", refusal);
        return EXIT_REFUSED;
    }
    struct orchestrator_options options = {settings->dead_after_ms, udp, transmit, print_log, port_entropy64()};
    enum error error = store_open(settings->data, &store, refusal);
    if (error == ERROR_NONE) {
        error = orchestrator_open(&options, store, moment_now(), &orchestrator, refusal);
    }
    if (error == ERROR_NONE) {
        port_udp_address(udp, &bound);
        port_address_text(&bound, address);
        printf("orchestrator listens on %s\n", address);
        fflush(stdout);
        run(udp, orchestrator);
        orchestrator_close(orchestrator);
    } else {
        fprintf(stderr, "tenon orchestrate: %s\n", refusal);
    }
    store_close(store);
    port_udp_close(udp);
    return error == ERROR_NONE ? 0 : EXIT_REFUSED;
}

int command_orchestrate(int argument_count, char **arguments) {
    struct settings settings = {CLIENT_ADDRESS_DEFAULT, "tenon-orchestrator", DEAD_AFTER_DEFAULT_MS};
    for (int i = 1; i < argument_count; i += 2) {
        const char *value = i + 1 < argument_count ? arguments[i + 1] : NULL;
        if (value != NULL && strcmp(arguments[i], "--listen") == 0) {
            settings.listen = value;
        } else if (value != NULL && strcmp(arguments[i], "--data") == 0) {
            settings.data = value;
        } else if (value != NULL && strcmp(arguments[i], "--dead-after") == 0) {
            if (!document_duration_parse(value, &settings.dead_after_ms) || settings.dead_after_ms == 0) {
                fprintf(stderr, "tenon orchestrate: '%s' is no duration; write --dead-after 6s\n", value);
                return EXIT_USAGE;
            }
        } else {
            fprintf(stderr, "usage: tenon orchestrate [--listen 127.0.0.1:5683] [--data FOLDER] [--dead-after 6s]\n");
            return EXIT_USAGE;
        }
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return start(&settings);
}
