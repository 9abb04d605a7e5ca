// Every limit of the node beyond those of core/limits.h, with the reason for its number. A small device lowers what stands
// under #ifndef at build time (firmware/limits.h).
#ifndef TENON_NODE_NODE_LIMITS_H
#define TENON_NODE_NODE_LIMITS_H

#include "core/limits.h"

// A path to the data directory or to a file of sysfs.
#ifndef NODE_PATH_SIZE_MAX
#define NODE_PATH_SIZE_MAX 512
#endif
// A gateway joins a few networks.
#ifndef NODE_INTERFACES_MAX
#define NODE_INTERFACES_MAX 4
#endif

// --- tables of a plan ----------------------------------------------------------------------------------------------------

// Tables begin where a cache line does. 8 is enough for a processor without a cache.
#ifndef TABLE_ALIGNMENT
#define TABLE_ALIGNMENT 64u
#endif
// Per task, on average: links, parameters and linked outputs.
#ifndef LINKS_PER_TASK
#define LINKS_PER_TASK 8
#endif
// Links of resources with tasks elsewhere.
#ifndef LINKS_BESIDE
#define LINKS_BESIDE 64
#endif
#ifndef PARAMETERS_PER_TASK
#define PARAMETERS_PER_TASK 8
#endif
#ifndef OUTPUTS_PER_TASK
#define OUTPUTS_PER_TASK PORTS_MAX
#endif
#ifndef PEERS_MAX
#define PEERS_MAX 1024
#endif
// Different components, not tasks.
#ifndef CODES_MAX
#define CODES_MAX 256
#endif
#ifndef MESSAGES_PER_TASK
#define MESSAGES_PER_TASK 8
#endif
#ifndef MESSAGES_BESIDE
#define MESSAGES_BESIDE 256
#endif
#ifndef STATES_PER_TASK_BYTES
#define STATES_PER_TASK_BYTES 512
#endif
// Encoded plan of this node; it is kept twice.
#ifndef PLAN_SIZE_MAX
#define PLAN_SIZE_MAX BODY_SIZE_MAX
#endif

// --- CoAP ----------------------------------------------------------------------------------------------------------------

// Requests of ours under way.
#ifndef EXCHANGES_MAX
#define EXCHANGES_MAX 64
#endif
// Message ids of others; a power of two.
#ifndef REMEMBERED_MAX
#define REMEMBERED_MAX 256
#endif
// Bodies that come or go in blocks at one time: plans and code of up to BODY_SIZE_MAX, answers of up to ANSWER_SIZE_MAX. Who
// asks for a long answer while all are in use is told to try again.
#ifndef TRANSFERS_MAX
#define TRANSFERS_MAX 8
#endif
// Every display, gateway and person that watches this node.
#ifndef OBSERVATIONS_MAX
#define OBSERVATIONS_MAX 64
#endif
// Questions by multicast that wait for their moment.
#ifndef DELAYED_MAX
#define DELAYED_MAX 8
#endif
// Ports whose last message is kept, per task; and how many of these messages may be long.
#ifndef PORT_VALUES_PER_TASK
#define PORT_VALUES_PER_TASK 8
#endif
#ifndef PORT_VALUES_LARGE_MAX
#define PORT_VALUES_LARGE_MAX 64
#endif

// --- the node itself -----------------------------------------------------------------------------------------------------

// The last lines of the node's log, for GET /log: a line takes 16 bytes and its words, so about 1,500 of them.
#ifndef LOG_SIZE
#define LOG_SIZE (128u * 1024)
#endif
#ifndef LOG_LINE_SIZE_MAX
#define LOG_LINE_SIZE_MAX 200
#endif
// GET /status with 1,000 tasks is about 160 KiB, /.well-known/core with 5 ports each 600 KiB.
#ifndef ANSWER_SIZE_MAX
#define ANSWER_SIZE_MAX (1024 * 1024)
#endif
// As many digests as one block of an answer to PUT holds.
#ifndef MISSING_MAX
#define MISSING_MAX 28
#endif
// With RESOURCES_PER_NODE_MAX resources at full length a registration takes about 13 KiB.
#ifndef REGISTRATION_SIZE_MAX
#define REGISTRATION_SIZE_MAX 16384
#endif
// The journal is written anew when it is so many times longer than the last picture, and not short.
#ifndef JOURNAL_GROWTH_MAX
#define JOURNAL_GROWTH_MAX 4
#endif
#ifndef JOURNAL_SIZE_MIN
#define JOURNAL_SIZE_MIN (256u * 1024)
#endif

#endif
