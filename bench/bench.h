// What the benchmarks share: plans around the library's thermostat, folders that a node resumes from, medians.
#ifndef TENON_BENCH_BENCH_H
#define TENON_BENCH_BENCH_H

#include "core/engine.h"
#include "core/plan.h"
#include "core/runtime.h"
#include "port/port.h"

#define BENCH_COMPONENT "thermostat"

struct bench_paths {
    const char *tenon;   // the command
    const char *modules; // folder of .wasm files
    char folder[256];    // scratch, emptied by ./dev bench
};

struct bytes bench_module(const struct bench_paths *paths);
// Writes plan and code into `data` so that a node started there resumes them.
void bench_prepare(const char *data, const struct plan *plan, struct bytes module);
double bench_median(double *values, uint32_t count);
_Noreturn void bench_fail(const char *what);

// Two sockets on loopback: ours, and one whose address a node on `listen` takes over once `theirs` is closed.
struct bench_sockets {
    struct port_udp *ours;
    struct port_udp *theirs;
    struct coap_address us;
    struct coap_address them;
    char listen[64];
};
// The caller closes both sockets.
void bench_sockets(struct bench_sockets *out);
// The event `value` on a link, as a confirmable request whose token is the link's id. Returns its size.
size_t bench_event(uint16_t id, uint32_t link, uint64_t sequence, double value, uint8_t out[DATAGRAM_SIZE_MAX]);

// The event-to-command path over loopback, as WebAssembly, natively, and as a bare UDP echo, interleaved.
void bench_path(const struct bench_paths *paths);
// Event in over CoAP, acknowledgement out, by durability: one at a time, and 64 links at once; the journal by itself.
void bench_durability(const struct bench_paths *paths);
// A node's work for each message and each turn, with 10 to 100,000 channels.
void bench_channels(const struct bench_paths *paths);
// Messages end to end in the simulator.
void bench_simulator(const struct bench_paths *paths);
// Starts a node on `data` in a process of its own, with our engine; it listens on `listen` and ends by SIGKILL.
int bench_node_start(const char *data, const char *listen, bool wasm);
// An environment that does nothing, and has `module` for every digest.
struct runtime_environment bench_environment(struct bytes module);
// Messages from port to port inside a node.
void bench_ports(const struct bench_paths *paths);
// Load and start of a component.
void bench_load(const struct bench_paths *paths);
// Resident memory of the daemon with 10 and with 1,000 tasks.
void bench_memory(const struct bench_paths *paths);

#endif
