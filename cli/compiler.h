// Runs the compiler that turns a component's source into a WebAssembly module: clang for C, rustc for Rust.
//
// The compiler's own messages go to stderr as they are. The flags are those that give a module of a few hundred bytes: no C
// library, no entry point, the stack before the data so that an overflow traps instead of overwriting state, __heap_base
// exported so that an engine can trim the memory.
#ifndef TENON_CLI_COMPILER_H
#define TENON_CLI_COMPILER_H

#include "core/bytes.h"
#include "core/error.h"

#define COMPILER_REFUSAL_SIZE 320

struct compiler_job {
    const char *source;       // ends in .c or .rs
    const char *output;       // the module to write
    const char *abi_folder;   // has tenon.h
    const char *ports_folder; // has ports.h
    uint32_t stack_bytes;
};

// Compiles. ERROR_NOT_FOUND (no compiler), ERROR_REFUSED_MESSAGE (the compiler found mistakes), each with a sentence.
MUST_CHECK enum error compiler_run(const struct compiler_job *job, char refusal[COMPILER_REFUSAL_SIZE]);

#endif
