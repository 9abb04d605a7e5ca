// `./dev bench`: the figures of DESIGN.md §13 that stand so far. Ratios are measured side by side in one run.
#include "bench/bench.h"

#include <stdio.h>

#include "core/sha256.h"
#include "port/port.h"

struct bytes bench_module(const struct bench_paths *paths) {
    char path[512];
    struct bytes module;
    snprintf(path, sizeof path, "%s/%s.wasm", paths->modules, BENCH_COMPONENT);
    if (port_file_read(path, MODULE_SIZE_MAX, &module) != ERROR_NONE) {
        bench_fail("the thermostat's module is missing: run ./dev build");
    }
    return module;
}

void bench_prepare(const char *data, const struct plan *plan, struct bytes module) {
    static uint8_t encoded[1 << 20];
    uint8_t digest[DIGEST_SIZE];
    char hex[65];
    char path[512];
    size_t size = 0;
    sha256(module, digest);
    digest_text(digest, hex);
    snprintf(path, sizeof path, "%s/code", data);
    bool good = port_directory_make(path) == ERROR_NONE &&
                plan_encode(plan, (struct buffer){encoded, sizeof encoded}, &size) == ERROR_NONE;
    snprintf(path, sizeof path, "%s/plan.cbor", data);
    good = good && port_file_write(path, (struct bytes){encoded, size}) == ERROR_NONE;
    snprintf(path, sizeof path, "%s/code/%s.wasm", data, hex);
    good = good && port_file_write(path, module) == ERROR_NONE;
    if (!good) {
        bench_fail("cannot write the scratch folder");
    }
}

static const struct {
    const char *name;
    void (*run)(const struct bench_paths *paths);
} benches[] = {
    {"path", bench_path},           {"durability", bench_durability}, {"channels", bench_channels},
    {"simulator", bench_simulator}, {"ports", bench_ports},           {"load", bench_load},
    {"memory", bench_memory},
};

static bool is_wanted(const char *name, int count, char **names) {
    bool wanted = count == 0;
    for (int i = 0; i < count; i++) {
        wanted = wanted || strcmp(names[i], name) == 0;
    }
    return wanted;
}

int main(int argument_count, char **arguments) {
    struct bench_paths paths = {0};
    bool any = false;
    if (argument_count < 4) {
        fprintf(stderr, "usage: bench TENON MODULES SCRATCH [NAME...]\n");
        return 2;
    }
    paths.tenon = arguments[1];
    paths.modules = arguments[2];
    snprintf(paths.folder, sizeof paths.folder, "%s", arguments[3]);
    for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++) {
        if (is_wanted(benches[i].name, argument_count - 4, arguments + 4)) {
            any = true;
            benches[i].run(&paths);
        }
    }
    if (!any) {
        bench_fail("no benchmark of that name: path, durability, channels, simulator, ports, load, memory");
    }
    return 0;
}
