// The limits of a node on a microcontroller: five tasks and ten channels. Forced into every file of the firmware
// (-include), so that core/ and node/ are compiled as they are. Whatever is beyond a limit is refused with a reason.
#ifndef TENON_FIRMWARE_LIMITS_H
#define TENON_FIRMWARE_LIMITS_H

// --- core/limits.h -------------------------------------------------------------------------------------------------------
#define PORTS_MAX 12 // each takes 160 bytes in the manifest of every component that is loaded
#define MESSAGE_SIZE_MAX 64
#define OUTBOX_SIZE_MAX 256
#define OUTPUTS_PER_MESSAGE_MAX 16
#define SENDS_PER_MESSAGE_MAX 16
#define CODE_REFUSAL_SIZE_MAX 96
#define LINK_COUNTER uint32_t
#define BATCH_SIZE_MAX 1024
#define STATE_SIZE_MAX 256
#define MODULE_SIZE_MAX 4096 // the components of this repository take 1.2 to 2.9 KiB
#define BODY_SIZE_MAX 4096
#define COMPONENT_MEMORY_MAX 65536
#define COAP_REPLY_SIZE_MAX 94 // the longest answer to a message over a link, which asks for an Echo, has 91
#define COAP_BLOCK_EXPONENT 4  // 256 bytes
#define COAP_SENT_SIZE_MAX 368
#define COAP_REQUEST_PATH_SIZE_MAX 16 // "c/4294967295", "register", "alive"
#define COAP_REQUEST_QUERY_SIZE_MAX 4 // none is asked
#define COAP_TOKEN_SIZE_MAX 8
#define COAP_OBSERVE_REQUEST_SIZE_MAX 128
#define REPRESENTATION_SIZE_MAX 384
// --- core/plan.h, core/port_values.h -------------------------------------------------------------------------------------
#define PLAN_INDEX uint16_t
#define PORT_VALUE_INLINE 12
// --- core/actuator.h -----------------------------------------------------------------------------------------------------
#define ACTUATOR_VALUE_SIZE_MAX 12 // a number or a boolean
#define ACTUATOR_SLOTS_MAX 4       // three tasks and a person
// --- core/registration.h -------------------------------------------------------------------------------------------------
#define RESOURCES_PER_NODE_MAX 5
#define CAPABILITIES_MAX 2
// --- node/node_limits.h --------------------------------------------------------------------------------------------------
#define NODE_PATH_SIZE_MAX 16 // also of the board driver's points
#define NODE_INTERFACES_MAX 1
#define TABLE_ALIGNMENT 8u
#define LINKS_PER_TASK 2
#define LINKS_BESIDE 6
#define PARAMETERS_PER_TASK 5
#define OUTPUTS_PER_TASK 6
#define PEERS_MAX 4
#define CODES_MAX 6
#define MESSAGES_PER_TASK 2
#define MESSAGES_BESIDE 6
#define STATES_PER_TASK_BYTES 64
#define PLAN_SIZE_MAX 1536
#define EXCHANGES_MAX 2
#define REMEMBERED_MAX 8
#define TRANSFERS_MAX 1
#define OBSERVATIONS_MAX 1
#define DELAYED_MAX 0
#define PORT_VALUES_PER_TASK 3
#define PORT_VALUES_LARGE_MAX 1
#define LOG_SIZE 640 // some eight lines
#define LOG_LINE_SIZE_MAX 120
#define ANSWER_SIZE_MAX 4096
#define MISSING_MAX 5
#define REGISTRATION_SIZE_MAX 768
// --- port/port.h ---------------------------------------------------------------------------------------------------------
#define PORT_UDP_SCRATCH_SIZE 1 // datagrams are read where the driver put them

// --- drivers/plant_protocol.h --------------------------------------------------------------------------------------------
#define PLANT_POINTS_MAX 3        // read, and as many written: a zone has one sensor and two set-points
#define PLANT_PACKET_SIZE_MAX 192 // a hello with points of a reasonable length
#define PLANT_ANSWER_TIMEOUT_MS 300

// --- this room -----------------------------------------------------------------------------------------------------------
#define FIRMWARE_TASKS_MAX 5
#ifdef __riscv // wider enumerations, two bytes for each opcode, larger frames on the stack
#define FIRMWARE_STACK_BYTES 6656
#define FIRMWARE_POOL_BYTES 32768
#define PORT_MEMORY_BYTES 32768
#else
#define FIRMWARE_STACK_BYTES 4608 // of which the tests of the board use 3,696 at most
#define FIRMWARE_POOL_BYTES 25600 // for the engine: five components of the library
#define PORT_MEMORY_BYTES 28544   // struct node and the tables of its runtime
#endif
// Of the pool, for what no task is charged with: the interpreter's stack, and what the loader takes for a moment.
#define FIRMWARE_POOL_RESERVE_BYTES 1536
#define FIRMWARE_INTERPRETER_STACK_BYTES 1024
#define PLANT_CONNECTION_BYTES 520 // struct plant_driver

#endif
