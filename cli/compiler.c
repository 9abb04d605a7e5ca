// Starts clang or rustc with posix_spawn and waits. See compiler.h.
#include "cli/compiler.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 48
#define TEXT_SIZE_MAX 1200

extern char **environ;

// Runs a program found in PATH. Its exit code, or -1 when there is no such program.
static int run(const char *program, char *const *arguments) {
    pid_t child;
    int status = 0;
    if (posix_spawnp(&child, program, NULL, NULL, arguments, environ) != 0) {
        return -1;
    }
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return 1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

// True when PATH has the program.
static bool is_there(const char *program) {
    const char *path = getenv("PATH");
    char candidate[TEXT_SIZE_MAX];
    while (path != NULL && *path != '\0') {
        size_t length = strcspn(path, ":");
        if (snprintf(candidate, sizeof candidate, "%.*s/%s", (int)length, path, program) < (int)sizeof candidate &&
            access(candidate, X_OK) == 0) {
            return true;
        }
        path += length + (path[length] == ':');
    }
    return false;
}

struct command_line {
    const char *arguments[ARGUMENTS_MAX];
    size_t count;
};

static void add(struct command_line *line, const char *argument) {
    if (line->count + 1 < ARGUMENTS_MAX) {
        line->arguments[line->count++] = argument;
        line->arguments[line->count] = NULL;
    }
}

static void add_all(struct command_line *line, const char *const *arguments) {
    for (size_t i = 0; arguments[i] != NULL; i++) {
        add(line, arguments[i]);
    }
}

static int run_line(const struct command_line *line) {
    char *arguments[ARGUMENTS_MAX];
    // posix_spawnp takes pointers to char that it does not write through.
    memcpy(arguments, line->arguments, (line->count + 1) * sizeof arguments[0]);
    return run(arguments[0], arguments);
}

// Tries the compilers in turn: what the environment names, then the list. -1 when none is there.
static int run_first(struct command_line *line, const char *variable, const char *const *programs) {
    const char *chosen = getenv(variable);
    if (chosen != NULL && chosen[0] != '\0') {
        line->arguments[0] = chosen;
        return run_line(line);
    }
    int result = -1;
    for (size_t i = 0; programs[i] != NULL && result < 0; i++) {
        line->arguments[0] = programs[i];
        result = run_line(line);
    }
    return result;
}

static int run_clang(const struct compiler_job *job) {
    static const char *const flags[] = {"--target=wasm32",
                                        "-std=c17",
                                        "-O2",
                                        "-nostdlib",
                                        "-ffreestanding",
                                        "-ffp-contract=off",
                                        "-Wall",
                                        "-Wextra",
                                        "-Wl,--no-entry",
                                        "-Wl,--stack-first",
                                        "-Wl,--strip-all",
                                        "-Wl,--export=tenon_receive",
                                        "-Wl,--export=tenon_inbox",
                                        "-Wl,--export-if-defined=tenon_state",
                                        "-Wl,--export-if-defined=tenon_upgrade",
                                        "-Wl,--export=__heap_base",
                                        "-Wl,--export=__data_end",
                                        NULL};
    static const char *const programs[] = {"clang-16", "clang", "clang-19", "clang-18", "clang-17", NULL};
    char stack[64];
    struct command_line line = {.arguments = {"clang"}, .count = 1};
    snprintf(stack, sizeof stack, "-Wl,-z,stack-size=%u", (job->stack_bytes + 15u) & ~15u);
    add_all(&line, flags);
    add(&line, stack);
    add(&line, "-I");
    add(&line, job->ports_folder);
    add(&line, "-I");
    add(&line, job->abi_folder);
    add(&line, "-o");
    add(&line, job->output);
    add(&line, job->source);
    return run_first(&line, "TENON_CLANG", programs);
}

static int run_rustc(const struct compiler_job *job) {
    static const char *const flags[] = {"--target",
                                        "wasm32-unknown-unknown",
                                        "--crate-type",
                                        "cdylib",
                                        "--crate-name",
                                        "component",
                                        "--edition",
                                        "2021",
                                        "-O",
                                        "-C",
                                        "panic=abort",
                                        "-C",
                                        "strip=symbols",
                                        "-C",
                                        "linker-flavor=wasm-ld",
                                        "-C",
                                        "link-arg=--export=__heap_base",
                                        "-C",
                                        "link-arg=--export=__data_end",
                                        "-A",
                                        "non_upper_case_globals",
                                        NULL};
    static const char *const linkers[] = {"wasm-ld-16", "wasm-ld", "wasm-ld-19", "wasm-ld-18", "wasm-ld-17", "rust-lld", NULL};
    // The system's rustc first: it is the one that comes with the wasm32 library as a package.
    static const char *const programs[] = {"/usr/bin/rustc", "rustc", NULL};
    char stack[64];
    char linker[64];
    size_t i = 0;
    struct command_line line = {.arguments = {"rustc"}, .count = 1};
    while (linkers[i] != NULL && !is_there(linkers[i])) {
        i++;
    }
    snprintf(linker, sizeof linker, "linker=%s", linkers[i] != NULL ? linkers[i] : "rust-lld");
    snprintf(stack, sizeof stack, "link-arg=-zstack-size=%u", (job->stack_bytes + 15u) & ~15u);
    add_all(&line, flags);
    add(&line, "-C");
    add(&line, linker);
    add(&line, "-C");
    add(&line, stack);
    add(&line, "-o");
    add(&line, job->output);
    add(&line, job->source);
    return run_first(&line, "TENON_RUSTC", programs);
}

enum error compiler_run(const struct compiler_job *job, char refusal[COMPILER_REFUSAL_SIZE]) {
    const char *dot = strrchr(job->source, '.');
    bool rust = dot != NULL && strcmp(dot, ".rs") == 0;
    if (access(job->source, R_OK) != 0) {
        snprintf(refusal, COMPILER_REFUSAL_SIZE, "%.250s cannot be read; correct `source`", job->source);
        return ERROR_NOT_FOUND;
    }
    int result = rust ? run_rustc(job) : run_clang(job);
    if (result < 0 || result == 127) {
        snprintf(refusal, COMPILER_REFUSAL_SIZE, "%s",
                 rust ? "no rustc was found; install rustc and libstd-rust-dev-wasm32, or name the compiler in TENON_RUSTC"
                      : "no clang was found; install clang-16 and lld-16, or name the compiler in TENON_CLANG");
        return ERROR_NOT_FOUND;
    }
    if (result != 0) {
        snprintf(refusal, COMPILER_REFUSAL_SIZE, "%.200s does not compile; the compiler's messages are above", job->source);
        return ERROR_REFUSED_MESSAGE;
    }
    return ERROR_NONE;
}
