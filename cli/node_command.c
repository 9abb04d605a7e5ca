// `tenon node CONFIG`: runs the node daemon until SIGINT or SIGTERM.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/node_config.h"
#include "engine/wamr.h"

static volatile bool stop;

static void on_signal(int number) {
    (void)number;
    stop = true;
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int command_node(int argument_count, char **arguments) {
    static struct node_config config;
    struct document_error mistake;
    char refusal[PORT_REFUSAL_SIZE] = "";
    char text[512];
    if (argument_count != 2) {
        fprintf(stderr, "usage: tenon node CONFIG.yaml\n");
        return 2;
    }
    if (node_config_read(arguments[1], &config, &mistake) != ERROR_NONE) {
        document_error_text(arguments[1], &mistake, text, sizeof text);
        fprintf(stderr, "tenon node: %s\n", text);
        return 2;
    }
    struct engine *engine = NULL;
    struct node *node = NULL;
    if (wamr_engine_create(NULL, &engine) != ERROR_NONE) {
        fprintf(stderr, "tenon node: the WebAssembly engine did not start: no memory\n");
        return 1;
    }
    catch_signals();
    enum error error = node_open(&config, engine, &node, refusal);
    if (error != ERROR_NONE) {
        fprintf(stderr, "tenon node: %s: %s\n", config.node, refusal);
        wamr_engine_destroy(engine);
        return 1;
    }
    char address[64];
    node_address(node, address);
    printf("node %s listens on %s\n", config.node, address);
    fflush(stdout);
    node_run(node, &stop);
    node_close(node);
    wamr_engine_destroy(engine);
    return 0;
}
