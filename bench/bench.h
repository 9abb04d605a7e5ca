// What the benchmarks share: plans around the library's thermostat, folders that a node resumes from, medians.
#ifndef TENON_BENCH_BENCH_H
#define TENON_BENCH_BENCH_H

#include "core/engine.h"
#include "core/plan.h"
#include "core/runtime.h"

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
