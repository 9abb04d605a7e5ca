// All tables of a runtime, carved out of one block.
#include "node/node_memory.h"

#include "node/node_limits.h"
#include "port/port.h"

// Hands out parts of one block; first run with base NULL to learn the size.
struct carver {
    uint8_t *base;
    size_t used;
};

static void *carve(struct carver *carver, size_t size) {
    size_t at = (carver->used + TABLE_ALIGNMENT - 1) & ~(size_t)(TABLE_ALIGNMENT - 1);
    carver->used = at + size;
    return carver->base == NULL ? NULL : carver->base + at;
}

static uint32_t power_of_two(uint32_t at_least) {
    uint32_t power = 1;
    while (power < at_least) {
        power *= 2;
    }
    return power;
}

static void carve_coap(struct carver *carver, struct coap_endpoint_memory *coap) {
    coap->exchanges = carve(carver, EXCHANGES_MAX * sizeof(struct coap_exchange));
    coap->remembered = carve(carver, REMEMBERED_MAX * sizeof(struct coap_memory_of_id));
    coap->transfers = carve(carver, TRANSFERS_MAX * sizeof(struct coap_transfer));
    const size_t bodies_size = TRANSFERS_MAX * (size_t)(BODY_SIZE_MAX > ANSWER_SIZE_MAX ? BODY_SIZE_MAX : ANSWER_SIZE_MAX);
    coap->bodies = (struct buffer){carve(carver, bodies_size), bodies_size};
    coap->observations = carve(carver, OBSERVATIONS_MAX * sizeof(struct coap_observation));
    coap->delayed = carve(carver, DELAYED_MAX * sizeof(struct coap_delayed));
}

static void carve_plan(struct carver *carver, const struct runtime_memory *memory, struct plan *plan) {
    plan->tasks = carve(carver, memory->task_max * sizeof(struct plan_task));
    plan->links = carve(carver, memory->link_max * sizeof(struct plan_link));
    plan->parameters = carve(carver, memory->parameter_max * sizeof(struct plan_parameter));
    plan->peers = carve(carver, memory->peer_max * sizeof(struct plan_peer));
    plan->resources = carve(carver, memory->resource_max * sizeof(struct plan_resource));
}

static void carve_tables(struct carver *carver, const struct runtime_memory *memory, struct runtime_tables *tables) {
    tables->tasks = carve(carver, memory->task_max * sizeof(struct task));
    tables->links = carve(carver, memory->link_max * sizeof(struct link));
    tables->building.heap = carve(carver, memory->link_max * sizeof(struct deadline));
    tables->building.places = carve(carver, memory->link_max * sizeof(uint32_t));
    tables->network.heap = carve(carver, memory->link_max * sizeof(struct deadline));
    tables->network.places = carve(carver, memory->link_max * sizeof(uint32_t));
    tables->peers = carve(carver, memory->peer_max * sizeof(struct peer));
    tables->output_links = carve(carver, memory->output_max * sizeof(uint32_t));
    tables->resource_of_plan = carve(carver, memory->resource_max * sizeof(uint32_t));
    tables->encoded = (struct buffer){carve(carver, PLAN_SIZE_MAX), PLAN_SIZE_MAX};
}

static void carve_all(struct carver *carver, uint32_t task_max, struct runtime_memory *memory) {
    *memory = (struct runtime_memory){
        .task_max = task_max,
        .link_max = task_max * LINKS_PER_TASK + LINKS_BESIDE,
        .parameter_max = task_max * PARAMETERS_PER_TASK,
        .peer_max = PEERS_MAX,
        .output_max = task_max * OUTPUTS_PER_TASK,
        .code_max = CODES_MAX,
        .resource_max = RESOURCES_PER_NODE_MAX,
        .message_max = task_max * MESSAGES_PER_TASK + MESSAGES_BESIDE,
        .states = {.size = task_max * STATES_PER_TASK_BYTES + STATE_SIZE_MAX},
        .ports = {.value_count = power_of_two(task_max * PORT_VALUES_PER_TASK), .large_count = PORT_VALUES_LARGE_MAX},
        .coap = {.exchange_count = EXCHANGES_MAX,
                 .remembered_count = REMEMBERED_MAX,
                 .transfer_count = TRANSFERS_MAX,
                 .observation_count = OBSERVATIONS_MAX,
                 .delayed_count = DELAYED_MAX},
    };
    carve_plan(carver, memory, &memory->tables.plan);
    carve_plan(carver, memory, &memory->next);
    carve_tables(carver, memory, &memory->tables);
    memory->codes = carve(carver, CODES_MAX * sizeof(struct code));
    memory->resources = carve(carver, RESOURCES_PER_NODE_MAX * sizeof(struct resource));
    memory->messages = carve(carver, memory->message_max * sizeof(struct message));
    memory->states.data = carve(carver, memory->states.size);
    memory->batch = (struct buffer){carve(carver, BATCH_SIZE_MAX), BATCH_SIZE_MAX};
    memory->ports.values = carve(carver, memory->ports.value_count * sizeof(struct port_value));
    memory->ports.larges = carve(carver, PORT_VALUES_LARGE_MAX * sizeof(struct port_value_large));
    carve_coap(carver, &memory->coap);
}

enum error node_memory_open(uint32_t task_max, struct runtime_memory *memory, void **block) {
    struct carver carver = {NULL, 0};
    carve_all(&carver, task_max, memory);
    *block = port_memory_take(carver.used);
    if (*block == NULL) {
        return ERROR_MEMORY;
    }
    carver = (struct carver){*block, 0};
    carve_all(&carver, task_max, memory);
    return ERROR_NONE;
}

void node_memory_close(uint32_t task_max, void *block) {
    struct carver carver = {NULL, 0};
    struct runtime_memory memory;
    if (block != NULL) {
        carve_all(&carver, task_max, &memory);
        port_memory_give(block, carver.used);
    }
}
