// The node as firmware: the same node/ and core/ as on Linux, on one FreeRTOS task. Everything is reserved here at link time;
// after the start only the engine's pool is given out and taken back.
#include <FreeRTOS.h>
#include <stdio.h>
#include <task.h>

#include "engine/wamr.h"
#include "firmware/configuration.h"
#include "port/freertos/board.h"
#include "port/freertos/entropy.h"
#include "port/freertos/file.h"
#include "port/freertos/flash_store.h"
#include "port/freertos/wamr/stack.h"

int main(void);

static StaticTask_t task;
static StackType_t stack[FIRMWARE_STACK_BYTES / sizeof(StackType_t)];
static _Alignas(8) uint8_t pool[FIRMWARE_POOL_BYTES];
static struct configuration configuration;

// Where the configuration names no resource: all that the board has. The name of each is the node's and its own,
// "board/temperature".
static void add_resources(struct node_config *config) {
    static const char *const lines[] = {
        "temperature driver=board point=temperature quantity=Zone_Air_Temperature_Sensor unit=Cel min=-40 max=80 "
        "resolution=0.01",
        "setpoint driver=board point=setpoint actuator quantity=Zone_Air_Heating_Temperature_Setpoint unit=Cel min=5 max=30",
        "led0 driver=board point=led0 actuator type=boolean",
        "led1 driver=board point=led1 actuator type=boolean",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[192];
        snprintf(text, sizeof text, "%.30s/%s", config->node, lines[i]);
        if (configuration_resource(bytes_of_text(text), config) != NULL) {
            port_halt("the board's own resources", "firmware");
        }
    }
}

static void configure(void) {
    uint32_t line;
    struct node_config *config = &configuration.node;
    node_config_default(config);
    snprintf(config->kind, sizeof config->kind, "mcu");
    snprintf(config->listen, sizeof config->listen, "0.0.0.0:5683");
    snprintf(config->data, sizeof config->data, "node");
    snprintf(configuration.mask, sizeof configuration.mask, "255.255.255.0");
    config->task_max = FIRMWARE_TASKS_MAX;
    config->journal_bytes = FLASH_JOURNAL_BYTES;
    config->memory_bytes = FIRMWARE_POOL_BYTES - FIRMWARE_POOL_RESERVE_BYTES;
    const struct bytes block = {flash_block(FLASH_CONFIGURATION_BLOCK), FLASH_BLOCK_SIZE};
    const char *why = configuration_read(block, &configuration, &line);
    while (why != NULL) {
        char text[192];
        snprintf(text, sizeof text, "the configuration in flash cannot be used, line %u: %.140s", (unsigned)line, why);
        port_log_line(text);
        vTaskDelay(portMAX_DELAY);
    }
    if (config->resource_count == 0) {
        add_resources(config);
    }
}

// Not inlined, so that what only the start needs leaves the stack.
__attribute__((noinline)) static struct node *start(void) {
    struct wamr_options options = {.stack_bytes = FIRMWARE_INTERPRETER_STACK_BYTES,
                                   .move_stack = wamr_move_stack,
                                   .modules_stay = true,
                                   .pool = {pool, sizeof pool}};
    struct engine *engine;
    struct node *node;
    char refusal[PORT_REFUSAL_SIZE] = "";
    configure();
    port_halt_pause();
    port_files_open();
    if (!board_network_open(configuration.address, configuration.mask, configuration.gateway)) {
        port_halt("no network: check address, mask and gateway in the configuration", "firmware");
    }
    if (configuration.alias_here[0] != '\0' && !board_network_alias(configuration.alias_here, configuration.alias_in_plan)) {
        port_halt("no alias: check alias_here and alias_in_plan in the configuration", "firmware");
    }
    if (port_entropy_open(bytes_of_text(configuration.seed)) != ERROR_NONE) {
        port_halt("the flash takes no file", "firmware");
    }
    if (wamr_engine_create(&options, &engine) != ERROR_NONE) {
        port_halt("the engine has too little memory", "firmware");
    }
    if (node_open(&configuration.node, engine, &node, refusal) != ERROR_NONE) {
        port_halt(refusal, "firmware");
    }
    return node;
}

static void run(void *argument) {
    static volatile bool stop;
    (void)argument;
    struct node *node = start();
    port_log_line("tenon: the node is up");
    node_run(node, &stop);
    board_reset();
}

int main(void) {
    (void)xTaskCreateStatic(run, "node", sizeof stack / sizeof stack[0], NULL, 1, stack, &task);
    vTaskStartScheduler();
    return 1;
}
