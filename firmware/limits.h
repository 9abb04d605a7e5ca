// The limits of a node on a microcontroller: five tasks and ten channels. Forced into every file of the firmware
// (-include), so that core/ and node/ are compiled as they are. Whatever is beyond a limit is refused with a reason.
#ifndef TENON_FIRMWARE_LIMITS_H
#define TENON_FIRMWARE_LIMITS_H

// --- core/limits.h -------------------------------------------------------------------------------------------------------
#define PORTS_MAX 12 // each takes 160 bytes in the manifest of every component that is loaded
#define MESSAGE_SIZE_MAX 64
#define OUTBOX_SIZE_MAX 256
#define SENDS_PER_MESSAGE_MAX 16
#define BATCH_SIZE_MAX 1536
#define STATE_SIZE_MAX 256
#define MODULE_SIZE_MAX 4096 // the components of this repository take 1.2 to 2.9 KiB
#define BODY_SIZE_MAX 4096
#define COMPONENT_MEMORY_MAX 65536
#define COAP_REPLY_SIZE_MAX 160
#define REPRESENTATION_SIZE_MAX 512
// --- core/actuator.h -----------------------------------------------------------------------------------------------------
#define ACTUATOR_VALUE_SIZE_MAX 12 // a number or a boolean; 16 of them in each resource
// --- core/registration.h -------------------------------------------------------------------------------------------------
#define RESOURCES_PER_NODE_MAX 5 // 1.2 KiB each: an actuator has 16 priorities
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
#define MESSAGES_PER_TASK 3
#define MESSAGES_BESIDE 8
#define STATES_PER_TASK_BYTES 64
#define PLAN_SIZE_MAX 1536
#define EXCHANGES_MAX 2
#define REMEMBERED_MAX 8
#define TRANSFERS_MAX 1
#define OBSERVATIONS_MAX 1
#define DELAYED_MAX 0
#define PORT_VALUES_PER_TASK 3
#define PORT_VALUES_LARGE_MAX 1
#define LOG_LINES_MAX 10
#define LOG_LINE_SIZE_MAX 120
#define ANSWER_SIZE_MAX 4096
#define REGISTRATION_SIZE_MAX 768
#define JOURNAL_SIZE_MIN 16384u

// --- drivers/plant_protocol.h --------------------------------------------------------------------------------------------
#define PLANT_POINTS_MAX 3        // read, and as many written: a zone has one sensor and two set-points
#define PLANT_PACKET_SIZE_MAX 192 // a hello with points of a reasonable length
#define PLANT_ANSWER_TIMEOUT_MS 300

// --- this room -----------------------------------------------------------------------------------------------------------
#define FIRMWARE_TASKS_MAX 5
#define FIRMWARE_STACK_BYTES 8192
#define FIRMWARE_POOL_BYTES 57344 // for the engine: five components of the library, of which 20 KiB are their manifests
#define FIRMWARE_INTERPRETER_STACK_BYTES 1024
#define PORT_MEMORY_BYTES 56320    // struct node and the tables of its runtime
#define PLANT_CONNECTION_BYTES 520 // struct plant_driver

#endif
