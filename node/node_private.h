// What the files of the node share.
#ifndef TENON_NODE_NODE_PRIVATE_H
#define TENON_NODE_NODE_PRIVATE_H

#include "core/runtime.h"
#include "drivers/plant.h"
#include "node/node.h"
#include "node/node_memory.h"
#include "node/text.h"

// The same line is told once in so long a time, with the count: a stranger's datagrams must not fill the disk.
#define LOG_REPEAT_MS 10000
// All CoAP Nodes (RFC 7252 §12.8): IPv4, IPv6 on the link, IPv6 in the site, on each interface.
#define GROUPS_MAX (3 * NODE_INTERFACES_MAX)

enum membership { MEMBERSHIP_NONE, MEMBERSHIP_REGISTERING, MEMBERSHIP_REGISTERED };

// The head of a line in the log's bytes; subject and text stand behind it, without NUL.
struct log_line {
    uint64_t unix_ms;
    uint32_t repeated; // said again, so often, within LOG_REPEAT_MS of the first time
    uint16_t subject_size;
    uint16_t text_size;
};
_Static_assert(LOG_SIZE >= sizeof(struct log_line) + NAME_SIZE_MAX + LOG_LINE_SIZE_MAX, "the longest line must fit the log");

struct file_poll {
    uint64_t due_ms; // network time
    bool failed;     // told once
};

struct node {
    const struct node_config *config; // the caller's
    struct engine *engine;
    struct port_udp *udp;
    struct port_udp *groups[GROUPS_MAX]; // what was sent to All CoAP Nodes; answers leave by `udp`
    uint32_t group_count;
    struct runtime runtime;
    void *tables; // one block behind runtime_memory
    uint64_t boot;
    bool more;         // the last turn ended with messages that could be given to tasks at once
    uint64_t identity; // of its storage; never 0
    // time
    uint64_t started_ms;       // network clock at the start
    uint64_t building_base_ms; // building clock at the start, for the system clock
    uint64_t plant_ms;         // building clock as the plant tells it
    uint64_t clock_due_ms;
    uint32_t clock_resource;
    // plant
    struct plant_driver *plant;
    uint64_t plant_retry_ms;
    uint32_t plant_reads[RESOURCES_PER_NODE_MAX]; // resource of each point read
    uint32_t plant_read_count;
    uint32_t plant_writes[RESOURCES_PER_NODE_MAX];
    uint32_t plant_write_count;
    bool plant_told;
    uint32_t config_of_resource[RESOURCES_PER_NODE_MAX]; // runtime's index -> config's, NO_INDEX for the clock
    struct file_poll polls[RESOURCES_PER_NODE_MAX];
    // orchestrator
    struct coap_address orchestrator;
    enum membership membership;
    uint64_t member_due_ms;
    bool member_told;
    uint8_t registration[REGISTRATION_SIZE_MAX]; // lives until the exchange is over: a large one goes block-wise
    // disk
    int data_lock; // negative: the directory is not ours
    // code read from disk for the runtime
    struct bytes code_read;
    struct bytes code_read_before;
    // journal
    struct port_journal *journal;
    struct port_journal_report journal_report;
    enum error journal_picture; // of the picture being written
    bool journal_failed;
    bool journal_rewrite;     // a picture is wanted
    uint64_t journal_pending; // batches appended and not durable
    uint64_t journal_due_ms;  // network time of the next flush, or try
    uint64_t journal_base;    // size of the last picture
    // log
    uint8_t log[LOG_SIZE]; // whole lines, the oldest first
    uint32_t log_size;
    uint32_t log_last; // where the newest begins
};

// node_log.c
void node_log(struct node *node, const char *subject, const char *format, ...) __attribute__((format(printf, 3, 4)));
void node_log_write(const struct node *node, struct bytes subject, struct text *out);

// node_store.c
enum error node_store_open(struct node *node, char refusal[PORT_REFUSAL_SIZE]);
enum error node_store_plan(struct node *node, struct bytes encoded);
enum error node_store_plan_read(struct node *node, struct bytes *out);
enum error node_store_code(struct node *node, const uint8_t digest[DIGEST_SIZE], struct bytes wasm);
enum error node_store_code_find(struct node *node, const uint8_t digest[DIGEST_SIZE], struct bytes *out);
void node_store_close(struct node *node);

// node_journal.c
// `planned`: a plan was resumed, so a journal must be there.
enum error node_journal_open(struct node *node, bool planned, char refusal[PORT_REFUSAL_SIZE]);
void node_journal_append(struct node *node, struct bytes batch);
// At the end of each turn: makes durable what something waits for.
void node_journal_flush(struct node *node);
// Makes what was appended durable before it returns, for a person who waits for the answer. False when it cannot be written.
bool node_journal_now(struct node *node);
void node_journal_close(struct node *node);

// node_serve.c
void node_serve(struct node *node, const struct coap_request *request, struct coap_response *response);

// node_status.c
// What an actuator obeys: "command", "safe" (its safe value) or "device" (nothing; it is left to itself).
const char *node_status_source(const struct resource *resource);
void node_status_write(const struct node *node, struct text *out);

// node_channels.c
void node_channels_write(const struct node *node, struct bytes after, struct text *out);

// node_drivers.c
enum error node_drivers_open(struct node *node, char refusal[PORT_REFUSAL_SIZE]);
void node_drivers_actuate(struct node *node, uint32_t resource, struct bytes value);
void node_drivers_poll(struct node *node, bool plant_is_readable);
uint64_t node_drivers_deadline(const struct node *node); // network time
void node_time(struct node *node);
void node_drivers_close(struct node *node);

// node_member.c
void node_member_advance(struct node *node);
void node_member_completed(struct node *node, const struct coap_completion *completion);

#endif
